/** What is done from a page and outlives it: a pause does not, and whoever sits at the server hears of all of it. */
import { assert, assertEquals } from "@std/assert";
import { PageNotices } from "../../src/web/page_notices.ts";
import { PageScene, PageStream } from "./page_scene.ts";

const PAUSED =
  "paused: Paused from the live page: no frame that comes in is taken, ARP and neighbour discovery excepted, until it is resumed there, or the " +
  "last page is closed";

/** Until the page's server has heard that a stream is closed: it says how many there are. */
async function until(on: PageScene, pages: number): Promise<void> {
  while (on.page.pages !== pages) await on.asks("/");
}

function turns(on: PageScene, count: number): void {
  for (let i = 0; i < count; i++) on.turn?.();
}

Deno.test("a pause goes with the last page, some seconds later: one that is loaded anew finds it", async () => {
  await using on = new PageScene();
  on.begins();
  const first = new PageStream(on);
  await first.hello();
  const second = new PageStream(on);
  await second.hello();
  assertEquals((await on.tells("/api/pause", {})).status, 200);
  assertEquals((await on.tells("/api/pause", {})).status, 200);
  assertEquals(on.told, [PAUSED]);
  await first[Symbol.asyncDispose]();
  await until(on, 1);
  turns(on, 300);
  assertEquals(on.session.injector?.isPaused, true);
  await second[Symbol.asyncDispose]();
  await until(on, 0);
  turns(on, 100);
  // It is loaded anew.
  const third = new PageStream(on);
  assertEquals((await third.hello()).controls?.isPaused, true);
  turns(on, 300);
  await third[Symbol.asyncDispose]();
  await until(on, 0);
  turns(on, 199);
  assertEquals([on.session.injector?.isPaused, on.told.length], [true, 1]);
  turns(on, 1);
  assertEquals(on.session.injector?.isPaused, false);
  assertEquals(on.told.slice(1), ["resumed: Resumed: no live page has been open for 10 seconds"]);
  assertEquals(on.turn, null);
});

/** Pauses as a page does, which a browser says. */
async function pauses(on: PageScene): Promise<void> {
  const init = { method: "POST", headers: { origin: on.address.origin } };
  assertEquals((await on.asks("/api/pause", init)).status, 200);
  assertEquals(on.told.splice(0), [PAUSED]);
}

/** The pause goes on for so many turns, and ends with the next. */
function endsAfter(on: PageScene, count: number): void {
  turns(on, count);
  assertEquals(on.session.injector?.isPaused, true);
  turns(on, 1);
  assertEquals([on.session.injector?.isPaused, on.told.splice(0), on.turn], [
    false,
    ["resumed: Resumed: no live page has been open for 10 seconds"],
    null,
  ]);
}

Deno.test("a pause of a page whose stream is not there yet is the page's, whether it comes or not", async () => {
  await using on = new PageScene();
  on.begins();
  await pauses(on);
  endsAfter(on, 199);
  await pauses(on);
  turns(on, 199);
  const stream = new PageStream(on);
  assertEquals((await stream.hello()).controls?.isPaused, true);
  turns(on, 300);
  await stream[Symbol.asyncDispose]();
  await until(on, 0);
  endsAfter(on, 199);
});

Deno.test("a pause of a page whose stream is broken is the page's", async () => {
  await using on = new PageScene();
  on.begins();
  const stream = new PageStream(on);
  await stream.hello();
  await stream[Symbol.asyncDispose]();
  await until(on, 0);
  turns(on, 100);
  await pauses(on);
  endsAfter(on, 199);
});

Deno.test("a pause that a program made, or the screen of the terminal, is theirs", async () => {
  await using on = new PageScene();
  on.begins();
  const { injector } = on.session;
  assert(injector !== null);
  const comesAndGoes = async () => {
    const stream = new PageStream(on);
    await stream.hello();
    await stream[Symbol.asyncDispose]();
    await until(on, 0);
    turns(on, 200);
  };
  assertEquals((await on.tells("/api/pause", {})).status, 200);
  assertEquals(on.told.splice(0), [
    "paused: Paused by POST: no frame that comes in is taken, ARP and neighbour discovery excepted, until POST /api/resume",
  ]);
  await comesAndGoes();
  assertEquals([injector.isPaused, on.told], [true, []]);
  assertEquals((await on.tells("/api/resume", {})).status, 200);
  assertEquals(on.told.splice(0), ["resumed: Resumed by POST: frames are taken again"]);
  // The screen's, after the page's has been resumed there.
  const stream = new PageStream(on);
  await stream.hello();
  await on.tells("/api/pause", {});
  injector.resume();
  turns(on, 1);
  injector.pause();
  await stream[Symbol.asyncDispose]();
  await until(on, 0);
  turns(on, 200);
  assertEquals([injector.isPaused, on.told], [true, [PAUSED]]);
  injector.resume();
});

Deno.test("a server that ends takes frames again, and is steered from no page any more", async () => {
  await using on = new PageScene();
  on.begins();
  await using stream = new PageStream(on);
  await stream.hello();
  await on.tells("/api/pause", {});
  on.page.ends();
  assertEquals(on.session.injector?.isPaused, false);
  assertEquals(on.told, [PAUSED, "resumed: Resumed: the server ends"]);
  for (const path of ["/api/pause", "/api/step", "/api/faults", "/api/connections/1/abort"]) {
    assertEquals(await on.asks(path, { method: "POST" }).then(({ status, text }) => [status, text]), [
      503,
      "The server ends\n",
    ]);
  }
  assertEquals(on.session.injector?.isPaused, false);
  // The last is to be seen nevertheless.
  assertEquals((await on.asks("/api/snapshot")).status, 200);
});

Deno.test("faults and applications that are changed from a page are said at the server, when they differ", async () => {
  await using on = new PageScene();
  on.begins();
  for (let i = 0; i < 2; i++) await on.tells("/api/faults", { spec: "in:drop=1%" });
  await on.tells("/api/faults", { once: "drop:fin" });
  for (let i = 0; i < 2; i++) await on.tells("/api/faults", { spec: "" });
  for (let i = 0; i < 2; i++) await on.tells("/api/apps", { port: 7, app: "discard" });
  assertEquals(on.told, [
    "faults-changed: Frames are disturbed on purpose, as the live page asks: in drop 1 %; out nothing; seed 1",
    "faults-changed: Nothing is done to frames any more, as the live page asks",
    "application-changed: Port 7 serves discard, as the live page asks: connections that begin from now on",
  ]);
});

Deno.test("a thousand changes at once are a few lines, the last of them among these", () => {
  const told: string[] = [];
  let second: (() => void) | null = null;
  const notices = new PageNotices({
    tell: (kind, message) => void told.push(`${kind} ${message}`),
    repeat: (act) => {
      second = act;
      return () => void (second = null);
    },
  });
  const pass = () => {
    if (second !== null) second();
  };
  for (let i = 1; i <= 1000; i++) notices.tell("k", `${i}`);
  assertEquals(told.splice(0), ["k 1", "k 2", "k 3", "k 4", "k 5"]);
  pass();
  assertEquals(told.splice(0), ["k 1000 (and 994 more from there before it)"]);
  notices.tell("k", "one");
  assertEquals(told.splice(0), []);
  pass();
  assertEquals(told.splice(0), ["k one"]);
  // After a rest no clock runs, and as many may be said as in the beginning.
  for (let i = 0; i < 5; i++) pass();
  assertEquals(second, null);
  for (let i = 1; i <= 7; i++) notices.tell("k", `${i}`);
  notices.end();
  assertEquals(told, ["k 1", "k 2", "k 3", "k 4", "k 5", "k 7 (and 1 more from there before it)"]);
  assertEquals(second, null);
});
