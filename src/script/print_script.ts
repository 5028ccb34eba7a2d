/**
 * printScript: a script as text. What was read and not changed comes out as it was written, comments and layout
 * with it; what was changed or made comes out in the canonical notation.
 *
 * Owns: the canonical notation of the frame of a script, and the order of its pieces. Must not know: where the texts that
 * were read are kept (layout.ts), packets and calls (print_packet.ts, print_expression.ts).
 */
import { type SourceRole, sourceSurroundings, sourceText, type Surroundings } from "./layout.ts";
import { printCall } from "./print_expression.ts";
import { printPacket } from "./print_packet.ts";
import type { Place, Script, ScriptOption, ScriptPart, ShellCommand, Step, StepTime } from "./values.ts";

const US_PER_SECOND = 1_000_000;
const US_DIGITS = 6;

/** How a script is written. */
export interface PrintOptions {
  /** `kept` (the default): with the comments and the layout that it was read with. `canonical`: without. */
  readonly layout?: "kept" | "canonical";
}

/** The text of a script; {@link parseScript} makes the same script of it. */
export function printScript(script: Script, { layout = "kept" }: PrintOptions = {}): string {
  const writer = new ScriptWriter(layout === "kept");
  for (const option of script.options) writer.write(option, printOption(option));
  if (script.setUp !== null) writer.write(script.setUp, printShell(script.setUp));
  writer.writeParts(script.steps);
  if (script.cleanUp !== null) writer.write(script.cleanUp, printShell(script.cleanUp));
  return writer.end();
}

/** One step with its time, in canonical notation. */
export function printStep({ time, event }: Step): string {
  return `${printTime(time)} ${printEvent(event)}`;
}

/** `+0.1`, `0.1~0.2`, `+0...0.5`, `*`. */
export function printTime({ base, fromUs, untilUs, endUs }: StepTime): string {
  if (base === "any" || fromUs === null) return "*";
  const sign = base === "relative" ? "+" : "";
  const until = untilUs === null || untilUs === fromUs ? "" : `~${sign}${printSeconds(untilUs)}`;
  return `${sign}${printSeconds(fromUs)}${until}${endUs === null ? "" : `...${printSeconds(endUs)}`}`;
}

function printSeconds(us: number): string {
  const fraction = String(us % US_PER_SECOND).padStart(US_DIGITS, "0").replace(/0+$/, "");
  return `${Math.floor(us / US_PER_SECOND)}${fraction === "" ? "" : `.${fraction}`}`;
}

function printEvent(event: Step["event"]): string {
  switch (event.kind) {
    case "packet":
      return printPacket(event);
    case "call":
      return printCall(event);
    case "shell":
      return printShell(event);
    case "code":
      return `%{${event.text}}%`;
  }
}

function printShell({ text }: ShellCommand): string {
  return `\`${text}\``;
}

/** What the grammar takes without quotes. */
const BARE_VALUE =
  /^(?:[A-Za-z0-9_]+|-?[0-9]*\.?[0-9]+|[0-9]+(?:\.[0-9]+){3}|[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*|(?:[0-9A-Fa-f]+:){7}[0-9A-Fa-f]+)$/;
const DEFINITION = /^[A-Za-z0-9_]+=(?:[A-Za-z0-9_]+|-[0-9]+|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)$/s;

function printOption({ name, value }: ScriptOption): string {
  if (value === null) return `--${name}`;
  return `--${name}=${BARE_VALUE.test(value) || DEFINITION.test(value) ? value : `"${value}"`}`;
}

/** Puts pieces behind each other, with what stood between them. */
class ScriptWriter {
  readonly #isKept: boolean;
  #text = "";
  #last: Surroundings | null = null;

  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  /** A piece; `canonical` is its text where none is kept. */
  write(node: ScriptOption | ShellCommand | ScriptPart, canonical: string): void {
    const kept = this.#isKept ? sourceText(node) : undefined;
    this.#put(kept ?? canonical, { place: node.place, role: "whole" });
  }

  writeParts(parts: readonly ScriptPart[]): void {
    for (const part of parts) {
      if (part.kind === "step") {
        this.write(part, printStep(part));
        continue;
      }
      const { place } = part;
      this.write(part, `${part.negated ? "#ifndef" : "#ifdef"} ${part.name}`);
      this.writeParts(part.then);
      if (part.otherwise.length > 0 || (this.#isKept && sourceSurroundings(place, "else") !== undefined)) {
        this.#put("#else", { place, role: "else" });
        this.writeParts(part.otherwise);
      }
      this.#put("#endif", { place, role: "end" });
    }
  }

  end(): string {
    return this.#last === null ? `${this.#text}\n` : this.#text;
  }

  #put(piece: string, { place, role }: { readonly place: Place; readonly role: SourceRole }): void {
    const around = this.#isKept ? sourceSurroundings(place, role) ?? null : null;
    const before = around?.before ?? "";
    const isInOrder = around !== null && around.follows === this.#last &&
      (this.#last !== null || this.#text === "");
    const needsLine = !isInOrder && this.#text !== "" && !/^[ \t\r]*\n/.test(before);
    this.#text += `${needsLine ? "\n" : ""}${before}${piece}${around?.after ?? ""}`;
    this.#last = around;
  }
}
