/** A session of several hosts, on a link in memory and a virtual clock: what reaches which of them, and what all are told. */
import { assert, assertEquals } from "@std/assert";
import { echo } from "../../src/app/echo.ts";
import { memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { Session, type SessionHost } from "../../src/runtime/session.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { VirtualTime } from "./virtual_time.ts";

const mac = (last: number) => Uint8Array.of(2, 0, 0, 0, 0, last);
const ip = (last: number) => Uint8Array.of(10, 0, 0, last);
const EVERYBODY = new Uint8Array(6).fill(0xff);

class Scene extends VirtualTime implements AsyncDisposable {
  readonly session: Session;
  readonly client: Stack;

  /** Hosts 10.0.0.1 to 10.0.0.3, which echo on port 7, and 10.0.0.9 at the other end. */
  constructor(settings: Partial<SessionHost> = {}, cable: Omit<MemoryPairOptions, "nowUs"> = {}) {
    const [near, far] = memoryPair(cable);
    super([near, far]);
    const { clock } = this;
    this.session = new Session({
      link: near,
      clock,
      host: { addresses: [], ...settings },
      stations: [1, 2, 3].map((last) => ({
        mac: mac(last),
        addresses: [{ address: ip(last), prefixLength: 24 }],
      })),
    });
    this.session.host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => 0 }) });
    this.session.start();
    this.client = createStack({ link: far, addresses: "10.0.0.9/24", clock });
  }

  opens(hostname: string, from: Stack = this.client): Promise<Connection> {
    return this.get(from.connect({ hostname, port: 7 }));
  }

  /** A frame on the wire, from a station. */
  async frame(about: { to: Uint8Array; from: Uint8Array; type: number }): Promise<void> {
    const { to, from, type } = about;
    const frame = Uint8Array.of(...to, ...from, type >> 8, type & 0xff, ...new Uint8Array(46));
    this.client.link.send(frame, frame.length);
    await this.settle();
  }

  count(name: string): number {
    return this.session.host.counters()[name] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.stack.close();
    this.client.close();
    await Promise.allSettled([this.session.stack.done, this.client.done]);
  }
}

Deno.test("a frame for a group is for each host but its sender, one for a host is for that one", async () => {
  await using on = new Scene();
  await on.settle();
  // IEEE 802: for experiments, and no protocol of ours.
  const type = 0x88b5;
  const takenBy = async (to: Uint8Array, from: Uint8Array) => {
    const before = on.count("frames-in");
    await on.frame({ to, from, type });
    return on.count("frames-in") - before;
  };
  assertEquals(await takenBy(EVERYBODY, mac(9)), 3);
  // As a switch that floods would send it back.
  assertEquals(await takenBy(EVERYBODY, mac(2)), 2);
  assertEquals([await takenBy(mac(3), mac(9)), await takenBy(mac(0x77), mac(9))], [1, 1]);
  assertEquals([on.count("drop-unknown-ethertype"), on.count("drop-not-for-us")], [6, 1]);
});

Deno.test("it is the same time for all, whichever of them has had frames", async () => {
  await using on = new Scene();
  for (const hostname of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) await on.opens(hostname);
  await on.pass(5_000_000);
  on.session.stack.pump.enter();
  const since = on.session.host.connections().map((connection) => connection.info().sinceReceiveUs);
  assertEquals(since.length, 3);
  for (const us of since) assert(us >= 5_000_000, `${since}`);
  assertEquals(on.session.host.nowUs, on.clock.nowUs());
});

Deno.test("a crowd is every host's: strangers wait, wherever they knock", async () => {
  await using on = new Scene();
  // Who they are is known by then, so that ARP is no hindrance, but they have no connection.
  for (const hostname of ["10.0.0.1", "10.0.0.3"]) {
    await on.get(on.client.connect({ hostname, port: 9 }).catch(() => {}));
  }
  on.session.host.crowd(true);
  const waits = ["10.0.0.1", "10.0.0.3"].map((hostname) => on.client.connect({ hostname, port: 7 }));
  for (const wait of waits) wait.catch(() => {});
  await on.settle();
  assertEquals([on.count("overload-opens"), on.session.host.connectionCount], [2, 0]);
  on.session.host.crowd(false);
  await on.get(Promise.all(waits));
  assertEquals(on.session.host.establishedCount, 2);
});

Deno.test("who wants a part of the events hears no more of any host", async () => {
  await using on = new Scene();
  const heard: TcpEvent[] = [];
  const interest = { segments: () => false, data: false, samples: () => false };
  const leave = on.session.stack.observe((event) => void heard.push(event), interest);
  for (const hostname of ["10.0.0.1", "10.0.0.3"]) {
    const connection = await on.opens(hostname);
    await on.get(connection.write(new Uint8Array(3000)));
    await on.get(connection.read(new Uint8Array(3000)));
  }
  const counts = (kind: TcpEvent["event"]) => heard.filter(({ event }) => event === kind).length;
  assertEquals([counts("data"), counts("transition")], [0, 4]);
  assert(heard.every((event) => event.event !== "segment" || event.length === 0), JSON.stringify(heard));
  leave();
  assertEquals(on.session.host.observer, null);
});

Deno.test("large segments from one host to another are cut, with sums, as on the wire", async () => {
  await using on = new Scene({ checksumPolicy: "strict" }, { maxPacketBytes: 0xffff });
  const { stack, host } = on.session;
  const connection = await on.get(
    stack.connect({ hostname: "10.0.0.2", port: 7, localHostname: "10.0.0.1" }),
  );
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const sending = (async () => {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    await connection.closeWrite();
  })();
  const [echoed] = await on.get(Promise.all([new Response(connection.readable).bytes(), sending]));
  assertEquals(echoed, bytes);
  assertEquals([on.count("checksum-partial"), on.count("drop-checksum")], [0, 0]);
  assertEquals(host.counters()["segments-bad"], 0);
});

Deno.test("one station is an ordinary host", async () => {
  const [near] = memoryPair();
  const session = new Session({
    link: near,
    clock: new VirtualTime([near]).clock,
    host: { addresses: [{ address: ip(1), prefixLength: 24 }] },
    stations: [{ mac: near.mac, addresses: [{ address: ip(1), prefixLength: 24 }] }],
  });
  assertEquals([session.link === near, session.host.constructor.name], [true, "Host"]);
  session.stack.close();
  await session.stack.done;
});
