/*
 * What the parts of the load generator share: options, clocks, sockets, and what a measurement tells.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>
#include <sys/types.h>

#include "endpoint.h"

/* The command line. Times in seconds; sizes in bytes. */
struct options {
  union endpoint server;
  double warm, seconds;
  int bytes, connections, depth, abrupt;
  /* Client addresses: `source_count` from `first_source` on; none: the kernel's choice. */
  union endpoint first_source;
  uint32_t source_count;
  /* The server's process, of which CPU time is told; 0: none. */
  pid_t server_pid;
};

/* A span of time with the CPU time that went by in it. */
struct span {
  double began_us, server_cpu_us, own_cpu_us, busy_us;
};

double now_us(void);
void fail(const char *what);
struct span span_begin(const struct options *options);
/*
 * Prints `{"name":value, ... ,"seconds":...,"serverCpuUs":...,"clientCpuUs":...,"foreignCores":...}` of `count` things, as
 * a rate. Foreign cores: what neither server nor client used of the machine, 1 for a whole core.
 */
void span_print(struct span began, const struct options *options, const char *name, double count, const char *more);
/* A non-blocking socket on its way to the server, from the next client address and port. */
int begin_connect(const struct options *options);
/* The error of a connect that has ended; 0 when it is established. */
int connect_error(int fd);
/* A blocking connection without Nagle's algorithm. */
int connect_now(const struct options *options);

void run_connect(const struct options *options);
void run_echo(const struct options *options);
void run_messages(const struct options *options);
void run_upload(const struct options *options);
void run_download(const struct options *options);
void run_hold(const struct options *options);
int run_start(char **words);

#endif
