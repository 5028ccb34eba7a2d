/** What a server says of itself, over a host in memory: heading, connections, bounds, and silence before it is there. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { Server } from "../../src/cli/server.ts";
import { connectionsText, openServerControl, type ServerControlParts } from "../../src/cli/server_control.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { type ConnectionSnapshot, readServerSnapshot } from "../../src/observe/server_snapshot.ts";
import { askServer } from "../../src/runtime/control_client.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

const MEMORY_BYTES = 0x400_0000;

class Scene extends VirtualTime implements AsyncDisposable {
  readonly parts: ServerControlParts;
  readonly notices: string[] = [];
  readonly #server: Server;
  readonly #client: Stack;

  /** Serves as `serve --ip 10.0.0.1/24 --serve 7=hold --memory 64M` would. */
  constructor() {
    const [near, far] = memoryPair();
    super([near, far]);
    const { clock } = this;
    const config = parseServeOptions("--iface memory --log none --serve 7=hold --memory 64M".split(" "));
    const addresses = [
      { address: Uint8Array.of(10, 0, 0, 1), text: "10.0.0.1", prefixLength: 24, kernelOwned: false },
    ];
    const ground = {
      link: Object.assign(near, { capture: "immediate" as const }),
      addresses,
      hosts: [{ mac: near.mac, addresses, gateways: [] }],
      filter: "",
      gateways: [],
      deviceMac: null,
    };
    const notice = (line: string) => void this.notices.push(line);
    const output = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };
    const log = new ServeLog({ form: "none", width: 80, output });
    this.#server = new Server({ config, ground, clock, log, recording: null, notice });
    this.#client = createStack({ link: far, addresses: "10.0.0.2/24", clock });
    this.parts = { config, ground, server: null, notice };
  }

  /** From here on the server is there for those who ask. */
  begins(): void {
    this.parts.server = this.#server;
  }

  async opens(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.get(this.#client.connect({ hostname: "10.0.0.1", port: 7 }));
  }

  /** Over a connection of its own; the server does not read. */
  async sends(bytes: number): Promise<void> {
    const connection = await this.get(this.#client.connect({ hostname: "10.0.0.1", port: 7 }));
    await this.get(connection.write(new Uint8Array(bytes)));
    await this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.stack.close();
    this.#client.close();
    await Promise.allSettled([this.#server.stack.done, this.#client.done]);
  }
}

Deno.test("SIGQUIT shows the first connections only, and says how many there are", async () => {
  await using on = new Scene();
  assertThrows(() => connectionsText(on.parts, { width: 200 }), Error, "Not listening yet");
  on.begins();
  await on.opens(5);
  const text = connectionsText(on.parts, { width: 200, most: 3 });
  const lines = text.split("\n");
  assert(/ {2}5 connections {2}memory \d+ KiB of 64 MiB$/.test(lines[0]), lines[0]);
  assertEquals(lines.filter((line) => /ESTABLISHED +hold$/.test(line)).length, 3);
  assertEquals(lines.at(-1), "... and 2 more: tcplab netstat shows them");
  const all = connectionsText(on.parts, { width: 200, most: 5 });
  assertEquals(all.split("\n").filter((line) => /ESTABLISHED +hold$/.test(line)).length, 5);
  assert(!all.includes("more: tcplab"), all);
  await on.opens(197);
  const many = connectionsText(on.parts, { width: 200 }).split("\n");
  assertEquals(many.filter((line) => line.includes("ESTABLISHED")).length, 200);
  assertEquals(many.at(-1), "... and 2 more: tcplab netstat shows them");
});

Deno.test({
  name:
    "the control socket tells memory and connections, the heading alone where that is asked, nothing too early",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
    try {
      await using on = new Scene();
      using control = await openServerControl(on.parts, { directory });
      assert(control !== null, on.notices.join());
      assertEquals(await askServer(control.path), null);
      assertEquals(await askServer(control.path, { request: "server" }), null);
      on.begins();
      await on.opens(2);
      await on.sends(30_000);
      const snapshot = readServerSnapshot(await askServer(control.path) ?? []);
      assert(snapshot !== null);
      assertEquals(
        snapshot.connections.map(({ state }: ConnectionSnapshot) => state),
        Array(3).fill("ESTABLISHED"),
      );
      const { connections, memoryUsed, memoryLimit, memoryBuffers, memoryReserved } = snapshot.figures;
      assertEquals([connections, memoryLimit], [3, MEMORY_BYTES]);
      assert(memoryBuffers >= 30_000 && memoryUsed > memoryBuffers, JSON.stringify(snapshot.figures));
      assert(memoryReserved >= memoryBuffers, JSON.stringify(snapshot.figures));
      const heading = await askServer(control.path, { request: "server" });
      assertEquals(heading?.length, 1);
      assertEquals(readServerSnapshot(heading ?? [])?.figures.connections, 3);
      const answer = await askServer(control.path, { request: "shutdown" });
      assertEquals(readServerSnapshot(answer ?? []), null);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
