/** One call from a device, or what passes for one, to a listener. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { FrameLink } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { connectOn } from "../../src/runtime/connect.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { type DeviceOptions, listenOn } from "../../src/runtime/listen.ts";
import { formatMac } from "../../src/wire/address.ts";
import { NEIGHBOR_FAMILIES } from "../host/neighbor_families.ts";

const noDevice = (): Promise<FrameLink> => Promise.reject(new Error("no such device"));

function at(address: string, { mac }: FrameLink) {
  return { address, mac: formatMac(mac) };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await undefined;
}

const PAIRS = [
  { ours: "10.0.0.1", theirs: "10.0.0.2", prefixLength: 24 },
  { ours: "fd00::1", theirs: "fd00::2", prefixLength: 64 },
];

for (const [version, { ours, theirs, prefixLength }] of PAIRS.entries()) {
  const neighbors = NEIGHBOR_FAMILIES[version];

  Deno.test(`${neighbors.name}: a listener on a link accepts, and the link is closed after the last connection`, async () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair();
    let closed = false;
    const close = a.close.bind(a);
    a.close = () => {
      closed = true;
      close();
    };
    using client = createStack({ link: b, addresses: `${theirs}/${prefixLength}`, clock });
    const listener = listenOn({ link: a, ip: `${ours}/${prefixLength}`, port: 7, clock }, {
      openDevice: noDevice,
    });
    assertEquals(listener.addr, { transport: "tcp", hostname: ours, port: 7 });
    assertEquals(listener.state, "LISTEN");
    const [far, near] = await Promise.all([
      listener.accept(),
      client.connect({ hostname: ours, port: 7 }),
    ]);
    listener.close();
    await near.write(Uint8Array.of(1, 2, 3));
    assertEquals(await far.read(new Uint8Array(10)), 3);
    assertEquals(closed, false);
    far.abort();
    await settle();
    assertEquals(closed, true);
  });

  Deno.test(`${neighbors.name}: a SYN that waits in the link already meets the listener, not a closed port`, async () => {
    const clock = new VirtualClock();
    const [a, b] = memoryPair();
    using client = createStack({ link: b, addresses: `${theirs}/${prefixLength}`, clock, announce: false });
    const events: string[] = [];
    client.observe((event) => {
      if (event.event === "segment") events.push(`${event.direction} ${event.flags}`);
    });
    const connecting = client.connect({ hostname: ours, port: 7 });
    await settle();
    // The question of the neighbor is answered by hand, so that the SYN is there before anybody listens.
    const frames: Uint8Array[] = [];
    a.receive((frame, length) => frames.push(frame.slice(0, length)), 10);
    // IPv6 has reported its groups before (RFC 3810 §5.2.14: to ff02::16).
    const questions = frames.filter((frame) => frame[5] !== 0x16);
    assertEquals(questions, [neighbors.asks(at(theirs, b), ours)]);
    const reply = neighbors.answers(at(ours, a), at(theirs, b));
    a.send(reply, reply.length);
    await settle();
    assertEquals([events, a.waitingFrames], [["send SYN"], 1]);
    using listener = listenOn({ link: a, ip: `${ours}/${prefixLength}`, port: 7, clock }, {
      openDevice: noDevice,
    });
    const [far, near] = await Promise.all([listener.accept(), connecting]);
    assertEquals([far.state, near.state], ["ESTABLISHED", "ESTABLISHED"]);
    assertEquals(events, ["send SYN", "recv SYN,ACK", "send ACK"]);
    far.abort();
    await settle();
  });
}

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

Deno.test("a device does not stay open for a stack that cannot be; a link that was given is its owner's", async () => {
  const bad = { faults: "drop=200%", ip: "10.0.0.1/24", port: 7 };
  const isOpen = (link: FrameLink) => {
    try {
      link.receive(() => {}, 1);
      return true;
    } catch {
      return false;
    }
  };
  const [listened, connected] = memoryPair();
  const listener = listenOn({ ...bad, device: "eth7" }, { openDevice: () => Promise.resolve(listened) });
  await assertRejects(() => listener.accept(), TypeError, "faults");
  await assertRejects(
    () =>
      connectOn({ ...bad, device: "eth7", hostname: "10.0.0.2" }, {
        openDevice: () => Promise.resolve(connected),
      }),
    TypeError,
    "faults",
  );
  assertEquals([isOpen(listened), isOpen(connected)], [false, false]);
  const [near, far] = memoryPair();
  assertThrows(() => listenOn({ ...bad, link: near }, { openDevice: noDevice }), TypeError, "faults");
  await assertRejects(
    () => connectOn({ ...bad, link: far, hostname: "10.0.0.2" }, { openDevice: noDevice }),
    TypeError,
    "faults",
  );
  assertEquals([isOpen(near), isOpen(far)], [true, true]);
});

Deno.test("nonsense is no address", () => {
  assertThrows(
    () => listenOn({ device: "eth7", ip: "ten", port: 7 }, { openDevice: noDevice }),
    TypeError,
    "10.0.0.1/24",
  );
});
