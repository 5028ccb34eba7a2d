/**
 * The reader of the capture ring against a kernel and a libpcap that the test plays, on memory of the test's own.
 *
 * The real kernel and the real libpcap are in test/live/pcap_link_live_test.ts; here are the moments that cannot be
 * arranged with them: a frame that comes between our look and libpcap's, one that libpcap drops, a forged header.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { READ } from "../../ffi/frame_source.ts";
import { TPACKET, TPACKET2_HDR } from "../../ffi/packet_layouts.ts";
import { sumKernel } from "../../src/wire/sum_kernel.ts";
import { drain, FRAME_OFFSET, numbered, numberOf, scene, takeOver, test } from "./ring_scene.ts";

for (const [kind, slotBytes] of [["two slots a page", 1840], ["one slot a block", 0x10140]] as const) {
  test(`${kind}: every frame once and in order, over several laps`, () => {
    const { kernel, libpcap, reader } = scene({ slotBytes, blocks: 11 });
    const got: Uint8Array[] = [];
    const put: Uint8Array[] = [];
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n <= round % 9; n++) {
        const frame = numbered(put.length, 60 + (put.length * 131) % 1400);
        put.push(frame);
        assert(kernel.put({ bytes: frame, wireBytes: frame.length + round }));
      }
      while (reader.next() === READ.frame) {
        got.push(reader.frame.slice(0, reader.lengthBytes));
        assertEquals(reader.wireBytes, reader.lengthBytes + round);
      }
    }
    assertEquals(got, put);
    assert(reader.isTaking);
    assert(libpcap.reads < 20, `libpcap read ${libpcap.reads} frames of ${put.length}`);
    reader.close();
  });
}

test("time and lengths are told", () => {
  const one = scene();
  takeOver(one);
  one.kernel.put({ bytes: numbered(5, 100), wireBytes: 9000 });
  assertEquals(one.reader.next(), READ.frame);
  const { lengthBytes, wireBytes, capturedUs } = one.reader;
  assertEquals([lengthBytes, wireBytes, capturedUs], [100, 9000, one.kernel.timeUs]);
  one.reader.close();
});

test("a slot is the kernel's again as soon as its frame is taken", () => {
  const one = scene();
  takeOver(one);
  one.kernel.put({ bytes: numbered(1) });
  assertEquals(one.kernel.statusOf(12), TPACKET.statusUser);
  assertEquals(one.reader.next(), READ.frame);
  assertEquals(one.kernel.statusOf(12), TPACKET.statusKernel);
  assertEquals(numberOf(one.reader.frame), 1, "and the frame stays until the next call");
  one.reader.close();
});

test("libpcap is asked once after a sleep, and only when there is no frame", () => {
  const one = scene();
  takeOver(one);
  let asked = 0;
  one.libpcap.beforeLook = () => asked++;
  for (let n = 0; n < 5; n++) assertEquals(one.reader.next(), READ.nothing);
  assertEquals(asked, 0);
  one.reader.noteSleep();
  one.kernel.put({ bytes: numbered(1) });
  assertEquals(one.reader.next(), READ.frame);
  assertEquals(asked, 0);
  for (let n = 0; n < 5; n++) assertEquals(one.reader.next(), READ.nothing);
  assertEquals(asked, 1);
  one.reader.close();
});

test("what libpcap says of a lost device is passed on", () => {
  const one = scene();
  takeOver(one);
  one.reader.noteSleep();
  one.libpcap.next = () => READ.error;
  assertEquals(one.reader.next(), READ.error);
  one.reader.close();
});

test("tags that were taken out are put back", () => {
  const one = scene();
  takeOver(one);
  for (const tpid of [0x8100, 0x88a8]) {
    const bytes = Uint8Array.from({ length: 70 }, (_, n) => n);
    one.kernel.put({ bytes, tag: { tpid, tci: 0x6123 } });
    assertEquals(one.reader.next(), READ.frame);
    const expected = [...bytes.subarray(0, 12), tpid >>> 8, tpid & 0xff, 0x61, 0x23, ...bytes.subarray(12)];
    assertEquals([...one.reader.frame.subarray(0, one.reader.lengthBytes)], expected);
    assertEquals(one.reader.wireBytes, 74);
  }
  one.reader.close();
});

test("without a filter in the kernel all is left to libpcap", () => {
  const one = scene({ mayTakeOver: () => false });
  for (let n = 0; n < 50; n++) {
    one.kernel.put({ bytes: numbered(n) });
    assertEquals(drain(one.reader).map(numberOf), [n]);
  }
  assertEquals([one.reader.isTaking, one.libpcap.reads], [false, 50]);
  one.reader.close();
});

test("frames that libpcap drops delay the proof, and are not delivered", () => {
  const one = scene();
  one.libpcap.delivers = (frame) => numberOf(frame) % 3 !== 0;
  const got: number[] = [];
  for (let n = 0; n < 60; n++) {
    one.kernel.put({ bytes: numbered(n) });
    got.push(...drain(one.reader).map(numberOf));
  }
  assertEquals(got, Array.from({ length: 60 }, (_, n) => n).filter((n) => n % 3 !== 0));
  assertEquals(one.reader.isTaking, false);
  one.libpcap.delivers = () => true;
  takeOver(one);
  one.reader.close();
});

test("a header that the first frame forges does not mislead it", () => {
  // At each place where a slot might begin, also at half of the true size, where every second header is a true one.
  for (let forgedAt = 96; forgedAt <= 1552; forgedAt += 16) {
    const one = scene();
    const forged = new Uint8Array(1514);
    const header = new DataView(forged.buffer, forgedAt - FRAME_OFFSET);
    header.setUint32(TPACKET2_HDR.length, 60, true);
    header.setUint32(TPACKET2_HDR.snaplen, 60, true);
    header.setUint16(TPACKET2_HDR.mac, FRAME_OFFSET, true);
    header.setUint16(TPACKET2_HDR.net, FRAME_OFFSET + 14, true);
    header.setUint32(TPACKET2_HDR.sec, 1_800_000_000, true);
    header.setUint32(TPACKET2_HDR.nsec, 999_999_999, true);
    one.kernel.put({ bytes: forged });
    assertEquals(drain(one.reader).length, 1);
    for (let n = 0; n < 300; n++) {
      one.kernel.put({ bytes: numbered(n, 60 + n) });
      assertEquals(drain(one.reader), [numbered(n, 60 + n)], `forged at ${forgedAt}, frame ${n}`);
    }
    one.reader.close();
  }
});

test("nothing is lost, doubled or damaged, whenever frames come and whoever takes them", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant("read" as const), count: fc.integer({ min: 1, max: 30 }) }),
    // As many come between our look and libpcap's.
    fc.record({ kind: fc.constant("sleep" as const), count: fc.integer({ min: 0, max: 45 }) }),
  );
  const property = fc.property(
    fc.array(step, { minLength: 20, maxLength: 120 }),
    fc.integer({ min: 0, max: 40 }),
    (steps, warmUp) => {
      const one = scene({ blocks: 11, queues: true });
      one.libpcap.snaplen = 1750;
      const put: number[] = [];
      const got: number[] = [];
      // Every seventh does not fit a slot.
      const lengthOf = (number: number) => number % 7 === 3 ? 2000 + number % 50 : 60 + number % 200;
      const send = (count: number) => {
        for (let n = 0; n < count; n++) {
          const bytes = numbered(put.length, lengthOf(put.length));
          if (one.kernel.put({ bytes })) put.push(numberOf(bytes));
        }
      };
      const take = () => {
        if (one.reader.next() !== READ.frame) return false;
        const frame = one.reader.frame.slice(0, one.reader.lengthBytes);
        const number = numberOf(frame);
        assertEquals(frame, numbered(number, lengthOf(number)));
        got.push(number);
        return true;
      };
      for (let n = 0; n < warmUp; n++) send(1), take();
      for (const { kind, count } of steps) {
        if (kind === "put") send(count);
        else if (kind === "read") { for (let n = 0; n < count; n++) take(); }
        else {
          while (take());
          one.reader.noteSleep();
          one.libpcap.beforeLook = () => {
            one.libpcap.beforeLook = () => {};
            send(count);
          };
          take();
        }
      }
      one.libpcap.beforeLook = () => {};
      for (let n = 0; n < 3; n++) {
        one.reader.noteSleep();
        while (take());
      }
      // libpcap may have read one ahead of the others; beyond that the order holds too.
      assertEquals(got.toSorted((a, b) => a - b), put);
      one.reader.close();
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test("its memory is lent by the sum kernel, as long as there is some, and comes back empty", () => {
  const scenes = Array.from({ length: 20 }, () => scene({ blocks: 2 }));
  for (const one of scenes) {
    one.kernel.put({ bytes: numbered(7) });
    assertEquals(drain(one.reader), [numbered(7)]);
  }
  const kept = scenes.map((one) => one.reader.frame);
  for (const one of scenes) one.reader.close();
  assert(scenes.every((one) => one.libpcap.isClosed && one.reader.frame.length === 0));
  assert(kept.every((frame) => frame.length > 0));
  const pieces = Array.from({ length: 8 }, () => sumKernel().lend());
  assert(pieces.every((piece) => piece !== null && piece.every((byte) => byte === 0)));
  for (const piece of pieces) if (piece !== null) sumKernel().takeBack(piece);
});

test("the ring is crowded while half of its slots wait, wherever they lie", () => {
  const one = scene({ slotBytes: 1840, blocks: 11 });
  takeOver(one);
  const { kernel, reader } = one;
  const half = kernel.slots >>> 1;
  for (let lap = 0; lap < 3 * kernel.slots; lap += 5) {
    for (let n = 0; n < half; n++) kernel.put({ bytes: numbered(n) });
    assertEquals(reader.isCrowded, false, `${half} of ${kernel.slots} wait`);
    kernel.put({ bytes: numbered(half) });
    assertEquals(reader.isCrowded, true);
    assertEquals(reader.next(), READ.frame);
    assertEquals(reader.isCrowded, false);
    while (reader.next() === READ.frame);
    for (let n = 0; n < 4; n++) kernel.put({ bytes: numbered(n) });
    while (reader.next() === READ.frame);
  }
  reader.close();
});

test("while libpcap reads nobody knows how many wait", () => {
  const { kernel, reader } = scene({ slotBytes: 1840, blocks: 11 });
  for (let n = 0; n < kernel.slots; n++) kernel.put({ bytes: numbered(n) });
  assertEquals(reader.isCrowded, false);
  reader.close();
  assertEquals(reader.isCrowded, false);
});
