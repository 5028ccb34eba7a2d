/*
 * Load by traffic: round trips, messages, bulk data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "load.h"

enum { BUFFER_BYTES = 256 << 10, EVENTS = 256, STALL_MS = 5000, MOST_ROUND_TRIPS = 1 << 20 };

static char buffer[BUFFER_BYTES];

static int ascending(const void *a, const void *b) {
  float left = *(const float *)a, right = *(const float *)b;
  return (left > right) - (left < right);
}

/* A connection on which nothing may stall for longer than some seconds. */
static int connect_bounded(const struct options *options) {
  int fd = connect_now(options);
  struct timeval stall = {.tv_sec = STALL_MS / 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof stall);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall);
  return fd;
}

static void echo_once(int fd, int bytes) {
  char back[BUFFER_BYTES];
  if (send(fd, buffer, bytes, 0) != bytes) fail("send");
  for (int got = 0; got < bytes;) {
    ssize_t count = recv(fd, back + got, bytes - got, 0);
    if (count <= 0) fail("recv");
    if (memcmp(back + got, buffer + got, count) != 0) {
      fputs("load: the echo differs from what was sent\n", stderr);
      exit(1);
    }
    got += count;
  }
}

void run_echo(const struct options *options) {
  int fd = connect_bounded(options), count = 0;
  for (int i = 0; i < options->bytes; i++) buffer[i] = (char)(i * 7);
  float *times = malloc(sizeof(float) * MOST_ROUND_TRIPS);
  if (times == NULL) fail("malloc");
  for (double end = now_us() + options->warm * 1e6; now_us() < end;) echo_once(fd, options->bytes);
  struct span span = span_begin(options);
  double began = now_us(), end = began + options->seconds * 1e6;
  while (began < end && count < MOST_ROUND_TRIPS) {
    echo_once(fd, options->bytes);
    double now = now_us();
    times[count++] = now - began;
    began = now;
  }
  qsort(times, count, sizeof *times, ascending);
  char more[128];
  snprintf(more, sizeof more, ",\"p50Us\":%.2f,\"p90Us\":%.2f,\"p99Us\":%.2f,\"maxUs\":%.1f", times[count / 2], times[count * 9L / 10],
           times[count * 99L / 100], times[count - 1]);
  span_print(span, options, "roundTripsPerSecond", count, more);
}

static void send_messages(int fd, long count, int bytes) {
  for (; count > 0; count--)
    if (send(fd, buffer, bytes, MSG_DONTWAIT) != bytes) fail("send");
}

void run_messages(const struct options *options) {
  int poller = epoll_create1(EPOLL_CLOEXEC), bytes = options->bytes;
  /* Bytes that came back of a message not yet whole, by descriptor. */
  static int rest[1 << 16];
  struct epoll_event events[EVENTS];
  for (int i = 0; i < options->connections; i++) {
    int fd = connect_bounded(options);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    send_messages(fd, options->depth, bytes);
  }
  double now = now_us(), counts_from = now + options->warm * 1e6, until = counts_from + options->seconds * 1e6;
  struct span span = {0};
  long messages = 0;
  for (; now < until; now = now_us()) {
    if (span.began_us == 0 && now >= counts_from) {
      span = span_begin(options);
      messages = 0;
    }
    int ready = epoll_wait(poller, events, EVENTS, STALL_MS);
    if (ready == 0) {
      fputs("load: nothing has moved for five seconds\n", stderr);
      exit(1);
    }
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (count <= 0) fail("recv");
      long whole = (rest[fd] + count) / bytes;
      rest[fd] = (int)((rest[fd] + count) % bytes);
      messages += whole;
      send_messages(fd, whole, bytes);
    }
  }
  span_print(span, options, "messagesPerSecond", messages, "");
}

void run_upload(const struct options *options) {
  int fd = connect_bounded(options), waiting = 0;
  double now = now_us(), counts_from = now + options->warm * 1e6, until = counts_from + options->seconds * 1e6;
  struct span span = {0};
  /* What the server has acknowledged: what was sent, less what waits in the socket. */
  double sent = 0, before = 0;
  for (; now < until; now = now_us()) {
    if (span.began_us == 0 && now >= counts_from) {
      ioctl(fd, SIOCOUTQ, &waiting);
      before = sent - waiting;
      span = span_begin(options);
    }
    ssize_t count = send(fd, buffer, sizeof buffer, 0);
    if (count <= 0) fail("send");
    sent += count;
  }
  ioctl(fd, SIOCOUTQ, &waiting);
  span_print(span, options, "bytesPerSecond", sent - waiting - before, "");
}

void run_download(const struct options *options) {
  int fd = connect_bounded(options);
  double now = now_us(), counts_from = now + options->warm * 1e6, until = counts_from + options->seconds * 1e6;
  struct span span = {0};
  double received = 0;
  for (; now < until; now = now_us()) {
    if (span.began_us == 0 && now >= counts_from) {
      span = span_begin(options);
      received = 0;
    }
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) fail("recv");
    received += count;
  }
  span_print(span, options, "bytesPerSecond", received, "");
}
