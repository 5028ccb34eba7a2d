/**
 * Errors that an asynchronous user of a connection meets, each with a name that Deno users know.
 *
 * Owns: from a close reason to an error. Must not know: how a connection ends.
 */
import type { CloseReason } from "../tcp/events.ts";
import { netError, osError } from "./net_error.ts";

/** Why an operation on the connection called `name` cannot succeed any more. */
export function closeReasonError(name: string, reason: CloseReason): Error {
  switch (reason) {
    case "reset-by-peer":
      return osError("ECONNRESET", `${name} was reset by the peer`);
    case "reset-by-us":
      return osError("ECONNABORTED", `${name} was aborted on this side`);
    case "refused":
      return osError("ECONNREFUSED", `${name} was refused by the peer`);
    case "timeout":
      return osError("ETIMEDOUT", `the peer of ${name} does not answer`);
    case "normal":
      return notConnectedError(name);
  }
}

/** No packet gets to the peer; what `Deno.connect` says where nobody answers ARP, with `why` after it. */
export function hostUnreachableError(why: string): Error {
  return osError("EHOSTUNREACH", why);
}

/** The thing was closed by its user; `what` begins the sentence. */
export function closedError(what: string): Error {
  return netError("BadResource", `${what} is closed`);
}

/** What Deno says of a listener that was closed, to the letter: programs compare it. */
export function listenerClosedError(): Error {
  return netError("BadResource", "Listener has been closed");
}

/** Somebody waits in `accept` already; the words are Deno's too. */
export function acceptBusyError(): Error {
  return netError("Busy", "Another accept task is ongoing");
}

/** The call was under way when its user closed what it was about. */
export function interruptedError(): Error {
  return Object.assign(netError("Interrupted", "operation canceled"), { code: "EINTR" });
}

/** Both directions of the connection called `name` have ended. */
export function notConnectedError(name: string): Error {
  return osError("ENOTCONN", `${name} has ended`);
}

/** The side of the connection that would be written to was closed by its user, or went with the connection. */
export function writeClosedError(name: string): Error {
  return osError("EPIPE", `${name} is closed for writing`);
}
