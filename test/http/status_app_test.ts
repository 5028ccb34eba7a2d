/** What `serve --app http` shows without a directory: each of its paths, on a connection that tells figures of its own. */
import { assert, assertEquals } from "@std/assert";
import type { ConnectionInfo } from "../../src/tcp/info.ts";
import { serveStatus, type StatusWorld, Watchers } from "../../src/http/status_app.ts";
import { STATUS_PAGE, STATUS_POLICY } from "../../src/http/status_page.ts";
import { HttpServer } from "../../src/http/http_server.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { bodyOf, fieldOf, latin1, settle, statusOf, WireEnd } from "./http_scene.ts";

/** Figures of a connection that was there, with a number that says how often they were asked for. */
async function figures(): Promise<() => ConnectionInfo> {
  const [near, far] = memoryPair();
  await using server = createStack({ link: near, addresses: "10.0.0.1/24" });
  await using client = createStack({ link: far, addresses: "10.0.0.2/24" });
  const listener = server.listen({ port: 80 });
  using connection = await client.connect({ hostname: "10.0.0.1", port: 80 });
  (await listener.accept()).close();
  const info = connection.info();
  let asked = 0;
  return () => ({ ...info, srttUs: ++asked });
}

const INFO = await figures();

class ObservableEnd extends WireEnd {
  readonly info = INFO;
}

/** Sums without a library: how many, and the sum of all octets. */
function sha256() {
  let count = 0;
  let sum = 0;
  return {
    update: (octets: Uint8Array) => {
      count += octets.length;
      for (const octet of octets) sum += octet;
    },
    digest: () => `${count}:${sum}`,
  };
}

class Scene {
  readonly clock = new VirtualClock({ epochUs: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000, nowUs: 1_500_000 });
  readonly errors: unknown[] = [];
  readonly server: HttpServer<ObservableEnd>;

  constructor() {
    const world: StatusWorld = { clock: this.clock, sha256, watchers: new Watchers() };
    this.server = new HttpServer<ObservableEnd>((request, info) => serveStatus(world, { request, info }), {
      clock: this.clock,
      onError: (error) => this.errors.push(error),
    });
  }

  connect(): ObservableEnd {
    const wire = new ObservableEnd();
    void this.server.serve(wire);
    return wire;
  }

  async ask(line: string, more = ""): Promise<string> {
    const wire = this.connect();
    wire.push(latin1(`${line} HTTP/1.1\r\nHost: a\r\n${more === "" ? "\r\n" : more}`));
    await settle();
    assertEquals(this.errors, []);
    return wire.text();
  }

  async pass(ms: number): Promise<void> {
    await settle();
    this.clock.advance(ms * 1000);
    await settle();
  }
}

/** Numbers of the events in what was sent. */
function eventsIn(text: string): number {
  return text.split("data: {").length - 1;
}

Deno.test("the page is one text with a policy of its own, and is kept by nobody", async () => {
  const text = await new Scene().ask("GET /");
  assertEquals(statusOf(text), 200);
  assertEquals(bodyOf(text).length, new TextEncoder().encode(STATUS_PAGE).length);
  assertEquals(
    ["content-type", "content-security-policy", "cache-control", "x-content-type-options"].map((name) =>
      fieldOf(text, name)
    ),
    ["text/html; charset=utf-8", STATUS_POLICY, "no-store", "nosniff"],
  );
  // Each figure that the script fills in has its place, once.
  const shown = /const SHOWN = \{([^]*?)\n\};/.exec(STATUS_PAGE)?.[1] ?? "";
  const ids = [...shown.matchAll(/(?:^|[,{\s])([a-z]+): \(i\) =>/g)].map(([, id]) => id);
  assert(ids.length > 18, ids.join());
  for (const id of [...ids, "path", "line", "over"]) {
    assertEquals(STATUS_PAGE.split(`id="${id}"`).length, 2, id);
  }
  // What the page says of itself needs nothing from elsewhere.
  assert(!/(?:src|href)="(?!data:|\/)/.test(STATUS_PAGE));
});

Deno.test("/tcb.json has every figure of the connection that asks", async () => {
  const text = await new Scene().ask("GET /tcb.json");
  assertEquals(fieldOf(text, "content-type"), "application/json");
  const told = JSON.parse(bodyOf(text));
  const info = INFO();
  assertEquals(Object.keys(told), Object.keys(JSON.parse(JSON.stringify(info))));
  assertEquals([told.name, told.states], [info.name, [...info.states]]);
});

Deno.test("/time is now", async () => {
  const text = await new Scene().ask("GET /time");
  assertEquals(bodyOf(text), "2026-01-02T03:04:06.500Z\n");
});

Deno.test("/bytes/N: so many, 0 to 255 again and again, their number told beforehand; HEAD has none", async () => {
  const scene = new Scene();
  for (const count of [0, 1, 256, 65_535, 65_536, 65_537, 200_001]) {
    const text = await scene.ask(`GET /bytes/${count}`);
    const body = bodyOf(text);
    assertEquals([fieldOf(text, "content-length"), body.length], [String(count), count]);
    for (let at = 0; at < count; at += 251) assertEquals(body.charCodeAt(at), at & 0xff, `${count}: ${at}`);
  }
  const head = await scene.ask("HEAD /bytes/1000000000000000");
  assertEquals([statusOf(head), fieldOf(head, "content-length"), bodyOf(head)], [
    200,
    "1000000000000000",
    "",
  ]);
  const wrong = [
    "/bytes/1000000000000001",
    "/bytes/",
    "/bytes/-1",
    "/bytes/1x",
    "/bytes/1/",
    "/bytes/0x10",
    "/byte/1",
  ];
  for (const path of wrong) assertEquals(statusOf(await scene.ask(`GET ${path}`)), 404, path);
});

Deno.test("/upload: how many octets, their sum and the seconds, in either framing", async () => {
  const scene = new Scene();
  const sized = await scene.ask("POST /upload", "Content-Length: 3\r\n\r\nabc");
  assertEquals(JSON.parse(bodyOf(sized)), { bytes: 3, sha256: "3:294", seconds: 0 });
  const chunked = await scene.ask(
    "PUT /upload",
    "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
  );
  assertEquals(JSON.parse(bodyOf(chunked)), { bytes: 3, sha256: "3:294", seconds: 0 });
  const none = await scene.ask("POST /upload", "Content-Length: 0\r\n\r\n");
  assertEquals(JSON.parse(bodyOf(none)), { bytes: 0, sha256: "0:0", seconds: 0 });
  const slow = scene.connect();
  slow.push("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
  await scene.pass(1500);
  slow.push("b");
  await settle();
  assertEquals(JSON.parse(bodyOf(slow.text())), { bytes: 2, sha256: "2:195", seconds: 1.5 });
});

Deno.test("other methods are told which there are, other paths that there is nothing", async () => {
  const scene = new Scene();
  const cases = [
    ["GET /upload", 405, "POST, PUT"],
    ["POST /", 405, "GET, HEAD"],
    ["DELETE /tcb.json", 405, "GET, HEAD"],
    ["GET /nothing", 404, null],
    ["GET /tcb.json/", 404, null],
  ] as const;
  for (const [line, status, allow] of cases) {
    const text = await scene.ask(line);
    assertEquals([statusOf(text), fieldOf(text, "allow")], [status, allow], line);
    const sentence = allow === null ? "there is nothing here" : `only ${allow} are answered here`;
    assertEquals(bodyOf(text), `${status}: ${sentence}\n`);
  }
  assertEquals(statusOf(await scene.ask("GET /tcb.json?x=1")), 200);
});

Deno.test("/events: at once, then four times a second, until the client goes; then nothing is left of it", async () => {
  const scene = new Scene();
  const head = await scene.ask("HEAD /events");
  assertEquals([statusOf(head), fieldOf(head, "content-type"), bodyOf(head)], [200, "text/event-stream", ""]);
  const wire = scene.connect();
  wire.push("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  await settle();
  const begin = wire.text();
  assertEquals([fieldOf(begin, "content-type"), eventsIn(begin)], ["text/event-stream", 1]);
  await scene.pass(249);
  assertEquals(eventsIn(wire.text()), 0);
  await scene.pass(1);
  const [, event] = /data: (.*)\n\n/.exec(wire.text()) ?? [];
  assertEquals(Object.keys(JSON.parse(event)), Object.keys(JSON.parse(JSON.stringify(INFO()))));
  for (let turn = 0; turn < 4; turn++) await scene.pass(250);
  assertEquals(eventsIn(wire.text()), 4);
  wire.reset();
  await scene.pass(0);
  assertEquals([scene.server.stats().open, scene.server.stats().failures], [1, 0]);
  // The other connection has waited long enough by then, and its last words are over too.
  await scene.pass(60_001);
  await scene.pass(2_001);
  assertEquals([scene.server.stats().open, scene.clock.nextTimerUs], [0, Infinity]);
});

Deno.test("/events is for 256 at a time: one more is told to come later, and whoever goes makes room", async () => {
  const scene = new Scene();
  const ask = (method = "GET") => {
    const wire = scene.connect();
    wire.push(`${method} /events HTTP/1.1\r\nHost: a\r\n\r\n`);
    return wire;
  };
  const watching = Array.from({ length: 256 }, () => ask());
  await settle();
  assertEquals(watching.filter((wire) => statusOf(wire.text()) === 200).length, 256);
  const late = ask();
  await settle();
  const refused = late.text();
  assertEquals([statusOf(refused), bodyOf(refused)], [503, "503: too many watch already, come later\n"]);
  assertEquals(late.acts, []);
  // Who asks for the head alone takes no place, nor does whoever asks again on the same connection.
  const head = ask("HEAD");
  late.push("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  await settle();
  assertEquals([statusOf(head.text()), statusOf(late.text())], [200, 503]);
  // One resets while he waits, one while a write waits for him, one is broken off: three places, and no fourth.
  watching[1].room = 0;
  await scene.pass(250);
  watching[0].reset();
  watching[1].reset();
  watching[2].abort();
  await scene.pass(250);
  const next = Array.from({ length: 4 }, () => ask());
  await settle();
  assertEquals(next.map((wire) => statusOf(wire.text())), [200, 200, 200, 503]);
  assertEquals(scene.errors, []);
});

Deno.test("/events keeps one listener on its request, however long it goes on", async () => {
  let added = 0;
  const signal = new AbortController().signal;
  const counted = new Proxy(signal, {
    get: (target, name) => {
      if (name === "addEventListener") added++;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const clock = new VirtualClock();
  const request = new Request("http://a/events");
  Object.defineProperty(request, "signal", { value: counted });
  const connection = new ObservableEnd();
  const { localAddr, remoteAddr } = connection;
  const response = await serveStatus({ clock, sha256, watchers: new Watchers() }, {
    request,
    info: {
      connection,
      localAddr,
      remoteAddr,
      target: "/events",
      httpVersion: "1.1",
      requestsBefore: 0,
      wantsUpgrade: null,
      upgrade: () => {
        throw new Error("not here");
      },
    },
  });
  const reader = response.body?.getReader();
  assert(reader !== undefined);
  for (let event = 0; event < 50; event++) {
    const next = reader.read();
    await settle();
    clock.advance(250_000);
    assertEquals((await next).done, false);
  }
  assertEquals(added, 1);
  await reader.cancel();
});
