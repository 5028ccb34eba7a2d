/**
 * What `listen` and `connect` may be given, read as Deno reads it: ports as numbers or their text, hosts as addresses.
 *
 * Owns: the texts that are taken, and what is said of the others. Must not know: hosts, which addresses are theirs.
 */
import { isUnspecified, parseIpAddress } from "../wire/address.ts";

const MOST_PORT = 0xffff;

/** What Deno's older callers give: the text of a number does, too. */
export type Port = number | string;

/** A port to connect to, 1 to 65535. Throws TypeError and RangeError with Deno's words. */
export function connectPort(given: Port): number {
  const port = portNumber(given);
  if (port === 0) throw outOfRange(given);
  return port;
}

/** A port to listen on; 0, as when nothing is given: any that is free. Throws as {@link connectPort}. */
export function listenPort(given: Port | null | undefined): number {
  return given === undefined || given === null ? 0 : portNumber(given);
}

/** Throws TypeError for a transport that is not ours: who asks for another must not get TCP. */
export function mustBeTcp(transport: string | undefined): void {
  if (transport !== undefined && transport !== "tcp") {
    throw new TypeError(`Unsupported transport: '${transport}'`);
  }
}

function portNumber(given: Port): number {
  if (typeof given !== "number" && typeof given !== "string") {
    throw new TypeError(`Invalid port (expected number): ${given}`);
  }
  const port = given === "" ? NaN : Number(given);
  if (!Number.isInteger(port)) {
    throw new TypeError(`Invalid port: ${typeof given === "string" ? `'${given}'` : given}`);
  }
  if (port < 0 || port > MOST_PORT) throw outOfRange(given);
  return port;
}

function outOfRange(given: Port): RangeError {
  return new RangeError(`Invalid port (out of range): ${given}`);
}

/**
 * Where to listen: an address, or null for every one. `localhost` is every one, too: a stack has no loopback interface, and is
 * reached by its addresses alone.
 */
export function listenAddress(hostname: string | undefined): Uint8Array | null {
  if (hostname === undefined || hostname === "localhost") return null;
  const address = hostAddress(hostname);
  return isUnspecified(address) ? null : address;
}

/** An address as Deno takes it: `10.0.0.1`, `::1`, `[::1]`. Throws TypeError for anything else. */
export function hostAddress(text: string): Uint8Array {
  const [, bare] = /^\[(.*:.*)\]$/.exec(text) ?? [null, text];
  const address = parseIpAddress(String(bare));
  if (address === null) {
    throw new TypeError(`"${text}" is not an IP address: names are not looked up, give the address`);
  }
  return address;
}
