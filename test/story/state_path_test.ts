/**
 * The states of both ends, by hand: each course of a connection, exactly.
 */
import { assertEquals } from "@std/assert";
import { outcomeOf } from "../../src/story/outcome.ts";
import { transitionById } from "../../src/tcp/transitions.ts";
import { HANDSHAKE, pathText, tell } from "./written_story.ts";

interface Course {
  readonly text: string;
  readonly client: string;
  readonly server: string;
  readonly outcome: string;
  readonly zeek: string;
}

const COURSES: Readonly<Record<string, Course>> = {
  "a SYN without an answer": {
    text: "C S 0",
    client: "SYN_SENT#1",
    server: "",
    outcome: "unanswered",
    zeek: "S0 S",
  },
  "a SYN three times": {
    text: "C S 0\nC S 0 at=1\nC S 0 at=3",
    client: "SYN_SENT#1",
    server: "",
    outcome: "unanswered",
    zeek: "S0 S",
  },
  "refused": {
    text: "C S 0\nS RA 0 1 isn=-5000",
    client: "SYN_SENT#1 CLOSED#2?",
    server: "CLOSED#2",
    outcome: "refused",
    zeek: "REJ Sr",
  },
  "one direction, of the client": {
    text: "C S 0\nC A 1 1\nC A 1 1 len=9\nC FA 10 201",
    client: "SYN_SENT#1 ESTABLISHED#2 FIN_WAIT_1#4",
    server: "",
    outcome: "open",
    zeek: "SH SADF",
  },
  "one direction: an ACK beyond a hole shows no answer": {
    text: "C S 0\nC A 5000 1",
    client: "SYN_SENT#1",
    server: "",
    outcome: "unanswered",
    zeek: "S0 SA",
  },
  "a RST that acknowledges nothing refuses nothing": {
    text: "C S 0\nS R 0",
    client: "SYN_SENT#1",
    server: "",
    outcome: "unanswered",
    zeek: "REJ Sr",
  },
  "from the middle: a RST that rejects an ACK is of no connection": {
    text: "C A 500 600 len=10\nS R 600",
    client: "ESTABLISHED#1?? CLOSED#2?",
    server: "CLOSED#2??",
    outcome: "reset",
    zeek: "RSTRH Dr",
  },
  "closed, and no process any more: the RST has the number of the ACK": {
    text: `${HANDSHAKE}\nS FA 1 1\nC A 1 2\nC A 1 2 len=9\nS R 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 CLOSE_WAIT#4 CLOSED#7?",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3? FIN_WAIT_1#4 FIN_WAIT_2#5? CLOSED#7?",
    outcome: "reset",
    zeek: "RSTR ShAfDr",
  },
  "a RST that was forged closes nothing": {
    text: `${HANDSHAKE}\nS RA 1 1\nS A 1 1 len=5\nC A 1 6`,
    client: "SYN_SENT#1 ESTABLISHED#2",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3",
    outcome: "open",
    zeek: "RSTR ShArd",
  },
  "a RST that rejects a bad ACK resets nothing that goes on": {
    text: "C S 0\nS SA 0 1\nC A 1 900\nS R 900\nC A 1 1 len=4\nS A 1 5",
    client: "SYN_SENT#1 ESTABLISHED#2",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#5",
    outcome: "open",
    zeek: "RSTR ShAgrDa",
  },
  "a copy of the SYN, ACK that the capture has late asks for nothing again": {
    text: "C S 0\nS SA 0 1 id=5\nC A 1 1\nS SA 0 1 id=5",
    client: "SYN_SENT#1 ESTABLISHED#2",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3?",
    outcome: "open",
    zeek: "S1 ShA",
  },
  "half a handshake": {
    text: "C S 0\nS SA 0 1",
    client: "SYN_SENT#1 ESTABLISHED#2?",
    server: "LISTEN#2? SYN_RCVD#2",
    outcome: "half-open",
    zeek: "S1 Sh",
  },
  "a SYN scan": {
    text: "C S 0\nS SA 0 1\nC R 1",
    client: "SYN_SENT#1 ESTABLISHED#2? CLOSED#3?",
    server: "LISTEN#2? SYN_RCVD#2 LISTEN#3?",
    outcome: "reset",
    zeek: "RSTO ShR",
  },
  "a handshake": {
    text: HANDSHAKE,
    client: "SYN_SENT#1 ESTABLISHED#2",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3?",
    outcome: "open",
    zeek: "S1 ShA",
  },
  "the lab's course: the client closes": {
    text: `${HANDSHAKE}
      C FA 1 1
      S A 1 2
      S FA 1 2
      C A 2 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 FIN_WAIT_1#4 FIN_WAIT_2#5 TIME_WAIT#6",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 CLOSE_WAIT#4 LAST_ACK#6 CLOSED#7?",
    outcome: "closed",
    zeek: "SF ShAFaf",
  },
  "FIN and its ACK in one": {
    text: `${HANDSHAKE}
      C FA 1 1
      S FA 1 2
      C A 2 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 FIN_WAIT_1#4 FIN_WAIT_2#5 TIME_WAIT#5",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 CLOSE_WAIT#4? LAST_ACK#5? CLOSED#6?",
    outcome: "closed",
    zeek: "SF ShAFf",
  },
  "a FIN that is sent again: the last one before it is acknowledged arrived": {
    text: `${HANDSHAKE}
      S FA 1 1
      S FA 1 1 at=1
      C A 1 2
      C FA 1 2
      S A 2 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 CLOSE_WAIT#5 LAST_ACK#7 CLOSED#8?",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 FIN_WAIT_1#4 FIN_WAIT_2#6 TIME_WAIT#7",
    outcome: "closed",
    zeek: "SF ShAfFa",
  },
  "a FIN behind a hole counts when the hole is filled": {
    text: `${HANDSHAKE}
      C A 1 1 len=100
      C FA 101 1
      C A 1 1 len=100 at=1
      S A 1 102`,
    client: "SYN_SENT#1 ESTABLISHED#2 FIN_WAIT_1#5 FIN_WAIT_2#7?",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 CLOSE_WAIT#6",
    outcome: "open",
    zeek: "S2 ShADFTa",
  },
  "a SYN, ACK that is sent again: the last one before it is answered arrived, and the ACK before it did not":
    {
      text: `C S 0
      S SA 0 1
      C A 1 1
      S SA 0 1 at=1
      C A 1 1
      C A 1 1 len=5
      S A 1 6`,
      client: "SYN_SENT#1 ESTABLISHED#2",
      server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#5",
      outcome: "open",
      zeek: "S1 ShADa",
    },
  "a simultaneous close": {
    text: `${HANDSHAKE}
      C FA 1 1
      S FA 1 1
      C A 2 2
      S A 2 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 FIN_WAIT_1#4 CLOSING#5 TIME_WAIT#7?",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 FIN_WAIT_1#5 CLOSING#4? TIME_WAIT#6?",
    outcome: "closed",
    zeek: "SF ShAFfa",
  },
  "a simultaneous open": {
    text: `C S 0
      S S 0
      C SA 0 1
      S SA 0 1
      C A 1 1 len=10
      S A 1 11 len=10`,
    client: "SYN_SENT#1 SYN_RCVD#3 ESTABLISHED#4",
    server: "SYN_SENT#2 SYN_RCVD#4 ESTABLISHED#3",
    outcome: "open",
    zeek: "S1 SsDd",
  },
  "an abort": {
    text: `${HANDSHAKE}
      C A 1 1 len=10
      S A 1 11
      C RA 11 1`,
    client: "SYN_SENT#1 ESTABLISHED#2 CLOSED#6",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3 CLOSED#6?",
    outcome: "reset",
    zeek: "RSTO ShADaR",
  },
  "a RST with a number of another window changes nothing": {
    text: `${HANDSHAKE}
      C A 1 1 len=10
      S A 1 11
      C R 500000000`,
    client: "SYN_SENT#1 ESTABLISHED#2 CLOSED#6",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3",
    outcome: "reset",
    zeek: "RSTO ShADaR",
  },
  "from the middle": {
    text: `C A 1 1 len=100
      S A 1 101
      C FA 101 1
      S A 1 102`,
    client: "ESTABLISHED#1?? FIN_WAIT_1#3? FIN_WAIT_2#4?",
    server: "ESTABLISHED#2?? CLOSE_WAIT#3?",
    outcome: "midstream",
    zeek: "SH DaF",
  },
  "a FIN that nobody answers": {
    text: `${HANDSHAKE}
      S FA 1 1
      C A 1 2`,
    client: "SYN_SENT#1 ESTABLISHED#2 CLOSE_WAIT#4",
    server: "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3? FIN_WAIT_1#4 FIN_WAIT_2#5?",
    outcome: "open",
    zeek: "S3 ShAf",
  },
};

for (const [name, { text, client, server, outcome, zeek }] of Object.entries(COURSES)) {
  Deno.test(`state path: ${name}`, () => {
    const { connection } = tell(text);
    assertEquals({
      client: pathText(connection, "client"),
      server: pathText(connection, "server"),
      outcome: outcomeOf(connection),
      zeek: `${connection.zeek.state} ${connection.zeek.history}`,
    }, { client, server, outcome, zeek });
    for (const end of ["client", "server"] as const) {
      const path = connection.pathOf(end);
      for (const [index, { row, state }] of path.entries()) {
        if (row === null) continue;
        assertEquals([transitionById(row).from, transitionById(row).to], [path[index - 1].state, state]);
      }
    }
  });
}

Deno.test("state path: a new SYN on the same ports is a new connection", () => {
  const { story, connection } = tell(`${HANDSHAKE}
    C RA 1 1
    C S 0 isn=777777
    S RA 0 777778 isn=-5000`);
  assertEquals(story.count, 2);
  assertEquals([...story.connections()].map(outcomeOf), ["reset", "refused"]);
  assertEquals(connection.segmentRows()[0].marks.map(({ kind, of }) => [kind, of]), [["port-reused", 4]]);
});

Deno.test("state path: CLOSED after TIME_WAIT is a time, and in no path", () => {
  const { connection } = tell(`${HANDSHAKE}
    C FA 1 1
    S A 1 2
    S FA 1 2
    C A 2 2
    C A 2 2 at=500`);
  assertEquals(connection.stateOf("client"), "TIME_WAIT");
});

Deno.test("state path: what a damaged segment says is believed by nobody", () => {
  const { story, connection, rows } = tell(`C S 0 sum=correct
    S SA 0 1 sum=correct
    C A 1 1 sum=correct
    C FA 1 1 sum=wrong
    C S 0 isn=99 sum=wrong
    S RA 1 1 sum=wrong`);
  assertEquals(story.count, 1);
  assertEquals(pathText(connection, "client"), "SYN_SENT#1 ESTABLISHED#2");
  assertEquals(pathText(connection, "server"), "LISTEN#2? SYN_RCVD#2 ESTABLISHED#3?");
  assertEquals(rows.slice(3).map(({ marks }) => marks[0].kind), Array(3).fill("wrong-checksum"));
  assertEquals(connection.shadowOf("client").counts.wrongChecksums, 2);
});
