/** Which rows and controls pages are told of: once each, the newest, and again after a page has come back. */
import { assert, assertEquals } from "@std/assert";
import { KeptRows } from "../../src/page/kept_rows.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { hubOn, SlowSocket } from "./hub_scene.ts";
import { PageScene } from "./page_scene.ts";

Deno.test("of more connections than are shown the newest stay, whatever an old one does", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  hub.add(socket);
  const rows = new KeptRows();
  const turns = (count: number) => {
    for (let i = 0; i < count; i++) {
      hub.turn();
      for (const batch of socket.batches()) rows.take(batch);
    }
  };
  const opened: Connection[] = [];
  for (let i = 0; i < 400; i++) {
    opened.push(await on.opens());
    if (i % 40 === 39) turns(1);
  }
  turns(10);
  const numbers = () =>
    rows.all().flatMap(({ row, isOver }) => isOver ? [] : [row.id]).toSorted((a, b) => a - b);
  const newest = Array.from({ length: 300 }, (_, at) => at + 101);
  assertEquals(numbers(), newest);
  // Old ones, which have given way, change their states; they are not over, for they have not read what was echoed.
  for (const old of opened.slice(0, 20)) {
    on.session.host.connections().find(({ id }) => id === opened.indexOf(old) + 1)?.close();
  }
  await on.settle();
  turns(10);
  assertEquals(numbers(), newest);
  // A new one still comes.
  await on.opens();
  turns(2);
  assertEquals(numbers(), [...newest.slice(1), 401]);
  hub.end();
});

Deno.test("who comes when there are more than are shown is told of the newest, and of none before them later", async () => {
  await using on = new PageScene();
  const opened: Connection[] = [];
  for (let i = 0; i < 320; i++) opened.push(await on.opens());
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  hub.add(socket);
  const [hello] = socket.take();
  assert(hello.type === "hello");
  assertEquals([hello.rows.length, hello.rows[0].id, hello.rows.at(-1)?.id], [300, 21, 320]);
  await on.get(opened[0].closeWrite());
  await on.settle();
  hub.turn();
  assertEquals(socket.batches().flatMap(({ rows, gone }) => [...rows.map(({ id }) => id), ...gone]), []);
  hub.end();
});

Deno.test("controls are told when they differ from what was told, and only then; of very many ports some", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const [socket, other] = [new SlowSocket(), new SlowSocket()];
  const client = hub.add(socket);
  assert(client !== null);
  const [hello] = socket.take();
  assertEquals(hello.controls?.ports, [{ port: 7, app: "echo" }]);
  const connection = await on.opens();
  hub.subscribe(client, 1);
  for (let i = 0; i < 20; i++) {
    await on.talks(connection, "0123456789");
    hub.turn();
  }
  const told = socket.batches();
  assertEquals([told.length, told.filter((batch) => "controls" in batch)], [20, []]);
  on.session.injector?.pause();
  hub.turn();
  hub.turn();
  assertEquals(socket.batches().flatMap(({ controls }) => controls?.isPaused ?? []), [true]);
  // Who comes later hears it at once, and not again.
  hub.add(other);
  const [first] = other.take();
  assertEquals([first.type, first.controls?.isPaused], ["hello", true]);
  hub.turn();
  assertEquals(other.batches(), []);
  on.session.injector?.resume();
  for (let port = 1000; port < 1500; port++) on.session.host.listen({ port, accept: () => ({}) });
  hub.turn();
  assertEquals(other.batches().map(({ controls }) => controls?.ports?.length), [64]);
  hub.end();
});

Deno.test("one page alone whose stream breaks finds everything as it was when it comes back, what ended meanwhile too", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const before = new SlowSocket();
  const client = hub.add(before);
  assert(client !== null);
  const connection = await on.opens();
  hub.subscribe(client, 1);
  await on.talks(connection, "hello");
  hub.turn();
  const told = before.batches().flatMap(({ events }) => events);
  assert(told.length > 5);
  hub.remove(client);
  // Nine seconds, in which it says more, and is over.
  for (let i = 0; i < 90; i++) hub.turn();
  assertEquals(await on.talks(connection, "again"), "again");
  connection.abort();
  await on.settle();
  for (let i = 0; i < 90; i++) hub.turn();
  const after = new SlowSocket();
  const again = hub.add(after);
  assert(again !== null);
  const [hello] = after.take();
  assert(hello.type === "hello");
  assertEquals([hello.rows, hello.ended?.map(({ id, reason }) => [id, reason])], [[], [[
    1,
    "reset-by-peer",
  ]]]);
  hub.subscribe(again, 1);
  hub.turn();
  const [batch] = after.batches();
  assertEquals([batch.begins, batch.lost], [true, 0]);
  // The charts' figures stand where they belong in time; everything else comes in the order in which it was told.
  const unsampled = (events: typeof told) => events.filter(({ event }) => event !== "sample");
  assertEquals(unsampled([...batch.events]).slice(0, unsampled(told).length), unsampled(told));
  assertEquals(batch.events.findLast(({ event }) => event !== "sample")?.event, "closed");
  assert(batch.events.some((event) => event.event === "segment" && event.relSeq === 6 && event.length === 5));
  // Once more alone, and too long: nothing is known any more.
  hub.remove(again);
  for (let i = 0; i < 200; i++) hub.turn();
  const late = new SlowSocket();
  hub.add(late);
  const [fresh] = late.take();
  assert(fresh.type === "hello");
  assertEquals([fresh.rows, fresh.ended], [[], []]);
  hub.end();
});

Deno.test("a page that takes nothing for half a minute is closed, and has not been there", async () => {
  await using on = new PageScene();
  let left = 0;
  const { hub, turns } = hubOn(on, () => left++);
  const socket = new SlowSocket();
  hub.add(socket);
  socket.bufferedAmount = 1e9;
  for (let i = 0; i < 599; i++) hub.turn();
  assertEquals([socket.closed, hub.clients], [[], 1]);
  // It has taken something after all.
  socket.take();
  hub.turn();
  socket.bufferedAmount = 1e9;
  for (let i = 0; i < 599; i++) hub.turn();
  assertEquals([socket.closed, hub.clients, left], [[], 1, 0]);
  hub.turn();
  assertEquals([socket.closed, hub.clients, left], [[1001], 0, 0]);
  for (let i = 0; i < 200; i++) hub.turn();
  assertEquals([turns.left, left], [0, 1]);
});
