/**
 * parseScript: the text of a packetdrill script as values.
 *
 * Owns: the frame of a script (options, commands, steps with their times, conditions) in both dialects, and the bound on its
 * size. Must not know: packets and calls (parse_packet.ts, parse_call.ts), what anything means.
 */
import { keepSource, type SourceMark } from "./layout.ts";
import type { Token } from "./lexer.ts";
import { parseCall } from "./parse_call.ts";
import { parsePacket } from "./parse_packet.ts";
import { ScriptError } from "./script_error.ts";
import { MOST_DEPTH, placeOf, TokenReader } from "./token_reader.ts";
import type { Condition, Script, ScriptOption, ScriptPart, ShellCommand, Step, StepTime } from "./values.ts";

/** Local choice: characters of a script. The largest of the public suites has 40,000. */
export const MOST_SCRIPT_CHARS = 0x400000;
/** Local choice: the latest time, in seconds (31 years): microseconds stay exact. */
const MOST_SECONDS = 1_000_000_000;
const US_PER_SECOND = 1_000_000;
const US_DIGITS = 6;

/** How a script is read. */
export interface ParseOptions {
  /** What names stand for beside those that the script defines: `-D NAME=VALUE`, strings in their quotes. */
  readonly defines?: ReadonlyMap<string, string>;
}

/** Reads a script; `file` is its name in messages. Throws {@link ScriptError}. */
export function parseScript(text: string, file: string, { defines }: ParseOptions = {}): Script {
  if (text.length > MOST_SCRIPT_CHARS) {
    const expected = `a script of no more than ${MOST_SCRIPT_CHARS} characters`;
    throw new ScriptError({
      file,
      text: "",
      offset: 0,
      line: 1,
      column: 1,
      token: `${text.length}`,
      expected,
    });
  }
  return new ScriptParser({ text, file, defines: new Map(defines) }).whole();
}

/** The names that a script defines for itself (`--define=NAME=VALUE`), as {@link ParseOptions} has them. */
export function definesOf(options: readonly ScriptOption[]): Map<string, string> {
  const defines = new Map<string, string>();
  for (const { name, value } of options) {
    const at = name === "define" && value !== null ? value.indexOf("=") : -1;
    if (value !== null && at > 0) defines.set(value.slice(0, at), value.slice(at + 1));
  }
  return defines;
}

class ScriptParser {
  readonly #reader: TokenReader;
  readonly #defines: Map<string, string>;
  readonly #marks: SourceMark[] = [];
  #cleanUp: ShellCommand | null = null;

  constructor(
    parts: { readonly text: string; readonly file: string; readonly defines: Map<string, string> },
  ) {
    this.#defines = parts.defines;
    this.#reader = new TokenReader(parts.text, parts);
  }

  whole(): Script {
    const reader = this.#reader;
    const options = this.#options();
    const setUp = reader.isKind("shell") ? this.#shellPart() : null;
    const steps = this.#parts(0);
    if (steps.length === 0 && reader.peek().text !== "#") {
      reader.fail("a step: a time, then a packet, a call, a command or code");
    }
    if (!reader.isKind("end")) this.#failStep();
    keepSource(reader.text, this.#marks);
    return { file: reader.file, options, setUp, steps, cleanUp: this.#cleanUp };
  }

  #options(): ScriptOption[] {
    const reader = this.#reader;
    const options: ScriptOption[] = [];
    while (reader.isKind("option")) {
      const token = reader.next();
      const value = reader.take("=") ? this.#optionValue() : null;
      const behind = reader.peek();
      // Else a value without its sign would be the time of the first step.
      if (value === null && behind.line === token.line && OPTION_VALUES.has(behind.kind)) {
        reader.fail(`the end of the line, or "=" and a value, as in --${token.text}=${behind.text}`);
      }
      const option = { place: placeOf(token), name: token.text, value };
      options.push(option);
      this.#mark(option, { from: token.from });
    }
    // The caller's wins, as the command line does in the originals.
    for (const [name, value] of definesOf(options)) {
      if (!this.#defines.has(name)) this.#defines.set(name, value);
    }
    return options;
  }

  /** A value, or `NAME=value` for `--define`. The name is as written, also where the caller has something for it. */
  #optionValue(): string {
    const reader = this.#reader;
    const token = reader.peek();
    if (!OPTION_VALUES.has(token.kind)) reader.fail("a value: a word, a number, an address or a string");
    reader.next();
    const written = reader.text.slice(token.from, token.to);
    if (!NAME.test(written) || !reader.take("=")) return token.text;
    const value = reader.peek();
    if (!DEFINED_VALUES.has(value.kind)) reader.fail("a value: a word, a number, a string or a command");
    reader.next();
    return `${written}=${reader.text.slice(value.from, value.to)}`;
  }

  /** Steps and conditions, up to what is neither. */
  #parts(depth: number): ScriptPart[] {
    const reader = this.#reader;
    const parts: ScriptPart[] = [];
    for (;;) {
      const token = reader.peek();
      if (token.kind === "directive" && (token.text === "#ifdef" || token.text === "#ifndef")) {
        parts.push(this.#condition(depth + 1));
      } else if (token.kind === "shell" && depth === 0 && reader.isKind("end", 1)) {
        this.#cleanUp = this.#shellPart();
        return parts;
      } else if (beginsStep(token)) {
        parts.push(this.#step());
      } else {
        return parts;
      }
    }
  }

  #condition(depth: number): Condition {
    const reader = this.#reader;
    const opening = reader.peek();
    if (depth > MOST_DEPTH) reader.fail(`no more than ${MOST_DEPTH} conditions in conditions`);
    reader.next();
    const place = placeOf(opening);
    const name = this.#conditionName(opening);
    const head: SourceMark = { node: {}, place, role: "whole", from: opening.from, to: reader.lastTo };
    const headAt = this.#marks.push(head) - 1;
    const then = this.#parts(depth);
    let otherwise: ScriptPart[] = [];
    const middle = reader.peek();
    if (middle.kind === "directive" && middle.text === "#else") {
      reader.next();
      this.#marks.push({ node: {}, place, role: "else", from: middle.from, to: middle.to });
      otherwise = this.#parts(depth);
    }
    const end = reader.peek();
    if (end.kind !== "directive" || end.text !== "#endif") {
      if (end.kind === "end") {
        reader.fail(`"#endif" for the ${opening.text} in line ${opening.line}`);
      }
      this.#failStep();
    }
    reader.next();
    this.#marks.push({ node: {}, place, role: "end", from: end.from, to: end.to });
    const negated = opening.text === "#ifndef";
    const condition: Condition = { kind: "condition", place, name, negated, then, otherwise };
    this.#marks[headAt] = { ...head, node: condition };
    return condition;
  }

  /** The name as it is written, also where something is defined for it. */
  #conditionName(directive: Token): string {
    const reader = this.#reader;
    const token = reader.peek();
    const name = reader.text.slice(token.from, token.to);
    if (!NAME.test(name)) reader.fail(`a name behind ${directive.text}`);
    reader.next();
    return name;
  }

  #step(): Step {
    const reader = this.#reader;
    const first = reader.peek();
    const time = this.#time();
    const event = this.#event(time, first);
    const step: Step = { kind: "step", place: placeOf(first), time, event };
    this.#mark(step, { from: first.from });
    return step;
  }

  #event(time: StepTime, first: Token): Step["event"] {
    const reader = this.#reader;
    const token = reader.peek();
    if (time.endUs === null && token.kind === "sign" && (token.text === "<" || token.text === ">")) {
      const packet = parsePacket(reader);
      if (packet.direction === "inbound") this.#demandOneTime(time, first);
      return packet;
    }
    this.#demandOneTime(time, first);
    if (token.kind === "word") return parseCall(reader);
    if (time.endUs !== null) return reader.fail("a system call, since only a call takes time");
    if (token.kind === "shell") return this.#shell();
    if (token.kind !== "code") {
      return reader.fail('a packet ("<" or ">"), a system call, `a command` or %{ code }%');
    }
    reader.next();
    return { kind: "code", place: placeOf(token), text: token.text };
  }

  #demandOneTime(time: StepTime, first: Token): void {
    if (time.base === "any") {
      this.#reader.fail('a time: "*" is only for packets that are demanded (">")', first);
    }
    if (time.untilUs !== time.fromUs) {
      this.#reader.fail('one time: a range is only for packets that are demanded (">")', first);
    }
  }

  #time(): StepTime {
    const reader = this.#reader;
    if (reader.take("*")) return { base: "any", fromUs: null, untilUs: null, endUs: null };
    const base = reader.take("+") ? "relative" : "absolute";
    const fromUs = this.#seconds();
    let untilUs = fromUs;
    if (reader.take("~")) {
      if (base === "relative") reader.expect("+");
      untilUs = this.#secondsFrom(fromUs);
    }
    if (!reader.isKind("ellipsis")) return { base, fromUs, untilUs, endUs: null };
    reader.next();
    return { base, fromUs, untilUs, endUs: this.#secondsFrom(fromUs) };
  }

  #secondsFrom(fromUs: number): number {
    const token = this.#reader.peek();
    const us = this.#seconds();
    return us >= fromUs ? us : this.#reader.fail("an end that is not before the beginning", token);
  }

  #seconds(): number {
    const reader = this.#reader;
    const token = reader.peek();
    const us = token.kind === "integer" || token.kind === "float" ? decimalMicroseconds(token.text) : null;
    if (us === null) return reader.fail(`a time in seconds, from 0 to ${MOST_SECONDS}`);
    reader.next();
    return us;
  }

  #shell(): ShellCommand {
    const token = this.#reader.next();
    return { kind: "shell", place: placeOf(token), text: token.text };
  }

  #shellPart(): ShellCommand {
    const from = this.#reader.peek().from;
    const shell = this.#shell();
    this.#mark(shell, { from });
    return shell;
  }

  #mark(node: ScriptOption | Step | ShellCommand, { from }: { from: number }): void {
    this.#marks.push({ node, place: node.place, role: "whole", from, to: this.#reader.lastTo });
  }

  #failStep(): never {
    const token = this.#reader.peek();
    if (token.kind === "shell") {
      this.#reader.fail("a time before the command (only the first and the last have none)");
    }
    if (token.kind === "option") this.#reader.fail("a step; options stand before everything else");
    if (token.text === "#") {
      this.#reader.fail(
        "#ifdef, #ifndef, #else or #endif, or a comment behind // (a name is defined by --define=NAME=VALUE at the head)",
      );
    }
    const line = this.#reader.text.slice(0, token.from).split("\n").at(-1) ?? "";
    const isBehindStep = token.kind !== "end" && line.trim() !== "";
    this.#reader.fail(
      isBehindStep
        ? "the end of the step (a packet has, in this order, flags, numbers, ack, win, urg and options)"
        : 'a step, which begins with its time: "+0.1", "0.1" or "*"',
    );
  }
}

const OPTION_VALUES: ReadonlySet<Token["kind"]> = new Set([
  "word",
  "integer",
  "hex",
  "float",
  "string",
  "ipv4",
  "ipv6",
]);
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DEFINED_VALUES: ReadonlySet<Token["kind"]> = new Set(["word", "integer", "hex", "string", "shell"]);

function beginsStep({ kind, text }: Token): boolean {
  return kind === "integer" || kind === "float" || (kind === "sign" && (text === "+" || text === "*"));
}

/** Exact microseconds of decimal seconds; what is finer is cut off, as in the originals. Null for what is no time. */
export function decimalMicroseconds(text: string): number | null {
  const parts = /^([0-9]*)(?:\.([0-9]+))?$/.exec(text);
  if (parts === null || text === "") return null;
  const seconds = Number(parts[1]);
  const fraction = Number((parts[2] ?? "").slice(0, US_DIGITS).padEnd(US_DIGITS, "0"));
  return seconds <= MOST_SECONDS ? seconds * US_PER_SECOND + fraction : null;
}
