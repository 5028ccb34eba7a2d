/**
 * Scenarios of pcap_link_scenarios.ts in which frames are read out of the ring: laps, sleeps, tags, news of the device.
 *
 * Must not know: how the pair was made.
 */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import type { PcapLink } from "../../ffi/pcap_link.ts";
import { LinkError } from "../../src/link/link.ts";
import {
  ETHERTYPE,
  frameTo,
  FULL_BYTES,
  ip,
  MAC_0,
  MAC_1,
  MINIMUM_BYTES,
  open,
  OUR_FRAMES,
  put,
  receiveSome,
  type Results,
  sendUntilReceived,
  WAIT_LIMIT_MS,
} from "./pcap_link_pair.ts";
import { waitFor } from "./wait_for.ts";

/** Lengths of all kinds, by the number of the frame. */
function lengthFor(count: number): number {
  return MINIMUM_BYTES + (count * 131) % (FULL_BYTES - MINIMUM_BYTES + 1);
}

/** Whether a large queue may be had, the third argument: `CAP_NET_ADMIN` outside of user namespaces. */
const MAY_QUEUE = Deno.args[2] === "queue";

/** Lets so many frames pass from one link to the other that it reads the ring itself, and leaves none. */
async function settle(from: PcapLink, to: PcapLink): Promise<void> {
  const frame = frameTo(to.mac, { from: from.mac, mark: 0 });
  for (let n = 0; n < 20; n++) {
    put(from, frame, MINIMUM_BYTES);
    await receiveSome(to);
  }
  while (to.receive(() => {}, 64) > 0);
}

/** The scenarios by name. */
export const RING_SCENARIOS: Record<string, () => Promise<Results>> = {
  async "ring-is-read"() {
    for (const ringMib of [8, 64]) {
      using left = open("tc0", { ringMib });
      using right = open("tc1");
      const frame = frameTo(MAC_0, { from: MAC_1, mark: 0 });
      const fill = (count: number) => {
        frame[14] = count;
        frame[15] = count >>> 8;
        frame.fill(count * 7, 16);
      };
      let sent = 0;
      let checked = 0;
      let lastUs = 0;
      const end = performance.now() + 5 * WAIT_LIMIT_MS;
      // Many laps of the small ring, whose 128 slots take any batch.
      for (let batch = 1; sent < 3000; batch = batch % 50 + 1) {
        for (let n = 0; n < batch; n++, sent++) {
          fill(sent);
          right.send(frame, lengthFor(sent));
        }
        right.flush();
        while (checked < sent) {
          const got = left.receive((received, length, capturedUs) => {
            fill(checked);
            assertEquals(received.slice(0, length), frame.slice(0, lengthFor(checked)));
            assert(capturedUs >= lastUs && Math.abs(capturedUs - Date.now() * 1000) < 10_000_000);
            lastUs = capturedUs;
            checked++;
          }, 64);
          if (got === 0) await left.wait(WAIT_LIMIT_MS);
          assertLess(performance.now(), end, "a frame is missing");
        }
      }
      assert(left.readsRing, "frames are taken out of the ring");
      assertEquals([left.stats().framesIn, left.stats().droppedByRing], [sent, 0]);
    }
    return {};
  },

  async "ring-holds-many"() {
    const { many, large } = { many: 30_000, large: 65_000 };
    await ip("link", "set", "tc0", "mtu", "65535");
    await ip("link", "set", "tc1", "mtu", "65535");
    using left = open("tc0");
    using right = open("tc1");
    await settle(right, left);
    const frame = new Uint8Array(large);
    frame.set(frameTo(MAC_0, { from: MAC_1, mark: 0 }));
    const fill = (count: number) => {
      frame[14] = count;
      frame[15] = count >>> 8;
      frame[16] = count >>> 16;
    };
    const lengthOf = (count: number) => count % 10_000 === 9_999 ? large : MINIMUM_BYTES;
    // Twice, the second time over the end of the ring.
    for (let lap = 0; lap < 2; lap++) {
      const before = left.stats();
      for (let count = 0; count < many; count++) {
        fill(count);
        right.send(frame, lengthOf(count));
      }
      right.flush();
      assertEquals(right.stats().sendErrors, 0);
      let taken = 0;
      await waitFor(() => {
        left.receive((received, length) => {
          const number = received[14] | (received[15] << 8) | (received[16] << 16);
          assertEquals([number, length], [taken, lengthOf(taken)]);
          taken++;
        }, 1000);
        return taken + left.stats().droppedByRing - before.droppedByRing >= many;
      }, { what: `${many} frames are taken or counted as lost` });
      // Without the right to a large queue the slots have to take the largest frames: the kernel counts the rest.
      if (!MAY_QUEUE) {
        assertEquals(left.ringFrames, 1023);
        return { slots: left.ringFrames, taken };
      }
      assertEquals([taken, left.stats().droppedByRing], [many, 0]);
    }
    assert(left.readsRing);
    return { slots: left.ringFrames };
  },

  async "ring-of-large-frames"() {
    await ip("link", "set", "tc0", "mtu", "65535");
    await ip("link", "set", "tc1", "mtu", "65535");
    using left = open("tc0", { filter: "" });
    using right = open("tc1");
    const frame = new Uint8Array(65_549);
    frame.set(frameTo(MAC_0, { from: MAC_1, mark: 0 }));
    const check = async (mark: number, length: number) => {
      frame.fill(mark, 20, length);
      frame[14] = mark;
      put(right, frame, length);
      const own: Uint8Array[] = [];
      await waitFor(async () => {
        left.receive((received, bytes) => {
          if (received[1] === MAC_0[1] && received[5] === MAC_0[5]) own.push(received.slice(0, bytes));
        }, 64);
        if (own.length === 0) await left.wait(50);
        return own.length > 0;
      }, { what: `a frame of ${length} bytes` });
      assertEquals(own, [frame.slice(0, length)], `frame ${mark} of ${length} bytes`);
    };
    // Of every size around a slot's, while libpcap reads and afterwards; untagged, and with a tag that is taken out and put back.
    let mark = 0;
    for (const tag of [null, [0x81, 0x00, 0x60, 0x00], [0x88, 0xa8, 0x00, 0x00]]) {
      frame.set(tag === null ? ETHERTYPE : [...tag, ...ETHERTYPE], 12);
      for (const length of [60, 1514, 1900, 1970, 1978, 1979, 1984, 1990, 2048, 4096, 9014, 65_000, 65_549]) {
        await check(mark++ & 0x7f, length);
      }
    }
    assert(left.readsRing);
    assertEquals(left.stats().droppedByRing, 0);
    // At rest nothing of it is left that would end a wait; what the kernel of the other end has to say does not come.
    left.setFilter(OUR_FRAMES);
    while (left.receive(() => {}, 64) > 0);
    const started = performance.now();
    await left.wait(1);
    left.receive(() => {}, 64);
    await left.wait(100);
    assertGreater(performance.now() - started, 95);
    return {};
  },

  async "ring-reader-wakes"() {
    using left = open("tc0");
    using right = open("tc1");
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 0 });
    // One frame at a time, with a sleep before each: libpcap is asked after every one.
    for (let mark = 0; mark < 200; mark++) {
      frame[14] = mark;
      setTimeout(() => put(right, frame, MINIMUM_BYTES));
      const [got] = await receiveSome(left);
      assertEquals(got[14], mark);
      if (mark % 20 === 0) await left.wait(1);
    }
    assert(left.readsRing);
    // At rest it sleeps: a wait without traffic takes as long as it was told.
    const started = performance.now();
    assertEquals(left.receive(() => {}, 64), 0);
    await left.wait(100);
    assertGreater(performance.now() - started, 95);
    return {};
  },

  async "ring-of-tagged-frames"() {
    using left = open("tc0", { filter: "" });
    using right = open("tc1");
    await settle(right, left);
    // The kernel takes the tag out on arrival; whoever reads the frame finds it in its place.
    for (const type of [0x8100, 0x88a8]) {
      const tagged = frameTo(MAC_0, { from: MAC_1, mark: 0 });
      tagged.set([type >>> 8, type & 0xff, 0x61, 0x23, ...ETHERTYPE, 1, 2, 3], 12);
      for (const length of [MINIMUM_BYTES, 1000]) {
        put(right, tagged, length);
        const [got] = await receiveSome(left);
        assertEquals(got, tagged.slice(0, length));
      }
    }
    assert(left.readsRing);
    return {};
  },

  async "ring-and-carrier"() {
    using left = open("tc0");
    using right = open("tc1");
    await settle(right, left);
    assert(left.readsRing);
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 1 });
    await ip("link", "set", "tc0", "down");
    await waitFor(async () => {
      await left.wait(20);
      assertEquals(left.receive(() => {}, 10), 0);
      return left.isDown;
    }, { what: "the link sees that its device is down" });
    await ip("link", "set", "tc0", "up");
    await sendUntilReceived(frame, { from: right, to: left });
    // News of the device do not cost a frame, nor their order.
    for (let mark = 1; mark <= 100; mark++) {
      frame[14] = mark;
      put(right, frame, MINIMUM_BYTES);
      if (mark % 10 === 0) await left.wait(0);
    }
    const marks = (await receiveSome(left, 100)).map((got) => got[14]);
    assertEquals(marks, Array.from({ length: 100 }, (_, index) => index + 1));
    assertEquals(left.isDown, false);
    assert(left.readsRing);
    return {};
  },

  async "ring-of-a-vanished-device"() {
    const link = open("tc0");
    const peer = open("tc1");
    await settle(peer, link);
    assert(link.readsRing);
    const deleted = ip("link", "del", "tc0");
    const started = performance.now();
    let error: unknown = null;
    while (error === null && performance.now() - started < WAIT_LIMIT_MS) {
      try {
        link.receive(() => {}, 10);
      } catch (thrown) {
        error = thrown;
      }
      await link.wait(50);
    }
    assert(error instanceof LinkError);
    assertStringIncludes(error.message, "Device tc0 is gone");
    await deleted;
    link.close();
    peer.close();
    return {};
  },
};
