/** The strict rules of options, and the usage text made from the same table. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseOptions, type Syntax, usageText, wantsHelp } from "../../src/cli/options.ts";
import { SERVE_SYNTAX } from "../../src/cli/serve_syntax.ts";

const OPTIONS = [
  { name: "iface", alias: "i", kind: "value", value: "NAME", help: "device" },
  { name: "port", alias: "p", kind: "list", value: "N", help: "port", group: "Service" },
  { name: "once", kind: "flag", help: "leave after the first" },
] as const;
const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "serve",
  synopsis: "[OPTIONS]",
  description: "Serves.",
  options: OPTIONS,
};

Deno.test("each way to write an option and its value gives the same", () => {
  for (const args of [["--iface", "eth0"], ["--iface=eth0"], ["-i", "eth0"], ["-i=eth0"], ["-ieth0"]]) {
    assertEquals(parseOptions(args, SYNTAX).value("iface"), "eth0", args.join(" "));
  }
});

Deno.test("a number below zero after an option is its value, for the command to judge; so is a dash", () => {
  const spellings = [["--iface", "-1"], ["--iface=-1"], ["-i", "-1"], ["-i-1"], ["-i=-1"]];
  for (const args of spellings) assertEquals(parseOptions(args, SYNTAX).value("iface"), "-1", args.join(" "));
  const options = parseOptions(["--port", "-0.5", "-p", "-.5", "--iface", "-", "--once"], SYNTAX);
  assertEquals([options.list("port"), options.value("iface")], [["-0.5", "-.5"], "-"]);
  assertEquals(options.flag("once"), true);
  const free = { ...SYNTAX, positionals: { least: 0, most: 3, expected: "words" } };
  assertEquals(parseOptions(["a", "-1", "--", "-1"], free).positionals, ["a", "-1", "-1"]);
});

Deno.test("what was not given is absent", () => {
  const options = parseOptions([], SYNTAX);
  assertEquals(options.value("iface"), undefined);
  assertEquals(options.list("port"), []);
  assertEquals(options.flag("once"), false);
});

Deno.test("a list keeps its order, values stay text", () => {
  const options = parseOptions(["-p", "0080", "--once", "--port=0x10", "-p81"], SYNTAX);
  assertEquals(options.list("port"), ["0080", "0x10", "81"]);
  assertEquals(options.flag("once"), true);
});

Deno.test("each mistake is a usage error that names what is wrong", () => {
  const cases: [string[], string][] = [
    [["--ifac", "eth0"], "Unknown option --ifac: did you mean --iface?"],
    [["--ui"], "Unknown option --ui: see --help"],
    [["-_", "eth0"], "Unknown option -_"],
    [["-x_y"], "Unknown option -x_y"],
    [["--_.push=1"], "Unknown option --_.push"],
    [["--iface", "eth0", "--iface.x", "1"], "Unknown option --iface.x"],
    [["--a.", "x", "-a"], "Unknown option --a."],
    [["--if_ace=eth0"], "Unknown option --if_ace: did you mean --iface?"],
    [["-x"], "Unknown option -x"],
    [["--iface"], "--iface needs a value: NAME"],
    [["--iface="], "--iface needs a value: NAME"],
    [["--iface", "--once"], "--iface needs a value: NAME"],
    [["--port", "-x"], "--port needs a value: N"],
    [["--once", "-1"], 'Unexpected argument "-1": expected options only'],
    [["-1.5"], 'Unexpected argument "-1.5": expected options only'],
    [["--iface", "a", "-i", "b"], "--iface is given twice (a and b)"],
    [["--once", "--once"], "--once is given twice"],
    [["--once=yes"], "--once takes no value"],
    [["--no-once"], "Unknown option --no-once"],
    [["eth0"], 'Unexpected argument "eth0": expected options only'],
    [["--", "--once"], 'Unexpected argument "--once"'],
    [["--__proto__=1"], "Unknown option --__proto__"],
    [["--a.b=1"], "Unknown option --a.b"],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseOptions(args, SYNTAX), UsageError, message, args.join(" "));
  }
});

Deno.test("arguments are counted", () => {
  const syntax = { ...SYNTAX, positionals: { least: 1, most: 2, expected: "HOST PORT" } };
  assertEquals(parseOptions(["h", "--once", "007"], syntax).positionals, ["h", "007"]);
  assertThrows(() => parseOptions([], syntax), UsageError, "expected HOST PORT");
  assertThrows(() => parseOptions(["a", "b", "c"], syntax), UsageError, 'Unexpected argument "c"');
});

Deno.test("help is wanted wherever it is said, but not after --", () => {
  assertEquals(wantsHelp(["--iface", "x", "--help"]), true);
  assertEquals(wantsHelp(["-h"]), true);
  assertEquals(wantsHelp(["--", "--help"]), false);
});

Deno.test("the usage names every option, with its alias and value, under its group", () => {
  const text = usageText(SYNTAX);
  assertStringIncludes(text, "Usage: tcplab serve [OPTIONS]\n\nServes.\n\nOptions:\n");
  assertStringIncludes(text, "  --iface, -i NAME          device\n");
  assertStringIncludes(text, "\nService:\n  --port, -p N              port\n");
  assertStringIncludes(text, "  --help, -h                this text\n");
});

Deno.test("serve's usage: the live page is a group of its own, and the recording's has what records", () => {
  const groups = new Map(
    usageText(SERVE_SYNTAX).split("\n\n").map((group) => {
      const [head, ...lines] = group.split("\n");
      return [head, lines.flatMap((line) => /^ {2}(--[a-z-]+)/.exec(line)?.[1] ?? [])] as const;
    }),
  );
  assertEquals(groups.get("Live page:"), ["--ui"]);
  assertEquals(groups.get("Recording:"), ["--write", "--snaplen", "--write-limit"]);
});
