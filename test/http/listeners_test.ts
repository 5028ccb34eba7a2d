/** `serveHttp` on both kinds of listener: this library's, whose figures a handler sees, and `Deno.listen`'s with `fetch`. */
import { assert, assertEquals } from "@std/assert";
import { serveHttp } from "../../http.ts";
import { NodeStacks } from "../node/node_stacks.ts";

Deno.test("on our listener the handler sees the TCB of its own connection; shutdown closes the listener", async () => {
  await using stacks = new NodeStacks();
  const listener = stacks.server.listen({ port: 80 });
  const http = serveHttp(listener, (_, { connection, remoteAddr, localAddr }) => {
    return Response.json({
      state: connection.state,
      states: connection.info().states,
      remoteAddr,
      localAddr,
    });
  });
  const answer = await stacks.ask(80, "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
  const said: Record<string, unknown> = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
  assertEquals([said.state, said.states], ["ESTABLISHED", ["LISTEN", "SYN_RCVD", "ESTABLISHED"]]);
  assertEquals(JSON.stringify(said.localAddr), '{"hostname":"10.0.0.1","port":80}');
  await http.shutdown();
  assertEquals(listener.state, "CLOSED");
  assertEquals(http.stats().open, 0);
});

Deno.test("many connections at once on our stack, each with several requests, all answered", async () => {
  await using stacks = new NodeStacks();
  await using http = serveHttp(stacks.server.listen({ port: 80 }), (request) => {
    return new Response(`<${new URL(request.url).pathname}>`);
  });
  const get = (path: string, last = false) =>
    `GET ${path} HTTP/1.1\r\nHost: lab\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  const answers = await Promise.all(
    Array.from(
      { length: 300 },
      (_, n) => stacks.ask(80, get(`/${n}a`) + get(`/${n}b`) + get(`/${n}c`, true)),
    ),
  );
  for (const [n, answer] of answers.entries()) {
    assertEquals(answer.match(/<\/\w+>/g), [`</${n}a>`, `</${n}b>`, `</${n}c>`]);
  }
  assertEquals([http.stats().requests, http.stats().failures], [900, 0]);
});

Deno.test("a client whose reset comes while it is answered: the handler's signal tells", async () => {
  await using stacks = new NodeStacks();
  const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
  await using http = serveHttp(stacks.server.listen({ port: 80 }), (request) => {
    wasAsked();
    return new Promise<Response>((answer) => {
      request.signal.addEventListener("abort", () => {
        resolve(request.signal.reason);
        answer(new Response("late"));
      });
    });
  });
  const connection = await stacks.connect(80);
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: lab\r\n\r\n"));
  await asked;
  connection.abort();
  assert(await aborted instanceof Deno.errors.ConnectionReset);
  await http.shutdown();
  assertEquals([http.stats().aborted, http.stats().failures, http.stats().open], [1, 0, 0]);
});

Deno.test("on Deno's listener: fetch keeps its connection, sends streams, and gets them", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using http = serveHttp(
    listener,
    (request) => new Response(request.body, { headers: { "x-is": request.method } }),
  );
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  using client = Deno.createHttpClient({});
  for (const length of [0, 1, 100_000, 5_000_000]) {
    const octets = new Uint8Array(length).fill(7);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < length; at += 60_000) controller.enqueue(octets.subarray(at, at + 60_000));
        controller.close();
      },
    });
    const response = await fetch(url, { method: "POST", body, client });
    assertEquals(response.headers.get("x-is"), "POST");
    const back = new Uint8Array(await response.arrayBuffer());
    assertEquals([back.length, back.every((octet) => octet === 7)], [length, true]);
  }
  assertEquals(http.stats().connections, 1);
  assertEquals(http.stats().bodyBytesIn, 5_100_001);
});
