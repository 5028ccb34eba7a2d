/** The live page's stream: what a page is told, how much, and that nobody pays while nobody looks. */
import { assert, assertEquals } from "@std/assert";
import { KeptRows } from "../../src/page/kept_rows.ts";
import type { BatchMessage } from "../../src/story/page_messages.ts";
import type { EventInterest } from "../../src/tcp/events.ts";
import { hubOn, SlowSocket } from "./hub_scene.ts";
import { PageScene, PageStream } from "./page_scene.ts";

Deno.test("a page hears hello, rows that are new, and the events of the connection that it asks for, from the SYN on", async () => {
  await using on = new PageScene();
  on.begins();
  await using stream = new PageStream(on);
  const hello = await stream.hello();
  assertEquals([hello.version, hello.rows, hello.connections], ["1.2.3", [], 0]);
  assertEquals(hello.server.listeners, [{ port: 7, app: "echo", state: "LISTEN" }]);
  assertEquals(hello.controls, {
    faults: null,
    pending: [],
    isPaused: false,
    waiting: 0,
    ports: [{ port: 7, app: "echo" }],
    applications: ["echo", "discard"],
  });
  await on.opens();
  await on.opens();
  on.turn?.();
  const first = await stream.batch();
  assertEquals(first.rows.map(({ id, state, app }) => [id, state, app]), [
    [1, "ESTABLISHED", "echo"],
    [2, "ESTABLISHED", "echo"],
  ]);
  assertEquals([first.events, first.figures, first.lost], [[], null, 0]);
  // The figures tell when the wish has arrived.
  stream.socket.send('{"subscribe":2}');
  let told = await nextWith({ on, stream }, ({ figures }) => figures !== null);
  assertEquals(told.figures?.id, 2);
  const events = told.events.map((event) =>
    event.event === "segment" ? event.flags.join(",") : event.event === "transition" ? event.row : event.event
  );
  assertEquals(events, ["SYN", "listen.syn", "SYN,ACK", "ACK", "syn-rcvd.ack"]);
  assert(told.events.every((event) => "id" in event && event.id === 2));
  assertEquals((await on.tells("/api/connections/2/abort", {})).status, 200);
  await on.settle();
  told = await nextWith({ on, stream }, ({ ended }) => ended.length > 0);
  assertEquals(told.ended.map(({ id, reason }) => [id, reason]), [[2, "reset-by-us"]]);
  assertEquals(told.events.map(({ event }) => event), ["transition", "segment", "closed"]);
  on.turn?.();
  on.turn?.();
  assertEquals(stream.left, 0);
});

/** The next batch that is the one: the server reads wishes in its own time, and a turn without news makes no batch. */
async function nextWith(
  { on, stream }: { readonly on: PageScene; readonly stream: PageStream },
  isIt: (batch: BatchMessage) => boolean,
): Promise<BatchMessage> {
  for (;;) {
    on.turn?.();
    await on.asks("/");
    while (stream.left > 0) {
      const batch = await stream.batch();
      if (isIt(batch)) return batch;
    }
  }
}

Deno.test("while nobody looks no event is made; a page that goes leaves nothing behind, ten seconds later", async () => {
  await using on = new PageScene();
  let left = 0;
  const { hub, turns } = hubOn(on, () => left++);
  assertEquals(on.session.host.observer, null);
  const socket = new SlowSocket();
  const client = hub.add(socket);
  assert(client !== null);
  assert(on.session.host.observer !== null);
  assertEquals([turns.left, hub.clients], [1, 1]);
  hub.remove(client);
  hub.remove(client);
  for (let i = 0; i < 199; i++) hub.turn();
  assert(on.session.host.observer !== null);
  assertEquals([turns.left, hub.clients, left], [1, 0, 0]);
  hub.turn();
  assertEquals([on.session.host.observer, turns.left, hub.clients, left], [null, 0, 0, 1]);
});

Deno.test("a slow page loses the oldest, is told how many, and is sent no more than it takes", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const [slow, quick] = [new SlowSocket(), new SlowSocket()];
  const clients = [hub.add(slow), hub.add(quick)];
  const connection = await on.opens();
  for (const client of clients) if (client !== null) hub.subscribe(client, 1);
  hub.turn();
  slow.take();
  quick.take();
  slow.bufferedAmount = 1e9;
  let made = 0;
  const leave = on.session.stack.observe((event) =>
    void ("id" in event && event.id === 1 && event.event !== "data" && made++)
  );
  let heard = 0;
  // For fewer turns than a page that takes nothing is waited for.
  for (let i = 0; i < 500; i++) {
    assertEquals(await on.talks(connection, "0123456789"), "0123456789");
    assertEquals(await on.talks(connection, "0123456789"), "0123456789");
    hub.turn();
    for (const batch of quick.batches()) {
      assertEquals(batch.lost, 0);
      assert(batch.events.length <= 256);
      heard += batch.events.length;
    }
  }
  leave();
  hub.turn();
  for (const batch of quick.batches()) heard += batch.events.length;
  assertEquals(heard, made);
  assert(made > 1536, `${made} events are too few to lose any`);
  assertEquals(slow.texts, []);
  slow.take();
  let [late, lost] = [0, 0];
  for (let turns = 0; turns < 40; turns++) {
    hub.turn();
    for (const batch of slow.batches()) {
      late += batch.events.length;
      lost += batch.lost;
    }
  }
  assertEquals([late + lost, lost % 768], [made, 0]);
  assert(late <= 1536 && lost > 0, `${late} late, ${lost} lost`);
  hub.end();
});

Deno.test("who begins to look hears the beginning and the last, and how much is missing between", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const [first, late] = [new SlowSocket(), new SlowSocket()];
  hub.add(first);
  let made = 0;
  on.session.stack.observe((event) =>
    void ("id" in event && event.id === 1 && event.event !== "data" && made++)
  );
  const connection = await on.opens();
  for (let i = 0; i < 200; i++) await on.talks(connection, "0123456789");
  const client = hub.add(late);
  assert(client !== null);
  hub.subscribe(client, 1);
  const batches: BatchMessage[] = [];
  for (let turns = 0; turns < 4; turns++) {
    hub.turn();
    batches.push(...late.batches());
  }
  assertEquals(batches.map((batch) => batch.lost).filter((lost) => lost > 0), []);
  const all = batches.flatMap((batch) => batch.events);
  const events = all.filter(({ event }) => event !== "lost");
  const gaps = all.flatMap((event, place) => event.event === "lost" ? [{ place, count: event.count }] : []);
  assertEquals(events.length, 256);
  // Where they are missing: after the first ones.
  assertEquals(gaps, [{ place: 64, count: made - 256 }]);
  const segments = events.flatMap((event) => event.event === "segment" ? [event.flags.join(",")] : []);
  assertEquals(segments.slice(0, 3), ["SYN", "SYN,ACK", "ACK"]);
  const last = events.findLast((event) => event.event === "segment");
  assert(last?.event === "segment" && last.relAck > 2000, JSON.stringify(last));
  hub.end();
});

Deno.test("of very many connections the newest are told, within bounds, and those that give way are gone", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  hub.add(socket);
  for (let i = 0; i < 320; i++) {
    await on.opens();
    if (i % 40 === 39) hub.turn();
  }
  const known = new Set<number>();
  for (let turns = 0; turns < 20; turns++) {
    hub.turn();
    for (const batch of socket.batches()) {
      assert(batch.rows.length <= 300);
      for (const { id } of batch.rows) known.add(id);
      for (const id of batch.gone) known.delete(id);
    }
  }
  assertEquals([known.size, Math.min(...known), Math.max(...known)], [300, 21, 320]);
  const late = new SlowSocket();
  hub.add(late);
  const [hello] = late.take();
  assert(hello.type === "hello");
  assertEquals([hello.rows.length, hello.connections], [300, 320]);
  hub.end();
});

Deno.test("a page that does not read: what waits for it is bounded, and then it knows every row's end", async () => {
  await using on = new PageScene();
  let asked = 0;
  const { speaker } = on.subject;
  const { hub } = hubOn({ subject: { ...on.subject, speaker: { ...speaker, appOf: () => `${asked++}` } } });
  const socket = new SlowSocket();
  const client = hub.add(socket);
  assert(client !== null);
  const first = await on.opens();
  hub.subscribe(client, 1);
  const rows = new KeptRows();
  rows.select(1);
  const opened = [first];
  for (let i = 0; i < 299; i++) opened.push(await on.opens());
  for (let turns = 0; turns < 8; turns++) {
    hub.turn();
    for (const batch of socket.batches()) rows.take(batch);
  }
  assertEquals([rows.all().length, rows.all().some(({ isOver }) => isOver)], [300, false]);
  // From here on it reads nothing; all that it shows end, and two thousand more come and go.
  socket.bufferedAmount = 1e9;
  first.abort();
  await on.settle();
  for (const connection of opened) connection.abort();
  await on.settle();
  asked = 0;
  for (let i = 0; i < 2000; i++) {
    const connection = await on.opens();
    if (i % 50 === 49) hub.turn();
    connection.abort();
    await on.settle();
  }
  // Forty turns, in which nothing is made.
  assertEquals([socket.texts, asked], [[], 0]);
  const last = await on.opens();
  socket.take();
  hub.turn();
  const [batch, ...more] = socket.batches();
  assertEquals(more, []);
  assertEquals(batch.ended.length, 64);
  // What it looks at is told before all others; of those that it never heard of, nothing is taken back.
  assertEquals(batch.ended[0].id, 1);
  assertEquals(batch.gone, Array.from({ length: 299 }, (_, at) => at + 2));
  assert(batch.rows.length <= 65, `${batch.rows.length} rows`);
  rows.take(batch);
  const living = rows.all().filter(({ isOver }) => !isOver).map(({ row }) => row.id);
  const over = rows.all().filter(({ isOver }) => isOver).map(({ row }) => row.id).toSorted((a, b) => a - b);
  assertEquals(living, [on.session.host.connections()[0].id]);
  // The one that is looked at, and the last fifty.
  assertEquals([over.length, over[0], over.at(-1)], [51, 1, living[0] - 1]);
  last.abort();
  await on.settle();
  hub.turn();
  for (const batch of socket.batches()) rows.take(batch);
  assertEquals(rows.all().filter(({ isOver }) => !isOver), []);
  hub.end();
});

Deno.test("two thousand connections that come and go between two turns leave no row without an end", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  hub.add(socket);
  const rows = new KeptRows();
  const turn = () => {
    hub.turn();
    for (const batch of socket.batches()) rows.take(batch);
  };
  for (let i = 0; i < 2000; i++) {
    const connection = await on.opens();
    // Some have been told of by then.
    if (i % 100 < 20) turn();
    connection.abort();
    if (i % 100 === 99) await on.settle();
  }
  await on.settle();
  for (let turns = 0; turns < 20; turns++) turn();
  assertEquals([rows.all().length, rows.all().filter(({ isOver }) => !isOver)], [50, []]);
  turn();
  assertEquals(socket.texts, []);
  hub.end();
});

Deno.test("a page whose socket is closing harms nobody: it is left, and the others are told", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const [closing, other] = [new SlowSocket(), new SlowSocket()];
  hub.add(closing);
  hub.add(other);
  closing.send = () => {
    throw new DOMException("readyState not OPEN", "InvalidStateError");
  };
  await on.opens();
  hub.turn();
  assertEquals([hub.clients, other.batches().length], [1, 1]);
  hub.turn();
  assertEquals(hub.clients, 1);
  hub.end();
});

Deno.test("no more pages than a person has open", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const added = Array.from({ length: 17 }, () => hub.add(new SlowSocket()));
  assertEquals(added.map((client) => client !== null), [...new Array(16).fill(true), false]);
  hub.end();
});

Deno.test("a message that is no wish ends the stream, and nothing else", async () => {
  await using on = new PageScene();
  on.begins();
  for (const message of ["", "{}", "7", '{"subscribe":"1"}', `{"subscribe":${"1".repeat(300)}}`, "\u0000"]) {
    const stream = new PageStream(on);
    await stream.hello();
    stream.socket.send(message);
    assertEquals((await stream.closed).code, 1008, message);
  }
  await using stream = new PageStream(on);
  assertEquals((await stream.hello()).type, "hello");
});

Deno.test("in a burst the first events of each turn are made, the others counted at their place; a repetition is always told", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  const client = hub.add(socket);
  assert(client !== null);
  const connection = await on.opens();
  hub.subscribe(client, 1);
  hub.turn();
  socket.take();
  const { info } = on.session.host.connections()[0];
  const segments = () => {
    const { segmentsIn, segmentsOut } = info.call(on.session.host.connections()[0]);
    return segmentsIn + segmentsOut;
  };
  const before = segments();
  for (let i = 0; i < 800; i++) await on.talks(connection, "0123456789");
  const made = segments() - before;
  assert(made > 1200, `${made} segments are no burst`);
  const first: BatchMessage["events"][number][] = [];
  // They leave in batches of a bounded size.
  for (let turns = 0; turns < 8; turns++) {
    hub.turn();
    first.push(...socket.batches().flatMap((batch) => batch.events));
  }
  const told = first.filter(({ event }) => event === "segment").length;
  const lost = first.flatMap((event) => event.event === "lost" ? [event.count] : []);
  assertEquals([told + lost[0], lost.length], [made, 1]);
  assert(told > 900 && told <= 1024, `${told} were told at once`);
  assertEquals(first.at(-1)?.event, "lost");
  // The samples are within their bound, and there are some.
  const samples = first.filter(({ event }) => event === "sample").length;
  assert(samples > 0 && samples <= 256, `${samples} samples`);
  // A new turn, a new measure.
  await on.talks(connection, "again");
  hub.turn();
  const next = socket.batches().flatMap((batch) => batch.events);
  assertEquals(next.filter(({ event }) => event === "lost"), []);
  assert(next.some((event) => event.event === "segment" && event.length === 5), JSON.stringify(next));
  hub.end();
});

Deno.test("while not all of a connection can be told, a page is sent less often; what comes after that, at once", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const follower = new SlowSocket();
  const client = hub.add(follower);
  assert(client !== null);
  const connection = await on.opens();
  hub.subscribe(client, 1);
  hub.turn();
  follower.take();
  // More in each turn than is told at once.
  const turns: number[] = [];
  for (let turn = 0; turn < 60; turn++) {
    for (let i = 0; i < (turn === 0 ? 800 : 30); i++) await on.talks(connection, "0123456789");
    hub.turn();
    if (follower.batches().length > 0) turns.push(turn);
  }
  const waits = turns.slice(1).map((turn, i) => turn - turns[i]);
  // Where there are two processors once a second, else five times.
  const rest = navigator.hardwareConcurrency > 2 ? 4 : 20;
  assert(waits.length >= 2 && waits.every((wait) => wait === rest), waits.join());
  // What waits leaves in batches of a bounded size, one a turn.
  for (let turn = 0; turn < 8; turn++) {
    hub.turn();
    follower.batches();
  }
  await on.talks(connection, "again");
  hub.turn();
  const last = follower.batches().flatMap((batch) => batch.events);
  assert(last.some((event) => event.event === "segment" && event.length === 5), "the burst is over");
  hub.end();
});

Deno.test("ten thousand connections in a burst: what is known of those that are looked at stays, and of others little is kept", async () => {
  await using on = new PageScene();
  let interest: EventInterest | undefined;
  const observe: typeof on.subject.observe = (observer, wanted) => {
    interest = wanted;
    return on.subject.observe(observer, wanted);
  };
  const { hub } = hubOn({ subject: { ...on.subject, observe } });
  const [first, late] = [new SlowSocket(), new SlowSocket()];
  const client = hub.add(first);
  assert(client !== null);
  await on.opens();
  hub.subscribe(client, 1);
  await on.opens();
  const busy = await on.opens();
  for (let i = 0; i < 300; i++) await on.talks(busy, "0123456789");
  const isMissed = (id: number) => interest?.segments(id) === false;
  // The measure is full; the second misses two, and ten thousand that nobody has heard of one each.
  assertEquals([isMissed(2), isMissed(2)], [true, true]);
  for (let id = 1000; id < 11_000; id++) assert(isMissed(id));
  hub.turn();
  const other = hub.add(late);
  assert(other !== null);
  const told = (id: number) => {
    late.take();
    hub.subscribe(other, id);
    hub.turn();
    return late.batches().flatMap(({ events }) => events).flatMap((event) =>
      event.event === "lost" ? [`${event.count}`] : event.event === "transition" ? [event.row] : []
    );
  };
  assertEquals(told(1), ["listen.syn", "syn-rcvd.ack"]);
  assertEquals(told(2), ["listen.syn", "syn-rcvd.ack", "2"]);
  // Notes are kept of the newest.
  assertEquals([told(1000), told(10_699), told(10_999)], [[], [], ["1"]]);
  hub.end();
});

Deno.test("of many wishes in a turn the first is told and the last counts; a page that has thousands is closed", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  const client = hub.add(socket);
  assert(client !== null);
  await on.opens();
  await on.opens();
  await on.opens();
  const told = () => {
    hub.turn();
    return socket.batches().map(({ subscribed, begins }) => [subscribed, begins]);
  };
  for (const id of [1, 2, 3]) assertEquals(hub.subscribe(client, id), true);
  assertEquals(client.subscribed, 1);
  assertEquals(told(), [[3, true]]);
  assertEquals(hub.subscribe(client, 2), true);
  assertEquals(client.subscribed, 2);
  assertEquals(told(), [[2, true]]);
  for (let i = 0; i < 999; i++) assertEquals(hub.subscribe(client, 1 + i % 3), true);
  assertEquals([hub.subscribe(client, null), hub.subscribe(client, null)], [true, false]);
  hub.end();
  on.begins();
  const stream = new PageStream(on);
  await stream.hello();
  for (let i = 0; i < 1001; i++) stream.socket.send('{"subscribe":1}');
  const { code, reason } = await stream.closed;
  assertEquals([code, reason], [1008, "too many wishes"]);
});
