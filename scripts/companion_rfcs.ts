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

/** The companions, by subject: safety of what arrives, loss and congestion, options, opening and closing, the path. */
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
      "negotiated, marked on new data only, echoed until CWR, one reduction a window, never on window probes; no " +
      "wait for the timer at a window of one segment (§6.1.2)",
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
  { rfc: 8201, subject: "path MTU, IPv6", verdict: "not", why: "IPv6 is not in this version" },
  { rfc: 7413, subject: "fast open", verdict: "not", why: "optional; the option is ignored" },
];
