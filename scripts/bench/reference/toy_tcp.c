/*
 * The C reference: a TCP server on libpcap with as little as such a server needs, to compare with.
 *
 *   toy_tcp DEVICE ADDRESS    echo on port 5000, discard on 5001, chargen on 5002
 *
 * What it has: passive open, window scaling, checksums of both directions, data in order (for discard, one
 * stretch beyond a gap is remembered), an ACK for every second segment and for what is left at the end of a batch, chargen with go-back-N, the close after the client's, RST.
 * What it has not: timestamps, SACK, a queue for data out of order, congestion control, retransmission of echoed
 * data (it keeps none), timers per connection, events. Its closing ACK and FIN are two segments, as tcplab's are;
 * TCPLAB_BENCH_JOIN_FIN=1 joins them.
 */
#include "frame.h"
#include "pcap_device.h"

enum {
  ECHO_PORT = 5000,
  DISCARD_PORT = 5001,
  CHARGEN_PORT = 5002,
  OWN_SCALE = 4,
  OWN_WINDOW = 0xffff,
  /* Bounds what one connection has under way: below what a veth's backlog of 1,000 frames takes. */
  MOST_IN_FLIGHT = 512 << 10,
  RESEND_MS = 200,
  SMALLEST_SLOTS = 1024,
  PATTERN_BYTES = 95 * 74,
  LINE_CHARACTERS = 72,
};

enum state { FREE, SYN_RECEIVED, ESTABLISHED, LAST_ACK };

struct flow {
  uint32_t peer_address, rcv_nxt, snd_una, snd_nxt, iss, window, progress_ms, next_pending, island, island_end;
  uint16_t peer_port, local_port, mss;
  uint8_t mac[6];
  uint8_t state, scale, unacknowledged, duplicates, is_pending, sends_scale;
};

static const uint8_t OWN_MAC[6] = {0x02, 0, 0, 0, 0, 0x51};
static const uint32_t NOBODY = 0xffffffff;

static pcap_t *pcap;
static uint32_t own_address;
static int joins_fin;
static uint32_t time_ms;
/* Flows lie in one array; slots of the table hold their places plus one. */
static struct flow *flows;
static uint32_t flow_room, flow_end, free_list = NOBODY, flow_count;
static uint32_t *slots, slot_mask, first_pending = NOBODY;
static uint8_t out[FRAME_BYTES];
static uint8_t pattern[PATTERN_BYTES + MSS];

/* RFC 864: lines of 72 characters, each begun one character later than the last. */
static void fill_pattern(void) {
  for (size_t i = 0; i < sizeof pattern; i++) {
    size_t line = i / (LINE_CHARACTERS + 2), column = i % (LINE_CHARACTERS + 2);
    pattern[i] = column == LINE_CHARACTERS ? '\r' : column > LINE_CHARACTERS ? '\n' : ' ' + (line + column) % 95;
  }
}

static uint32_t slot_of(uint32_t address, uint32_t ports) {
  uint32_t hash = (address ^ ports) * 0x85ebca6bu;
  hash ^= hash >> 15;
  hash = (hash ^ ports) * 0xc2b2ae35u;
  return (hash ^ hash >> 16) & slot_mask;
}

static uint32_t ports_of(const struct flow *flow) { return (uint32_t)flow->peer_port << 16 | flow->local_port; }

static struct flow *find(uint32_t address, uint32_t ports) {
  for (uint32_t at = slot_of(address, ports); slots[at] != 0; at = (at + 1) & slot_mask) {
    struct flow *flow = &flows[slots[at] - 1];
    if (flow->peer_address == address && ports_of(flow) == ports) return flow;
  }
  return NULL;
}

static void place(uint32_t index) {
  uint32_t at = slot_of(flows[index].peer_address, ports_of(&flows[index]));
  while (slots[at] != 0) at = (at + 1) & slot_mask;
  slots[at] = index + 1;
}

static void make_slots(uint32_t count) {
  free(slots);
  slots = calloc(count, sizeof *slots);
  if (slots == NULL) fail("calloc", "no memory");
  slot_mask = count - 1;
  for (uint32_t i = 0; i < flow_end; i++)
    if (flows[i].state != FREE) place(i);
}

static struct flow *add(uint32_t address, uint16_t peer_port, uint16_t local_port) {
  uint32_t index = free_list;
  if (index != NOBODY) {
    free_list = flows[index].next_pending;
  } else {
    if (flow_end == flow_room) {
      flow_room = flow_room ? flow_room * 2 : SMALLEST_SLOTS;
      flows = realloc(flows, flow_room * sizeof *flows);
      if (flows == NULL) fail("realloc", "no memory");
    }
    index = flow_end++;
  }
  if (++flow_count * 2 > slot_mask) make_slots((slot_mask + 1) * 2);
  struct flow *flow = &flows[index];
  memset(flow, 0, sizeof *flow);
  flow->peer_address = address;
  flow->peer_port = peer_port;
  flow->local_port = local_port;
  flow->state = SYN_RECEIVED;
  place(index);
  return flow;
}

static void drop(struct flow *flow) {
  uint32_t index = (uint32_t)(flow - flows), at = slot_of(flow->peer_address, ports_of(flow));
  while (slots[at] != index + 1) at = (at + 1) & slot_mask;
  slots[at] = 0;
  for (uint32_t next = (at + 1) & slot_mask; slots[next] != 0; next = (next + 1) & slot_mask) {
    struct flow *moved = &flows[slots[next] - 1];
    uint32_t home = slot_of(moved->peer_address, ports_of(moved));
    if (((next - home) & slot_mask) < ((next - at) & slot_mask)) continue;
    slots[at] = slots[next];
    slots[next] = 0;
    at = next;
  }
  flow_count--;
  flow->state = FREE;
  /* One that waits for the end of the batch is freed there. */
  if (flow->is_pending) return;
  flow->next_pending = free_list;
  free_list = index;
}

/* Sends a segment at `seq` with `payload` behind the header; the payload may lie anywhere. */
static void send_segment(struct flow *flow, uint32_t seq, uint8_t flags, const uint8_t *payload, uint32_t payload_bytes) {
  uint8_t *tcp = out + IP_AT + IP_BYTES;
  uint32_t header_bytes = TCP_BYTES;
  memcpy(out, flow->mac, 6);
  memcpy(out + 6, OWN_MAC, 6);
  store16(out + ETHERTYPE_AT, ETHERTYPE_IP);
  store32(out + IP_AT + IP_SOURCE, own_address);
  store32(out + IP_AT + IP_TO, flow->peer_address);
  store16(tcp, flow->local_port);
  store16(tcp + 2, flow->peer_port);
  store32(tcp + 4, seq);
  store32(tcp + 8, flow->rcv_nxt);
  store16(tcp + 14, OWN_WINDOW);
  store16(tcp + 18, 0);
  if (flags & SYN) {
    /* MSS, and window scale behind a no-operation. */
    memcpy(tcp + TCP_BYTES, "\2\4\0\0\1\3\3", 7);
    store16(tcp + TCP_BYTES + 2, MSS);
    tcp[TCP_BYTES + 7] = OWN_SCALE;
    header_bytes += flow->sends_scale ? 8 : 4;
  }
  tcp[12] = (uint8_t)(header_bytes << 2);
  tcp[13] = flags;
  uint64_t payload_sum = 0;
  if (payload_bytes > 0) {
    memcpy(tcp + header_bytes, payload, payload_bytes);
    payload_sum = sum_bytes(tcp + header_bytes, payload_bytes, 0);
  }
  flow->unacknowledged = 0;
  pcap_inject(pcap, out, finish_frame(out, header_bytes + payload_bytes, payload_sum, payload_bytes));
}

/* A RST for a segment that belongs to no connection (RFC 9293 §3.10.7.1). */
static void refuse(const uint8_t *frame, const uint8_t *tcp, uint32_t payload_bytes) {
  struct flow nobody = {.peer_address = load32(frame + IP_AT + IP_SOURCE), .peer_port = load16(tcp), .local_port = load16(tcp + 2)};
  memcpy(nobody.mac, frame + 6, 6);
  nobody.rcv_nxt = load32(tcp + 4) + payload_bytes + (tcp[13] & SYN ? 1 : 0) + (tcp[13] & FIN ? 1 : 0);
  if (tcp[13] & ACK) send_segment(&nobody, load32(tcp + 8), RST, NULL, 0);
  else send_segment(&nobody, 0, RST | ACK, NULL, 0);
}

/* The connection wants something done at the end of the batch: an ACK, or chargen's next segments. */
static void want_more(struct flow *flow) {
  if (flow->is_pending) return;
  flow->is_pending = 1;
  flow->next_pending = first_pending;
  first_pending = (uint32_t)(flow - flows);
}

static void generate(struct flow *flow) {
  uint32_t room = flow->window < MOST_IN_FLIGHT ? flow->window : MOST_IN_FLIGHT;
  while (flow->snd_nxt - flow->snd_una + flow->mss <= room) {
    send_segment(flow, flow->snd_nxt, ACK, pattern + (flow->snd_nxt - flow->iss - 1) % PATTERN_BYTES, flow->mss);
    flow->snd_nxt += flow->mss;
  }
}

static void after_batch(void) {
  while (first_pending != NOBODY) {
    struct flow *flow = &flows[first_pending];
    first_pending = flow->next_pending;
    flow->is_pending = 0;
    if (flow->state == FREE) {
      flow->next_pending = free_list;
      free_list = (uint32_t)(flow - flows);
      continue;
    }
    if (flow->local_port == CHARGEN_PORT && flow->state == ESTABLISHED) generate(flow);
    if (flow->unacknowledged > 0) send_segment(flow, flow->snd_nxt, ACK, NULL, 0);
  }
}

static void echo(struct flow *flow, const uint8_t *payload, uint32_t bytes) {
  while (bytes > 0) {
    uint32_t part = bytes < flow->mss ? bytes : flow->mss;
    send_segment(flow, flow->snd_nxt, PSH | ACK, payload, part);
    flow->snd_nxt += part;
    payload += part;
    bytes -= part;
  }
}

static void open_flow(const uint8_t *frame, const uint8_t *tcp, uint32_t header_bytes) {
  uint16_t port = load16(tcp + 2);
  if (port < ECHO_PORT || port > CHARGEN_PORT) return refuse(frame, tcp, 0);
  static uint32_t sequence = 0x10000000;
  struct flow *flow = add(load32(frame + IP_AT + IP_SOURCE), load16(tcp), port);
  memcpy(flow->mac, frame + 6, 6);
  flow->mss = 536;
  for (const uint8_t *option = tcp + TCP_BYTES, *end = tcp + header_bytes; option < end && *option != 0;) {
    if (*option == 1) {
      option++;
      continue;
    }
    if (option + 1 >= end || option[1] < 2 || option + option[1] > end) break;
    if (option[0] == 2) flow->mss = load16(option + 2);
    if (option[0] == 3) {
      flow->scale = option[2] > 14 ? 14 : option[2];
      flow->sends_scale = 1;
    }
    option += option[1];
  }
  if (flow->mss > MSS) flow->mss = MSS;
  flow->rcv_nxt = load32(tcp + 4) + 1;
  flow->iss = flow->snd_una = sequence += 0x3d09;
  flow->snd_nxt = flow->iss + 1;
  flow->window = load16(tcp + 14);
  flow->progress_ms = time_ms;
  send_segment(flow, flow->iss, SYN | ACK, NULL, 0);
}

/* Takes the acknowledgment; returns 0 when the connection is gone. */
static int take_acknowledgment(struct flow *flow, uint32_t ack, uint32_t window, int is_bare) {
  if ((int32_t)(ack - flow->snd_una) > 0 && (int32_t)(ack - flow->snd_nxt) <= 0) {
    flow->snd_una = ack;
    flow->duplicates = 0;
    flow->progress_ms = time_ms;
    if (flow->state == SYN_RECEIVED) flow->state = ESTABLISHED;
    if (flow->state == LAST_ACK && ack == flow->snd_nxt) {
      drop(flow);
      return 0;
    }
  } else if (ack == flow->snd_una && is_bare && window == flow->window && flow->snd_nxt != flow->snd_una &&
             ++flow->duplicates == 3 && flow->local_port == CHARGEN_PORT && flow->state == ESTABLISHED) {
    flow->snd_nxt = flow->snd_una;
  }
  flow->window = window;
  return 1;
}

/* Discard needs no queue: where one stretch of data beyond a gap begins and ends is all there is to know of it. */
static void keep_island(struct flow *flow, uint32_t from, uint32_t to) {
  if ((int32_t)(from - flow->rcv_nxt) < 0) return;
  if (flow->island == flow->island_end) {
    flow->island = from;
    flow->island_end = to;
  } else if ((int32_t)(from - flow->island_end) <= 0 && (int32_t)(to - flow->island) >= 0) {
    if ((int32_t)(from - flow->island) < 0) flow->island = from;
    if ((int32_t)(to - flow->island_end) > 0) flow->island_end = to;
  }
}

static void join_island(struct flow *flow) {
  if ((int32_t)(flow->rcv_nxt - flow->island) < 0) return;
  if ((int32_t)(flow->island_end - flow->rcv_nxt) > 0) flow->rcv_nxt = flow->island_end;
  flow->island = flow->island_end;
  /* The sender waits to hear of it. */
  flow->unacknowledged = 2;
}

static void take_segment(const uint8_t *frame, const uint8_t *tcp, uint32_t segment_bytes) {
  uint32_t header_bytes = (tcp[12] >> 4) * 4u;
  if (header_bytes < TCP_BYTES || header_bytes > segment_bytes) return;
  const uint8_t *payload = tcp + header_bytes;
  uint32_t payload_bytes = segment_bytes - header_bytes, seq = load32(tcp + 4);
  uint8_t flags = tcp[13];
  struct flow *flow = find(load32(frame + IP_AT + IP_SOURCE), (uint32_t)load16(tcp) << 16 | load16(tcp + 2));
  if (flow == NULL) {
    if (flags & RST) return;
    if ((flags & (SYN | ACK)) == SYN) open_flow(frame, tcp, header_bytes);
    else refuse(frame, tcp, payload_bytes);
    return;
  }
  if (flags & SYN) return send_segment(flow, flow->iss, SYN | ACK, NULL, 0);
  uint32_t known = flow->rcv_nxt - seq;
  if (known > 0 && known < payload_bytes) {
    payload += known;
    payload_bytes -= known;
    seq = flow->rcv_nxt;
  }
  if (seq != flow->rcv_nxt) {
    if (payload_bytes > 0 && flow->local_port == DISCARD_PORT) keep_island(flow, seq, seq + payload_bytes);
    return send_segment(flow, flow->snd_nxt, ACK, NULL, 0);
  }
  if (flags & RST) return drop(flow);
  if (!(flags & ACK)) return;
  if (!take_acknowledgment(flow, load32(tcp + 8), (uint32_t)load16(tcp + 14) << flow->scale, payload_bytes == 0)) return;
  int generates = flow->local_port == CHARGEN_PORT;
  if (payload_bytes > 0) {
    if (flow->local_port == ECHO_PORT && flow->snd_nxt - flow->snd_una + payload_bytes > flow->window) return;
    flow->rcv_nxt += payload_bytes;
    if (flow->island != flow->island_end) join_island(flow);
    flow->unacknowledged += payload_bytes > MSS ? 2 : 1;
    if (flow->local_port == ECHO_PORT) echo(flow, payload, payload_bytes);
    else if (flow->unacknowledged >= 2 && !generates) send_segment(flow, flow->snd_nxt, ACK, NULL, 0);
  }
  if (flags & FIN && flow->state == ESTABLISHED) {
    flow->rcv_nxt++;
    if (!joins_fin) send_segment(flow, flow->snd_nxt, ACK, NULL, 0);
    send_segment(flow, flow->snd_nxt, FIN | ACK, NULL, 0);
    flow->snd_nxt++;
    flow->state = LAST_ACK;
    return;
  }
  if (generates || flow->unacknowledged > 0) want_more(flow);
}

static void take_frame(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *frame) {
  (void)user;
  uint32_t length = header->caplen;
  if (length < ETHERNET_BYTES) return;
  if (load16(frame + ETHERTYPE_AT) == ETHERTYPE_ARP) {
    int bytes = arp_reply(frame, length, own_address, OWN_MAC, out);
    if (bytes > 0) pcap_inject(pcap, out, bytes);
    return;
  }
  const uint8_t *ip = frame + IP_AT;
  if (load16(frame + ETHERTYPE_AT) != ETHERTYPE_IP || length < ETHERNET_BYTES + IP_BYTES) return;
  uint32_t ip_header_bytes = (ip[0] & 15) * 4u, ip_bytes = load16(ip + 2);
  if (ip[9] != PROTOCOL_TCP || load32(ip + IP_TO) != own_address || ip_header_bytes < IP_BYTES) return;
  if (length < ETHERNET_BYTES + ip_bytes || ip_bytes < ip_header_bytes + TCP_BYTES || load16(ip + 6) & 0x3fff) return;
  if (fold(sum_bytes(ip, ip_header_bytes, 0)) != 0xffff) return;
  const uint8_t *tcp = ip + ip_header_bytes;
  if (tcp_sum_fits(ip, tcp, ip_bytes - ip_header_bytes)) take_segment(frame, tcp, ip_bytes - ip_header_bytes);
}

/* What made no progress for 200 ms is sent again: SYN and ACK, chargen's data, or FIN. */
static void tick(void) {
  time_ms += TICK_MS;
  for (uint32_t i = 0; i < flow_end; i++) {
    struct flow *flow = &flows[i];
    if (flow->state == FREE || flow->snd_una == flow->snd_nxt || time_ms - flow->progress_ms < RESEND_MS) continue;
    flow->progress_ms = time_ms;
    if (flow->state == SYN_RECEIVED) send_segment(flow, flow->iss, SYN | ACK, NULL, 0);
    if (flow->state == LAST_ACK) send_segment(flow, flow->snd_nxt - 1, FIN | ACK, NULL, 0);
    if (flow->state != ESTABLISHED || flow->local_port != CHARGEN_PORT) continue;
    flow->snd_nxt = flow->snd_una;
    generate(flow);
  }
}

int main(int argc, char **argv) {
  struct in_addr address;
  if (argc != 3 || inet_pton(AF_INET, argv[2], &address) != 1) {
    fputs("usage: toy_tcp DEVICE ADDRESS\n", stderr);
    return 2;
  }
  own_address = ntohl(address.s_addr);
  joins_fin = getenv("TCPLAB_BENCH_JOIN_FIN") != NULL;
  fill_pattern();
  make_slots(SMALLEST_SLOTS);
  char filter[128];
  snprintf(filter, sizeof filter, "arp or (tcp and dst host %s)", argv[2]);
  pcap = open_device(argv[1], filter);
  puts("listening");
  fflush(stdout);
  drain(pcap, take_frame, after_batch, tick);
}
