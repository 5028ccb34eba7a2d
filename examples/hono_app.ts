/**
 * A hono app over our own TCP: HTTP by Deno's `node:http`, segments by us.
 *
 *     deno run examples/hono_app.ts                                          a request from another host in memory
 *     sudo deno run -A examples/hono_app.ts --device eth0 --ip 10.33.0.3/24  then: curl http://10.33.0.3:8080/tcb
 *
 * What it teaches: `toDuplex` of `node.ts` makes a `Connection` what Node's servers take for a socket, so that frameworks,
 * WebSocket and TLS (`node:https`) run on it as they are. A handler gets at the TCB of the connection that its request
 * came on: RFC 9293 §3.3.1 for your own web page.
 *
 * What to see: four requests come on one connection, as HTTP/1.1 keeps it open; RCV.NXT has moved on by all of them. A handler
 * that throws is an answer 500, and the connection lives on.
 *
 * How long a head, a body and patience may be, `node:http` decides. `serveHttp` of `http.ts` has bounds for all three.
 */
import { createServer, type Server } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { type Connection, createStack, memoryPair, type Stack } from "../mod.ts";
import { toDuplex } from "../node.ts";
import { openOnDevice, portOf, readOptions, serveUntilInterrupted } from "./place.ts";

const SETTINGS = { maxConnections: 1000, tcp: { noDelay: true } };
const IDLE_US = 60_000_000;
/** A body is held in memory: more than this is answered with 413. */
const MOST_BODY_BYTES = 1 << 20;

/** By the socket that Node's server has: the connection of ours behind it. */
const connections = new WeakMap<object, Connection>();

function makeApp(): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get("/", (c) => c.text("hello from a TCP of our own; try /tcb, and POST to /upper\n"));
  app.get("/tcb", (c) => {
    const connection = connections.get(c.env.incoming.socket);
    return connection === undefined ? c.notFound() : c.json(connection.info());
  });
  app.post(
    "/upper",
    bodyLimit({ maxSize: MOST_BODY_BYTES }),
    async (c) => c.text((await c.req.text()).toUpperCase()),
  );
  app.get("/broken", () => {
    throw new Error("this handler is broken");
  });
  // What a handler throws is an answer 500, and nobody else's business.
  app.onError((error, c) =>
    error instanceof HTTPException ? error.getResponse() : c.text(`${error.message}\n`, 500)
  );
  return app;
}

function makeServer(): Server {
  const server = createServer(getRequestListener(makeApp().fetch));
  // Deno closes each connection after its answer unless the server says that it listens; ours listens elsewhere.
  Object.defineProperty(server, "listening", { value: true });
  return server;
}

async function serve(stack: Stack, port: number): Promise<void> {
  const server = makeServer();
  for await (const connection of stack.listen({ port })) {
    connection.setKeepAlive(true, { idleUs: IDLE_US });
    try {
      // Whoever has said all and waits for the answer has sent FIN: the other half must stay open.
      const socket = toDuplex(connection, { allowHalfOpen: true });
      connections.set(socket, connection);
      socket.on("error", (error) => console.log(`${connection.name}: ${error.message}`));
      server.emit("connection", socket);
    } catch (error) {
      // One connection's trouble is no other's.
      console.error(error);
      connection.abort();
    }
  }
}

/** What answers come on a connection: enough of HTTP for a demonstration. */
async function* answers(connection: Connection): AsyncGenerator<{ status: string; body: string }> {
  let text = "";
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (;;) {
      const headEnd = text.indexOf("\r\n\r\n");
      const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, headEnd))?.[1]);
      const end = headEnd + 4 + length;
      // Lengths in characters: the demonstration's answers are of ASCII.
      if (headEnd < 0 || !(text.length >= end)) break;
      yield { status: text.slice(0, text.indexOf("\r\n")), body: text.slice(headEnd + 4, end) };
      text = text.slice(end);
    }
  }
}

async function demo(port: number): Promise<void> {
  const [near, far] = memoryPair();
  await using server = createStack({ link: near, addresses: "10.0.0.1/24", ...SETTINGS });
  await using client = createStack({ link: far, addresses: "10.0.0.2/24" });
  serve(server, port).catch((error) => console.error(error));

  const connection = await client.connect({ hostname: "10.0.0.1", port });
  const writer = connection.writable.getWriter();
  const all = answers(connection);
  const ask = async (request: string) => {
    console.log(`> ${request.split("\r\n")[0]}`);
    await writer.write(new TextEncoder().encode(request));
    const { value = { status: "nothing", body: "" } } = await all.next();
    console.log(`< ${value.status}`);
    return value.body;
  };
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n`;
  console.log((await ask(get("/"))).trim());
  console.log(await ask("POST /upper HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: 11\r\n\r\nseq and ack"));
  console.log((await ask(get("/broken"))).trim());
  const info = JSON.parse(await ask(get("/tcb")));
  console.log(
    `${info.name}: ${info.states.join(" > ")}, RCV.NXT - IRS - 1 = ${(info.rcvNxt - info.irs - 1) >>> 0}`,
  );
  await writer.close();
  await all.next();
}

const options = readOptions({ port: "8080" });
const port = portOf(options.port);
if (options.device === "") {
  await demo(port);
} else {
  const stack = await openOnDevice(options, SETTINGS);
  serve(stack, port).catch((error) => console.error(error));
  await serveUntilInterrupted(stack, `http://${options.ip.split("/")[0]}:${port}/ is a hono app`);
}
