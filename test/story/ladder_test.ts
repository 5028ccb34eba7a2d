/**
 * The ladder's lines, exactly: segments, runs, gaps, what never arrived, and the states of both ends where they change.
 */
import { assertEquals } from "@std/assert";
import { EventStory } from "../../src/story/from_events.ts";
import { ladderOf, type LadderOptions } from "../../src/story/ladder.ts";
import { markWord, waitWord } from "../../src/story/ladder_words.ts";
import { Story } from "../../src/story/story.ts";
import { guttersText, linesText } from "./ladder_lines.ts";
import { runTwoEnds } from "./two_ends.ts";
import { FULL_HANDSHAKE, HANDSHAKE, tell } from "./written_story.ts";
import { ipv4Test } from "../tcp/family.ts";

function told(
  text: string,
  options: LadderOptions = {},
): { before: string; lines: string[]; leftOut: number } {
  const ladder = ladderOf(tell(text).connection, options);
  return { before: guttersText(ladder.before), lines: linesText(ladder), leftOut: ladder.leftOut };
}

const WHOLE = `${HANDSHAKE}
  C PA 1 1 len=100
  S A 1 101
  C FA 101 1
  S A 1 102
  S FA 1 102 at=2.5
  C A 102 2`;

Deno.test("ladder: a whole connection, a wait in it, and the states of both ends where they change", () => {
  assertEquals(told(WHOLE), {
    before: "client - | server LISTEN?",
    lines: [
      "0.000 ->#1 SYN seq 0 win 1000 {client SYN_SENT}",
      "0.010 <-#2 SYN,ACK seq 0 ack 1 win 1000 {client ESTABLISHED, server SYN_RCVD}",
      "0.020 ->#3 ACK seq 1 ack 1 win 1000 {server ESTABLISHED}",
      "0.030 ->#4 PSH,ACK seq 1 ack 1 len 100 win 1000",
      "0.040 <-#5 ACK seq 1 ack 101 win 1000",
      "0.050 ->#6 FIN,ACK seq 101 ack 1 win 1000 {client FIN_WAIT_1, server CLOSE_WAIT}",
      "0.060 <-#7 ACK seq 1 ack 102 win 1000 {client FIN_WAIT_2}",
      "0.060 gap 2.4 s",
      "2.490 <-#8 FIN,ACK seq 1 ack 102 win 1000 {client TIME_WAIT, server LAST_ACK}",
      "2.500 ->#9 ACK seq 102 ack 2 win 1000 {server CLOSED?}",
    ],
    leftOut: 0,
  });
});

Deno.test("ladder: the last lines begin with the states and the wait that went before them", () => {
  assertEquals(told(WHOLE, { last: 2 }), {
    before: "client FIN_WAIT_2 | server CLOSE_WAIT",
    lines: [
      "0.060 gap 2.4 s",
      "2.490 <-#8 FIN,ACK seq 1 ack 102 win 1000 {client TIME_WAIT, server LAST_ACK}",
      "2.500 ->#9 ACK seq 102 ack 2 win 1000 {server CLOSED?}",
    ],
    leftOut: 7,
  });
  assertEquals(told(WHOLE, { last: 0 }), {
    before: "client TIME_WAIT | server CLOSED?",
    lines: [],
    leftOut: 9,
  });
});

const BULK = `${FULL_HANDSHAKE}
  C A 1 1 len=100 ts=3/501
  S A 1 101 ts=502/3
  C A 101 1 len=100 ts=4/502
  S A 1 201 ts=503/4
  C A 201 1 len=100 ts=5/503 at=0.5
  S A 1 301 ts=504/5`;

Deno.test("ladder: bulk data is a run, which can be opened; a wait ends it", () => {
  const handshake = [
    "0.000 ->#1 SYN seq 0 win 1000 mss 1000 sackOK wscale 2 ts 1/0 {client SYN_SENT}",
    "0.010 <-#2 SYN,ACK seq 0 ack 1 win 1000 mss 1000 sackOK wscale 2 ts 501/1 " +
    "{client ESTABLISHED, server SYN_RCVD}",
    "0.020 ->#3 ACK seq 1 ack 1 win 4000 ts 2/501 {server ESTABLISHED}",
  ];
  const end = [
    "0.060 gap 0.43 s",
    "0.490 ->#8 ACK seq 201 ack 1 len 100 win 4000 ts 5/503",
    "0.500 <-#9 ACK seq 1 ack 301 win 4000 ts 504/5",
  ];
  assertEquals(told(BULK).lines, [
    ...handshake,
    "0.030 =>#4-7 4 segments 1..201 200 bytes 2 of them ACKs",
    ...end,
  ]);
  const run = ladderOf(tell(BULK).connection).lines[3];
  assertEquals(run.kind === "run" && run.opens, 3);
  assertEquals(told(BULK, { opened: new Set([3]) }).lines, [
    ...handshake,
    "0.030 ->#4 ACK seq 1 ack 1 len 100 win 4000 ts 3/501",
    "0.040 <-#5 ACK seq 1 ack 101 win 4000 ts 502/3",
    "0.050 ->#6 ACK seq 101 ack 1 len 100 win 4000 ts 4/502",
    "0.060 <-#7 ACK seq 1 ack 201 win 4000 ts 503/4",
    ...end,
  ]);
});

Deno.test("ladder: what was lost ends half-way, what probably was has a question mark, and its repair says so", () => {
  const data = `${FULL_HANDSHAKE}
    C A 1 1 len=100 ts=10/501
    C A 101 1 len=100 ts=11/501
    S A 1 1 ts=511/2 sack=101-201
    C A 1 1 len=100 ts=20/511
    S A 1 201 ts=520/20
    S RA 1 201`;
  assertEquals(told(data).lines.slice(3), [
    "0.030 -x#4 ACK seq 1 ack 1 len 100 win 4000 ts 10/501 [never arrived (#7)]",
    "0.040 ->#5 ACK seq 101 ack 1 len 100 win 4000 ts 11/501",
    "0.050 <-#6 ACK seq 1 ack 1 win 4000 sack 101..201 ts 511/2 [duplicate ACK (#2); SACK]",
    "0.060 ->#7 ACK seq 1 ack 1 len 100 win 4000 ts 20/511 [sent again: fast (#4)]",
    "0.070 <-#8 ACK seq 1 ack 201 win 4000 ts 520/20",
    "0.080 <-#9 RST,ACK seq 1 ack 201 {client CLOSED?, server CLOSED}",
  ]);
  assertEquals(
    told(`${HANDSHAKE}\nC A 1 1 len=100\nC A 1 1 len=100 at=1.5\nS A 1 101`, { gapSeconds: 9 }).lines.slice(
      3,
    ),
    [
      "0.030 -?#4 ACK seq 1 ack 1 len 100 win 1000 [probably never arrived (#5)]",
      "1.490 ->#5 ACK seq 1 ack 1 len 100 win 1000 [sent again: timeout (#4)]",
      "1.500 <-#6 ACK seq 1 ack 101 win 1000",
    ],
  );
});

Deno.test("ladder: refused, and from the middle", () => {
  assertEquals(told("C S 0\nC S 0 at=1\nS RA 0 1"), {
    before: "client - | server CLOSED",
    lines: [
      "0.000 ->#1 SYN seq 0 win 1000 {client SYN_SENT}",
      "0.000 gap 0.99 s",
      "0.990 ->#2 SYN seq 0 win 1000 [sent again: timeout (#1)]",
      "1.000 <-#3 RST,ACK seq 0 ack 1 {client CLOSED?}",
    ],
    leftOut: 0,
  });
  assertEquals(told("C A 1 1 len=10\nS A 1 11").lines, [
    "0.000 ->#1 ACK seq 1 ack 1 len 10 win 1000 (unscaled) {client ESTABLISHED??}",
    "0.010 <-#2 ACK seq 1 ack 11 win 1000 (unscaled) {server ESTABLISHED??}",
  ]);
});

Deno.test("ladder: the states of a simultaneous close stand in their order, though segments crossed", () => {
  assertEquals(told(`${HANDSHAKE}\nC FA 1 1\nS FA 1 1\nC A 2 2\nS A 2 2`).lines.slice(3), [
    "0.030 ->#4 FIN,ACK seq 1 ack 1 win 1000 {client FIN_WAIT_1}",
    "0.040 <-#5 FIN,ACK seq 1 ack 1 win 1000 {client CLOSING, server FIN_WAIT_1 CLOSING?}",
    "0.050 ->#6 ACK seq 2 ack 2 win 1000 {server TIME_WAIT?}",
    "0.060 <-#7 ACK seq 2 ack 2 win 1000 {client TIME_WAIT?}",
  ]);
});

// Numbers of segments and the MSS are those of IPv4.
ipv4Test(
  "ladder: of a host of ours the states are told; the end of TIME_WAIT stands by itself at its time",
  () => {
    const { events } = runTwoEnds(4, "caller");
    const source = new EventStory(new Story());
    for (const event of events[1]) source.observe(event);
    const ladder = ladderOf([...source.story.connections()][1]);
    assertEquals(guttersText(ladder.before), "client - | server LISTEN");
    assertEquals(linesText(ladder), [
      "0.000 ->#23 SYN seq 0 win 65535 mss 1200 sackOK wscale 5 {client SYN_SENT, server SYN_RCVD}",
      "0.000 <-#24 SYN,ACK seq 0 ack 1 win 65535 mss 1460 wscale 5 {client ESTABLISHED}",
      "0.000 ->#25 ACK seq 1 ack 1 len 1200 win 1048576 {server ESTABLISHED}",
      "0.000 <-#26 ACK seq 1 ack 1201 len 1200 win 1048576",
      "0.000 <-#27 FIN,PSH,ACK seq 1201 ack 1201 len 260 win 1048576 {client CLOSE_WAIT, server FIN_WAIT_1}",
      "0.000 ->#28 PSH,ACK seq 1201 ack 1 len 1008 win 1048576",
      "0.000 ->#29 ACK seq 2209 ack 1462 win 1048576 {server FIN_WAIT_2}",
      "0.000 ->#30 FIN,ACK seq 2209 ack 1462 win 1048576 {client LAST_ACK, server TIME_WAIT}",
      "0.000 <-#31 ACK seq 1462 ack 2210 win 1047584 {client CLOSED?}",
      "0.052 state {server CLOSED}",
    ]);
  },
);

Deno.test("ladder: rows that are no longer kept are one line of both ends, and the states entered there stand beside it", () => {
  const data = Array.from({ length: 200 }, (_, i) => `C A ${1 + 100 * i} 1 len=100`).join("\n");
  const text =
    `C S 0\nS SA 0 1 win=60000\nC A 1 1\n${data}\nS A 1 20001\nC FA 20001 1\nS A 1 20002\nS FA 1 20002\nC A 20002 2`;
  const lines = linesText(ladderOf(tell(text, { rows: 4 }).connection));
  assertEquals(lines.slice(3), [
    "0.030 =>#4-64 61 segments 1..6101 6100 bytes",
    "0.640 --#65-204 140 segments 13900 bytes 1 of them an ACK no longer kept",
    "2.040 ->#205 FIN,ACK seq 20001 ack 1 win 1000 {client FIN_WAIT_1, server CLOSE_WAIT}",
    "2.050 <-#206 ACK seq 1 ack 20002 win 1000 {client FIN_WAIT_2}",
    "2.060 <-#207 FIN,ACK seq 1 ack 20002 win 1000 {client TIME_WAIT, server LAST_ACK}",
    "2.070 ->#208 ACK seq 20002 ack 2 win 1000 {server CLOSED?}",
  ]);
});

Deno.test("ladder: a segment whose arrival was seen has a flight, all others none", () => {
  const story = new Story();
  const segment = {
    source: "10.0.0.2:40000",
    destination: "10.0.0.1:80",
    flags: 2,
    ack: 0,
    length: 0,
    window: 9,
  };
  const { connection } = story.add({ ...segment, number: 1, time: 5, seq: 7, options: {}, arrival: 5.25 });
  story.add({ ...segment, number: 2, time: 6, seq: 7, options: {} });
  const flights = ladderOf(connection, { gapSeconds: 9 }).lines.map((line) =>
    line.kind === "segment" ? line.flightSeconds : "no segment"
  );
  assertEquals(flights, [0.25, null]);
});

Deno.test("ladder: waits in words, never longer than they were", () => {
  const words = [0, 0.2, 0.4299999, 0.999, 1, 2.0999998, 9.96, 10, 75.9, 119.9, 185, 7199, 7500].map(
    waitWord,
  );
  assertEquals(words, [
    "0 s",
    "0.2 s",
    "0.43 s",
    "0.99 s",
    "1.0 s",
    "2.1 s",
    "9.9 s",
    "10 s",
    "75 s",
    "119 s",
    "3 min 5 s",
    "119 min 59 s",
    "2 h 5 min",
  ]);
  assertEquals(markWord({ kind: "keep-alive", text: "" }), "keep-alive");
});
