/**
 * One walk for each rule: what makes the machine name it.
 *
 * Owns: the walks. The type asks for one for every rule. Must not know: the machine.
 */
import type { RuleId } from "../../src/tcp/rules.ts";
import { bytesOf } from "./app_log.ts";
import { Lab, type LabOptions } from "./harness.ts";
import { asksForCookie, asksForFastOpen, opensFast } from "./fast_open_walks.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { PeerSegment } from "./peer.ts";
import {
  ALL_OPTIONS,
  type Fixture,
  type FixtureOptions,
  reachCloseWait,
  reachEstablished,
  reachFinWait1,
  reachFinWait2,
  reachLastAck,
  reachSynRcvd,
  reachSynSent,
  reachTimeWait,
} from "./states.ts";
import type { Walk } from "./transition_walks.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

type Reach = (options?: FixtureOptions) => Fixture;

/** In a state, given options, these segments arrive. */
function arrives(reach: Reach, options: FixtureOptions, ...segments: readonly PeerSegment[]): Walk {
  return acts(reach, options, ({ peer }) => {
    for (const segment of segments) peer.sends(segment);
  });
}

function acts(reach: Reach, options: FixtureOptions, act: (fixture: Fixture) => void): Walk {
  return () => {
    const fixture = reach(options);
    fixture.lab.takeRules();
    act(fixture);
    return fixture.lab;
  };
}

/** Segments to a host that only listens, or does not even do that. */
function alone(listens: boolean, ...segments: readonly PeerSegment[]): Walk {
  return () => {
    const lab = new Lab();
    if (listens) lab.listen();
    const peer = lab.peer();
    for (const segment of segments) peer.sends(segment);
    return lab;
  };
}

/** The backlog of one is taken, and another peer comes. */
function overfull(tcp: NonNullable<LabOptions["tcp"]>, answers: boolean): Walk {
  return () => {
    const lab = new Lab({ tcp });
    lab.listen({ backlog: 1 });
    lab.peer().sends({ flags: "SYN", seq: 0 });
    const late = lab.peer();
    late.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    if (answers) late.sends({ flags: "ACK", seq: 1, ack: 1 });
    return lab;
  };
}

const SACK: FixtureOptions = { options: { mss: 1460, sackPermitted: true } };
const STAMPED: FixtureOptions = { options: ALL_OPTIONS };
const PATIENT: FixtureOptions = { tcp: { quickAcks: 0, receiveBufferBytes: 0x8000 } };
const SMALL: FixtureOptions = { autoRead: false, tcp: { receiveBufferBytes: 2000 } };

/** Twenty segments with SACK and a round trip of 50 ms; the flight is under way. */
function inFlight(options: FixtureOptions, act: (fixture: Fixture) => void): Walk {
  return () => {
    const fixture = reachSynRcvd({ ...options, tcp: { noDelay: true, ...options.tcp } });
    const { lab, peer, app } = fixture;
    lab.pass(50_000);
    peer.timestamps = options.options?.timestamps !== undefined;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    app.write(10 * 1000);
    lab.pass(50_000);
    lab.takeRules();
    act(fixture);
    return lab;
  };
}

/** Blocks of the host's text that arrived, as an ACK of what is before them. */
function reports({ peer }: Fixture, ack: number, ...blocks: readonly (readonly [number, number])[]): void {
  const sack = blocks.map(([left, right]) => peer.hostBlock(left, right));
  peer.sends({ flags: "ACK", seq: 1, ack, options: { sack } });
}

/** Three duplicate ACKs. */
function duplicates({ peer }: Fixture, ack: number): void {
  for (let i = 0; i < 3; i++) peer.sends({ flags: "ACK", seq: 1, ack });
}

/** The host's SYN asks for ECN, or grants it to a SYN that does. */
function withEcn(act: (fixture: Fixture) => void): Walk {
  return () => {
    const lab = new Lab({ tcp: { ecn: "accept", noDelay: true } });
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460, sackPermitted: true } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    act({ lab, peer, app: apps[0] });
    return lab;
  };
}

const MSS = 1460;

/** Walks by rule. */
export const RULE_WALKS: Readonly<Record<Exclude<RuleId, "none">, Walk>> = {
  "open.passive": alone(true),
  "open.active": acts(reachSynSent, {}, ({ lab }) => lab.connect(lab.peer())),

  "open.fast-open-request": asksForCookie(),
  "open.fast-open": opensFast(3),

  "arrives.closed.rst": alone(false, { flags: "RST", seq: 1 }),
  "arrives.closed.reset": alone(false, { flags: "SYN", seq: 1 }),
  "arrives.closed.silent": acts(reachEstablished, { tcp: { closedPorts: "silent" } }, ({ lab }) => {
    lab.peer({ hostPort: 1 }).sends({ flags: "SYN", seq: 1 });
  }),
  "arrives.syn-fin": arrives(reachEstablished, { tcp: { synFin: "drop" } }, { flags: "SYN FIN", seq: 1 }),
  "arrives.listen.rst": alone(true, { flags: "RST", seq: 1 }),
  "arrives.listen.ack": alone(true, { flags: "ACK", seq: 1, ack: 1 }),
  "arrives.listen.syn-ack": acts(reachEstablished, { tcp: { listenSynAck: "drop" } }, ({ lab }) => {
    lab.peer().sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  }),
  "arrives.listen.syn": alone(true, { flags: "SYN", seq: 0 }),
  "arrives.listen.fast-open": asksForFastOpen(1, true),
  "arrives.listen.fast-open-cookie": asksForFastOpen(1, false),
  "arrives.listen.fast-open-full": asksForFastOpen(1, true),
  "arrives.listen.other": alone(true, { flags: "FIN", seq: 1 }),
  "arrives.listen.backlog-full": overfull({ synCookies: false }, false),
  "arrives.listen.cookie-sent": overfull({ synCookies: true }, false),
  "arrives.listen.cookie": overfull({ synCookies: true }, true),

  "arrives.syn-sent.wrong-ack": arrives(reachSynSent, {}, { flags: "ACK", seq: 1, ack: 5 }),
  "arrives.syn-sent.wrong-echo": arrives(reachSynSent, { tcp: { synAckEcho: "of-our-syn" } }, {
    flags: "SYN ACK",
    seq: 0,
    ack: 1,
    options: { timestamps: { value: 1, echo: 0x12345 } },
  }),
  "arrives.syn-sent.rst": arrives(reachSynSent, {}, { flags: "RST ACK", seq: 0, ack: 1 }),
  "arrives.syn-sent.rst-without-ack": arrives(reachSynSent, {}, { flags: "RST", seq: 0 }),
  "arrives.syn-sent.syn-ack": arrives(reachSynSent, {}, { flags: "SYN ACK", seq: 0, ack: 1 }),
  "arrives.syn-sent.syn": arrives(reachSynSent, {}, { flags: "SYN", seq: 0 }),
  "arrives.syn-sent.fast-open-taken": opensFast(3),
  "arrives.syn-sent.fast-open-again": opensFast(0),
  "arrives.syn-sent.neither-syn-nor-rst": arrives(reachSynSent, {}, { flags: "ACK", seq: 0, ack: 1 }),

  "arrives.check1.outside-window": arrives(reachEstablished, {}, { flags: "ACK", seq: -5, ack: 1 }),
  "arrives.check1.outside-window-rst": arrives(reachEstablished, {}, { flags: "RST", seq: -5 }),
  "arrives.check1.outside-window-fin": arrives(reachEstablished, { tcp: { finWithoutAck: "drop" } }, {
    flags: "FIN",
    seq: -5,
  }),
  "arrives.check1.zero-window": arrives(
    reachEstablished,
    SMALL,
    { flags: "ACK", seq: 1, ack: 1, data: 2000 },
    { flags: "ACK", seq: 2001, ack: 1, data: 10 },
  ),
  "arrives.check1.paws": arrives(reachEstablished, STAMPED, {
    flags: "ACK",
    seq: 1,
    ack: 1,
    options: { timestamps: { value: 1, echo: 0 } },
  }),
  "arrives.check1.timestamp-missing": arrives(reachEstablished, STAMPED, {
    flags: "ACK",
    seq: 1,
    ack: 1,
    options: { timestamps: null },
  }),
  "arrives.check2.rst": arrives(reachEstablished, {}, { flags: "RST", seq: 1 }),
  "arrives.check2.rst-challenge": arrives(reachEstablished, {}, { flags: "RST", seq: 2 }),
  "arrives.check2.rst-in-window": arrives(reachEstablished, { tcp: { resetCheck: "rfc793" } }, {
    flags: "RST",
    seq: 2,
  }),
  "arrives.check2.rst-syn-rcvd": arrives(reachSynRcvd, {}, { flags: "RST", seq: 1 }),
  "arrives.check4.syn-challenge": arrives(reachEstablished, {}, { flags: "SYN", seq: 1 }),
  "arrives.check4.syn-reset": arrives(reachEstablished, { tcp: { synCheck: "rfc793" } }, {
    flags: "SYN",
    seq: 1,
  }),
  "arrives.check4.syn-in-syn-rcvd": arrives(reachSynRcvd, {}, { flags: "SYN", seq: 5 }),
  "arrives.check4.syn-again": arrives(reachSynRcvd, {}, { flags: "SYN", seq: 0 }),
  "arrives.check5.no-ack": arrives(reachEstablished, {}, { flags: "PSH", seq: 1 }),
  "arrives.check5.syn-rcvd": arrives(reachSynRcvd, {}, { flags: "ACK", seq: 1, ack: 1 }),
  "arrives.check5.crossed-syn-ack": arrives(reachSynRcvd, { role: "client" }, {
    flags: "SYN ACK",
    seq: 0,
    ack: 1,
  }),
  "arrives.check5.syn-rcvd-wrong-ack": arrives(reachSynRcvd, {}, { flags: "ACK", seq: 1, ack: 7 }),
  "arrives.check5.ack-of-unsent": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: 7 }),
  "arrives.check5.ack-too-old": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: -100_000 }),
  "arrives.check5.ack-advances": acts(reachEstablished, {}, ({ peer, app }) => {
    app.write("abc");
    peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  }),
  "arrives.check5.duplicate-ack": acts(reachEstablished, {}, ({ peer, app }) => {
    app.write("abc");
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  }),
  "arrives.check5.window-update": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: 1, window: 77 }),
  "arrives.check5.ack-nothing-new": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: 1 }),
  "arrives.check5.sack": inFlight(SACK, (fixture) => reports(fixture, 1, [1 + MSS, 1 + 2 * MSS])),
  "arrives.check5.d-sack": inFlight(SACK, (fixture) => reports(fixture, 1 + MSS, [1, 1 + MSS])),
  "arrives.check5.ecn-echo": withEcn(({ peer, app }) => {
    app.write(5000);
    peer.sends({ flags: "ACK ECE", seq: 1, ack: 1 + MSS });
  }),
  "arrives.check5.fin-acknowledged": arrives(reachFinWait1, {}, { flags: "ACK", seq: 1, ack: 2 }),
  "arrives.ecn-marked": withEcn(({ peer }) => {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, ecn: 3 });
  }),
  "arrives.check6.urgent": arrives(reachEstablished, {}, {
    flags: "URG ACK",
    seq: 1,
    ack: 1,
    data: "a",
    urgentPointer: 1,
  }),
  "arrives.check7.in-order": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: 1, data: "a" }),
  "arrives.check7.out-of-order": arrives(reachEstablished, {}, { flags: "ACK", seq: 9, ack: 1, data: "a" }),
  "arrives.check7.reneged": acts(reachEstablished, { memoryBytes: 0x8000 }, ({ peer }) => {
    for (let i = 0; i < 6; i++) peer.sends({ flags: "ACK", seq: 2 + i * MSS, ack: 1, data: MSS });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a" });
  }),
  "arrives.check7.no-memory": acts(reachEstablished, { memoryBytes: 6100 }, ({ lab, peer }) => {
    // With three records three quarters of that are used.
    for (const other of [lab.peer(), lab.peer()]) {
      other.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
      other.sends({ flags: "ACK", seq: 1, ack: 1 });
    }
    peer.sends({ flags: "ACK", seq: 9, ack: 1, data: "a" });
  }),
  "arrives.check7.too-many-holes": arrives(
    reachEstablished,
    { tcp: { maxOutOfOrderBlocks: 2 } },
    ...[10, 20, 30, 40].map((seq) => ({ flags: "ACK", seq, ack: 1, data: "a" })),
  ),
  "arrives.check7.part-that-fits": arrives(reachEstablished, SMALL, {
    flags: "ACK",
    seq: 1,
    ack: 1,
    data: 5000,
  }),
  "arrives.check7.after-fin": arrives(reachCloseWait, {}, { flags: "ACK", seq: 2, ack: 1, data: "ghost" }),
  "arrives.check8.fin": arrives(reachEstablished, {}, { flags: "FIN ACK", seq: 1, ack: 1 }),
  "arrives.check8.fin-out-of-order": arrives(reachEstablished, {}, { flags: "FIN ACK", seq: 9, ack: 1 }),
  "arrives.time-wait.fin-again": arrives(reachTimeWait, {}, { flags: "FIN ACK", seq: 1, ack: 2 }),
  "arrives.time-wait.ack": arrives(reachTimeWait, {}, { flags: "ACK", seq: 2, ack: 2 }),
  "arrives.time-wait.rst": arrives(reachTimeWait, {}, { flags: "RST", seq: 2 }),
  "arrives.time-wait.rst-ignored": arrives(reachTimeWait, { tcp: { timeWaitRst: "ignore" } }, {
    flags: "RST",
    seq: 2,
  }),
  "arrives.time-wait.syn-dropped": arrives(reachTimeWait, { tcp: { timeWaitSyn: "drop" } }, {
    flags: "SYN",
    seq: -5,
  }),
  "arrives.time-wait.new-syn": arrives(reachTimeWait, {}, { flags: "SYN", seq: 1000 }),

  "send.data": acts(reachEstablished, {}, ({ app }) => app.write("abc")),
  "send.urgent": acts(reachEstablished, {}, ({ lab, peer, app }) => {
    app.write("a");
    app.write("bc");
    lab.user(() => app.connection.markUrgent());
    peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  }),
  "send.window-probe": acts(reachEstablished, { peer: { window: 0 } }, ({ lab, app }) => {
    app.write("abc");
    lab.pass(10 * SECOND_US);
  }),
  "send.window-shut": acts(reachEstablished, {}, ({ lab, peer, app }) => {
    app.write(3000);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
    lab.pass(10 * SECOND_US);
  }),
  "send.override": acts(reachEstablished, {}, ({ lab, peer, app }) => {
    app.write(3 * MSS);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 + 3 * MSS, window: 100 });
    app.write(5000);
    lab.pass(2 * SECOND_US);
  }),
  "close.listen": () => {
    const lab = new Lab();
    lab.listen().close();
    return lab;
  },
  "close.fin": acts(reachEstablished, {}, ({ app }) => app.closeWrite()),
  "close.unread": acts(reachEstablished, { autoRead: false }, ({ peer, app }) => {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "unread" });
    app.close();
  }),
  "close.late-text": acts(reachEstablished, {}, ({ peer, app }) => {
    app.close();
    peer.sends({ flags: "ACK", seq: 1, ack: 2, data: "late" });
  }),
  "close.syn-sent": acts(reachSynSent, {}, ({ app }) => app.close()),
  "evict.table-full": acts(reachEstablished, { maxConnections: 1 }, ({ lab }) => {
    const other = lab.peer();
    other.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    other.sends({ flags: "ACK", seq: 1, ack: 1 });
  }),
  "evict.memory": acts(reachEstablished, { memoryBytes: 0x100000 }, ({ lab, peer }) => {
    for (let i = 0; i < 1000; i++) {
      const other = lab.peer();
      other.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
      other.sends({ flags: "ACK", seq: 1, ack: 1 });
    }
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a" });
  }),
  "evict.closing": acts(reachLastAck, { maxClosing: 1 }, ({ lab }) => {
    const apps = lab.listen({ port: HOST_PORT + 1 });
    const other = lab.peer({ hostPort: HOST_PORT + 1 });
    other.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    other.sends({ flags: "ACK", seq: 1, ack: 1 });
    other.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    apps[0].closeWrite();
  }),
  "abort": acts(reachEstablished, {}, ({ app }) => app.abort()),

  "ack.handshake": arrives(reachSynSent, {}, { flags: "SYN ACK", seq: 0, ack: 1 }),
  "ack.quick": arrives(reachEstablished, {}, { flags: "ACK", seq: 1, ack: 1, data: "a" }),
  "ack.every-second": arrives(
    reachEstablished,
    PATIENT,
    { flags: "ACK", seq: 1, ack: 1, data: MSS },
    { flags: "ACK", seq: 1 + MSS, ack: 1, data: MSS },
  ),
  "ack.delayed": acts(reachEstablished, PATIENT, ({ lab, peer }) => {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a" });
    lab.pass(SECOND_US);
  }),
  "ack.out-of-order": arrives(reachEstablished, PATIENT, { flags: "ACK", seq: 9, ack: 1, data: "a" }),
  "ack.hole-filled": arrives(
    reachEstablished,
    PATIENT,
    { flags: "ACK", seq: 2, ack: 1, data: "b" },
    { flags: "ACK", seq: 1, ack: 1, data: "a" },
  ),
  "ack.part-that-fits": arrives(reachEstablished, SMALL, { flags: "ACK", seq: 1, ack: 1, data: 5000 }),
  "ack.d-sack": acts(reachEstablished, SACK, ({ peer }) => {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10 });
    peer.sends({ flags: "ACK", seq: 6, ack: 1, data: 10 });
  }),
  "ack.fin": arrives(reachEstablished, {}, { flags: "FIN ACK", seq: 1, ack: 1 }),
  "ack.ecn": withEcn(({ peer }) => peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, ecn: 3 })),
  "ack.window-update": acts(reachEstablished, SMALL, ({ peer, app }) => {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
    app.read();
  }),

  "retransmit.rto": acts(reachEstablished, {}, ({ lab, app }) => {
    app.write("abc");
    lab.pass(5 * SECOND_US);
  }),
  "retransmit.fast": inFlight({}, (fixture) => duplicates(fixture, 1)),
  "retransmit.syn": acts(reachSynSent, {}, ({ lab }) => lab.pass(2 * SECOND_US)),
  "retransmit.syn-ack": acts(reachSynRcvd, {}, ({ lab }) => lab.pass(2 * SECOND_US)),
  "retransmit.tail-probe": inFlight(SACK, ({ lab }) => lab.pass(SECOND_US)),
  "retransmit.window-probe": acts(reachEstablished, { peer: { window: 0 } }, ({ lab, app }) => {
    app.write("abc");
    lab.pass(30 * SECOND_US);
  }),
  "retransmit.r1": acts(reachEstablished, {}, ({ lab, app }) => {
    app.write("abc");
    lab.pass(60 * SECOND_US);
  }),
  "retransmit.r2": acts(reachEstablished, {}, ({ lab, app }) => {
    app.write("abc");
    lab.pass(1000 * SECOND_US);
  }),
  "recovery.enter": inFlight({}, (fixture) => duplicates(fixture, 1)),
  "recovery.leave": inFlight({}, (fixture) => {
    duplicates(fixture, 1);
    fixture.peer.sends({ flags: "ACK", seq: 1, ack: 10_001 });
  }),
  "recovery.partial-ack": inFlight({}, (fixture) => {
    duplicates(fixture, 1);
    fixture.peer.sends({ flags: "ACK", seq: 1, ack: 1 + MSS });
  }),
  "recovery.reorder-timeout": inFlight(SACK, (fixture) => {
    // One segment beyond a hole: too few to be sure, so time decides.
    reports(fixture, 1, [1 + MSS, 1 + 2 * MSS]);
    fixture.lab.pass(SECOND_US);
  }),
  "recovery.tail-probe": inFlight(SACK, ({ lab }) => lab.pass(SECOND_US)),
  "recovery.tail-probe-repaired": inFlight(SACK, (fixture) => {
    // The last two are out; the probe sends the last again, and all is acknowledged without a D-SACK.
    const { lab, peer, app } = fixture;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 + 5 * MSS });
    peer.takeAll();
    for (let waited = 0; waited < 20 && peer.takeAll().length === 0; waited++) lab.pass(10_000);
    peer.sends({ flags: "ACK", seq: 1, ack: 10_001 });
    // Only an ACK beyond the probe decides (RFC 8985 §7.4.2).
    app.write("more");
    peer.sends({ flags: "ACK", seq: 1, ack: 10_005 });
  }),
  "recovery.undo": inFlight(STAMPED, (fixture) => {
    // The timer expires, then the ACK of the first sending arrives: its echo is older than what was sent again.
    const { lab, peer } = fixture;
    const early = peer.hostTimestamp;
    lab.pass(SECOND_US);
    peer.sends({
      flags: "ACK",
      seq: 1,
      ack: 10_001,
      options: { timestamps: { value: peer.clock, echo: early } },
    });
  }),

  "keepalive.probe": acts(reachEstablished, {}, ({ lab, app }) => {
    lab.user(() => app.connection.setKeepAlive(true, SECOND_US, SECOND_US));
    lab.pass(3 * SECOND_US);
  }),
  "keepalive.dead": acts(reachEstablished, {}, ({ lab, app }) => {
    lab.user(() => app.connection.setKeepAlive(true, SECOND_US, SECOND_US));
    lab.pass(60 * SECOND_US);
  }),
  "time-wait.end": acts(reachTimeWait, {}, ({ lab }) => lab.pass(300 * SECOND_US)),
  "fin-wait-2.end": acts(reachFinWait2, {}, ({ lab, app }) => {
    app.close();
    lab.pass(300 * SECOND_US);
  }),

  "icmp.hard-error": acts(reachSynSent, {}, ({ peer }) => {
    sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 0 });
  }),
  "icmp.hard-as-soft": acts(reachEstablished, {}, ({ peer, app }) => {
    app.write("abc");
    sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 1 });
  }),
  "icmp.soft-error": acts(reachEstablished, {}, ({ peer, app }) => {
    app.write("abc");
    sendsIcmp(peer, { ...ICMP_FAMILY.hostUnreachable, seq: 1 });
  }),
  "icmp.too-big": acts(reachEstablished, {}, ({ peer, app }) => {
    app.write(bytesOf(MSS));
    sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 1, rest: 1300 });
  }),
  "icmp.ignored": acts(reachEstablished, {}, ({ peer }) => {
    sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 1 });
  }),
};
