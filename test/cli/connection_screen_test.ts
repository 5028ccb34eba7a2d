/**
 * `serve --log tui` on a terminal of the test's: what is seen, what keys do, and that it holds nobody up.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import process from "node:process";
import { ConnectionScreen, PICTURE_MS } from "../../src/cli/connection_screen.ts";
import { parseExpression } from "../../src/observe/event_expression.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { PageScene } from "../web/page_scene.ts";
import { FakeTerminal } from "./fake_terminal.ts";

/** A server, a terminal of 80 columns and 24 rows, and a screen on it. */
class Scene implements AsyncDisposable {
  readonly page = new PageScene();
  readonly terminal: FakeTerminal;
  readonly screen: ConnectionScreen;
  #act: (() => void) | null = null;
  #nowMs = 0;
  every = 0;

  constructor({ columns = 80, rows = 24, only }: { columns?: number; rows?: number; only?: string } = {}) {
    this.terminal = new FakeTerminal(columns, rows);
    this.screen = new ConnectionScreen({
      device: this.terminal,
      color: true,
      isUtf8: true,
      only: only === undefined ? null : parseExpression(only),
      nowMs: () => this.#nowMs,
      repeat: (act, ms) => {
        this.every = ms;
        this.#act = act;
        return () => this.#act = null;
      },
    });
  }

  /** Lets a turn go by, and the terminal take what there is. */
  async turn(ms = PICTURE_MS): Promise<readonly string[]> {
    this.#nowMs += ms;
    this.#act?.();
    await this.settle();
    return this.terminal.lines;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  /** Whether turns are still asked for. */
  get isTurning(): boolean {
    return this.#act !== null;
  }

  async begin(): Promise<void> {
    await this.settle();
    this.screen.show(this.page.subject);
    await this.settle();
  }

  async press(keys: string): Promise<readonly string[]> {
    await this.terminal.type(keys);
    return await this.turn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen.close();
    await this.page[Symbol.asyncDispose]();
  }
}

/** Milliseconds that the processors have worked for this process from now on: others that have them meanwhile take nothing of that. */
function work(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}

/** Which port the client has does not matter. */
function withoutPorts(lines: readonly string[]): string[] {
  return lines.map((line) => line.replaceAll(/(10\.0\.0\.2:)\d{5}/g, "$1PPPPP"));
}

Deno.test("screen: nobody, then a connection with the states of both ends, then its end", async () => {
  await using scene = new Scene();
  await scene.begin();
  assertEquals(scene.terminal.lines[0], "tcplab 4711 on memory  10.0.0.1  0 connections");
  assertEquals(scene.terminal.lines[2], "Nobody has connected yet.");
  assertEquals(scene.terminal.lines.length, 24);
  const connection = await scene.page.opens();
  await scene.page.talks(connection, "hello");
  const seen = withoutPorts(await scene.turn());
  assertEquals(seen[0], "tcplab 4711 on memory  10.0.0.1  1 connection");
  assertEquals(seen[1].trim().split(/\s{2,}/).slice(0, 5), [
    "#▼",
    "Recv-Q",
    "Send-Q",
    "Local Address",
    "Foreign Address",
  ]);
  assertMatch(seen[2], /^> +1 +0 +0 +10\.0\.0\.1:7 +10\.0\.0\.2:PPPPP +ESTABLISHED +echo/);
  assertMatch(seen[3], /^── #1 10\.0\.0\.1:7 10\.0\.0\.2:PPPPP ESTABLISHED ─+$/);
  assertEquals(seen[3].length, 80);
  const ladder = seen.slice(5).filter((line) => line.includes("│"));
  assertMatch(ladder[0], /│ LISTEN$/);
  assertMatch(ladder[1], /^\d\.\d{3} #1 +SYN_SENT +│── SYN .*►│ SYN_RCVD$/);
  assertMatch(ladder[2], /#2 +ESTABLISHED +│◄─ SYN,ACK /);
  assertMatch(ladder[3], /#3 +│── ACK .*►│ ESTABLISHED$/);
  assert(ladder.some((line) => line.includes("PSH,ACK  seq 1  ack 1  len 5")), ladder.join("\n"));
  await scene.page.get(connection.closeWrite());
  await scene.page.settle();
  const ended = withoutPorts(await scene.turn());
  assert(ended.some((line) => line.includes("CLOSE_WAIT")), ended.join("\n"));
});

Deno.test("screen: with a live page its address stands below the title for good, without one nothing does", async () => {
  await using scene = new Scene();
  await scene.settle();
  const address = `http://127.0.0.1:8033/?token=${"0".repeat(32)}`;
  scene.screen.show(scene.page.subject, address);
  await scene.settle();
  assertEquals(scene.terminal.lines[1], `Live page: ${address}`);
  await scene.page.opens();
  const lines = await scene.turn(60_000);
  assertEquals([lines[0], lines[1]], [
    "tcplab 4711 on memory  10.0.0.1  1 connection",
    `Live page: ${address}`,
  ]);
});

Deno.test("screen: j and k choose, the newest is followed until then; g follows it again", async () => {
  await using scene = new Scene();
  await scene.begin();
  for (let i = 0; i < 3; i++) await scene.page.opens();
  const pointed = (lines: readonly string[]) =>
    lines.find((line) => line.startsWith("> "))?.trim().split(/\s+/)[1];
  assertEquals(pointed(await scene.turn()), "3");
  assertEquals(pointed(await scene.press("j")), "2");
  assertEquals(pointed(await scene.press("\x1b[B")), "1");
  assertEquals(pointed(await scene.press("j")), "1");
  assertEquals(pointed(await scene.press("kk")), "3");
  assertEquals(pointed(await scene.press("j")), "2");
  await scene.page.opens();
  assertEquals(pointed(await scene.turn()), "2");
  assertEquals(pointed(await scene.press("g")), "4");
});

Deno.test("screen: s sorts by the next column, S by the one before, r turns it around", async () => {
  await using scene = new Scene({ columns: 130 });
  await scene.begin();
  const first = await scene.page.opens();
  await scene.page.opens();
  await scene.page.talks(first, "hello");
  const order = (
    lines: readonly string[],
  ) => [
    lines[1].match(/\S+(?: \S+)?(?=[▲▼])/)?.[0],
    ...lines.slice(2, 4).map((line) => line.slice(2).trim()[0]),
  ];
  assertEquals(order(await scene.turn()), ["#", "2", "1"]);
  assertEquals(order(await scene.press("r")), ["#", "1", "2"]);
  assertEquals(order(await scene.press("SSSS")), ["In", "2", "1"]);
  assertEquals(order(await scene.press("r")), ["In", "1", "2"]);
  assertEquals(order(await scene.press("s")), ["Out", "2", "1"]);
});

Deno.test("screen: a aborts, c closes, and what cannot be is said", async () => {
  await using scene = new Scene();
  await scene.begin();
  assertEquals((await scene.press("a")).at(-1), "There is no connection");
  const one = await scene.page.opens();
  await scene.turn();
  assertEquals((await scene.press("c")).at(-1), "#1 closed: FIN follows what is still to be sent");
  await scene.page.settle();
  assert((await scene.turn()).some((line) => /FIN_WAIT_[12]/.test(line)));
  await scene.page.get(one.closeWrite());
  await scene.page.opens();
  await scene.turn();
  assertEquals((await scene.press("ga")).at(-1), "#2 aborted: RST sent");
  await scene.page.settle();
  const lines = await scene.turn();
  assert(lines.some((line) => /RST/.test(line)), lines.join("\n"));
  assertEquals((await scene.press("a")).at(-1), "There is no connection 2 (any more)");
  // A notice gives the line back to the keys.
  assertMatch((await scene.turn(6001)).at(-1) ?? "", /^q quit {2}j\/k choose/);
});

Deno.test("screen: p stops the time, n takes a frame, and p again lets all of them through", async () => {
  await using scene = new Scene();
  await scene.begin();
  const { injector } = scene.page.subject;
  assert(injector !== null);
  assertEquals((await scene.press("n")).at(-1), "Not paused: pause first, then step");
  assertMatch((await scene.press("p"))[0], /PAUSED, 0 frames wait$/);
  const opening = scene.page.client.connect({ hostname: "10.0.0.1", port: 7 });
  await scene.page.settle();
  assertMatch((await scene.turn())[0], /PAUSED, 1 frame waits$/);
  await scene.press("n");
  await scene.page.settle();
  assert(injector.isPaused);
  await scene.press("p");
  assert(!injector.isPaused);
  await scene.page.get(opening);
});

Deno.test("screen: q asks for an end, and the terminal is given back as it was", async () => {
  await using scene = new Scene();
  await scene.begin();
  const { terminal } = scene;
  assertEquals([terminal.isRaw, terminal.isAlternate, terminal.isCursorHidden, terminal.isWatched], [
    true,
    true,
    true,
    true,
  ]);
  await scene.press("q");
  await scene.screen.quit;
  await scene.screen.close();
  assertEquals([terminal.isRaw, terminal.isAlternate, terminal.isCursorHidden, terminal.isWatched], [
    false,
    false,
    false,
    false,
  ]);
  assertEquals(scene.isTurning, false);
  const { writes } = terminal;
  await scene.page.opens();
  await scene.settle();
  assertEquals(terminal.writes, writes);
});

Deno.test("screen: a terminal that is slow is given back when it goes on, and waited for once more", async () => {
  await using scene = new Scene();
  await scene.begin();
  const { terminal } = scene;
  terminal.standsStill = true;
  await scene.page.opens();
  await scene.turn();
  assertEquals([await scene.screen.close(), terminal.isRaw, terminal.isAlternate], [false, false, true]);
  const isBack = scene.screen.close();
  terminal.goOn();
  assertEquals([await isBack, terminal.isAlternate, terminal.isCursorHidden], [true, false, false]);
});

Deno.test("screen: an error that nobody catches gives the terminal back too", async () => {
  await using scene = new Scene();
  await scene.begin();
  scene.terminal.endSuddenly();
  assertEquals([scene.terminal.isRaw, scene.terminal.isAlternate, scene.terminal.isCursorHidden], [
    false,
    false,
    false,
  ]);
});

Deno.test("screen: it follows the window, down to one that shows nothing", async () => {
  await using scene = new Scene();
  await scene.begin();
  await scene.page.talks(await scene.page.opens(), "hello");
  await scene.turn();
  for (const [columns, rows] of [[130, 40], [60, 12], [200, 60], [40, 10], [80, 24]] as const) {
    scene.terminal.resize(columns, rows);
    const lines = await scene.turn();
    assertEquals(lines.length, rows);
    assert(lines.every((line) => line.length <= columns), `${columns}: ${lines.join("\n")}`);
    assert(lines.some((line) => line.includes("ESTABLISHED")), `${columns} x ${rows}`);
  }
  scene.terminal.resize(39, 24);
  assertEquals((await scene.turn()).filter((line) => line !== ""), ["Window too small: 40 x 10 at least"]);
  scene.terminal.resize(1, 1);
  assertEquals(await scene.turn(), ["W"]);
});

Deno.test("screen: nothing is drawn where nothing has changed, but figures once a second", async () => {
  await using scene = new Scene();
  await scene.begin();
  assertEquals(scene.every, 50);
  await scene.page.opens();
  await scene.turn();
  const { writes } = scene.terminal;
  for (let i = 0; i < 19; i++) await scene.turn();
  assertEquals(scene.terminal.writes, writes);
});

Deno.test("screen: a terminal that stands still gets one picture, and then the newest", async () => {
  await using scene = new Scene();
  await scene.begin();
  const { terminal } = scene;
  terminal.standsStill = true;
  await scene.page.opens();
  const { writes } = terminal;
  for (let i = 0; i < 50; i++) {
    await scene.turn();
    if (i < 5) await scene.page.opens();
  }
  assertEquals(terminal.writes, writes);
  terminal.goOn();
  await scene.settle();
  assertEquals(terminal.writes, writes + 1);
  assertMatch((await scene.turn())[0], /6 connections$/);
});

Deno.test("screen: a burst of 100,000 segments is two pictures, and what is kept of it is bounded", async () => {
  await using scene = new Scene();
  await scene.begin();
  const connection = await scene.page.opens();
  await scene.turn();
  const { writes } = scene.terminal;
  const heard: TcpEvent[] = [];
  const leave = scene.page.subject.observe((event) => heard.push(event), {
    segments: () => true,
    data: false,
    samples: () => false,
  });
  await scene.page.talks(connection, "x");
  leave();
  const [segment] = heard.filter((event) => event.event === "segment" && event.direction === "recv");
  assert(segment.event === "segment" && segment.segment !== undefined);
  const { host } = scene.page.session;
  const taking = work();
  for (let i = 1; i <= 100_000; i++) {
    host.observer?.({
      ...segment,
      segment: segment.segment + i,
      seq: (segment.seq + i) >>> 0,
      relSeq: segment.relSeq + i,
    });
  }
  await scene.page.settle();
  const tookMs = taking();
  const drawing = work();
  await scene.turn();
  await scene.turn();
  const drewMs = drawing();
  assert(scene.terminal.writes <= writes + 2, `${scene.terminal.writes - writes}`);
  assertMatch(scene.terminal.lines.join("\n"), /══ \d+ segments/);
  // Ten times what it takes, and more; a step that grows with what came is far beyond.
  assert(tookMs < 5000 && drewMs < 200, `${tookMs} ms, pictures ${drewMs} ms`);
});

Deno.test("screen: --only shows those connections alone", async () => {
  await using scene = new Scene({ only: "id 2" });
  await scene.begin();
  await scene.page.opens();
  await scene.page.opens();
  const lines = await scene.turn();
  assertEquals(lines.slice(2, 4).map((line) => line.slice(0, 4)), [">  2", "── #"]);
});

Deno.test("screen: with --only those that it does not show are not looked at again and again", async () => {
  await using scene = new Scene({ only: "id 1" });
  await scene.begin();
  for (let i = 0; i < 20; i++) await scene.page.opens();
  const { host } = scene.page.session;
  const walk = host.newestConnections.bind(host);
  let looked = 0;
  host.newestConnections = function* () {
    for (const connection of walk()) {
      looked++;
      yield connection;
    }
  };
  for (let i = 0; i < 10; i++) assertMatch((await scene.turn(1000))[2], /^> +1 /);
  assert(looked <= 20, `${looked}`);
});

Deno.test("screen: notices stand where the keys do, for a while", async () => {
  await using scene = new Scene();
  await scene.begin();
  const keys = (await scene.turn()).at(-1);
  scene.screen.notice("The ring has lost 3 frames\x1b[2J");
  assertEquals((await scene.turn()).at(-1), "The ring has lost 3 frames?[2J");
  assertEquals((await scene.turn(5900)).at(-1), "The ring has lost 3 frames?[2J");
  assertEquals((await scene.turn(100)).at(-1), keys);
});

Deno.test("screen: a notice that comes while the process stands still is seen as long as any other", async () => {
  await using scene = new Scene();
  await scene.begin();
  const keys = (await scene.turn()).at(-1);
  scene.screen.notice("The ring has lost 3 frames");
  assertEquals((await scene.turn(60_000)).at(-1), "The ring has lost 3 frames");
  assertEquals((await scene.turn(5900)).at(-1), "The ring has lost 3 frames");
  assertEquals((await scene.turn(100)).at(-1), keys);
});

/** That a connection of a stranger has ended, as the host tells it. */
function endOf(id: number): TcpEvent {
  return {
    event: "closed",
    time: id,
    id,
    connection: `10.0.0.1:7-10.0.0.9:${10_000 + id}`,
    reason: "reset-by-peer",
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 1,
    states: ["SYN_RCVD", "ESTABLISHED", "CLOSED"],
  };
}

Deno.test("screen: of those that have ended a hundred are kept, also while the oldest of them is looked at", async () => {
  // So high that all of them have room.
  await using scene = new Scene({ rows: 1000 });
  await scene.begin();
  const { host } = scene.page.session;
  host.observer?.(endOf(1));
  host.observer?.(endOf(2));
  await scene.turn();
  await scene.press("j");
  for (let id = 3; id <= 300; id++) host.observer?.(endOf(id));
  const shown = (await scene.turn()).map((line) => /^(>?) +(\d+) .* CLOSED/.exec(line)).filter((match) =>
    match !== null
  );
  assertEquals(shown.map(([, , id]) => Number(id)), [...Array.from({ length: 99 }, (_, i) => 300 - i), 1]);
  assertEquals(shown.filter(([, sign]) => sign === ">").map(([, , id]) => id), ["1"]);
});

Deno.test("screen: what goes wrong in a picture or at a key is said, and the server goes on", async () => {
  await using scene = new Scene();
  await scene.settle();
  const { subject } = scene.page;
  let isBroken = false;
  const enter = () => {
    if (isBroken) throw new Error("no\nway\x1b[2J");
    subject.speaker.enter();
  };
  scene.screen.show({ ...subject, speaker: { ...subject.speaker, enter } });
  const said = "no way?[2J (a defect of tcplab's screen: the server goes on)";
  await scene.page.opens();
  await scene.turn();
  isBroken = true;
  // The key says it, and the picture after it too.
  assertEquals((await scene.press("a")).filter((line) => line !== ""), [said]);
  isBroken = false;
  const lines = await scene.turn();
  assertMatch(lines[2], /^> +1 .* ESTABLISHED/);
  assertEquals(lines.at(-1), said);
  isBroken = true;
  await scene.terminal.type("a");
  isBroken = false;
  assertMatch((await scene.turn())[2], /^> +1 .* ESTABLISHED/);
  assertEquals((await scene.press("a")).at(-1), "#1 aborted: RST sent");
});

Deno.test("screen: a window whose size is not to be had keeps the one that it had", async () => {
  await using scene = new Scene();
  await scene.begin();
  const size = scene.terminal.size.bind(scene.terminal);
  scene.terminal.size = () => {
    throw new Error("not a terminal");
  };
  scene.terminal.resize(10, 5);
  scene.terminal.size = size;
  scene.terminal.columns = 80;
  scene.terminal.rows = 24;
  assertEquals((await scene.turn(1000)).length, 24);
});
