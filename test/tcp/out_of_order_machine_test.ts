/**
 * Text out of order through the whole machine: whatever overlaps in whatever order, of each octet the first copy that was
 * taken is read (RFC 9293 §3.10.7.4), and what is acknowledged is what is here.
 *
 * Owns: the model, one octet after the other. Must not know: where the text lies meanwhile.
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { ALL_OPTIONS, reachEstablished } from "./states.ts";

const SPAN = 12_000;
const SEGMENT = 1448;

const STEPS = fc.array(
  fc.record({
    left: fc.integer({ min: 1, max: SPAN }),
    length: fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 1, max: SEGMENT })),
    seed: fc.nat(255),
    reads: fc.constantFrom(0, 0, 0, 1, 500, 100_000),
  }),
  { minLength: 1, maxLength: 80 },
);

for (const headerPrediction of [true, false]) {
  Deno.test(`random overlapping segments are read as each octet first came (prediction ${headerPrediction})`, () => {
    fc.assert(
      fc.property(STEPS, fc.boolean(), (steps, wasRead) => {
        const { lab, peer, app } = reachEstablished({
          options: ALL_OPTIONS,
          autoRead: wasRead,
          headerPrediction,
        });
        const model: number[] = [];
        let next = 1;
        const arrives = (left: number, data: Uint8Array) => {
          for (const [i, octet] of data.entries()) {
            if (left + i >= next && model[left + i] === undefined) model[left + i] = octet;
          }
          while (model[next] !== undefined) next++;
          peer.sends({ flags: "ACK", seq: left, ack: 1, data });
        };
        for (const { left, length, seed, reads } of steps) {
          arrives(left, Uint8Array.from({ length }, (_, i) => (seed + i * 11) & 0xff));
          // Not every text in order is acknowledged at once; never is more acknowledged than is here.
          for (const { ack } of peer.takeAll()) assertLessOrEqual(ack, next);
          if (reads > 0) app.read(reads);
        }
        lab.pass(40_000);
        // The rest comes in order.
        while (next <= SPAN + SEGMENT) arrives(next, new Uint8Array(700).fill(next & 0xff));
        lab.pass(40_000);
        assertEquals(peer.takeAll().at(-1)?.ack, next);
        app.read();
        assertEquals(app.bytesRead, Uint8Array.from(model.slice(1)));
        assertEquals(lab.host.memory().bufferBytes, 0);
        app.abort();
        assertEquals(lab.host.memory().usedBytes, 0);
      }),
      { numRuns: 150 },
    );
  });
}

// So little memory cannot be set by hand; here it makes every mark be passed by one connection.
Deno.test("the same while memory is so short that text is refused, or let go again: the stream is what was sent", () => {
  const steps = fc.array(
    fc.record({
      at: fc.nat(30),
      count: fc.integer({ min: 1, max: 12 }),
      reads: fc.constantFrom(0, 1000, 100_000),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, fc.constantFrom(24_000, 32_768, 60_000), (course, memoryBytes) => {
      const { lab, peer, app } = reachEstablished({
        options: { mss: 1460, sackPermitted: true },
        role: "client",
        autoRead: false,
        memoryBytes,
      });
      const size = 500;
      let acked = 1;
      const listens = () => {
        lab.pass(40_000);
        for (const seen of peer.takeAll()) acked = Math.max(acked, seen.ack);
      };
      for (const { at, count, reads } of course) {
        for (let i = 0; i < count; i++) {
          const seq = 1 + (at + i) * size;
          if (seq + size <= peer.hostRightEdge) peer.sends({ flags: "ACK", seq, ack: 1, data: size });
        }
        listens();
        if (reads > 0) app.read(reads);
      }
      // All is sent again, as a sender does whose text is not acknowledged, while the application reads.
      for (let round = 0; acked < 1 + 45 * size; round++) {
        assertLessOrEqual(round, 200, `stuck at ${acked}`);
        const seq = acked;
        peer.sends({ flags: "ACK", seq, ack: 1, data: size });
        app.read();
        listens();
      }
      app.read();
      assertEquals(app.bytesRead, Uint8Array.from({ length: acked - 1 }, (_, i) => pattern(i)));
      assertEquals(app.closed, []);
    }),
    { numRuns: 150 },
  );
});

function pattern(position: number): number {
  return (position * 7 + (position >>> 8)) % 251;
}
