/**
 * What the two servers of pages have in common: the headers of every answer, answers in text, and why an address cannot be had.
 *
 * Owns: these. Must not know: which page it is.
 */
import { endpointText } from "../wire/address.ts";

/** On every answer: nothing is kept, guessed at, or told to other sites. */
export function headers(type: string): Record<string, string> {
  return {
    "content-type": type,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
  };
}

/** A line for a person. */
export function text(status: number, message: string): Response {
  return new Response(`${message}\n`, { status, headers: headers("text/plain; charset=utf-8") });
}

/** What went wrong, in the system's words. */
export function messageOf(error: unknown): string {
  // Deno's own server says "Error: " once more.
  return error instanceof Error ? error.message.replace(/^Error: /, "") : String(error);
}

/** Which page wanted which address. */
interface WantedAddress {
  /** `live page`. */
  readonly what: string;
  /** The words that may have it already: `serve --ui`. */
  readonly command: string;
  /** The option by which another one is chosen: `--ui`. */
  readonly option: string;
  readonly hostname: string;
  readonly port: number;
  /** One that is mostly free. */
  readonly otherPort: number;
}

/** Why a page cannot have its address, and what to do. */
export function whyNoAddress(error: unknown, wanted: WantedAddress): string {
  const { what, command, option, hostname, port, otherPort } = wanted;
  const address = endpointText(hostname, port);
  const instead = (one: number) => `${option} 127.0.0.1:${one}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `The ${what}'s address ${address} is in use (by another ${command}?): choose another port, as in ` +
      `${instead(otherPort)}, or ${instead(0)} for any free one`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `The ${what} may not have the address ${address}: choose a port above 1023, as in ${
      instead(otherPort)
    }`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `The ${what}'s address ${address} is not there: is the loopback device up (ip link set lo up)?`;
  }
  return `The ${what} cannot have the address ${address} (${messageOf(error)}): choose another, as in ${
    instead(otherPort)
  }`;
}
