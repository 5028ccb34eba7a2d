/*
 * Very many clients without the kernel's sockets, to see what a segment costs a server as its connections grow.
 *
 *   swarm DEVICE SERVER PORT FIRST_SOURCE SECONDS PID STEP ...
 *
 * Opens as many connections as a STEP says (ascending), then sends messages of 64 bytes, ten under way, each on the next
 * connection, acknowledges each echo, and prints one JSON object a step. What a client costs here does not grow with their
 * number. Addresses from FIRST_SOURCE on are answered for by this program; the kernel must not own them. PID: the server's
 * process, whose CPU time is told.
 */
#include "../reference/frame.h"
#include "../reference/pcap_device.h"
#include "cpu_time.h"

enum {
  FIRST_PORT = 10000,
  PORTS = 50000,
  MESSAGE_BYTES = 64,
  UNDER_WAY = 10,
  OPENING_AT_ONCE = 128,
  STALL_US = 300000,
  GIVE_UP_US = 10000000,
  RESET_PAUSE_US = 300,
  SEGMENTS_PER_MESSAGE = 3,
};

struct client {
  uint32_t snd_nxt, rcv_nxt;
  uint8_t is_open, waits;
};

static const uint8_t OWN_MAC[6] = {0x02, 0, 0, 0, 0, 0x77};

static pcap_t *pcap;
static uint8_t server_mac[6], out[FRAME_BYTES], message[MESSAGE_BYTES];
static uint32_t server, first_source, open_count, begun, known, next_client, stride;
static uint16_t server_port;
static uint64_t echoed, moved_us;
static int knows_server, is_sending;
static struct client *clients;

static void send_segment(uint32_t index, uint32_t seq, uint8_t flags, uint32_t payload_bytes) {
  uint8_t *tcp = out + IP_AT + IP_BYTES;
  memcpy(out, server_mac, 6);
  memcpy(out + 6, OWN_MAC, 6);
  store16(out + ETHERTYPE_AT, ETHERTYPE_IP);
  store32(out + IP_AT + IP_SOURCE, first_source + index / PORTS);
  store32(out + IP_AT + IP_TO, server);
  store16(tcp, FIRST_PORT + index % PORTS);
  store16(tcp + 2, server_port);
  store32(tcp + 4, seq);
  store32(tcp + 8, flags & ACK ? clients[index].rcv_nxt : 0);
  tcp[12] = TCP_BYTES << 2;
  tcp[13] = flags;
  store16(tcp + 14, 0xffff);
  store16(tcp + 18, 0);
  memcpy(tcp + TCP_BYTES, message, payload_bytes);
  int bytes = finish_frame(out, TCP_BYTES + payload_bytes, sum_bytes(message, payload_bytes, 0), payload_bytes);
  pcap_inject(pcap, out, bytes);
}

static void send_message(uint32_t index) {
  clients[index].waits = 1;
  send_segment(index, clients[index].snd_nxt, PSH | ACK, MESSAGE_BYTES);
}

/* Every connection in turn, in an order that no cache foresees. */
static void send_next(void) {
  do next_client = (next_client + stride) % known;
  while (clients[next_client].waits);
  send_message(next_client);
}

static void take_frame(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *frame) {
  (void)user;
  uint32_t length = header->caplen;
  const uint8_t *ip = frame + IP_AT;
  if (load16(frame + ETHERTYPE_AT) == ETHERTYPE_ARP) {
    if (length < ETHERNET_BYTES + ARP_BYTES) return;
    if (load16(ip + 6) == 2 && load32(ip + 14) == server) {
      memcpy(server_mac, ip + 8, 6);
      knows_server = 1;
    }
    int bytes = load32(ip + 24) - first_source < 16 ? arp_reply(frame, length, load32(ip + 24), OWN_MAC, out) : 0;
    if (bytes > 0) pcap_inject(pcap, out, bytes);
    return;
  }
  if (length < ETHERNET_BYTES + IP_BYTES + TCP_BYTES) return;
  const uint8_t *tcp = ip + (ip[0] & 15) * 4u;
  uint32_t header_bytes = (uint32_t)(tcp - ip) + (tcp[12] >> 4) * 4u;
  uint32_t index = (load32(ip + IP_TO) - first_source) * PORTS + load16(tcp + 2) - FIRST_PORT;
  if (index >= begun || load16(tcp) != server_port) return;
  struct client *client = &clients[index];
  uint32_t payload_bytes = load16(ip + 2) - header_bytes;
  if (tcp[13] & RST) fail("swarm", "the server has sent RST");
  if (tcp[13] & SYN) {
    /* One that comes again, because our SYN did, says nothing new. */
    if (!client->is_open) {
      client->rcv_nxt = load32(tcp + 4) + 1;
      client->is_open = 1;
      open_count++;
      moved_us = now_us();
    }
    send_segment(index, client->snd_nxt, ACK, 0);
  } else if (payload_bytes > 0 && load32(tcp + 4) == client->rcv_nxt) {
    client->rcv_nxt += payload_bytes;
    client->snd_nxt += payload_bytes;
    client->waits = 0;
    echoed++;
    send_segment(index, client->snd_nxt, ACK, 0);
    if (is_sending) send_next();
  } else if (payload_bytes > 0) {
    send_segment(index, client->snd_nxt, ACK, 0);
  }
}

static void take_what_is_there(void) {
  if (pcap_dispatch(pcap, FRAMES_PER_TURN, take_frame, NULL) < 0) fail("pcap_dispatch", pcap_geterr(pcap));
}

static void find_server(void) {
  uint8_t *arp = out + ETHERNET_BYTES;
  for (int tries = 0; tries < 20 && !knows_server; tries++) {
    memset(out, 0xff, 6);
    memcpy(out + 6, OWN_MAC, 6);
    store16(out + ETHERTYPE_AT, ETHERTYPE_ARP);
    memcpy(arp, "\0\1\x08\0\6\4\0\1", 8);
    memcpy(arp + 8, OWN_MAC, 6);
    store32(arp + 14, first_source);
    memset(arp + 18, 0, 6);
    store32(arp + 24, server);
    pcap_inject(pcap, out, ETHERNET_BYTES + ARP_BYTES);
    for (uint64_t end = now_us() + 100000; now_us() < end && !knows_server;) take_what_is_there();
  }
  if (!knows_server) fail("swarm", "nobody answers for the server's address");
}

static void open_up_to(uint32_t count) {
  uint64_t limit = now_us() + GIVE_UP_US;
  uint32_t seen = open_count;
  moved_us = now_us();
  while (open_count < count) {
    for (; begun < count && begun - open_count < OPENING_AT_ONCE; begun++) {
      clients[begun].snd_nxt = 0x20000000 + begun * 64;
      send_segment(begun, clients[begun].snd_nxt++, SYN, 0);
    }
    take_what_is_there();
    uint64_t now = now_us();
    /* A busy machine is slow, and that is no reason to give up: when none comes about any more is. */
    if (open_count != seen) {
      seen = open_count;
      limit = now + GIVE_UP_US;
    }
    if (now - moved_us < STALL_US) continue;
    for (uint32_t i = 0; i < begun; i++)
      if (!clients[i].is_open) send_segment(i, clients[i].snd_nxt - 1, SYN, 0);
    moved_us = now;
    if (now > limit) fail("swarm", "the connections do not come about");
  }
}

static void send_for(double seconds) {
  uint64_t end = now_us() + (uint64_t)(seconds * 1e6), seen = echoed;
  moved_us = now_us();
  for (uint64_t now = moved_us; now < end; now = now_us()) {
    take_what_is_there();
    if (echoed != seen) {
      seen = echoed;
      moved_us = now;
    } else if (now - moved_us > STALL_US) {
      for (uint32_t i = 0; i < known; i++)
        if (clients[i].waits) send_message(i);
      moved_us = now;
    }
  }
}

/* Waits until every message has come back, and sends again what was lost. */
static void settle(void) {
  uint64_t end = now_us() + GIVE_UP_US;
  for (uint32_t waiting = 1, before = known + 1; waiting > 0; before = waiting) {
    for (uint64_t quiet = now_us() + 20000; now_us() < quiet;) take_what_is_there();
    waiting = 0;
    for (uint32_t i = 0; i < known; i++) {
      if (!clients[i].waits) continue;
      waiting++;
      send_message(i);
    }
    if (waiting < before) end = now_us() + GIVE_UP_US;
    if (now_us() > end) {
      fprintf(stderr, "swarm: %u of %u connections wait for their message in vain\n", waiting, known);
      exit(1);
    }
  }
}

static uint32_t common_divisor(uint32_t a, uint32_t b) { return b == 0 ? a : common_divisor(b, a % b); }

/* Leaves nothing behind: a later swarm has the same addresses and ports. */
static void reset_all(void) {
  for (uint32_t i = 0; i < begun; i++) {
    send_segment(i, clients[i].snd_nxt, RST | ACK, 0);
    if (i % FRAMES_PER_TURN != 0) continue;
    for (uint64_t pause = now_us() + RESET_PAUSE_US; now_us() < pause;) take_what_is_there();
  }
}

static void measure(uint32_t count, double seconds, pid_t pid) {
  open_up_to(count);
  known = count;
  /* A stride that has no divisor in common with the number meets every connection. */
  for (stride = count > 7919 ? 7919 : 7; common_divisor(stride, count) != 1;) stride++;
  is_sending = 1;
  for (int i = 0; i < UNDER_WAY && (uint32_t)i < count; i++) send_next();
  send_for(seconds / 2);
  uint64_t before = echoed, began = now_us();
  double cpu = process_cpu_us(pid), own = process_cpu_us(0), busy = machine_busy_us();
  send_for(seconds);
  double elapsed = (double)(now_us() - began), used = process_cpu_us(pid) - cpu;
  double foreign = machine_busy_us() - busy - used - (process_cpu_us(0) - own);
  double messages = (double)(echoed - before);
  is_sending = 0;
  settle();
  printf("{\"connections\":%u,\"messagesPerSecond\":%.0f,\"serverCpuUsPerSegment\":%.4f,\"usPerSegment\":%.4f,\"foreignCores\":%.3f}\n", count,
         messages / elapsed * 1e6, used / messages / SEGMENTS_PER_MESSAGE, elapsed / messages / SEGMENTS_PER_MESSAGE,
         foreign > 0 ? foreign / elapsed : 0);
  fflush(stdout);
}

int main(int argc, char **argv) {
  struct in_addr to, from;
  if (argc < 8 || inet_pton(AF_INET, argv[2], &to) != 1 || inet_pton(AF_INET, argv[4], &from) != 1) {
    fputs("usage: swarm DEVICE SERVER PORT FIRST_SOURCE SECONDS PID STEP ...\n", stderr);
    return 2;
  }
  server = ntohl(to.s_addr);
  first_source = ntohl(from.s_addr);
  server_port = (uint16_t)atoi(argv[3]);
  clients = calloc((size_t)atoi(argv[argc - 1]) + 1, sizeof *clients);
  if (clients == NULL) fail("calloc", "no memory");
  for (int i = 0; i < MESSAGE_BYTES; i++) message[i] = (uint8_t)(i * 7);
  char filter[128];
  snprintf(filter, sizeof filter, "arp or (tcp and src host %s)", argv[2]);
  pcap = open_device(argv[1], filter);
  find_server();
  for (int i = 7; i < argc; i++) measure((uint32_t)atoi(argv[i]), atof(argv[5]), atoi(argv[6]));
  puts("held");
  fflush(stdout);
  /* The connections stay until stdin ends: what they occupy can be looked at. */
  while (getchar() != EOF) {}
  reset_all();
  return 0;
}
