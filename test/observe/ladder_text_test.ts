/**
 * The ladder as text: exact lines at several widths, in both sets of characters, and never wider than the page.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import { type LadderPage, ladderText } from "../../src/observe/ladder_text.ts";
import { EventStory } from "../../src/story/from_events.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import { Story } from "../../src/story/story.ts";
import { runTwoEnds } from "../story/two_ends.ts";
import { FULL_HANDSHAKE, tell } from "../story/written_story.ts";

const STORY = `${FULL_HANDSHAKE}
  C A 1 1 len=100 ts=3/501
  S A 1 101 ts=502/3
  C A 101 1 len=100 ts=4/502
  S A 1 201 ts=503/4
  C A 201 1 len=100 ts=10/503
  C A 301 1 len=100 ts=11/503
  S A 1 201 ts=511/4 sack=301-401
  C A 201 1 len=100 ts=20/511
  S A 1 401 ts=520/20
  S A 1 401 win=0 ts=900/20 at=0.5
  S RA 1 401`;

function drawn(page: Partial<LadderPage>, text = STORY): string[] {
  const ladder = ladderOf(tell(text).connection);
  const { head, body, legend } = ladderText(ladder, { width: 80, color: false, isUtf8: true, ...page });
  return [...head, ...body, ...legend];
}

Deno.test("ladder text: 80 columns, gutters on both sides", () => {
  assertEquals(drawn({}), [
    "          client 10.0.0.2:40000                               server 10.0.0.1:80",
    "                       │                                          │ LISTEN?",
    "0.000 #1  SYN_SENT     │── SYN  seq 0  win 1000  mss 1000 ───────►│",
    "0.010 #2  ESTABLISHED  │◄─ SYN,ACK  seq 0  ack 1  win 1000 ───────│ SYN_RCVD",
    "0.020 #3               │── ACK  seq 1  ack 1  win 4000 ──────────►│ ESTABLISHED",
    "0.030 #4               │══ 4 segments to #7  1..201  200 bytes ══►│",
    "0.070 #8               │── ACK  seq 201  ack 1  len 100 ─✗        │",
    "                       │   ! never arrived (#11)                  │",
    "0.080 #9               │── ACK  seq 301  ack 1  len 100 ─────────►│",
    "0.090 #10              │◄─ ACK  seq 1  ack 201 ───────────────────│",
    "                       │   duplicate ACK (#7)  SACK               │",
    "0.100 #11              │── ACK  seq 201  ack 1  len 100 ─────────►│",
    "                       │   ! sent again: fast (#8)                │",
    "0.110 #12              │◄─ ACK  seq 1  ack 401  win 4000 ─────────│",
    "                       ┆                  0.38 s                  ┆",
    "0.490 #13              │◄─ ACK  seq 1  ack 401  ! window shut ────│",
    "0.500 #14 CLOSED?      │◄─ RST,ACK  seq 1  ack 401 ───────────────│ CLOSED",
    "STATE? follows from what passed, and nothing proves it",
    "✗ never arrived",
  ]);
});

Deno.test("ladder text: 60 columns in ASCII, the states on lines of their own; the server on the left", () => {
  assertEquals(drawn({ width: 60, isUtf8: false, left: "server" }).slice(0, 14), [
    "          server 10.0.0.1:80           client 10.0.0.2:40000",
    "          | LISTEN?                                        |",
    "0.000 #1  |<- SYN  seq 0  win 1000  mss 1000  sackOK ------|",
    "          |                                       SYN_SENT |",
    "0.010 #2  |-- SYN,ACK  seq 0  ack 1  win 1000  mss 1000 -->|",
    "          | SYN_RCVD                           ESTABLISHED |",
    "0.020 #3  |<- ACK  seq 1  ack 1  win 4000  ts 2/501 -------|",
    "          | ESTABLISHED                                    |",
    "0.030 #4  |<= 4 segments to #7  1..201  200 bytes =========|",
    "0.070 #8  |              x- ACK  seq 201  ack 1  len 100 --|",
    "          |                        ! never arrived (#11)  |".replace("|  ", "|   "),
    "0.080 #9  |<- ACK  seq 301  ack 1  len 100  win 4000 ------|",
    "0.090 #10 |-- ACK  seq 1  ack 201 ------------------------>|",
    "          |   duplicate ACK (#7)  SACK                     |",
  ]);
});

Deno.test("ladder text: wide, with microseconds, options and marks in the arrows", () => {
  assertEquals(drawn({ width: 120 }).slice(2, 9), [
    "0.000000 #1  SYN_SENT     │── SYN  seq 0  win 1000  mss 1000  sackOK  wscale 2  ts 1/0 ──────────────────►│",
    "0.010000 #2  ESTABLISHED  │◄─ SYN,ACK  seq 0  ack 1  win 1000  mss 1000  sackOK  wscale 2  ts 501/1 ──────│ SYN_RCVD",
    "0.020000 #3               │── ACK  seq 1  ack 1  win 4000  ts 2/501 ─────────────────────────────────────►│ ESTABLISHED",
    "0.030000 #4               │══ 4 segments to #7  1..201  200 bytes  2 of them ACKs ═══════════════════════►│",
    "0.070000 #8               │── ACK  seq 201  ack 1  len 100  ! never arrived (#11) ─✗                      │",
    "0.080000 #9               │── ACK  seq 301  ack 1  len 100  win 4000  ts 11/503 ─────────────────────────►│",
    "0.090000 #10              │◄─ ACK  seq 1  ack 201  duplicate ACK (#7)  SACK  win 4000  sack 301..401 ─────│",
  ]);
});

Deno.test("ladder text: two states at one segment, and a beginning that nobody saw", () => {
  assertEquals(
    drawn({ width: 100 }, "C A 1 1 len=10\nC FA 11 1\nS FA 1 12\nC A 12 2"),
    [
      "             client 10.0.0.2:40000                                                server 10.0.0.1:80",
      "0.000000 #1  ESTABLISHED* │── ACK  seq 1  ack 1  len 10  win 1000 (unscaled) ────────►│",
      "0.010000 #2  FIN_WAIT_1   │── FIN,ACK  seq 11  ack 1  win 1000 (unscaled) ───────────►│ ESTABLISHED*",
      "                          │                                                           │ CLOSE_WAIT?",
      "0.020000 #3  FIN_WAIT_2   │◄─ FIN,ACK  seq 1  ack 12  win 1000 (unscaled) ────────────│ LAST_ACK?",
      "             TIME_WAIT    │                                                           │",
      "0.030000 #4               │── ACK  seq 12  ack 2  win 1000 (unscaled) ───────────────►│ CLOSED?",
      "STATE? follows from what passed, and nothing proves it",
      "STATE* guessed: the beginning was not seen",
    ],
  );
});

Deno.test("ladder text: from 60 to 200 columns no line is wider than the page, whatever happened, coloured or not", () => {
  let lines = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const { events } = runTwoEnds(seed, "caller");
    const source = new EventStory(new Story());
    for (const event of events[1]) source.observe(event);
    for (const connection of source.story.connections()) {
      const ladder = ladderOf(connection);
      for (const width of [60, 61, 72, 75, 76, 80, 99, 100, 133, 200]) {
        const plain = ladderText(ladder, { width, color: false, isUtf8: false });
        const all = [...plain.head, ...plain.body, ...plain.legend];
        for (const line of all) {
          assert(line.length <= width, `${width}: ${line}`);
          assertMatch(line, /^[ -~]*[!-~]$/);
        }
        const coloured = ladderText(ladder, { width, color: true, isUtf8: false });
        assertEquals([...coloured.head, ...coloured.body, ...coloured.legend].map(stripAnsiCode), all);
        lines += all.length;
      }
    }
  }
  assert(lines > 5000, `${lines}`);
});

Deno.test("ladder text: long addresses stand one below the other, and what an address holds cannot reach the terminal", () => {
  const ladder = ladderOf(tell("C S 0").connection);
  const client = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
  const { head } = ladderText(
    { ...ladder, ends: { client, server: "evil\x1b[31m" } },
    { width: 80, color: false, isUtf8: true },
  );
  assertEquals(head[0].trim(), `client ${client}    server evil?[31m`.slice(0, head[0].trim().length));
  const both = ladderText({ ...ladder, ends: { client, server: client } }, {
    width: 80,
    color: false,
    isUtf8: true,
  });
  assertEquals(both.head, [`client ${client}`, `server ${client}`.padStart(80)]);
});
