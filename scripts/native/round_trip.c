/*
 * Round trips over the kernel's own TCP: the client that times an echo server, and a plain echo server to compare with.
 *
 *   round_trip client ADDRESS PORT BYTES COUNT   prints one JSON object: microseconds p50, p90, p99, max, mean
 *   round_trip server PORT                       echoes on one connection after another, until killed
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 500, LARGEST = 65536 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void echo_once(int fd, char *buffer, int bytes) {
  if (send(fd, buffer, bytes, 0) != bytes) fail("send");
  for (int got = 0; got < bytes;) {
    int count = recv(fd, buffer + got, bytes - got, 0);
    if (count <= 0) fail("recv");
    got += count;
  }
}

static int client(const char *address, int port, int bytes, int count) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) fail("address");
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0) fail("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");

  static char buffer[LARGEST];
  memset(buffer, 'x', bytes);
  double *times = malloc(sizeof(double) * count), sum = 0;
  if (times == NULL) fail("malloc");
  for (int i = 0; i < WARM_UP; i++) echo_once(fd, buffer, bytes);
  for (int i = 0; i < count; i++) {
    double began = now_us();
    echo_once(fd, buffer, bytes);
    times[i] = now_us() - began;
    sum += times[i];
  }
  qsort(times, count, sizeof(double), ascending);
  printf("{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f,\"mean\":%.1f,\"count\":%d}\n", times[count / 2],
         times[count * 9 / 10], times[count * 99 / 100], times[count - 1], sum / count, count);
  close(fd);
  return 0;
}

static void server(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {INADDR_ANY}};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0) fail("listen");
  puts("listening");
  fflush(stdout);
  static char buffer[LARGEST];
  for (;;) {
    int peer = accept(fd, NULL, NULL);
    if (peer < 0) fail("accept");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int count; (count = recv(peer, buffer, sizeof buffer, 0)) > 0;)
      if (send(peer, buffer, count, 0) != count) break;
    close(peer);
  }
}

int main(int argc, char **argv) {
  if (argc == 6 && strcmp(argv[1], "client") == 0 && atoi(argv[4]) > 0 && atoi(argv[4]) <= LARGEST && atoi(argv[5]) > 0)
    return client(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
  if (argc == 3 && strcmp(argv[1], "server") == 0) server(atoi(argv[2]));
  fputs("usage: round_trip client ADDRESS PORT BYTES COUNT | server PORT\n", stderr);
  return 2;
}
