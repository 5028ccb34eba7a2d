/** What `toDuplex` makes of a connection, held against what `node:net` documents of a socket. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
import { toDuplex } from "../../node.ts";
import { NodeStacks, once, textOf } from "./node_stacks.ts";

const encoder = new TextEncoder();

/** `code` of what an event was told. */
function codeOf([error]: unknown[]): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}

Deno.test("a socket knows both ends, counts, and says what state it is in", async () => {
  await using stacks = new NodeStacks();
  const { socket, peer } = await stacks.pair();
  assertEquals([socket.localAddress, socket.localPort, socket.localFamily], ["10.0.0.1", 9, "IPv4"]);
  assertEquals([socket.remoteAddress, socket.remotePort], ["10.0.0.2", peer.localAddr.port]);
  assertEquals(socket.address(), { address: "10.0.0.1", port: 9, family: "IPv4" });
  assertEquals([socket.readyState, socket.connecting, socket.pending], ["open", false, false]);
  assert(socket.setNoDelay(true) === socket && socket.setKeepAlive(true, 5000) === socket);
  assert(socket.ref() === socket && socket.unref() === socket);
  socket.write("hé", "utf8");
  socket.write(Buffer.from("6c6c6f", "hex"));
  socket.end("2e", "hex");
  await peer.write(encoder.encode("question"));
  await peer.closeWrite();
  assertEquals(await textOf(socket), "question");
  assertEquals(await new Response(peer.readable).text(), "héllo.");
  assertEquals([socket.bytesRead, socket.bytesWritten], [8, 7]);
  if (!socket.destroyed) await once(socket, "close");
  assertEquals(socket.readyState, "closed");
});

Deno.test("with allowHalfOpen writing goes on after the peer's FIN; without, FIN answers FIN", async () => {
  await using stacks = new NodeStacks();
  const open = await stacks.pair({ allowHalfOpen: true });
  await open.peer.closeWrite();
  open.socket.resume();
  await once(open.socket, "end");
  assertEquals([open.socket.readyState, open.socket.destroyed], ["writeOnly", false]);
  open.socket.end("late");
  assertEquals(await new Response(open.peer.readable).text(), "late");
  const shut = await stacks.pair();
  await shut.peer.closeWrite();
  shut.socket.resume();
  await once(shut.socket, "close");
  assertEquals(await shut.peer.read(new Uint8Array(1)), null);
});

Deno.test("errors have Node's codes: ECONNRESET for RST, EPIPE for what is written after the end", async () => {
  await using stacks = new NodeStacks();
  const reset = await stacks.pair();
  reset.socket.resume();
  reset.peer.abort();
  const error = await once(reset.socket, "error");
  assertEquals(codeOf(error), "ECONNRESET");
  assert(error[0] instanceof Error && "syscall" in error[0] && error[0].syscall === "read");
  assertEquals(reset.socket.destroyed, true);
  const gone = await stacks.pair({ allowHalfOpen: true });
  gone.socket.connection.close();
  gone.socket.write("x");
  assertEquals(codeOf(await once(gone.socket, "error")), "EPIPE");
  const ended = await stacks.pair();
  ended.socket.end();
  ended.socket.write("x");
  assertEquals(codeOf(await once(ended.socket, "error")), "ERR_STREAM_WRITE_AFTER_END");
});

Deno.test("destroy ends the connection with FIN, resetAndDestroy with RST, destroySoon after what is written", async () => {
  await using stacks = new NodeStacks();
  const destroyed = await stacks.pair();
  destroyed.socket.destroy();
  assertEquals(await destroyed.peer.read(new Uint8Array(1)), null);
  const reset = await stacks.pair();
  reset.socket.resetAndDestroy();
  assertEquals(await reset.peer.closed, "reset-by-peer");
  const soon = await stacks.pair();
  soon.socket.write("all of it".repeat(10_000));
  soon.socket.destroySoon();
  assertEquals((await new Response(soon.peer.readable).text()).length, 90_000);
});

Deno.test("back-pressure both ways: nobody holds what the other does not read", async () => {
  await using stacks = new NodeStacks();
  const { socket, peer } = await stacks.pair();
  // Nobody reads here: write says so, and the rest waits at the sender.
  let written = 0;
  while (socket.write(new Uint8Array(10_000))) written += 10_000;
  assert(written < 1_000_000, `${written} octets were taken at once`);
  // Nobody reads there.
  const filled = peer.write(new Uint8Array(50_000_000));
  const taken = await filled;
  assert(taken < 50_000_000 && socket.readableLength === 0, `${taken}`);
  socket.destroy();
});

Deno.test("a megabyte through a pipeline of two sockets comes out as it went in", async () => {
  await using stacks = new NodeStacks();
  const { socket, peer } = await stacks.pair({ allowHalfOpen: true });
  const echoed = pipeline(socket, socket);
  const octets = Uint8Array.from({ length: 1_000_000 }, (_, at) => (at * 31) >> 3);
  const other = toDuplex(peer, { allowHalfOpen: true });
  other.end(octets);
  const pieces: Uint8Array[] = [];
  for await (const piece of other) pieces.push(piece);
  await echoed;
  assert(Buffer.concat(pieces).equals(octets));
});

Deno.test("timeout is told after silence, again and again, and not where octets come", async () => {
  await using stacks = new NodeStacks();
  const { socket } = await stacks.pair();
  let told = 0;
  socket.setTimeout(1, () => told++);
  await once(socket, "timeout");
  assertEquals([told, socket.timeout, socket.destroyed], [1, 1, false]);
  const never = () => told += 100;
  socket.setTimeout(0);
  socket.setTimeout(3_600_000, never);
  socket.setTimeout(0, never);
  assertEquals([socket.timeout, socket.listenerCount("timeout")], [0, 0]);
  socket.destroy();
});
