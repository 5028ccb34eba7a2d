/*
 * The honest client, on the kernel's own sockets: comes so many times a second whatever became of those before, connects,
 * sends 64 bytes, waits for their echo, and leaves. Beside it one connection stays open and is used five times a second.
 *
 *   visitor ADDRESS PORT PER_SECOND
 *
 * Each line on its input makes it say what came of those who came since the line before, and name them anew. Whoever still
 * waits is counted with the time waited so far: a server that answers nobody must not look fast.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  MESSAGE_BYTES = 64,
  MOST_WAITING = 512,
  MOST_SAMPLES = 1 << 16,
  GIVE_UP_US = 10000000,
  KEPT_EVERY_US = 200000,
  TURN_MS = 10,
};

struct visit {
  int fd, is_connected;
  uint32_t phase;
  unsigned got;
  uint64_t began;
};

static struct visit visits[MOST_WAITING];
static int waiting;
static uint64_t samples[MOST_SAMPLES];
static uint32_t sample_count, served, refused, given_up, phase;
static struct sockaddr_in server;
static char message[MESSAGE_BYTES];

static int kept_fd = -1, kept_waits;
static uint64_t kept_sent, kept_worst;
static const char *kept_state = "never";
static unsigned kept_got;

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void note(uint64_t us) {
  if (sample_count < MOST_SAMPLES) samples[sample_count++] = us;
}

static int open_one(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static void come(void) {
  if (waiting == MOST_WAITING) return;
  struct visit visit = {.fd = open_one(), .phase = phase, .began = now_us()};
  if (visit.fd >= 0) visits[waiting++] = visit;
  else refused++;
}

static void leave(int i) {
  close(visits[i].fd);
  visits[i] = visits[--waiting];
}

/* Whether the visit goes on. */
static int go_on(struct visit *visit, short events) {
  char bytes[MESSAGE_BYTES];
  if (!visit->is_connected && events & (POLLOUT | POLLERR | POLLHUP)) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(visit->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0 || send(visit->fd, message, MESSAGE_BYTES, MSG_NOSIGNAL) != MESSAGE_BYTES) goto failed;
    visit->is_connected = 1;
    return 1;
  }
  if (visit->is_connected && events & (POLLIN | POLLERR | POLLHUP)) {
    ssize_t count = recv(visit->fd, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return 1;
    if (count <= 0) goto failed;
    visit->got += (unsigned)count;
    if (visit->got < MESSAGE_BYTES) return 1;
    if (visit->phase == phase) {
      served++;
      note(now_us() - visit->began);
    }
    return 0;
  }
  return 1;
failed:
  if (visit->phase == phase) refused++;
  return 0;
}

static void keep(short events) {
  char bytes[MESSAGE_BYTES];
  uint64_t now = now_us();
  if (kept_fd < 0) return;
  if (events & (POLLIN | POLLERR | POLLHUP)) {
    ssize_t count = recv(kept_fd, bytes, sizeof bytes, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
      kept_state = count == 0 ? "closed" : "lost";
      close(kept_fd);
      kept_fd = -1;
      return;
    }
    if (count > 0) kept_got += (unsigned)count;
    if (kept_got >= MESSAGE_BYTES) {
      if (now - kept_sent > kept_worst) kept_worst = now - kept_sent;
      kept_waits = 0;
      kept_got = 0;
      kept_state = "kept";
    }
  }
  if (!kept_waits && now - kept_sent >= KEPT_EVERY_US && send(kept_fd, message, MESSAGE_BYTES, MSG_NOSIGNAL) > 0) {
    kept_waits = 1;
    kept_sent = now;
  }
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double at_share(double share) {
  if (sample_count == 0) return -1;
  uint32_t at = (uint32_t)(share * (double)sample_count);
  return (double)samples[at < sample_count ? at : sample_count - 1] / 1000;
}

static void tell(void) {
  uint64_t now = now_us(), longest = 0;
  uint32_t still = 0;
  for (int i = 0; i < waiting; i++) {
    if (visits[i].phase != phase) continue;
    uint64_t waited = now - visits[i].began;
    if (waited > longest) longest = waited;
    still++;
    /* One that came this moment has not had its chance. */
    if (waited > 100000) note(waited);
  }
  uint64_t kept_wait = kept_waits ? now - kept_sent : 0;
  qsort(samples, sample_count, sizeof samples[0], by_size);
  printf("{\"served\":%u,\"refused\":%u,\"givenUp\":%u,\"waiting\":%u,\"longestWaitMs\":%.1f,\"p50\":%.2f,\"p99\":%.2f,"
         "\"max\":%.2f,\"kept\":\"%s\",\"keptWorstMs\":%.1f}\n",
         served, refused, given_up, still, (double)longest / 1000, at_share(0.5), at_share(0.99), at_share(1), kept_state,
         (double)(kept_wait > kept_worst ? kept_wait : kept_worst) / 1000);
  fflush(stdout);
  served = refused = given_up = sample_count = 0;
  kept_worst = 0;
  phase++;
}

int main(int argc, char **argv) {
  if (argc != 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
    fputs("usage: visitor ADDRESS PORT PER_SECOND\n", stderr);
    return 2;
  }
  server.sin_family = AF_INET;
  server.sin_port = htons((uint16_t)atoi(argv[2]));
  uint64_t every = (uint64_t)(1e6 / atof(argv[3]));
  memset(message, 'v', sizeof message);
  prctl(PR_SET_TIMERSLACK, 1000);
  kept_fd = open_one();
  uint64_t next = now_us();
  for (;;) {
    struct pollfd polled[MOST_WAITING + 2];
    int count = waiting;
    for (int i = 0; i < count; i++)
      polled[i] = (struct pollfd){.fd = visits[i].fd, .events = visits[i].is_connected ? POLLIN : POLLOUT};
    polled[count] = (struct pollfd){.fd = 0, .events = POLLIN};
    polled[count + 1] = (struct pollfd){.fd = kept_fd, .events = POLLIN};
    poll(polled, (nfds_t)count + 2, TURN_MS);
    uint64_t now = now_us();
    for (int i = count - 1; i >= 0; i--) {
      if (polled[i].revents != 0 && !go_on(&visits[i], polled[i].revents)) {
        leave(i);
      } else if (now - visits[i].began > GIVE_UP_US) {
        if (visits[i].phase == phase) {
          given_up++;
          note(now - visits[i].began);
        }
        leave(i);
      }
    }
    keep(polled[count + 1].revents);
    if (polled[count].revents != 0) {
      char line[256];
      if (read(0, line, sizeof line) <= 0) return 0;
      tell();
    }
    for (now = now_us(); next <= now; next += every) come();
  }
}
