/** A sink that never blocks, and the log on top of it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CliError } from "../../src/cli/command.ts";
import { FileSink, OutputSink } from "../../src/cli/output_sink.ts";
import { RingWatch } from "../../src/cli/ring_watch.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { eventToJson } from "../../src/observe/event_json.ts";
import { emptyLinkStats } from "../../src/link/link.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";

const DROP: TcpEvent = { event: "drop", time: 1, reason: "checksum" };

/** An output whose writes end when the test says so. */
function slowOutput() {
  const written: string[] = [];
  const waiting: (() => void)[] = [];
  return {
    written,
    /** Lets the write under way end. */
    release: async () => {
      waiting.shift()?.();
      await new Promise<void>((resolve) =>
        queueMicrotask(() => queueMicrotask(() => queueMicrotask(resolve)))
      );
    },
    write: async (bytes: Uint8Array) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      // Half of what is offered, as a pipe that is nearly full does.
      const taken = Math.ceil(bytes.length / 2);
      written.push(new TextDecoder().decode(bytes.subarray(0, taken)));
      return taken;
    },
  };
}

Deno.test("a sink takes all or, while a write is under way, nothing; and keeps no foreign memory", async () => {
  const output = slowOutput();
  let drained = 0;
  const sink = new OutputSink(output, { onDrain: () => drained++, onError: () => {} });
  const chunk = new TextEncoder().encode("abcd");
  assertEquals(sink.write(chunk), 4);
  chunk.fill(0);
  assertEquals([sink.write(chunk), sink.busy], [0, true]);
  for (let i = 0; i < 4; i++) await output.release();
  await sink.settled();
  assertEquals([output.written.join(""), drained, sink.busy], ["abcd", 1, false]);
});

Deno.test("lines that come while a write is under way follow after it", async () => {
  const written: string[] = [];
  const log = new ServeLog({
    form: "json",
    width: 80,
    output: {
      write: (bytes) => {
        written.push(new TextDecoder().decode(bytes));
        return Promise.resolve(bytes.length);
      },
    },
  });
  assert(log.observer !== null);
  log.tell(DROP);
  log.observer(DROP);
  log.observer(DROP);
  await log.end();
  assertEquals(written.join(""), `${eventToJson(DROP)}\n`.repeat(3));
});

Deno.test("a reader that has gone ends the log with one line", async () => {
  const log = new ServeLog({
    form: "text",
    width: 80,
    output: { write: () => Promise.reject(new Deno.errors.BrokenPipe("x")) },
  });
  log.tell(DROP);
  await assertRejects(() => log.readerGone, CliError, "its reader has gone");
  assertEquals(await log.end(), false);
  assertEquals(log.failure?.message.includes("its reader has gone"), true);
  const output = { write: () => Promise.reject(new Deno.errors.BrokenPipe("x")) };
  const elsewhere = new ServeLog({ form: "text", width: 80, output, outputName: "stderr" });
  elsewhere.tell(DROP);
  await assertRejects(
    () => elsewhere.readerGone,
    CliError,
    "The log cannot be written to stderr (its reader",
  );
});

Deno.test("a file takes what it is given at once, from the writer's own memory; a full disk is told once", async () => {
  const errors: unknown[] = [];
  let room = 3;
  const output = {
    writeSync: (bytes: Uint8Array) => {
      if (room === 0) throw new Error("No space left on device");
      const taken = Math.min(room, bytes.length);
      room -= taken;
      return taken;
    },
  };
  const sink = new FileSink(output, { onError: (error) => errors.push(error) });
  const chunk = new TextEncoder().encode("abcd");
  assertEquals([sink.write(chunk), sink.write(chunk), sink.write(chunk)], [3, 4, 4]);
  assertEquals(errors.length, 1);
  await sink.settled();
});

Deno.test("no line is lost on its way to a file, however many come before the program sleeps", async () => {
  let written = "";
  const decoder = new TextDecoder();
  const writeSync = (bytes: Uint8Array) => {
    written += decoder.decode(bytes);
    return bytes.length;
  };
  const log = new ServeLog({ form: "json", width: 80, output: { writeSync } });
  assert(log.observer !== null);
  for (let i = 0; i < 50_000; i++) {
    log.observer({
      event: "data",
      time: 1,
      connection: "10.0.0.1:1-10.0.0.2:2",
      direction: "recv",
      length: i,
    });
  }
  log.tell(DROP);
  await log.end();
  const lines = written.trimEnd().split("\n");
  assertEquals([lines.length, log.lostLines], [50_001, 0]);
  assertEquals(lines.at(-1), eventToJson(DROP));
});

Deno.test("a disk that is full ends the log with one line, and nothing else", async () => {
  let calls = 0;
  const full = () => {
    calls++;
    throw new Error("No space left on device");
  };
  for (const output of [{ writeSync: full }, { write: () => Promise.resolve().then(full) }]) {
    calls = 0;
    const ends: string[] = [];
    const log = new ServeLog({ form: "json", width: 80, output, onEnd: (line) => ends.push(line) });
    let gone = false;
    log.readerGone.catch(() => gone = true);
    log.tell(DROP);
    for (let i = 0; i < 5; i++) {
      await Promise.resolve();
      log.tell(DROP);
    }
    assertEquals(await log.end(DROP), false);
    assertEquals([ends.length, gone, calls], [1, false, 1]);
    assert(ends[0].includes("no space left on device") && ends[0].includes("goes on"), ends[0]);
    assert(log.failure !== null && log.failure.message.includes("not whole"));
  }
});

Deno.test("the end of a log that its reader does not take is given up, and said to be lost", async () => {
  const stuck = { write: () => new Promise<number>(() => {}) };
  const log = new ServeLog({ form: "json", width: 80, output: stuck, endPatienceMs: 0 });
  log.tell(DROP);
  assertEquals(await log.end(DROP), false);
  assertEquals([log.failure, log.lostLines], [null, 0]);
  // One that has no room for the end has not taken it either, however quickly it goes on then.
  const full = new ServeLog({ form: "json", width: 80, output: stuck, endPatienceMs: 0 });
  for (let i = 0; i < 10_000; i++) full.observer?.({ ...DROP, reason: "x".repeat(1000) });
  assert(full.lostLines > 0);
  assertEquals(await full.end(DROP), false);
});

Deno.test("a log ends at its limit with a line that says so, and the summary", async () => {
  let written = "";
  const output = {
    writeSync: (bytes: Uint8Array) => {
      written += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  const ends: string[] = [];
  const onEnd = (line: string) => ends.push(line);
  const line = `${eventToJson(DROP)}\n`;
  const log = new ServeLog({ form: "json", width: 80, output, limitBytes: 3 * line.length - 1, onEnd });
  for (let i = 0; i < 10; i++) log.tell(DROP);
  assertEquals(log.leftOutLines, 7);
  const summary: TcpEvent = { event: "summary", time: 2, durationMs: 1, counters: {} };
  assertEquals(await log.end(summary), true);
  const lines = written.trimEnd().split("\n");
  assertEquals(lines.length, 5);
  assertEquals(lines.slice(0, 3).join("\n") + "\n", line.repeat(3));
  const notice = JSON.parse(lines[3]);
  assertEquals([notice.event, notice.kind, notice.time], ["notice", "log-limit", 1]);
  assertEquals([ends.length, lines[4], log.failure], [1, eventToJson(summary), null]);
});

Deno.test("without a log nothing is observed", () => {
  const log = new ServeLog({ form: "none", width: 80, output: { write: () => Promise.resolve(0) } });
  assertEquals(log.observer, null);
  log.tell(DROP);
});

Deno.test("losses of the ring are told once each, and not more often than every two seconds", () => {
  const lines: string[] = [];
  const stats = emptyLinkStats();
  let nowUs = 0;
  let looks = 0;
  const watch = new RingWatch({
    stats: () => {
      looks++;
      return stats;
    },
    nowUs: () => nowUs,
    tell: (line) => lines.push(line),
    ringMib: 64,
  });
  stats.droppedByRing = 5;
  nowUs = 1_999_999;
  watch.afterFrames();
  assertEquals(looks, 0);
  nowUs = 2_000_000;
  watch.afterFrames();
  watch.afterFrames();
  watch.look();
  assertEquals([looks, lines.length], [2, 1]);
  assert(lines[0].startsWith("The capture ring lost 5 frames") && lines[0].includes("--ring 128"), lines[0]);
});
