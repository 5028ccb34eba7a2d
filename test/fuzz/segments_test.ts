/**
 * Any segment in any state gets an answer or silence: never an exception, never a RST for a RST, never more than the
 * bounds allow. What leaves the host is well formed every time (the harness of test/tcp looks).
 */
import { isNoSenderUntouched } from "../../src/tcp/sender_record.ts";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FLAG } from "../../src/wire/tcp.ts";
import { HOST_PORT } from "../tcp/wire_ends.ts";
import { Lab } from "../tcp/harness.ts";
import { ALL_OPTIONS, type Fixture, REACH } from "../tcp/states.ts";
import { randomSegment, sendRandom } from "./random_segments.ts";

const RUNS = 120;
const RECEIVE_BUFFER_BYTES = 8192;
const SEND_BUFFER_BYTES = 8192;
/** An answer to one segment is one segment, or what an opening window lets go (ten segments of the initial window, and an ACK). */
const MOST_ANSWERS = 40;

/** A RST may not be answered by a RST; nothing else is asked of a segment here. */
function checkAnswers(fixture: Fixture, flags: number): void {
  const answers = fixture.peer.takeAll();
  assert(answers.length <= MOST_ANSWERS, `${answers.length} answers to one segment`);
  if ((flags & FLAG.RST) !== 0) {
    for (const answer of answers) assert(!answer.flags.includes("RST"), "a RST for a RST");
  }
}

function checkBounds({ lab, app }: Fixture): void {
  const info = app.connection.info();
  assert(info.receiveQueue + info.outOfOrderBytes <= RECEIVE_BUFFER_BYTES, "the receive buffer's bound");
  assert(info.sendQueue <= SEND_BUFFER_BYTES, "the send buffer's bound");
  const hasOpened = info.states.includes("ESTABLISHED");
  assert(info.sndWnd >= 0 && info.rtoUs > 0 && (info.cwnd > 0 || !hasOpened), JSON.stringify(info));
  assert(lab.host.connections().length <= 2, `${lab.host.connections().length} connections`);
}

for (const [state, reach] of Object.entries(REACH)) {
  for (const isReading of [true, false]) {
    Deno.test(`fuzz: random segments in ${state}${isReading ? "" : ", nobody reads"}`, () => {
      fc.assert(
        fc.property(
          fc.array(randomSegment, { minLength: 1, maxLength: 15 }),
          fc.boolean(),
          fc.boolean(),
          (segments, hasOptions, writes) => {
            const fixture = reach({
              autoRead: isReading,
              tcp: { receiveBufferBytes: RECEIVE_BUFFER_BYTES, sendBufferBytes: SEND_BUFFER_BYTES },
              ...(hasOptions ? { options: ALL_OPTIONS } : {}),
            });
            const { lab, app } = fixture;
            if (writes && app.connection.writableBytes > 0) app.write(20_000);
            fixture.peer.takeAll();
            for (const segment of segments) {
              sendRandom(fixture, segment);
              checkAnswers(fixture, segment.flags);
              checkBounds(fixture);
            }
            // Whatever happened, it can be ended.
            for (const connection of lab.host.connections()) lab.user(() => connection.abort());
            lab.pass(1_000_000);
            assertEquals(lab.host.connections().length, 0);
          },
        ),
        { numRuns: RUNS, seed: 1 },
      );
    });
  }
}

for (const state of ["CLOSED", "LISTEN"] as const) {
  Deno.test(`fuzz: random segments in ${state}`, () => {
    fc.assert(
      fc.property(fc.array(randomSegment, { minLength: 1, maxLength: 15 }), (segments) => {
        const lab = new Lab();
        if (state === "LISTEN") lab.listen({ backlog: 4 });
        for (const { flags, seqOffset, ackOffset, window, dataBytes, options, urgentPointer } of segments) {
          const peer = lab.peer({ hostPort: HOST_PORT });
          peer.sends({
            flags: wordsOf(flags),
            seq: seqOffset,
            ack: ackOffset,
            window,
            data: dataBytes,
            urgentPointer,
            ...(options === null ? {} : { rawOptions: options }),
          });
          const answers = peer.takeAll();
          assert(answers.length <= 1, `${answers.length} answers`);
          if ((flags & FLAG.RST) !== 0) assertEquals(answers, [], "an answer to a RST");
          assert(lab.host.connections().length <= 4, "the backlog's bound");
        }
        // Half-open connections give up by themselves.
        lab.pass(600_000_000);
        assertEquals(lab.host.connections().filter((connection) => connection.state === "SYN_RCVD"), []);
      }),
      { numRuns: RUNS, seed: 1 },
    );
  });
}

function wordsOf(flags: number): string {
  return Object.entries(FLAG).filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name).join(" ");
}

Deno.test("after all that: nothing was written to what stands for a sender that has sent nothing", () => {
  assert(isNoSenderUntouched());
});
