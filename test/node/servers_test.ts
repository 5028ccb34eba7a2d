/**
 * Worked examples: servers written for Node's sockets, on connections of ours. `node:http`, `node:https`, hono, ws.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect as connectSecurely } from "node:tls";
// @ts-types="../../scripts/types/ws.d.ts"
import { WebSocket, WebSocketServer } from "ws";
import { toDuplex } from "../../node.ts";
import { NodeStacks, textOf } from "./node_stacks.ts";
import { CERTIFICATE, KEY } from "./test_certificate.ts";

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: lab\r\n${more}\r\n`;
const LAST = "Connection: close\r\n";

/** Gives a server of Node's the connections to a port. */
function serve(stacks: NodeStacks, { server, port }: { server: Server; port: number }): void {
  // It listens to nothing itself; where it says so, Deno ends each connection after one answer.
  Object.defineProperty(server, "listening", { value: true });
  stacks.listen(port, (socket) => server.emit("connection", socket), { allowHalfOpen: true });
}

Deno.test("node:http answers, several times on a connection, and takes a body", async () => {
  await using stacks = new NodeStacks();
  const server = createServer((request, response) => {
    let length = 0;
    request.on("data", (piece: Uint8Array) => length += piece.length);
    request.on("end", () => {
      response.end(`${request.method} ${request.url} ${length} from ${request.socket.remoteAddress}\n`);
    });
  });
  serve(stacks, { server, port: 80 });
  const body = "x".repeat(100_000);
  const post = `POST /up HTTP/1.1\r\nHost: lab\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answer = await stacks.ask(80, get("/a") + post + get("/b", LAST));
  assertEquals(answer.match(/^\w+ \/\w* \d+ from .*$/gm), [
    "GET /a 0 from 10.0.0.2",
    "POST /up 100000 from 10.0.0.2",
    "GET /b 0 from 10.0.0.2",
  ]);
});

Deno.test("hono answers by its adapter for Node", async () => {
  await using stacks = new NodeStacks();
  const app = new Hono();
  app.get("/hello/:name", (context) => context.json({ hello: context.req.param("name") }));
  app.post("/sum", async (context) => {
    const numbers: number[] = await context.req.json();
    return context.text(String(numbers.reduce((sum, number) => sum + number, 0)));
  });
  serve(stacks, { server: createServer(getRequestListener(app.fetch)), port: 80 });
  assertStringIncludes(await stacks.ask(80, get("/hello/lab", LAST)), '{"hello":"lab"}');
  const sum = "POST /sum HTTP/1.1\r\nHost: lab\r\nContent-Length: 7\r\n" + LAST + "\r\n[1,2,3]";
  assert((await stacks.ask(80, sum)).endsWith("\r\n\r\n6"));
  assertStringIncludes(await stacks.ask(80, get("/nowhere", LAST)), "404");
});

Deno.test("ws speaks WebSocket over connections of ours, at both ends", async () => {
  await using stacks = new NodeStacks();
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (talk) => {
      talk.on("message", (data, isBinary) => talk.send(data, { binary: isBinary }));
    });
  });
  serve(stacks, { server, port: 80 });
  const connection = await stacks.connect(80);
  const client = new WebSocket("ws://lab/", { createConnection: () => toDuplex(connection) });
  const heard: string[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  client.on("open", () => client.send("hello"));
  client.on("message", (data, isBinary) => {
    heard.push(isBinary ? `${data.length} octets` : data.toString());
    if (heard.length === 1) client.send(new Uint8Array(300_000));
    else client.close(1000);
  });
  client.on("close", resolve);
  assertEquals([await closed, heard], [1000, ["hello", "300000 octets"]]);
});

Deno.test("node:https answers over TLS on connections of ours, twice on one", async () => {
  await using stacks = new NodeStacks();
  const server = createSecureServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
    response.end(`secret ${request.url}\n`);
  });
  serve(stacks, { server, port: 443 });
  const connection = await stacks.connect(443);
  const socket = toDuplex(connection, { allowHalfOpen: true });
  const secure = connectSecurely({
    socket,
    ca: CERTIFICATE,
    servername: "tcplab.test",
    rejectUnauthorized: false,
  });
  secure.write(get("/a") + get("/b", LAST));
  const answer = await textOf(secure);
  assertEquals(answer.match(/^secret .*$/gm), ["secret /a", "secret /b"]);
});
