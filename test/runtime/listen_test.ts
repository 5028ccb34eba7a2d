/** One call from a device, or what passes for one, to a listener. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { FrameLink } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { type DeviceOptions, listenOn } from "../../src/runtime/listen.ts";
import { formatMac } from "../../src/wire/address.ts";
import { arpFrame } from "../host/hand_frames.ts";

const noDevice = (): Promise<FrameLink> => Promise.reject(new Error("no such device"));

async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await undefined;
}

Deno.test("a listener on a link accepts, and the link is closed after the last connection", async () => {
  const clock = new VirtualClock();
  const [a, b] = memoryPair();
  let closed = false;
  const close = a.close.bind(a);
  a.close = () => {
    closed = true;
    close();
  };
  using client = createStack({ link: b, addresses: "10.0.0.2/24", clock });
  const listener = listenOn({ link: a, ip: "10.0.0.1/24", port: 7, clock }, { openDevice: noDevice });
  assertEquals(listener.addr, { transport: "tcp", hostname: "10.0.0.1", port: 7 });
  assertEquals(listener.state, "LISTEN");
  const [far, near] = await Promise.all([
    listener.accept(),
    client.connect({ hostname: "10.0.0.1", port: 7 }),
  ]);
  listener.close();
  await near.write(Uint8Array.of(1, 2, 3));
  assertEquals(await far.read(new Uint8Array(10)), 3);
  assertEquals(closed, false);
  far.abort();
  await settle();
  assertEquals(closed, true);
});

Deno.test("a device is opened on request, with the caller's options", async () => {
  const clock = new VirtualClock();
  const [a] = memoryPair();
  const asked: string[] = [];
  const open = (options: DeviceOptions) => {
    asked.push(`${options.device} ${options.mac}`);
    return Promise.resolve(a);
  };
  const listener = listenOn({ device: "eth7", mac: "device", ip: "10.0.0.1/24", port: 7, clock }, {
    openDevice: open,
  });
  assertEquals(listener.state, "CLOSED");
  await settle();
  assertEquals(listener.state, "LISTEN");
  assertEquals(asked, ["eth7 device"]);
  listener.close();
  await settle();
});

Deno.test("a SYN that waits in the link already meets the listener, not a closed port", async () => {
  const clock = new VirtualClock();
  const [a, b] = memoryPair();
  using client = createStack({ link: b, addresses: "10.0.0.2/24", clock, announce: false });
  const events: string[] = [];
  client.observe((event) => {
    if (event.event === "segment") events.push(`${event.direction} ${event.flags}`);
  });
  const connecting = client.connect({ hostname: "10.0.0.1", port: 7 });
  await settle();
  // The question of ARP is answered by hand, so that the SYN is there before anybody listens.
  const frames: Uint8Array[] = [];
  a.receive((frame, length) => frames.push(frame.slice(0, length)), 10);
  assertEquals(frames.length, 1);
  const reply = arpFrame(
    {
      operation: 2,
      senderMac: formatMac(a.mac),
      senderIp: "10.0.0.1",
      targetMac: formatMac(b.mac),
      targetIp: "10.0.0.2",
    },
    { to: formatMac(b.mac) },
  );
  a.send(reply, reply.length);
  await settle();
  assertEquals([events, a.waitingFrames], [["send SYN"], 1]);
  using listener = listenOn({ link: a, ip: "10.0.0.1/24", port: 7, clock }, { openDevice: noDevice });
  const [far, near] = await Promise.all([listener.accept(), connecting]);
  assertEquals([far.state, near.state], ["ESTABLISHED", "ESTABLISHED"]);
  assertEquals(events, ["send SYN", "recv SYN,ACK", "send ACK"]);
  far.abort();
  await settle();
});

Deno.test("a device that cannot be opened shows when one accepts", async () => {
  const listener = listenOn({ device: "eth7", ip: "10.0.0.1/24", port: 7 }, { openDevice: noDevice });
  await assertRejects(() => listener.accept(), Error, "no such device");
  await assertRejects(() => listener.accept(), Error, "no such device");
});

Deno.test("a device that opens after its listener was closed is closed again", async () => {
  const [a] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<FrameLink>();
  const listener = listenOn({ device: "eth7", ip: "10.0.0.1/24", port: 7 }, { openDevice: () => promise });
  listener.close();
  resolve(a);
  await settle();
  assertThrows(() => a.receive(() => {}, 1), Error, "closed");
});

Deno.test("nonsense is no address", () => {
  assertThrows(
    () => listenOn({ device: "eth7", ip: "ten", port: 7 }, { openDevice: noDevice }),
    TypeError,
    "10.0.0.1/24",
  );
});
