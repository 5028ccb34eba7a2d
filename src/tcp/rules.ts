/**
 * The rules: every check and action of the machine has a name, a section, and a sentence.
 *
 * Owns: the names. Events carry them, so that one can ask "why?"; a test shows that each is hit. Must not
 * know: the code that applies them.
 */

/** What a rule says and where it comes from. */
interface Rule {
  readonly rfc: string;
  readonly text: string;
}

/** All rules by id. */
export const RULES = {
  "none": { rfc: "-", text: "nothing has been decided yet" },

  "open.passive": { rfc: "RFC 9293 §3.10.1", text: "passive OPEN: wait for a SYN" },
  "open.active": { rfc: "RFC 9293 §3.10.1", text: "active OPEN: send SYN" },
  "open.fast-open-request": { rfc: "RFC 7413 §4.2.1", text: "active OPEN: SYN that asks for a cookie" },
  "open.fast-open": { rfc: "RFC 7413 §4.2.2", text: "active OPEN: SYN with a cookie, and text behind it" },

  "arrives.closed.rst": { rfc: "RFC 9293 §3.10.7.1", text: "no connection: a RST is discarded" },
  "arrives.closed.reset": {
    rfc: "RFC 9293 §3.10.7.1",
    text: "no connection: anything else is answered with RST",
  },

  "arrives.closed.silent": { rfc: "-", text: "no connection: no answer at all (by switch)" },
  "arrives.syn-fin": { rfc: "-", text: "SYN and FIN in one segment: dropped unseen (by switch)" },

  "arrives.listen.rst": { rfc: "RFC 9293 §3.10.7.2", text: "LISTEN ignores a RST" },
  "arrives.listen.ack": { rfc: "RFC 9293 §3.10.7.2", text: "an ACK in LISTEN is bad: RST" },
  "arrives.listen.syn-ack": { rfc: "-", text: "a SYN, ACK in LISTEN: no answer (by switch)" },
  "arrives.listen.syn": { rfc: "RFC 9293 §3.10.7.2", text: "a SYN in LISTEN: answer SYN, ACK" },
  "arrives.listen.fast-open": {
    rfc: "RFC 7413 §4.2.2",
    text: "a SYN with a good cookie: its text is delivered before the handshake is over",
  },
  "arrives.listen.fast-open-cookie": {
    rfc: "RFC 7413 §4.1.2",
    text: "a SYN without a good cookie: the SYN, ACK brings one, the text is left",
  },
  "arrives.listen.fast-open-full": {
    rfc: "RFC 7413 §5.1",
    text: "too many Fast Open requests are pending: an ordinary handshake, the text is left",
  },
  "arrives.listen.other": { rfc: "RFC 9293 §3.10.7.2", text: "neither RST, ACK nor SYN: dropped" },
  "arrives.listen.backlog-full": {
    rfc: "RFC 4987 §3.2",
    text: "too many connections half-open, or waiting to be accepted: dropped",
  },
  "arrives.listen.cookie-sent": {
    rfc: "RFC 4987 §3.6",
    text: "too many half-open connections: a SYN cookie",
  },
  "arrives.listen.cookie": { rfc: "RFC 4987 §3.6", text: "the ACK brings our SYN cookie back: a connection" },

  "arrives.syn-sent.wrong-ack": {
    rfc: "RFC 9293 §3.10.7.3",
    text: "the ACK is not for our SYN: RST unless it is one",
  },
  "arrives.syn-sent.wrong-echo": {
    rfc: "RFC 7323 §3.2",
    text: "the timestamp that comes back is of no SYN of ours: RST, where that is a habit",
  },
  "arrives.syn-sent.rst": { rfc: "RFC 9293 §3.10.7.3", text: "RST with an acceptable ACK: refused" },
  "arrives.syn-sent.rst-without-ack": { rfc: "RFC 9293 §3.10.7.3", text: "RST without ACK: dropped" },
  "arrives.syn-sent.syn-ack": { rfc: "RFC 9293 §3.10.7.3", text: "our SYN is acknowledged: established" },
  "arrives.syn-sent.fast-open-taken": {
    rfc: "RFC 7413 §4.2.2",
    text: "text of our SYN is acknowledged with it",
  },
  "arrives.syn-sent.fast-open-again": {
    rfc: "RFC 7413 §4.2.2",
    text: "text of our SYN was not taken: it follows as ordinary data",
  },
  "arrives.syn-sent.syn": { rfc: "RFC 9293 §3.10.7.3", text: "SYN without ACK: simultaneous open" },
  "arrives.syn-sent.neither-syn-nor-rst": { rfc: "RFC 9293 §3.10.7.3", text: "neither SYN nor RST: dropped" },

  "arrives.check1.outside-window": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "sequence number outside the window: ACK, drop",
  },
  "arrives.check1.outside-window-rst": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "RST outside the window: dropped in silence",
  },
  "arrives.check1.outside-window-fin": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "FIN without ACK outside the window: dropped in silence (by switch)",
  },
  "arrives.check1.zero-window": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "no window: the text is dropped, ACK, URG and RST count",
  },
  "arrives.check1.paws": { rfc: "RFC 7323 §5.3", text: "timestamp older than TS.Recent: ACK, drop" },
  "arrives.check1.timestamp-missing": {
    rfc: "RFC 7323 §3.2",
    text: "timestamps were agreed and this segment has none: dropped",
  },
  "arrives.check2.rst": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "RST exactly at RCV.NXT: the connection is reset",
  },
  "arrives.check2.rst-challenge": {
    rfc: "RFC 5961 §3.2",
    text: "RST in the window but not at RCV.NXT: challenge ACK",
  },
  "arrives.check2.rst-in-window": {
    rfc: "RFC 793 §3.9",
    text: "RST anywhere in the window: the connection is reset (by switch)",
  },
  "arrives.check2.rst-syn-rcvd": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "RST in SYN_RCVD: back to LISTEN, or refused",
  },
  "arrives.check4.syn-challenge": { rfc: "RFC 5961 §4.2", text: "SYN in a connection: challenge ACK" },
  "arrives.check4.syn-reset": {
    rfc: "RFC 793 §3.9",
    text: "SYN in the window: RST, and the end (by switch)",
  },
  "arrives.check4.syn-in-syn-rcvd": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "SYN in the window of SYN_RCVD: back to LISTEN",
  },
  "arrives.check4.syn-again": { rfc: "RFC 9293 §3.8.1", text: "the same SYN again: the same SYN, ACK again" },
  "arrives.check5.no-ack": { rfc: "RFC 9293 §3.10.7.4", text: "no ACK bit: dropped" },
  "arrives.check5.syn-rcvd": { rfc: "RFC 9293 §3.10.7.4", text: "our SYN is acknowledged: established" },
  "arrives.check5.crossed-syn-ack": {
    rfc: "RFC 9293 §3.5",
    text: "the other side's SYN, ACK of a simultaneous open: established",
  },
  "arrives.check5.syn-rcvd-wrong-ack": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "SYN_RCVD, and the ACK is not for our SYN: RST",
  },
  "arrives.check5.ack-of-unsent": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "acknowledges what was never sent: ACK, drop",
  },
  "arrives.check5.ack-too-old": {
    rfc: "RFC 5961 §5.2",
    text: "older than any window we had: challenge ACK, drop",
  },
  "arrives.check5.ack-advances": { rfc: "RFC 9293 §3.10.7.4", text: "SND.UNA < SEG.ACK: SND.UNA moves" },
  "arrives.check5.duplicate-ack": { rfc: "RFC 5681 §2", text: "a duplicate ACK" },
  "arrives.check5.window-update": { rfc: "RFC 9293 §3.10.7.4", text: "the send window changes" },
  "arrives.check5.ack-nothing-new": { rfc: "RFC 9293 §3.10.7.4", text: "the ACK tells nothing new" },
  "arrives.check5.sack": { rfc: "RFC 2018 §5", text: "SACK reports data beyond a hole" },
  "arrives.check5.d-sack": {
    rfc: "RFC 2883 §4",
    text: "D-SACK reports that we sent something twice for nothing",
  },
  "arrives.check5.ecn-echo": {
    rfc: "RFC 3168 §6.1.2",
    text: "the peer saw congestion: the window is reduced once",
  },
  "arrives.check5.fin-acknowledged": { rfc: "RFC 9293 §3.10.7.4", text: "our FIN is acknowledged" },
  "arrives.ecn-marked": { rfc: "RFC 3168 §6.1.3", text: "the packet was marked on its way: echo it" },
  "arrives.check6.urgent": { rfc: "RFC 9293 §3.10.7.4", text: "urgent data is announced" },
  "arrives.check7.in-order": { rfc: "RFC 9293 §3.10.7.4", text: "text at RCV.NXT: delivered" },
  "arrives.check7.out-of-order": { rfc: "RFC 9293 §3.10.7.4", text: "text beyond RCV.NXT: kept" },
  "arrives.check7.reneged": {
    rfc: "RFC 2018 §8",
    text: "memory is short: what lay beyond a hole gives way to what fills it",
  },
  "arrives.check7.no-memory": {
    rfc: "-",
    text: "memory is short: the text is not taken, its sender sends it again",
  },
  "arrives.check7.too-many-holes": { rfc: "-", text: "more holes than we keep account of: dropped" },
  "arrives.check7.part-that-fits": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "more than the room left: the part that fits",
  },
  "arrives.check7.after-fin": { rfc: "RFC 9293 §3.10.7.4", text: "text after the peer's FIN: ignored" },
  "arrives.check8.fin": { rfc: "RFC 9293 §3.10.7.4", text: "FIN: acknowledged, the peer sends no more" },
  "arrives.check8.fin-out-of-order": { rfc: "RFC 9293 §3.10.7.4", text: "FIN beyond a hole: kept in mind" },
  "arrives.time-wait.fin-again": { rfc: "RFC 9293 §3.10.7.4", text: "the FIN again: ACK, and 2 MSL anew" },
  "arrives.time-wait.ack": {
    rfc: "RFC 9293 §3.10.7.4",
    text: "a bare ACK in TIME_WAIT: all is acknowledged already",
  },
  "arrives.time-wait.rst": { rfc: "RFC 9293 §3.10.7.4", text: "RST in TIME_WAIT: closed" },
  "arrives.time-wait.rst-ignored": { rfc: "RFC 1337 §3", text: "RST in TIME_WAIT: ignored (by switch)" },
  "arrives.time-wait.syn-dropped": {
    rfc: "-",
    text: "a SYN in TIME_WAIT that opens no new connection: no answer (by switch)",
  },
  "arrives.time-wait.new-syn": {
    rfc: "RFC 9293 §3.6.1",
    text: "a SYN beyond the old connection: a new one may begin",
  },

  "send.data": { rfc: "RFC 9293 §3.10.2", text: "data within both windows" },
  "send.urgent": { rfc: "RFC 9293 §3.8.5", text: "all that is queued is urgent" },
  "send.window-probe": { rfc: "RFC 9293 §3.8.6.1", text: "the window is shut: probe it" },
  "send.window-shut": {
    rfc: "RFC 9293 §3.8.6",
    text: "the window was shut with data in flight: probe, do not give up",
  },
  "send.override": { rfc: "RFC 9293 §3.8.6.2.1", text: "the window stayed small: send what fits" },
  "close.listen": { rfc: "RFC 9293 §3.10.4", text: "CLOSE of a listener: no new connections" },
  "close.fin": { rfc: "RFC 9293 §3.10.4", text: "CLOSE, and all is sent: FIN" },
  "close.unread": {
    rfc: "RFC 2525 §2.17",
    text: "CLOSE with bytes unread: RST, so that the peer learns that they are lost",
  },
  "close.late-text": {
    rfc: "RFC 1122 §4.2.2.13",
    text: "text after CLOSE: RST, since nobody will read it",
  },
  "close.syn-sent": { rfc: "RFC 9293 §3.10.4", text: "CLOSE in SYN_SENT: forgotten" },
  "evict.table-full": { rfc: "-", text: "the table is full: of those with most to one peer, one makes room" },
  "evict.memory": { rfc: "-", text: "memory is short: of those that hold most, one makes room" },
  "evict.closing": { rfc: "-", text: "too many wait for the peer's part of the end: the oldest goes" },
  "abort": { rfc: "RFC 9293 §3.10.5", text: "ABORT: RST where the peer still holds the connection" },

  "ack.handshake": { rfc: "RFC 9293 §3.5", text: "the third step of the handshake" },
  "ack.quick": { rfc: "RFC 5681 §4.2", text: "young connection or fresh loss: at once" },
  "ack.every-second": { rfc: "RFC 9293 §3.8.6.3", text: "two full segments: at once" },
  "ack.delayed": { rfc: "RFC 9293 §3.8.6.3", text: "the delay has passed" },
  "ack.out-of-order": { rfc: "RFC 5681 §4.2", text: "out of order: at once" },
  "ack.hole-filled": { rfc: "RFC 5681 §4.2", text: "a hole is filled: at once" },
  "ack.part-that-fits": { rfc: "RFC 9293 §3.8.6", text: "not all fitted: say where we are" },
  "ack.d-sack": { rfc: "RFC 2883 §4", text: "part of it was here already: told at once" },
  "ack.fin": { rfc: "RFC 9293 §3.10.7.4", text: "FIN is acknowledged at once" },
  "ack.ecn": { rfc: "RFC 3168 §6.1.3", text: "a mark is echoed at once" },
  "ack.window-update": { rfc: "RFC 9293 §3.8.6.2.2", text: "the application has read: the window opens" },

  "retransmit.rto": { rfc: "RFC 6298 §5.4", text: "the retransmission timer expired" },
  "retransmit.fast": { rfc: "RFC 5681 §3.2", text: "found lost: sent again before the timer" },
  "retransmit.syn": { rfc: "RFC 9293 §3.8.3", text: "SYN not answered: again" },
  "retransmit.syn-ack": { rfc: "RFC 9293 §3.8.3", text: "SYN, ACK not acknowledged: again" },
  "retransmit.tail-probe": { rfc: "RFC 8985 §7.3", text: "tail loss probe" },
  "retransmit.window-probe": { rfc: "RFC 9293 §3.8.6.1", text: "the window probe again" },
  "retransmit.r1": { rfc: "RFC 9293 §3.8.3", text: "R1 reached: the application is told" },
  "retransmit.r2": { rfc: "RFC 9293 §3.8.3", text: "R2 reached: the connection is given up" },
  "recovery.enter": { rfc: "RFC 6675 §5", text: "loss: fast recovery begins" },
  "recovery.leave": { rfc: "RFC 6675 §5", text: "all that was in flight then is acknowledged" },
  "recovery.partial-ack": { rfc: "RFC 6582 §3.2", text: "a partial ACK: the next segment is lost too" },
  "recovery.reorder-timeout": { rfc: "RFC 8985 §6.3", text: "too late to be only reordered" },
  "recovery.tail-probe": { rfc: "RFC 8985 §7.3", text: "no ACK for two round trips: probe the tail" },
  "recovery.tail-probe-repaired": {
    rfc: "RFC 8985 §7.4",
    text: "the probe repaired a loss: reduce the window",
  },
  "recovery.undo": { rfc: "RFC 3522 §3.2, RFC 3708 §3", text: "the reduction was for nothing: undone" },

  "keepalive.probe": { rfc: "RFC 9293 §3.8.4", text: "idle: ask whether the peer is there" },
  "keepalive.dead": { rfc: "RFC 9293 §3.8.4", text: "no answer to many probes: given up" },
  "time-wait.end": { rfc: "RFC 9293 §3.10.8", text: "2 MSL have passed" },
  "fin-wait-2.end": { rfc: "RFC 9293 §3.6", text: "the peer does not close, and nobody reads: given up" },

  "icmp.hard-error": { rfc: "RFC 9293 §3.9.2.2", text: "ICMP hard error: aborted" },
  "icmp.hard-as-soft": {
    rfc: "RFC 5927 §5.2",
    text: "ICMP hard error about a synchronized connection: the application is told",
  },
  "icmp.soft-error": { rfc: "RFC 9293 §3.9.2.2", text: "ICMP soft error: the application is told" },
  "icmp.too-big": { rfc: "RFC 1191 §3", text: "the path carries less: smaller segments" },
  "icmp.ignored": { rfc: "RFC 5927 §4.1", text: "the quoted sequence number is not in flight: ignored" },
} as const satisfies Readonly<Record<string, Rule>>;

/** Id of a rule. */
export type RuleId = keyof typeof RULES;
