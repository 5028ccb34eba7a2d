/**
 * The companions of RFC 9293 that a whole TCP of today needs: what each is about, and how far tcplab goes.
 *
 * Owns: the verdicts, made by reading src/ beside each RFC, with the reason in one line. Must not know: files and tests;
 * those are gathered from citations (`RFC 5961 §3.2`) by check_rfc.ts, which also lowers a verdict that nothing shows.
 */

/** How far one companion is met. */
export interface Companion {
  readonly rfc: number;
  /** Its subject, in a few words. */
  readonly subject: string;
  /** What reading the code says; `met` still needs a test that cites the RFC. */
  readonly verdict: "met" | "partly" | "not";
  /** What is there, and for `partly` and `not` what is missing. */
  readonly why: string;
}

/** The companions, by subject: safety of what arrives, loss and congestion, options, opening and closing, the path, the layer of IP. */
export const COMPANIONS: readonly Companion[] = [
  {
    rfc: 5961,
    subject: "blind in-window attacks",
    verdict: "met",
    why:
      "challenge ACKs for RST and SYN (§3, §4), the range of acceptable ACKs (§5), and their rate limit (§7): for each " +
      "connection, and for the host one that differs from second to second",
  },
  {
    rfc: 5927,
    subject: "ICMP attacks",
    verdict: "partly",
    why:
      "the quoted sequence number must be in flight (§4.1), a hard error is soft once synchronized (§5.2; " +
      "--icmp-hard-errors abort), a smaller path MTU must be about a segment that is larger; but then it is believed at " +
      "once (§7.2 would wait)",
  },
  {
    rfc: 6298,
    subject: "retransmission timer",
    verdict: "partly",
    why:
      "SRTT, RTTVAR, RTO, back-off, Karn, 3 s after a lost SYN; the least RTO is 200 ms where §2.4 would have 1 s " +
      "(--rto-min 1)",
  },
  {
    rfc: 5681,
    subject: "congestion control",
    verdict: "partly",
    why:
      "slow start, congestion avoidance, fast retransmit, restart after idleness, ACK generation; slow start takes " +
      "up to eight segments an ACK where §3.1 takes one",
  },
  {
    rfc: 6582,
    subject: "NewReno, recovery without SACK",
    verdict: "met",
    why:
      "partial ACKs retransmit the next hole, and recovery ends at the recovery point; the window follows PRR " +
      "instead of inflation",
  },
  {
    rfc: 9438,
    subject: "CUBIC",
    verdict: "partly",
    why:
      "the default: curve, Reno-friendly region, fast convergence; after a needless reduction the window comes " +
      "back, but not W_max and the epoch (§4.9)",
  },
  {
    rfc: 2018,
    subject: "selective acknowledgements",
    verdict: "met",
    why:
      "newest block first, up to four, three beside timestamps; reports are used, and forgotten when the peer reneges",
  },
  {
    rfc: 2883,
    subject: "D-SACK",
    verdict: "met",
    why:
      "copies below RCV.NXT and in islands are reported, once; the peer's reports undo needless reductions",
  },
  {
    rfc: 6675,
    subject: "recovery with SACK",
    verdict: "partly",
    why:
      "scoreboard and pipe; which piece is lost is found by RACK instead of IsLost, and NextSeg's third and fourth " +
      "rules are left to the tail loss probe",
  },
  {
    rfc: 8985,
    subject: "RACK-TLP",
    verdict: "met",
    why:
      "RACK by order of sending, adaptive reordering window, tail loss probe, time-outs that mark what is old enough, but for the stated deviation",
  },
  {
    rfc: 6937,
    subject: "proportional rate reduction",
    verdict: "met",
    why: "with the slow-start reduction bound, in every recovery",
  },
  {
    rfc: 3042,
    subject: "limited transmit",
    verdict: "met",
    why: "each duplicate ACK counts as a segment that has arrived, and lets a new one out",
  },
  {
    rfc: 6928,
    subject: "initial window of ten",
    verdict: "met",
    why: "min(10 MSS, max(2 MSS, 14600)), one segment after a lost SYN (--initial-window)",
  },
  {
    rfc: 3168,
    subject: "explicit congestion notification",
    verdict: "partly",
    why:
      "negotiated, marked on new data only, and not to a peer that has also asked without, echoed until CWR, one " +
      "reduction a window, never on window probes; no wait for the timer at a window of one segment (§6.1.2)",
  },
  {
    rfc: 7323,
    subject: "window scaling, timestamps, PAWS",
    verdict: "partly",
    why:
      "all three, with R1 to R3 of §5.3 but for the stated deviation; several samples in a round trip are not weighed " +
      "down (Appendix G)",
  },
  {
    rfc: 6691,
    subject: "MSS and options",
    verdict: "met",
    why: "the option states the MTU less 40 whatever options are in use; the sender takes its options off",
  },
  {
    rfc: 4987,
    subject: "SYN floods",
    verdict: "met",
    why:
      "a bound for each backlog, SYN cookies beyond it, with MSS, scale, SACK and ECN kept where timestamps are",
  },
  {
    rfc: 6528,
    subject: "initial sequence numbers",
    verdict: "met",
    why: "a 4 µs clock plus SipHash of addresses, ports and a secret",
  },
  {
    rfc: 6191,
    subject: "TIME_WAIT with timestamps",
    verdict: "met",
    why:
      "a SYN with a newer timestamp, or the same one and a larger number, opens a new connection; so does one with " +
      "timestamps where the old connection had none",
  },
  {
    rfc: 1337,
    subject: "TIME_WAIT hazards",
    verdict: "met",
    why:
      "a RST in TIME_WAIT is ignored with --time-wait-rst ignore; by default it closes, as RFC 9293 has it",
  },
  {
    rfc: 1191,
    subject: "path MTU, IPv4",
    verdict: "partly",
    why:
      "frag-needed lowers the segment size, with plateaus for old routers, for ten minutes (§6.3), and is remembered for the next connection to that address (§3); those that are open find out by themselves",
  },
  {
    rfc: 8201,
    subject: "path MTU, IPv6",
    verdict: "met",
    why:
      "packet too big lowers the segment size, never below 1280 (§4), for ten minutes (§5.2), remembered for the next " +
      "connection; of echo replies it is remembered by destination",
  },
  {
    rfc: 7413,
    subject: "fast open",
    verdict: "met",
    why:
      "both sides, off unless asked for: cookies by a keyed hash with rotation (§4.1.2), the server's MSS and negative responses " +
      "kept (§4.1.3), pending requests bounded, those that were reset included (§5.1); the SYN-ACK carries no data, a FIN in a SYN is left",
  },
  {
    rfc: 791,
    subject: "IPv4",
    verdict: "partly",
    why:
      "headers, reassembly, fragmentation of what we send; options are skipped, source routes not used, and an overlap " +
      "of fragments ends the datagram",
  },
  {
    rfc: 1122,
    subject: "the internet layer of hosts (§3)",
    verdict: "partly",
    why:
      "addresses, reassembly with its time, echo, when no error is sent, gateways; ICMP redirects (§3.2.2.2) and options " +
      "(§3.2.1.8) are not followed, IGMP (§3.2.3) is not spoken",
  },
  {
    rfc: 815,
    subject: "reassembly algorithm",
    verdict: "met",
    why: "a sorted list of parts does what its list of holes does",
  },
  {
    rfc: 1858,
    subject: "tiny and overlapping fragments",
    verdict: "met",
    why: "a first fragment of TCP holds its header (§3.2), overlaps are refused",
  },
  {
    rfc: 3128,
    subject: "the variant of the tiny fragment attack",
    verdict: "met",
    why: "no fragment of TCP begins at its flags",
  },
  {
    rfc: 6864,
    subject: "identification of IPv4",
    verdict: "met",
    why:
      "what may be cut has one of its own, from keyed counters; atomic answers copy or leave it; segments are numbered, with DF",
  },
  {
    rfc: 826,
    subject: "ARP",
    verdict: "met",
    why: "asks, answers, learns from whoever asks for us or is known; groups are never believed",
  },
  {
    rfc: 5227,
    subject: "IPv4 address conflicts",
    verdict: "partly",
    why:
      "probes, announcements, defence once in ten seconds (§2.4 c); the address is used while the probing goes on (§2.1.1)",
  },
  {
    rfc: 8200,
    subject: "IPv6",
    verdict: "partly",
    why:
      "extension headers in any order, options by their bits, routing headers refused, fragments, packets of 1280 bytes; " +
      "more than eight headers, and a fragment in a fragment, are dropped",
  },
  {
    rfc: 4291,
    subject: "IPv6 addresses",
    verdict: "partly",
    why:
      "scopes, link-local by the hardware address, solicited-node groups, which addresses can be a host's; there is no " +
      "loopback interface, ::1 is nobody",
  },
  {
    rfc: 4007,
    subject: "scopes and zones",
    verdict: "partly",
    why:
      "a zone names the device, from link-local addresses nothing goes to a router (§9); one device, so that there is one zone",
  },
  {
    rfc: 6724,
    subject: "choice of addresses",
    verdict: "partly",
    why:
      "sources (§5) and destinations (§6) with the default table; the rules for several interfaces, home and temporary " +
      "addresses have nothing to do here, and the table cannot be changed",
  },
  {
    rfc: 6437,
    subject: "flow label",
    verdict: "met",
    why: "20 bits a connection, a keyed hash of its addresses and ports (§3); 0 without a connection",
  },
  {
    rfc: 5722,
    subject: "overlapping fragments of IPv6",
    verdict: "met",
    why: "the whole datagram goes, with all that still comes of it",
  },
  {
    rfc: 6946,
    subject: "atomic fragments",
    verdict: "met",
    why: "are whole packets, and meet no others of their identification",
  },
  {
    rfc: 7112,
    subject: "first fragments hold all headers",
    verdict: "met",
    why: "others are dropped, with parameter problem code 3 (§5)",
  },
  {
    rfc: 4443,
    subject: "ICMPv6",
    verdict: "met",
    why:
      "echo, errors sent by all rules of §2.4 with a token bucket, errors taken for the connections that they quote",
  },
  {
    rfc: 4861,
    subject: "neighbour discovery",
    verdict: "partly",
    why:
      "all checks, the table of §7.2.5, unreachability with hints of TCP, default routers, prefixes and parameters; " +
      "redirects and RetransTimer are not taken",
  },
  {
    rfc: 4862,
    subject: "duplicate addresses, autoconfiguration",
    verdict: "partly",
    why:
      "detection for every address, while those that were named serve already (§5.4); addresses of prefixes only where a " +
      "program asks for them (§5.5)",
  },
  {
    rfc: 5942,
    subject: "what is on the link",
    verdict: "met",
    why: "prefixes that were named or advertised as such; an address made by advertisement says nothing (§4)",
  },
  {
    rfc: 4191,
    subject: "preferences of routers",
    verdict: "partly",
    why: "of default routers (§2.2, §3.2); more specific routes (§2.3) are not read",
  },
  {
    rfc: 6980,
    subject: "neighbour discovery in fragments",
    verdict: "met",
    why: "is dropped (§5)",
  },
  {
    rfc: 3810,
    subject: "MLDv2",
    verdict: "met",
    why:
      "the listener's part: reports, answers to queries of both versions within their delays; sources are never filtered",
  },
  {
    rfc: 2711,
    subject: "router alert",
    verdict: "met",
    why: "in every report of groups, and asked for in a query",
  },
];
