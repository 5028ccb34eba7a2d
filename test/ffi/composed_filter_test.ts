/** The capture filter by libpcap: which frames pass it; each frame is written by hand. */
import { assertEquals } from "@std/assert";
import { openCaptureFile } from "../../ffi/capture_file_link.ts";
import { composeFilter } from "../../src/cli/filter.ts";
import { parseIpAddress } from "../../src/wire/address.ts";
import { ethernet, four, ipv4, tcp, two } from "../host/hand_frames.ts";
import { temporaryFile, withoutLibpcap } from "./native_library.ts";

const free = (text: string) => ({ text, kernelOwned: false });
const owned = (text: string) => ({ text, kernelOwned: true });
const NOTHING_MORE = { ports: [3333], user: null, vlan: null };

const OURS = "fd00::3";
const PEER = "fd00::9";
const OUR_MAC = "02:00:00:00:00:03";
const PEER_MAC = "02:00:00:00:00:09";

function address(text: string): Uint8Array {
  return parseIpAddress(text) ?? new Uint8Array(16);
}

/** An IPv6 packet in a frame; what a filter looks at is right, sums are not. */
function ipv6(
  about: { to?: string; next: number; vlan?: number },
  payload: readonly number[],
): Uint8Array {
  const { to = OURS, next, vlan } = about;
  const packet = [
    0x60,
    0,
    0,
    0,
    ...two(payload.length),
    next,
    255,
    ...address(PEER),
    ...address(to),
    ...payload,
  ];
  const header = { to: OUR_MAC, from: PEER_MAC, type: 0x86dd, ...(vlan === undefined ? {} : { vlan }) };
  return ethernet(header, Uint8Array.from(packet));
}

/** A SYN to a port: only ports, offset and flags count here. */
const syn = (
  port: number,
) => [...two(50000), ...two(port), ...four(1), ...four(0), 0x50, 2, ...two(100), 0, 0, 0, 0];
const icmpv6 = (type: number) => [type, 0, 0, 0, ...four(0), ...address(OURS)];
/** A fragment header (RFC 8200 §4.5): next header, offset in bytes, more to follow. */
const fragment = (next: number, offset: number, more: number) => [next, 0, ...two(offset | more), ...four(7)];
/** A hop-by-hop header with the router alert of a listener query (RFC 2711, RFC 3810 §5). */
const routerAlert = [0x3a, 0, 5, 2, 0, 0, 1, 0];

function overIpv4(to: string, protocol: number, payload: Uint8Array, over = {}): Uint8Array {
  const header = { source: "10.0.0.9", target: to, protocol, ...over };
  return ethernet({ to: OUR_MAC, from: PEER_MAC }, ipv4(header, payload));
}

function ipv4Syn(to: string, port: number): Uint8Array {
  const segment = { source: "10.0.0.9", target: to, sourcePort: 50000, targetPort: port, seq: 1, flags: 2 };
  return overIpv4(to, 6, tcp(segment));
}

const FRAMES: Readonly<Record<string, Uint8Array>> = {
  "arp request": ethernet(
    { to: OUR_MAC, from: PEER_MAC, type: 0x0806 },
    Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1),
  ),
  "arp reply": ethernet({ to: OUR_MAC, from: PEER_MAC, type: 0x0806 }, Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 2)),
  "v4 syn 80": ipv4Syn("10.0.0.3", 80),
  "v4 syn 22": ipv4Syn("10.0.0.3", 22),
  "v4 syn elsewhere": ipv4Syn("10.0.0.4", 80),
  "v4 last fragment": overIpv4("10.0.0.3", 6, new Uint8Array(40), { fragmentOffset: 1480 }),
  "v4 udp": overIpv4("10.0.0.3", 17, new Uint8Array(8)),
  "v4 echo request": overIpv4("10.0.0.3", 1, Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0)),
  "v4 unreachable": overIpv4("10.0.0.3", 1, Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0)),
  "v6 syn 80": ipv6({ next: 6 }, syn(80)),
  "v6 syn 22": ipv6({ next: 6 }, syn(22)),
  "v6 syn elsewhere": ipv6({ next: 6, to: "fd00::4" }, syn(80)),
  "v6 behind options": ipv6({ next: 60 }, [6, 0, 1, 4, 0, 0, 0, 0, ...syn(22)]),
  "v6 first fragment": ipv6({ next: 44 }, [...fragment(6, 0, 1), ...syn(22)]),
  "v6 last fragment": ipv6({ next: 44 }, [...fragment(6, 1232, 0), 1, 2, 3]),
  "v6 udp": ipv6({ next: 17 }, [0, 1, 0, 2, 0, 8, 0, 0]),
  "v6 echo request": ipv6({ next: 58 }, icmpv6(128)),
  "v6 too big": ipv6({ next: 58 }, icmpv6(2)),
  "v6 solicitation": ipv6({ next: 58, to: "ff02::1:ff00:3" }, icmpv6(135)),
  "v6 solicitation to us": ipv6({ next: 58 }, icmpv6(135)),
  "v6 advertisement": ipv6({ next: 58 }, icmpv6(136)),
  "v6 advertisement to all": ipv6({ next: 58, to: "ff02::1" }, icmpv6(136)),
  "v6 router advertisement": ipv6({ next: 58, to: "ff02::1" }, icmpv6(134)),
  "v6 listener query": ipv6({ next: 0, to: "ff02::1" }, [...routerAlert, ...icmpv6(130)]),
  "v6 mdns": ipv6({ next: 17, to: "ff02::fb" }, [0, 1, 0, 2, 0, 8, 0, 0]),
  "v6 syn 80 in vlan 7": ipv6({ next: 6, vlan: 7 }, syn(80)),
};

/** The frames that pass, by their names; read from a file by libpcap. */
async function passing(filter: string): Promise<string[]> {
  const header = [...word(0xa1b2c3d4), 2, 0, 4, 0, ...word(0), ...word(0), ...word(262144), ...word(1)];
  // The time tells which frame it was.
  const records = Object.values(FRAMES).flatMap((frame, number) => [
    ...[number, 0, frame.length, frame.length].flatMap(word),
    ...frame,
  ]);
  await using file = await temporaryFile(Uint8Array.from([...header, ...records]));
  using link = openCaptureFile(file.path, { filter });
  const names: string[] = [];
  const take = (_frame: Uint8Array, _length: number, atUs: number) =>
    names.push(Object.keys(FRAMES)[atUs / 1_000_000]);
  while (link.receive(take, 100) > 0);
  return names;
}

function word(value: number): number[] {
  return [...four(value >>> 0)].reverse();
}

function judge(name: string, parts: Parameters<typeof composeFilter>[0], refused: readonly string[]) {
  Deno.test({
    name: `capture filter: ${name}${withoutLibpcap}`,
    ignore: withoutLibpcap !== "",
    fn: async () => {
      const names = await passing(composeFilter(parts));
      assertEquals(Object.keys(FRAMES).filter((frame) => !names.includes(frame)), refused);
    },
  });
}

const TAGGED = "v6 syn 80 in vlan 7";
const ELSEWHERE = ["v4 syn elsewhere", "v6 syn elsewhere", "v6 mdns", TAGGED];
const BOTH = [free("10.0.0.3"), free("fd00::3")];
judge("both families", { ...NOTHING_MORE, addresses: BOTH }, ELSEWHERE);
judge(
  "a port of one's own leaves fragments and extension headers alone",
  { ...NOTHING_MORE, addresses: BOTH, user: "port 80" },
  ["v4 syn elsewhere", "v4 syn 22", "v6 syn 22", "v6 syn elsewhere", "v6 mdns", TAGGED].toSorted((a, b) =>
    Object.keys(FRAMES).indexOf(a) - Object.keys(FRAMES).indexOf(b)
  ),
);
judge(
  "IPv6 alone",
  { ...NOTHING_MORE, addresses: [free("fd00::3")] },
  [...Object.keys(FRAMES).filter((name) => !name.startsWith("v6")), ...ELSEWHERE.slice(1)],
);
judge(
  "an address that the kernel owns too",
  { ports: [80], addresses: [owned("10.0.0.3"), owned("fd00::3")], user: null, vlan: null },
  [
    "arp request",
    "v4 syn 22",
    "v4 syn elsewhere",
    "v4 last fragment",
    "v4 udp",
    "v4 echo request",
    "v6 syn 22",
    "v6 syn elsewhere",
    "v6 behind options",
    "v6 first fragment",
    "v6 last fragment",
    "v6 udp",
    "v6 echo request",
    "v6 solicitation",
    "v6 solicitation to us",
    "v6 listener query",
    "v6 mdns",
    TAGGED,
  ],
);
judge(
  "a VLAN of its own",
  { ...NOTHING_MORE, addresses: BOTH, vlan: 7 },
  Object.keys(FRAMES).filter((name) => name !== TAGGED),
);
