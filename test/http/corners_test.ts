/** What breaks of single lines showed that no other test holds: places given back, words said whole, writes waited for. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseByteRange } from "../../src/http/byte_range.ts";
import { Deadlines } from "../../src/http/deadlines.ts";
import { directoryPage } from "../../src/http/directory_page.ts";
import { limitsOf, type UpgradedStream } from "../../src/http/http_options.ts";
import { HttpServer, serveHttp } from "../../src/http/http_server.ts";
import { BufferBudget, Intake } from "../../src/http/intake.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { bodyOf, fieldOf, HttpScene, settle, statusOf, WireEnd } from "./http_scene.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

Deno.test("a refusal is an answer like others: its length, its sentence, and that it is the last", async () => {
  const text = await new HttpScene().ask("GET / HTTP/1.1\r\n\r\n");
  const sentence = "400: exactly one Host field with a host in it is needed\n";
  assertEquals(bodyOf(text), sentence);
  assertEquals(
    [fieldOf(text, "content-length"), fieldOf(text, "connection"), fieldOf(text, "content-type")],
    [
      String(sentence.length),
      "close",
      "text/plain; charset=utf-8",
    ],
  );
  assert(fieldOf(text, "date") !== null);
});

Deno.test("statuses have their words (RFC 9110 §15), others none, and a handler's own are kept", async () => {
  const words: Record<number, string> = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
    599: "",
  };
  for (const [status, reason] of Object.entries(words)) {
    const text = await new HttpScene(() => new Response(null, { status: Number(status) })).ask(GET);
    assertEquals(text.split("\r\n")[0], `HTTP/1.1 ${status} ${reason}`);
  }
  const own = await new HttpScene(() => new Response("", { statusText: "Fine" })).ask(GET);
  assertEquals(own.split("\r\n")[0], "HTTP/1.1 200 Fine");
});

Deno.test("what is over leaves no timer and no place behind", async () => {
  const scene = new HttpScene();
  for (let turn = 0; turn < 20; turn++) {
    const wire = scene.connect();
    wire.push(GET);
    await settle();
    wire.reset();
    await settle();
  }
  assertEquals([scene.server.stats().open, scene.clock.nextTimerUs], [0, Infinity]);
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const timed = { deadlineUs: Infinity, expire: () => {} };
  deadlines.add(timed);
  deadlines.set(timed, 1000);
  deadlines.delete(timed);
  assertEquals(clock.nextTimerUs, Infinity);
});

/** Reading does not hear of an end that the server itself has made. */
class StuckEnd extends WireEnd {
  override read(_into: Uint8Array): Promise<number | null> {
    return new Promise(() => {});
  }
}

Deno.test("abort ends also a connection whose read does not hear of it, and the listener", async () => {
  const scene = new HttpScene();
  void scene.server.serve(new StuckEnd());
  await settle();
  assertEquals(scene.server.stats().open, 1);
  scene.server.abort();
  await scene.server.finished;
  assertEquals(scene.server.stats().open, 0);
});

/** Gives connections, or fails, as it is told; closed once. */
class Listener {
  readonly addr = {};
  closed = 0;
  #next = Promise.withResolvers<WireEnd>();

  accept(): Promise<WireEnd> {
    return this.#next.promise;
  }

  gives(what: WireEnd | Error): void {
    const { promise, resolve, reject } = this.#next;
    // Nobody may be waiting for it.
    promise.catch(() => {});
    this.#next = Promise.withResolvers<WireEnd>();
    if (what instanceof Error) reject(what);
    else resolve(what);
  }

  close(): void {
    this.closed++;
    this.gives(Object.assign(new Error("closed"), { name: "BadResource" }));
  }
}

Deno.test("a listener that fails now and then is told of and asked again; one that only fails is given up", async () => {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const listener = new Listener();
  const server = serveHttp(listener, () => new Response("x"), {
    clock,
    onError: (error) => errors.push(error),
  });
  listener.gives(new Error("no descriptors are left"));
  await settle();
  assertEquals([errors.length, listener.closed], [1, 0]);
  clock.advance(100_000);
  await settle();
  const wire = new WireEnd();
  listener.gives(wire);
  wire.push(GET);
  await settle();
  assertEquals(statusOf(wire.text()), 200);
  server.abort();
  await server.finished;
  assertEquals([listener.closed, errors.length], [1, 1]);

  const broken = new Listener();
  const other = serveHttp(broken, () => new Response("x"), { clock, onError: (error) => errors.push(error) });
  for (let failure = 0; failure < 100; failure++) {
    broken.gives(new Error("broken"));
    await settle();
    clock.advance(100_000);
    await settle();
  }
  await other.finished;
  assertEquals([broken.closed, errors.length], [1, 101]);
});

Deno.test("large pieces of an answer too are made no faster than the client takes them", async () => {
  let made = 0;
  const scene = new HttpScene(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          // So that a writer that does not wait comes to an end, too.
          if (++made > 50) return controller.close();
          controller.enqueue(new Uint8Array(100_000));
        },
      }, { highWaterMark: 0 }),
    )
  );
  const wire = scene.connect();
  wire.room = 1000;
  wire.push(GET);
  await settle();
  assert(made <= 2, `${made} pieces were made`);
  const before = made;
  wire.take(250_000);
  await settle();
  assert(made >= before + 1 && made <= before + 2, `${made - before} more pieces were made`);
});

Deno.test("ranges have places of up to fifteen digits, in either place", () => {
  const size = 900_000_000_000_000;
  assertEquals(parseByteRange("bytes=123456789012345-123456789012346", size), {
    from: 123_456_789_012_345,
    to: 123_456_789_012_346,
  });
  assertEquals(parseByteRange("bytes=-123456789012345", size), {
    from: size - 123_456_789_012_345,
    to: size - 1,
  });
});

Deno.test("a directory's page: upwards but at the top, directories first, both by name, and no quote that ends an attribute", () => {
  const entries = ["b", "a"].flatMap((name) => [
    { name: `f${name}`, isDirectory: false },
    { name: `d${name}`, isDirectory: true },
  ]);
  const names = (page: string) => [...page.matchAll(/<li><a href="([^"]*)">/g)].map(([, href]) => href);
  const top = directoryPage([], { entries, isCut: false });
  assertEquals(names(top), ["./da/", "./db/", "./fa", "./fb"]);
  const below = directoryPage(["x", "it's"], { entries, isCut: true });
  assertEquals(names(below)[0], "../");
  assert(below.includes("<h1>/x/it&#39;s</h1>") && below.includes("There is more"));
  assert(!top.includes("There is more"));
});

Deno.test("a budget is lent to its last octet, and no further", () => {
  const budget = new BufferBudget(100);
  assertEquals([budget.take(101), budget.take(100), budget.take(1)], [false, true, false]);
  budget.give(1);
  assertEquals([budget.take(1), budget.take(0)], [true, true]);
});

Deno.test("who waits for more after the end does not wait", async () => {
  const wire = new WireEnd();
  const intake = new Intake(wire, { mostBytes: 4096, ownBytes: 4096, budget: new BufferBudget(0) });
  wire.end();
  await intake.more();
  await intake.more();
  assert(intake.isAtEnd);
});

Deno.test("what is read ahead holds a head of the longest kind at least, and one octet, which shows that it is too long", () => {
  assertEquals(limitsOf({ limits: { headBytes: 9000, readAheadBytes: 1 } }).readAheadBytes, 9001);
  assertEquals(limitsOf({ limits: { headBytes: 9000, readAheadBytes: 9002 } }).readAheadBytes, 9002);
});

Deno.test("an upgrade whose 101 cannot be sent is none: reading and writing say so, and it is not counted", async () => {
  const streams: UpgradedStream[] = [];
  const server = new HttpServer<WireEnd>((_request, info) => {
    const { response, stream } = info.upgrade({ upgrade: "x" });
    streams.push(stream);
    return response;
  }, { clock: new VirtualClock() });
  const wire = new WireEnd();
  wire.write = () => Promise.reject(new Error("reset by the peer"));
  void server.serve(wire);
  wire.push(UPGRADE);
  await settle();
  await assertRejects(() => streams[0].read(new Uint8Array(1)), Error, "reset by the peer");
  await assertRejects(() => streams[0].write(new Uint8Array(1)), Error, "reset by the peer");
  const { open, upgrades } = server.stats();
  assertEquals([open, upgrades], [0, 0]);
});

/** A read that is under way when it is closed hears nothing of that. */
class ForgetfulEnd extends WireEnd {
  override get isClosed(): boolean {
    return false;
  }
}

Deno.test("an upgraded connection is closed once, however often that is said", async () => {
  const streams: UpgradedStream[] = [];
  const scene = new HttpScene((_request, info) => {
    const { response, stream } = info.upgrade({ upgrade: "x" });
    streams.push(stream);
    return response;
  });
  const wire = scene.connect();
  wire.push(UPGRADE);
  await settle();
  streams[0][Symbol.dispose]();
  await settle();
  assertEquals([wire.acts, scene.server.stats().open], [["close"], 0]);
  for (let turn = 0; turn < 3; turn++) streams[0].close();
  assertEquals(wire.acts, ["close"]);
});

Deno.test("whoever waits for octets of an upgraded connection is let go when it is closed at this end", async () => {
  const streams: UpgradedStream[] = [];
  const scene = new HttpScene((_request, info) => {
    const { response, stream } = info.upgrade({ upgrade: "x" });
    streams.push(stream);
    return response;
  });
  const wire = new ForgetfulEnd();
  void scene.server.serve(wire);
  wire.push(UPGRADE);
  await settle();
  let ended: number | null | undefined;
  void streams[0].read(new Uint8Array(10)).then((count) => ended = count);
  await settle();
  assertEquals(ended, undefined);
  streams[0].close();
  await settle();
  assertEquals(ended, null);
});

Deno.test("an upgraded connection's writable writes all of a piece, however little is taken at a time", async () => {
  const scene = new HttpScene((_request, info) => {
    const { response, stream } = info.upgrade({ upgrade: "x" });
    const writer = stream.writable.getWriter();
    void writer.write(new TextEncoder().encode("abcdefghij".repeat(20))).then(() => writer.close());
    return response;
  });
  const wire = scene.connect();
  wire.room = 110;
  wire.push(UPGRADE);
  let text = "";
  for (let turn = 0; turn < 100; turn++) {
    await settle();
    text += wire.text();
    wire.take(3);
  }
  assertEquals([bodyOf(text), wire.acts], ["abcdefghij".repeat(20), ["closeWrite"]]);
});

Deno.test("what belongs to the connection is not the handler's to say (RFC 9110 §7.6.1)", async () => {
  const headers = {
    "keep-alive": "timeout=5",
    "transfer-encoding": "chunked",
    "content-length": "x",
    "proxy-connection": "close",
    te: "trailers",
    trailer: "x",
    "x-own": "y",
  };
  const text = await new HttpScene(() => new Response("abc", { headers })).ask(GET);
  const got = Object.keys(headers).map((name) => fieldOf(text, name));
  assertEquals([got, bodyOf(text)], [[null, null, "3", null, null, null, "y"], "abc"]);
});

Deno.test("who goes after a refusal, an upgrade, or his last answer has not gone while he was answered", async () => {
  const cases = [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    UPGRADE,
    GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    GET,
  ];
  for (const request of cases) {
    const scene = new HttpScene(async (given, info) =>
      info.wantsUpgrade === null ? new Response(await given.text()) : info.upgrade({ upgrade: "x" }).response
    );
    const wire = scene.connect();
    wire.push(request);
    await settle();
    assert([101, 200, 400].includes(statusOf(wire.text())));
    wire.reset();
    await settle();
    assertEquals(scene.server.stats().aborted, 0, request);
  }
});
