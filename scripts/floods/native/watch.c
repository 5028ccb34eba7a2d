/*
 * Looks at a process from beside it: memory, processor time, and how long it takes to leave.
 *
 *   watch PID LIMIT_MIB
 *
 * A process that takes more memory than the limit is killed, so that the machine survives it. Lines on its input:
 *
 *   look    the most memory since the line before, the memory now, the processor's share
 *   term    sends SIGTERM and says after how many milliseconds the process is gone
 *
 * Needs proc(5) of the process's own PID namespace.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20, LEAVING_LOOK_US = 1000, LEAVING_MOST_MS = 15000 };

static int pid;
static int was_killed;

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* The text of a file of the process; 0 when the process is gone. */
static size_t read_of(const char *name, char *text, size_t most) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  size_t length = fread(text, 1, most - 1, file);
  fclose(file);
  text[length] = 0;
  return length;
}

/* KiB behind a name in /proc/PID/status. */
static long status_kib(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at == NULL ? 0 : atol(at + strlen(name));
}

static double cpu_seconds(void) {
  char text[1024];
  if (read_of("stat", text, sizeof text) == 0) return 0;
  const char *at = strrchr(text, ')');
  unsigned long user = 0, kernel = 0;
  if (at != NULL) sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int is_gone(void) {
  char text[1024];
  if (read_of("stat", text, sizeof text) == 0) return 1;
  const char *at = strrchr(text, ')');
  return at != NULL && (at[2] == 'Z' || at[2] == 'X');
}

static void end_it(void) {
  double began = now_ms();
  kill(pid, SIGTERM);
  while (!is_gone() && now_ms() - began < LEAVING_MOST_MS) usleep(LEAVING_LOOK_US);
  double took = now_ms() - began;
  int left = is_gone();
  if (!left) kill(pid, SIGKILL);
  printf("{\"exitMs\":%.0f,\"left\":%d}\n", took, left);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: watch PID LIMIT_MIB\n", stderr);
    return 2;
  }
  pid = atoi(argv[1]);
  long limit_kib = atol(argv[2]) * 1024, most = 0;
  double since = now_ms(), cpu = cpu_seconds();
  for (;;) {
    char status[4096];
    long rss = 0;
    if (read_of("status", status, sizeof status) > 0) rss = status_kib(status, "VmRSS:");
    if (rss > most) most = rss;
    if (rss > limit_kib && !was_killed) {
      kill(pid, SIGKILL);
      was_killed = 1;
    }
    struct pollfd readable = {.fd = 0, .events = POLLIN};
    if (poll(&readable, 1, LOOK_MS) <= 0) continue;
    char line[64];
    ssize_t length = read(0, line, sizeof line - 1);
    if (length <= 0) return 0;
    if (line[0] == 't') {
      end_it();
    } else {
      double now = now_ms(), used = cpu_seconds();
      printf("{\"rssMaxKib\":%ld,\"rssKib\":%ld,\"cpu\":%.3f,\"killed\":%d,\"gone\":%d}\n", most, rss,
             (used - cpu) * 1000 / (now - since), was_killed, is_gone());
      since = now;
      cpu = used;
      most = rss;
    }
    fflush(stdout);
  }
}
