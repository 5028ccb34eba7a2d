/*
 * Load by number: connections per second, connections held, and the start of a server.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS = 256, OPENING_AT_ONCE = 256, DESCRIPTORS_TO_SPARE = 64, STALL_MS = 5000, START_LIMIT_S = 20, LINE_BYTES = 4096 };

static int poller;

static void watch(int fd, uint32_t events, int how) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poller, how, fd, &event) != 0) fail("epoll_ctl");
}

enum step { DONE, FAILED, WAITS_FOR_END };

/* What an event means to a connection that was begun, or shut down. */
static enum step next_step(int fd, uint32_t events, int abrupt) {
  char byte;
  if (events & EPOLLERR || connect_error(fd) != 0) return FAILED;
  if (events & EPOLLOUT) return abrupt ? DONE : WAITS_FOR_END;
  return recv(fd, &byte, 1, 0) == 0 ? DONE : FAILED;
}

void run_connect(const struct options *options) {
  poller = epoll_create1(EPOLL_CLOEXEC);
  double now = now_us(), counts_from = now + options->warm * 1e6, until = counts_from + options->seconds * 1e6;
  struct span span = {0};
  long done = 0, failures = 0;
  struct epoll_event events[EVENTS];
  for (int i = 0; i < options->connections; i++) watch(begin_connect(options), EPOLLOUT, EPOLL_CTL_ADD);
  for (; now < until; now = now_us()) {
    if (span.began_us == 0 && now >= counts_from) {
      span = span_begin(options);
      done = failures = 0;
    }
    int count = epoll_wait(poller, events, EVENTS, STALL_MS);
    if (count == 0) {
      fputs("load: nothing has moved for five seconds\n", stderr);
      exit(1);
    }
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      int step = next_step(fd, events[i].events, options->abrupt);
      if (step == WAITS_FOR_END) {
        shutdown(fd, SHUT_WR);
        watch(fd, EPOLLIN, EPOLL_CTL_MOD);
        continue;
      }
      if (step == DONE) done++;
      else failures++;
      close(fd);
      watch(begin_connect(options), EPOLLOUT, EPOLL_CTL_ADD);
    }
  }
  char more[64];
  snprintf(more, sizeof more, ",\"failures\":%ld", failures);
  span_print(span, options, "connectionsPerSecond", done, more);
}

/* Opens `count` connections, no more than a few hundred on their way at once; returns how many came about. */
static int open_many(const struct options *options, int count) {
  poller = epoll_create1(EPOLL_CLOEXEC);
  int begun = 0, under_way = 0, open = 0;
  struct epoll_event events[EVENTS];
  while (begun < count || under_way > 0) {
    for (; begun < count && under_way < OPENING_AT_ONCE; begun++, under_way++) watch(begin_connect(options), EPOLLOUT, EPOLL_CTL_ADD);
    int ready = epoll_wait(poller, events, EVENTS, STALL_MS);
    if (ready == 0) break;
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
      under_way--;
      if (connect_error(fd) == 0) open++;
      else close(fd);
    }
  }
  return open;
}

/* A process may have only so many descriptors: several share the connections. */
void run_hold(const struct options *options) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  int each = (int)(files.rlim_max > 1 << 20 ? 1 << 20 : files.rlim_max) - DESCRIPTORS_TO_SPARE;
  int count = options->connections, holders = (count + each - 1) / each, total = 0, hold[2];
  if (pipe(hold) != 0) fail("pipe");
  for (int i = 0; i < holders; i++) {
    int told[2], share = count / holders + (i < count % holders), open = 0;
    if (pipe(told) != 0) fail("pipe");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      close(hold[1]);
      close(told[0]);
      open = open_many(options, share);
      if (write(told[1], &open, sizeof open) != sizeof open) _exit(1);
      char byte;
      while (read(hold[0], &byte, 1) > 0) {}
      _exit(0);
    }
    close(told[1]);
    if (read(told[0], &open, sizeof open) == sizeof open) total += open;
    close(told[0]);
  }
  printf("held %d\n", total);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {}
  close(hold[1]);
  while (wait(NULL) > 0) {}
}

int run_start(char **words) {
  int said[2];
  if (pipe(said) != 0) fail("pipe");
  double began = now_us();
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    dup2(said[1], 1);
    dup2(said[1], 2);
    close(said[0]);
    execvp(words[0], words);
    fail(words[0]);
  }
  close(said[1]);
  alarm(START_LIMIT_S);
  char text[LINE_BYTES + 1];
  int length = 0, listens = 0;
  for (ssize_t count; length < LINE_BYTES && (count = read(said[0], text + length, LINE_BYTES - length)) > 0;) {
    text[length += count] = 0;
    listens = strcasestr(text, "listening") != NULL;
    if (listens) break;
  }
  double took = now_us() - began;
  kill(child, SIGTERM);
  while (read(said[0], text, LINE_BYTES) > 0) {}
  waitpid(child, NULL, 0);
  if (!listens) {
    fprintf(stderr, "load: it ended without listening: %.*s\n", length, text);
    return 1;
  }
  printf("{\"startMs\":%.1f}\n", took / 1e3);
  return 0;
}
