/*
 * What libpcap allows at all: frames thrown back and forth.
 *
 *   reflector back DEVICE    sends every test frame back where it came from, until killed
 *   reflector throw DEVICE BYTES SECONDS WINDOW PID
 *                            keeps WINDOW frames under way, prints one JSON object: frames per second, and the cores
 *                            that neither this program nor PID (the one that sends back) has used
 *
 * Test frames carry the EtherType 0x88b5 (IEEE 802 local experimental).
 */
#include "../load/cpu_time.h"
#include "frame.h"
#include "pcap_device.h"

enum { ETHERTYPE_TEST = 0x88b5, LOST_US = 200000 };

static pcap_t *pcap;
static uint8_t frame[FRAME_BYTES];
static uint64_t returned;
static long under_way;

static void nothing(void) {}

static void send_back(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *bytes) {
  (void)user;
  if (header->caplen > sizeof frame) return;
  memcpy(frame, bytes, header->caplen);
  memcpy(frame, bytes + 6, 6);
  memcpy(frame + 6, bytes, 6);
  pcap_inject(pcap, frame, header->caplen);
}

static void count(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *bytes) {
  (void)user, (void)header, (void)bytes;
  returned++;
  under_way--;
}

static void throw(int bytes, double seconds, int window, pid_t pid) {
  memset(frame, 0x55, sizeof frame);
  memset(frame, 0xff, 6);
  memcpy(frame + 6, "\x02\0\0\0\0\x77", 6);
  store16(frame + ETHERTYPE_AT, ETHERTYPE_TEST);
  uint64_t warm = now_us() + 200000, end = warm + (uint64_t)(seconds * 1e6), began = 0, before = 0, moved = warm, lost = 0;
  double known = 0;
  for (uint64_t now = now_us(); now < end; now = now_us()) {
    if (began == 0 && now >= warm) {
      began = now;
      before = returned;
      known = machine_busy_us() - process_cpu_us(0) - process_cpu_us(pid);
    }
    while (under_way < window) {
      pcap_inject(pcap, frame, bytes);
      under_way++;
    }
    if (pcap_dispatch(pcap, FRAMES_PER_TURN, count, NULL) > 0) {
      moved = now;
    } else if (now > moved + LOST_US) {
      lost += under_way;
      under_way = 0;
      moved = now;
    }
  }
  double elapsed = (double)(now_us() - began), foreign = machine_busy_us() - process_cpu_us(0) - process_cpu_us(pid) - known;
  printf("{\"framesPerSecond\":%.0f,\"lost\":%llu,\"foreignCores\":%.3f}\n", (returned - before) / elapsed * 1e6,
         (unsigned long long)lost, foreign > 0 ? foreign / elapsed : 0);
}

int main(int argc, char **argv) {
  if (argc >= 3) pcap = open_device(argv[2], "ether proto 0x88b5");
  if (argc == 3 && strcmp(argv[1], "back") == 0) {
    puts("listening");
    fflush(stdout);
    drain(pcap, send_back, nothing, nothing);
  }
  if (argc == 7 && strcmp(argv[1], "throw") == 0 && atoi(argv[3]) >= 60 && atoi(argv[3]) <= FRAME_BYTES) {
    throw(atoi(argv[3]), atof(argv[4]), atoi(argv[5]), atoi(argv[6]));
    return 0;
  }
  fputs("usage: reflector back DEVICE | throw DEVICE BYTES SECONDS WINDOW PID\n", stderr);
  return 2;
}
