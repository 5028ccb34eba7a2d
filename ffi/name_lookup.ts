/**
 * Names of hosts: the system's resolver, with /etc/hosts and all that /etc/nsswitch.conf names.
 *
 * Owns: the call of getaddrinfo(3), on a helper thread, and what it says. Must not know: which address is taken.
 *
 * `Deno.resolveDns` asks name servers alone, and knows nothing of /etc/hosts: a name would mean one thing to `curl` and
 * another to tcplab.
 */

import { libc } from "./libc.ts";
import { bytesAt, cString, pointerAt, readCString, textOfBuffer } from "./native_memory.ts";
import { IFREQ, LAYOUTS, POINTER_BYTES } from "./struct_layouts.ts";

/** One address of a name. */
export interface ResolvedAddress {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  /** The device of a link-local address, where the resolver knows it. */
  readonly zone: string | null;
}

/** The resolver has no address; `message` is its own word for why. */
export class NameLookupError extends Error {
  override name = "NameLookupError";
}

/** `SOCK_STREAM`, alike everywhere that Deno runs: each address once, and not once for each kind of socket. */
const SOCK_STREAM = 1;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** The addresses of a name, in the resolver's order (RFC 6724, by the kernel's own addresses). Throws {@link NameLookupError}. */
export async function lookUpName(name: string): Promise<ResolvedAddress[]> {
  const symbols = libc();
  const { addrinfo } = LAYOUTS;
  const hints = new Uint8Array(addrinfo.sizeBytes);
  new DataView(hints.buffer).setInt32(addrinfo.socketType, SOCK_STREAM, true);
  const result = new Uint8Array(POINTER_BYTES);
  const code = await symbols.getaddrinfo(cString(name), null, hints, result);
  if (code !== 0) {
    throw new NameLookupError(readCString(symbols.gai_strerror(code)) ?? `getaddrinfo says ${code}`);
  }
  const first = Deno.UnsafePointer.create(new BigUint64Array(result.buffer)[0]);
  try {
    const found: ResolvedAddress[] = [];
    for (let entry: Deno.PointerValue = first; entry !== null; entry = pointerAt(entry, addrinfo.next)) {
      const address = readAddress(entry);
      if (address !== null) found.push(address);
    }
    return found;
  } finally {
    symbols.freeaddrinfo(first);
  }
}

function readAddress(entry: Deno.PointerObject): ResolvedAddress | null {
  const { addrinfo, families, sockaddrIn, sockaddrIn6 } = LAYOUTS;
  const socketAddress = pointerAt(entry, addrinfo.address);
  if (socketAddress === null) return null;
  const view = new Deno.UnsafePointerView(entry);
  const family = view.getInt32(addrinfo.family);
  if (family === families.inet) {
    const address = bytesAt(socketAddress, { offset: sockaddrIn.address, lengthBytes: IPV4_BYTES });
    return { address, zone: null };
  }
  if (family !== families.inet6) return null;
  const address = bytesAt(socketAddress, { offset: sockaddrIn6.address, lengthBytes: IPV6_BYTES });
  const scope = new Deno.UnsafePointerView(socketAddress).getUint32(sockaddrIn6.scope);
  return { address, zone: scope === 0 ? null : deviceName(scope) };
}

function deviceName(index: number): string | null {
  const name = new Uint8Array(IFREQ.nameBytes);
  return libc().if_indextoname(index, name) === null ? null : textOfBuffer(name);
}
