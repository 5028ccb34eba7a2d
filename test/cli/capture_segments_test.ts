/** Segments of a capture as values: every field of a few, and what is counted beside them. */
import { assertEquals } from "@std/assert";
import { readSegments } from "../../src/cli/capture_segments.ts";
import type { CapturedSegment } from "../../src/story/from_packets.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { craftSegment, type Route } from "../tcp/frame_craft.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";
import { pcapBytes } from "../wire/capture_writer.ts";

const V4: Route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 };
const V6: Route = { sourceMac: HOST_MAC, targetMac: PEER_MAC, source: HOST_V6, target: PEER_V6 };
const SYN = {
  sourcePort: 40_000,
  targetPort: 7777,
  flags: FLAG.SYN,
  seq: 0xffff_fff0,
  ack: 0,
  window: 64_240,
  options: { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: { value: 5, echo: 0 } },
  data: new Uint8Array(0),
};
const DATA = {
  sourcePort: 7777,
  targetPort: 40_000,
  flags: FLAG.ACK | FLAG.PSH,
  seq: 1,
  ack: 2,
  window: 500,
  options: { timestamps: { value: 7, echo: 5 }, sack: [[10, 20]] as const },
  data: new Uint8Array(50),
};

/** With a tag, and its IP header's checksum off by one. */
function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 5, ...frame.subarray(12));
}

function withWrongHeader(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy[24] ^= 1;
  return copy;
}

Deno.test("segments of a capture: every field, and what gave none", async () => {
  const data = craftSegment(V6, DATA);
  const arp = Uint8Array.of(...new Uint8Array(12), 8, 6, ...new Uint8Array(28));
  const frames: readonly (readonly [Uint8Array, number?])[] = [
    [craftSegment(V4, SYN)],
    [arp],
    [data.subarray(0, data.length - 10), data.length],
    [tagged(craftSegment(V4, { ...SYN, corrupt: true }))],
    [withWrongHeader(craftSegment(V4, SYN))],
    [arp],
    [data.subarray(0, data.length - 10)],
  ];
  const path = await Deno.makeTempFile();
  const segments: CapturedSegment[] = [];
  try {
    const records = frames.map(([data, original], i) => ({
      seconds: 1_700_000_000 + i,
      fraction: 250_000,
      data,
      ...(original === undefined ? {} : { original }),
    }));
    await Deno.writeFile(path, pcapBytes({ order: "big", records }));
    assertEquals(await readSegments(path, { onSegment: (segment) => segments.push(segment) }), {
      frames: 7,
      segments: 5,
      skipped: new Map([["not-ip", 2]]),
      shortened: 1,
      linkType: "Ethernet",
      dropped: null,
    });
  } finally {
    await Deno.remove(path);
  }
  const syn = {
    source: "10.0.0.9:40000",
    destination: "10.0.0.1:7777",
    vlans: [],
    flags: FLAG.SYN,
    seq: 0xffff_fff0,
    ack: 0,
    window: 64_240,
    options: { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: { value: 5, echo: 0 } },
    length: 0,
    ttl: 64,
    ipId: 1,
  };
  const answer = {
    number: 3,
    time: 1_700_000_002.25,
    source: "[fd00::1]:7777",
    destination: "[fd00::9]:40000",
    vlans: [],
    flags: FLAG.ACK | FLAG.PSH,
    seq: 1,
    ack: 2,
    window: 500,
    options: { sack: [[10, 20]], timestamps: { value: 7, echo: 5 } },
    length: 50,
    ttl: 64,
  };
  assertEquals<unknown>(segments, [
    { ...syn, number: 1, time: 1_700_000_000.25, checksum: "correct" },
    answer,
    { ...syn, number: 4, time: 1_700_000_003.25, vlans: [5], checksum: "wrong" },
    { ...syn, number: 5, time: 1_700_000_004.25, checksum: "wrong" },
    { ...answer, number: 7, time: 1_700_000_006.25 },
  ]);
});

Deno.test("segments of a capture have the bytes of their headers where these are wanted, and only there", async () => {
  const path = await Deno.makeTempFile();
  const frame = craftSegment(V4, SYN);
  const headers = async (keepsHeaders: boolean) => {
    const found: (string | undefined)[] = [];
    await readSegments(path, { keepsHeaders, onSegment: ({ header }) => found.push(header) });
    return found;
  };
  try {
    const records = [{ seconds: 1, fraction: 0, data: frame }, { seconds: 2, fraction: 0, data: frame }];
    await Deno.writeFile(path, pcapBytes({ order: "big", records }));
    const header = String.fromCharCode(...frame.subarray(34, 34 + (frame[46] >> 4) * 4));
    assertEquals(await headers(true), [header, header]);
    assertEquals(await headers(false), [undefined, undefined]);
  } finally {
    await Deno.remove(path);
  }
});
