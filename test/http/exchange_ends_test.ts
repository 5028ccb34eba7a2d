/** What of an exchange goes on its way in parts, and ends that are neither side's wish: what tests of the whole do not see. */
import { assert, assertEquals } from "@std/assert";
import { bodyOf, fieldOf, HttpScene, latin1, settle, statusOf, WireEnd } from "./http_scene.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (more: string) => `POST / HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const LETTERS = "abcdefghijklmnopqrstuvwxyz".repeat(8000);

Deno.test("an answer that is taken a few octets at a time is the same answer", async () => {
  const whole = await new HttpScene(() => new Response(LETTERS.slice(0, 3000))).ask(GET);
  const scene = new HttpScene(() => new Response(LETTERS.slice(0, 3000)));
  const wire = scene.connect();
  wire.room = 0;
  wire.push(GET);
  let text = "";
  for (let turn = 0; turn < 500; turn++) {
    await settle();
    wire.take(7);
    text += wire.text();
  }
  assertEquals(text, whole);
});

Deno.test("large pieces of an answer are framed as small ones are", async () => {
  const pieces = [LETTERS, "x", LETTERS.slice(0, 65_530), LETTERS.slice(0, 65_536)];
  const body = () => {
    const left = [...pieces];
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        for (let turn = 0; turn < 20; turn++) await null;
        const piece = left.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(latin1(piece));
      },
    });
  };
  const text = await new HttpScene(() => new Response(body())).ask(GET);
  const expected = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
  assertEquals(bodyOf(text), `${expected}0\r\n\r\n`);
});

Deno.test("a chunked body of which very much waits comes out in order, however much that is", async () => {
  const gate = Promise.withResolvers<void>();
  const scene = new HttpScene(async (request) => {
    await gate.promise;
    return new Response(`${await request.text() === LETTERS}`);
  }, { limits: { readAheadBytes: 1024 * 1024 } });
  const wire = scene.connect();
  wire.push(post("Transfer-Encoding: chunked\r\n"));
  for (let at = 0; at < LETTERS.length; at += 50_001) {
    const piece = LETTERS.slice(at, at + 50_001);
    wire.push(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  }
  wire.push("0\r\n\r\n");
  await settle();
  assertEquals(wire.unread, 0);
  gate.resolve();
  await settle();
  assertEquals(bodyOf(wire.text()), "true");
});

Deno.test("the signal tells of the server's own end also where nothing is being read", async () => {
  const signals: AbortSignal[] = [];
  const scene = new HttpScene((request) => {
    signals.push(request.signal);
    return new Promise<Response>(() => {});
  }, { limits: { readAheadBytes: 4096, headBytes: 1024 } });
  const wire = scene.connect();
  wire.push(GET);
  for (let count = 0; count < 500; count++) wire.push(GET);
  await settle();
  scene.server.abort();
  await settle();
  assertEquals([signals[0].aborted, wire.acts], [true, ["abort"]]);
});

Deno.test("a handler may answer a body that is refused in its own words; the connection ends all the same", async () => {
  const scene = new HttpScene(async (request) => {
    try {
      return new Response(await request.text());
    } catch {
      return new Response("too much for me", { status: 507 });
    }
  }, { limits: { bodyBytes: 3 } });
  const wire = scene.connect();
  wire.push(post("Transfer-Encoding: chunked\r\n") + "4\r\nabcd\r\n0\r\n\r\n" + GET);
  await settle();
  const text = wire.text();
  assertEquals([statusOf(text), bodyOf(text), fieldOf(text, "connection")], [
    507,
    "too much for me",
    "close",
  ]);
  assertEquals(wire.acts, ["closeWrite"]);
});

Deno.test("a client that goes in the middle of its answer is no failure of the handler", async () => {
  const cancelled: unknown[] = [];
  const scene = new HttpScene(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(1000)),
        cancel: (reason) => void cancelled.push(reason),
      }),
    )
  );
  const wire = scene.connect();
  wire.room = 5000;
  wire.push(GET);
  await settle();
  wire.reset();
  await settle();
  const { failures, aborted, open } = scene.server.stats();
  assertEquals([failures, aborted, open, scene.errors], [0, 1, 0, []]);
  // What made the body is told, so that it can let go what it holds.
  assertEquals(cancelled.length, 1);
});

Deno.test("a body that gives something else than octets is a failure, at once or later", async () => {
  for (const before of [0, 3]) {
    let count = 0;
    let cancelled = 0;
    const body = new ReadableStream<unknown>({
      cancel: () => void cancelled++,
      pull: (controller) => controller.enqueue(count++ < before ? latin1("x") : "text"),
    });
    const response = new Response(null);
    // The type of a Response does not let this through; a program in JavaScript does.
    Object.defineProperty(response, "body", { value: body });
    const scene = new HttpScene(() => response);
    const wire = scene.connect();
    wire.push(GET);
    await settle();
    assertEquals(scene.errors.length, 1);
    assert(scene.errors[0] instanceof TypeError);
    assertEquals(statusOf(wire.text()), before === 0 ? 500 : 200);
    assertEquals([wire.isClosed, cancelled], [before !== 0, 1]);
  }
});

/** Its client has gone, and a write is the first to hear of it: nothing is being read. */
class DeafEnd extends WireEnd {
  override write(_bytes: Uint8Array): Promise<number> {
    return Promise.reject(new Error("reset by the peer"));
  }
}

Deno.test("the same where a write hears of it first: of the answer, and of 100 (Continue)", async () => {
  const requests = [GET, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"];
  for (const request of requests) {
    const scene = new HttpScene();
    const wire = new DeafEnd();
    void scene.server.serve(wire);
    wire.push(request);
    await settle();
    const { failures, aborted, open, responses } = scene.server.stats();
    assertEquals([failures, aborted, open, responses, scene.errors], [0, 1, 0, 0, []], request);
  }
});
