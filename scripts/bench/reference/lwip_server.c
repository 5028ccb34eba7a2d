/*
 * lwIP on libpcap, to compare with: its raw API, one thread, Debian's build of the library as it is.
 *
 *   lwip_server DEVICE ADDRESS    echo on port 5000, discard on 5001, chargen on 5002
 *
 * It checks every checksum and has no way to be told otherwise, so it works only where off-loads are off.
 */
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>
#include <string.h>

#include "pcap_device.h"

enum { ECHO_PORT = 5000, DISCARD_PORT, CHARGEN_PORT, LARGEST_FRAME = 1514, PATTERN_BYTES = 95 * 74, LINE_CHARACTERS = 72 };

/* What an echo connection still has to send back. */
struct echo {
  struct pbuf *rest;
  int peer_closed;
};

static pcap_t *pcap;
static struct netif interface;
static char pattern[PATTERN_BYTES * 10];

static err_t put_frame(struct netif *netif, struct pbuf *packet) {
  (void)netif;
  static uint8_t frame[LARGEST_FRAME];
  const void *bytes = packet->payload;
  if (packet->next != NULL) {
    pbuf_copy_partial(packet, frame, sizeof frame, 0);
    bytes = frame;
  }
  pcap_inject(pcap, bytes, packet->tot_len);
  return ERR_OK;
}

static err_t set_up(struct netif *netif) {
  static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x52};
  netif->name[0] = 'p';
  netif->name[1] = 'c';
  netif->mtu = 1500;
  netif->hwaddr_len = sizeof mac;
  memcpy(netif->hwaddr, mac, sizeof mac);
  netif->output = etharp_output;
  netif->linkoutput = put_frame;
  netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
  return ERR_OK;
}

static void take_frame(unsigned char *user, const struct pcap_pkthdr *header, const unsigned char *bytes) {
  (void)user;
  struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)header->caplen, PBUF_RAM);
  if (packet == NULL) return;
  pbuf_take(packet, bytes, (u16_t)header->caplen);
  if (interface.input(packet, &interface) != ERR_OK) pbuf_free(packet);
}

static void check_timers(void) { sys_check_timeouts(); }

static err_t close_now(struct tcp_pcb *pcb, struct echo *echo) {
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, NULL);
  tcp_sent(pcb, NULL);
  tcp_err(pcb, NULL);
  if (echo != NULL) {
    if (echo->rest != NULL) pbuf_free(echo->rest);
    mem_free(echo);
  }
  if (tcp_close(pcb) == ERR_OK) return ERR_OK;
  tcp_abort(pcb);
  return ERR_ABRT;
}

static err_t echo_back(struct tcp_pcb *pcb, struct echo *echo) {
  while (echo->rest != NULL && echo->rest->len <= tcp_sndbuf(pcb)) {
    struct pbuf *first = echo->rest;
    if (tcp_write(pcb, first->payload, first->len, TCP_WRITE_FLAG_COPY) != ERR_OK) break;
    tcp_recved(pcb, first->len);
    echo->rest = first->next;
    if (echo->rest != NULL) pbuf_ref(echo->rest);
    pbuf_free(first);
  }
  tcp_output(pcb);
  return echo->rest == NULL && echo->peer_closed ? close_now(pcb, echo) : ERR_OK;
}

static err_t echo_received(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error) {
  (void)error;
  struct echo *echo = argument;
  if (data == NULL) echo->peer_closed = 1;
  else if (echo->rest == NULL) echo->rest = data;
  else pbuf_cat(echo->rest, data);
  return echo_back(pcb, echo);
}

static err_t echo_sent(void *argument, struct tcp_pcb *pcb, u16_t bytes) {
  (void)bytes;
  return echo_back(pcb, argument);
}

static void echo_gone(void *argument, err_t error) {
  (void)error;
  struct echo *echo = argument;
  if (echo == NULL) return;
  if (echo->rest != NULL) pbuf_free(echo->rest);
  mem_free(echo);
}

static err_t discard_received(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t error) {
  (void)argument, (void)error;
  if (data == NULL) return close_now(pcb, NULL);
  tcp_recved(pcb, data->tot_len);
  pbuf_free(data);
  return ERR_OK;
}

/* Where the pattern goes on is the argument; its bytes stay where they are, so nothing is copied. */
static err_t generate(void *argument, struct tcp_pcb *pcb, u16_t bytes) {
  (void)bytes;
  uintptr_t at = (uintptr_t)argument;
  for (u16_t room; (room = tcp_sndbuf(pcb)) > 0;) {
    u16_t part = room < 2 * TCP_MSS ? room : 2 * TCP_MSS;
    if (tcp_write(pcb, pattern + at, part, 0) != ERR_OK) break;
    at = (at + part) % PATTERN_BYTES;
  }
  tcp_arg(pcb, (void *)at);
  return tcp_output(pcb);
}

static err_t accepted(void *argument, struct tcp_pcb *pcb, err_t error) {
  (void)error;
  uintptr_t port = (uintptr_t)argument;
  if (pcb == NULL) return ERR_VAL;
  tcp_nagle_disable(pcb);
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, discard_received);
  if (port == ECHO_PORT) {
    struct echo *echo = mem_calloc(1, sizeof *echo);
    if (echo == NULL) return ERR_MEM;
    tcp_arg(pcb, echo);
    tcp_recv(pcb, echo_received);
    tcp_sent(pcb, echo_sent);
    tcp_err(pcb, echo_gone);
  }
  if (port == CHARGEN_PORT) {
    tcp_sent(pcb, generate);
    return generate(NULL, pcb, 0);
  }
  return ERR_OK;
}

static void listen_on(uintptr_t port) {
  struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
  if (pcb == NULL || tcp_bind(pcb, IP4_ADDR_ANY, (u16_t)port) != ERR_OK) fail("tcp_bind", "no");
  pcb = tcp_listen_with_backlog(pcb, 255);
  if (pcb == NULL) fail("tcp_listen", "no");
  tcp_arg(pcb, (void *)port);
  tcp_accept(pcb, accepted);
}

int main(int argc, char **argv) {
  ip4_addr_t address, mask, router;
  if (argc != 3 || !ip4addr_aton(argv[2], &address)) {
    fputs("usage: lwip_server DEVICE ADDRESS\n", stderr);
    return 2;
  }
  for (size_t i = 0; i < sizeof pattern; i++) {
    size_t line = i / (LINE_CHARACTERS + 2), column = i % (LINE_CHARACTERS + 2);
    pattern[i] = column == LINE_CHARACTERS ? '\r' : column > LINE_CHARACTERS ? '\n' : ' ' + (line + column) % 95;
  }
  IP4_ADDR(&mask, 255, 255, 255, 0);
  ip4_addr_set_zero(&router);
  char filter[128];
  snprintf(filter, sizeof filter, "arp or (tcp and dst host %s)", argv[2]);
  pcap = open_device(argv[1], filter);
  /* Without tcpip_init there is no thread of lwIP's, and its lock is not asked for. */
  lwip_init();
  if (netif_add(&interface, &address, &mask, &router, NULL, set_up, ethernet_input) == NULL) fail("netif_add", "no");
  netif_set_default(&interface);
  netif_set_up(&interface);
  for (uintptr_t port = ECHO_PORT; port <= CHARGEN_PORT; port++) listen_on(port);
  puts("listening");
  fflush(stdout);
  drain(pcap, take_frame, check_timers, check_timers);
}
