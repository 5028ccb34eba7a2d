/** The server of `serve` over the whole machine, on a link in memory and a virtual clock: how it ends. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { type HttpService, openHttpService } from "../../src/cli/http_service.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { Server } from "../../src/cli/server.ts";
import { speakerOf } from "../../src/cli/server_control.ts";
import type { FaultLink } from "../../src/link/fault_link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { REFUSAL_REASONS } from "../../src/http/refusals.ts";
import { headingOf } from "../../src/observe/server_answers.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import type { ClosedEvent, TcpEvent } from "../../src/tcp/events.ts";
import { metricsText } from "../../src/web/prometheus.ts";
import { segmentFrame } from "../host/wire_host.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

class Scene extends VirtualTime implements AsyncDisposable {
  readonly ground: ConstructorParameters<typeof Server>[0]["ground"];
  readonly server: Server;
  readonly client: Stack;
  readonly notices: string[] = [];
  readonly events: TcpEvent[] = [];

  /** Serves as `serve --ip 10.0.0.1/24 ARGS` would; `early` is a frame that waits on the device before. */
  constructor(args: string, { early, http }: { early?: Uint8Array; http?: HttpService } = {}) {
    const [near, far] = memoryPair();
    super([near, far]);
    if (early !== undefined) {
      early.set(near.mac);
      far.send(early, early.length);
    }
    const { clock } = this;
    const words = `--iface memory --ip 10.0.0.1/24 --log none ${args}`;
    const addresses = [
      { address: Uint8Array.of(10, 0, 0, 1), text: "10.0.0.1", prefixLength: 24, kernelOwned: false },
    ];
    const output = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };
    this.ground = {
      link: Object.assign(near, { capture: "immediate" as const }),
      addresses,
      hosts: [{ mac: near.mac, addresses, gateways: [] }],
      gateways: [],
      deviceMac: null,
      filter: "",
    };
    this.server = new Server({
      config: parseServeOptions(words.split(" ")),
      ground: this.ground,
      clock,
      http: http ?? null,
      log: new ServeLog({ form: "none", width: 80, output }),
      recording: null,
      notice: (line) => void this.notices.push(line),
    });
    this.server.stack.observe((event) => void this.events.push(event));
    this.client = createStack({ link: far, addresses: "10.0.0.2/24", clock });
  }

  opens(port: number): Promise<Connection> {
    return this.get(this.client.connect({ hostname: "10.0.0.1", port }));
  }

  /** Ends the server as SIGTERM does, and calls `meanwhile` once that has begun; gives how long it took. */
  async ends(meanwhile: () => void = () => {}): Promise<number> {
    this.notices.length = 0;
    const beganUs = this.clock.nowUs();
    let tookUs = NaN;
    const ending = this.server.end(new AbortController().signal).then(() => {
      tookUs = this.clock.nowUs() - beganUs;
    });
    meanwhile();
    await this.get(ending);
    return tookUs;
  }

  get closed(): ClosedEvent[] {
    return this.events.filter((event) => event.event === "closed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stack.close();
    this.client.close();
    await Promise.allSettled([this.server.stack.done, this.client.done]);
  }
}

/** Reads up to the end, and closes; gives the bytes, or the error's name. */
async function readsToEnd(connection: Connection): Promise<number | string> {
  const sink = new Uint8Array(0x10000);
  let bytes = 0;
  try {
    for (;;) {
      const count = await connection.read(sink);
      if (count === null) break;
      bytes += count;
    }
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
  connection.close();
  return bytes;
}

Deno.test("SIGTERM while a page has it paused: what waits is taken first, and connections end in order", async () => {
  await endsPaused(() => {});
});

Deno.test("the same where the page has let go a moment before", async () => {
  await endsPaused((injector) => injector.resume());
});

async function endsPaused(before: (injector: FaultLink) => void): Promise<void> {
  await using on = new Scene("--serve 7=echo --ui");
  const { injector } = on.server;
  assert(injector !== null);
  const client = await on.opens(7);
  injector.pause();
  await on.get(client.write(new Uint8Array(1000)));
  await on.settle();
  assertEquals(injector.waiting, 1);
  const reading = readsToEnd(client);
  before(injector);
  const tookUs = await on.ends();
  assertLess(tookUs, 300_000);
  assertEquals([await on.get(reading), on.notices], [1000, []]);
  assertEquals([injector.isPaused, injector.waiting], [false, 0]);
}

Deno.test("SIGTERM with chargen in full flow: who reads gets the rest and FIN, who does not is reset", async () => {
  await using on = new Scene("--serve 19=chargen --send-buffer 64K");
  const readers = [await on.opens(19), await on.opens(19), await on.opens(19)];
  const silent = await on.opens(19);
  const ending = Promise.withResolvers<void>();
  const reading = readers.map(async (reader) => {
    // For a while (it would go on for ever, in no time), so that the server is in the middle of it when it is to end.
    const sink = new Uint8Array(0x4000);
    for (let left = 200; left > 0; left--) await reader.read(sink);
    await ending.promise;
    return await readsToEnd(reader);
  });
  await on.settle();
  const tookUs = await on.ends(() => ending.resolve());
  assertEquals(tookUs, 2_000_000);
  const results = await on.get(Promise.all(reading));
  assert(results.every((result) => typeof result === "number"), results.join());
  assertEquals(await on.get(silent.closed), "reset-by-peer");
  const reasons = on.closed.map(({ reason }) => reason).sort();
  // The three that read close in answer and leave us in TIME_WAIT, which ends with the host.
  assertEquals(reasons.filter((reason) => reason !== "normal"), ["reset-by-us"]);
  assertEquals(on.notices, [
    "Waiting for 1 connection to end, two seconds in all (Ctrl-C again: at once)",
    "1 connection was reset (RST): not ended in time, or with bytes that the application had not read",
  ]);
});

Deno.test("SIGTERM with connections of every application whose clients answer ends them with FIN, in silence", async () => {
  await using on = new Scene("--serve 7=echo,9=discard,13=daytime,1=hold,2=close");
  const clients: Promise<number | string>[] = [];
  for (const port of [7, 9, 13, 1, 2]) {
    const connection = await on.opens(port);
    if (port === 7 || port === 9) await connection.write(new TextEncoder().encode("hello\n"));
    clients.push(readsToEnd(connection));
  }
  await on.pass(100_000);
  const tookUs = await on.ends();
  assertLess(tookUs, 1_000_000);
  const [echoed, discarded, line, held, closed] = await on.get(Promise.all(clients));
  assertEquals([echoed, discarded, held, closed], [6, 0, 0, 0]);
  assert(typeof line === "number" && line > 20);
  assertEquals(on.notices, []);
  assert(!on.events.some((event) => event.event === "segment" && event.flags.includes("RST")));
});

Deno.test("SIGTERM resets where an application leaves bytes unread, and says so", async () => {
  await using on = new Scene("--serve 1=hold");
  const connections = [await on.opens(1), await on.opens(1)];
  for (const connection of connections) await connection.write(new TextEncoder().encode("unread"));
  await on.pass(100_000);
  assertLess(await on.ends(), 1_000_000);
  const reasons = await on.get(Promise.all(connections.map(({ closed }) => closed)));
  assertEquals(reasons, ["reset-by-peer", "reset-by-peer"]);
  assertEquals(on.closed.map(({ reason }) => reason), ["reset-by-us", "reset-by-us"]);
  assertEquals(on.notices, [
    "2 connections were reset (RST): not ended in time, or with bytes that the application had not read",
  ]);
});

Deno.test("a SYN that waits on the device when the server begins meets its port, not a closed one", async () => {
  const SYN = 0x02;
  await using on = new Scene("--port 80", { early: segmentFrame({ seq: 1000, flags: SYN }) });
  await on.settle();
  const counters = on.server.host.counters();
  assertEquals([counters["connections-opened"], counters["drop-no-listener"]], [1, undefined]);
  assertEquals(on.server.host.connections().map(({ state }) => state), ["SYN_RCVD"]);
});

Deno.test("another application of a port is for later connections; each goes on telling which it has", async () => {
  await using scene = new Scene("--port 7,9 --app echo");
  const { server } = scene;
  const apps = () =>
    [...server.host.connectionsInOrder()].map((connection) =>
      server.applicationOf(connection.localPort, connection)
    );
  await scene.opens(7);
  server.setApplication(7, "discard");
  await scene.opens(7);
  await scene.opens(9);
  server.setApplication(7, "echo");
  await scene.opens(7);
  assertEquals(apps().toSorted(), ["discard", "echo", "echo", "echo"]);
  assertEquals([server.applicationOf(7), server.applicationOf(9), server.applicationOf(8)], [
    "echo",
    "echo",
    "",
  ]);
  server.setApplication(7, "hold");
  assertEquals(apps().toSorted(), ["discard", "echo", "echo", "echo"]);
});

Deno.test("HTTP's counters: to Prometheus from the start, each with what the summary has of it", async () => {
  const notices: string[] = [];
  const http = await openHttpService({
    www: null,
    clock: new VirtualClock(),
    maxConnections: 10,
    notice: (line) => void notices.push(line),
  });
  await using on = new Scene("--port 80 --app http", { http });
  const metrics = () => {
    const heading = headingOf(speakerOf({ ground: on.ground, server: on.server }, 0));
    const link = on.ground.link.stats();
    const lines = metricsText({ heading, established: 0, faults: {}, link, pages: 0 }).split("\n");
    const figures = lines.filter((line) => line.startsWith("tcplab_http_")).map((line) => line.split(" "));
    return Object.fromEntries(figures.map(([name, value]) => [name, Number(value)]));
  };
  const begin = metrics();
  assertEquals(Object.values(begin).filter((value) => value !== 0), []);
  const figures = ["connections", "requests", "responses", "upgrades", "body_bytes_in", "body_bytes_out"];
  const names = [
    ...[...figures, "failures", "aborted", "displaced"].map((name) => `tcplab_http_${name}_total`),
    ...REFUSAL_REASONS.map((reason) => `tcplab_http_refused_${reason.replace(/[-.]/g, "_")}_total`),
  ];
  assertEquals(Object.keys(begin).toSorted(), names.toSorted());
  assertEquals(Object.keys(on.server.summary().counters).filter((name) => name.startsWith("http-")), []);

  const connection = await on.opens(80);
  const requests = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" +
    "GET /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\n";
  await connection.write(new TextEncoder().encode(requests));
  await on.get(readsToEnd(connection));
  const counted = Object.fromEntries(Object.entries(metrics()).filter(([, value]) => value > 0));
  const upload = counted["tcplab_http_body_bytes_out_total"] - 1000;
  assert(upload > 64, `the answer of /upload has ${upload} octets`);
  assertEquals(counted, {
    tcplab_http_connections_total: 1,
    tcplab_http_requests_total: 2,
    tcplab_http_responses_total: 2,
    tcplab_http_body_bytes_in_total: 5,
    tcplab_http_body_bytes_out_total: upload + 1000,
    tcplab_http_refused_bare_lf_total: 1,
  });
  const inSummary = Object.entries(on.server.summary().counters).filter(([name]) => name.startsWith("http-"));
  assertEquals(inSummary.length, Object.keys(counted).length);
  for (const [name, value] of inSummary) {
    assertEquals(value, counted[`tcplab_${name.replaceAll("-", "_")}_total`], name);
  }
  assertEquals(notices, []);
});
