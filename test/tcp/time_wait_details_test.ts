/**
 * TIME_WAIT by its details: what is left of the connection there, and which SYN opens anew, at the edges of the rules
 * (RFC 9293 §3.6.1, MAY-2; RFC 6191 §2).
 */
import { assertEquals } from "@std/assert";
import { SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import type { OptionValues } from "./frame_craft.ts";
import { type Fixture, reachClosing, reachEstablished, reachFinWait2, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const TWO_MSL_US = 60 * SECOND_US;
const STAMP = STAMPED_OPTIONS.timestamps?.value ?? 0;

Deno.test("TIME_WAIT lasts 2 MSL to the microsecond, or as long as it is told (MUST-13)", () => {
  for (
    const [tcp, us] of [[{}, TWO_MSL_US], [{ mslUs: 5 * SECOND_US }, 10 * SECOND_US], [
      { timeWaitUs: 777 },
      777,
    ]] as const
  ) {
    const { lab, app } = reachTimeWait({ tcp });
    assertEquals(app.connection.info().timers, { "time-wait": us });
    lab.pass(us - 1);
    assertEquals([app.state, app.closed], ["TIME_WAIT", []]);
    lab.pass(1);
    assertEquals(app.closed, ["normal"]);
  }
});

Deno.test("TIME_WAIT has one deadline, whatever ran before: keep-alive, retransmission, delayed ACK (MUST-13, MUST-26)", () => {
  const reaches: ((fixture: Fixture) => void)[] = [
    // Through FIN_WAIT_2, with text that is not acknowledged yet.
    ({ peer, app }) => {
      app.closeWrite();
      peer.sends({ flags: "ACK", seq: 1, ack: 2, data: 10 });
      peer.sends({ flags: "FIN ACK", seq: 11, ack: 2 });
    },
    // Through CLOSING, with our FIN sent again.
    ({ lab, peer, app }) => {
      app.closeWrite();
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
      lab.pass(5 * SECOND_US);
      peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    },
    // Straight from FIN_WAIT_1.
    ({ peer, app }) => {
      app.closeWrite();
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
    },
  ];
  for (const reach of reaches) {
    const fixture = reachEstablished({ tcp: { quickAcks: 0 } });
    const { lab, peer, app } = fixture;
    lab.user(() => app.connection.setKeepAlive(true, 20 * SECOND_US, SECOND_US));
    reach(fixture);
    peer.takeAll();
    assertEquals(app.state, "TIME_WAIT");
    assertEquals(app.connection.info().timers, { "time-wait": TWO_MSL_US });
    lab.pass(TWO_MSL_US - 1);
    peer.expectsSilence();
    assertEquals(app.state, "TIME_WAIT");
  }
});

Deno.test("TIME_WAIT keeps no text, neither what came out of order nor what was sent (RFC 9293 §3.6.1)", () => {
  const { peer, app } = reachFinWait2({ options: SACK_OPTIONS });
  peer.sends({ flags: "ACK", seq: 501, ack: 2, data: 100 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[501, 601]] });
  // A FIN before the text that came early: that text never was part of the stream.
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2, sack: [] });
  assertEquals(app.state, "TIME_WAIT");
  const { outOfOrderBytes, sendQueue, unsent, inFlight } = app.connection.info();
  assertEquals([outOfOrderBytes, sendQueue, unsent, inFlight], [0, 0, 0, 0]);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2, sack: [] });
  peer.expectsSilence();
});

Deno.test("TIME_WAIT from CLOSING: nothing is in flight (RFC 9293 §3.6.1)", () => {
  const { lab, peer, app } = reachClosing({ options: SACK_OPTIONS });
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  const { inFlight, sendQueue, lostBytes } = app.connection.info();
  assertEquals([app.state, inFlight, sendQueue, lostBytes], ["TIME_WAIT", 0, 0, 0]);
  lab.pass(30 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("TIME_WAIT: the FIN again starts 2 MSL anew, to the microsecond (RFC 9293 §3.10.7.4, eighth)", () => {
  const { lab, peer, app } = reachTimeWait();
  lab.pass(TWO_MSL_US - 1);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.connection.info().timers, { "time-wait": TWO_MSL_US });
  lab.pass(TWO_MSL_US - 1);
  assertEquals(app.state, "TIME_WAIT");
  lab.pass(1);
  assertEquals(app.closed, ["normal"]);
});

Deno.test("the event of the change tells what leaves with it: an ACK for the peer's FIN, nothing for its ACK (RFC 9293 §3.3.2, Figure 5)", () => {
  const sent = ({ lab }: Fixture) =>
    lab.transitions.filter(({ to }) => to === "TIME_WAIT").map(({ from, send }) => [from, send]);
  assertEquals(sent(reachTimeWait()), [["FIN_WAIT_2", ["ACK"]]]);
  const closing = reachClosing();
  closing.peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(sent(closing), [["CLOSING", null]]);
});

// Which SYN opens anew

interface Syn {
  readonly seq: number;
  /** TSval relative to TS.Recent; absent: no timestamps. */
  readonly stamp?: number;
}

/** A connection with these options in TIME_WAIT (RCV.NXT is 2), and whether a SYN takes its place. */
function opensAnew(options: OptionValues, syn: Syn, tcp = {}): boolean {
  const { lab, peer, app } = reachTimeWait({ options, tcp });
  const recent =
    lab.events.flatMap((event) =>
      event.event === "segment" && event.direction === "recv" && event.options.timestamps !== undefined
        ? [event.options.timestamps.value]
        : []
    ).at(-1) ?? STAMP;
  lab.pass(1000);
  lab.takeTransitions();
  peer.timestamps = false;
  peer.sends({
    flags: "SYN",
    seq: syn.seq,
    options: {
      mss: 1460,
      ...(syn.stamp === undefined ? {} : { timestamps: { value: (recent + syn.stamp) >>> 0, echo: 0 } }),
    },
  });
  const isNew = app.closed.length > 0;
  const [answer] = peer.takeAll();
  assertEquals(answer.flags, isNew ? "SYN ACK" : "ACK");
  assertEquals(lab.takeTransitions(), isNew ? ["TIME_WAIT>CLOSED", "LISTEN>SYN_RCVD"] : []);
  return isNew;
}

Deno.test("TIME_WAIT: RCV.NXT is the first number that may open anew (MAY-2)", () => {
  for (
    const [seq, isNew] of [[1, false], [2, true], [3, true], [0x7fff_0000, true], [-5, false], [
      -70_000,
      false,
    ]] as const
  ) {
    assertEquals(opensAnew({ mss: 1460 }, { seq }), isNew, `a SYN at ${seq}`);
  }
});

Deno.test("TIME_WAIT with timestamps: newer opens whatever the number, the same from RCV.NXT on, older never (SHLD-4, RFC 6191 §2)", () => {
  for (
    const [seq, stamp, isNew] of [
      [-70_000, 1, true],
      [1, 1, true],
      [1, 0, false],
      [2, 0, true],
      [3, 0, true],
      [2, -1, false],
      [70_000, -1, false],
    ] as const
  ) {
    assertEquals(opensAnew(STAMPED_OPTIONS, { seq, stamp }), isNew, `a SYN at ${seq}, timestamp ${stamp}`);
  }
});

Deno.test("TIME_WAIT of a connection without timestamps: a SYN that brings them opens, whatever its number (SHLD-4, RFC 6191 §2)", () => {
  for (const seq of [-70_000, 1, 2, 100]) {
    assertEquals(opensAnew({ mss: 1460 }, { seq, stamp: 5 }), true, `a SYN at ${seq}`);
  }
});

Deno.test("TIME_WAIT: a host that does not use timestamps judges by the number alone (RFC 6191 §2)", () => {
  for (const [seq, isNew] of [[1, false], [2, true]] as const) {
    assertEquals(opensAnew({ mss: 1460 }, { seq, stamp: 5 }, { timestamps: false }), isNew);
  }
});

Deno.test("TIME_WAIT with timestamps: a SYN without them is judged by its number (RFC 6191 §2)", () => {
  for (const [seq, isNew] of [[1, false], [2, true]] as const) {
    assertEquals(opensAnew(STAMPED_OPTIONS, { seq }), isNew);
  }
});

for (const flags of ["SYN FIN", "SYN RST", "SYN ACK", "FIN", ""]) {
  Deno.test(`TIME_WAIT: <${flags}> is no SYN that opens anew (MAY-2)`, () => {
    const { lab, peer } = reachTimeWait();
    lab.takeTransitions();
    peer.sends({ flags, seq: 1000, ack: 2 });
    assertEquals(lab.takeTransitions().filter((one) => one.includes("SYN_RCVD")), []);
    assertEquals(peer.takeAll().filter((seen) => seen.flags.includes("SYN")), []);
  });
}
