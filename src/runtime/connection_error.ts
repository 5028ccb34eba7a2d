/**
 * Errors that an asynchronous user of a connection meets, each with a name that Deno users know.
 *
 * Owns: from a close reason to an error. Must not know: how a connection ends.
 */
import type { CloseReason } from "../tcp/events.ts";

/** Why an operation on the connection called `name` cannot succeed any more. */
export function closeReasonError(name: string, reason: CloseReason): Error {
  switch (reason) {
    case "reset-by-peer":
      return new Deno.errors.ConnectionReset(`Connection ${name} was reset by the peer`);
    case "reset-by-us":
      return new Deno.errors.ConnectionAborted(`Connection ${name} was aborted on this side`);
    case "refused":
      return new Deno.errors.ConnectionRefused(`Connection ${name} was refused by the peer`);
    case "timeout":
      return new Deno.errors.TimedOut(`Connection ${name} timed out: the peer does not answer`);
    case "normal":
      return closedError(`Connection ${name}`);
  }
}

/** No packet gets to the peer; what `Deno.connect` says where nobody answers ARP, with `why` after it. */
export function hostUnreachableError(why: string): Error {
  return Object.assign(new Error(`No route to host (os error 113): ${why}`), { code: "EHOSTUNREACH" });
}

/** The thing was closed by its user; `what` begins the sentence. */
export function closedError(what: string): Error {
  return new Deno.errors.BadResource(`${what} is closed`);
}

/** The side of the connection that would be written to was closed by its user. */
export function writeClosedError(name: string): Error {
  return new Deno.errors.BrokenPipe(`Connection ${name} is closed for writing`);
}
