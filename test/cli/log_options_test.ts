/** The arguments about the log: what they mean, the line for each that is wrong, and what of it a log then shows. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import type { LogStyle } from "../../src/cli/log_options.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { USUAL_KINDS } from "../../src/observe/event_filter.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { SAMPLE_CONNECTION, SAMPLE_TIME, sampleSegment, sampleTransition } from "../observe/sample_events.ts";

function style(...args: string[]): LogStyle {
  const ofServe = parseServeOptions(args);
  // The same words mean the same to `connect`.
  const { ground } = parseConnectOptions([...args, "--", "10.0.0.2", "80"]);
  const { only: _serve, ...serve } = ofServe.logStyle;
  const { only: _connect, ...connect } = ground.logStyle;
  assertEquals([connect, ground.payload, ground.log], [serve, ofServe.payload, ofServe.log]);
  return ofServe.logStyle;
}

Deno.test("the log's defaults are the contract's", () => {
  assertEquals(style(), {
    file: null,
    kinds: USUAL_KINDS,
    only: null,
    time: "clock",
    payload: "none",
    wrap: "auto",
    color: "auto",
  });
});

Deno.test("kinds: show adds, hide takes away, -q and -v begin elsewhere", () => {
  assertEquals(style("--hide", "segments,data,arp,ndp", "--hide", "icmp").kinds, [
    "transitions",
    "retransmits",
    "drops",
    "faults",
    "notices",
  ]);
  assertEquals(style("-q").kinds, ["transitions"]);
  assertEquals(style("--quiet", "--show", "faults").kinds, ["transitions", "faults"]);
  assertEquals(style("-q", "--hide=transitions").kinds, []);
  assertEquals(style("--show", "samples").kinds, [
    "segments",
    "transitions",
    "data",
    "retransmits",
    "drops",
    "faults",
    "arp",
    "ndp",
    "icmp",
    "samples",
    "notices",
  ]);
  assertEquals(style("-v").kinds.includes("timers"), true);
  assertEquals(style("-v").kinds.includes("samples"), false);
  assertEquals(style("-v", "--show", "samples").kinds.length, 12);
});

Deno.test("the letters of time are tcpdump's, alone and behind flags", () => {
  const letters = ["-t", "-tt", "-ttt", "-tttt", "-ttttt", "-qtt"];
  const forms = ["none", "epoch", "delta", "date", "relative", "epoch"];
  assertEquals(letters.map((letter) => style(letter).time), forms);
  assertEquals(style("-vttt").kinds.includes("timers"), true);
  assertEquals(style("--time", "relative").time, "relative");
});

Deno.test("--payload stands alone, or takes a word that is one of its own", () => {
  const forms = (...args: string[]) => [style(...args).payload, parseServeOptions(args).payload];
  assertEquals(forms("--payload"), ["base64", true]);
  assertEquals(forms("--payload", "--no-sack"), ["base64", true]);
  assertEquals(forms("--payload", "text"), ["text", true]);
  assertEquals(forms("--payload=hex"), ["hex", true]);
  assertEquals(forms("--payload", "none"), ["none", false]);
  // What follows is the host, not a form.
  const { ground, host } = parseConnectOptions(["--payload", "10.0.0.2", "80"]);
  assertEquals([ground.logStyle.payload, host], ["base64", "10.0.0.2"]);
});

Deno.test("what is wrong about the log is said in one line", () => {
  const cases: readonly (readonly [string[], string])[] = [
    [["--show", "segment"], "--show segment: expected one of segments, transitions,"],
    [["--hide", "x"], "--hide x: expected one of"],
    [["--show", "data", "--hide", "arp,data"], "--show and --hide both name data"],
    [["-q", "-v"], "--quiet and --verbose exclude each other"],
    [["-qv"], "--quiet and --verbose exclude each other"],
    [["--only", "port x"], "--only: expected a port, 1 to 65535 at character 6: port >>>x<<<"],
    [["--time", "now"], "--time now: expected one of clock, none,"],
    [["-tttttt"], "-tttttt: expected -t, up to 5 times"],
    [["-tt", "--time", "clock"], "--time is given twice (epoch and clock)"],
    [["-tt", "--log", "json"], "--time is for --log text"],
    [["--payload=utf8"], "--payload utf8: expected one of none, text, hex, base64"],
    [["--wrap", "80"], "--wrap 80: expected one of auto, never"],
    [["--color", "yes"], "--color yes: expected one of auto, always, never"],
    [["--log-file"], "--log-file needs a value: FILE"],
    ...[
      "--payload",
      "--log-file=x",
      "--show=data",
      "--hide=data",
      "-q",
      "-v",
      "--only=id 1",
      "-t",
      "--wrap=never",
    ]
      .map((word): [string[], string] => [["--log", "none", word], "needs a log: --log none has none"]),
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseServeOptions(args), UsageError, message);
    // There -v also means what `nc -v` means, which needs no log.
    if (args.includes("none") && args.includes("-v")) continue;
    assertThrows(() => parseConnectOptions(["10.0.0.2", "80", ...args]), UsageError, message);
  }
});

const ABOUT = { time: SAMPLE_TIME, connection: SAMPLE_CONNECTION };
const DATA = { ...ABOUT, event: "data", direction: "recv", length: 2, payload: "CkE=" } as const;
const CLOSED: TcpEvent = {
  ...ABOUT,
  event: "closed",
  reason: "normal",
  bytesIn: 0,
  bytesOut: 0,
  durationMs: 0,
  states: ["LISTEN", "CLOSED"],
};
const SUMMARY: TcpEvent = { event: "summary", time: SAMPLE_TIME, durationMs: 0, counters: {} };

/** What a log with these arguments writes of the events. */
async function written(args: string[], events: readonly TcpEvent[]): Promise<string[]> {
  const { log: form, logStyle } = parseServeOptions(args);
  let text = "";
  const output = {
    writeSync: (bytes: Uint8Array) => (text += new TextDecoder().decode(bytes), bytes.length),
  };
  const log = new ServeLog({ form, output, style: logStyle });
  for (const event of events) log.observer?.(event);
  await log.end(SUMMARY);
  return text.trimEnd().split("\n");
}

Deno.test("text and JSON tell the same events", async () => {
  const events = [
    sampleSegment(),
    sampleTransition(),
    DATA,
    { ...DATA, connection: "[::1]:1-[::2]:5" },
    CLOSED,
  ];
  const kindsOf = async (...args: string[]) => {
    const json = (await written(["--log", "json", ...args], events)).map((line) => JSON.parse(line).event);
    assertEquals((await written(args, events)).length, json.length);
    return json;
  };
  assertEquals(await kindsOf(), ["segment", "transition", "data", "data", "closed", "summary"]);
  assertEquals(await kindsOf("-q"), ["transition", "closed", "summary"]);
  assertEquals(await kindsOf("--hide", "segments", "--only", "port 3333"), [
    "transition",
    "data",
    "closed",
    "summary",
  ]);
});

Deno.test("where there is no page, one event is one line; payload is in its form, in JSON too", async () => {
  const [segment, data, closed, summary, ...rest] = await written(["--payload", "text"], [
    sampleSegment(),
    DATA,
    CLOSED,
  ]);
  assertEquals(rest, []);
  assertEquals(
    segment.endsWith("arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0"),
    true,
  );
  assertEquals(data.endsWith("data in   2 B  \\nA"), true);
  assertEquals(closed.endsWith("out 0 B  LISTEN -> CLOSED"), true);
  assertEquals(summary, "summary after 0.000 ms: nothing was counted");
  const payloads = async (form: string) =>
    JSON.parse((await written(["--log=json", `--payload=${form}`], [DATA]))[0]).payload;
  assertEquals(
    [await payloads("text"), await payloads("hex"), await payloads("base64")],
    ["\\nA", "0a41", "CkE="],
  );
});

/** A pipe of which nothing is read until it is told to go on. */
class Pipe {
  text = "";
  readonly #opened = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#opened.promise;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  goesOn(): void {
    this.#opened.resolve();
  }
}

for (const form of ["json", "text"] as const) {
  Deno.test(`a slow reader of ${form} is told what is missing, where; no end is ever missing`, async () => {
    const pipe = new Pipe();
    const log = new ServeLog({ form, output: pipe });
    const COUNT = 120_000;
    for (let i = 0; i < COUNT; i++) {
      log.observer?.(i % 1000 === 999 ? { ...CLOSED, bytesIn: i } : sampleSegment({ relSeq: i }));
    }
    pipe.goesOn();
    await log.end(SUMMARY);
    const lines = pipe.text.trimEnd().split("\n");
    let next = 0;
    let ends = 0;
    let losses = 0;
    for (const line of lines.slice(0, -1)) {
      const lost = /"event":"lost".*"count":(\d+)|lost {2}(\d+) event/.exec(line);
      const place = /"bytesIn":(\d+)|in (\d+) B|"relSeq":(\d+)| seq (\d+) /.exec(line);
      if (lost !== null) {
        losses++;
        next += Number(lost[1] ?? lost[2]);
      } else if (line.includes("closed")) {
        ends++;
        next++;
      } else {
        assertEquals(place?.slice(1).find((text) => text !== undefined), String(next));
        next++;
      }
    }
    assertEquals([next, ends], [COUNT, COUNT / 1000]);
    assertEquals(losses > 1 && log.lostLines > 10_000, true);
    assertEquals(lines.at(-1)?.includes("summary"), true);
  });
}

Deno.test("--log tui is for serve, and takes no options about lines", () => {
  const { log, logStyle } = parseServeOptions(["--log", "tui", "--only", "id 2", "--color", "never"]);
  assertEquals([log, logStyle.color, logStyle.only === null], ["tui", "never", false]);
  for (const [name, ...value] of [["--show", "timers"], ["-q"], ["--log-file", "x"], ["--time", "epoch"]]) {
    assertThrows(
      () => parseServeOptions(["--log", "tui", name, ...value]),
      UsageError,
      `${name === "-q" ? "--quiet" : name} is for a log of lines: --log tui has none`,
    );
  }
  assertThrows(
    () => parseConnectOptions(["--log", "tui", "10.0.0.2", "80"]),
    UsageError,
    "--log tui is for serve: here stdin and stdout belong to the connection",
  );
});
