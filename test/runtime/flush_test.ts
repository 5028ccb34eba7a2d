/**
 * What a user of the library asks for leaves at once, at whatever moment of the pump's turn it is asked for: over links
 * that keep frames back until they are flushed, and with a clock that stands still.
 */
import { assertEquals } from "@std/assert";
import type { Connection } from "../../src/runtime/connection.ts";
import type { Listener } from "../../src/runtime/listener.ts";
import { VirtualStacks } from "./virtual_stacks.ts";
import { addressText } from "../tcp/family.ts";

/** Steps of promises that the caller takes after it was woken: past the end of the pump's turn, into its sleep. */
const MOST_STEPS = 12;

interface Scene {
  readonly on: VirtualStacks;
  /** The end that calls, on the client's stack. */
  readonly near: Connection;
  readonly far: Connection;
  readonly listener: Listener;
}

interface UserCall {
  readonly name: string;
  /** What comes before, with all the time that it takes. */
  prepare?(scene: Scene): Promise<unknown>;
  call(scene: Scene): unknown;
  /** Settles when the other side has what left. */
  arrived(scene: Scene): Promise<unknown>;
}

const one = (): Uint8Array => Uint8Array.of(1);
const read = (connection: Connection) => connection.read(new Uint8Array(1000));

async function fill(connection: Connection): Promise<void> {
  let blocked = false;
  while (!blocked) {
    const write = connection.write(new Uint8Array(1000));
    blocked = await Promise.race([write.then(() => false), steps(5).then(() => true)]);
    if (blocked) write.catch(() => {});
  }
}

async function steps(count: number): Promise<void> {
  for (let step = 0; step < count; step++) await undefined;
}

const CALLS: readonly UserCall[] = [
  { name: "abort", call: ({ near }) => near.abort(), arrived: ({ far }) => far.closed },
  { name: "close", call: ({ near }) => near.close(), arrived: ({ far }) => read(far) },
  { name: "closeWrite", call: ({ near }) => near.closeWrite(), arrived: ({ far }) => read(far) },
  { name: "write", call: ({ near }) => near.write(one()), arrived: ({ far }) => read(far) },
  {
    name: "writable.abort",
    call: ({ near }) => near.writable.abort(),
    arrived: ({ far }) => far.closed,
  },
  {
    name: "setNoDelay, which lets out what Nagle keeps back",
    // The first is under way unacknowledged, the second waits for its ACK.
    prepare: async ({ on, near, far }) => {
      await near.write(one());
      await near.write(one());
      await on.settle();
      assertEquals(await read(far), 1);
    },
    call: ({ near }) => near.setNoDelay(),
    arrived: ({ far }) => read(far),
  },
  {
    name: "read, which opens the window again",
    prepare: async ({ on, far }) => {
      await fill(far);
      await on.pass(1_000_000);
    },
    call: ({ near }) => near.read(new Uint8Array(16_384)),
    arrived: ({ far }) => far.write(one()),
  },
  {
    name: "readable.cancel, which opens the window too",
    prepare: async ({ on, far }) => {
      await fill(far);
      await on.pass(1_000_000);
    },
    call: ({ near }) => near.readable.cancel(),
    arrived: ({ far }) => far.write(one()),
  },
  {
    name: "connect",
    call: ({ on }) => void on.client.connect({ hostname: addressText(1), port: 7 }).catch(() => {}),
    arrived: ({ listener }) => listener.accept(),
  },
];

/** Calls from code that a frame has woken, `count` steps of promises later; tells whether it arrived without time. */
async function arrives(user: UserCall, count: number): Promise<boolean> {
  const tcp = { quickAcks: 0, receiveBufferBytes: 8192, sendBufferBytes: 8192 };
  await using on = new VirtualStacks({ holds: true, tcp });
  const listener = on.server.listen({ port: 7 });
  const [near, far] = await on.get(
    Promise.all([on.client.connect({ hostname: addressText(1), port: 7 }), listener.accept()]),
  );
  const other = await on.get(Promise.all([
    on.client.connect({ hostname: addressText(1), port: 7 }),
    listener.accept(),
  ]));
  const scene = { on, near, far, listener };
  await on.pass(1_000_000);
  await user.prepare?.(scene);
  // A frame of another connection wakes the caller.
  const woken = read(other[0]);
  await other[1].write(one());
  const calling = (async () => {
    await woken;
    await steps(count);
    await user.call(scene);
  })();
  calling.catch(() => {});
  let hasArrived = false;
  await on.settle();
  user.arrived(scene).then(() => hasArrived = true, () => hasArrived = true);
  const beforeUs = on.clock.nowUs();
  await on.settle();
  assertEquals(on.clock.nowUs(), beforeUs);
  return hasArrived;
}

for (const user of CALLS) {
  Deno.test(`what leaves by ${user.name} does not wait for a next frame`, async () => {
    const late: number[] = [];
    for (let count = 0; count <= MOST_STEPS; count++) if (!await arrives(user, count)) late.push(count);
    assertEquals(late, [], "steps after which it stayed in the link");
  });
}

Deno.test("a deadline that is set on the way to sleep wakes the pump", async () => {
  for (let count = 0; count <= MOST_STEPS; count++) {
    await using on = new VirtualStacks({ holds: true });
    const listener = on.server.listen({ port: 7 });
    const [near, far] = await on.get(
      Promise.all([on.client.connect({ hostname: addressText(1), port: 7 }), listener.accept()]),
    );
    await on.pass(1_000_000);
    const woken = read(near).then(async () => {
      await steps(count);
      near.setKeepAlive(true, { idleUs: 5_000_000 });
    });
    await far.write(one());
    await on.settle();
    await woken;
    await on.pass(5_500_000);
    assertEquals(on.client.host.counters()["keep-alives"], 1, `${count} steps`);
  }
});
