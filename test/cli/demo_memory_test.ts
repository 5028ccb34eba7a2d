/** The demo without any device: two hosts in memory, the whole story in no time. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { playMemoryDemo } from "../../src/cli/demo_memory.ts";
import { DemoScreen } from "../../src/cli/demo_screen.ts";
import { LAB_ROWS, seenRows } from "../../src/cli/seen_transitions.ts";

Deno.test("the demo in memory goes through every row of the lab's table once", () => {
  const lines: string[] = [];
  const screen = new DemoScreen((line) => lines.push(line));
  const events = playMemoryDemo(screen, { text: "a line", sleepSeconds: 5 });
  const seen = seenRows(events);
  assertEquals(LAB_ROWS.map((row) => [row.id, seen.get(row.id)]), LAB_ROWS.map((row) => [row.id, 1]));
  assertEquals(screen.checks.filter((check) => !check.ok), []);
  assertStringIncludes(lines.join("\n"), "TIME_WAIT");
  const segments = events.filter((event) => event.event === "segment").map((event) => event.flags.join());
  assertEquals(segments, [
    "SYN",
    "SYN,ACK",
    "ACK",
    "PSH,ACK",
    "PSH,ACK",
    "ACK",
    "FIN,ACK",
    "ACK",
    "FIN,ACK",
    "ACK",
  ]);
});
