/** A connection's story out of a stream with holes: what is missing is told as missing, and nothing else is made of it. */
import { assert, assertEquals } from "@std/assert";
import { ConnectionFeed } from "../../src/page/connection_feed.ts";
import { ConnectionTracks } from "../../src/page/flow_tracks.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import type { BatchMessage } from "../../src/story/page_messages.ts";
import { StreamHub } from "../../src/web/stream_hub.ts";
import { hubOn, SlowSocket } from "../web/hub_scene.ts";
import { PageScene } from "../web/page_scene.ts";

/** A page that follows connection 1 through a transfer of so many messages between two turns. */
async function batchesOf(
  messages: number,
  turns: number,
): Promise<{ batches: BatchMessage[]; segments: number }> {
  await using on = new PageScene();
  const hub = new StreamHub({ subject: on.subject, version: "1", repeat: () => () => {}, nowMs: () => 5000 });
  const batches: BatchMessage[] = [];
  const client = hub.add({
    bufferedAmount: 0,
    close: () => {},
    send: (text) => {
      const message = JSON.parse(text);
      if (message.type === "batch") batches.push(message);
    },
  });
  assert(client !== null);
  const connection = await on.opens();
  hub.subscribe(client, 1);
  hub.turn();
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < messages; i++) await on.talks(connection, "0123456789");
    hub.turn();
  }
  // What waits leaves in batches of a bounded size.
  for (let turn = 0; turn < 8; turn++) hub.turn();
  const { segmentsIn, segmentsOut } = on.session.host.connections()[0].info();
  hub.end();
  return { batches, segments: segmentsIn + segmentsOut };
}

Deno.test("segments that were not told leave a hole that is counted, and no mark", async () => {
  const { batches, segments } = await batchesOf(800, 4);
  const feed = new ConnectionFeed(1);
  const tracks = new ConnectionTracks();
  let rows = 0;
  for (const batch of batches) {
    for (const row of feed.take(batch)?.fresh ?? []) {
      tracks.take(row);
      rows++;
    }
  }
  const { story } = feed;
  assert(story !== null);
  assertEquals(rows + feed.lost, segments);
  assert(feed.lost > 1000, `${feed.lost} are few`);
  assertEquals(story.missing.length, 4);
  assertEquals(story.missing.reduce((sum, { events }) => sum + events, 0), feed.lost);
  // Nothing was lost on the wire, so nothing may look as if.
  assertEquals(
    story.segmentRows().flatMap(({ marks, fate }) => [...marks, ...(fate === null ? [] : [fate])]),
    [],
  );
  const [last] = story.segmentRows().slice(-1);
  assertEquals(last.relSeq > 24_000 || last.relAck > 24_000, true);
  assertEquals(tracks.flows.client.resent + tracks.flows.server.resent, 0);
  assertEquals(story.local, "server");
  const { lines, ends } = ladderOf(story);
  assertEquals(ends.server, "10.0.0.1:7");
  assertEquals(lines.some((line) => line.kind === "segment" && line.course !== "arrives"), false);
});

Deno.test("without a hole nothing is missing", async () => {
  const { batches, segments } = await batchesOf(20, 2);
  const feed = new ConnectionFeed(1);
  const rows = batches.reduce((sum, batch) => sum + (feed.take(batch)?.fresh.length ?? 0), 0);
  assertEquals([rows, feed.lost, feed.story?.missing], [segments, 0, []]);
});

Deno.test("a page that comes back is told from the beginning, and its story begins anew; what is told of another is not taken", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const feed = new ConnectionFeed(1);
  const told: boolean[] = [];
  let rows = 0;
  const take = (socket: SlowSocket) => {
    for (const batch of socket.batches()) {
      const taken = feed.take(batch);
      if (taken === null) continue;
      rows = (taken.begins ? 0 : rows) + taken.fresh.length;
      if (batch.events.length > 0) told.push(taken.begins);
    }
  };
  const first = new SlowSocket();
  const client = hub.add(first);
  assert(client !== null);
  // While anybody looks on, what has happened is known.
  hub.add(new SlowSocket());
  const connection = await on.opens();
  const another = await on.opens();
  hub.subscribe(client, 1);
  for (let i = 0; i < 20; i++) {
    await on.talks(connection, "0123456789");
    hub.turn();
    take(first);
  }
  assertEquals(told, [true, ...new Array(19).fill(false)]);
  // The WebSocket breaks, and the page makes another; it hears the beginning while the other's words are under way.
  hub.remove(client);
  const second = new SlowSocket();
  const again = hub.add(second);
  assert(again !== null);
  hub.subscribe(again, 2);
  await on.talks(another, "of another");
  hub.turn();
  hub.subscribe(again, 1);
  await on.talks(connection, "0123456789");
  hub.turn();
  take(second);
  assertEquals(told.slice(20), [true]);
  const { segmentsIn, segmentsOut, bytesIn } = on.session.host.connections()[0].info();
  const { story } = feed;
  assert(story !== null);
  assertEquals([rows, story.segmentRows().length, feed.lost], [
    segmentsIn + segmentsOut,
    segmentsIn + segmentsOut,
    0,
  ]);
  assertEquals(story.segmentRows().flatMap(({ marks }) => marks), []);
  assertEquals([bytesIn, story.endpoints.client, story.pathOf("server").at(-1)?.state], [
    210,
    on.session.host.connections()[0].name.split("-")[1],
    "ESTABLISHED",
  ]);
  hub.end();
});
