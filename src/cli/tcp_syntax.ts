/**
 * The options that set how TCP behaves, as tables that commands share.
 *
 * Owns: names, placeholders and help. Must not know: what is done with them (tcp_options.ts), and which commands offer
 * them.
 */
import { FAST_OPEN_SERVER_OPTIONS, FAST_OPEN_SWITCHES } from "./fast_open_options.ts";
import type { OptionSpec } from "./options.ts";

const OFFERS = "TCP: buffers and options";
const TIMERS = "TCP: times";
const CONTROL = "TCP: congestion and acknowledgments";
const BOUNDS = "TCP: bounds";
const SWITCHES = "TCP: where stacks differ";

/** What concerns every connection, opened by us or by a client. */
export const CONNECTION_OPTIONS = [
  {
    name: "recv-buffer",
    kind: "value",
    value: "BYTES",
    group: OFFERS,
    help: "receive buffer of a connection (1M)",
  },
  {
    name: "send-buffer",
    kind: "value",
    value: "BYTES",
    group: OFFERS,
    help: "send buffer of a connection (1M)",
  },
  { name: "mss", kind: "value", value: "BYTES", group: OFFERS, help: "largest MSS to offer (from the MTU)" },
  { name: "no-sack", kind: "flag", group: OFFERS, help: "no selective acknowledgements (RFC 2018)" },
  { name: "no-timestamps", kind: "flag", group: OFFERS, help: "no timestamps (RFC 7323)" },
  { name: "no-window-scale", kind: "flag", group: OFFERS, help: "no window scaling (RFC 7323)" },
  {
    name: "ecn",
    kind: "value",
    value: "off|accept|request",
    group: OFFERS,
    help:
      "explicit congestion notification (RFC 3168): accept (default) grants it to whoever asks, request also asks " +
      "for it when opening",
  },
  { name: "ttl", kind: "value", value: "N", group: OFFERS, help: "time to live of what is sent (64)" },
  { name: "dscp", kind: "value", value: "N", group: OFFERS, help: "DSCP of what is sent, 0 to 63 (0)" },

  { name: "msl", kind: "value", value: "SECONDS", group: TIMERS, help: "maximum segment lifetime (30)" },
  { name: "time-wait", kind: "value", value: "SECONDS", group: TIMERS, help: "length of TIME_WAIT (2 MSL)" },
  {
    name: "fin-wait-2",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "how long FIN_WAIT_2 lasts when nobody reads any more (60)",
  },
  {
    name: "rto-initial",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "retransmission timeout before the first measurement (1)",
  },
  {
    name: "rto-min",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "least retransmission timeout (0.2; RFC 6298 would have 1)",
  },
  {
    name: "rto-max",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "greatest retransmission timeout (60)",
  },
  {
    name: "r1",
    kind: "value",
    value: "N",
    group: TIMERS,
    help: "retransmissions after which the application is told (3)",
  },
  {
    name: "user-timeout",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "R2: how long data may stay unacknowledged before the connection is given up (300)",
  },
  {
    name: "orphan-timeout",
    kind: "value",
    value: "SECONDS",
    group: TIMERS,
    help: "the same once the application has gone and only its FIN is to be acknowledged (100)",
  },
  {
    name: "keepalive",
    kind: "value",
    value: "IDLE[/INTERVAL[/PROBES]]",
    group: TIMERS,
    help:
      "probe a connection after IDLE seconds of silence, then every INTERVAL (75), and give it up after PROBES (9) " +
      "without an answer; off by default",
  },

  {
    name: "congestion",
    kind: "value",
    value: "cubic|reno",
    group: CONTROL,
    help: "congestion control: cubic (default, RFC 9438) or reno (RFC 5681)",
  },
  {
    name: "initial-window",
    kind: "value",
    value: "N",
    group: CONTROL,
    help: "segments that may be sent before the first acknowledgment (10, RFC 6928)",
  },
  { name: "no-delay", kind: "flag", group: CONTROL, help: "send small segments at once (Nagle off)" },
  {
    name: "quick-acks",
    kind: "value",
    value: "N",
    group: CONTROL,
    help: "segments acknowledged at once when a connection is young or after loss (10)",
  },
  {
    name: "delayed-ack",
    kind: "value",
    value: "SECONDS",
    group: CONTROL,
    help: "longest wait of an acknowledgment for data to go with (40ms; under 500ms)",
  },

  {
    name: "max-out-of-order-blocks",
    kind: "value",
    value: "N",
    group: BOUNDS,
    help: "pieces of out-of-order data that a connection keeps (256)",
  },
  {
    name: "challenge-acks",
    kind: "value",
    value: "N",
    group: BOUNDS,
    help:
      "challenge ACKs a second, of all connections together, and each second by chance down to half of it " +
      "(1000, RFC 5961)",
  },
  {
    name: "path-mtu-life",
    kind: "value",
    value: "SECONDS",
    group: BOUNDS,
    help: "how long an ICMP message about the path's MTU counts (10m, RFC 1191)",
  },

  {
    name: "profile",
    kind: "value",
    value: "rfc|linux|freebsd",
    group: SWITCHES,
    help:
      "whose habits to have where the RFCs leave freedom (rfc; docs/profiles.md); other options come before it",
  },
  {
    name: "duplicate-syn",
    kind: "value",
    value: "repeat-syn-ack|rfc9293",
    group: SWITCHES,
    help: "the same SYN again in SYN_RCVD: the SYN-ACK again (default, as Linux), or RFC 9293's plain ACK",
  },
  {
    name: "time-wait-rst",
    kind: "value",
    value: "close|ignore",
    group: SWITCHES,
    help: "RST in TIME_WAIT: closed (default, RFC 9293), or ignored (RFC 1337)",
  },
  {
    name: "fin-without-ack",
    kind: "value",
    value: "ack|drop",
    group: SWITCHES,
    help: "a FIN without ACK outside the window: an ACK (default, RFC 9293), or silence",
  },
  {
    name: "icmp-hard-errors",
    kind: "value",
    value: "soft|abort",
    group: SWITCHES,
    help:
      "port or protocol unreachable about an established connection: the application is told (default, RFC 5927, as " +
      "Linux), or the connection aborts (RFC 9293)",
  },
  {
    name: "missing-timestamp",
    kind: "value",
    value: "drop|accept",
    group: SWITCHES,
    help: "a segment without timestamps after they were agreed: dropped (default, RFC 7323), or taken",
  },
  ...FAST_OPEN_SWITCHES,
] as const satisfies readonly OptionSpec[];

/** What concerns a host that listens. */
export const LISTENING_OPTIONS = [
  {
    name: "backlog",
    kind: "value",
    value: "N",
    group: BOUNDS,
    help: "half-open connections a port may have (1024)",
  },
  {
    name: "syn-cookies",
    kind: "flag",
    group: BOUNDS,
    help: "answer a SYN beyond the backlog with a cookie (RFC 4987; the default)",
  },
  { name: "no-syn-cookies", kind: "flag", group: BOUNDS, help: "drop a SYN beyond the backlog" },
  {
    name: "syn-ack-retries",
    kind: "value",
    value: "N",
    group: BOUNDS,
    help: "times that an unanswered SYN-ACK is sent again (5)",
  },
  { name: "max-connections", kind: "value", value: "N", group: BOUNDS, help: "connections in all (65536)" },
  {
    name: "on-full",
    kind: "value",
    value: "evict|refuse",
    group: BOUNDS,
    help:
      "when there are that many: evict (default) resets, of the peers with most, the oldest that never sent anything, " +
      "then the one idle longest; refuse takes no more",
  },
  {
    name: "memory",
    kind: "value",
    value: "SIZE",
    group: BOUNDS,
    help:
      "what all connections together may hold (a quarter of the machine's memory or of its control group, at most 1G)",
  },
  {
    name: "max-time-wait",
    kind: "value",
    value: "N",
    group: BOUNDS,
    help: "connections in TIME_WAIT; beyond it the oldest ends early (32768)",
  },
  ...FAST_OPEN_SERVER_OPTIONS,
] as const satisfies readonly OptionSpec[];
