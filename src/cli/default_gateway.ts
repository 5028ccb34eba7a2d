/**
 * The router that the kernel uses on a device: Linux's /proc/net/route of this network namespace.
 *
 * Owns: reading and parsing that file. Must not know: what the router is needed for.
 *
 * Format: include/uapi/linux/route.h and net/ipv4/fib_trie.c of the Linux source: hex words in the machine's byte order.
 */
import type { IpAddress } from "../wire/address.ts";

/** Fields of a line, counted from zero. */
const FIELD = { device: 0, destination: 1, gateway: 2, flags: 3, mask: 7 } as const;
/** RTF_UP and RTF_GATEWAY. */
const UP_WITH_GATEWAY = 0x0003;
const DEFAULT_ROUTE = "00000000";

/** The gateway of the device's default route in the text of /proc/net/route; null when there is none. */
export function parseDefaultGateway(text: string, device: string): IpAddress | null {
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (fields[FIELD.device] !== device || fields[FIELD.destination] !== DEFAULT_ROUTE) continue;
    const flags = parseInt(fields[FIELD.flags] ?? "0", 16);
    const isDefault = fields[FIELD.mask] === DEFAULT_ROUTE && (flags & UP_WITH_GATEWAY) === UP_WITH_GATEWAY;
    if (!isDefault || !/^[0-9A-F]{8}$/i.test(fields[FIELD.gateway] ?? "")) continue;
    // The same bytes that the word has in memory, which is network order.
    return new Uint8Array(Uint32Array.of(parseInt(fields[FIELD.gateway], 16)).buffer);
  }
  return null;
}

/** The gateway of the device's default route; null where there is none or the system does not tell. */
export function readDefaultGateway(device: string): IpAddress | null {
  try {
    return parseDefaultGateway(Deno.readTextFileSync("/proc/net/route"), device);
  } catch {
    return null;
  }
}
