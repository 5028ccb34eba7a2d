/** What a stranger can make an HTTP server hold, and for how long: each bound, one beyond it, and the counters. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HttpServer } from "../../src/http/http_server.ts";
import { bodyOf, describe, fieldOf, HttpScene, settle, statusOf } from "./http_scene.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (more: string) => `POST / HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

Deno.test("octets and fields of a head, octets of a target: the last that is taken, and the first that is not", async () => {
  const limits = { headBytes: 1000, urlBytes: 100, fields: 5 };
  const rest = " HTTP/1.1\r\nHost: a\r\n";
  const padded = (bytes: number) => {
    const head = `GET /${rest}X: `;
    return `${head}${"x".repeat(bytes - head.length - 4)}\r\n\r\n`;
  };
  const cases: [string, number, Record<string, number>][] = [
    [`GET /${"u".repeat(99)}${rest}\r\n`, 200, {}],
    [`GET /${"u".repeat(100)}${rest}\r\n`, 414, { "url-too-long": 1 }],
    [`GET /${"u".repeat(5000)}`, 414, { "url-too-long": 1 }],
    [padded(1000), 200, {}],
    [padded(1001), 431, { "head-too-long": 1 }],
    [`GET /${rest}X: ${"x".repeat(100_000)}`, 431, { "head-too-long": 1 }],
    [`GET /${rest}${"X: y\r\n".repeat(4)}\r\n`, 200, {}],
    [`GET /${rest}${"X: y\r\n".repeat(5)}\r\n`, 431, { "too-many-fields": 1 }],
  ];
  for (const [octets, status, refused] of cases) {
    const scene = new HttpScene(describe, { limits });
    assertEquals(statusOf(await scene.ask(octets)), status, octets.slice(0, 60));
    assertEquals(scene.refusals(), refused);
  }
});

Deno.test("a head of the most octets that there can be, with spaces only, is read in no time", async () => {
  const scene = new HttpScene(describe, { limits: { headBytes: 80 * 1024 } });
  const head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const text = await scene.ask(`${head}a${" ".repeat(80 * 1024 - head.length - 6)}b\r\n\r\n`);
  assertEquals(statusOf(text), 200);
});

Deno.test("octets of a body, told beforehand or not", async () => {
  const scene = new HttpScene(describe, { limits: { bodyBytes: 10 } });
  assertEquals(bodyOf(await scene.ask(post("Content-Length: 10\r\n") + "0123456789")), "POST / 0123456789");
  const sized = await scene.ask(post("Content-Length: 11\r\n"));
  assertEquals([statusOf(sized), fieldOf(sized, "connection")], [413, "close"]);
  const chunked = post("Transfer-Encoding: chunked\r\n");
  assertEquals(statusOf(await scene.ask(`${chunked}a\r\n0123456789\r\n0\r\n\r\n`)), 200);
  assertEquals(statusOf(await scene.ask(`${chunked}a\r\n0123456789\r\n1\r\n`)), 413);
  assertEquals(scene.refusals(), { "body-too-long": 2 });
  // A handler whose client breaks the rules has not failed.
  assertEquals([scene.errors, scene.server.stats().failures], [[], 0]);
});

Deno.test("octets of chunk extensions and of trailers: the last that is taken, and the first that is not", async () => {
  const chunked = post("Transfer-Encoding: chunked\r\n");
  const cases: [string, number][] = [
    ["1;23456789\r\na\r\n0;\r\n\r\n", 200],
    ["1;23456789\r\na\r\n0;e\r\n\r\n", 400],
    ["1\r\na\r\n0\r\nT: aaa\r\n\r\n", 200],
    ["1\r\na\r\n0\r\nT: aaaa\r\n\r\n", 431],
  ];
  for (const [octets, status] of cases) {
    const scene = new HttpScene(describe, { limits: { chunkOverheadBytes: 10 } });
    assertEquals(statusOf(await scene.ask(chunked + octets)), status, octets);
  }
});

Deno.test("an empty line behind a request is no beginning of another", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  wire.push(post("Content-Length: 1\r\n") + "x\r\n");
  await scene.pass(59_000);
  assertEquals(bodyOf(wire.text()), "POST / x");
  assertEquals(wire.acts, []);
  await scene.pass(1000);
  assertEquals([wire.acts, wire.text()], [["closeWrite"], ""]);
  const late = scene.connect();
  late.push("\r\n");
  late.end();
  await settle();
  assertEquals([late.acts, late.text(), scene.refusals()], [["closeWrite", "close"], "", {}]);
});

Deno.test("a connection without a request is closed after a while, without a word", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  await scene.pass(59_999);
  assertEquals(wire.acts, []);
  await scene.pass(1);
  assertEquals([wire.acts[0], wire.text()], ["closeWrite", ""]);
  await scene.pass(2000);
  assertEquals(wire.acts, ["closeWrite", "close"]);
  assertEquals(scene.refusals(), {});
});

Deno.test("the same between two requests", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  await scene.pass(50_000);
  wire.push(GET);
  await scene.pass(50_000);
  assertEquals(statusOf(wire.text()), 200);
  assertEquals(wire.acts, []);
  await scene.pass(10_000);
  assertEquals(wire.acts, ["closeWrite"]);
});

Deno.test("a head that comes slowly, octet by octet, has ten seconds in all", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  await scene.pass(30_000);
  for (const octet of GET.slice(0, 9)) {
    wire.push(octet);
    await scene.pass(1000);
  }
  assertEquals(wire.text(), "");
  wire.push(GET[9]);
  await scene.pass(1000);
  assertEquals(statusOf(wire.text()), 408);
  assertEquals(scene.refusals(), { "head-timeout": 1 });
});

Deno.test("a body that does not come, or drips, is given up; one that flows is not", async () => {
  const scene = new HttpScene();
  const silent = scene.connect();
  silent.push(post("Content-Length: 100\r\n"));
  const dripping = scene.connect();
  dripping.push(post("Content-Length: 100\r\n"));
  const flowing = scene.connect();
  flowing.push(post("Content-Length: 1000000\r\n"));
  for (let second = 0; second < 40; second++) {
    dripping.push("x");
    flowing.push("x".repeat(25_000));
    await scene.pass(1000);
  }
  assertEquals(statusOf(silent.text()), 408);
  assertEquals(statusOf(dripping.text()), 408);
  assertEquals(statusOf(flowing.text()), 200);
  assertEquals(scene.refusals(), { "body-timeout": 2 });
  assertEquals(scene.errors, []);
});

Deno.test("who has sent much of a body has no more patience for it than others", async () => {
  const scene = new HttpScene();
  const [silent, dripping, pausing] = Array.from({ length: 3 }, () => {
    const wire = scene.connect();
    wire.push(post("Content-Length: 2000000\r\n") + "x".repeat(1_000_000));
    return wire;
  });
  await scene.pass(29_000);
  for (const wire of [dripping, pausing]) wire.push("x");
  await scene.pass(999);
  assertEquals([silent, dripping, pausing].map((wire) => wire.text()), ["", "", ""]);
  pausing.push("x".repeat(20_000));
  await scene.pass(1010);
  assertEquals([silent, dripping].map((wire) => statusOf(wire.text())), [408, 408]);
  // What came is good for another half a minute.
  await scene.pass(28_000);
  assertEquals(pausing.text(), "");
  await scene.pass(1500);
  assertEquals(statusOf(pausing.text()), 408);
  assertEquals(scene.refusals(), { "body-timeout": 3 });
});

Deno.test("time in which the handler does not read is not the client's", async () => {
  const gate = Promise.withResolvers<void>();
  const scene = new HttpScene(async (request) => {
    await gate.promise;
    return new Response(await request.text());
  });
  const wire = scene.connect();
  wire.push(post("Content-Length: 3\r\n"));
  await scene.pass(600_000);
  gate.resolve();
  await scene.pass(20_000);
  wire.push("abc");
  await settle();
  assertEquals(bodyOf(wire.text()), "abc");
});

Deno.test("who does not read his answer is reset after a minute", async () => {
  const scene = new HttpScene(() => new Response("x".repeat(1000)));
  const wire = scene.connect();
  wire.room = 100;
  wire.push(GET);
  await scene.pass(59_000);
  assertEquals(wire.acts, []);
  await scene.pass(1000);
  assertEquals(wire.acts, ["abort"]);
  assertEquals(scene.refusals(), { "answer-timeout": 1 });
  assertEquals(scene.server.stats().open, 0);
});

Deno.test("who takes an octet of his answer now and then is reset as well; who takes 512 a second is not", async () => {
  const scene = new HttpScene(() => new Response("x".repeat(100_000)));
  const [dripping, slow, sleeping] = Array.from({ length: 3 }, () => {
    const wire = scene.connect();
    wire.room = 1000;
    wire.push(GET);
    return wire;
  });
  for (let second = 0; second < 59; second++) {
    dripping.take(1);
    slow.take(600);
    await scene.pass(1000);
  }
  assertEquals([dripping.acts, slow.acts, sleeping.acts], [[], [], []]);
  // An octet is good for two thousandths of a second.
  sleeping.take(1);
  for (let second = 0; second < 2; second++) {
    dripping.take(1);
    slow.take(600);
    await scene.pass(1000);
  }
  assertEquals([dripping.acts, slow.acts, sleeping.acts], [["abort"], [], ["abort"]]);
  assertEquals(scene.refusals(), { "answer-timeout": 2 });
  // Patience comes back, but not more of it than there was: much that was taken at once does not help for hours.
  slow.take(60_000);
  await scene.pass(59_000);
  assertEquals(slow.acts, []);
  await scene.pass(1000);
  assertEquals(slow.acts, ["abort"]);
  assertEquals(scene.server.stats().open, 0);
});

Deno.test("a handler that takes its time with its answer takes none of the client's patience", async () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const scene = new HttpScene(() =>
    new Response(new ReadableStream({ start: (made) => void (controller = made) }))
  );
  const wire = scene.connect();
  wire.push(GET);
  for (let minute = 0; minute < 10; minute++) {
    await scene.pass(60_000);
    controller?.enqueue(Uint8Array.of(0x61));
    await settle();
  }
  controller?.close();
  await settle();
  assertEquals([statusOf(wire.text()), wire.acts], [200, []]);
});

Deno.test("a connection cut in the middle of a head or a body is over, and counted", async () => {
  const scene = new HttpScene();
  const head = scene.connect();
  head.push("GET / HT");
  head.end();
  const body = scene.connect();
  body.push(post("Content-Length: 9\r\n") + "abc");
  body.end();
  const nothing = scene.connect();
  nothing.end();
  await settle();
  assertEquals(scene.refusals(), { "head-cut": 1, "body-cut": 1 });
  assertEquals([head.isClosed, body.isClosed, nothing.isClosed], [true, true, true]);
  assertEquals(scene.server.stats().open, 0);
});

Deno.test("one connection too many takes the place of one that waits; where none waits it is told to come later", async () => {
  const gate = Promise.withResolvers<Response>();
  const scene = new HttpScene(() => gate.promise, { limits: { connections: 2 } });
  const idle = scene.connect();
  await scene.pass(10);
  const busy = [scene.connect(), scene.connect()];
  await scene.pass(10);
  for (const wire of busy) wire.push(GET);
  await settle();
  assertEquals([idle.acts[0], scene.server.stats().displaced], ["closeWrite", 1]);
  const late = scene.connect();
  await settle();
  assertEquals(statusOf(late.text()), 503);
  assertEquals(late.acts, ["closeWrite", "close"]);
  assertEquals(scene.refusals(), { "too-many-connections": 1 });
  gate.resolve(new Response("x"));
  await settle();
  assertEquals(statusOf(busy[0].text()), 200);
});

Deno.test("a connection has so many requests and no more, where that is asked for", async () => {
  const scene = new HttpScene(describe, { limits: { requests: 2 } });
  const text = await scene.ask(GET + GET + GET);
  assertEquals(text.split("HTTP/1.1 200").length, 3);
  assert(text.includes("connection: close"));
});

Deno.test("shutdown: who waits is closed, who is answered gets the answer, and it is the last one", async () => {
  const gate = Promise.withResolvers<Response>();
  const scene = new HttpScene(() => gate.promise);
  const [idle, busy] = [scene.connect(), scene.connect()];
  busy.push(GET);
  await settle();
  let isOver = false;
  const over = scene.server.shutdown().then(() => isOver = true);
  await settle();
  assertEquals([idle.acts[0], busy.acts, isOver], ["closeWrite", [], false]);
  gate.resolve(new Response("done"));
  await settle();
  const text = busy.text();
  assertEquals([bodyOf(text), fieldOf(text, "connection")], ["done", "close"]);
  idle.end();
  busy.end();
  await over;
  const late = scene.connect();
  assertEquals(late.acts, ["abort"]);
});

Deno.test("shutdown with a bound breaks off what takes longer, and its signal tells", async () => {
  const signals: AbortSignal[] = [];
  const scene = new HttpScene((request) => {
    signals.push(request.signal);
    return new Promise<Response>((_, reject) => request.signal.onabort = () => reject(request.signal.reason));
  });
  const wire = scene.connect();
  wire.push(GET);
  await settle();
  const over = scene.server.shutdown({ graceMs: 1000 });
  await scene.pass(999);
  assertEquals(wire.acts, []);
  await scene.pass(1);
  await over;
  assertEquals([wire.acts, signals[0].aborted], [["abort"], true]);
});

Deno.test("ten thousand connections that wait hold one timer, and end", async () => {
  const scene = new HttpScene(describe, { limits: { connections: 10_000 } });
  const wires = Array.from({ length: 10_000 }, () => scene.connect());
  await scene.pass(60_000);
  await scene.pass(2_000);
  assertEquals(wires.filter((wire) => wire.isClosed).length, 10_000);
  assertEquals(scene.server.stats().open, 0);
});

Deno.test("limits that cannot be kept are refused at once", () => {
  for (const limits of [{ headBytes: 0 }, { headBytes: 1e6 }, { fields: -1 }, { bodyBytes: NaN }]) {
    assertThrows(() => new HttpServer(describe, { limits }), RangeError);
  }
});
