/** A connection for people: the paragraph word by word, and the list; what a capture says itself cannot write on the terminal. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { explainedList } from "../../src/observe/explain_list.ts";
import { explainedText } from "../../src/observe/explain_text.ts";
import { explainConnection } from "../../src/story/explain_json.ts";
import { FULL_HANDSHAKE, HANDSHAKE, tell } from "../story/written_story.ts";

const PAGE = { width: 100, color: false };
const STORY = `${FULL_HANDSHAKE}
  C A 1 1 len=100 at=0.1 ts=10/501
  C A 101 1 len=100 at=0.101 ts=11/501
  S A 1 1 at=0.102 ts=511/2 sack=101-201
  C A 1 1 len=100 at=0.11 ts=20/511
  S A 1 201 at=0.111 ts=520/20
  C FA 201 1 at=0.2 ts=30/520
  S A 1 202 at=0.201 ts=530/30
  S FA 1 202 at=0.3 ts=540/30
  C A 202 2 at=0.301 ts=50/540`;

const PARAGRAPH = `#1  10.0.0.2:40000 > 10.0.0.1:80  closed  frames 1 to 12  291.0 ms
             Both ends closed, the client first.
    client   SYN_SENT 1 > ESTABLISHED 2 (proven by 3) > FIN_WAIT_1 9 >
             FIN_WAIT_2 10 (proven by 12) > TIME_WAIT 11 (proven by 12)
             sent 200 B in 7 segments, 1 sent again; offered MSS 1000, window scale 2, SACK,
             timestamps; answered after 1.000 to 10.0 ms, half of the times within 5.500
    server   LISTEN 2 (implied) > SYN_RCVD 2 > ESTABLISHED 3 (proven by 8) >
             CLOSE_WAIT 9 (proven by 10) > LAST_ACK 11 > CLOSED 12 (implied)
             sent 0 B in 5 segments, 1 duplicate ACK; offered MSS 1000, window scale 2, SACK,
             timestamps; answered after 1.000 to 10.0 ms, half of the times within 5.500
    finding  One segment was seen here and lost behind this point: sent again, and only that was
             answered.
             frame 4; likely; RFC 9293 §3.8; never-arrived
    finding  One segment was sent again at once, because acknowledgments showed the loss.
             frame 7; likely; RFC 5681 §3.2, RFC 6675 §5; retransmission-fast; tshark:
             tcp.analysis.fast_retransmission
    finding  One segment acknowledged the same again: something was missing.
             frame 6; certain; RFC 5681 §2; duplicate-acks; tshark: tcp.analysis.duplicate_ack
    finding  The client (10.0.0.2:40000) closed first, so it waits in TIME_WAIT: 60 s on Linux, 2
             MSL by the RFC (4 min). CLOSED follows by time, no segment shows it.
             frame 11; certain; RFC 9293 §3.6.1; time-wait
    Zeek     SF ShADaTFf (established and ended)
    captured cannot be told where: nothing tells the two ends apart`;

const LIST =
  `#  client          server       outcome  frames   sent  received     time  Zeek        remarkable
1  10.0.0.2:40000  10.0.0.1:80  reset         5  100 B       0 B  40.0 ms  RSTR ShADr  reset-abort`;

Deno.test("a connection as a paragraph", () => {
  assertEquals(explainedText(explainConnection(tell(STORY).connection), PAGE), PARAGRAPH);
});

Deno.test("many connections as a list, without what nearly all of them have", () => {
  const { story } = tell(`${HANDSHAKE}\nC A 1 1 len=100\nS RA 1 101`);
  assertEquals(explainedList(story.explained(), PAGE), LIST);
});

/** The same on narrower pages: what has no room in the line stands below it. */
const NARROW: Readonly<Record<number, string>> = {
  90: `#  client          server       outcome  frames   sent  received     time  Zeek
1  10.0.0.2:40000  10.0.0.1:80  reset         5  100 B       0 B  40.0 ms  RSTR ShADr
    reset-abort`,
  60: `#  client          server       outcome  frames   sent
1  10.0.0.2:40000  10.0.0.1:80  reset         5  100 B
    received 0 B  40.0 ms  Zeek RSTR ShADr  reset-abort`,
  32: `#  client          server
1  10.0.0.2:40000  10.0.0.1:80
    reset  frames 5  sent 100 B
    received 0 B  40.0 ms  Zeek
    RSTR ShADr  reset-abort`,
};

for (const [width, list] of Object.entries(NARROW)) {
  Deno.test(`many connections as a list of ${width} columns: nothing is left out`, () => {
    const { story } = tell(`${HANDSHAKE}\nC A 1 1 len=100\nS RA 1 101`);
    assertEquals(explainedList(story.explained(), { ...PAGE, width: Number(width) }), list);
  });
}

Deno.test("comments that were not kept are counted, also where none is", () => {
  const { connection } = tell(HANDSHAKE);
  for (let i = 1; i <= 203; i++) connection.notes.comment(i, "x");
  assertMatch(
    explainedText(explainConnection(connection), { ...PAGE, width: 200 }),
    /^ {13}and 180 more: --json has them, and 3 that are not kept: tshark -T fields -e frame\.comment$/m,
  );
  const other = tell(HANDSHAKE).connection;
  other.notes.comment(1, "x", { hasRoom: false });
  const explained = explainConnection(other);
  assertEquals([explained.comments, explained.commentsLeftOut], [undefined, 1]);
  assertMatch(explainedText(explained, PAGE), /^ {4}comments 1 that are not kept: tshark -T fields/m);
});

Deno.test("comments of the capture are told without what a terminal obeys, and not without end", () => {
  const { connection } = tell(HANDSHAKE);
  for (let i = 1; i <= 30; i++) connection.notes.comment(i, `\u001b[2J\u202e evil ${i}`);
  const text = explainedText(explainConnection(connection), PAGE);
  assertMatch(text, /^ {4}comments 1: \?\[2J\? evil 1$/m);
  assertMatch(text, /^ {13}20: \?\[2J\? evil 20\n {13}and 10 more: --json has them$/m);
});

Deno.test("in colour the words are the same", () => {
  const one = explainConnection(tell(STORY).connection);
  const coloured = explainedText(one, { ...PAGE, color: true });
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.replaceAll(/\u001b\[\d+m/g, ""), explainedText(one, PAGE));
  assertStringIncludes(coloured, "\u001b[32mclosed\u001b");
});
