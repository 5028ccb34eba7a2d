/**
 * Several hosts of `serve` on one device, over the whole machine on a link in memory and a virtual clock: whose frames are whose,
 * one row of numbers, one answer to whoever asks, and one end.
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AddressLostError } from "../../src/cli/address_claim.ts";
import { pageSubject } from "../../src/cli/page_subject_of.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { Server } from "../../src/cli/server.ts";
import { speakerOf } from "../../src/cli/server_control.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { netstatToText } from "../../src/observe/netstat.ts";
import { answerOf } from "../../src/observe/server_answers.ts";
import { readServerSnapshot } from "../../src/observe/server_snapshot.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { endConnection, findConnection } from "../../src/web/page_commands.ts";
import { formatIpAddress, formatMac } from "../../src/wire/address.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

const MACS = [1, 2, 3].map((last) => Uint8Array.of(2, 0, 0, 0, 0, last));
const HOSTS = "--ip 10.0.0.1/24,fd00::1/64 --mac 02:00:00:00:00:01 --ip 10.0.0.2/24,fd00::2/64 " +
  "--mac 02:00:00:00:00:02 --ip 10.0.0.3/24 --mac 02:00:00:00:00:03";

class Scene extends VirtualTime implements AsyncDisposable {
  readonly server: Server;
  readonly client: Stack;
  readonly events: TcpEvent[] = [];
  readonly lines: string[] = [];
  readonly notices: string[] = [];
  readonly #config: ReturnType<typeof parseServeOptions>;
  readonly #ground;

  /** Serves as `serve HOSTS ARGS` would. `taken`: an address of theirs that the client has too. */
  constructor(args = "", taken: readonly string[] = []) {
    const [near, far] = memoryPair();
    super([near, far]);
    const { clock } = this;
    this.#config = parseServeOptions(`--iface memory --log json ${HOSTS} ${args}`.trim().split(" "));
    const hosts = this.#config.hosts.map(({ addresses }, position) => ({
      mac: MACS[position],
      addresses: addresses.map(({ address, text, prefixLength }) => ({
        address,
        text,
        prefixLength: prefixLength ?? 24,
        kernelOwned: false,
      })),
      gateways: [],
    }));
    this.#ground = {
      link: Object.assign(near, { capture: "immediate" as const }),
      hosts,
      addresses: hosts.flatMap(({ addresses }) => addresses),
      gateways: [],
      deviceMac: null,
      filter: "",
    };
    const decoder = new TextDecoder();
    const output = {
      write: (bytes: Uint8Array) => {
        this.lines.push(...decoder.decode(bytes).split("\n").filter((line) => line !== ""));
        return Promise.resolve(bytes.length);
      },
    };
    this.client = createStack({ link: far, addresses: ["10.0.0.9/24", "fd00::9/64", ...taken], clock });
    this.server = new Server({
      config: this.#config,
      ground: this.#ground,
      clock,
      log: new ServeLog({ form: "json", width: 80, output }),
      recording: null,
      notice: (line) => void this.notices.push(line),
    });
    this.server.stack.observe((event) => void this.events.push(event));
  }

  /** Duplicate address detection is over. */
  async ready(): Promise<this> {
    await this.pass(3_000_000);
    return this;
  }

  get parts() {
    return {
      config: this.#config,
      ground: this.#ground,
      server: this.server,
      notice: (line: string) => void this.notices.push(line),
    };
  }

  get speaker() {
    return speakerOf(this.parts, 0);
  }

  opens(hostname: string, port = 7): Promise<Connection> {
    return this.get(this.client.connect({ hostname, port }));
  }

  /** What comes back of some bytes. */
  async echoes(connection: Connection, text: string): Promise<string> {
    await this.get(connection.write(new TextEncoder().encode(text)));
    const into = new Uint8Array(1000);
    const count = await this.get(connection.read(into));
    return new TextDecoder().decode(into.subarray(0, count ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stack.close();
    this.client.close();
    await Promise.allSettled([this.server.stack.done, this.client.done]);
  }
}

const EVERY = ["10.0.0.1", "fd00::2", "10.0.0.3", "fd00::1", "10.0.0.2"];

Deno.test("each host answers with its own hardware address, over both families, and listens on the ports of all", async () => {
  await using on = await new Scene("--serve 7=echo,9=discard").ready();
  const seen = new Map<string, string>();
  on.client.observe((event) => {
    if ((event.event !== "arp" && event.event !== "ndp") || event.direction !== "recv") return;
    if (event.kind === "reply" || event.kind === "advertisement") seen.set(event.target, event.senderMac);
    if (event.kind === "reply") seen.set(event.sender, event.senderMac);
  });
  for (const hostname of EVERY) {
    assertEquals(await on.echoes(await on.opens(hostname), hostname), hostname);
    await on.opens(hostname, 9);
  }
  const macOf = (hostname: string) => formatMac(MACS[Number(hostname.at(-1)) - 1]);
  assertEquals(EVERY.map((hostname) => seen.get(hostname)), EVERY.map(macOf), JSON.stringify([...seen]));
  const said = on.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "listening");
  assertEquals(said.slice(0, 4).map(({ ip, mac, port }) => [ip, mac, port]), [
    ["10.0.0.1", "02:00:00:00:00:01", 7],
    ["10.0.0.1", "02:00:00:00:00:01", 9],
    ["fd00::1", "02:00:00:00:00:01", 7],
    ["fd00::1", "02:00:00:00:00:01", 9],
  ]);
  assertEquals(said.length, 10);
  assertEquals(said.at(-1).mac, "02:00:00:00:00:03");
});

Deno.test("connections and segments of all hosts have numbers of one row, in the order in which they begin", async () => {
  await using on = await new Scene("--serve 7=echo").ready();
  for (const hostname of EVERY) await on.echoes(await on.opens(hostname), "x");
  const connections = on.server.host.connections();
  assertEquals(connections.map(({ id }) => id), [1, 2, 3, 4, 5]);
  assertEquals(connections.map(({ localAddress }) => formatIpAddress(localAddress)), EVERY);
  const newest = [...on.server.host.newestConnections()];
  assertEquals(newest.map(({ id }) => id), [5, 4, 3, 2, 1]);
  assertEquals([...on.server.host.connectionsInOrder()].map(({ id }) => id).sort(), [1, 2, 3, 4, 5]);
  assertEquals([on.server.host.connectionCount, on.server.host.establishedCount], [5, 5]);
  const segments = on.events.flatMap((event) => event.event === "segment" ? [event.segment ?? 0] : []);
  assert(segments.length >= 30);
  assertEquals(new Set(segments).size, segments.length);
  assertEquals(segments.toSorted((a, b) => a - b), segments.map((_, position) => segments[0] + position));
  // A transition names a segment of the same connection, whichever host it is of.
  const ofSegment = new Map(
    on.events.flatMap((event) => event.event === "segment" ? [[event.segment, event.connection]] : []),
  );
  const moves = on.events.filter((event) => event.event === "transition" && event.segment !== undefined);
  assertEquals(moves.length, 10);
  for (const move of moves) {
    assert(move.event === "transition" && move.segment !== undefined);
    assertEquals(ofSegment.get(move.segment), move.connection);
  }
});

Deno.test("who asks hears of all hosts at once: addresses, listeners once, connections, sums", async () => {
  await using on = await new Scene("--serve 7=hold --memory 96M").ready();
  for (const hostname of EVERY) await on.opens(hostname);
  // The JSON that travels, there and back.
  const lines = [...answerOf(on.speaker, "snapshot") ?? []];
  const snapshot = readServerSnapshot(JSON.parse(JSON.stringify(lines)));
  assert(snapshot !== null);
  assertEquals(snapshot.hosts, [
    { mac: "02:00:00:00:00:01", ip: ["10.0.0.1", "fd00::1"] },
    { mac: "02:00:00:00:00:02", ip: ["10.0.0.2", "fd00::2"] },
    { mac: "02:00:00:00:00:03", ip: ["10.0.0.3"] },
  ]);
  assertEquals(snapshot.listeners.map(({ port, app, state }) => [port, app, state]), [[7, "hold", "LISTEN"]]);
  assertEquals(snapshot.connections.map(({ local }) => local).sort(), [
    "10.0.0.1:7",
    "10.0.0.2:7",
    "10.0.0.3:7",
    "[fd00::1]:7",
    "[fd00::2]:7",
  ]);
  assertEquals(new Set(snapshot.connections.map(({ id }) => id)).size, 5);
  assertEquals([snapshot.figures.connections, snapshot.figures.memoryLimit], [5, 96 * 0x100000]);
  assertEquals(snapshot.counters["passive-opens"], 5);
  const text = netstatToText([snapshot], { width: 200 });
  assert(
    text.includes("10.0.0.1, fd00::1  mac 02:00:00:00:00:01; 10.0.0.2, fd00::2  mac 02:00:00:00:00:02;"),
    text,
  );
  assertEquals(text.split("\n").filter((line) => line.includes("LISTEN")).length, 5);
  assertEquals(on.server.summary().counters["connections-established"], 5);
  assertEquals(readServerSnapshot([{ ...snapshot, hosts: [{ mac: 7, ip: [] }] }]), null);
});

Deno.test("an end by number is that of the right host's connection, and an application holds for all hosts", async () => {
  await using on = await new Scene("--serve 7=hold --ui").ready();
  const subject = pageSubject(on.server, on.parts);
  const connections = new Map<string, Connection>();
  for (const hostname of EVERY) connections.set(hostname, await on.opens(hostname));
  assertEquals(findConnection(subject, 2)?.localAddress.length, 16);
  assertEquals([findConnection(subject, 6), findConnection(subject, 0)], [null, null]);
  assertEquals(endConnection(subject, { id: 2, how: "abort" }).status, 200);
  assertEquals(endConnection(subject, { id: 5, how: "close" }).status, 200);
  await on.settle();
  const states = EVERY.map((hostname) => connections.get(hostname)?.state);
  assertEquals(states, ["ESTABLISHED", "CLOSED", "ESTABLISHED", "ESTABLISHED", "CLOSE_WAIT"]);
  assertEquals(endConnection(subject, { id: 2, how: "abort" }).status, 404);
  on.server.setApplication(7, "echo");
  for (const hostname of EVERY) {
    assertEquals(await on.echoes(await on.opens(hostname), "now"), "now", hostname);
  }
});

Deno.test("faults name the connection and the segment of the host whose frame they touch", async () => {
  await using on = await new Scene("--serve 7=echo --fault in:dup=100%,out:delay=1ms,seed=3").ready();
  for (const hostname of EVERY) await on.echoes(await on.opens(hostname), hostname);
  const segments = new Map(
    on.events.flatMap((event) => event.event === "segment" ? [[event.segment, event]] : []),
  );
  const faults = on.events.filter((event) => event.event === "fault" && event.segment !== undefined);
  assert(faults.length >= 20, `${faults.length}`);
  for (const fault of faults) {
    assert(fault.event === "fault" && fault.segment !== undefined);
    const segment = segments.get(fault.segment);
    assertEquals([segment?.connection, segment?.direction], [fault.connection, fault.direction]);
    // Of a SYN that comes in there is no connection yet.
    if (fault.flags?.includes("SYN")) continue;
    assertEquals([segment?.id, segment?.relSeq], [fault.id, fault.relSeq]);
  }
});

Deno.test("bounds are shared out: a host that is full leaves the others theirs", async () => {
  await using on = await new Scene("--serve 7=hold --max-connections 6 --on-full refuse").ready();
  for (const hostname of ["10.0.0.1", "fd00::1", "10.0.0.2"]) await on.opens(hostname);
  const third = on.client.connect({ hostname: "10.0.0.1", port: 7 });
  third.catch(() => {});
  await on.pass(2_000_000);
  assertEquals(on.server.host.connectionCount, 3);
  await on.opens("10.0.0.3");
  await on.opens("fd00::2");
  assertEquals(on.server.host.connectionCount, 5);
  assertEquals(on.server.host.counters()["syn-dropped"] > 0, true);
});

Deno.test("--once ends with the first connection of whichever host, and the end is one for all", async () => {
  await using on = await new Scene("--serve 7=echo --once").ready();
  let isOver = false;
  on.server.firstClosed.then(() => isOver = true);
  const [first, second] = [await on.opens("10.0.0.3"), await on.opens("fd00::2")];
  await on.settle();
  assertEquals(isOver, false);
  await first.closeWrite();
  await on.get(on.server.firstClosed);
  await on.get(Promise.all([on.server.end(new AbortController().signal), second.closeWrite()]));
  // As with one host, TIME_WAIT ends with the process.
  assertEquals(on.server.host.connections().map(({ id, state }) => [id, state]), [[2, "TIME_WAIT"]]);
  assertEquals(on.server.host.listeners(), []);
  const closed = on.events.flatMap((event) => event.event === "closed" ? [[event.id, event.reason]] : []);
  assertEquals(closed, [[1, "normal"]]);
  await on.get(on.server.stack.done);
});

Deno.test("an address of the last host that somebody else has is lost, and the first host is not", async () => {
  await using on = new Scene("--serve 7=echo", ["10.0.0.3/24"]);
  const lost = on.server.addressLost.catch((error) => error);
  await on.pass(6_000_000);
  const error = await on.get(lost);
  assert(error instanceof AddressLostError, String(error));
  assert(error.message.startsWith("10.0.0.3 is in use on "), error.message);
  assertEquals(await on.echoes(await on.opens("10.0.0.1"), "still"), "still");
});

Deno.test("what is said of the device is said once, and a frame for nobody is nobody's", async () => {
  await using on = await new Scene("--serve 7=echo").ready();
  const { host } = on.server;
  const { mtu } = on.parts.ground.link;
  assertNotEquals(mtu, 1400);
  Object.assign(on.parts.ground.link, { mtu: 1400 });
  await on.opens("10.0.0.2");
  const told = on.events.filter((event) => event.event === "notice" && event.kind === "mtu-changed");
  assertEquals(told.length, 1);
  assertEquals(on.notices.filter((line) => line.includes("The MTU of")).length, 1);
  const before = host.counters()["drop-not-for-us"] ?? 0;
  const stray = new Uint8Array(60);
  stray.set([2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 0x88, 0x08, 0x00]);
  on.client.link.send(stray, stray.length);
  // Of fewer bytes than a header: malformed, and counted, not an exception.
  on.client.link.send(stray, 5);
  await on.settle();
  assertEquals((host.counters()["drop-not-for-us"] ?? 0) - before, 1);
});

Deno.test("hosts of one group reach each other, and what they say to each other is not on the wire", async () => {
  await using on = await new Scene("--serve 7=echo").ready();
  const { host, stack } = on.server;
  const left = on.client.link.stats().framesIn;
  const connect = (from: string, to: string) =>
    on.get(stack.connect({ hostname: to, port: 7, localHostname: from }));
  const bytes = "between two of them ".repeat(40);
  const near = await connect("10.0.0.1", "10.0.0.3");
  assertEquals(await on.echoes(near, bytes.slice(0, 700)), bytes.slice(0, 700));
  assertEquals(host.connections().map(({ id, localPort }) => [id, localPort === 7]), [[1, false], [2, true]]);
  // Only the question by ARP went to everybody.
  assertEquals(on.client.link.stats().framesIn - left, 1);
  await connect("fd00::2", "fd00::1");
  // Without a word of whence, it is the first that has the family.
  const first = await on.get(stack.connect({ hostname: "10.0.0.9", port: 7 }).catch((error) => error.name));
  assertEquals(first, "ConnectionRefused");
  assertThrows(
    () => host.listen({ port: 80, address: Uint8Array.of(10, 0, 0, 9), accept: () => ({}) }),
    Error,
    "10.0.0.9 is the address of none of these hosts",
  );
  // One that cannot listen on all listens on none.
  const only = host.listen({ port: 80, address: Uint8Array.of(10, 0, 0, 3), accept: () => ({}) });
  assertThrows(() => host.listen({ port: 80, accept: () => ({}) }), Error, "Port 80 is taken");
  assertEquals(host.listeners().map(({ port, state }) => [port, state]), [[7, "LISTEN"], [80, "LISTEN"]]);
  only.close();
  host.listen({ port: 80, accept: () => ({}) }).close();
  assertEquals(host.listeners().map(({ port }) => port), [7]);
});
