/**
 * What the kernel knows of a device and libpcap does not tell: its MTU.
 *
 * Owns: one ioctl. Must not know: capture.
 */

import { libc } from "./libc.ts";
import { cString } from "./native_memory.ts";
import { IFREQ, IFREQ_REQUESTS } from "./struct_layouts.ts";

/** `AF_INET`, `SOCK_DGRAM`: any socket will do to ask about a device. */
const AF_INET = 2;
const SOCK_DGRAM = 2;

/** The largest IP packet in bytes that `device` carries, or null where the system does not tell (not on Linux). */
export function deviceMtu(device: string): number | null {
  // ioctl is variadic: Linux passes its pointer like any other, Apple's arm64 does not.
  if (Deno.build.os !== "linux") return null;
  const name = cString(device);
  if (name.length > IFREQ.nameBytes) return null;
  const symbols = libc();
  const socket = symbols.socket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0) return null;
  try {
    const request = new Uint8Array(IFREQ.sizeBytes);
    request.set(name, IFREQ.name);
    if (symbols.ioctl(socket, BigInt(IFREQ_REQUESTS.mtu), request) !== 0) return null;
    return new DataView(request.buffer).getInt32(IFREQ.mtu, true);
  } finally {
    symbols.close(socket);
  }
}
