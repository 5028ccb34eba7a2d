/*
 * A packet socket that sends many small frames a second and spends little on each: batches of sendmmsg past the queueing
 * discipline (packet(7)), a bound on the rate, and whoever answers for the server's address.
 *
 * Included once by each attacker. Frames leave from one hardware address that no kernel owns, so that no kernel answers.
 */
#ifndef PACKET_SOCKET_H
#define PACKET_SOCKET_H

#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../bench/reference/frame.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
  BATCH = 64,
  ARP_TRIES = 40,
  ARP_WAIT_MS = 50,
  SOCKET_BUFFER_BYTES = 8 << 20,
  /* What of a late turn is made up for; later than that, the rate was not to be had. */
  CATCH_UP_NS = 4000000,
  PAUSE_NS = 50000,
  ETHERTYPE_ALL = 3,
};

static const uint8_t ATTACKER_MAC[6] = {0x02, 0, 0, 0, 0, 0x66};

static int packet_fd;
static uint8_t server_mac[6];
static uint32_t server_address;
static uint8_t frames[BATCH][FRAME_BYTES];
static struct mmsghdr messages[BATCH];
static struct iovec pieces[BATCH];
static uint32_t queued;
static uint64_t frames_sent, frames_refused;

static inline void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void pause_ns(long ns) {
  struct timespec pause = {.tv_nsec = ns};
  nanosleep(&pause, NULL);
}

/* Numbers without a pattern, the same in every run (xorshift64*). */
static inline uint32_t random32(void) {
  static uint64_t state = 0x9e3779b97f4a7c15;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * 0x2545f4914f6cdd1d) >> 32);
}

static inline void open_packet_socket(const char *device) {
  packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  if (packet_fd < 0) fail("packet socket", strerror(errno));
  int one = 1, bytes = SOCKET_BUFFER_BYTES;
  setsockopt(packet_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  setsockopt(packet_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  /* Beyond the system's bound where that is allowed. */
  if (setsockopt(packet_fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(packet_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  struct sockaddr_ll at = {
    .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_ALL), .sll_ifindex = (int)if_nametoindex(device)};
  if (at.sll_ifindex == 0) fail(device, "no such device");
  if (bind(packet_fd, (struct sockaddr *)&at, sizeof at) != 0) fail(device, strerror(errno));
  for (int i = 0; i < BATCH; i++) {
    pieces[i].iov_base = frames[i];
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  prctl(PR_SET_TIMERSLACK, 1000);
}

/* From now on nothing is received: an attacker who does not listen pays nothing for answers. */
static inline void stop_listening(void) {
  struct sockaddr_ll at = {.sll_family = AF_PACKET};
  socklen_t bytes = sizeof at;
  getsockname(packet_fd, (struct sockaddr *)&at, &bytes);
  at.sll_protocol = 0;
  int index = at.sll_ifindex;
  close(packet_fd);
  packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  int one = 1;
  setsockopt(packet_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  struct sockaddr_ll mute = {.sll_family = AF_PACKET, .sll_ifindex = index};
  if (packet_fd < 0 || bind(packet_fd, (struct sockaddr *)&mute, sizeof mute) != 0) fail("packet socket", strerror(errno));
}

static inline void flush_frames(void) {
  uint32_t done = 0;
  for (int tries = 0; done < queued && tries < 100; tries++) {
    int sent = sendmmsg(packet_fd, messages + done, queued - done, 0);
    if (sent > 0) done += (uint32_t)sent;
    else if (errno == ENOBUFS || errno == EAGAIN) pause_ns(PAUSE_NS);
    else fail("sendmmsg", strerror(errno));
  }
  frames_sent += done;
  frames_refused += queued - done;
  queued = 0;
}

/* The place of the next frame. */
static inline uint8_t *next_frame(void) { return frames[queued]; }

static inline void queue_frame(int bytes) {
  pieces[queued].iov_len = (size_t)bytes;
  if (++queued == BATCH) flush_frames();
}

/* Fills in the beginning of a frame to the server. */
static inline void address_frame(uint8_t *frame, int ethertype) {
  memcpy(frame, server_mac, 6);
  memcpy(frame + 6, ATTACKER_MAC, 6);
  store16(frame + ETHERTYPE_AT, (uint16_t)ethertype);
}

/* ARP with these ends; the hardware address that is asked for is unknown. */
static inline int write_arp(uint8_t *frame, int operation, uint32_t sender, uint32_t target) {
  uint8_t *arp = frame + ETHERNET_BYTES;
  store16(frame + ETHERTYPE_AT, ETHERTYPE_ARP);
  memcpy(frame + 6, ATTACKER_MAC, 6);
  memcpy(arp, "\0\1\x08\0\6\4\0\0", 8);
  store16(arp + 6, (uint16_t)operation);
  memcpy(arp + 8, ATTACKER_MAC, 6);
  store32(arp + 14, sender);
  memset(arp + 18, 0, 6);
  store32(arp + 24, target);
  return ETHERNET_BYTES + ARP_BYTES;
}

static inline void find_server(uint32_t own_address) {
  uint8_t frame[FRAME_BYTES];
  for (int tries = 0; tries < ARP_TRIES; tries++) {
    memset(frame, 0xff, 6);
    int bytes = write_arp(frame, 1, own_address, server_address);
    if (send(packet_fd, frame, (size_t)bytes, 0) < 0) fail("send", strerror(errno));
    uint64_t end = now_ns() + ARP_WAIT_MS * 1000000ull;
    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
      struct pollfd readable = {.fd = packet_fd, .events = POLLIN};
      if (poll(&readable, 1, (int)((end - now) / 1000000 + 1)) <= 0) break;
      ssize_t length = recv(packet_fd, frame, sizeof frame, 0);
      const uint8_t *arp = frame + ETHERNET_BYTES;
      if (length < ETHERNET_BYTES + ARP_BYTES || load16(frame + ETHERTYPE_AT) != ETHERTYPE_ARP) continue;
      if (load16(arp + 6) != 2 || load32(arp + 14) != server_address) continue;
      memcpy(server_mac, arp + 8, 6);
      return;
    }
  }
  fail("attacker", "nobody answers for the server's address");
}

/* A bound on the rate: how many frames may leave now. */
struct pace {
  double per_ns;
  uint64_t began, given;
};

static inline void start_pace(struct pace *pace, double per_second) {
  pace->per_ns = per_second / 1e9;
  pace->began = now_ns();
  pace->given = 0;
}

static inline uint32_t take_allowance(struct pace *pace, uint32_t most) {
  uint64_t now = now_ns();
  double due = (double)(now - pace->began) * pace->per_ns - (double)pace->given;
  double late = due - CATCH_UP_NS * pace->per_ns - BATCH;
  if (late > 0) {
    pace->began += (uint64_t)(late / pace->per_ns);
    due -= late;
  }
  uint32_t allowed = due < 1 ? 0 : due > most ? most : (uint32_t)due;
  pace->given += allowed;
  return allowed;
}

/* Processor time of this program, its share of the kernel's work included, seconds. */
static inline double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What the one who started this program wants: a line's first letter, END when its input is closed, 0 when nothing. */
enum { ORDER_END = -1, ORDER_LOOK = 'l', ORDER_RESET = 'r' };
static inline int look_for_order(void) {
  struct pollfd readable = {.fd = 0, .events = POLLIN};
  if (poll(&readable, 1, 0) <= 0) return 0;
  char text[256];
  return read(0, text, sizeof text) > 0 ? text[0] : ORDER_END;
}

/* Prints what has left since the time before, as the beginning of a JSON object. */
static inline void tell_frames(void) {
  static uint64_t since, sent_before;
  static double cpu_before;
  uint64_t now = now_ns();
  double seconds = (double)(now - since) / 1e9, cpu = cpu_seconds();
  printf("{\"frames\":%llu,\"refused\":%llu,\"rate\":%.0f,\"cpu\":%.2f", (unsigned long long)frames_sent,
         (unsigned long long)frames_refused, (double)(frames_sent - sent_before) / seconds, (cpu - cpu_before) / seconds);
  since = now;
  sent_before = frames_sent;
  cpu_before = cpu;
}

/* Gives the number that stands behind `name=` among the arguments. */
static inline double number_option(int argc, char **argv, const char *name, double otherwise) {
  size_t length = strlen(name);
  for (int i = 1; i < argc; i++)
    if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return atof(argv[i] + length + 1);
  return otherwise;
}

static inline uint32_t address_option(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) != 1) fail(text, "no IPv4 address");
  return ntohl(address.s_addr);
}

#endif
