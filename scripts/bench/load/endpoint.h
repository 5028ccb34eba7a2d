/*
 * An address and port of either family, and what sockets want to know of it.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union endpoint {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Takes "10.33.0.3" or "fd33::3"; returns whether it is an address. */
static inline int parse_endpoint(const char *text, int port, union endpoint *out) {
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    return 1;
  }
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons(port);
  return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1;
}

static inline socklen_t endpoint_bytes(const union endpoint *at) {
  return at->any.sa_family == AF_INET ? sizeof at->v4 : sizeof at->v6;
}

/* The endpoint whose address lies `further` behind that of `first`, which is so in its last 32 bits. */
static inline union endpoint endpoint_behind(const union endpoint *first, uint32_t further, int port) {
  union endpoint at = *first;
  uint8_t *end = at.any.sa_family == AF_INET ? (uint8_t *)&at.v4.sin_addr : at.v6.sin6_addr.s6_addr + 12;
  uint32_t word;
  memcpy(&word, end, sizeof word);
  word = htonl(ntohl(word) + further);
  memcpy(end, &word, sizeof word);
  if (at.any.sa_family == AF_INET) at.v4.sin_port = htons(port);
  else at.v6.sin6_port = htons(port);
  return at;
}

#endif
