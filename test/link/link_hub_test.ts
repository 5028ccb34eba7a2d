/** Several hosts on one link: to whom frames go, what a port holds, and that its hosts reach each other and the wire. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { echo } from "../../src/app/echo.ts";
import { LinkHub } from "../../src/link/link_hub.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import type { FrameLink } from "../../src/link/link.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";
import { EVERYBODY, frame, mac, marks } from "./marked_frames.ts";

function scene() {
  const [device, wire] = memoryPair();
  const hub = new LinkHub(device);
  const [one, two] = [hub.port(mac(1)), hub.port(mac(2))];
  const send = (link: FrameLink, bytes: Uint8Array) => link.send(bytes, bytes.length);
  return { hub, device, wire, one, two, send };
}

Deno.test("link hub: a frame goes to the port of its address, one for a group to all, and no other to any", () => {
  const { wire, one, two, send } = scene();
  send(wire, frame(mac(1), mac(9), 1));
  send(wire, frame(mac(2), mac(9), 2));
  send(wire, frame(EVERYBODY, mac(9), 3));
  send(wire, frame(mac(7), mac(9), 4));
  send(wire, Uint8Array.of(1, 2, 3));
  assertEquals([marks(two), marks(one)], [[2, 3], [1, 3]]);
  assertEquals([marks(one), marks(two)], [[], []]);
  assertEquals([one.stats().framesIn, two.stats().framesIn], [2, 2]);
});

Deno.test("link hub: between two ports nothing reaches the wire, but for what is for everybody", () => {
  const { wire, one, two, send } = scene();
  send(one, frame(mac(2), mac(1), 1));
  send(one, frame(EVERYBODY, mac(1), 2));
  send(one, frame(mac(9), mac(1), 3));
  assertEquals([marks(two), marks(wire), marks(one)], [[1, 2], [2, 3], []]);
});

Deno.test("link hub: frames may come in bunches, in order, and the bytes are the port's own", () => {
  const { one, two, send } = scene();
  const bytes = frame(mac(2), mac(1), 0);
  for (let mark = 0; mark < 5; mark++) {
    bytes[14] = mark;
    send(one, bytes);
  }
  assertEquals([marks(two, 2), marks(two, 2), marks(two, 2)], [[0, 1], [2, 3], [4]]);
});

Deno.test("link hub: a port that nobody reads holds 1024 frames, and counts what is lost", () => {
  const { one, two, send } = scene();
  for (let i = 0; i < 1100; i++) send(one, frame(mac(2), mac(1), i & 0xff));
  assertEquals([two.stats().droppedByRing, two.isCrowded, one.isCrowded], [76, true, false]);
  assertEquals([marks(two).length, two.isCrowded], [1024, false]);
});

Deno.test("link hub: each host has an address of its own, 64 at most", () => {
  const { hub } = scene();
  assertThrows(() => hub.port(mac(1)), TypeError, "02:00:00:00:00:01 has a port already");
  assertThrows(() => hub.port(EVERYBODY), TypeError, "is not the hardware address of one host");
  for (let last = 3; last <= 64; last++) hub.port(mac(last));
  assertThrows(() => hub.port(mac(65)), RangeError, "64 ports at most");
});

Deno.test("link hub: a wait ends with a frame from the wire or from another port; the link closes with the last port", async () => {
  const { device, wire, one, two, send } = scene();
  let woken = 0;
  const wait = (port: FrameLink) => port.wait(Infinity).then(() => void woken++);
  const both = [wait(one), wait(two)];
  await Promise.resolve();
  assertEquals(woken, 0);
  send(wire, frame(mac(1), mac(9), 1));
  await Promise.all(both);
  assertEquals([woken, marks(one)], [2, [1]]);
  const again = wait(two);
  send(one, frame(mac(2), mac(1), 2));
  await again;
  // What waits already is not waited for.
  await wait(two);
  two.close();
  two.close();
  assertEquals([marks(two), marks(one)], [[], []]);
  // Its address is free, and what is for it goes to the wire.
  send(one, frame(mac(2), mac(1), 3));
  assertEquals(marks(wire), [3]);
  one.close();
  assert(device.stats().framesOut > 0);
  assertThrows(() => device.receive(() => {}, 1));
});

Deno.test("link hub: three servers of one device serve each other and the wire, over both families", async () => {
  const [device, wire] = memoryPair();
  const time = new VirtualTime([device, wire]);
  const { clock } = time;
  const hub = new LinkHub(device);
  const stackOn = (link: FrameLink, last: number): Stack => {
    const addresses = [`10.0.0.${last}/24`, `fd00::${last}/64`];
    const stack = createStack({ link, addresses, clock });
    stack.host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => 0 }) });
    return stack;
  };
  await using one = stackOn(hub.port(mac(1)), 1);
  await using two = stackOn(hub.port(mac(2)), 2);
  await using three = stackOn(hub.port(mac(3)), 3);
  await using far = stackOn(wire, 9);
  await time.pass(3_000_000);
  const pairs: readonly (readonly [Stack, string])[] = [
    [far, "10.0.0.1"],
    [far, "fd00::2"],
    [one, "10.0.0.2"],
    [two, "fd00::3"],
    [three, "[fd00::1]"],
    [three, "fd00::9"],
  ];
  for (const [from, hostname] of pairs) {
    const connection = await time.get(from.connect({ hostname, port: 7 }));
    const bytes = new TextEncoder().encode(hostname.repeat(1000));
    const writing = async () => {
      for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
      await connection.closeWrite();
    };
    const [echoed] = await time.get(Promise.all([new Response(connection.readable).bytes(), writing()]));
    assertEquals(echoed, bytes, hostname);
  }
  for (const stack of [one, two, three, far]) stack.close();
  await time.settle();
});
