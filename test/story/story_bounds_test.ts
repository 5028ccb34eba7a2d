/**
 * Any segments at all: nothing throws, memory is bounded, counts add up; far into a stream as at its beginning.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ExplainedConnection } from "../../src/story/explain_json.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import { Story } from "../../src/story/story.ts";
import { transitionById } from "../../src/tcp/transitions.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { HANDSHAKE, pathText, tell } from "./written_story.ts";

const NEAR = [0, 1, 2, 100, 101, 1000, 1001, 5000, 5001, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32 - 100];
const word = fc.oneof(fc.constantFrom(...NEAR), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const anySegment = fc.record({
  fromClient: fc.boolean(),
  port: fc.constantFrom(40000, 40001),
  flags: fc.oneof(
    fc.constantFrom(
      FLAG.SYN,
      FLAG.SYN | FLAG.ACK,
      FLAG.ACK,
      FLAG.FIN | FLAG.ACK,
      FLAG.RST,
      FLAG.RST | FLAG.ACK,
    ),
    fc.integer({ min: 0, max: 255 }),
  ),
  seq: word,
  ack: word,
  window: fc.constantFrom(0, 1, 1000, 65535),
  length: fc.oneof(fc.constantFrom(0, 1, 100), fc.integer({ min: 0, max: 70000 })),
  wait: fc.constantFrom(0, 0.0001, 0.01, 0.3, 2, -1),
  checksum: fc.constantFrom("correct", "partial", "wrong", undefined),
  mss: fc.constantFrom(undefined, 0, 536, 65535),
  windowScale: fc.constantFrom(undefined, 0, 7, 255),
  sackPermitted: fc.boolean(),
  sack: fc.array(fc.tuple(word, word), { maxLength: 4 }),
  timestamps: fc.option(fc.record({ value: word, echo: word }), { nil: undefined }),
});

Deno.test("story: any segments throw nothing, move by rows of the table, and add up", () => {
  fc.assert(
    fc.property(fc.array(anySegment, { maxLength: 60 }), (segments) => {
      const story = new Story();
      const packets = new PacketStory(story);
      let time = 0;
      for (const [index, one] of segments.entries()) {
        time += one.wait;
        const ends = [`10.0.0.2:${one.port}`, "10.0.0.1:80"];
        const [source, destination] = one.fromClient ? ends : ends.toReversed();
        packets.add({
          number: index + 1,
          time,
          source,
          destination,
          flags: one.flags,
          seq: one.seq,
          ack: one.ack,
          window: one.window,
          length: one.length,
          options: {
            ...(one.mss === undefined ? {} : { mss: one.mss }),
            ...(one.windowScale === undefined ? {} : { windowScale: one.windowScale }),
            ...(one.sackPermitted ? { sackPermitted: true as const } : {}),
            ...(one.sack.length === 0 ? {} : { sack: one.sack }),
            ...(one.timestamps === undefined ? {} : { timestamps: one.timestamps }),
          },
          ...(one.checksum === undefined ? {} : { checksum: one.checksum }),
        });
      }
      let rows = 0;
      for (const connection of story.connections()) {
        rows += connection.segmentRows().length;
        const folded = connection.rows().reduce((sum, row) => sum + (row.kind === "run" ? row.count : 1), 0);
        assertEquals(folded, connection.segmentRows().length);
        for (const end of ["client", "server"] as const) {
          const path = connection.pathOf(end);
          for (const [index, { row, state }] of path.entries()) {
            if (row !== null) {
              assertEquals([transitionById(row).from, transitionById(row).to], [
                path[index - 1].state,
                state,
              ]);
            }
          }
        }
      }
      assertEquals(rows, segments.length);
      const explained: readonly ExplainedConnection[] = JSON.parse(JSON.stringify(story.explained()));
      assertEquals(explained.map(({ id }) => id), Array.from({ length: story.count }, (_, i) => i + 1));
      for (const { findings } of explained) {
        for (const { frames, text } of findings) {
          assert(frames.every((frame) => frame >= 1 && frame <= segments.length));
          assert(text.length > 0);
        }
      }
    }),
    { numRuns: 1500, seed: 7 },
  );
});

/** A transfer of `count` full segments that begins at these ISNs, each acknowledged. */
function transfer({ count, isn, rows }: { count: number; isn: number; rows?: number }): Story {
  const story = new Story(rows === undefined ? {} : { rows });
  const packets = new PacketStory(story);
  let number = 0;
  const add = (isClient: boolean, { flags, seq, ack, length = 0 }: {
    flags: number;
    seq: number;
    ack: number;
    length?: number;
  }) =>
    packets.add({
      number: ++number,
      time: number / 1000,
      source: isClient ? "10.0.0.2:40000" : "10.0.0.1:80",
      destination: isClient ? "10.0.0.1:80" : "10.0.0.2:40000",
      flags,
      seq: seq >>> 0,
      ack: ack >>> 0,
      window: 65535,
      length,
      options: (flags & FLAG.SYN) !== 0 ? { windowScale: 10 } : {},
    });
  add(true, { flags: FLAG.SYN, seq: isn, ack: 0 });
  add(false, { flags: FLAG.SYN | FLAG.ACK, seq: 9, ack: isn + 1 });
  add(true, { flags: FLAG.ACK, seq: isn + 1, ack: 10 });
  const length = 65000;
  for (let i = 0; i < count; i++) {
    add(true, { flags: FLAG.ACK, seq: isn + 1 + i * length, ack: 10, length });
    add(false, { flags: FLAG.ACK, seq: 10, ack: isn + 1 + (i + 1) * length });
  }
  return story;
}

Deno.test("story: six gigabytes in one stream: positions stay exact, no mark, rows bounded, one run", () => {
  const count = 100_000;
  const story = transfer({ count, isn: 4_000_000_000 });
  const [connection] = story.connections();
  const bytes = count * 65000;
  assert(bytes > 2 ** 32);
  assertEquals(connection.shadowOf("client").counts.bytes, bytes);
  assertEquals(connection.shadowOf("client").sentEnd, bytes + 1);
  assertEquals(connection.shadowOf("client").acked, bytes + 1);
  assertEquals(connection.keptRows, 64 + 4096);
  assertEquals(connection.segmentRows().at(-1)?.relAck, bytes + 1);
  assertEquals(connection.segmentRows().filter(({ marks }) => marks.length > 0), []);
  const rows = connection.rows();
  assertEquals(rows.map(({ kind }) => kind), ["segment", "segment", "segment", "run", "run", "run"]);
  const folded = rows.reduce((sum, row) => sum + (row.kind === "run" ? row.count : 1), 0);
  assertEquals(folded, 3 + 2 * count);
  assertEquals(connection.shadowOf("client").records.count, 0);
  assertEquals(connection.shadowOf("client").seen.count, 1);
});

Deno.test("story: without rows the figures are the same", () => {
  const [whole] = transfer({ count: 100, isn: 5 }).connections();
  const [bare] = transfer({ count: 100, isn: 5, rows: 0 }).connections();
  assertEquals(bare.keptRows, 0);
  assertEquals(bare.shadowOf("client").counts, whole.shadowOf("client").counts);
  assertEquals(pathText(bare, "server"), pathText(whole, "server"));
});

Deno.test("story: of more connections than may be kept the ended ones become summaries, then are forgotten", () => {
  const story = new Story({ connections: 10, summaries: 50 });
  const packets = new PacketStory(story);
  for (let i = 0; i < 100; i++) {
    const client = `10.0.0.2:${10_000 + i}`;
    const common = { time: i, window: 1, length: 0, options: {} };
    packets.add({
      ...common,
      number: 2 * i + 1,
      source: client,
      destination: "10.0.0.1:80",
      flags: FLAG.SYN,
      seq: 7,
      ack: 0,
    });
    packets.add({
      ...common,
      number: 2 * i + 2,
      source: "10.0.0.1:80",
      destination: client,
      flags: FLAG.RST | FLAG.ACK,
      seq: 0,
      ack: 8,
    });
  }
  assertEquals([...story.connections()].length, 10);
  assertEquals(story.givenUp, { summarized: 50, forgotten: 40, rows: 0, unjudged: 0 });
  assertEquals(story.explained().length, 60);
  assert(story.explained().every(({ outcome }) => outcome === "refused"));
  assertEquals(story.heldRows, 20);
});

Deno.test("story: the rows of all connections together are bounded, what needs them last gives last", () => {
  const story = new Story({ allRows: 1000 });
  const packets = new PacketStory(story);
  for (let i = 0; i < 4000; i++) {
    packets.add({
      number: i + 1,
      time: i / 1000,
      source: `10.0.0.2:${10_000 + (i % 4)}`,
      destination: "10.0.0.1:80",
      flags: FLAG.ACK,
      seq: 100 + 10 * Math.floor(i / 4),
      ack: 1,
      window: 100,
      length: 10,
      options: {},
    });
    assert(story.heldRows <= 1001, `${story.heldRows} after ${i}`);
  }
  const kept = [...story.connections()].reduce((sum, one) => sum + one.keptRows, 0);
  assertEquals(story.heldRows, kept);
  assert(story.givenUp.rows > 2000);
});

Deno.test("story: comments of all connections together are bounded, those of summaries too, and all are counted", () => {
  const story = new Story({ connections: 100 });
  const packets = new PacketStory(story);
  const comments = Array.from({ length: 100 }, () => "x".repeat(500));
  for (let i = 1; i <= 200; i++) {
    packets.add({
      number: i,
      time: i,
      source: `10.0.0.2:${i}`,
      destination: "10.0.0.1:80",
      flags: FLAG.SYN,
      seq: 1,
      ack: 0,
      window: 1,
      length: 0,
      options: {},
      comments,
    });
  }
  const kept = story.explained().map((one) => one.comments?.length ?? 0);
  assertEquals(kept, Array.from({ length: 200 }, (_, i) => i < 80 ? 100 : 0));
  assertEquals(story.connection(200)?.notes.commentCount, 100);
});

/** A segment of one of many clients. */
function ofClient(client: number, { number, flags, seq }: { number: number; flags: number; seq: number }) {
  return {
    number,
    time: number / 1000,
    source: `10.0.0.2:${10_000 + client}`,
    destination: "10.0.0.1:80",
    flags,
    seq,
    ack: 1,
    window: 65535,
    length: (flags & FLAG.RST) === 0 ? 10 : 0,
    options: {},
  };
}

Deno.test("story: where the first rows alone are too many, those of ended connections go, and nobody looks for more each time", () => {
  const story = new Story({ allRows: 1000 });
  const packets = new PacketStory(story);
  let number = 0;
  // Ten that end, with 80 rows each.
  for (let client = 0; client < 10; client++) {
    for (let i = 0; i < 79; i++) {
      packets.add(ofClient(client, { number: ++number, flags: FLAG.ACK, seq: 1 + 10 * i }));
    }
    packets.add(ofClient(client, { number: ++number, flags: FLAG.RST | FLAG.ACK, seq: 791 }));
  }
  const [ended] = story.connections();
  const whole = ended.rows();
  // And twenty that live, with as many rows as are never given up.
  for (let i = 0; i < 64; i++) {
    for (let client = 10; client < 30; client++) {
      packets.add(ofClient(client, { number: ++number, flags: FLAG.ACK, seq: 1 + 10 * i }));
    }
  }
  assertEquals([...story.connections()].map(({ keptRows }) => keptRows), [
    ...Array(10).fill(0),
    ...Array(20).fill(64),
  ]);
  const [run] = ended.rows();
  assertEquals(ended.rows().length, 1);
  assert(run.kind === "run" && whole.length > 1);
  assertEquals([run.count, run.first, run.last, run.firstIndex, run.lastIndex, run.bytes, run.relEnd], [
    80,
    1,
    80,
    0,
    79,
    790,
    791,
  ]);
  assertEquals(ladderOf(ended).lines.map((line) => line.kind), ["run"]);
  // What comes behind is no beginning.
  packets.add(ofClient(0, { number: ++number, flags: FLAG.ACK, seq: 791 }));
  assertEquals(ended.rows().map((row) => row.kind === "run" ? row.last : row.segment.number), [80, number]);
  // 1,281 rows are more than there may be, and there is nothing to be had: the next sweep is a tenth away.
  const before = story.sweeps;
  for (let i = 64; i < 69; i++) {
    for (let client = 10; client < 30; client++) {
      packets.add(ofClient(client, { number: ++number, flags: FLAG.ACK, seq: 1 + 10 * i }));
    }
  }
  assert(story.sweeps <= before + 1, `${story.sweeps - before}`);
  assert(story.heldRows < 1.1 * 1281 + 1, `${story.heldRows}`);
});

/** Connections whose other end never acknowledges anything, segment by segment in turn; each with a hole before it where that is wanted. */
function unanswered(
  { story, connections, segments, holes = false }: {
    readonly story: Story;
    readonly connections: number;
    readonly segments: number;
    readonly holes?: boolean;
  },
): void {
  const packets = new PacketStory(story);
  for (let i = 0; i < connections * segments; i++) {
    packets.add({
      number: i + 1,
      time: i / 1000,
      source: `10.0.0.2:${10_000 + (i % connections)}`,
      destination: "10.0.0.1:80",
      flags: FLAG.ACK,
      seq: 1 + (holes ? 20 : 10) * Math.floor(i / connections),
      ack: 1,
      window: 65535,
      length: 10,
      options: {},
    });
    const held = [...story.connections()].reduce((sum, one) => sum + one.heldBytes, 0);
    if (i % 100 === 0) assertEquals(story.heldSentBytes, held);
    assert(held <= 101_000, `${held} after ${i}`);
  }
}

Deno.test("story: what nobody acknowledges is remembered within a bound for all connections together", () => {
  const story = new Story({ sentBytes: 100_000 });
  unanswered({ story, connections: 20, segments: 200 });
  // The first of them have given, and the one that comes next is judged all the same.
  const [first] = story.connections();
  assert(first.shadowOf("client").records.count < 200);
  const { bytes, retransmissions } = first.shadowOf("client").counts;
  assertEquals([bytes, retransmissions], [2000, 0]);
  assertEquals(
    [...story.connections()].map(({ notes }) => notes.get("retransmission-unknown")),
    Array(20).fill(null),
  );
  const given = [...story.connections()].filter(({ isJudged }) => !isJudged).length;
  assertEquals([story.givenUp.unjudged, given > 0, given < 20], [given, true, true]);
});

Deno.test("story: holes that are never filled are remembered within the same bound", () => {
  const story = new Story({ sentBytes: 100_000 });
  unanswered({ story, connections: 5, segments: 400, holes: true });
  assert([...story.connections()].some((one) => one.shadowOf("client").seen.count < 400));
});

Deno.test("story: of a summarized connection that goes on no more is remembered than judges the next segment", () => {
  const story = new Story({ connections: 1 });
  const add = (connection: ConnectionStory, number: number) =>
    story.addTo(connection, {
      segment: {
        number,
        time: number / 1000,
        source: connection.endpoints.client,
        destination: "10.0.0.1:80",
        flags: FLAG.ACK,
        seq: 10 * number,
        ack: 1,
        window: 65535,
        length: 10,
        options: {},
      },
    });
  const open = (client: string) =>
    story.open({ endpoints: { client, server: "10.0.0.1:80" }, ours: "server" });
  const old = open("10.0.0.2:1");
  open("10.0.0.2:2");
  assertEquals([...story.connections()].length, 1);
  for (let number = 1; number <= 1000; number++) {
    add(old, number);
    assert(old.heldBytes <= 20_000, `${old.heldBytes}`);
  }
  assertEquals([old.shadowOf("client").counts.bytes, story.heldSentBytes], [10_000, 0]);
});

Deno.test("story: a run folds what is plain, and what has a mark stands by itself", () => {
  const data = (from: number) => `C A ${from} 1 len=100\nS A 1 ${from + 100}`;
  const { connection } = tell(
    [HANDSHAKE, data(1), data(101), data(201), "C A 201 1 len=100", data(301), data(401), data(501)].join(
      "\n",
    ),
  );
  const rows = connection.rows().map((row) =>
    row.kind === "run"
      ? `run ${row.first}-${row.last} ${row.bytes} B ${row.acknowledgments} acks`
      : row.segment.number
  );
  assertEquals(rows, [1, 2, 3, "run 4-9 300 B 3 acks", 10, "run 11-16 300 B 3 acks"]);
});

Deno.test("story: a chosen connection is kept with its rows, whatever comes, and the others go oldest first", () => {
  const story = new Story({ connections: 3, chosen: new Set([1, 4]) });
  const packets = new PacketStory(story);
  for (let i = 1; i <= 10; i++) {
    packets.add({
      number: i,
      time: i,
      source: `10.0.0.${i}:1024`,
      destination: "10.1.0.1:80",
      flags: FLAG.SYN,
      seq: i,
      ack: 0,
      window: 1000,
      options: {},
      length: 0,
    });
  }
  assertEquals([...story.connections()].map(({ id, keptRows }) => [id, keptRows]), [[1, 1], [4, 1], [10, 0]]);
  assertEquals([...story.explanations()].map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals([story.heldRows, story.givenUp.summarized], [2, 7]);
  story.forgetRows();
  assertEquals([story.heldRows, story.connection(1)?.keptRows, story.connection(1)?.rows()], [0, 0, []]);
});

Deno.test("story: Zeek's history of a flood of resets ends after 256 letters, with a sign that there were more", () => {
  const resets = (count: number) => Array.from({ length: count }, (_, i) => `S R ${i + 1}`);
  const history = (count: number) => tell([HANDSHAKE, ...resets(count)].join("\n")).connection.zeek.history;
  assertEquals(history(253), `ShA${"r".repeat(253)}`);
  assertEquals(history(254), `ShA${"r".repeat(253)}…`);
  assertEquals(history(1000), `ShA${"r".repeat(253)}…`);
});
