/**
 * Which row the machine takes, by which rule, and from which line of its source: watched while it walks.
 *
 * Owns: watching the queue of effects for changes of state. Must not know: the walks.
 */
import { EFFECT, Effects } from "../../src/tcp/effects.ts";
import type { TransitionEvent } from "../../src/tcp/events.ts";
import { type Transition, type TransitionId, TRANSITIONS } from "../../src/tcp/transitions.ts";
import type { Walk } from "./transition_walks.ts";

/** One change of state. */
export interface RowStep {
  readonly row: TransitionId;
  readonly rule: string;
  /** `src/tcp/arrives.ts:80`; null where the host told it itself, as it does for a listener. */
  readonly place: string | null;
}

/** Files that every change of state passes through. */
const WAYS = /\/(?:effects|change_state)\.ts$/;
const FRAME = /\(?(file:\/\/[^\s()]+\.ts):(\d+):\d+\)?$/;
const PROJECT = new URL("../../", import.meta.url).href;

/** Whether an event is what a row says. */
export function isOf(row: Transition, event: TransitionEvent): boolean {
  if (row.from !== event.from || row.to !== event.to || row.cause !== event.cause) return false;
  if ((row.recv === null) !== (event.recv === null)) return false;
  return (row.recv ?? []).every((flag) => event.recv?.includes(flag));
}

/** The changes of state of one walk, in order, those of the way to its beginning included. */
export function stepsOf(walk: Walk): RowStep[] {
  const places: string[] = [];
  const push = Effects.prototype.push;
  Effects.prototype.push = function (kind, tcb) {
    if (kind === EFFECT.STATE) places.push(callerPlace(new Error().stack ?? ""));
    return push.call(this, kind, tcb);
  };
  try {
    const { events } = walk();
    const steps = events.filter((event) => event.event === "transition").map((event) => ({
      row: rowOf(event).id,
      rule: event.rule,
      place: isListeners(event) ? null : places.shift() ?? "nowhere",
    }));
    if (places.length > 0 || steps.some(({ place }) => place === "nowhere")) {
      throw new Error("Not as many changes of state were told as there were");
    }
    return steps;
  } finally {
    Effects.prototype.push = push;
  }
}

function rowOf(event: TransitionEvent): Transition {
  const rows = TRANSITIONS.filter((row) => row.rfc === event.rfc && isOf(row, event));
  if (rows.length === 1) return rows[0];
  const { from, to, cause } = event;
  throw new Error(`${from} > ${to} by ${cause} is ${rows.map(({ id }) => id).join(" or ") || "no row"}`);
}

/** A listener is told of by the host; the machine has no record of it. */
function isListeners({ connection }: TransitionEvent): boolean {
  return connection.endsWith("-*:*");
}

/** The first line of our source that stands above the ways that every change of state takes. */
function callerPlace(stack: string): string {
  for (const line of stack.split("\n")) {
    const match = FRAME.exec(line.trim());
    if (match === null || !match[1].startsWith(`${PROJECT}src/`) || WAYS.test(match[1])) continue;
    return `${match[1].slice(PROJECT.length)}:${match[2]}`;
  }
  return "nowhere";
}
