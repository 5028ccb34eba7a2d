/*
 * The kernel's own TCP, to compare with: one thread, epoll.
 *
 *   kernel_server ADDRESS    echo on port 5000, discard on 5001, chargen on 5002
 */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../load/endpoint.h"

enum { ECHO_PORT = 5000, PORTS = 3, BUFFER_BYTES = 256 << 10, EVENTS = 256, BACKLOG = 4096, LINE_CHARACTERS = 72 };
enum kind { ECHO, DISCARD, CHARGEN, LISTENER };

/* What an event carries: the descriptor, and what it is. */
static uint64_t tag(int fd, int kind, int port) { return (uint64_t)fd << 8 | (uint64_t)port << 4 | (uint64_t)kind; }

static char buffer[BUFFER_BYTES], pattern[BUFFER_BYTES];
static int poller;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

static void listen_on(const union endpoint *address, int kind) {
  union endpoint at = endpoint_behind(address, 0, ECHO_PORT + kind);
  int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, &at.any, endpoint_bytes(&at)) != 0 || listen(fd, BACKLOG) != 0) fail("listen");
  watch(fd, EPOLLIN, tag(fd, LISTENER, kind));
}

static void take(int listener, int kind) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(fd, kind == CHARGEN ? EPOLLIN | EPOLLOUT : EPOLLIN, tag(fd, kind, 0));
  }
}

/* Echoed data that does not fit is waited for: blocking here is as good as a buffer, with one client. */
static void send_all(int fd, const char *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    if (sent < 0) {
      usleep(50);
      continue;
    }
    bytes += sent;
    count -= sent;
  }
}

static void serve(int fd, int kind, uint32_t events) {
  if (kind == CHARGEN && events & EPOLLOUT && !(events & EPOLLIN)) {
    if (send(fd, pattern, sizeof pattern, MSG_NOSIGNAL) >= 0) return;
    close(fd);
    return;
  }
  ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count > 0 && kind == ECHO) send_all(fd, buffer, count);
  if (count == 0 || (count < 0 && !(events & EPOLLOUT))) close(fd);
}

int main(int argc, char **argv) {
  union endpoint address;
  if (argc != 2 || !parse_endpoint(argv[1], 0, &address)) {
    fputs("usage: kernel_server ADDRESS\n", stderr);
    return 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  for (size_t i = 0; i < sizeof pattern; i++) {
    size_t line = i / (LINE_CHARACTERS + 2), column = i % (LINE_CHARACTERS + 2);
    pattern[i] = column == LINE_CHARACTERS ? '\r' : column > LINE_CHARACTERS ? '\n' : ' ' + (line + column) % 95;
  }
  poller = epoll_create1(0);
  for (int kind = ECHO; kind < PORTS; kind++) listen_on(&address, kind);
  puts("listening");
  fflush(stdout);
  static struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      uint64_t data = events[i].data.u64;
      int fd = (int)(data >> 8), kind = data & 15;
      if (kind == LISTENER) take(fd, (data >> 4) & 15);
      else serve(fd, kind, events[i].events);
    }
  }
}
