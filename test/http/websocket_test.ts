/**
 * Worked example: a WebSocket echo (RFC 6455) on `serveHttp`'s upgrade, in sixty lines, with a client that somebody else wrote.
 */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
// @ts-types="../../scripts/types/ws.d.ts"
import { WebSocket } from "ws";
import type { UpgradedStream } from "../../http.ts";
import { serveHttp } from "../../http.ts";
import { toDuplex } from "../../node.ts";
import { NodeStacks } from "../node/node_stacks.ts";

/** RFC 6455 §1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { CLOSE: 0x8, PING: 0x9, PONG: 0xa } as const;

/** Exactly so many octets; null when the stream ends before. */
async function readExactly(stream: UpgradedStream, count: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const got = await stream.read(bytes.subarray(at));
    if (got === null) return null;
    at += got;
  }
  return bytes;
}

/** Sends back each frame as it comes, unmasked (RFC 6455 §5.2). */
async function echoFrames(stream: UpgradedStream): Promise<void> {
  using _ = stream;
  for (;;) {
    const head = await readExactly(stream, 2);
    if (head === null) return;
    const opcode = head[0] & 0x0f;
    const short = head[1] & 0x7f;
    const extended = await readExactly(stream, short === 126 ? 2 : short === 127 ? 8 : 0);
    const mask = await readExactly(stream, 4);
    if (extended === null || mask === null) return;
    const length = short < 126 ? short : extended.reduce((sum, octet) => sum * 256 + octet, 0);
    const payload = await readExactly(stream, length);
    if (payload === null) return;
    for (let at = 0; at < length; at++) payload[at] ^= mask[at % 4];
    const first = opcode === OPCODE.PING ? 0x80 | OPCODE.PONG : head[0];
    const frame = Uint8Array.of(first, short, ...extended);
    for (const piece of [frame, payload]) {
      for (let at = 0; at < piece.length;) at += await stream.write(piece.subarray(at));
    }
    if (opcode === OPCODE.CLOSE) return await stream.closeWrite();
  }
}

Deno.test("a WebSocket echo on an upgrade, for the client of another", async () => {
  await using stacks = new NodeStacks();
  await using http = serveHttp(stacks.server.listen({ port: 80 }), (request, info) => {
    const key = request.headers.get("sec-websocket-key");
    if (info.wantsUpgrade?.toLowerCase() !== "websocket" || key === null) {
      return new Response("This is a WebSocket\n", { status: 426, headers: { upgrade: "websocket" } });
    }
    const accept = createHash("sha1").update(key + ACCEPT_SUFFIX).digest("base64");
    const { response, stream } = info.upgrade({ upgrade: "websocket", "sec-websocket-accept": accept });
    echoFrames(stream).catch(() => {});
    return response;
  });
  const connection = await stacks.connect(80);
  const client = new WebSocket("ws://lab/", { createConnection: () => toDuplex(connection) });
  const heard: string[] = [];
  const sizes = [5, 200, 70_000];
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  client.on("open", () => client.send(new Uint8Array(sizes[0])));
  client.on("message", (data) => {
    heard.push(`${data.length}`);
    if (heard.length < sizes.length) client.send(new Uint8Array(sizes[heard.length]));
    else client.close(1000);
  });
  client.on("close", resolve);
  assertEquals([await closed, heard], [1000, ["5", "200", "70000"]]);
  assert((await stacks.ask(80, "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")).includes("426"));
  assertEquals([http.stats().upgrades, http.stats().requests], [1, 2]);
});
