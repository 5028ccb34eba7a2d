/**
 * Calls that wait for events: poll, epoll_create, epoll_ctl, epoll_wait.
 *
 * Owns: their arguments, what comes back, time limits. Must not know: what makes a descriptor ready.
 */
import { type CallOutcome, UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import type { Expression } from "../values.ts";
import { type CallArguments, memberOf, type Mismatch, textOf } from "./call_arguments.ts";
import { type Descriptor, READY } from "./descriptor.ts";
import { Epoll, type Interest, type ReadyDescriptor } from "./epoll.ts";
import { blocking, type CallMethod, failed, type Process, succeeded } from "./process.ts";

const MILLISECOND_US = 1000;
/** Local choice: more than a process has descriptors. */
const MOST_EVENTS = 4096;

/** Names of conditions, by what follows `POLL` and `EPOLL`. */
const CONDITIONS: readonly (readonly [string, number])[] = [
  ["IN", READY.IN],
  ["PRI", READY.PRIORITY],
  ["OUT", READY.OUT],
  ["ERR", READY.ERROR],
  ["HUP", READY.HANG_UP],
  ["RDHUP", READY.READ_HANG_UP],
  ["RDNORM", READY.IN],
  ["WRNORM", READY.OUT],
];

/** A descriptor that is none. */
const INVALID = 0x20;

const POLL_EVENTS = CONDITIONS.map(([end]) => `POLL${end}`);
const EPOLL_EVENTS = CONDITIONS.map(([end]) => `EPOLL${end}`);
/** How events are told. Who else is woken (`EPOLLEXCLUSIVE`) does not matter where there is one process. */
const EPOLL_KINDS = ["EPOLLET", "EPOLLONESHOT", "EPOLLEXCLUSIVE"];
const EPOLL_COMMANDS = ["EPOLL_CTL_ADD", "EPOLL_CTL_MOD", "EPOLL_CTL_DEL"];

/** Reads `POLLIN|POLLOUT` into {@link READY}; other names go to `others`. */
function conditionsOf(args: CallArguments, expression: Expression, others: string[]): number {
  let conditions = 0;
  for (const name of namesOf(args, expression)) {
    const known = CONDITIONS.find(([end]) => name === `POLL${end}` || name === `EPOLL${end}`);
    if (known !== undefined) conditions |= known[1];
    else if (name === "POLLNVAL") conditions |= INVALID;
    else others.push(name);
  }
  return conditions;
}

/** Those of `poll`. Throws for other names. */
function polledConditions(args: CallArguments, expression: Expression): number {
  return onlyConditions(args, { expression, known: POLL_EVENTS });
}

function onlyConditions(
  args: CallArguments,
  about: { readonly expression: Expression; readonly known: readonly string[] },
): number {
  const others: string[] = [];
  const conditions = conditionsOf(args, about.expression, others);
  if (others.length === 0) return conditions;
  throw new UnsupportedConstruct(`${others[0]}${meantText(others[0], about.known)}`);
}

function namesOf(args: CallArguments, expression: Expression): string[] {
  switch (expression.kind) {
    case "word":
      return [expression.name];
    case "binary":
      return [...namesOf(args, expression.left), ...namesOf(args, expression.right)];
    case "number":
      if (expression.value === 0) return [];
  }
  throw args.unreadable(expression);
}

/** Conditions as a script writes them, each once. */
function conditionText(conditions: number, prefix: string): string {
  const names = CONDITIONS.slice(0, 6).filter(([, bit]) => (conditions & bit) !== 0).map(([end]) =>
    `${prefix}${end}`
  );
  if ((conditions & INVALID) !== 0) names.push("POLLNVAL");
  return names.length === 0 ? "0" : names.join("|");
}

/** A time limit in milliseconds: as long as it likes where it is negative. */
function deadlineOf(process: Process, milliseconds: number): number {
  return milliseconds < 0 ? Infinity : process.ground.nowUs + milliseconds * MILLISECOND_US;
}

// -- poll

interface Polled {
  readonly number: number;
  readonly events: number;
  readonly expression: Expression;
}

/** poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 1000). */
const poll: CallMethod = (process, args) => {
  args.demand(3);
  const list = args.at(0);
  if (list.kind !== "array") throw args.unreadable(list);
  const polled = list.items.map((expression): Polled => {
    const number = memberOf(expression, "fd");
    const events = memberOf(expression, "events");
    if (number === null || events === null) throw args.unreadable(expression);
    return { number: args.valueOf(number), events: polledConditions(args, events), expression };
  });
  const found = (): number[] => polled.map((entry) => pollOne(process, entry));
  const outcome = (results: readonly number[]): CallOutcome =>
    succeeded(results.filter((result) => result !== 0).length, comparePoll(args, polled, results));
  const milliseconds = args.number(2);
  return blocking(() => {
    const results = found();
    return results.some((result) => result !== 0) ? outcome(results) : null;
  }, {
    mayBlock: milliseconds !== 0,
    deadlineUs: deadlineOf(process, milliseconds),
    late: () => outcome(found()),
  });
};

function pollOne(process: Process, { number, events }: Polled): number {
  if (number < 0) return 0;
  const descriptor = process.find(number);
  if (descriptor === null) return INVALID;
  return descriptor.readiness & (events | READY.ERROR | READY.HANG_UP);
}

function comparePoll(
  args: CallArguments,
  polled: readonly Polled[],
  results: readonly number[],
): Mismatch | null {
  for (const [at, { expression }] of polled.entries()) {
    const wanted = memberOf(expression, "revents");
    if (wanted === null || wanted.kind === "ellipsis") continue;
    if (polledConditions(args, wanted) === results[at]) continue;
    return { expected: `revents=${textOf(wanted)}`, actual: `revents=${conditionText(results[at], "POLL")}` };
  }
  return null;
}

// -- epoll

/** epoll_create(1), epoll_create1(0). */
const epollCreate: CallMethod = (process, args) => {
  args.demand(1);
  if (args.call.name === "epoll_create" && args.number(0) <= 0) return failed("EINVAL");
  return process.open(new Epoll(), args);
};

function epollOf(
  process: Process,
  args: CallArguments,
): { epoll: Epoll; error: null } | { epoll: null; error: CallOutcome } {
  const descriptor: Descriptor | null = process.find(args.number(0));
  if (descriptor === null) return { epoll: null, error: failed("EBADF") };
  if (!(descriptor instanceof Epoll)) return { epoll: null, error: failed("EINVAL") };
  return { epoll: descriptor, error: null };
}

/** epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}). */
const epollCtl: CallMethod = (process, args) => {
  args.demand(3, 4);
  const { epoll, error } = epollOf(process, args);
  if (epoll === null) return error;
  const number = args.number(2);
  const descriptor = process.find(number);
  if (descriptor === null) return failed("EBADF");
  switch (args.word(1)) {
    case "EPOLL_CTL_ADD":
      return epoll.add(number, descriptor, interestOf(args, number)) ? succeeded(0) : failed("EEXIST");
    case "EPOLL_CTL_MOD":
      return epoll.modify(number, interestOf(args, number)) ? succeeded(0) : failed("ENOENT");
    case "EPOLL_CTL_DEL":
      return epoll.remove(number) ? succeeded(0) : failed("ENOENT");
    default:
      throw new UnsupportedConstruct(`${args.word(1)}${meantText(args.word(1), EPOLL_COMMANDS)}`);
  }
};

function interestOf(args: CallArguments, number: number): Interest {
  const event = args.at(3);
  const events = memberOf(event, "events");
  if (events === null) throw args.unreadable(event);
  const others: string[] = [];
  const conditions = conditionsOf(args, events, others);
  for (const name of others) {
    if (EPOLL_KINDS.includes(name)) continue;
    throw new UnsupportedConstruct(`${name}${meantText(name, [...EPOLL_EVENTS, ...EPOLL_KINDS])}`);
  }
  return {
    events: conditions,
    isEdge: others.includes("EPOLLET"),
    isOneShot: others.includes("EPOLLONESHOT"),
    data: dataOf(args, event) ?? number,
  };
}

/** What is to be told with an event; null where the script does not say. */
function dataOf(args: CallArguments, event: Expression): number | null {
  for (const name of ["fd", "ptr", "u32", "u64"]) {
    const value = memberOf(event, name);
    if (value !== null && value.kind !== "ellipsis") return args.valueOf(value);
  }
  return null;
}

/** epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0): the event as it comes back; `{events=0, ptr=0}` without one. */
const epollWait: CallMethod = (process, args) => {
  args.demand(4, 5);
  const { epoll, error } = epollOf(process, args);
  if (epoll === null) return error;
  const most = args.number(2);
  if (most <= 0 || most > MOST_EVENTS) return failed("EINVAL");
  const milliseconds = args.number(3);
  const outcome = (ready: readonly ReadyDescriptor[]): CallOutcome =>
    succeeded(ready.length, compareEvents(args, ready));
  return blocking(() => {
    const ready = epoll.take(most);
    return ready.length > 0 ? outcome(ready) : null;
  }, {
    mayBlock: milliseconds !== 0,
    deadlineUs: deadlineOf(process, milliseconds),
    late: () => outcome([]),
  });
};

function compareEvents(args: CallArguments, ready: readonly ReadyDescriptor[]): Mismatch | null {
  const expected = args.at(1);
  if (expected.kind === "ellipsis") return null;
  const items = expected.kind === "array" ? expected.items : [expected];
  for (const [at, item] of items.entries()) {
    const events = memberOf(item, "events");
    if (events === null || events.kind === "ellipsis") continue;
    const actual = ready.at(at) ?? { events: 0, data: 0 };
    const data = dataOf(args, item);
    const wanted = onlyConditions(args, { expression: events, known: EPOLL_EVENTS });
    const isSame = wanted === actual.events && (data === null || data === actual.data);
    if (!isSame) {
      return {
        expected: textOf(item),
        actual: `{events = ${conditionText(actual.events, "EPOLL")}, fd = ${actual.data}}`,
      };
    }
  }
  return null;
}

/** By name. */
export const EVENT_CALLS: Readonly<Record<string, CallMethod>> = {
  poll,
  epoll_create: epollCreate,
  epoll_create1: epollCreate,
  epoll_ctl: epollCtl,
  epoll_wait: epollWait,
  epoll_pwait: epollWait,
};
