/** The buffer between a connection and HTTP: its bounds, and that no octet is lost, doubled or swapped as it grows and moves. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BufferBudget, Intake } from "../../src/http/intake.ts";
import { HttpScene, latin1, settle, WireEnd } from "./http_scene.ts";

/** Octets that tell where they belong. */
function numbered(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

Deno.test("whatever comes in whatever pieces is taken in order, with and without somebody who reads ahead", async () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 12 });
  const takes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      pieces,
      takes,
      fc.boolean(),
      fc.nat(20_000),
      async (sizes, counts, isWatched, budget) => {
        const wire = new WireEnd();
        const intake = new Intake(wire, {
          mostBytes: 20_000,
          ownBytes: 5000,
          budget: new BufferBudget(budget),
        });
        if (isWatched) intake.watch(() => {});
        const octets = numbered(sizes.reduce((sum, size) => sum + size, 0));
        let from = 0;
        for (const size of sizes) wire.push(octets.subarray(from, from += size));
        wire.end();
        const got: number[] = [];
        for (let turn = 0; !intake.isAtEnd || intake.count > 0; turn++) {
          if (intake.count === 0) await intake.more();
          const piece = intake.available.slice(0, counts[turn % counts.length]);
          intake.take(piece.length);
          got.push(...piece);
          assert(intake.capacity <= 20_000);
        }
        assertEquals(Uint8Array.from(got), octets);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("buffers grow only as far as all together may, and what one had is another's when it is over", async () => {
  const budget = new BufferBudget(60_000);
  const bounds = { mostBytes: 65_536, ownBytes: 8192, budget };
  const wires = [new WireEnd(), new WireEnd(), new WireEnd()];
  const intakes = wires.map((wire) => new Intake(wire, bounds));
  for (const [at, intake] of intakes.entries()) {
    intake.watch(() => {});
    wires[at].push(new Uint8Array(200_000));
  }
  await settle();
  const sum = () => intakes.reduce((sum, { capacity }) => sum + capacity, 0);
  assert(sum() <= 60_000 + 3 * 8192, `${sum()}`);
  assert(intakes.every(({ capacity }) => capacity >= 8192));
  const small = intakes.findIndex(({ capacity }) => capacity < 30_000);
  for (const [at, intake] of intakes.entries()) if (at !== small) intake.release();
  intakes[small].take(intakes[small].count);
  await settle();
  assert(intakes[small].capacity > 30_000, `${intakes[small].capacity}`);
});

Deno.test("with nothing left to grow by, bodies of any size come through all the same", async () => {
  const scene = new HttpScene(
    async (request) => new Response(`${(await request.arrayBuffer()).byteLength}`),
    {
      limits: { bufferBytes: 0, headBytes: 4000 },
    },
  );
  const wires = [scene.connect(), scene.connect()];
  for (const [at, wire] of wires.entries()) {
    const body = "x".repeat(300_000);
    const head = "POST / HTTP/1.1\r\nHost: a\r\n";
    wire.push(
      latin1(
        at === 0
          ? `${head}Content-Length: 300000\r\n\r\n${body}`
          : `${head}Transfer-Encoding: chunked\r\n\r\n493e0\r\n${body}\r\n0\r\n\r\n`,
      ),
    );
  }
  await settle();
  await settle();
  for (const wire of wires) assert(wire.text().endsWith("\r\n\r\n300000"));
});
