/**
 * Inputs that fuzzing has found, kept by name (findings.json); every run of the tests goes through them again.
 *
 * Owns: their form as JSON, reading and writing it, and taking such an input again. Must not know: how they were found.
 */
import type { Step, UserCall, WorldOptions } from "./fuzz_world.ts";
import { type Finding, isHostTarget } from "./fuzz_runs.ts";
import { relive } from "./host_lives.ts";
import kept from "./findings.json" with { type: "json" };
import { PARSER_TARGETS } from "./parser_targets.ts";
import { TEXT_TARGETS } from "./text_targets.ts";

/** A step of a host's life in JSON. */
type KeptStep =
  | { readonly frame: string }
  | { readonly pass: number }
  | { readonly user: UserCall; readonly port: number; readonly amount: number }
  | { readonly connect: string; readonly port: number };

/** An input with its name. */
export interface KeptFinding {
  readonly name: string;
  readonly target: string;
  /** For a parser of bytes, in hex. */
  readonly bytes?: string;
  /** For a reader of text. */
  readonly text?: string;
  /** For the host. */
  readonly options?: WorldOptions;
  readonly steps?: readonly KeptStep[];
}

/** All that are kept. */
export function keptFindings(): readonly KeptFinding[] {
  const findings: readonly unknown[] = kept;
  return findings.filter(isFinding);
}

function isFinding(value: unknown): value is KeptFinding {
  if (typeof value === "object" && value !== null && "name" in value && "target" in value) return true;
  throw new Error(`findings.json holds what is no finding: ${JSON.stringify(value).slice(0, 200)}`);
}

/** Takes a kept input again; throws what breaks. */
export function takeAgain(finding: KeptFinding): void {
  const { target, bytes, text, options, steps } = finding;
  if (isHostTarget(target) && options !== undefined && steps !== undefined) {
    relive(options, steps.map(stepOf));
    return;
  }
  const parser = PARSER_TARGETS.find(({ name }) => name === target);
  const reader = TEXT_TARGETS.find(({ name }) => name === target);
  if (parser !== undefined && bytes !== undefined) {
    const input = bytesOf(bytes);
    parser.read(input, 0, input.length);
  } else if (reader !== undefined && text !== undefined) reader.read(text);
  else throw new Error(`"${finding.name}" has no input for the target "${target}"`);
}

/** A new finding in the form in which it is kept. */
export function asKept(finding: Finding, name: string): KeptFinding {
  const { target } = finding;
  if ("bytes" in finding) return { name, target, bytes: hexOf(finding.bytes) };
  if ("text" in finding) return { name, target, text: finding.text };
  return { name, target, options: finding.options, steps: finding.steps.map(keptStep) };
}

function keptStep(step: Step): KeptStep {
  switch (step.kind) {
    case "frame":
      return { frame: hexOf(step.bytes.subarray(0, step.length)) };
    case "pass":
      return { pass: step.us };
    case "user":
      return { user: step.call, port: step.port, amount: step.amount };
    case "connect":
      return { connect: hexOf(step.address), port: step.port };
  }
}

function stepOf(step: KeptStep): Step {
  if ("frame" in step) {
    const bytes = bytesOf(step.frame);
    return { kind: "frame", bytes, length: bytes.length };
  }
  if ("pass" in step) return { kind: "pass", us: step.pass };
  if ("user" in step) return { kind: "user", call: step.user, port: step.port, amount: step.amount };
  return { kind: "connect", address: bytesOf(step.connect), port: step.port };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
