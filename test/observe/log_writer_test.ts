/**
 * The line writer: many small lines, few writes, and sinks that stall or fail.
 */
import { assert, assertEquals } from "@std/assert";
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

/** Writes `text` as a line of bytes; false when it was lost. */
function byteLine(writer: LineWriter, text: string, mostBytes = text.length): boolean {
  const place = writer.begin(mostBytes);
  if (place === null) {
    writer.lose();
    return false;
  }
  place.ascii(text);
  writer.end();
  return true;
}

Deno.test("log writer: bytes and text keep their order", () => {
  const { write, state } = sink();
  const writer = new LineWriter({ write });
  byteLine(writer, "one");
  writer.line("zwei und §");
  byteLine(writer, "three");
  writer.flush();
  assertEquals([state.calls, state.text()], [1, "one\nzwei und §\nthree\n"]);
});

Deno.test("log writer: a line of bytes that was begun and given up leaves nothing behind", () => {
  const { write, state } = sink();
  const writer = new LineWriter({ write });
  const place = writer.begin(10);
  assert(place !== null);
  const start = place.at;
  place.ascii("half a l");
  place.at = start;
  writer.line("another");
  writer.flush();
  assertEquals(state.text(), "another\n");
});

Deno.test("log writer: bytes too are lost as whole lines, and counted, while the sink stalls", () => {
  let room = 0;
  const { write, state } = sink(() => room);
  const writer = new LineWriter({ write, bufferBytes: 32 });
  for (let i = 0; i < 100; i++) byteLine(writer, "line " + i);
  assertEquals(state.text(), "");
  room = 3;
  // The sink takes three bytes and stalls again: what it took makes room.
  let budget = 2;
  const grudging = new LineWriter({
    bufferBytes: 16,
    write: (chunk) => budget-- > 0 ? write(chunk) : 0,
  });
  assertEquals([byteLine(grudging, "0123456"), byteLine(grudging, "abcdefg")], [true, true]);
  assertEquals([byteLine(grudging, "ABCDE"), byteLine(grudging, "no room")], [true, false]);
  assertEquals(grudging.lostLines, 1);
  budget = Infinity;
  room = Infinity;
  grudging.flush();
  assertEquals(state.text(), "0123456\nabcdefg\nABCDE\n");
  writer.flush();
  byteLine(writer, "last");
  writer.flush();
  const lines = state.text().trimEnd().split("\n").slice(3);
  assertEquals(lines, ["line 0", "line 1", "line 2", "line 3", "last"]);
  assertEquals(lines.length - 1 + writer.lostLines, 100);
});

Deno.test("log writer: bytes after a failure are swallowed, and not counted", () => {
  const errors: unknown[] = [];
  const writer = new LineWriter({
    bufferBytes: 16,
    write: () => {
      throw new Error("Broken pipe");
    },
    onError: (error) => errors.push(error),
  });
  for (let i = 0; i < 100; i++) byteLine(writer, "some text");
  writer.flush();
  assertEquals([errors.length, writer.failed, writer.lostLines], [1, true, 0]);
});

Deno.test("log writer: whatever the lines, as text or bytes, and however the sink takes them", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.boolean(), fc.string({ unit: "grapheme-ascii", maxLength: 20 })), { maxLength: 30 }),
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 21, max: 60 }),
    (lines, limit, bufferBytes) => {
      const { write, state } = sink(() => limit);
      const writer = new LineWriter({ write, bufferBytes });
      for (const [asBytes, text] of lines) {
        if (asBytes) byteLine(writer, text);
        else writer.line(text);
      }
      writer.flush();
      assertEquals(state.text(), lines.map(([, text]) => text + "\n").join(""));
      assertEquals(writer.lostLines, 0);
    },
  ));
});

Deno.test("log writer: a stalled sink loses whole lines only, whatever they are", () => {
  fc.assert(fc.property(
    fc.array(
      fc.record({ asBytes: fc.boolean(), text: fc.string({ unit: "grapheme-ascii", maxLength: 20 }) }),
      {
        maxLength: 40,
      },
    ),
    fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 }),
    (lines, takes) => {
      let turn = 0;
      const { write, state } = sink(() => turn < takes.length ? takes[turn++] : Infinity);
      const writer = new LineWriter({ write, bufferBytes: 32 });
      const numbered = lines.map(({ asBytes, text }, i) => ({ asBytes, text: `${i}:${text}` }));
      for (const { asBytes, text } of numbered) {
        if (asBytes) byteLine(writer, text);
        else writer.line(text);
      }
      turn = takes.length;
      writer.flush();
      const got = state.text() === "" ? [] : state.text().slice(0, -1).split("\n");
      const whole = new Set(numbered.map(({ text }) => text));
      for (const line of got) assert(whole.has(line), `not whole: ${line}`);
      const order = got.map((line) => parseInt(line));
      assertEquals(order, order.toSorted((a, b) => a - b));
      assertEquals(got.length + writer.lostLines, lines.length);
    },
  ));
});

/** A writer whose sink takes what `open` says, and which tells of losses as `-N`. */
function stalling(bufferBytes: number) {
  const state = { isOpen: false };
  const { write, state: taken } = sink(() => state.isOpen ? Infinity : 0);
  const writer = new LineWriter({ write, bufferBytes, lostLine: (count) => `-${count}` });
  return { writer, state, text: taken.text };
}

/** The numbers of the lines, where each `-N` stands for the N that follow what came before it. */
function placesOf(text: string): number[] {
  let next = 0;
  const places: number[] = [];
  for (const line of text.trimEnd().split("\n")) {
    if (line.startsWith("-")) next -= Number(line);
    else places.push(next++);
  }
  return places;
}

for (const asBytes of [false, true]) {
  Deno.test(`log writer: missing ${asBytes ? "bytes are" : "text is"} told where it is missing`, () => {
    const { writer, state, text } = stalling(16);
    const say = (line: string) => asBytes ? void byteLine(writer, line) : writer.line(line);
    for (let i = 0; i < 30; i++) {
      if (i % 10 === 9) writer.keep(`kept ${i}`);
      else say(`line ${i}`);
    }
    assertEquals(text(), "");
    state.isOpen = true;
    writer.flush();
    const lines = text().trimEnd().split("\n").filter((line) => !line.startsWith("-"));
    assertEquals(placesOf(text()), lines.map((line) => Number(line.split(" ")[1])));
    assertEquals(lines.filter((line) => line.startsWith("kept")), ["kept 9", "kept 19", "kept 29"]);
    assertEquals(lines.length + writer.lostLines, 30);
    assertEquals(lines.slice(0, 2), ["line 0", "line 1"]);
    const before = text();
    say("on");
    writer.flush();
    assertEquals(text(), before + "on\n");
  });
}

Deno.test("log writer: a loss at the end is told as soon as there is room", () => {
  const { writer, state, text } = stalling(16);
  for (let i = 0; i < 5; i++) byteLine(writer, `line ${i}`);
  state.isOpen = true;
  writer.flush();
  assertEquals(text(), "line 0\nline 1\n-3\n");
});

Deno.test("log writer: what is kept waits in order, however much it is, and is bounded all the same", () => {
  const { writer, state, text } = stalling(0x1000);
  for (let i = 0; i < 50_000; i++) {
    writer.keep(`kept ${i}`);
    byteLine(writer, `line ${i}`, 1000);
  }
  writer.keep("x".repeat(0x4000000 - 0x100000));
  writer.keep("no room ".repeat(0x40000));
  state.isOpen = true;
  writer.flush();
  const lines = text().trimEnd().split("\n");
  assertEquals(lines.filter((line) => line.startsWith("kept")).length, 50_000);
  const told = lines.filter((line) => line.startsWith("-")).reduce((sum, line) => sum - Number(line), 0);
  assertEquals(told, writer.lostLines);
  assertEquals(lines.some((line) => line.startsWith("xxx")), true);
  assertEquals(lines.some((line) => line.startsWith("no room")), false);
});
