/**
 * What options of sockets are made of: how a value is set, and what is given back.
 *
 * Owns: the shape of an option, and the kinds that many options share. Must not know: any option's name.
 */
import { type CallOutcome, UnsupportedConstruct } from "../kernel.ts";
import type { Expression } from "../values.ts";
import { type CallArguments, memberOf, type Mismatch, textOf, unboxed } from "./call_arguments.ts";
import { failed, type Process, succeeded } from "./process.ts";
import type { TcpSocket } from "./tcp_socket.ts";

/** What an option is set on, or asked of. */
export interface OptionPlace {
  readonly process: Process;
  readonly socket: TcpSocket;
  readonly args: CallArguments;
  /** The fourth argument. */
  readonly value: Expression;
}

/** One option. A method that is missing: it cannot be set, or asked (ENOPROTOOPT). */
export interface SocketOption {
  readonly set?: (place: OptionPlace) => CallOutcome;
  readonly get?: (place: OptionPlace) => CallOutcome;
}

/** `[5]` or `5`; throws for what is no number. */
export function numberIn({ args, value }: OptionPlace): number {
  const inner = unboxed(value);
  if (inner.kind === "ellipsis") return 0;
  return args.valueOf(inner);
}

/** Gives a number back. */
export function tellNumber(place: OptionPlace, actual: number): CallOutcome {
  return succeeded(0, place.args.compare(place.value, actual));
}

/** Gives text back. */
export function tellText({ value }: OptionPlace, actual: string): CallOutcome {
  const inner = unboxed(value);
  const isSame = inner.kind === "ellipsis" || (inner.kind === "string" && inner.value === actual);
  return succeeded(0, isSame ? null : { expected: textOf(value), actual: JSON.stringify(actual) });
}

/** Members of a struct in their order, by these names where they have any: `{1, 0}`, `{onoff=1, linger=0}`. */
export function membersIn(place: OptionPlace, names: readonly string[]): number[] {
  const { args, value } = place;
  if (value.kind === "array" && value.items.length === names.length) {
    return value.items.map((item) => args.valueOf(item));
  }
  if (value.kind !== "struct" || value.fields.length !== names.length) throw args.unreadable(value);
  return names.map((name, at) => args.valueOf(memberOf(value, name) ?? value.fields[at].value));
}

/** Compares members with what there is. */
export function tellMembers(
  place: OptionPlace,
  names: readonly string[],
  actual: readonly number[],
): CallOutcome {
  if (place.value.kind === "ellipsis") return succeeded(0);
  const wanted = membersIn(place, names);
  const isSame = wanted.every((value, at) => value === actual[at]);
  const mismatch: Mismatch = {
    expected: textOf(place.value),
    actual: `{${names.map((name, at) => `${name}=${actual[at]}`).join(", ")}}`,
  };
  return succeeded(0, isSame ? null : mismatch);
}

/** A number that is kept and given back, and means nothing to TCP here. */
export function keptNumber(name: string, first = 0): SocketOption {
  return {
    set: (place) => {
      place.socket.settings.kept.set(name, numberIn(place));
      return succeeded(0);
    },
    get: (place) => tellNumber(place, place.socket.settings.kept.get(name) ?? first),
  };
}

/** A number in these bounds, with what it does. */
export function boundedNumber(
  { least, most, get, set }: {
    least: number;
    most: number;
    get: (place: OptionPlace) => number;
    set: (place: OptionPlace, value: number) => void;
  },
): SocketOption {
  return {
    set: (place) => {
      const value = numberIn(place);
      if (value < least || value > most) return failed("EINVAL");
      set(place, value);
      return succeeded(0);
    },
    get: (place) => tellNumber(place, get(place)),
  };
}

/** On or off. */
export function flag(
  { get, set }: { get: (place: OptionPlace) => boolean; set: (place: OptionPlace, on: boolean) => void },
): SocketOption {
  return {
    set: (place) => {
      set(place, numberIn(place) !== 0);
      return succeeded(0);
    },
    get: (place) => tellNumber(place, get(place) ? 1 : 0),
  };
}

/** An option that is known, and is not there. */
export function missing(name: string): SocketOption {
  const refuse = (): never => {
    throw new UnsupportedConstruct(name);
  };
  return { set: refuse, get: refuse };
}
