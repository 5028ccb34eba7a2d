/**
 * Damaged captures: cut at every length, with bits turned, of random bytes, and in whatever pieces they come. Nothing throws, nothing
 * points outside, the pieces make no difference, and what stands before the damage is read.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/wire/byte_queue.ts";
import { CaptureFile } from "../../src/wire/capture_file.ts";
import { DissectedSegment, Dissector } from "../../src/wire/dissect.ts";
import { pcapBytes } from "./capture_writer.ts";
import { readCapture, type Reading } from "./capture_readings.ts";
import { SAMPLES } from "./capture_samples.ts";

const dissector = new Dissector();
const segment = new DissectedSegment();

/** Dissects each packet, and demands that what is pointed to is there. */
function assertSound({ packets, problem }: Reading, file: Uint8Array): void {
  packets.forEach((packet, i) => {
    assert(packet.number > (packets[i - 1]?.number ?? 0));
    assert(packet.bytes.length <= packet.originalLength && packet.bytes.length <= file.length);
    assert(packet.nanoseconds >= 0 && packet.nanoseconds < 1e9 && Number.isInteger(packet.nanoseconds));
    assert(Number.isFinite(packet.timeUs) && Number.isInteger(packet.seconds));
    if (dissector.dissect(packet, segment) !== null) return;
    const { payloadOffset, payloadLength } = segment.segment;
    assert(payloadLength >= 0 && payloadOffset + payloadLength <= packet.bytes.length);
    assert(segment.length >= payloadLength, `${segment.length} of ${payloadLength}`);
    assertEquals(segment.source.length, segment.addressBytes);
    assertEquals(segment.destination.length, segment.addressBytes);
  });
  assert(problem === null || (problem.offset >= 0 && problem.offset <= file.length), JSON.stringify(problem));
}

const sample = fc.constantFrom(...SAMPLES);
const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });

Deno.test("the samples are good: all packets, all of them segments, no problem", () => {
  for (const { name, file, packets } of SAMPLES) {
    const reading = readCapture(file);
    assertEquals([reading.packets.length, reading.problem], [packets, null], name);
    assertEquals(
      reading.packets.map((packet) => dissector.dissect(packet, segment)),
      Array(packets).fill(null),
      name,
    );
    assertSound(reading, file);
  }
});

Deno.test("cut at every length: the packets before the cut, and one problem unless it is between two records", () => {
  for (const { name, file } of SAMPLES) {
    const whole = readCapture(file);
    let boundaries = 0;
    for (let length = 0; length <= file.length; length++) {
      const reading = readCapture(file.subarray(0, length), [7]);
      assertSound(reading, file);
      assertEquals(reading.packets, whole.packets.slice(0, reading.packets.length));
      if (reading.problem === null) boundaries += 1;
      else assertEquals(reading.problem.kind, length < 4 ? "not-a-capture" : "cut", `${name}, ${length}`);
    }
    // The end of the file's header and of each record; for pcapng of each block.
    assertEquals(boundaries, name.startsWith("pcapng") ? 12 : whole.packets.length + 1, name);
  }
});

Deno.test("each bit turned, one at a time: nothing throws", () => {
  for (const { file } of SAMPLES) {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = file.slice();
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      assertSound(readCapture(damaged), damaged);
    }
  }
});

Deno.test("property: in whatever pieces a file comes, whole or damaged, the packets are the same", () => {
  fc.assert(
    fc.property(
      sample,
      sizes,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
      ({ file }, pieces, changes, cut) => {
        const damaged = changes.length % 2 === 0 ? file.slice() : file.slice(0, cut % (file.length + 1));
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        const reading = readCapture(damaged);
        assertSound(reading, damaged);
        assertEquals(readCapture(damaged, pieces), reading);
        assertEquals(readCapture(damaged, [1]), reading);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("property: random bytes behind a good beginning never throw", () => {
  const beginnings = SAMPLES.map(({ file }) => [...file.subarray(0, 60)]);
  fc.assert(
    fc.property(
      fc.constantFrom([], ...beginnings),
      fc.nat(60),
      fc.uint8Array({ maxLength: 300 }),
      (beginning, length, rest) => {
        const file = Uint8Array.of(...beginning.slice(0, length), ...rest);
        assertSound(readCapture(file), file);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("property: the queue gives the bytes back in order, whatever is pushed, taken and passed over", () => {
  const step = fc.oneof(
    fc.record({ push: fc.nat(20) }),
    fc.record({ take: fc.nat(30) }),
    fc.record({ skip: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let pushed = 0;
      let read = 0;
      for (const step of steps) {
        if ("push" in step) {
          queue.push(Uint8Array.from({ length: step.push }, (_, i) => (pushed + i) & 0xff));
          pushed += step.push;
        } else if ("skip" in step) {
          queue.skip(step.skip);
          read += step.skip;
        } else {
          assertEquals(queue.ensure(step.take), step.take === 0 || pushed - read >= step.take);
          if (pushed - read < step.take) continue;
          const { buffer, offset } = queue;
          const bytes = [...buffer.subarray(offset, offset + step.take)];
          assertEquals(bytes, bytes.map((_, i) => (read + i) & 0xff));
          queue.take(step.take);
          read += step.take;
        }
        assertEquals([queue.position, queue.available, queue.owed], [
          read,
          Math.max(0, pushed - read),
          Math.max(0, read - pushed),
        ]);
      }
    }),
  );
});

Deno.test("a record of 15 MiB in pieces of 1 KiB is put together once, and one that claims more is not waited for", () => {
  const data = new Uint8Array(15 << 20);
  data[data.length - 1] = 7;
  const header = pcapBytes({
    order: "little",
    records: [{ seconds: 1, fraction: 0, data: new Uint8Array(0) }],
  });
  new DataView(header.buffer).setUint32(24 + 8, data.length, true);
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  const { packets, problem } = readCapture(file, [1024]);
  assertEquals([packets.length, packets[0].bytes.length, packets[0].bytes.at(-1), problem], [
    1,
    data.length,
    7,
    null,
  ]);
  new DataView(file.buffer).setUint32(24 + 8, (16 << 20) + 1, true);
  const capture = new CaptureFile();
  capture.push(file.subarray(0, 100));
  assertEquals([capture.next(), capture.problem?.kind], [null, "damaged"]);
});
