/**
 * The summary: which counters it holds, and how they are set.
 */
import { assertEquals } from "@std/assert";
import { summaryToText } from "../../src/observe/summary.ts";
import { summaryEvent } from "../../src/runtime/summary.ts";
import { emptyLinkStats } from "../../src/link/link.ts";

const COUNTERS = {
  "frames-in": 1234567,
  "drop-checksum": 1,
  "connections-opened": 12,
  "connections-refused": 0,
};

Deno.test("summary: counters of host and link in one list", () => {
  const event = summaryEvent({
    time: 5,
    durationMs: 1000,
    counters: { "frames-in": 3 },
    link: { ...emptyLinkStats(), framesIn: 4, droppedByRing: 2 },
    lostLines: 7,
  });
  assertEquals(event, {
    event: "summary",
    time: 5,
    durationMs: 1000,
    counters: {
      "frames-in": 3,
      "link-frames-in": 4,
      "link-bytes-in": 0,
      "link-frames-out": 0,
      "link-bytes-out": 0,
      "link-dropped-by-ring": 2,
      "link-dropped-by-device": 0,
      "link-send-errors": 0,
      "log-lines-lost": 7,
    },
  });
});

Deno.test("summary: lines are counted only where some were lost, a link only where there is one", () => {
  assertEquals(summaryEvent({ time: 5, durationMs: 1, counters: {}, lostLines: 0 }).counters, {});
});

Deno.test("summary: as text, in columns, without what is 0", () => {
  const event = summaryEvent({ time: 5, durationMs: 12345.6, counters: COUNTERS });
  assertEquals(
    summaryToText(event),
    "summary after 12.346 s\n" +
      "  frames-in           1,234,567    drop-checksum               1    connections-opened         12\n" +
      "  tcplab why NAME explains a rule, a row or a state",
  );
  assertEquals(
    summaryToText(event, { width: 40 }),
    "summary after 12.346 s\n" +
      "  frames-in           1,234,567\n" +
      "  drop-checksum               1\n" +
      "  connections-opened         12\n" +
      "  tcplab why NAME explains a rule, a row or a state",
  );
  assertEquals(
    summaryToText(summaryEvent({ time: 5, durationMs: 500, counters: {} })),
    "summary after 500.0 ms: nothing was counted",
  );
});
