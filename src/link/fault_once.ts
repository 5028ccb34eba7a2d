/**
 * One-shot faults as a person writes them: `drop:syn-ack`, `in:drop:fin`, `hold:ack@3:2s`.
 *
 * Owns: the words, the bounds, which segment a fault means, and the line that says what is wrong. Must not know: how a fault is
 * done (fault_path.ts), who is waiting for it (pending_faults.ts), where the text came from.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";

/** What is done to the one frame. */
export type OnceAction = typeof ACTIONS[number];

/** Which segment is meant. */
export type OnceTarget = keyof typeof TARGETS;

/** A fault that happens once. */
export interface OnceFault {
  /** As it was written. */
  readonly text: string;
  /** Seen from the host whose link it is; `either`: whichever such segment comes first. */
  readonly direction: "in" | "out" | "either";
  readonly action: OnceAction;
  readonly target: OnceTarget;
  /** The how manieth such segment from now on, from 1. */
  readonly nth: number;
  /** Of `hold`: how long, microseconds; else 0. */
  readonly holdUs: number;
}

const ACTIONS = ["drop", "dup", "corrupt", "hold"] as const;

/** Whether a segment is such a one. A bare ACK is what carries nothing and says nothing else. */
const TARGETS = {
  syn: (flags: number) => (flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN,
  "syn-ack": (flags: number) => (flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK),
  ack: (flags: number, length: number) =>
    length === 0 && (flags & (FLAG.SYN | FLAG.FIN | FLAG.RST | FLAG.ACK)) === FLAG.ACK,
  data: (flags: number, length: number) => length > 0 && (flags & (FLAG.SYN | FLAG.RST)) === 0,
  fin: (flags: number) => (flags & FLAG.FIN) !== 0,
  rst: (flags: number) => (flags & FLAG.RST) !== 0,
  any: () => true,
} as const satisfies Readonly<Record<string, (flags: number, length: number) => boolean>>;

/** Local choice: who waits for more has forgotten it by then. */
const MOST_NTH = 1000;
/** Local choice: longer than the retransmissions of an ordinary lesson. */
const MOST_HOLD_US = 60_000_000;
/** Local choice: the longest that means anything is half of it. */
const MOST_LETTERS = 64;
/** The words, for help texts. */
export const ONCE_EXAMPLE = "drop:syn-ack, in:drop:fin, dup:data, corrupt:data@2 or hold:ack:2s";

/** Reads a one-shot fault. Throws an Error whose message is one line: what is wrong, and what was expected. */
export function parseOnceFault(text: string): OnceFault {
  const shown = text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}...` : text;
  const wrong = (expected: string) => new Error(`${JSON.stringify(shown)}: expected ${expected}`);
  const parts = text.trim().split(":");
  const direction = parts[0] === "in" || parts[0] === "out" ? parts[0] : "either";
  if (direction !== "either") parts.shift();
  const [action, target, time, ...rest] = parts;
  if (text.length > MOST_LETTERS || target === undefined || rest.length > 0) {
    throw wrong(`ACTION:SEGMENT, as in ${ONCE_EXAMPLE}`);
  }
  if (!isAction(action)) throw wrong(`an action of ${ACTIONS.join(", ")} before the first colon`);
  const [, name, count] = /^([a-z-]+)(?:@(\d{1,4}))?$/.exec(target) ?? [];
  if (name === undefined || !isTarget(name)) {
    throw wrong(`a segment of ${Object.keys(TARGETS).join(", ")}, and @N behind it for the Nth from now on`);
  }
  const nth = count === undefined ? 1 : Number(count);
  if (nth < 1 || nth > MOST_NTH) throw wrong(`a number from 1 to ${MOST_NTH} behind @`);
  if (action !== "hold") {
    if (time !== undefined) throw wrong(`no time: only hold takes one, as in hold:${name}:2s`);
    return { text: text.trim(), direction, action, target: name, nth, holdUs: 0 };
  }
  const [, digits, unit] = /^(\d{1,6}(?:\.\d{1,6})?)(ms|s)$/.exec(time ?? "") ?? [];
  const holdUs = digits === undefined ? 0 : Math.round(Number(digits) * (unit === "s" ? 1_000_000 : 1_000));
  if (holdUs <= 0 || holdUs > MOST_HOLD_US) {
    throw wrong(`a time up to 60s with its unit (ms or s) at the end, as in hold:${name}:2s`);
  }
  return { text: text.trim(), direction, action, target: name, nth, holdUs };
}

/** Whether a fault means a segment like this one, whatever their number. */
export function isMeant(fault: OnceFault, found: Pick<TcpSegment, "flags" | "payloadLength">): boolean {
  return TARGETS[fault.target](found.flags, found.payloadLength);
}

function isAction(word: string): word is OnceAction {
  return ACTIONS.some((action) => action === word);
}

function isTarget(word: string): word is OnceTarget {
  return Object.hasOwn(TARGETS, word);
}
