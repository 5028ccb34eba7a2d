/** What a log is opened on, and how: its file, its colours, its lines; the width of a window is test/live/log_width_test.ts. */
import { getColorEnabled, setColorEnabled } from "@std/fmt/colors";
import { assertEquals } from "@std/assert";
import { openLog } from "../../src/cli/serve_log.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { sampleSegment, sampleTransition } from "../observe/sample_events.ts";

const EVENTS = [sampleSegment(), sampleTransition(), sampleSegment({ direction: "send" })];

/** What such a log writes to the output that it is given. */
async function toOutput(...args: string[]): Promise<string> {
  let text = "";
  const output = {
    writeSync: (bytes: Uint8Array) => (text += new TextDecoder().decode(bytes), bytes.length),
  };
  const said: string[] = [];
  using log = openLog(parseServeOptions(args), { onEnd: (line) => said.push(line), output });
  for (const event of EVENTS) log.observer?.(event);
  assertEquals([await log.end(), said], [true, []]);
  return text;
}

/** What it writes to its file, when nothing goes to the output. */
async function toFile(...args: string[]): Promise<string> {
  const path = await Deno.makeTempFile();
  try {
    assertEquals(await toOutput("--log-file", path, ...args), "");
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(path);
  }
}

const ESCAPE = "\x1b[";
const lineCount = (text: string) => text.split("\n").length - 1;
const inColor = (text: string) => text.includes(ESCAPE);

/** On a terminal, or where NO_COLOR is not set, @std/fmt colours; here the test decides. */
async function whereColorIs(enabled: boolean, body: () => Promise<void>): Promise<void> {
  const before = getColorEnabled();
  setColorEnabled(enabled);
  try {
    await body();
  } finally {
    setColorEnabled(before);
  }
}

Deno.test("--log-file takes the log, a line an event, in text and in JSON", async () => {
  for (const wrap of ["auto", "never"]) {
    const text = await toFile("--wrap", wrap);
    assertEquals([lineCount(text), text], [
      EVENTS.length,
      await toOutput("--wrap", wrap, "--color", "never"),
    ]);
  }
  const json = await toFile("--log", "json");
  assertEquals(json.trimEnd().split("\n").map((line) => JSON.parse(line)), EVENTS);
});

Deno.test("--color: always in a file too, never not even on a terminal, auto where there are colours, not in a file", async () => {
  for (const enabled of [true, false]) {
    await whereColorIs(enabled, async () => {
      const found = async (color: string) => [
        inColor(await toFile("--color", color)),
        inColor(await toOutput("--color", color)),
      ];
      assertEquals(await found("always"), [true, true]);
      assertEquals(await found("never"), [false, false]);
      // Where NO_COLOR is set, the library of colours lets nobody switch them on.
      assertEquals(await found("auto"), [false, enabled && !Deno.noColor]);
    });
  }
  assertEquals(lineCount(await toFile("--color", "always")), EVENTS.length);
});

Deno.test({
  name: "--color: the same where NO_COLOR is not set",
  ignore: !Deno.noColor,
  fn: async () => {
    // The library of colours asks once, when it is loaded.
    const args = ["test", "-A", "--no-check", import.meta.filename ?? ""];
    const command = new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "" }, stdin: "null" });
    const { code, stdout } = await command.output();
    assertEquals(code, 0, new TextDecoder().decode(stdout));
  },
});
