/**
 * Errors as `Deno.errors` has them: the same classes where the program runs on Deno, classes of the same names elsewhere.
 *
 * Owns: from a code of the operating system to a class, a sentence and a number (Linux's, as Deno's messages on Linux have
 * them). Must not know: what failed.
 */
import { HostError } from "../host/host_error.ts";

/** The classes that can occur, by their names. */
export type NetErrorName =
  | "AddrInUse"
  | "AddrNotAvailable"
  | "BadResource"
  | "BrokenPipe"
  | "Busy"
  | "ConnectionAborted"
  | "ConnectionRefused"
  | "ConnectionReset"
  | "Interrupted"
  | "NetworkUnreachable"
  | "NotConnected"
  | "TimedOut";

interface OsError {
  /** Null where Deno has no class for it: a plain Error then. */
  readonly name: NetErrorName | null;
  readonly text: string;
  readonly number: number;
}

/** Linux's numbers (`asm-generic/errno.h`) and sentences (`strerror`). */
const OS_ERRORS = {
  EPIPE: { name: "BrokenPipe", text: "Broken pipe", number: 32 },
  EAFNOSUPPORT: { name: null, text: "Address family not supported by protocol", number: 97 },
  EADDRINUSE: { name: "AddrInUse", text: "Address already in use", number: 98 },
  EADDRNOTAVAIL: { name: "AddrNotAvailable", text: "Cannot assign requested address", number: 99 },
  ENETUNREACH: { name: "NetworkUnreachable", text: "Network is unreachable", number: 101 },
  ECONNABORTED: { name: "ConnectionAborted", text: "Software caused connection abort", number: 103 },
  ECONNRESET: { name: "ConnectionReset", text: "Connection reset by peer", number: 104 },
  ENOBUFS: { name: null, text: "No buffer space available", number: 105 },
  ENOTCONN: { name: "NotConnected", text: "Transport endpoint is not connected", number: 107 },
  ETIMEDOUT: { name: "TimedOut", text: "Connection timed out", number: 110 },
  ECONNREFUSED: { name: "ConnectionRefused", text: "Connection refused", number: 111 },
  EHOSTUNREACH: { name: null, text: "No route to host", number: 113 },
} as const satisfies Readonly<Record<string, OsError>>;

/** What the operating system would answer. */
export type OsErrorCode = keyof typeof OS_ERRORS;

type ErrorClass = new (message: string) => Error;

/** Made where the platform has none; one of each, so that `instanceof` tells them apart. */
const ownClasses = new Map<NetErrorName, ErrorClass>();

function classOf(name: NetErrorName): ErrorClass {
  const native: Partial<Record<NetErrorName, ErrorClass>> = typeof Deno === "undefined" ? {} : Deno.errors;
  const found = native[name] ?? ownClasses.get(name);
  if (found !== undefined) return found;
  const made = class extends Error {
    override readonly name: string = name;
  };
  ownClasses.set(name, made);
  return made;
}

/** An error of the class with this name. */
export function netError(name: NetErrorName, message: string): Error {
  return new (classOf(name))(message);
}

/** What Deno throws where the operating system answers with `code`, and after its words `why`, about what. */
export function osError(code: OsErrorCode, why: string): Error {
  const { name, text, number } = OS_ERRORS[code];
  const message = `${text} (os error ${number}): ${why}`;
  return Object.assign(name === null ? new Error(message) : netError(name, message), { code });
}

/** What a call of a host threw, as Deno would throw it; what is no {@link HostError} stays what it is. */
export function hostErrorAsDeno(error: unknown): unknown {
  return error instanceof HostError ? osError(error.code, error.message) : error;
}
