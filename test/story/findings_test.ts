/**
 * Findings, by hand: kind, frames and confidence exactly; and the JSON of a whole connection.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chineseSentence } from "../../src/page/chinese.ts";
import { explainConnection } from "../../src/story/explain_json.ts";
import { findingsOf } from "../../src/story/findings.ts";
import { Story } from "../../src/story/story.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { FULL_HANDSHAKE, HANDSHAKE, tell } from "./written_story.ts";

const CLOSE = `C FA 1 1
  S A 1 2
  S FA 1 2
  C A 2 2`;

const CASES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "an ordinary one has its TIME_WAIT alone": [`${HANDSHAKE}\n${CLOSE}`, ["time-wait 6 certain"]],
  "refused": ["C S 0\nS RA 0 1 isn=-5000", ["refused 1,2 certain"]],
  "no answer": ["C S 0\nC S 0 at=1\nC S 0 at=3", [
    "unanswered 1,2,3 likely",
    "syn-resent 1,2,3 certain",
    "retransmission-timeout 2,3 likely",
  ]],
  "half open": ["C S 0\nS SA 0 1", ["half-open 2 likely"]],
  "both call": ["C S 0\nS S 0\nC SA 0 1\nS SA 0 1\nC A 1 1 len=1", ["simultaneous-open 1,2 certain"]],
  "a SYN scan": ["C S 0\nS SA 0 1\nC R 1", ["reset-handshake 3 likely"]],
  "an abort": [`${HANDSHAKE}\nC A 1 1 len=5\nS A 1 6\nC RA 6 1`, ["reset-abort 6 certain"]],
  "idle, then RST": [`${HANDSHAKE}\nC A 1 1 len=5\nS A 1 6\nS RA 1 6 at=400`, ["reset-idle 6 likely"]],
  "closed, and data came": [`${HANDSHAKE}\nC FA 1 1\nS A 1 2 len=10\nC R 2`, [
    "reset-data-after-close 4,6 likely",
  ]],
  "the peer never closes": [`${HANDSHAKE}\nC FA 1 1\nS A 1 2`, ["fin-unanswered 4,5 likely"]],
  "a FIN without any answer": [`${HANDSHAKE}\nC FA 1 1`, ["fin-unanswered 4 likely"]],
  "both close": [`${HANDSHAKE}\nC FA 1 1\nS FA 1 1\nC A 2 2\nS A 2 2`, [
    "simultaneous-close 4,5 likely",
    "time-wait 7 likely",
    "time-wait 6 likely",
  ]],
  "the first sending of what was repeated arrived, as the D-SACK says: nothing was lost": [
    `C S 0 sackok=1
      S SA 0 1 sackok=1
      C A 1 1
      C A 1 1 len=100
      C A 1 1 len=100 at=1.5
      S A 1 101
      S A 1 101 sack=1-101`,
    ["retransmission-timeout 5 likely", "spurious-retransmission 5 certain"],
  ],
  "a window that was shut": [
    `${HANDSHAKE}\nC A 1 1 len=1000\nS A 1 1001 win=0 at=1\nS A 1 1001 win=900 at=3`,
    ["window-full 4 certain", "zero-window 5,6 certain"],
  ],
  "Nagle against delayed ACKs, more than once": [
    `${HANDSHAKE}
      C A 1 1 len=10 at=1
      S A 1 11 at=1.04
      C A 11 1 len=10 at=1.0401
      S A 1 21 at=1.08
      C A 21 1 len=10 at=1.0801`,
    ["nagle-delayed-ack 4,5,6,6,7,8 likely"],
  ],
  "a large segment that never gets through": [
    `${FULL_HANDSHAKE}
      C A 1 1 len=1400 at=1
      C A 1 1 len=1400 at=2
      C A 1 1 len=1400 at=4
      C A 1 1 len=1400 at=8`,
    ["retransmission-timeout 5,6,7 likely", "mtu-black-hole 5,6,7 likely"],
  ],
  "a RST that was forged: its end goes on": [
    `${HANDSHAKE}
      C A 1 1 len=100
      S RA 1 101
      S A 1 101 len=50
      C A 101 51`,
    ["reset-forged 5,6 likely"],
  ],
  "a RST before both closed, after which its end went on": [
    `${HANDSHAKE}
      C A 1 1 len=9
      S R 1
      S A 1 10 at=2
      C FA 10 1 at=3
      S FA 1 11
      C A 11 2`,
    ["reset-forged 5,6 likely", "time-wait 8 certain"],
  ],
  "a scan without a SYN, and a RST alone": [
    "C F 500\nS RA 0 501",
    ["midstream 1 certain", "reset-no-connection 2 likely"],
  ],
  "a RST is all there is: nobody was silent before it": [
    "S RA 500 501",
    ["midstream 1 certain", "reset-no-connection 1 likely"],
  ],
  "an acknowledgment of what was not seen, once": [
    `${HANDSHAKE}\nC A 1 1 len=10\nS A 1 5000\nS A 1 5000\nC A 11 1 len=10\nS A 1 5001`,
    ["acks-unseen 5,8 likely"],
  ],
  "a RST that rejects a bad ACK resets nothing that goes on": [
    `C S 0\nS SA 0 1\nC A 1 900\nS R 900\nC A 1 1 len=4\nS A 1 5`,
    ["acks-unseen 3 likely"],
  ],
  "a RST of a device on the way, by its TTL": [
    `C S 0 ttl=64\nS SA 0 1 ttl=52\nC A 1 1 ttl=64\nC A 1 1 len=9 ttl=64\nS RA 1 10 ttl=60`,
    ["reset-elsewhere 5 likely"],
  ],
  "a RST that has taken another way than the rest": [
    `C S 0 ttl=64\nS SA 0 1 ttl=52\nC A 1 1 ttl=64\nC A 1 1 len=9 ttl=64\nS RA 1 10 ttl=54`,
    ["reset-abort 5 certain"],
  ],
  "data in flight that a RST has overtaken forges nothing": [
    `${HANDSHAKE}\nS A 1 1 len=100\nS RA 201 1\nS A 101 1 len=100`,
    ["reset-abort 5 certain"],
  ],
  "a program that was killed after it had closed, and the number of its RST is that of the ACK that came": [
    `${HANDSHAKE}\nS FA 1 1\nC A 1 2\nC A 1 2 len=9\nS R 2`,
    ["reset-data-after-close 4,7 likely"],
  ],
  "a RST that no host takes is no answer to a SYN": ["C S 0\nS R 0", ["unanswered 1,2 likely"]],
  "nor is the ACK of an older connection": [
    `C S 0\nS A 700000 900000\nC R 900000\nC S 0 at=1`,
    ["unanswered 1,4,2 likely", "syn-resent 1,4 certain", "retransmission-timeout 4 likely"],
  ],
  "one direction, of the client": [
    `C S 0\nC A 1 1\nC A 1 1 len=100\nC A 101 201\nC A 1 201 len=100 at=2\nC FA 101 301 at=3\nC A 102 302 at=3.1`,
    ["one-direction 1 certain", "retransmission 5 certain"],
  ],
  "one direction, of the server": [
    "S SA 0 1\nS A 1 101\nS A 1 101 len=200\nS FA 201 202",
    ["one-direction 1 certain"],
  ],
  "data of a SYN that was not taken": [
    `C S 0 len=14 ts=1/0 sackok=1
      S SA 0 1 ts=501/1 sackok=1
      C A 1 1 len=14 ts=2/501
      S A 1 15 ts=502/2`,
    ["syn-data 1 certain", "syn-data-not-taken 3 certain"],
  ],
  "a SYN that was captured twice is not sent twice": [
    "C S 0 id=1\nC S 0 id=1 at=0.0101\nS SA 0 1",
    ["half-open 3 likely", "duplicate-frames 2 likely"],
  ],
  "both call, one twice: its SYN, ACK brings the SYN once more, which is no repeat": [
    `C S 0 sackok=1
      C S 0 sackok=1 at=1
      S S 0 sackok=1 at=1.001
      C SA 0 1 sackok=1 at=1.002
      S SA 0 1 sackok=1 at=1.003
      S A 1 1 sack=0-1 at=1.005
      C A 1 1 len=1 at=1.006`,
    [
      "syn-resent 1,2 certain",
      "simultaneous-open 1,3 certain",
      "never-arrived 1 likely",
      "retransmission-timeout 2 likely",
    ],
  ],
  "a clock that goes backwards": [
    `${HANDSHAKE}\nC A 1 1 len=100 at=5\nS A 1 101 at=4.9995\nC A 101 1 len=9 at=4`,
    ["time-backwards 6 certain"],
  ],
  "a window that is still shut, as long as anything was seen": [
    `${HANDSHAKE}\nC A 1 1 len=1000\nS A 1 1001 win=0 at=1\nC A 1000 1 at=1.5\nS A 1 1001 win=0 at=1.5`,
    ["window-full 4 certain", "zero-window-probe 6 certain", "zero-window 5 certain"],
  ],
  "the answers are lost, not what is sent: no segment is too large, and each is sent for nothing once": [
    `${FULL_HANDSHAKE}
      C A 1 1 len=1400 at=1
      C A 1401 1 len=100 at=1.001
      S A 1 1501 at=1.002
      C A 1401 1 len=100 at=1.02
      S A 1 1501 sack=1401-1501 at=1.021
      C A 1 1 len=1400 at=1.3
      S A 1 1501 sack=1-1401 at=1.301
      C A 1 1 len=1400 at=1.8
      S A 1 1501 sack=1-1401 at=1.801
      C A 1 1 len=1400 at=2.8
      S A 1 1501 sack=1-1401 at=2.801`,
    [
      "retransmission-timeout 9,11,13 likely",
      "retransmission-tail-probe 7 likely",
      "spurious-retransmission 7,9,11,13 certain",
    ],
  ],
  "ECN and data in the SYN": ["C SEW 0 len=10\nS SAE 0 11\nC A 11 1", [
    "syn-data 1 certain",
    "ecn 1,2 certain",
  ]],
  "from the middle": ["C A 1 1 len=10\nS A 1 11", ["midstream 1 certain"]],
};

for (const [name, [text, expected]] of Object.entries(CASES)) {
  Deno.test(`findings: ${name}`, () => {
    const found = findingsOf(tell(text).connection);
    assertEquals(found.map(({ kind, frames, confidence }) => `${kind} ${frames.join()} ${confidence}`), [
      ...expected,
    ]);
    for (const { text, rfc } of found) {
      assert(/^[A-Z0-9].*[.?]$/s.test(text), text);
      assert(/^RFC \d+/.test(rfc), rfc);
      assert(chineseSentence(text) !== null, `not known in Chinese: ${text}`);
    }
  });
}

Deno.test("findings: a connection with itself is neither one direction nor a call without answer", () => {
  const story = new Story();
  const way = { source: "127.0.0.1:7077", destination: "127.0.0.1:7077" };
  const segments = [[FLAG.SYN, 0, 0], [FLAG.SYN | FLAG.ACK, 0, 1], [FLAG.ACK, 1, 1], [FLAG.ACK, 1, 1, 2]];
  for (const [index, [flags, seq, ack, length = 0]] of segments.entries()) {
    story.add({ ...way, number: index + 1, time: index, flags, seq, ack, length, window: 1000, options: {} });
  }
  const [connection] = story.connections();
  const found = findingsOf(connection);
  assertEquals(found.map(({ kind, frames }) => `${kind} ${frames.join()}`), ["with-itself 1"]);
  assert(chineseSentence(found[0].text) !== null);
});

Deno.test("findings: the text names both ends and how long it took", () => {
  const [finding] = findingsOf(tell("C S 0\nC S 0 at=1\nS SA 0 1\nC A 1 1").connection);
  assertEquals(
    finding.text,
    "The client (10.0.0.2:40000) sent its SYN 2 times; it waited 990 ms in between.",
  );
  const stuck = findingsOf(tell(`${HANDSHAKE}\nC FA 1 1\nS A 1 2`).connection);
  assertStringIncludes(stuck[0].text, "it is in CLOSE_WAIT");
  const shut = findingsOf(
    tell(`${HANDSHAKE}\nC A 1 1 len=10\nS A 1 11 win=0 at=1\nC A 10 1 at=1.5\nS A 1 11 win=0 at=1.5`)
      .connection,
  );
  assertStringIncludes(shut[1].text, "once, for 500 ms in all");
});

Deno.test("explain json: a whole connection, field by field", () => {
  const { connection } = tell(`${FULL_HANDSHAKE}
    C FA 1 1 ts=3/501
    S A 1 2 ts=504/3
    S FA 1 2 ts=505/3
    C A 2 2 ts=6/505`);
  assertEquals(
    { connections: [explainConnection(connection)] },
    {
      connections: [{
        id: 1,
        client: "10.0.0.2:40000",
        server: "10.0.0.1:80",
        firstFrame: 1,
        lastFrame: 7,
        durationMs: 60,
        outcome: "closed",
        zeek: { state: "SF", history: "ShAFaf" },
        ends: {
          client: {
            states: [
              { state: "SYN_SENT", frame: 1, grade: "proven", provenBy: 1 },
              { state: "ESTABLISHED", frame: 2, grade: "proven", provenBy: 3, row: "syn-sent.syn-ack" },
              { state: "FIN_WAIT_1", frame: 4, grade: "proven", provenBy: 4, row: "established.close" },
              { state: "FIN_WAIT_2", frame: 5, grade: "proven", provenBy: 7, row: "fin-wait-1.ack" },
              { state: "TIME_WAIT", frame: 6, grade: "proven", provenBy: 7, row: "fin-wait-2.fin" },
            ],
            bytes: 0,
            segments: 4,
            retransmissions: 0,
            outOfOrder: 0,
            duplicateAcks: 0,
            zeroWindows: 0,
            mss: 1000,
            windowScale: 2,
            sack: true,
            timestamps: true,
            rttMs: { min: 10, median: 10, max: 10 },
          },
          server: {
            states: [
              { state: "LISTEN", frame: 2, grade: "implied" },
              { state: "SYN_RCVD", frame: 2, grade: "proven", provenBy: 2, row: "listen.syn" },
              { state: "ESTABLISHED", frame: 3, grade: "proven", provenBy: 5, row: "syn-rcvd.ack" },
              { state: "CLOSE_WAIT", frame: 4, grade: "proven", provenBy: 5, row: "established.fin" },
              { state: "LAST_ACK", frame: 6, grade: "proven", provenBy: 6, row: "close-wait.close" },
              { state: "CLOSED", frame: 7, grade: "implied", row: "last-ack.ack" },
            ],
            bytes: 0,
            segments: 3,
            retransmissions: 0,
            outOfOrder: 0,
            duplicateAcks: 0,
            zeroWindows: 0,
            mss: 1000,
            windowScale: 2,
            sack: true,
            timestamps: true,
            rttMs: { min: 10, median: 10, max: 10 },
          },
        },
        findings: [{
          kind: "time-wait",
          frames: [6],
          confidence: "certain",
          text:
            "The client (10.0.0.2:40000) closed first, so it waits in TIME_WAIT: 60 s on Linux, 2 MSL by the RFC " +
            "(4 min). CLOSED follows by time, no segment shows it.",
          rfc: "RFC 9293 §3.6.1",
        }],
        capturedAt: { at: "unknown", confidence: "likely", text: "nothing tells the two ends apart" },
      }],
    },
  );
});

Deno.test("explain json: every field is in the document", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/explain.md", import.meta.url));
  const [, section = ""] = /\n## JSON\n([\s\S]*?)\n## /.exec(page) ?? [];
  const { connection } = tell(`${FULL_HANDSHAKE}\nC A 1 1 len=5\nC A 1 1 len=5 at=2\nS A 1 6`, {});
  connection.notes.comment(1, "said");
  const file = { file: "a", linkType: "b", frames: 1, skipped: {}, dropped: 1, forgotten: 1 };
  const all = { ...file, connections: [{ ...explainConnection(connection), vlan: "5" }] };
  const names = new Set<string>();
  JSON.stringify(all, (name, value) => {
    if (/^[a-z]/i.test(name)) names.add(name);
    return value;
  });
  assert(names.size > 40, `${[...names]}`);
  assertEquals([...names].filter((name) => !section.includes(`\`${name}\``)), []);
});

Deno.test("findings: how many were lost is the same where no rows are kept", () => {
  // More than a finding names by number. Of each pair the first is lost; the second is sent again too, and came twice.
  const pairs = Array.from({ length: 25 }, (_, pair) => {
    const first = 1 + pair * 200;
    const [second, next] = [first + 100, first + 200];
    return `C A ${first} 1 len=100
      C A ${second} 1 len=100
      S A 1 ${first} sack=${second}-${next}
      C A ${first} 1 len=100
      C A ${second} 1 len=100
      S A 1 ${next}
      S A 1 ${next} sack=${second}-${next}`;
  });
  const text = ["C S 0 sackok=1", "S SA 0 1 sackok=1", "C A 1 1", ...pairs].join("\n");
  for (const rows of [1000, 0]) {
    const { connection } = tell(text, { rows });
    const lost = findingsOf(connection).find(({ kind }) => kind === "never-arrived");
    assertEquals(
      lost?.text,
      "25 segments were seen here and lost behind this point: sent again, and only that was answered.",
      `${rows} rows`,
    );
  }
});
