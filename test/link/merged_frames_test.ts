/**
 * Merged frames cut back into packets: nothing is lost or changed, and each piece is a packet that a wire can carry.
 */
import { assert, assertEquals } from "@std/assert";
import { faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { FrameCutter } from "../../src/link/merged_frames.ts";
import { readU16, writeU16 } from "../../src/wire/bytes.ts";
import { foldSum, pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { FLAG, flagBits, TCP } from "../../src/wire/tcp.ts";
import { craftSegment, type ReadPacket, readPacket, type Route } from "../tcp/frame_craft.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";

const ROUTES: Readonly<Record<string, Route>> = {
  IPv4: { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 },
  IPv6: { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 },
};

function merged(
  route: Route,
  dataBytes: number,
  change: { flags?: number; corrupt?: boolean } = {},
): Uint8Array {
  return craftSegment(route, {
    sourcePort: 1,
    targetPort: 2,
    flags: change.flags ?? flagBits(["FIN", "PSH", "ACK", "CWR"]),
    seq: 0xffff_f000,
    ack: 7,
    window: 500,
    options: { timestamps: { value: 8, echo: 9 } },
    data: Uint8Array.from({ length: dataBytes }, (_, i) => (i * 7 + (i >>> 8)) & 0xff),
    ...(change.corrupt === undefined ? {} : { corrupt: change.corrupt }),
  });
}

/** The pieces, each taken apart and demanded to be well formed. */
function pieces(frame: Uint8Array): ReadPacket[] | null {
  const cut: ReadPacket[] = [];
  const isCut = new FrameCutter(1500).cut(frame, frame.length, (piece, length) => {
    const packet = readPacket(piece.slice(0, length));
    if (packet !== null) cut.push(packet);
  });
  return isCut ? cut : null;
}

for (const [family, route] of Object.entries(ROUTES)) {
  Deno.test(`merged frames: ${family} pieces carry the same bytes in packets of the MTU`, () => {
    const frame = merged(route, 20_000);
    const cut = pieces(frame) ?? [];
    const headerBytes = (family === "IPv4" ? 20 : 40) + 32;
    assertEquals(cut.length, Math.ceil(20_000 / (1500 - headerBytes)));
    const data: number[] = [];
    for (const [index, { packetBytes, segment }] of cut.entries()) {
      assert(packetBytes <= 1500 && segment !== null);
      assertEquals(segment.seq, (0xffff_f000 + data.length) >>> 0);
      assertEquals([segment.ack, segment.window, segment.tsValue, segment.tsEcho], [7, 500, 8, 9]);
      const isLast = index === cut.length - 1;
      assertEquals((segment.flags & FLAG.CWR) !== 0, index === 0);
      assertEquals((segment.flags & (FLAG.PSH | FLAG.FIN)) !== 0, isLast);
      data.push(
        ...segment.buffer.subarray(segment.payloadOffset, segment.payloadOffset + segment.payloadLength),
      );
    }
    assertEquals(Uint8Array.from(data), frame.slice(frame.length - 20_000));
  });
}

Deno.test("merged frames: a sum that was left to a device is completed in each piece", () => {
  const frame = merged(ROUTES.IPv4, 5000);
  const sum = pseudoHeaderSum(frame, 26, 4, 6, frame.length - 34);
  writeU16(frame, 34 + TCP.CHECKSUM, foldSum(sum));
  assertEquals(pieces(frame)?.length, 4);
});

Deno.test("merged frames: a length of zero stands for all of the frame, as Linux says it above 65,535 bytes", () => {
  for (const [family, lengthAt] of [["IPv4", 16], ["IPv6", 18]] as const) {
    const frame = merged(ROUTES[family], 4000);
    writeU16(frame, lengthAt, 0);
    assertEquals(
      pieces(frame)?.map(({ segment }) => segment?.payloadLength).reduce((sum = 0, part = 0) => sum + part),
      4000,
    );
    writeU16(frame, lengthAt, 1);
    assertEquals(pieces(frame), null);
  }
});

Deno.test("merged frames: IP ids count on", () => {
  assertEquals(pieces(merged(ROUTES.IPv4, 4000))?.map(({ ipId }) => ipId), [1, 2, 3]);
});

Deno.test("merged frames: what is no merged segment stays whole", () => {
  assertEquals(pieces(merged(ROUTES.IPv4, 1448)), null, "a full packet");
  assertEquals(pieces(merged(ROUTES.IPv4, 1449))?.length, 2);
  assertEquals(pieces(merged(ROUTES.IPv4, 5000, { corrupt: true })), null, "a wrong checksum");
  for (const flag of [FLAG.SYN, FLAG.RST, FLAG.URG]) {
    assertEquals(pieces(merged(ROUTES.IPv4, 5000, { flags: flag | FLAG.ACK })), null, `flag ${flag}`);
  }
  const padded = new Uint8Array(3000);
  padded.set(merged(ROUTES.IPv4, 2000));
  assertEquals(pieces(padded), null, "padding behind it");
  const other = merged(ROUTES.IPv4, 5000);
  other[23] = 17;
  assertEquals(pieces(other), null, "not TCP");
});

Deno.test("merged frames: the least piece is one byte of text; where not even that fits, nothing is cut", () => {
  const frame = merged(ROUTES.IPv4, 20);
  const headers = 20 + 32;
  for (const [mtu, count] of [[headers + 1, 20], [headers, 0], [headers - 8, 0]] as const) {
    const lengths: number[] = [];
    const isCut = new FrameCutter(mtu).cut(frame, frame.length, (_piece, length) => lengths.push(length));
    assertEquals([isCut, lengths], [count > 0, new Array(count).fill(14 + headers + 1)]);
  }
});

Deno.test("merged frames: pieces of one frame after those of a smaller and a larger one are its own", () => {
  const cutter = new FrameCutter(1500);
  for (const bytes of [2000, 9000, 3000]) {
    const frame = merged(ROUTES.IPv4, bytes);
    const data: number[] = [];
    cutter.cut(frame, frame.length, (piece, length) => data.push(...piece.subarray(66, length)));
    assertEquals(Uint8Array.from(data), frame.slice(66));
  }
});

Deno.test("fault link: each packet of a merged frame has a fate of its own", () => {
  const [good, memory] = memoryPair({ maxPacketBytes: 0x10000 });
  const bad = faultLink(memory, { faults: parseFaultSpec("in:drop=20%,seed=3"), nowUs: () => 0 });
  const frame = merged(ROUTES.IPv4, 60_000);
  good.send(frame, frame.length);
  let count = 0;
  while (
    bad.receive((piece, length) => {
      assert(readU16(piece, 16) === length - 14 && length <= 1514);
      count++;
    }, 10) > 0
  );
  assertEquals(bad.faultCounts().in?.frames, 42);
  assertEquals(count, 42 - (bad.faultCounts().in?.dropped ?? 0));
  assert(count > 20 && count < 42, `${count}`);
});

Deno.test("fault link: pieces are as large as the device carries now", () => {
  const [good, memory] = memoryPair({ maxPacketBytes: 0x10000 });
  const bad = faultLink(memory, { faults: parseFaultSpec("in:delay=0ms,dup=1%,seed=3"), nowUs: () => 0 });
  const frame = merged(ROUTES.IPv4, 10_000);
  const largest = () => {
    good.send(frame, frame.length);
    let most = 0;
    while (bad.receive((_piece, length) => most = Math.max(most, length), 10) > 0);
    return most;
  };
  assertEquals(largest(), 1514);
  memory.mtu = 1000;
  assertEquals(largest(), 1014);
});
