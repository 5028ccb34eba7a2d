/**
 * Frames that are larger than a slot of the capture ring: out of the socket's queue, in step with the slots whatever happens.
 */

import { assert, assertEquals } from "@std/assert";
import { READ } from "../../ffi/frame_source.ts";
import { drain, numbered, numberOf, roomOf, scene, takeOver, test } from "./ring_scene.ts";

/** Frames that differ only behind what is compared of them are the same; these do not. */
const LARGE_BYTES = [1700, 1759, 2000, 9014, 0xfff0];

test("frames that do not fit a slot come whole and in order, over several laps, and nothing is left in the queue", () => {
  for (const snaplen of [Infinity, 1750]) {
    const one = scene({ blocks: 11, queues: true });
    one.libpcap.snaplen = snaplen;
    const put: Uint8Array[] = [];
    const got: Uint8Array[] = [];
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n <= round % 9; n++) {
        const large = LARGE_BYTES[put.length % LARGE_BYTES.length];
        put.push(numbered(put.length, put.length % 3 === 0 ? large : 60 + put.length % 900));
        assert(one.kernel.put({ bytes: put[put.length - 1] }));
      }
      got.push(...drain(one.reader));
      assertEquals(one.kernel.queue.length, 0);
    }
    assertEquals(got, put);
    assert(one.reader.isTaking);
    assertEquals(one.wholeFrames?.lost, 0);
    one.reader.close();
  }
});

test("a frame that fits its slot to the last byte is not looked for in the queue", () => {
  const one = scene({ queues: true });
  takeOver(one);
  for (const length of [roomOf(1840) - 1, roomOf(1840)]) {
    one.kernel.put({ bytes: numbered(7, length) });
    assertEquals(drain(one.reader), [numbered(7, length)]);
  }
  assertEquals(one.wholeFrames?.lost, 0);
  one.reader.close();
});

test("tags are put back into large frames, whoever reads", () => {
  for (const isTaking of [false, true]) {
    const one = scene({ queues: true });
    one.libpcap.snaplen = 1750;
    if (isTaking) takeOver(one);
    for (const tpid of [0x8100, 0x88a8]) {
      const bytes = numbered(tpid, 5000);
      one.kernel.put({ bytes, tag: { tpid, tci: 0x6123 } });
      const expected = [...bytes.subarray(0, 12), tpid >>> 8, tpid & 0xff, 0x61, 0x23, ...bytes.subarray(12)];
      assertEquals(one.reader.next(), READ.frame);
      assertEquals([...one.reader.frame.subarray(0, one.reader.lengthBytes)], expected);
      assertEquals([one.reader.wireBytes, one.reader.isTaking], [5004, isTaking]);
    }
    one.reader.close();
  }
});

test("a frame that the kernel did not keep is lost and counted, and costs its neighbours nothing", () => {
  for (const isTaking of [false, true]) {
    const one = scene({ queues: true });
    if (isTaking) takeOver(one);
    one.kernel.queueFrames = 2;
    for (let n = 0; n < 5; n++) one.kernel.put({ bytes: numbered(n, n === 4 ? 60 : 3000) });
    assertEquals(drain(one.reader).map(numberOf), [0, 1, 4]);
    assertEquals([one.wholeFrames?.lost, one.kernel.queue.length], [2, 0]);
    one.reader.close();
  }
});

test("what libpcap gave back unread does not come in place of another frame, nor keep a wait from waiting", () => {
  for (const isTaking of [false, true]) {
    const one = scene({ queues: true });
    if (isTaking) takeOver(one);
    // As many as nobody would keep.
    for (let n = 1000; n < 1200; n++) one.kernel.queue.push(numbered(n, 3000));
    one.reader.noteSleep();
    for (let waits = 0; waits < 10; waits++) {
      assertEquals(one.reader.next(), READ.nothing);
      one.reader.noteSleep();
    }
    assertEquals(one.kernel.queue.length, 0);
    // One whose slot had not come when the queue was looked at, too.
    one.kernel.put({ bytes: numbered(1, 3000) });
    const late = one.kernel.queue.splice(0);
    one.kernel.queue.push(numbered(2000, 3000), ...late);
    assertEquals(drain(one.reader), [numbered(1, 3000)]);
    one.kernel.put({ bytes: numbered(2, 3000) });
    assertEquals(drain(one.reader), [numbered(2, 3000)]);
    assertEquals([one.wholeFrames?.lost, one.kernel.queue.length], [0, 0]);
    one.reader.close();
  }
});

test("a frame that is queued before its slot is handed over is kept for it", () => {
  const one = scene({ queues: true });
  takeOver(one);
  const frame = numbered(5, 3000);
  one.kernel.queue.push(frame);
  one.reader.noteSleep();
  assertEquals(one.reader.next(), READ.nothing);
  assertEquals(one.kernel.queue.length, 0, "it would end every wait at once");
  one.kernel.put({ bytes: frame });
  one.kernel.queue.length = 0;
  assertEquals(drain(one.reader), [frame]);
  assertEquals(one.wholeFrames?.lost, 0);
  one.reader.close();
});
