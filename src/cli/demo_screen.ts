/**
 * What the demo puts on the screen: steps, events as they happen, outputs of programs, and the verdict.
 *
 * Owns: how these look. Must not know: where they come from.
 */
import { bold, dim, getColorEnabled, green, red } from "@std/fmt/colors";
import { textLog } from "../observe/event_text.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { printLine } from "./terminal.ts";

/** One thing that the demo promises to show, and whether it did. */
interface DemoCheck {
  readonly what: string;
  readonly ok: boolean;
}

const INDENT = "   ";
/** Width of the page when stdout is no terminal; the event text is made for it. */
const DEFAULT_WIDTH = 120;

/** The demo's page; lines appear in the order of the calls. */
export class DemoScreen {
  readonly checks: DemoCheck[] = [];
  readonly width = pageWidth();
  #step = 0;
  readonly #text = textLog({
    width: this.width - INDENT.length,
    color: getColorEnabled(),
    utcOffsetMinutes: -new Date().getTimezoneOffset(),
  });

  readonly #print: (line: string) => unknown;

  /** `print` takes one line at a time; stdout's when absent. */
  constructor(print: (line: string) => unknown = printLine) {
    this.#print = print;
  }

  /** A line, or several, as they are. */
  say(text: string): void {
    this.#print(text);
  }

  /** The heading of the next step. */
  step(title: string): void {
    this.#print(`\n${bold(`${++this.#step}  ${title}`)}`);
  }

  /** An event, as `serve` shows it. */
  event(event: TcpEvent): void {
    this.block(this.#text(event));
  }

  /** What a program said, below the words with which it was asked. */
  output(command: string, text: string): void {
    this.#print(`\n${INDENT}${dim("$")} ${bold(command)}`);
    this.block(text.trimEnd());
  }

  /** Lines, indented. */
  block(text: string): void {
    for (const line of text.split("\n")) this.#print(line === "" ? "" : INDENT + line);
  }

  /** Keeps whether something that was promised has happened. */
  promise(what: string, ok: boolean): void {
    this.checks.push({ what, ok });
  }

  /** The same, with a tick or a cross on the page. */
  check(what: string, ok: boolean): void {
    this.promise(what, ok);
    this.#print(`${INDENT}${ok ? green("✓") : red("✗")} ${what}`);
  }
}

function pageWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Math.max(80, Deno.consoleSize().columns) : DEFAULT_WIDTH;
  } catch {
    return DEFAULT_WIDTH;
  }
}
