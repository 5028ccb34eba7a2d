/**
 * The memory pair: frames, bounds, waiting, and its end.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LinkError } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";

function received(link: { receive: ReturnType<typeof memoryPair>[0]["receive"] }, budget = 1000): number[][] {
  const frames: number[][] = [];
  link.receive((frame, length) => frames.push([...frame.subarray(0, length)]), budget);
  return frames;
}

/** A promise's state after the microtasks that are due have run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}

Deno.test("memory link: what one side sends the other receives, in order, in both directions", () => {
  const [a, b] = memoryPair();
  a.send(Uint8Array.of(1, 2, 3), 2);
  a.send(Uint8Array.of(4), 1);
  b.send(Uint8Array.of(9, 9), 2);
  assertEquals(received(b), [[1, 2], [4]]);
  assertEquals(received(a), [[9, 9]]);
  assertEquals(received(a), []);
});

Deno.test("memory link: frames are copied when sent, so the sender may reuse its buffer", () => {
  const [a, b] = memoryPair();
  const frame = Uint8Array.of(1, 2);
  a.send(frame, 2);
  frame.fill(0xff);
  a.send(frame, 2);
  assertEquals(received(b), [[1, 2], [0xff, 0xff]]);
});

Deno.test("memory link: the budget bounds how many frames are handed up", () => {
  const [a, b] = memoryPair();
  for (let i = 0; i < 5; i++) a.send(Uint8Array.of(i), 1);
  assertEquals(received(b, 2), [[0], [1]]);
  assertEquals(received(b, 2), [[2], [3]]);
  assertEquals(received(b, 2), [[4]]);
});

Deno.test("memory link: a full queue loses the newest frames and counts them at the receiver", () => {
  const [a, b] = memoryPair({ queueFrames: 2 });
  for (let i = 0; i < 5; i++) a.send(Uint8Array.of(i), 1);
  assertEquals(received(b), [[0], [1]]);
  assertEquals(b.stats().droppedByRing, 3);
  a.send(Uint8Array.of(7), 1);
  assertEquals(received(b), [[7]]);
});

Deno.test("memory link: a frame above the largest packet is refused and counted", () => {
  const [a, b] = memoryPair({ mtu: 100 });
  a.send(new Uint8Array(200), 119);
  a.send(new Uint8Array(200), 118);
  assertEquals(a.stats().sendErrors, 1);
  assertEquals(received(b).map((frame) => frame.length), [118]);
});

Deno.test("memory link: with maxPacketBytes, frames of 64 KiB pass whole", () => {
  const [a, b] = memoryPair({ maxPacketBytes: 65535 });
  a.send(new Uint8Array(65549).fill(3), 65549, 1448);
  a.send(Uint8Array.of(1), 1);
  assertEquals(received(b).map((frame) => frame.length), [65549, 1]);
});

Deno.test("memory link: statistics count frames and bytes on both sides", () => {
  const [a, b] = memoryPair();
  a.send(new Uint8Array(60), 60);
  a.send(new Uint8Array(60), 40);
  received(b);
  assertEquals([a.stats().framesOut, a.stats().bytesOut], [2, 100]);
  assertEquals([b.stats().framesIn, b.stats().bytesIn], [2, 100]);
});

Deno.test("memory link: the time of capture is the time of sending", () => {
  let nowUs = 5;
  const [a, b] = memoryPair({ nowUs: () => nowUs });
  a.send(Uint8Array.of(1), 1);
  nowUs = 9;
  a.send(Uint8Array.of(1), 1);
  nowUs = 100;
  const times: number[] = [];
  b.receive((_frame, _length, capturedUs) => times.push(capturedUs), 10);
  assertEquals(times, [5, 9]);
});

Deno.test("memory link: a handler may send; the answer waits at the other side", () => {
  const [a, b] = memoryPair();
  a.send(Uint8Array.of(1), 1);
  b.receive((frame, length) => b.send(frame, length), 10);
  assertEquals(received(a), [[1]]);
});

Deno.test("memory link: a handler that throws loses only its own frame", () => {
  const [a, b] = memoryPair();
  a.send(Uint8Array.of(1), 1);
  a.send(Uint8Array.of(2), 1);
  assertThrows(() =>
    b.receive(() => {
      throw new Error("no");
    }, 10)
  );
  assertEquals(received(b), [[2]]);
});

Deno.test("memory link: wait ends at once when a frame is there, else with the next frame", async () => {
  const [a, b] = memoryPair();
  const idle = b.wait(Infinity);
  assert(!await isSettled(idle));
  a.send(Uint8Array.of(1), 1);
  assert(await isSettled(idle));
  assert(await isSettled(b.wait(Infinity)));
  received(b);
  assert(!await isSettled(b.wait(Infinity)));
});

Deno.test("memory link: wait ends on wake, on close, and at once for a timeout of zero", async () => {
  const [, b] = memoryPair();
  b.wake();
  const first = b.wait(Infinity);
  assert(!await isSettled(first));
  b.wake();
  assert(await isSettled(first));
  assert(await isSettled(b.wait(0)));
  const last = b.wait(Infinity);
  b.close();
  assert(await isSettled(last));
});

Deno.test("memory link: wait ends when the injected sleep does, and aborts it otherwise", async () => {
  const sleeps: { ms: number; end: () => void; aborted: boolean }[] = [];
  const [a, b] = memoryPair({
    sleep: (ms, signal) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const entry = { ms, end: resolve, aborted: false };
      sleeps.push(entry);
      signal?.addEventListener("abort", () => {
        entry.aborted = true;
        resolve();
      });
      return promise;
    },
  });
  const slept = b.wait(250);
  assert(!await isSettled(slept));
  sleeps[0].end();
  assert(await isSettled(slept));

  const woken = b.wait(300);
  a.send(Uint8Array.of(1), 1);
  received(b);
  const next = b.wait(400); // the aborted sleep of the wait before must not end this one
  assert(await isSettled(woken));
  assert(!await isSettled(next));
  assertEquals(sleeps.map((entry) => [entry.ms, entry.aborted]), [[250, false], [300, true], [400, false]]);
  sleeps[2].end();
  assert(await isSettled(next));
});

Deno.test("memory link: a closed link says so; its peer lives on", () => {
  const [a, b] = memoryPair();
  a.send(Uint8Array.of(1), 1);
  b.close();
  assertThrows(() => b.receive(() => {}, 1), LinkError, "closed");
  assertThrows(() => b.send(Uint8Array.of(1), 1), LinkError, "closed");
  a.send(Uint8Array.of(1), 1);
  assertEquals(received(a), []);
});

Deno.test("memory link: a handler may close the link", () => {
  const [a, b] = memoryPair();
  a.send(Uint8Array.of(1), 1);
  a.send(Uint8Array.of(2), 1);
  assertEquals(b.receive(() => b.close(), 10), 1);
  assertEquals(b.waitingFrames, 0);
});

Deno.test("memory link: names and hardware addresses are those of the options, or two that differ", () => {
  const plain = memoryPair();
  assertEquals(plain.map(({ name, mac }) => [name, [...mac]]), [
    ["memory:a", [2, 0, 0, 0, 0, 0x0a]],
    ["memory:b", [2, 0, 0, 0, 0, 0x0b]],
  ]);
  const macA = Uint8Array.of(2, 1, 1, 1, 1, 1);
  const macB = Uint8Array.of(2, 1, 1, 1, 1, 2);
  const named = memoryPair({ nameA: "left", nameB: "right", macA, macB });
  assertEquals(named.map(({ name, mac }) => [name, mac]), [["left", macA], ["right", macB]]);
});

Deno.test("memory link: counters begin at nothing, and more bytes than the frame has are refused", () => {
  const [a, b] = memoryPair();
  const nothing = {
    ...{ framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 },
    ...{ droppedByRing: 0, droppedByDevice: 0, sendErrors: 0 },
  };
  assertEquals([a.stats(), b.stats()], [nothing, nothing]);
  a.send(new Uint8Array(10), 11);
  assertEquals([a.stats(), received(b)], [{ ...nothing, sendErrors: 1 }, []]);
});

Deno.test("memory link: a closed link waits for nothing", async () => {
  const [, b] = memoryPair();
  b.close();
  assert(await isSettled(b.wait(Infinity)));
});

Deno.test("memory link: a wait without end needs no alarm; one that slept enough ends itself and no other", async () => {
  const ends: (() => void)[] = [];
  const [, b] = memoryPair({ sleep: () => new Promise((resolve) => ends.push(resolve)) });
  const endless = b.wait(Infinity);
  assertEquals(ends.length, 0);
  const first = b.wait(10);
  const second = b.wait(20);
  ends[0]();
  assert(await isSettled(first));
  assert(!await isSettled(second) && !await isSettled(endless));
  // A sleep that ends after its wait was woken has nothing left to end.
  b.wake();
  assert(await isSettled(second) && await isSettled(endless));
  const third = b.wait(30);
  ends[1]();
  assert(!await isSettled(third));
  b.wake();
  assert(await isSettled(third));
});

Deno.test("memory link: for any order of sends and receives, nothing is lost below the bound", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -4, max: 9 }), { maxLength: 60 }), (steps) => {
    const [a, b] = memoryPair({ queueFrames: 16 });
    const sent: number[] = [];
    const got: number[] = [];
    let waiting = 0;
    for (const [i, step] of steps.entries()) {
      if (step < 0) {
        waiting -= b.receive((frame) => got.push(frame[0]), -step);
      } else {
        for (let n = 0; n < step; n++) {
          a.send(Uint8Array.of((i * 10 + n) & 0xff), 1);
          if (waiting < 16) {
            sent.push((i * 10 + n) & 0xff);
            waiting++;
          }
        }
      }
    }
    b.receive((frame) => got.push(frame[0]), Infinity);
    assertEquals(got, sent);
  }));
});
