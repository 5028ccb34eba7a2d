/**
 * The story of a live host, out of its events: our end is told, faults are named, the other end is inferred.
 */
import { assert, assertEquals } from "@std/assert";
import { EventStory } from "../../src/story/from_events.ts";
import { isRetransmission } from "../../src/story/marks.ts";
import { outcomeOf } from "../../src/story/outcome.ts";
import { Story } from "../../src/story/story.ts";
import { type EndName, otherEnd } from "../../src/story/story_segment.ts";
import type { SegmentEvent, TcpEvent } from "../../src/tcp/events.ts";
import { formatEndpoint } from "../../src/wire/address.ts";
import { sampleSegment } from "../observe/sample_events.ts";
import { FAMILY } from "../tcp/family.ts";
import { comparePaths, newPathMeasure } from "./true_path.ts";
import { runTwoEnds } from "./two_ends.ts";

/** How the endpoints of the two hosts begin. */
const CALLER = formatEndpoint(FAMILY.neighbor(2), 0).slice(0, -1);
const CALLED = formatEndpoint(FAMILY.neighbor(1), 0).slice(0, -1);

/** The story that a host tells of itself. */
function storyOf(events: readonly TcpEvent[]): { story: Story; source: EventStory } {
  const story = new Story();
  const source = new EventStory(story);
  for (const event of events) source.observe(event);
  return { story, source };
}

Deno.test("event story: our end's path is what the host says, the other end's proven states are true", () => {
  const measure = newPathMeasure();
  const faults: string[] = [];
  let ours = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const { events } = runTwoEnds(seed, "caller");
    for (const side of [0, 1] as const) {
      const { story } = storyOf(events[side]);
      const eventsOf = (endpoint: string) => events[endpoint.startsWith(CALLER) ? 0 : 1];
      for (const connection of story.connections()) {
        const ourAddress = side === 0 ? CALLER : CALLED;
        const own: EndName = connection.endpoints.client.startsWith(ourAddress) ? "client" : "server";
        const found = comparePaths(connection, { eventsOf, measure, ends: [otherEnd(own)] });
        faults.push(...found.map((fault) => `seed ${seed}, side ${side}, ${fault}`));
        const path = connection.pathOf(own);
        const closed = events[side].find((event) =>
          event.event === "closed" && event.connection.startsWith(`${connection.endpoints[own]}-`)
        );
        if (closed === undefined || closed.event !== "closed") continue;
        ours++;
        assert(path.every(({ grade }) => grade === "proven"), `seed ${seed}`);
      }
    }
  }
  assertEquals(faults, []);
  assert(ours > 40 && measure.proven > 200, JSON.stringify({ ours, measure }));
});

Deno.test("event story: the rows are the segments of the log, with the states that it says", () => {
  const { events } = runTwoEnds(4, "caller");
  const { story, source } = storyOf(events[0]);
  const told = events[0].filter((event): event is SegmentEvent =>
    event.event === "segment" && event.id === 1
  );
  const connection = source.connection(1);
  assert(connection !== null && story.count > 0);
  const rows = connection.segmentRows().filter(({ segment }) => segment.fate !== "lost-in");
  const kept = new Map(rows.map((row) => [row.segment.number, row]));
  let compared = 0;
  for (const { segment = 0, state, relSeq, flags } of told) {
    const row = kept.get(segment);
    if (row === undefined) continue;
    compared++;
    assertEquals([row.states.client, row.relSeq], [state, relSeq], `#${segment} ${flags}`);
  }
  assert(compared > 10);
});

Deno.test("event story: what our faults took is named, and what is sent again has the host's reason", () => {
  let lostOut = 0;
  let lostIn = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { events } = runTwoEnds(seed, "caller");
    const { story } = storyOf(events[0]);
    const told = new Map(
      events[0].flatMap((event) =>
        event.event === "retransmit" && event.segment !== undefined ? [[event.segment, event.kind]] : []
      ),
    );
    for (const connection of story.connections()) {
      for (const { segment, marks, fate } of connection.segmentRows()) {
        const isLost = marks.some(({ kind }) => kind === "lost-on-purpose");
        assertEquals(isLost, fate === "lost-in" || fate === "lost-out", `seed ${seed} #${segment.number}`);
        if (fate === "lost-in") lostIn++;
        if (fate === "lost-out") lostOut++;
        const kind = told.get(segment.number);
        if (kind === "fast") assert(marks.some((one) => one.kind === "retransmission-fast"));
        if (kind === "rto") assert(marks.some((one) => one.kind === "retransmission-timeout"));
        if (kind === "tlp") assert(marks.some((one) => one.kind === "retransmission-tail-probe"));
      }
    }
  }
  assert(lostIn > 20 && lostOut > 20, `${lostIn} ${lostOut}`);
});

Deno.test("event story: of what our host has received nothing never arrived, though its sender repeats it", () => {
  let repeats = 0;
  let lost = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const { events } = runTwoEnds(seed, "caller");
    for (const side of [0, 1] as const) {
      for (const connection of storyOf(events[side]).story.connections()) {
        for (const { segment, marks, fate } of connection.segmentRows()) {
          const isMissing = marks.some(({ kind }) => kind === "never-arrived") || fate === "never-arrived";
          if (segment.from === connection.ours) lost += isMissing ? 1 : 0;
          else assert(!isMissing, `seed ${seed}, side ${side}, #${segment.number}`);
          if (marks.some(({ kind }) => isRetransmission(kind))) repeats++;
        }
      }
    }
  }
  // Of our own segments it is found out still.
  assert(repeats > 100 && lost > 20, `${repeats} repeated, ${lost} lost`);
});

Deno.test("event story: a stranger's segments, listeners and other events make no connection of their own", () => {
  const { story } = storyOf([
    {
      event: "transition",
      time: 1,
      connection: "10.0.0.1:80-*:*",
      id: 7,
      from: "CLOSED",
      to: "LISTEN",
      recv: null,
      send: null,
      cause: "user",
      row: "open.passive",
      rule: "open.passive",
      rfc: "",
    },
    { event: "drop", time: 1, reason: "checksum" },
    { event: "lost", time: 1, count: 4 },
  ]);
  assertEquals(story.count, 0);
});

Deno.test("event story: the outcome is that of the host", () => {
  const { events } = runTwoEnds(4, "caller");
  const { source } = storyOf(events[0]);
  const closed = events[0].find((event) => event.event === "closed" && event.id === 1);
  const connection = source.connection(1);
  assert(connection !== null && closed?.event === "closed");
  assertEquals(closed.reason, "normal");
  assertEquals([outcomeOf(connection), connection.closed?.reason], ["closed", "normal"]);
});

Deno.test("event story: of very many connections the oldest are forgotten, keep no rows, and begin nothing anew", () => {
  const source = new EventStory(new Story({ connections: 10, rows: 16, summaries: 0 }), { mostIds: 20 });
  let segment = 0;
  const say = (id: number, flags: SegmentEvent["flags"], relSeq: number) =>
    source.observe({
      event: "segment",
      time: ++segment,
      connection: `10.0.0.1:80-10.0.0.2:${40_000 + id}`,
      id,
      segment,
      direction: "recv",
      flags,
      seq: relSeq,
      ack: 0,
      relSeq,
      relAck: 0,
      window: 9,
      length: 0,
      options: {},
      state: "ESTABLISHED",
      rule: "x",
    });
  for (let id = 1; id <= 100; id++) say(id, ["SYN"], 0);
  const first = source.connection(81);
  for (let turn = 0; turn < 50; turn++) {
    for (let id = 1; id <= 100; id++) say(id, ["ACK"], 1);
  }
  assertEquals([source.story.count, [...source.story.connections()].length], [100, 10]);
  assertEquals([1, 80, 81, 100].map((id) => source.connection(id) !== null), [false, false, true, true]);
  // Of the twenty whose numbers are known ten are kept whole.
  assertEquals([first?.keptRows, source.connection(90)?.keptRows, source.connection(91)?.keptRows], [
    0,
    0,
    51,
  ]);
  // One that is new is told as ever.
  say(101, ["SYN"], 0);
  assertEquals([source.story.count, source.connection(101)?.keptRows], [101, 1]);
});

Deno.test("event story: why a peer sends again what left before events were missing is not known, unless it was heard", () => {
  const story = new Story();
  const source = new EventStory(story);
  let number = 0;
  const tells = (direction: "recv" | "send", time: number, more: Partial<SegmentEvent>): void => {
    const isSyn = more.flags?.includes("SYN") === true;
    const { relSeq = 0, relAck = 0 } = more;
    source.observe(sampleSegment({
      id: 1,
      segment: ++number,
      time,
      direction,
      flags: ["ACK"],
      length: 0,
      window: 60_000,
      ...more,
      options: { ...(isSyn ? { sackPermitted: true, mss: 1000 } : {}), ...more.options },
      seq: (direction === "recv" ? 1000 : 5000) + relSeq,
      ack: (direction === "recv" ? 5000 : 1000) + relAck,
    }));
  };
  const data = (time: number, at: number) => tells("recv", time, { relSeq: at, relAck: 1, length: 1000 });
  const answer = (time: number, upTo: number, sack: [number, number][] = []) =>
    tells("send", time, {
      relSeq: 1,
      relAck: upTo,
      options: sack.length === 0 ? {} : { sack: sack.map(([left, right]) => [1000 + left, 1000 + right]) },
    });
  tells("recv", 0, { flags: ["SYN"] });
  tells("send", 0.001, { flags: ["SYN", "ACK"], relAck: 1 });
  tells("recv", 0.021, { relSeq: 1, relAck: 1 });
  data(0.022, 1);
  answer(0.022, 1001);
  // Much is not told of: 3001 was lost, and the acknowledgments that showed it are among what is missing.
  source.missed();
  data(0.4, 20_001);
  answer(0.4, 3001);
  data(0.9, 3001);
  // From here on all is told.
  answer(0.9, 21_001);
  for (const at of [22_001, 23_001, 24_001]) {
    data(1, at);
    answer(1, 21_001, [[22_001, at + 1000]]);
  }
  data(1.022, 21_001);
  const marks = [...story.connections()][0].segmentRows().flatMap(({ segment, marks }) =>
    marks.filter(({ kind }) => isRetransmission(kind)).map(({ kind }) => [segment.time, kind])
  );
  assertEquals(marks, [[0.9, "retransmission-unknown"], [1.022, "retransmission-fast"]]);
});
