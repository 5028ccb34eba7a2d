/**
 * The kernel's default routes by a device: Linux's /proc/net/route and /proc/net/ipv6_route of this network namespace.
 *
 * Owns: reading and parsing those files, and which of the routes is taken. Must not know: what is sent there.
 *
 * Formats: net/ipv4/fib_trie.c and net/ipv6/route.c of the Linux source. The IPv4 words are hex in the machine's byte order,
 * the IPv6 addresses hex as on the wire.
 */
import type { IpAddress } from "../wire/address.ts";
import { readProcText } from "./proc_files.ts";

/** A router that the kernel sends everything to that has no better route. */
interface DefaultRoute {
  readonly gateway: IpAddress;
  readonly metric: number;
}

/** Fields of a line of /proc/net/route, counted from zero. */
const IPV4_FIELD = { device: 0, destination: 1, gateway: 2, flags: 3, metric: 6, mask: 7 } as const;
/** Fields of a line of /proc/net/ipv6_route. */
const IPV6_FIELD = { destination: 0, prefixLength: 1, gateway: 4, metric: 5, flags: 8, device: 9 } as const;
/** RTF_UP and RTF_GATEWAY of <linux/route.h>; RTF_REJECT: such a route leads nowhere. */
const FLAG = { up: 0x1, gateway: 0x2, reject: 0x200 } as const;

/** The routers of the default routes by `device`, at most one of each family: that with the least metric. */
export function kernelGateways(device: string): IpAddress[] {
  return [
    nearest(parseIpv4Routes(readProcText("/proc/net/route") ?? "", { device })),
    // Missing where IPv6 is off.
    nearest(parseIpv6Routes(readProcText("/proc/net/ipv6_route") ?? "", { device })),
  ].filter((gateway) => gateway !== null);
}

/** The router of the route with the least metric, the first of equals; null without any. */
export function nearest(routes: readonly DefaultRoute[]): IpAddress | null {
  let best: DefaultRoute | null = null;
  for (const route of routes) if (best === null || route.metric < best.metric) best = route;
  return best?.gateway ?? null;
}

/** The default routes by a device in the text of /proc/net/route; lines that are none are left out. */
export function parseIpv4Routes(
  text: string,
  { device, littleEndian = machineIsLittleEndian() }: { device: string; littleEndian?: boolean },
): DefaultRoute[] {
  const routes: DefaultRoute[] = [];
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const { destination, flags, mask, gateway, metric } = IPV4_FIELD;
    if (fields[IPV4_FIELD.device] !== device || !leads(fields[flags])) continue;
    if (!/^0{8}$/.test(fields[destination]) || !/^0{8}$/.test(fields[mask] ?? "")) continue;
    if (!/^[0-9A-F]{8}$/i.test(fields[gateway])) continue;
    const address = new Uint8Array(4);
    new DataView(address.buffer).setUint32(0, parseInt(fields[gateway], 16), littleEndian);
    routes.push({ gateway: address, metric: Number(fields[metric]) || 0 });
  }
  return routes;
}

/** The default routes by a device in the text of /proc/net/ipv6_route. */
export function parseIpv6Routes(text: string, { device }: { device: string }): DefaultRoute[] {
  const routes: DefaultRoute[] = [];
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const { destination, prefixLength, gateway, metric, flags } = IPV6_FIELD;
    if (fields[IPV6_FIELD.device] !== device || !leads(fields[flags])) continue;
    if (!/^0{32}$/.test(fields[destination]) || fields[prefixLength] !== "00") continue;
    if (!/^[0-9a-f]{32}$/i.test(fields[gateway])) continue;
    const address = Uint8Array.from(fields[gateway].match(/../g) ?? [], (pair) => parseInt(pair, 16));
    routes.push({ gateway: address, metric: parseInt(fields[metric], 16) || 0 });
  }
  return routes;
}

function leads(flags: string | undefined): boolean {
  const value = parseInt(flags ?? "", 16);
  return (value & FLAG.up) !== 0 && (value & FLAG.gateway) !== 0 && (value & FLAG.reject) === 0;
}

function machineIsLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}
