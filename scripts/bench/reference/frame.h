/*
 * Ethernet, ARP, IPv4 and TCP as the C programs of the benchmark need them: offsets, loads and stores, checksums.
 * RFC 826, RFC 791, RFC 9293 §3.1, RFC 1071.
 */
#ifndef FRAME_H
#define FRAME_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
  ETHERNET_BYTES = 14,
  ETHERTYPE_AT = 12,
  ETHERTYPE_IP = 0x0800,
  ETHERTYPE_ARP = 0x0806,
  ARP_BYTES = 28,
  IP_AT = ETHERNET_BYTES,
  IP_BYTES = 20,
  IP_SOURCE = 12,
  IP_TO = 16,
  PROTOCOL_TCP = 6,
  TCP_BYTES = 20,
  FIN = 0x01,
  SYN = 0x02,
  RST = 0x04,
  PSH = 0x08,
  ACK = 0x10,
  MTU = 1500,
  MSS = MTU - IP_BYTES - TCP_BYTES,
  FRAME_BYTES = ETHERNET_BYTES + MTU,
};

static inline uint16_t load16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t load32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return ntohl(value);
}
static inline void store16(uint8_t *at, uint16_t value) {
  at[0] = value >> 8;
  at[1] = value & 0xff;
}
static inline void store32(uint8_t *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

/* One's complement sum in the machine's own byte order, to be folded. */
static inline uint64_t sum_bytes(const uint8_t *at, size_t count, uint64_t sum) {
  uint32_t a, b;
  for (; count >= 8; count -= 8, at += 8) {
    memcpy(&a, at, 4);
    memcpy(&b, at + 4, 4);
    sum += (uint64_t)a + b;
  }
  if (count >= 4) {
    memcpy(&a, at, 4);
    sum += a;
    at += 4;
    count -= 4;
  }
  uint8_t rest[4] = {0};
  memcpy(rest, at, count);
  memcpy(&a, rest, 4);
  return sum + a;
}

static inline uint16_t fold(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* The sum of the pseudo-header: both addresses of the IP header, the protocol, the length of the segment. */
static inline uint64_t pseudo_sum(const uint8_t *ip, uint32_t segment_bytes) {
  return sum_bytes(ip + IP_SOURCE, 8, htons(PROTOCOL_TCP) + (uint64_t)htons((uint16_t)segment_bytes));
}

static inline void store_sum(uint8_t *at, uint16_t folded) {
  folded = ~folded;
  memcpy(at, &folded, 2);
}

/* Correct, or left to a device that never was: the folded pseudo-header alone. */
static inline int tcp_sum_fits(const uint8_t *ip, const uint8_t *tcp, uint32_t segment_bytes) {
  uint64_t pseudo = pseudo_sum(ip, segment_bytes);
  uint16_t field;
  memcpy(&field, tcp + 16, 2);
  return field == fold(pseudo) || fold(sum_bytes(tcp, segment_bytes, pseudo)) == 0xffff;
}

/* What a host answers when asked for the address at `address`. Returns the frame's length, 0 when it was not asked. */
static inline int arp_reply(const uint8_t *frame, uint32_t length, uint32_t address, const uint8_t *mac, uint8_t *reply) {
  const uint8_t *arp = frame + ETHERNET_BYTES;
  if (length < ETHERNET_BYTES + ARP_BYTES || load16(arp + 6) != 1 || load32(arp + 24) != address) return 0;
  memcpy(reply, arp + 8, 6);
  memcpy(reply + 6, mac, 6);
  store16(reply + ETHERTYPE_AT, ETHERTYPE_ARP);
  uint8_t *out = reply + ETHERNET_BYTES;
  memcpy(out, arp, 8);
  store16(out + 6, 2);
  memcpy(out + 8, mac, 6);
  store32(out + 14, address);
  memcpy(out + 18, arp + 8, 10);
  return ETHERNET_BYTES + ARP_BYTES;
}

/* Fills in Ethernet and IP headers of a frame whose TCP segment of `segment_bytes` is in place, its checksums too. */
static inline int finish_frame(uint8_t *frame, uint32_t segment_bytes, uint64_t payload_sum, uint32_t payload_bytes) {
  static uint16_t identification;
  uint8_t *ip = frame + IP_AT, *tcp = ip + IP_BYTES;
  ip[0] = 0x45;
  ip[1] = 0;
  store16(ip + 2, (uint16_t)(IP_BYTES + segment_bytes));
  store16(ip + 4, identification++);
  store16(ip + 6, 0x4000);
  ip[8] = 64;
  ip[9] = PROTOCOL_TCP;
  store16(ip + 10, 0);
  store_sum(ip + 10, fold(sum_bytes(ip, IP_BYTES, 0)));
  store16(tcp + 16, 0);
  store_sum(tcp + 16, fold(sum_bytes(tcp, segment_bytes - payload_bytes, pseudo_sum(ip, segment_bytes) + payload_sum)));
  return ETHERNET_BYTES + IP_BYTES + (int)segment_bytes;
}

#endif
