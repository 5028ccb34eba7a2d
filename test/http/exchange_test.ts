/**
 * Requests and their answers on one connection: order, framing both ways, HEAD, Expect, failures, upgrade, clients that go
 * (RFC 9110 §7.8, §8.6, §10.1.1; RFC 9112 §6, §7.1, §9).
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { bodyOf, fieldOf, HttpScene, latin1, settle, statusOf } from "./http_scene.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = (more: string) => `POST / HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces.map(latin1));
}

Deno.test("an answer has a date, its length and its body, and the connection lives on", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  wire.push(get("/a"));
  await settle();
  const first = wire.text();
  assertEquals(statusOf(first), 200);
  assertEquals(fieldOf(first, "date"), "Fri, 02 Jan 2026 03:04:05 GMT");
  assertEquals(fieldOf(first, "content-length"), "7");
  assertEquals(fieldOf(first, "connection"), null);
  assertEquals(bodyOf(first), "GET /a ");
  wire.push(get("/b"));
  await settle();
  assertEquals(bodyOf(wire.text()), "GET /b ");
  assertEquals(wire.acts, []);
  assertEquals(scene.server.stats().requests, 2);
});

Deno.test("pipelined requests are answered in order, one handler at a time", async () => {
  let atWork = 0;
  const gates: (() => void)[] = [];
  const scene = new HttpScene(async (request) => {
    assertEquals(++atWork, 1);
    await new Promise<void>((resolve) => gates.push(resolve));
    atWork--;
    return new Response(new URL(request.url).pathname);
  });
  const wire = scene.connect();
  wire.push(get("/1") + get("/2") + post("Content-Length: 3\r\n") + "abc" + get("/3"));
  let text = "";
  for (let turn = 0; turn < 4; turn++) {
    await settle();
    assertEquals(gates.length, turn + 1);
    gates[turn]();
  }
  await settle();
  text = wire.text();
  const bodies = text.split("HTTP/1.1 200 OK").slice(1).map(bodyOf);
  assertEquals(bodies, ["/1", "/2", "/", "/3"]);
});

Deno.test("what a client sends ahead is bounded: the rest stays where it is", async () => {
  const scene = new HttpScene(() => new Promise<Response>(() => {}), {
    limits: { readAheadBytes: 16 * 1024, headBytes: 1024 },
  });
  const wire = scene.connect();
  for (let count = 0; count < 4000; count++) wire.push(GET);
  await settle();
  const taken = 4000 * GET.length - wire.unread;
  assert(taken <= 16 * 1024 + GET.length, `${taken} octets were taken`);
  assertEquals(scene.server.stats().requests, 1);
});

Deno.test("a body without a length is chunked in HTTP/1.1, and ends with the connection in HTTP/1.0", async () => {
  const slow = () => {
    let count = 0;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        for (let turn = 0; turn < 20; turn++) await null;
        if (++count > 2) controller.close();
        else controller.enqueue(latin1("x".repeat(count * 10)));
      },
    });
  };
  const scene = new HttpScene(() => new Response(slow()));
  const text = await scene.ask(GET);
  assertEquals(fieldOf(text, "transfer-encoding"), "chunked");
  assertEquals(fieldOf(text, "content-length"), null);
  assertEquals(bodyOf(text), `a\r\n${"x".repeat(10)}\r\n14\r\n${"x".repeat(20)}\r\n0\r\n\r\n`);
  const wire = scene.connect();
  wire.push("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await settle();
  const old = wire.text();
  assertEquals(fieldOf(old, "transfer-encoding"), null);
  assertEquals(fieldOf(old, "connection"), "close");
  assertEquals(bodyOf(old), "x".repeat(30));
  assertEquals(wire.acts, ["closeWrite"]);
});

Deno.test("a body that is at hand has a length, also as a stream", async () => {
  const text = await new HttpScene(() => new Response(streamOf("hello"))).ask(GET);
  assert(fieldOf(text, "content-length") === "5" || fieldOf(text, "transfer-encoding") === "chunked");
  const empty = await new HttpScene(() => new Response(null)).ask(GET);
  assertEquals(fieldOf(empty, "content-length"), "0");
  const said = await new HttpScene(() => new Response(null, { headers: { "content-length": "9" } })).ask(GET);
  assertEquals(fieldOf(said, "content-length"), "0");
});

Deno.test("HTTP/1.0: one request, or more where both say keep-alive", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  wire.push("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  await settle();
  assertEquals(fieldOf(wire.text(), "connection"), "keep-alive");
  wire.push("GET / HTTP/1.0\r\n\r\n");
  await settle();
  assertEquals(fieldOf(wire.text(), "connection"), "close");
  assertEquals(wire.acts, ["closeWrite"]);
});

Deno.test("RFC 9112 §9.3: where a client says close, nothing else that it says keeps the connection", async () => {
  for (const version of ["1.0", "1.1"]) {
    for (
      const more of ["Connection: keep-alive, close\r\n", "Connection: close\r\nConnection: keep-alive\r\n"]
    ) {
      const scene = new HttpScene();
      const wire = scene.connect();
      wire.push(`GET / HTTP/${version}\r\nHost: a\r\n${more}\r\n`);
      await settle();
      assertEquals(
        [fieldOf(wire.text(), "connection"), wire.acts],
        ["close", ["closeWrite"]],
        version + more,
      );
    }
  }
});

Deno.test("close, whoever asks for it, ends the connection after the answer", async () => {
  for (const [more, headers] of [["Connection: x, Close\r\n", {}], ["", { connection: "close" }]] as const) {
    const scene = new HttpScene(() => new Response("x", { headers }));
    const wire = scene.connect();
    wire.push(get("/", more) + GET);
    await settle();
    const text = wire.text();
    assertEquals(text.split("HTTP/1.1").length, 2);
    assertEquals(fieldOf(text, "connection"), "close");
    assertEquals(wire.acts, ["closeWrite"]);
    wire.end();
    await settle();
    assertEquals(wire.acts, ["closeWrite", "close"]);
  }
});

Deno.test("HEAD, 204, 205 and 304 have no body, and what follows is the next answer", async () => {
  const scene = new HttpScene((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    const headers = { "content-length": "5" };
    return status === 200 ? new Response("hello", { headers }) : new Response(null, { status, headers });
  });
  const wire = scene.connect();
  wire.push("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/204") + get("/205") + get("/304") + get("/200"));
  await settle();
  const answers = wire.text().split(/(?=HTTP\/1\.1 )/);
  assertEquals(answers.map((text) => [statusOf(text), fieldOf(text, "content-length"), bodyOf(text)]), [
    [200, "5", ""],
    [204, null, ""],
    [205, "0", ""],
    [304, "5", ""],
    [200, "5", "hello"],
  ]);
});

Deno.test("100 is said when the handler begins to read, not before, and not when octets have come", async () => {
  const gate = Promise.withResolvers<void>();
  const scene = new HttpScene(async (request) => {
    await gate.promise;
    return new Response(await request.text());
  });
  const wire = scene.connect();
  wire.push(post("Content-Length: 3\r\nExpect: 100-continue\r\n"));
  await settle();
  assertEquals(wire.text(), "");
  gate.resolve();
  await settle();
  assertEquals(wire.text(), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.push("abc");
  await settle();
  assertEquals(bodyOf(wire.text()), "abc");
  assertEquals(wire.acts, []);
  wire.push(post("Content-Length: 3\r\nExpect: 100-continue\r\n") + "abc");
  await settle();
  assertEquals(statusOf(wire.text()), 200);
  // RFC 9110 §10.1.1: HTTP/1.0 knows no 100.
  assertEquals(
    statusOf(
      await scene.ask("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"),
    ),
    200,
  );
});

Deno.test("who waits for 100 and gets an answer at once may send the body or not: the connection ends", async () => {
  const scene = new HttpScene(() => new Response("no", { status: 403 }));
  const wire = scene.connect();
  wire.push(post("Content-Length: 3\r\nExpect: 100-continue\r\n"));
  await settle();
  assertEquals(fieldOf(wire.text(), "connection"), "close");
  assertEquals(wire.acts, ["closeWrite"]);
});

Deno.test("a body that nobody reads is dropped up to a bound; then the next request follows", async () => {
  const scene = new HttpScene(() => new Response("x"), { limits: { dropBytes: 1000 } });
  const wire = scene.connect();
  wire.push(post("Content-Length: 1000\r\n") + "y".repeat(1000) + GET);
  await settle();
  assertEquals(wire.text().split("HTTP/1.1 200").length, 3);
  wire.push(post("Content-Length: 1001\r\n"));
  await settle();
  assertEquals(fieldOf(wire.text(), "connection"), "close");
  const chunked = scene.connect();
  chunked.push(
    post("Transfer-Encoding: chunked\r\n") + "40000\r\n" + "y".repeat(0x40000) + "\r\n0\r\n\r\n" + GET,
  );
  await settle();
  assertEquals(chunked.text().split("HTTP/1.1 200").length, 2);
  assertEquals(chunked.acts, ["closeWrite"]);
  // What is left of the body is not looked at, least of all as a request.
  assertEquals(scene.refusals(), {});
});

Deno.test("a handler that answers while it still reads: the piece that it waits for is its own, the rest is dropped", async () => {
  const heard: string[] = [];
  const scene = new HttpScene((request) => {
    void (async () => {
      try {
        for await (const piece of request.body ?? []) heard.push(String.fromCharCode(...piece));
      } catch (error) {
        heard.push(error instanceof TypeError ? "gone" : String(error));
      }
    })();
    return new Response("early");
  });
  const wire = scene.connect();
  wire.push(post("Content-Length: 6\r\n"));
  await settle();
  assertEquals(bodyOf(wire.text()), "early");
  wire.push("abc");
  await settle();
  wire.push(`def${GET}`);
  await settle();
  assertEquals(bodyOf(wire.text()), "early");
  assertEquals(heard, ["abc", "gone"]);
  assertEquals([scene.refusals(), scene.errors], [{}, []]);
});

Deno.test("a body is read no faster than its handler reads", async () => {
  const readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  const scene = new HttpScene((request) => {
    if (request.body !== null) readers.push(request.body.getReader());
    return new Promise<Response>(() => {});
  }, { limits: { readAheadBytes: 4096, headBytes: 1024 } });
  const wire = scene.connect();
  wire.push(post("Content-Length: 1000000\r\n"));
  for (let count = 0; count < 1000; count++) wire.push("z".repeat(1000));
  await settle();
  assert(wire.unread >= 1_000_000 - 8192, `${wire.unread} wait`);
  const before = wire.unread;
  const { value } = await readers[0].read();
  await settle();
  assert((value?.length ?? 0) > 0 && wire.unread < before && wire.unread > 900_000);
});

Deno.test("an answer is made no faster than the client takes it", async () => {
  let made = 0;
  const body = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        made++;
        controller.enqueue(new Uint8Array(1000));
      },
    });
  const scene = new HttpScene(() => new Response(body()));
  const wire = scene.connect();
  wire.room = 10_000;
  wire.push(GET);
  await settle();
  assert(made < 15, `${made} pieces were made`);
  wire.take(5000);
  await settle();
  assert(made >= 14 && made < 20, `${made} pieces were made`);
});

Deno.test("a handler that throws is answered with 500, and told; the connection lives on", async () => {
  const thrown = new Error("on purpose");
  const scene = new HttpScene((request) => {
    if (new URL(request.url).pathname === "/throws") throw thrown;
    return new URL(request.url).pathname === "/rejects" ? Promise.reject(thrown) : new Response("ok");
  });
  const wire = scene.connect();
  wire.push(get("/throws") + get("/rejects") + GET);
  await settle();
  assertEquals(wire.text().match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 500", "HTTP/1.1 500", "HTTP/1.1 200"]);
  assertEquals(scene.errors, [thrown, thrown]);
  assertEquals(scene.server.stats().failures, 2);
});

Deno.test("a body that fails: 500 while nothing is sent, else the client sees that the answer is cut", async () => {
  const failing = (before: string[]) =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const piece = before.shift();
        if (piece === undefined) controller.error(new Error("on purpose"));
        else controller.enqueue(latin1(piece));
      },
    }, { highWaterMark: 0 });
  const early = new HttpScene(() => new Response(failing([])));
  assertEquals(statusOf(await early.ask(GET)), 500);
  const late = new HttpScene(() => new Response(failing(["a", "b", "c", "d"])));
  const wire = late.connect();
  wire.push(GET);
  await settle();
  const text = wire.text();
  assertEquals(statusOf(text), 200);
  assert(!text.endsWith("0\r\n\r\n"));
  assertEquals(wire.acts, ["abort"]);
  assertEquals(late.errors.length, 1);
});

Deno.test("a body that is shorter or longer than its length breaks the connection, and what is too much is not sent", async () => {
  for (const length of ["2", "9"]) {
    const scene = new HttpScene(() => new Response("hello", { headers: { "content-length": length } }));
    const wire = scene.connect();
    wire.push(GET);
    await settle();
    assertEquals(wire.acts, ["abort"]);
    assertEquals(scene.errors.length, 1);
  }
});

Deno.test("what a handler returns instead of a Response, or twice, is a failure", async () => {
  const used = new Response("x");
  await used.text();
  const scene = new HttpScene(() => used);
  assertEquals(statusOf(await scene.ask(GET)), 500);
  assertEquals(scene.errors.length, 1);
});

Deno.test("the signal tells that the client has gone, by a reset, or by FIN where that is asked for", async () => {
  for (const how of ["reset", "end"] as const) {
    const signals: AbortSignal[] = [];
    const scene = new HttpScene((request) => {
      signals.push(request.signal);
      return new Promise<Response>(() => {});
    }, { onHalfClose: "abort" });
    const wire = scene.connect();
    wire.push(GET);
    await settle();
    const before = signals[0].aborted;
    wire[how]();
    await settle();
    assertEquals([before, signals[0].aborted], [false, true]);
    assertEquals(scene.server.stats().aborted, 1);
  }
});

Deno.test("a client that has said all with FIN gets its answer, the last one", async () => {
  const gate = Promise.withResolvers<void>();
  const scene = new HttpScene(async () => {
    await gate.promise;
    return new Response("late");
  });
  const wire = scene.connect();
  wire.push(GET);
  wire.end();
  await settle();
  gate.resolve();
  await settle();
  const text = wire.text();
  assertEquals([bodyOf(text), fieldOf(text, "connection")], ["late", "close"]);
  assertEquals(wire.acts, ["closeWrite", "close"]);
});

Deno.test("what a client has sent ahead before its FIN is answered, all of it", async () => {
  const scene = new HttpScene();
  const wire = scene.connect();
  wire.push(get("/1") + post("Content-Length: 3\r\n") + "abc" + get("/3"));
  wire.end();
  await settle();
  assertEquals(wire.text().split("HTTP/1.1 200 OK").slice(1).map(bodyOf), [
    "GET /1 ",
    "POST / abc",
    "GET /3 ",
  ]);
  assertEquals(wire.acts, ["closeWrite", "close"]);
});

Deno.test("an upgrade: 101 with the handler's fields, then the octets are its own, those that came early too", async () => {
  let echoed: Promise<void> | null = null;
  const scene = new HttpScene((_, info) => {
    const { response, stream } = info.upgrade({ upgrade: info.wantsUpgrade ?? "" });
    echoed = stream.readable.pipeTo(stream.writable);
    return response;
  });
  const wire = scene.connect();
  wire.push(get("/", "Connection: keep-alive, Upgrade\r\nUpgrade: lines\r\n") + "early ");
  await settle();
  const text = wire.text();
  assertEquals(statusOf(text), 101);
  assertEquals([fieldOf(text, "upgrade"), fieldOf(text, "connection")], ["lines", "upgrade"]);
  assertEquals(bodyOf(text), "early ");
  wire.push("late");
  await settle();
  assertEquals(wire.text(), "late");
  assertEquals(scene.server.stats().open, 1);
  // No patience with requests is left that could end it.
  await scene.pass(3_600_000);
  assertEquals(wire.acts, []);
  wire.end();
  await echoed;
  await settle();
  assertEquals(wire.acts, ["closeWrite", "close"]);
  assertEquals([scene.server.stats().open, scene.server.stats().upgrades], [0, 1]);
});

Deno.test("nobody is upgraded who has not asked, or who sends a body; an offer not kept is no stream", async () => {
  let failed: Promise<unknown> | null = null;
  const scene = new HttpScene((_, info) => {
    if (info.wantsUpgrade === null) {
      assertThrows(() => info.upgrade({}), TypeError);
      return new Response("plain");
    }
    failed = assertRejects(() => info.upgrade({}).stream.read(new Uint8Array(1)), TypeError);
    return new Response("changed my mind");
  });
  for (
    const request of [
      GET,
      get("/", "Upgrade: x\r\n"),
      "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      post("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n") + "x",
    ]
  ) assertEquals(bodyOf(await scene.ask(request)), "plain");
  assertEquals(bodyOf(await scene.ask(get("/", "Connection: upgrade\r\nUpgrade: x\r\n"))), "changed my mind");
  await failed;
});
