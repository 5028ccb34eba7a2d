/*
 * A device opened with libpcap as tcplab opens it, and the loop that drains it.
 *
 * The prototypes are declared here by hand, so that building needs libpcap's shared library and not its development
 * package. Settings: immediate mode, promiscuous, 262,144 bytes a frame, a ring of 64 MiB, incoming frames only,
 * non-blocking; a turn takes up to 64 frames, an empty turn spins for a short while, then the loop sleeps in poll.
 */
#ifndef PCAP_DEVICE_H
#define PCAP_DEVICE_H

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef struct pcap pcap_t;
struct pcap_pkthdr {
  struct timeval ts;
  uint32_t caplen;
  uint32_t len;
};
struct bpf_program {
  unsigned count;
  void *instructions;
};
typedef void (*pcap_handler)(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *bytes);

pcap_t *pcap_create(const char *, char *);
int pcap_set_snaplen(pcap_t *, int);
int pcap_set_promisc(pcap_t *, int);
int pcap_set_timeout(pcap_t *, int);
int pcap_set_immediate_mode(pcap_t *, int);
int pcap_set_buffer_size(pcap_t *, int);
int pcap_activate(pcap_t *);
int pcap_setnonblock(pcap_t *, int, char *);
int pcap_setdirection(pcap_t *, int);
int pcap_compile(pcap_t *, struct bpf_program *, const char *, int, uint32_t);
int pcap_setfilter(pcap_t *, struct bpf_program *);
int pcap_dispatch(pcap_t *, int, pcap_handler, unsigned char *);
int pcap_inject(pcap_t *, const void *, size_t);
int pcap_get_selectable_fd(pcap_t *);
char *pcap_geterr(pcap_t *);

enum {
  PCAP_DIRECTION_IN = 1,
  ERROR_TEXT_BYTES = 256,
  SNAPLEN_BYTES = 262144,
  RING_BYTES = 64 << 20,
  FRAMES_PER_TURN = 64,
  SPIN_US = 80,
  TICK_MS = 50,
};

static inline uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static inline pcap_t *open_device(const char *device, const char *filter) {
  char text[ERROR_TEXT_BYTES] = "";
  pcap_t *pcap = pcap_create(device, text);
  if (pcap == NULL) fail(device, text);
  pcap_set_snaplen(pcap, SNAPLEN_BYTES);
  pcap_set_promisc(pcap, 1);
  pcap_set_timeout(pcap, 1);
  pcap_set_immediate_mode(pcap, 1);
  pcap_set_buffer_size(pcap, RING_BYTES);
  if (pcap_activate(pcap) < 0) fail(device, pcap_geterr(pcap));
  if (pcap_setnonblock(pcap, 1, text) < 0) fail(device, text);
  if (pcap_setdirection(pcap, PCAP_DIRECTION_IN) < 0) fail(device, pcap_geterr(pcap));
  struct bpf_program program;
  if (pcap_compile(pcap, &program, filter, 1, 0xffffffff) < 0 || pcap_setfilter(pcap, &program) < 0)
    fail(filter, pcap_geterr(pcap));
  return pcap;
}

/* Spinning time in microseconds; TCPLAB_BENCH_SPIN sets another. */
static inline uint64_t spin_us(void) {
  const char *given = getenv("TCPLAB_BENCH_SPIN");
  return given == NULL ? SPIN_US : (uint64_t)atoi(given);
}

/* Hands every frame to `take`, calls `after` when a turn took some, and `tick` about every 50 ms. Never returns. */
static inline void drain(pcap_t *pcap, pcap_handler take, void (*after)(void), void (*tick)(void)) {
  struct pollfd readable = {.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};
  uint64_t spin = spin_us(), traffic = 0, ticked = now_us();
  for (;;) {
    int taken = pcap_dispatch(pcap, FRAMES_PER_TURN, take, NULL);
    if (taken < 0) fail("pcap_dispatch", pcap_geterr(pcap));
    uint64_t now = now_us();
    if (taken > 0) {
      traffic = now;
      after();
    } else if (now - traffic >= spin) {
      poll(&readable, 1, TICK_MS);
      now = now_us();
    }
    if (now - ticked >= TICK_MS * 1000) {
      ticked = now;
      tick();
    }
  }
}

#endif
