/** The pump on a fake host, a memory link and a clock that moves only when told to. */
import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { LinkError } from "../../src/link/link.ts";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { Pump, type PumpOptions } from "../../src/runtime/pump.ts";
import { FakeHost } from "./fake_host.ts";

interface Bench extends Disposable {
  readonly host: FakeHost;
  readonly clock: VirtualClock;
  readonly pump: Pump;
  /** The link's far end. */
  readonly far: MemoryLink;
  readonly link: MemoryLink;
  readonly idles: number[];
}

function bench(options: Partial<PumpOptions> & MemoryPairOptions = {}): Bench {
  const [link, far] = memoryPair(options);
  const host = new FakeHost();
  const clock = new VirtualClock({ nowUs: 1000 });
  const idles: number[] = [];
  const onIdle = () => void idles.push(clock.nowUs());
  const pump = new Pump({ link, host, clock, spinUs: 0, onIdle, ...options });
  return { host, clock, pump, far, link, idles, [Symbol.dispose]: () => pump.stop() };
}

/** Lets promises go on until nothing moves any more (the pump has no other way to wait than promises here). */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await undefined;
}

/** Waits for one round of the event loop, not for time. */
function visitEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const FRAME = new Uint8Array(60);

Deno.test("pump hands frames to the host in order, with the time, and sleeps after", async () => {
  using on = bench();
  on.far.send(FRAME, 10);
  on.far.send(FRAME, 11);
  on.pump.start();
  await settle();
  assertEquals(on.host.log, ["frame 10 @1000", "frame 11 @1000"]);
  on.clock.advance(500);
  on.far.send(FRAME, 12);
  await settle();
  assertEquals(on.host.log.slice(2), ["frame 12 @1500"]);
  assertEquals(on.idles, [1000, 1500]);
});

Deno.test("pump never takes more than its budget before it runs deadlines", async () => {
  using on = bench({ budgetFrames: 4 });
  const batches: number[] = [];
  using pump = new Pump({
    link: on.link,
    host: on.host,
    clock: on.clock,
    spinUs: 0,
    budgetFrames: 4,
    onBatch: (frames) => void batches.push(frames),
  });
  on.host.deadlineUs = 900;
  for (let i = 0; i < 10; i++) on.far.send(FRAME, 20 + i);
  pump.start();
  await settle();
  assertEquals(on.host.log[4], "tick @1000");
  assertEquals(on.host.log.length, 11);
  assertEquals(batches, [4, 4, 2]);
});

Deno.test("pump wakes for a deadline, at its time and not before", async () => {
  using on = bench();
  on.host.deadlineUs = 41_000;
  on.pump.start();
  await settle();
  on.clock.advance(39_999);
  await settle();
  assertEquals(on.host.log, []);
  on.clock.advance(1);
  await settle();
  assertEquals(on.host.log, ["tick @41000"]);
});

Deno.test("pump without a deadline sets no timer: a host at rest never wakes", async () => {
  using on = bench();
  on.pump.start();
  await settle();
  on.far.send(FRAME, 10);
  await settle();
  assertEquals(on.clock.nextTimerUs, Infinity);
  assertEquals(on.idles.length, 2);
  on.clock.advance(3_600_000_000);
  await settle();
  assertEquals(on.idles.length, 2);
});

Deno.test("pump keeps one timer while the deadline moves later, and follows one that moves earlier", async () => {
  using on = bench();
  on.host.deadlineUs = 201_000;
  on.pump.start();
  await settle();
  on.host.onFrame = () => on.host.deadlineUs = 301_000;
  on.clock.advance(100_000);
  on.far.send(FRAME, 10);
  await settle();
  assertEquals(on.clock.nextTimerUs, 201_000);
  on.clock.advanceTo(201_000);
  await settle();
  assertEquals(on.clock.nextTimerUs, 301_000);
  assertEquals(on.host.log, ["frame 10 @101000"]);
  // A user of the host from outside: an earlier deadline moves the timer, without a turn.
  on.pump.enter();
  assertEquals(on.host.nowUs, 201_000);
  on.host.deadlineUs = 241_000;
  on.pump.leave();
  assertEquals(on.clock.nextTimerUs, 241_000);
  on.clock.advanceTo(241_000);
  await settle();
  assertEquals(on.host.log.at(-1), "tick @241000");
  assertEquals(on.clock.nextTimerUs, Infinity);
});

Deno.test("pump flushes at once what a user sends while it sleeps, and once a turn while it works", async () => {
  using on = bench();
  let flushes = 0;
  on.link.flush = () => void flushes++;
  on.pump.start();
  await settle();
  const before = flushes;
  on.pump.enter();
  on.pump.leave();
  assertEquals(flushes, before + 1);
  on.host.onFrame = () => {
    on.pump.enter();
    on.pump.leave();
  };
  const asleep = flushes;
  for (let i = 0; i < 8; i++) on.far.send(FRAME, 10);
  await settle();
  // One turn with frames, one without, and the way to sleep.
  assertEquals(flushes, asleep + 3);
});

Deno.test("pump flushes what an application sends after any number of steps, before it sleeps", async () => {
  // Zero to forty: from the turn that woke it to long after the pump has fallen asleep.
  for (let steps = 0; steps <= 40; steps++) {
    for (const spinUs of [0, 80]) {
      using on = bench({ spinUs });
      let held = 0;
      let sent = 0;
      on.link.send = () => void held++;
      on.link.flush = () => {
        sent += held;
        held = 0;
      };
      on.host.onFrame = () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        application(promise);
        resolve();
        on.pump.noteWoken();
      };
      const application = async (woken: Promise<void>) => {
        await woken;
        for (let step = 0; step < steps; step++) await undefined;
        on.pump.enter();
        on.link.send(FRAME, 10);
        on.pump.leave();
      };
      on.pump.start();
      await settle();
      on.far.send(FRAME, 10);
      for (let i = 0; i < 3; i++) await settle();
      assertEquals([sent, held], [1, 0], `${steps} steps, spins for ${spinUs} us`);
    }
  }
});

Deno.test("pump flushes what is sent when it says that it goes to sleep", async () => {
  let flushes = 0;
  const [link, far] = memoryPair();
  const host = new FakeHost();
  link.flush = () => void flushes++;
  let sentAt = -1;
  const pump: Pump = new Pump({
    link,
    host,
    clock: new VirtualClock(),
    spinUs: 0,
    onIdle: () => {
      pump.enter();
      sentAt = flushes;
      pump.leave();
    },
  });
  using _ = pump;
  pump.start();
  await settle();
  far.send(FRAME, 10);
  await settle();
  assert(flushes > sentAt, "a send in onIdle is still in the link");
});

Deno.test("pump looks at the clock for the first two frames of a turn and for every eighth after", async () => {
  using on = bench();
  on.host.onFrame = () => on.clock.advance(3);
  for (let i = 0; i < 10; i++) on.far.send(FRAME, 10);
  on.pump.start();
  await settle();
  const times = on.host.log.map((line) => Number(line.split("@")[1]));
  assertEquals(times, [1000, 1003, 1003, 1003, 1003, 1003, 1003, 1003, 1024, 1024]);
});

Deno.test("pump spins after traffic for no longer than it was told, and not at all at rest", async () => {
  let looks = 0;
  using on = bench({ spinUs: 80 });
  const receive = on.link.receive.bind(on.link);
  on.link.receive = (handler, budget) => {
    looks++;
    on.clock.advance(10);
    return receive(handler, budget);
  };
  on.pump.start();
  await settle();
  assertEquals(looks, 1);
  on.far.send(FRAME, 10);
  await settle();
  // One that takes the frame, eight that spin.
  assertEquals(looks, 10);
  // Spins that never pay are given up.
  for (let i = 0; i < 20; i++) {
    on.clock.advance(1_000_000);
    on.far.send(FRAME, 10);
    await settle();
  }
  looks = 0;
  on.clock.advance(1_000_000);
  on.far.send(FRAME, 10);
  await settle();
  assertEquals(looks, 2);
});

Deno.test("pump spins a bounded number of turns on a clock that stands still", async () => {
  using on = bench({ spinUs: 80 });
  on.far.send(FRAME, 10);
  on.pump.start();
  await settle();
  assertEquals(on.idles.length, 1);
});

Deno.test("pump visits the event loop under endless load", async () => {
  using on = bench();
  // Every frame brings the next one.
  on.host.onFrame = () => {
    on.clock.advance(100);
    on.far.send(FRAME, 10);
  };
  on.far.send(FRAME, 10);
  on.pump.start();
  await visitEventLoop();
  on.pump.stop();
  await on.pump.done;
  assert(on.host.log.length >= 100);
});

Deno.test("pump lets an application go on before it looks for more frames", async () => {
  const order: string[] = [];
  using on = bench({ budgetFrames: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  promise.then(() => order.push("application"));
  on.host.onFrame = (_, length) => {
    order.push(`frame ${length}`);
    resolve();
    on.pump.noteWoken();
  };
  on.far.send(FRAME, 10);
  on.far.send(FRAME, 11);
  on.pump.start();
  await visitEventLoop();
  assertEquals(order, ["frame 10", "application", "frame 11"]);
});

Deno.test("pump stops cleanly: flushes, leaves no timer, takes no more frames", async () => {
  using on = bench();
  on.host.deadlineUs = 50_000;
  on.pump.start();
  await settle();
  assert(on.pump.running);
  let flushed = false;
  on.link.flush = () => void (flushed = true);
  on.pump.stop();
  on.pump.stop();
  await on.pump.done;
  assert(!on.pump.running);
  assert(flushed);
  assertEquals(on.clock.nextTimerUs, Infinity);
  on.far.send(FRAME, 10);
  await settle();
  assertEquals(on.host.log, []);
});

Deno.test("pump that never started stops as well", async () => {
  using on = bench();
  on.pump.stop();
  await on.pump.done;
  on.pump.start();
  await settle();
  assertEquals(on.idles, []);
});

Deno.test("pump tells of a link's end once, by rejecting done", async () => {
  using on = bench();
  on.pump.start();
  await settle();
  on.link.close();
  const error = await assertRejects(() => on.pump.done, LinkError);
  assertStrictEquals(await on.pump.done.catch((again) => again), error);
  assert(!on.pump.running);
});

Deno.test("pump takes a link's end that shows when a user sends", async () => {
  using on = bench();
  on.pump.start();
  await settle();
  on.link.flush = () => {
    throw new LinkError("Device veth0 is gone");
  };
  on.pump.enter();
  on.pump.leave();
  await assertRejects(() => on.pump.done, LinkError, "veth0");
});

Deno.test("pump passes on a defect of the host", async () => {
  using on = bench();
  on.host.onFrame = () => {
    throw new RangeError("unlisted transition");
  };
  on.far.send(FRAME, 10);
  on.pump.start();
  await assertRejects(() => on.pump.done, RangeError, "unlisted");
});

/** A clock that knows when frames were captured: the link's times are its own, plus `LEAD_US`. */
class CapturingClock extends VirtualClock {
  override capturedUs(wallUs: number, _nowUs: number): number {
    return wallUs - LEAD_US;
  }
}

const LEAD_US = 1_700_000_000_000_000;

Deno.test("pump tells when each frame was captured, never out of order, never later than now", () => {
  const clock = new CapturingClock({ nowUs: 50_000 });
  const captures = [40_000, 40_700, 40_650, 49_999, 50_400, 90_000];
  let next = 0;
  const [link, far] = memoryPair({ nowUs: () => captures[next++] + LEAD_US });
  const host = new FakeHost();
  using pump = new Pump({ link, host, clock, spinUs: 0 });
  for (const _ of captures) far.send(FRAME, 10);
  pump.turn();
  // The one that arrived while frames were taken moves the clock on; one from far ahead is held against it.
  assertEquals(host.arrivals, [40_000, 40_700, 40_700, 49_999, 50_400, 50_400]);
  assertEquals(host.log, [50_000, 50_000, 50_000, 50_000, 50_400, 50_400].map((us) => `frame 10 @${us}`));
  // Nor does the time of the host go back to that of a clock behind it.
  pump.enter();
  assertEquals(host.nowUs, 50_400);
});
