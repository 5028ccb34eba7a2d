/*
 * CPU time: of one process with all its threads, and of everything that runs on the machine.
 */
#ifndef CPU_TIME_H
#define CPU_TIME_H

#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Microseconds; 0 is this process. 0 where there is no such process. */
static inline double process_cpu_us(pid_t pid) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return used.tv_sec * 1e6 + used.tv_nsec / 1e3;
}

/* Microseconds in which the machine's cores were not idle, added up, stolen time included (proc_stat(5)). */
static inline double machine_busy_us(void) {
  double user, nice, system, idle, waiting, irq, softirq, steal;
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return 0;
  int read = fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &waiting, &irq, &softirq, &steal);
  fclose(file);
  return read == 8 ? (user + nice + system + irq + softirq + steal) * 1e6 / sysconf(_SC_CLK_TCK) : 0;
}

#endif
