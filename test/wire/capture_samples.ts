/**
 * Good capture files of every kind, to be read in pieces and to be damaged.
 *
 * Owns: the files. Must not know: how they are damaged, what comes of that.
 */
import { FLAG } from "../../src/wire/tcp.ts";
import { craftSegment, type Route } from "../tcp/frame_craft.ts";
import { ALL_OPTIONS } from "../tcp/states.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";
import {
  block,
  comment,
  enhancedPacket,
  interfaceDescription,
  joined,
  obsoletePacket,
  type Order,
  pcapBytes,
  sectionHeader,
  simplePacket,
} from "./capture_writer.ts";

const ROUTES: readonly Route[] = [
  { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 },
  { sourceMac: HOST_MAC, targetMac: PEER_MAC, source: HOST_V6, target: PEER_V6 },
];
const PLAIN = { sourcePort: 40_000, targetPort: 7777, seq: 0xffff_fff0, ack: 1, window: 1000 };

/** Frames with segments of both families. */
const FRAMES: readonly Uint8Array[] = ROUTES.flatMap((route) => [
  craftSegment(route, { ...PLAIN, flags: FLAG.SYN, options: ALL_OPTIONS, data: new Uint8Array(0) }),
  craftSegment(route, { ...PLAIN, flags: FLAG.ACK, data: new Uint8Array(37).fill(0x61) }),
]);

function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, ...frame.subarray(12));
}

function cooked(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 0, 0, 1, 0, 6, ...PEER_MAC, 0, 0, ...frame.subarray(12));
}

function pcapSample(
  order: Order,
  magic: number,
  linkType: number,
  frames: readonly Uint8Array[],
): Uint8Array {
  const records = frames.map((data, i) => ({ seconds: 1_700_000_000 + i, fraction: i * 1000, data }));
  const extra = magic === 0xa1b2cd34 ? new Array<number>(8).fill(0) : [];
  return pcapBytes({ order, magic, linkType, extra, records });
}

function pcapngSample(first: Order, second: Order): Uint8Array {
  return joined(
    sectionHeader(first, [comment("two sections")]),
    interfaceDescription(first, { options: [[2, [0x65, 0x30]], [9, [9]]] }),
    interfaceDescription(first, { linkType: 113, options: [[9, [0x94]]] }),
    enhancedPacket(first, {
      ticks: 1_700_000_000_000_000_000n,
      data: tagged(FRAMES[0]),
      options: [comment("SYN")],
    }),
    block(first, 4, [0, 0, 0, 0]),
    enhancedPacket(first, { ticks: 123n << 40n, data: cooked(FRAMES[1]), interfaceIndex: 1 }),
    simplePacket(first, FRAMES[2]),
    sectionHeader(second),
    interfaceDescription(second, { snapLength: 96, linkType: 101 }),
    block(second, 0x0bad, [0, 0, 0, 1, 5]),
    obsoletePacket(second, { ticks: 99n, data: FRAMES[3].subarray(14, 90), original: FRAMES[3].length - 14 }),
    enhancedPacket(second, { ticks: 100n, data: FRAMES[1].subarray(14) }),
  );
}

/** Each with a name, and the packets that are in it. */
export const SAMPLES: readonly {
  readonly name: string;
  readonly file: Uint8Array;
  readonly packets: number;
}[] = [
  { name: "pcap, microseconds", file: pcapSample("little", 0xa1b2c3d4, 1, FRAMES), packets: 4 },
  {
    name: "pcap, nanoseconds, big-endian",
    file: pcapSample("big", 0xa1b23c4d, 1, FRAMES.map(tagged)),
    packets: 4,
  },
  { name: "pcap, modified", file: pcapSample("little", 0xa1b2cd34, 113, FRAMES.map(cooked)), packets: 4 },
  { name: "pcapng, little and big", file: pcapngSample("little", "big"), packets: 5 },
  { name: "pcapng, big and little", file: pcapngSample("big", "little"), packets: 5 },
];
