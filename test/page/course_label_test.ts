/** What is said of a segment on its arrow, whole and short. */
import { assertEquals } from "@std/assert";
import { briefLabelOf, labelOf } from "../../src/page/course_label.ts";
import { Course } from "../../src/play/course.ts";
import { findScenario } from "../../src/play/scenarios.ts";
import { EMPTY_SET_UP } from "../../src/play/set_up.ts";

function labels(scenario: string): string[] {
  const course = new Course(findScenario(scenario)?.setUp ?? EMPTY_SET_UP);
  course.run();
  return course.record.segments.map((segment) => `${labelOf(segment)} | ${briefLabelOf(segment)}`);
}

Deno.test("a whole connection: flags, the stream's octets, what is acknowledged", () => {
  assertEquals(labels("connection"), [
    "SYN seq 0 | SYN",
    "SYN,ACK seq 0 ack 1 | SYN,ACK",
    "ACK seq 1 ack 1 | ACK 1",
    "PSH,ACK 1:1001 ack 1 | 1:1001",
    "ACK seq 1 ack 1001 | ACK 1001",
    "FIN,ACK seq 1001 ack 1 | FIN,ACK",
    "ACK seq 1 ack 1002 | ACK 1002",
    "FIN,ACK seq 1 ack 1002 | FIN,ACK",
    "ACK seq 1002 ack 2 | ACK 2",
  ]);
});

Deno.test("what is remarkable is said however short: blocks, repetitions, a shut window, faults", () => {
  const loss = labels("loss");
  assertEquals(loss.includes("ACK seq 1 ack 2897 SACK | ACK 2897 SACK"), true);
  assertEquals(loss.includes("ACK 2897:4345 ack 1 ↻ fast | 2897:4345 ↻ fast"), true);
  assertEquals(labels("zero-window").some((label) => / win 0 \| ACK \d+ win 0$/.test(label)), true);
  assertEquals(labels("duplicate").some((label) => label.endsWith("| 1:1449 ! duplicate")), true);
  // Of a stranger's nobody knows more than its flags.
  assertEquals(labels("syn-flood")[0], "SYN | SYN");
});

Deno.test("a host that knows of no connection answers in numbers that are counted from the SYNs all the same", () => {
  assertEquals(labels("refused"), ["SYN seq 0 | SYN", "RST,ACK seq 0 ack 1 | RST,ACK"]);
  assertEquals(labels("half-open").at(-1), "RST seq 1 | RST");
  assertEquals(labels("abort").slice(-4), [1449, 2897, 4345, 5001].map((seq) => `RST seq ${seq} | RST`));
});
