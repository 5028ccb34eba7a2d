/**
 * The line writer: many small lines, few writes, and sinks that stall or fail.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LineWriter } from "../../src/observe/log_writer.ts";

/** A sink that keeps what it is given, takes at most `limit()` bytes a time, and counts its calls. */
function sink(limit: () => number = () => Infinity) {
  const bytes: number[] = [];
  const state = { calls: 0, text: () => new TextDecoder().decode(Uint8Array.from(bytes)) };
  const write = (chunk: Uint8Array): number => {
    state.calls++;
    const taken = Math.min(chunk.length, limit());
    bytes.push(...chunk.subarray(0, taken));
    return taken;
  };
  return { write, state };
}

Deno.test("log writer: lines wait for a flush, and leave in one write", () => {
  const { write, state } = sink();
  const writer = new LineWriter({ write });
  writer.line("one");
  writer.line("zwei und §");
  assertEquals(state.calls, 0);
  writer.flush();
  assertEquals([state.calls, state.text()], [1, "one\nzwei und §\n"]);
  writer.flush();
  assertEquals(state.calls, 1);
});

Deno.test("log writer: a full buffer is written without being asked", () => {
  const { write, state } = sink();
  const writer = new LineWriter({ write, bufferBytes: 10 });
  for (let i = 0; i < 10; i++) writer.line("abcd");
  assertEquals(state.text(), "abcd\n".repeat(8));
  writer[Symbol.dispose]();
  assertEquals(state.text(), "abcd\n".repeat(10));
});

Deno.test("log writer: a line larger than the buffer passes whole", () => {
  const { write, state } = sink(() => 3);
  const writer = new LineWriter({ write, bufferBytes: 8 });
  writer.line("ä".repeat(50));
  writer.line("end");
  writer.flush();
  assertEquals(state.text(), "ä".repeat(50) + "\nend\n");
});

Deno.test("log writer: a stalled sink loses whole lines, counts them, and goes on later", () => {
  let room = 0;
  const { write, state } = sink(() => room);
  const writer = new LineWriter({ write, bufferBytes: 16 });
  for (let i = 0; i < 100; i++) writer.line("line " + i);
  assertEquals(state.text(), "");
  room = Infinity;
  writer.flush();
  writer.line("last");
  writer.flush();
  const lines = state.text().trimEnd().split("\n");
  assertEquals(lines.slice(0, 2), ["line 0", "line 1"]);
  assertEquals(lines.at(-1), "last");
  assertEquals(lines.length - 1 + writer.lostLines, 100);
});

Deno.test("log writer: a closed pipe is one error, then silence", () => {
  const errors: unknown[] = [];
  let calls = 0;
  const writer = new LineWriter({
    bufferBytes: 8,
    write: () => {
      calls++;
      throw new Error("Broken pipe");
    },
    onError: (error) => errors.push(error),
  });
  for (let i = 0; i < 100; i++) writer.line("some text");
  writer.flush();
  writer.flush();
  assertEquals([calls, errors.length, writer.failed, writer.lostLines], [1, 1, true, 0]);
});

Deno.test("log writer: whatever the lines and however the sink takes them, nothing is lost or changed", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: "grapheme" }), { maxLength: 30 }),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 4, max: 40 }),
    (lines, limit, bufferBytes) => {
      const { write, state } = sink(() => limit);
      const writer = new LineWriter({ write, bufferBytes });
      for (const line of lines) writer.line(line);
      writer.flush();
      assertEquals(state.text(), lines.map((line) => line + "\n").join(""));
    },
  ));
});
