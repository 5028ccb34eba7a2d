/** The table's rows: which stay, which go, as a source tells. */
import { assertEquals } from "@std/assert";
import { KeptRows } from "../../src/page/kept_rows.ts";
import type { ConnectionRow } from "../../src/story/page_messages.ts";

function row(id: number): ConnectionRow {
  const [local, peer] = ["10.0.0.1:7", `10.0.0.2:${id}`];
  const figures = {
    bytesIn: 0,
    bytesOut: 0,
    segmentsIn: 2,
    segmentsOut: 1,
    retransmits: 0,
    srttUs: 0,
    rtoUs: 0,
  };
  const states = ["SYN_RCVD", "ESTABLISHED"] as const;
  return {
    ...figures,
    id,
    name: `${local}-${peer}`,
    local,
    peer,
    app: "",
    role: "server",
    state: "ESTABLISHED",
    states,
    cwnd: 0,
  };
}

const nothing = { rows: [], ended: [], gone: [] };
const idsOf = (rows: KeptRows) => rows.all().map(({ row }) => row.id).toSorted((a, b) => a - b);
const upTo = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => row(first + at));

Deno.test("of living connections the newest 300 stay, and the one that is looked at", () => {
  const rows = new KeptRows();
  rows.select(5);
  assertEquals(rows.take({ ...nothing, rows: upTo(1, 300) }).length, 300);
  const touched = rows.take({ ...nothing, rows: upTo(301, 400) });
  assertEquals(touched.filter((id) => rows.get(id) === null), [
    ...upTo(1, 4).map(({ id }) => id),
    ...upTo(6, 100).map(({ id }) => id),
  ]);
  assertEquals([rows.all().length, rows.get(5)?.row.id, rows.get(101)?.row.id], [301, 5, 101]);
  rows.select(101);
  // Another batch, and it is one of many.
  assertEquals(rows.take(nothing), [5]);
  assertEquals(rows.take(nothing), []);
});

Deno.test("what a source no longer tells of goes; the one that is looked at when another is", () => {
  const rows = new KeptRows();
  rows.begin(upTo(1, 3));
  rows.select(2);
  assertEquals(rows.take({ ...nothing, gone: [1, 2, 9] }), [1]);
  assertEquals(idsOf(rows), [2, 3]);
  assertEquals([rows.select(2), rows.select(3), rows.select(2)], [[], [2], []]);
  assertEquals(idsOf(rows), [3]);
});

Deno.test("one that is looked at, gone and then over stays among those that are over", () => {
  const rows = new KeptRows();
  rows.begin(upTo(1, 2));
  rows.select(1);
  rows.take({ ...nothing, gone: [1] });
  const closed = {
    event: "closed",
    time: 1,
    id: 1,
    connection: row(1).name,
    reason: "normal",
    durationMs: 9,
    states: ["SYN_RCVD", "ESTABLISHED", "CLOSED"],
    bytesIn: 7,
    bytesOut: 8,
  } as const;
  assertEquals(rows.take({ ...nothing, ended: [closed] }), [1]);
  assertEquals(rows.select(2), []);
  assertEquals([rows.get(1)?.isOver, rows.get(1)?.row.state, rows.get(1)?.row.bytesIn], [true, "CLOSED", 7]);
});

Deno.test("what is over as a whole is kept whole, however much it is", () => {
  const rows = new KeptRows();
  rows.begin(upTo(1, 1000));
  assertEquals([rows.select(1), rows.all().length], [[], 1000]);
});

Deno.test("a source that begins anew: what ended meanwhile is over, with the figures that were known of it", () => {
  const rows = new KeptRows();
  const known = { ...row(1), app: "echo", retransmits: 3, srttUs: 250 };
  rows.begin([known, row(2)]);
  const ended = (id: number, peer = `10.0.0.2:${id}`) => ({
    event: "closed" as const,
    time: 1,
    connection: `10.0.0.1:7-${peer}`,
    id,
    reason: "normal" as const,
    bytesIn: 7,
    bytesOut: 8,
    durationMs: 9,
    states: ["SYN_RCVD", "ESTABLISHED"] as const,
  });
  rows.begin([row(3)], [ended(1), ended(4)]);
  assertEquals(idsOf(rows), [1, 3, 4]);
  const { row: over, isOver } = rows.get(1) ?? {};
  assertEquals([isOver, over?.state, over?.app, over?.retransmits, over?.srttUs, over?.bytesIn], [
    true,
    "CLOSED",
    "echo",
    3,
    250,
    7,
  ]);
  assertEquals([rows.get(4)?.isOver, rows.get(4)?.row.peer, rows.get(3)?.isOver], [
    true,
    "10.0.0.2:4",
    false,
  ]);
  // The same number, and another connection.
  rows.begin([], [ended(1, "10.0.0.2:99")]);
  assertEquals([rows.get(1)?.row.app, rows.get(1)?.row.retransmits], ["", 0]);
});
