/*
 * The load generator: a client over the kernel's own sockets, one thread, one JSON object on stdout.
 *
 *   load connect|echo|messages|upload|download|hold ADDRESS PORT [name=value ...]
 *   load start COMMAND ...
 *
 * connect   connections per second, `connections` at once: connect, shut down, wait for the server's end
 *           (abrupt=1: close at once)
 * echo      round trips of `bytes`, one after another
 * messages  messages of `bytes` per second on `connections`, `depth` under way on each
 * upload    bytes per second that the server acknowledged
 * download  bytes per second received
 * hold      opens `connections`, says "held N", keeps them until stdin ends
 * start     runs COMMAND, tells the milliseconds until "listening" appears in what it says, and ends it
 *
 * warm=S (0.5) seconds not counted, seconds=S (2) counted; sources=ADDRESS+N client addresses; pid=N the server's
 * process, whose CPU time is told too. Addresses are of either family.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cpu_time.h"

enum { FIRST_PORT = 1024, PORTS = 65536 - FIRST_PORT, CONNECT_TRIES = 100, FAR_AWAY = 1000003, CONNECT_MS = 5000 };

double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

void fail(const char *what) {
  perror(what);
  exit(1);
}

struct span span_begin(const struct options *options) {
  struct span span = {.server_cpu_us = options->server_pid ? process_cpu_us(options->server_pid) : 0};
  span.own_cpu_us = process_cpu_us(0);
  span.busy_us = machine_busy_us();
  span.began_us = now_us();
  return span;
}

void span_print(struct span began, const struct options *options, const char *name, double count, const char *more) {
  double elapsed_us = now_us() - began.began_us, seconds = elapsed_us / 1e6;
  double server = options->server_pid ? process_cpu_us(options->server_pid) - began.server_cpu_us : 0;
  double own = process_cpu_us(0) - began.own_cpu_us, foreign = machine_busy_us() - began.busy_us - server - own;
  printf("{\"%s\":%.3f,\"count\":%.0f,\"seconds\":%.4f,\"serverCpuUs\":%.0f,\"clientCpuUs\":%.0f,\"foreignCores\":%.3f%s}\n", name,
         count / seconds, count, seconds, server, own, foreign > 0 ? foreign / elapsed_us : 0, more);
  fflush(stdout);
}

static int try_connect(const struct options *options, uint64_t at) {
  int fd = socket(options->server.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) fail("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (options->source_count > 0) {
    union endpoint from =
        endpoint_behind(&options->first_source, (uint32_t)(at / PORTS) % options->source_count, FIRST_PORT + at % PORTS);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &from.any, endpoint_bytes(&from)) != 0) goto failed;
  }
  if (connect(fd, &options->server.any, endpoint_bytes(&options->server)) == 0 || errno == EINPROGRESS) return fd;
failed:;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

int begin_connect(const struct options *options) {
  /* Begin anywhere: what an earlier run left in TIME_WAIT is elsewhere. */
  static uint64_t at;
  if (at == 0) at = (uint64_t)(now_us() * 7919);
  for (int tries = 0; tries < CONNECT_TRIES; tries++) {
    int fd = try_connect(options, at++);
    if (fd >= 0) return fd;
    if (errno != EADDRINUSE && errno != EADDRNOTAVAIL) break;
    /* Taken ports lie side by side: look far away. */
    at += FAR_AWAY;
  }
  fail("connect");
  return -1;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

int connect_now(const struct options *options) {
  int fd = begin_connect(options);
  struct pollfd connected = {.fd = fd, .events = POLLOUT};
  errno = poll(&connected, 1, CONNECT_MS) == 1 ? connect_error(fd) : ETIMEDOUT;
  if (errno != 0) fail("connect");
  fcntl(fd, F_SETFL, 0);
  return fd;
}

static void take_option(struct options *options, const char *text) {
  const char *value = strchr(text, '=');
  size_t length = value == NULL ? 0 : (size_t)(value++ - text);
  char address[INET6_ADDRSTRLEN];
#define IS(name) (length == sizeof name - 1 && memcmp(text, name, length) == 0)
  if (IS("warm")) options->warm = atof(value);
  else if (IS("seconds")) options->seconds = atof(value);
  else if (IS("bytes")) options->bytes = atoi(value);
  else if (IS("connections")) options->connections = atoi(value);
  else if (IS("depth")) options->depth = atoi(value);
  else if (IS("abrupt")) options->abrupt = atoi(value);
  else if (IS("pid")) options->server_pid = atoi(value);
  else if (IS("sources")) {
    if (sscanf(value, "%45[0-9a-f.:]+%u", address, &options->source_count) != 2 || !parse_endpoint(address, 0, &options->first_source) ||
        options->first_source.any.sa_family != options->server.any.sa_family) {
      fprintf(stderr, "load: sources=ADDRESS+N, of the server's family, not %s\n", value);
      exit(2);
    }
  } else {
    fprintf(stderr, "load: no option %s\n", text);
    exit(2);
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc >= 3 && strcmp(argv[1], "start") == 0) return run_start(argv + 2);
  static const struct {
    const char *name;
    void (*run)(const struct options *);
  } modes[] = {{"connect", run_connect}, {"echo", run_echo},         {"messages", run_messages},
               {"upload", run_upload},   {"download", run_download}, {"hold", run_hold}};
  struct options options = {.warm = 0.5, .seconds = 2, .bytes = 64, .connections = 32, .depth = 8};
  if (argc >= 4 && parse_endpoint(argv[2], atoi(argv[3]), &options.server)) {
    for (int i = 4; i < argc; i++) take_option(&options, argv[i]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
      if (strcmp(argv[1], modes[i].name) != 0) continue;
      modes[i].run(&options);
      return 0;
    }
  }
  fputs("usage: load connect|echo|messages|upload|download|hold ADDRESS PORT [name=value ...] | start COMMAND ...\n", stderr);
  return 2;
}
