/** Addresses of either family as a test writes them down. */
import { assert } from "@std/assert";
import { parseIpAddress } from "../../src/wire/address.ts";
import type { HostAddress } from "../../src/host/own_addresses.ts";

/** The address that `text` names, which must be one. */
export function at(text: string): Uint8Array {
  const address = parseIpAddress(text);
  assert(address !== null, `not an address: ${text}`);
  return address;
}

/** `ADDRESS/LENGTH`. */
export function network(text: string): HostAddress {
  const [address, length] = text.split("/");
  return { address: at(address), prefixLength: Number(length) };
}
