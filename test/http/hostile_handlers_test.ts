/** Handlers and bodies that misbehave, and clients that go meanwhile: the next request is read where it begins, and no place is lost. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { UpgradedStream } from "../../src/http/http_options.ts";
import { bodyOf, fieldOf, HttpScene, settle, statusOf } from "./http_scene.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD = GET.replace("GET", "HEAD");
const never = () => new Promise<never>(() => {});

/** A body that gives so many octets, and then nothing any more; says whether it was told that nobody wants it. */
class Endless {
  cancelled: unknown = null;
  #left: number;

  constructor(octets: number) {
    this.#left = octets;
  }

  readonly stream: ReadableStream<Uint8Array> = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (this.#left === 0) await never();
      controller.enqueue(new Uint8Array(this.#left));
      this.#left = 0;
    },
    cancel: (reason) => void (this.cancelled = reason),
  }, { highWaterMark: 0 });
}

Deno.test("HEAD has no body whatever becomes of its answer, and the next answer is where it is looked for", async () => {
  const odd: Record<string, () => Response | Promise<Response>> = {
    throws: () => {
      throw new Error("no");
    },
    "a body that does not let go": () =>
      new Response(
        new ReadableStream({
          cancel: () => {
            throw new Error("no");
          },
        }),
      ),
    "a body that lets go never": () => new Response(new ReadableStream({ cancel: never })),
    "a body that was read already": async () => {
      const response = new Response("abc");
      await response.text();
      return response;
    },
    "no status": () => Response.error(),
  };
  for (const [what, handler] of Object.entries(odd)) {
    const scene = new HttpScene((request) => request.method === "HEAD" ? handler() : new Response("next"));
    const answers = (await scene.ask(HEAD + GET)).split("\r\n\r\n");
    assertEquals(answers.length, 3, what);
    assert(answers[1].startsWith("HTTP/1.1 200 OK\r\n"), `${what}: ${answers[1]}`);
    assertEquals(answers[2], "next", what);
    assertEquals(scene.errors.length, what === "a body that lets go never" ? 0 : 1, what);
    assertEquals(scene.server.stats().failures, scene.errors.length, what);
  }
});

Deno.test("a Response without a status, and nothing that is thrown, are failures: 500, told and counted", async () => {
  const nothing: unknown = undefined;
  for (
    const handler of [() => Response.error(), () => Promise.reject(nothing), () => {
      throw nothing;
    }]
  ) {
    const scene = new HttpScene(handler);
    const text = await scene.ask(GET);
    assertEquals([statusOf(text), fieldOf(text, "content-length")], [500, String(bodyOf(text).length)]);
    assertEquals([scene.server.stats().failures, scene.errors.length], [1, 1]);
  }
});

Deno.test("a client that resets while the body has nothing to give: whoever makes it hears, and the place is free", async () => {
  for (const octets of [0, 5]) {
    for (const version of ["1.1", "1.0"]) {
      const body = new Endless(octets);
      const scene = new HttpScene(() => new Response(body.stream));
      const wire = scene.connect();
      wire.push(GET.replace("1.1", version));
      await settle();
      assertStringIncludes(wire.text(), " 200 OK");
      assertEquals([body.cancelled, scene.server.stats().open], [null, 1]);
      wire.reset();
      await settle();
      assert(body.cancelled instanceof Error, `${octets} ${version}`);
      const { open, aborted, failures, responses } = scene.server.stats();
      assertEquals({ open, aborted, failures, responses }, {
        open: 0,
        aborted: 1,
        failures: 0,
        responses: 0,
      });
    }
  }
});

Deno.test("the same where FIN is taken for going: the answer is broken off, not ended", async () => {
  const body = new Endless(5);
  const scene = new HttpScene(() => new Response(body.stream), { onHalfClose: "abort" });
  const wire = scene.connect();
  wire.push(GET);
  await settle();
  wire.end();
  await settle();
  assert(body.cancelled instanceof Error);
  assert(!wire.text().includes("\r\n0\r\n\r\n"), "what is cut looks whole");
  assertEquals([wire.acts, scene.server.stats().open], [["abort"], 0]);

  // FIN before the handler answers: the body is not begun in vain.
  const late = new Endless(0);
  const answer = Promise.withResolvers<Response>();
  const other = new HttpScene(() => answer.promise, { onHalfClose: "abort" });
  const gone = other.connect();
  gone.push(GET);
  gone.end();
  await settle();
  answer.resolve(new Response(late.stream));
  await settle();
  assert(late.cancelled instanceof Error);
  assertEquals([gone.isClosed, other.server.stats().open], [true, 0]);
});

Deno.test("shutdown with a bound ends also what does not listen to its signal: a handler, a body", async () => {
  const answer = Promise.withResolvers<Response>();
  const late = new Endless(1);
  const running = new Endless(1);
  const scene = new HttpScene((request) =>
    request.url.endsWith("/body") ? new Response(running.stream) : answer.promise
  );
  scene.connect().push(GET);
  scene.connect().push(GET.replace("/", "/body"));
  await settle();
  let isOver = false;
  void scene.server.shutdown({ graceMs: 1000 }).then(() => isOver = true);
  await scene.pass(999);
  assert(!isOver);
  await scene.pass(2);
  assert(isOver);
  assertEquals([scene.server.stats().open, scene.server.stats().aborted], [0, 2]);
  assert(running.cancelled instanceof Error);
  // What it answers when nobody is there any more is let go, and so is what it throws.
  answer.resolve(new Response(late.stream));
  await settle();
  assert(late.cancelled !== null);
  assertEquals(scene.errors, []);
});

Deno.test("a handler that throws after the server has ended its connection is nobody's failure", async () => {
  const answer = Promise.withResolvers<Response>();
  const scene = new HttpScene(() => answer.promise);
  scene.connect().push(GET);
  await settle();
  scene.server.abort();
  await scene.server.finished;
  answer.reject(new Error("too late"));
  await settle();
  assertEquals([scene.errors, scene.server.stats().open], [[], 0]);
});

Deno.test("an upgraded connection whose client resets gives its place back, also where nobody closes it", async () => {
  const upgraded: UpgradedStream[] = [];
  const scene = new HttpScene((_request, info) => {
    const { response, stream } = info.upgrade({ upgrade: "x" });
    upgraded.push(stream);
    return response;
  });
  const wire = scene.connect();
  wire.push("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  await settle();
  assertEquals(scene.server.stats().open, 1);
  wire.reset();
  const failed = await new Response(upgraded[0].readable).bytes().then(() => null, (error) => error);
  assert(failed instanceof Error);
  await settle();
  assertEquals(scene.server.stats().open, 0);
});

Deno.test("101 says nothing of a length or a coding, whatever the handler says (RFC 9110 §8.6, RFC 9112 §6.1)", async () => {
  const scene = new HttpScene((_request, info) =>
    info.upgrade({ upgrade: "x", "content-length": "5", "transfer-encoding": "chunked", "x-own": "y" })
      .response
  );
  const text = await scene.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  assertEquals([fieldOf(text, "content-length"), fieldOf(text, "transfer-encoding")], [null, null]);
  assertEquals(["upgrade", "connection", "x-own"].map((name) => fieldOf(text, name)), ["x", "upgrade", "y"]);
});

Deno.test("Upgrade in another answer reaches the client, and Connection names it (RFC 9110 §7.8, §15.5.22)", async () => {
  const scene = new HttpScene(() =>
    new Response("no", { status: 426, headers: { upgrade: "websocket", connection: "x" } })
  );
  const cases = [[GET, "upgrade"], [
    GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    "close, upgrade",
  ]];
  for (const [request, connection] of cases) {
    const text = await scene.ask(request);
    assertEquals([statusOf(text), fieldOf(text, "upgrade"), fieldOf(text, "connection")], [
      426,
      "websocket",
      connection,
    ]);
  }
});

Deno.test("ten thousand requests at once of a client that reads nothing: one is answered, and the rest waits outside", async () => {
  const scene = new HttpScene(() => new Response("x".repeat(1000)));
  const wire = scene.connect();
  wire.room = 500;
  const octets = GET.repeat(10_000);
  wire.push(octets);
  await settle();
  assertEquals(scene.server.stats().requests, 1);
  assert(wire.unread >= octets.length - GET.length - 64 * 1024, `${wire.unread} octets are unread`);
  await scene.pass(61_000);
  assertEquals([wire.acts, scene.refusals(), scene.server.stats().open], [["abort"], {
    "answer-timeout": 1,
  }, 0]);
});
