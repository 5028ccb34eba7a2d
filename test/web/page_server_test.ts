/** The live page's server, asked over a real socket: who may, what is answered, what is done. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { isServerSnapshot } from "../../src/observe/server_snapshot.ts";
import { PageServer, PageServerError } from "../../src/web/page_server.ts";
import { PageScene, PageStream } from "./page_scene.ts";

Deno.test("the page: its address has a token of its own, its document a nonce of its own, and headers that keep it apart", async () => {
  await using on = new PageScene();
  await using other = new PageScene();
  assert(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{32}$/.test(on.page.url), on.page.url);
  assertNotEquals(on.address.search, other.address.search);
  const first = await on.asks("/");
  const second = await on.asks("/");
  assertEquals([first.status, second.status], [200, 200]);
  const nonce = /nonce="([0-9a-f]{32})"/.exec(first.text)?.[1] ?? "";
  const policy = first.headers.get("content-security-policy") ?? "";
  assertStringIncludes(policy, `script-src 'nonce-${nonce}'`);
  assertStringIncludes(policy, "default-src 'none'");
  assertEquals(second.text.includes(nonce), false);
  assertEquals(
    ["cache-control", "referrer-policy", "x-content-type-options"].map((name) => first.headers.get(name)),
    ["no-store", "no-referrer", "nosniff"],
  );
});

Deno.test("a stranger is refused: no token, another's, a foreign Host, a foreign Origin, whatever is asked for", async () => {
  await using on = new PageScene();
  on.begins();
  const { port, search } = on.address;
  const token = search.slice("?token=".length);
  const paths = [
    "/",
    "/api/snapshot",
    "/metrics",
    "/api/stream",
    "/api/connections/1",
    "/api/why/LISTEN",
    "/nothing",
  ];
  for (const path of paths) {
    assertEquals((await on.asks(`${path}?token=`)).status, 403, path);
    assertEquals((await on.asks(`${path}?token=${"0".repeat(32)}`)).status, 403, path);
    assertEquals((await on.asks(`${path}?token=${token}0`)).status, 403, path);
  }
  const raw = async (method: string, path: string, headers: string) =>
    (await on.sendsRaw(`${method} ${path}${search} HTTP/1.1\r\n${headers}Content-Length: 0\r\n\r\n`)).slice(
      9,
      12,
    );
  const own = `Host: 127.0.0.1:${port}\r\n`;
  for (
    const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1:80"]
  ) {
    assertEquals(await raw("GET", "/", `Host: ${host}\r\n`), "403", host);
  }
  for (const origin of ["http://evil.example", "null", `https://127.0.0.1:${port}`, "http://127.0.0.1:1"]) {
    for (const [method, path] of [["GET", "/"], ["POST", "/api/pause"], ["GET", "/api/stream"]]) {
      assertEquals(
        await raw(method, path, `${own}Origin: ${origin}\r\n`),
        "403",
        `${method} ${path} ${origin}`,
      );
    }
  }
  assertEquals(on.session.injector?.isPaused, false);
  assertEquals(await raw("GET", "/", own), "200");
  assertEquals(await raw("GET", "/", `Host: localhost:${port}\r\n`), "200");
  assertEquals(await raw("POST", "/api/pause", `${own}Origin: http://127.0.0.1:${port}\r\n`), "200");
  assertEquals(on.session.injector?.isPaused, true);
  // A program that monitors sends its token in a header.
  const bearer = `Authorization: Bearer ${token}\r\n`;
  const answer = await on.sendsRaw(`GET /metrics HTTP/1.1\r\n${own}${bearer}\r\n`);
  assertEquals(answer.slice(9, 12), "200");
});

Deno.test("what is too long, unknown, or of another method is refused by itself", async () => {
  await using on = new PageScene();
  on.begins();
  const status = async (path: string, init?: RequestInit) => (await on.asks(path, init)).status;
  assertEquals(await status(`/${"a".repeat(2000)}`), 414);
  assertEquals(await status("/api/faults", { method: "POST", body: "x".repeat(5000) }), 413);
  assertEquals(await status("/api/snapshot", { method: "DELETE" }), 405);
  assertEquals(await status("/nothing"), 404);
  assertEquals(await status("/api/connections/1"), 404);
  assertEquals(await status("/api/connections/99999999999999999999"), 404);
  assertEquals(await status("/api/connections/1/close", { method: "POST" }), 404);
  assertEquals(await status("/api/connections/1/mend", { method: "POST" }), 404);
  assertEquals(await status("/api/stream"), 426);
  for (const body of ["", "{", "7", "null", "{}", '{"spec":7}', '{"spec":"drop=200%"}', '{"once":"drop"}']) {
    const { status, text } = await on.asks("/api/faults", { method: "POST", body });
    assertEquals(status, 400, body);
    assert(JSON.parse(text).error.length > 10, text);
  }
  assertEquals((await on.asks("/")).status, 200);
});

Deno.test("before there is a server the page says so, and the document is there", async () => {
  await using on = new PageScene();
  assertEquals([(await on.asks("/")).status, (await on.asks("/api/snapshot")).status], [200, 503]);
  assertEquals((await on.asks("/api/pause", { method: "POST" })).status, 503);
});

Deno.test("a port in use is one line that says what next", async () => {
  await using on = new PageScene();
  const options = {
    hostname: "127.0.0.1",
    port: Number(on.address.port),
    version: "",
    document: () => Promise.resolve(""),
  };
  const error = assertThrows(() => new PageServer(options), PageServerError);
  assertStringIncludes(error.message, `127.0.0.1:${on.address.port} is in use`);
  assertStringIncludes(error.message, "choose another port");
  assertEquals(error.message.includes("\n"), false);
});

Deno.test("a page's server ends without those who do not read their answers, or do not end their requests", async () => {
  await using on = new PageScene();
  on.begins();
  // More than a socket takes at once.
  const document = () => Promise.resolve("x".repeat(0x4000000));
  const page = new PageServer({ hostname: "127.0.0.1", port: 0, version: "", document });
  page.show(on.subject);
  const { port, search } = new URL(page.url);
  const asks = async (request: string) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await connection.write(new TextEncoder().encode(`${request}\r\nHost: 127.0.0.1:${port}\r\n`));
    return connection;
  };
  using unread = await asks(`GET /${search} HTTP/1.1`);
  await unread.write(new TextEncoder().encode("\r\n"));
  using half = await asks(`POST /api/faults${search} HTTP/1.1`);
  await half.write(new TextEncoder().encode("Content-Length: 100\r\n\r\n{"));
  // The answer is on its way by then.
  assertEquals(await unread.read(new Uint8Array(9)), 9);
  let isOver = false;
  const waits = page.close(new Promise(() => {})).then(() => isOver = true);
  await page.close(Promise.resolve());
  assertEquals(isOver, false);
  unread.close();
  half.close();
  await waits;
});

Deno.test("a stream that opens while the page's server ends is told to go, and nobody looks on for it", async () => {
  await using on = new PageScene();
  on.begins();
  const upgrade = Deno.upgradeWebSocket;
  let ends = Promise.resolve();
  // It ends between the request for the stream and its opening.
  Deno.upgradeWebSocket = (...given) => {
    ends = on.page.close();
    return upgrade(...given);
  };
  try {
    await using stream = new PageStream(on);
    assertEquals((await stream.closed).code, 1001);
    await ends;
    assertEquals([on.turn, on.page.pages, stream.left], [null, 0, 0]);
  } finally {
    Deno.upgradeWebSocket = upgrade;
  }
});

Deno.test("the snapshot is the server, its connections and the table; a connection has every figure", async () => {
  await using on = new PageScene();
  on.begins();
  const connection = await on.opens();
  assertEquals(await on.talks(connection, "hello"), "hello");
  const { json } = await on.tells("/api/snapshot");
  assert(Array.isArray(json.servers) && Array.isArray(json.table));
  assert(isServerSnapshot(json.servers[0]), JSON.stringify(json.servers[0]));
  assertEquals(json.servers[0].connections.map(({ id, state, bytesIn }) => [id, state, bytesIn]), [[
    1,
    "ESTABLISHED",
    5,
  ]]);
  assert(json.table.some(({ id }) => id === "listen.syn"));
  const one = await on.tells("/api/connections/1");
  assertEquals([one.status, one.json.id, one.json.app, one.json.bytesOut], [200, 1, "echo", 5]);
});

Deno.test("a connection is closed with FIN, or reset, as is asked", async () => {
  await using on = new PageScene();
  on.begins();
  const events: string[] = [];
  on.session.stack.observe((event) => {
    if (event.event === "closed") events.push(`${event.id} ${event.reason}`);
  });
  const [closed, aborted] = [await on.opens(), await on.opens()];
  // A byte that the application has taken already, and one that it has not been able to: neither makes the FIN a RST.
  assertEquals(await on.talks(closed, "x"), "x");
  assertEquals(await on.tells("/api/connections/1/close", {}), {
    status: 200,
    json: { id: 1, state: "FIN_WAIT_1" },
  });
  assertEquals(await on.get(closed.read(new Uint8Array(9))), null);
  assertEquals(await on.tells("/api/connections/2/abort", {}), {
    status: 200,
    json: { id: 2, state: "CLOSED" },
  });
  const reset = await on.get(aborted.read(new Uint8Array(9)).then(() => null, (error) => error.name));
  assertEquals([reset, events], ["ConnectionReset", ["2 reset-by-us"]]);
  assertEquals((await on.tells("/api/connections/2/abort", {})).status, 404);
});

Deno.test("faults are set, shown and taken back while the server runs", async () => {
  await using on = new PageScene();
  on.begins();
  const set = await on.tells("/api/faults", { spec: "in:drop=100%" });
  assertEquals([set.status, set.json.faults], [200, "in drop 100 %; out nothing; seed 1"]);
  const connecting = on.client.connect({ hostname: "10.0.0.1", port: 7 });
  await on.settle();
  assertEquals(on.session.host.connectionCount, 0);
  const none = await on.tells("/api/faults", { spec: "" });
  assertEquals([none.status, none.json.faults], [200, null]);
  // The SYN is sent again after a second.
  const connection = await on.get(connecting);
  assertEquals(await on.talks(connection, "now"), "now");
  const once = await on.tells("/api/faults", { once: "hold:any:2s" });
  assertEquals(once.json.pending, ["hold:any:2s"]);
  const cleared = await on.tells("/api/faults", { clear: true });
  assertEquals(cleared.json.pending, []);
});

Deno.test("paused, the server takes nothing until a step; resumed, all", async () => {
  await using on = new PageScene();
  on.begins();
  const connection = await on.opens();
  assertEquals((await on.tells("/api/step", {})).status, 409);
  assertEquals((await on.tells("/api/pause", {})).json.isPaused, true);
  await on.get(connection.write(new Uint8Array(3)));
  await on.settle();
  const bytesIn = () => on.session.host.connections()[0].info().bytesIn;
  assertEquals(bytesIn(), 0);
  assertEquals((await on.tells("/api/step", {})).json.isPaused, true);
  await on.settle();
  assertEquals(bytesIn(), 3);
  await on.get(connection.write(new Uint8Array(4)));
  await on.settle();
  assertEquals(bytesIn(), 3);
  assertEquals((await on.tells("/api/resume", {})).json.isPaused, false);
  await on.settle();
  assertEquals(bytesIn(), 7);
});

Deno.test("why: what a row, a rule or a state means", async () => {
  await using on = new PageScene();
  on.begins();
  const { text } = await on.asks("/api/why/listen.syn");
  const answers: { kind: string; source: string[] }[] = JSON.parse(text);
  assertEquals(answers.map(({ kind }) => kind), ["row"]);
  assert(answers[0].source[0].startsWith("src/tcp/arrives_listen.ts:"), text);
  assertEquals((await on.asks("/api/why/nothing")).text, "[]");
});

Deno.test("POST /api/apps gives a port another application; what is no port or no application is refused in one line", async () => {
  await using on = new PageScene();
  on.begins();
  assertEquals(await on.tells("/api/apps", { port: 7, app: "discard" }), {
    status: 200,
    json: { port: 7, app: "discard" },
  });
  assertEquals(on.app, "discard");
  const unknown = await on.tells("/api/apps", { port: 7, app: "rm" });
  assertEquals([unknown.status, String(unknown.json.error).includes("echo, discard")], [400, true]);
  assertEquals(await on.tells("/api/apps", { port: 8, app: "echo" }), {
    status: 404,
    json: { error: "Nobody listens on port 8" },
  });
  for (const body of [null, [], "7", { port: "7", app: "echo" }, { port: 7 }]) {
    assertEquals((await on.tells("/api/apps", body)).status, 400, JSON.stringify(body));
  }
  assertEquals(on.app, "discard");
});

Deno.test("what a page's turn or message throws ends nothing: it is said once, and the page goes on when it is over", async () => {
  await using on = new PageScene();
  let isBad = false;
  const { subject } = on;
  const speaker = {
    ...subject.speaker,
    appOf: () => {
      if (isBad) throw new Error("no such thing");
      return "echo";
    },
  };
  on.page.show({ ...subject, speaker });
  await using stream = new PageStream(on);
  await stream.hello();
  await on.opens();
  isBad = true;
  for (let i = 0; i < 3; i++) on.turn?.();
  // Another that comes now, and asks for something.
  await using other = new PageStream(on);
  await until(() => other.socket.readyState === WebSocket.OPEN, on);
  assertEquals(on.told, [
    "The live page has failed: no such thing (a defect of tcplab's live page: the server goes on)",
  ]);
  assertEquals((await on.asks("/api/connections/1")).status, 500);
  isBad = false;
  await on.opens();
  on.turn?.();
  assertEquals((await stream.batch()).rows.map(({ id }) => id), [2]);
});

async function until(holds: () => boolean, on: PageScene): Promise<void> {
  while (!holds()) await on.asks("/");
}
