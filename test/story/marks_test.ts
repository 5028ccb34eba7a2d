/**
 * Marks, by hand: each kind exactly, with the segment that it refers to, at once or when it is found out.
 */
import { assertEquals } from "@std/assert";
import { chineseSentence } from "../../src/page/chinese.ts";
import { TSHARK_NAMES } from "../../src/story/marks.ts";
import { FULL_HANDSHAKE, HANDSHAKE, marksText, tell } from "./written_story.ts";

const CASES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "nothing remarkable": [`${HANDSHAKE}\nC A 1 1 len=100\nS A 1 101`, []],
  "a SYN again": ["C S 0\nC S 0 at=1", ["2 retransmission-timeout(1)"]],
  "a SYN, ACK again": ["C S 0\nS SA 0 1\nS SA 0 1 at=1", ["3 retransmission-timeout(2)"]],
  "a timeout, by the time": [
    `${HANDSHAKE}
      C A 1 1 len=100
      C A 1 1 len=100 at=1.5
      S A 1 101`,
    ["4 never-arrived(5)?", "5 retransmission-timeout(4)"],
  ],
  "after a timeout what follows is of the same recovery": [
    `${HANDSHAKE}
      C A 1 1 len=100
      C A 101 1 len=100
      C A 1 1 len=100 at=1.5
      S A 1 101
      C A 101 1 len=100
      S A 1 201`,
    [
      "4 never-arrived(6)?",
      "5 never-arrived(8)?",
      "6 retransmission-timeout(4)",
      "8 retransmission-timeout(5)",
    ],
  ],
  "fast, after three duplicate ACKs; the timestamps prove the loss": [
    `${FULL_HANDSHAKE}
      C A 1 1 len=100 ts=10/501
      C A 101 1 len=100 ts=11/501
      C A 201 1 len=100 ts=12/501
      C A 301 1 len=100 ts=13/501
      S A 1 1 ts=511/2 sack=101-201
      S A 1 1 ts=512/2 sack=101-301
      S A 1 1 ts=513/2 sack=101-401
      C A 1 1 len=100 ts=20/513
      S A 1 401 ts=520/20`,
    [
      "4 never-arrived(11)",
      "8 duplicate-ack(2) sack",
      "9 duplicate-ack(2) sack",
      "10 duplicate-ack(2) sack",
      "11 retransmission-fast(4)",
    ],
  ],
  "text beyond a hole has come, though SACK says nothing of the FIN behind it": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C FPA 101 1 len=50
      S A 1 1 sack=101-151
      C FPA 101 1 len=50 at=0.3
      C A 1 1 len=100 at=0.5
      S A 1 152 at=0.6`,
    [
      "4 never-arrived(8)",
      "6 duplicate-ack(2) sack",
      "7 retransmission-tail-probe(5)",
      "8 retransmission-timeout(4)",
    ],
  ],
  "lost, as the hole tells that SACK spoke of before it was filled, where timestamps are alike": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 101 1 len=100
      C A 201 1 len=100
      C A 301 1 len=100
      S A 1 1 sack=101-201
      S A 1 1 sack=101-301
      S A 1 1 sack=101-401
      C A 1 1 len=100
      S A 1 401`,
    [
      "4 never-arrived(11)",
      "8 duplicate-ack(2) sack",
      "9 duplicate-ack(2) sack",
      "10 duplicate-ack(2) sack",
      "11 retransmission-fast(4)",
    ],
  ],
  "lost, as the SACK tells that came after it was sent again, though what lies before it was lost once more":
    [
      `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 101 1 len=100
      C A 201 1 len=100
      S A 1 1 sack=201-301
      C A 1 1 len=100
      C A 101 1 len=100
      S A 1 1 sack=101-301
      C A 1 1 len=100
      S A 1 301`,
      [
        "4 never-arrived(11)",
        "5 never-arrived(9)?",
        "7 duplicate-ack(2) sack",
        "8 retransmission-fast(4) never-arrived(11)",
        "9 retransmission-fast(5)",
        "10 duplicate-ack(2) sack",
        "11 retransmission-fast(8)",
      ],
    ],
  "and not, where a D-SACK tells that both came": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 101 1 len=100
      S A 1 1 sack=101-201
      C A 1 1 len=100
      S A 1 201
      S A 1 201 sack=1-101`,
    ["6 duplicate-ack(2) sack", "7 retransmission-fast(4) spurious", "9 d-sack"],
  ],
  "spurious, as the timestamps tell (Eifel)": [
    `${FULL_HANDSHAKE}
      C A 1 1 len=100 ts=10/501
      C A 1 1 len=100 ts=1500/501 at=1.5
      S A 1 101 ts=1501/10`,
    ["5 retransmission-timeout(4) spurious"],
  ],
  "spurious, as a D-SACK tells": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 1 1 len=100 at=1.5
      S A 1 101
      S A 1 101 sack=1-101`,
    ["5 retransmission-timeout(4) spurious", "7 d-sack"],
  ],
  "sent again once more after the answer: the D-SACK is about that one, and says nothing of those before": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 101 1 len=100
      S A 1 1 sack=101-201
      C A 1 1 len=100
      S A 1 201
      C A 1 1 len=100
      S A 1 201 sack=1-101`,
    [
      "4 never-arrived(7)",
      "6 duplicate-ack(2) sack",
      "7 retransmission-fast(4)",
      "9 retransmission-fast spurious",
      "10 d-sack",
    ],
  ],
  "sent again with more than came twice: needed for the rest": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C FA 101 1
      S A 1 1 sack=101-102
      C FPA 1 1 len=100 at=0.5
      S A 1 102 sack=101-102`,
    ["4 never-arrived(7)?", "6 duplicate-ack(2) sack", "7 retransmission-timeout(4)", "8 d-sack"],
  ],
  "keep-alives with an octet, and their D-SACKs: nothing is sent again": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      S A 1 101
      C A 100 1 len=1 at=30
      S A 1 101 sack=100-101 at=30.1
      C A 100 1 len=1 at=60
      S A 1 101 sack=100-101 at=60.1`,
    ["6 keep-alive", "7 keep-alive-ack(6) d-sack", "8 keep-alive", "9 keep-alive-ack(8) d-sack"],
  ],
  "a hole of more than a gigabyte, which the other end has received": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S A 1 1800000001
      C A 1800000001 1 len=100
      S A 1 1800000101`,
    ["5 ack-unseen", "6 gap-before"],
  ],
  "spurious, as it had been acknowledged": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S A 1 101
      C A 1 1 len=100 at=1.5`,
    ["6 retransmission-timeout spurious"],
  ],
  "a tail loss probe repeats the last segment before the timer": [
    `${HANDSHAKE}
      C A 1 1 len=100
      C A 101 1 len=100
      C A 101 1 len=100 at=0.15
      S A 1 201 at=0.16`,
    ["5 never-arrived(6)?", "6 retransmission-tail-probe(5)"],
  ],
  "a copy made on the way": [
    `${HANDSHAKE}
      C A 1 1 len=100 at=0.1
      C A 1 1 len=100 at=0.1001
      S A 1 101 at=0.11`,
    ["5 duplicate(4)"],
  ],
  "captured twice, as a router's -i any does: one identification, and no acknowledgment is a duplicate": [
    `C S 0 id=1 ttl=64
      C S 0 id=1 ttl=63 at=0.0101
      S SA 0 1 id=0 ttl=64
      S SA 0 1 id=0 ttl=63 at=0.0201
      C A 1 1 id=2 ttl=64
      C A 1 1 id=2 ttl=63 at=0.0301
      C A 1 1 len=100 id=3 at=0.04
      C A 1 1 len=100 id=3 at=0.0401
      C A 101 1 len=100 id=4 at=0.05
      S A 1 101 id=7 at=0.06
      S A 1 101 id=7 at=0.0601`,
    [
      "2 duplicate(1)",
      "4 duplicate(3)",
      "6 duplicate(5)",
      "8 duplicate(7)",
      "11 duplicate(10)",
    ],
  ],
  "what was damaged on its way, and then is not, is no copy of that": [
    `C S 0 sum=correct
      S SA 0 1
      C A 1 1 len=100 id=3 sum=wrong
      C A 1 1 len=100 id=3 sum=correct at=0.0301`,
    ["3 wrong-checksum", "4 retransmission-unknown(3)"],
  ],
  "captured twice, without identifications: a router has counted the TTL down": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S A 1 1 ttl=64 at=1
      S A 1 1 ttl=63 at=1.00001
      S A 1 1 ttl=64 at=1.5
      S A 1 1 ttl=63 at=1.50001`,
    ["5 duplicate-ack(2)", "6 duplicate(5)", "7 duplicate-ack(2)", "8 duplicate(7)"],
  ],
  "the same octets with another identification were sent again, however soon": [
    `${HANDSHAKE}
      C A 1 1 len=100 id=3
      C A 1 1 len=100 id=4 at=0.0401
      S A 1 101`,
    ["4 never-arrived(5)?", "5 retransmission-unknown(4)"],
  ],
  "overtaken: the older timestamp comes later": [
    `${FULL_HANDSHAKE}
      C A 101 1 len=100 ts=11/501
      C A 1 1 len=100 ts=10/501 at=1
      S A 1 201 ts=511/10`,
    ["4 gap-before", "5 out-of-order(4)"],
  ],
  "overtaken, without timestamps: no timer is as short, and nobody asked": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S A 1 101
      C A 201 1 len=100 at=0.2
      S A 1 101 at=0.205
      C A 101 1 len=100 at=0.26
      S A 1 301`,
    ["6 gap-before", "7 duplicate-ack(5)", "8 out-of-order(6)"],
  ],
  "sent again after its first sending was lost before the capture, by the time": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S A 1 101
      C A 201 1 len=100 at=0.2
      S A 1 101 at=0.205
      C A 101 1 len=100 at=0.5
      S A 1 301`,
    ["6 gap-before", "7 duplicate-ack(5)", "8 retransmission-timeout"],
  ],
  "lost before the capture: the newer timestamp fills the hole": [
    `${FULL_HANDSHAKE}
      C A 101 1 len=100 ts=11/501 at=0.1
      S A 1 1 ts=505/2 sack=101-201 at=0.101
      C A 1 1 len=100 ts=15/505 at=0.102
      S A 1 201 ts=511/15`,
    ["4 gap-before", "5 duplicate-ack(2) sack", "6 retransmission-fast"],
  ],
  "a shut window, probes, and its opening": [
    `${HANDSHAKE}
      C A 1 1 len=1000
      S A 1 1001 win=0
      C A 1001 1 len=1 at=1
      S A 1 1001 win=0
      C A 1000 1 at=2
      S A 1 1001 win=0
      S A 1 1001 win=500 at=3`,
    [
      "4 window-full",
      "5 zero-window",
      "6 zero-window-probe",
      "7 zero-window-probe-ack(6) zero-window",
      "8 zero-window-probe",
      "9 zero-window-probe-ack(8) zero-window",
      "10 window-update",
    ],
  ],
  "keep-alives": [
    `${HANDSHAKE}
      C A 1 1 len=10
      S A 1 11
      C A 10 1 at=60
      S A 1 11`,
    ["6 keep-alive", "7 keep-alive-ack(6)"],
  ],
  "sums": [
    `C S 0 sum=correct
      S SA 0 1 sum=partial
      C A 1 1 len=100 sum=wrong
      C A 1 1 len=100 sum=correct at=1.5
      S A 1 101 sum=partial`,
    ["2 partial-checksum", "3 wrong-checksum", "4 retransmission-timeout(3)", "5 partial-checksum"],
  ],
  "forged": [`${HANDSHAKE}\nC A 2000000000 1 len=10`, ["4 outside-window"]],
};

for (const far of [0, 2 ** 31 - 150, 2 ** 32 - 150]) {
  for (const [name, [text, marks]] of Object.entries(CASES)) {
    Deno.test(`marks: ${name}, ISNs ${far} further`, () => {
      const { rows } = tell(text, { clientIsn: (1000 + far) >>> 0, serverIsn: (5000 + far) >>> 0 });
      assertEquals(marksText(rows), [...marks]);
      const said = rows.flatMap((row) => row.marks.map(({ text }) => text));
      assertEquals(said.filter((text) => chineseSentence(text) === null), [], "not known in Chinese");
    });
  }
}

Deno.test("marks: what tshark calls them is a name of its own", () => {
  for (const name of Object.values(TSHARK_NAMES)) assertEquals(/^tcp\.analysis\.[a-z_]+$/.test(name), true);
});

Deno.test("marks: a row that is found out about later has a new revision, and its fate", () => {
  const { connection, rows } = tell(
    CASES["fast, after three duplicate ACKs; the timestamps prove the loss"][0],
  );
  const lost = rows[3];
  assertEquals(lost.fate, "never-arrived");
  assertEquals(connection.changedSince(connection.revision - 2).map(({ segment }) => segment.number), [
    4,
    12,
  ]);
});
