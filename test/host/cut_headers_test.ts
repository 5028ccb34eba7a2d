/**
 * Segments that a link cuts for us: their frame, their sum, and with IPv4 the identifications that their parts will use.
 */
import { assert, assertEquals } from "@std/assert";
import { RecordingLink } from "../tcp/recording_link.ts";
import { complaint, opened, seqOf, u32 } from "./conversation.ts";
import { ethernet, hex, tcp } from "./hand_frames.ts";
import { segmentOf, WIRE_FAMILIES } from "./wire_families.ts";
import { OUR_MAC, PEER_MAC, WireHost } from "./wire_host.ts";

const PSH = 8;
const ACK = 16;
const LARGEST = 65_517;

/** A link that takes large packets, and notes at which size each is to be cut. */
class CutLink extends RecordingLink {
  override readonly maxPacketBytes: number;
  readonly #cuts: number[];

  constructor(
    options: ConstructorParameters<typeof RecordingLink>[0],
    about: { cuts: number[]; maxPacketBytes: number },
  ) {
    super(options);
    this.#cuts = about.cuts;
    this.maxPacketBytes = about.maxPacketBytes;
  }

  override send(frame: Uint8Array, length: number, cutBytes = 0): void {
    this.#cuts.push(cutBytes);
    super.send(frame, length);
  }
}

function idOf(frame: Uint8Array): number {
  return (frame[18] << 8) | frame[19];
}

for (const family of WIRE_FAMILIES) {
  const { name, us, peer } = family;
  const addresses = [family.addresses[0]];
  const headers = family.ipBytes + 20;
  /** Of a frame before the text, where TCP has no options. */
  const before = 14 + headers;
  const full = 1500 - headers;
  /** The longest headers: TCP's with all its options. */
  const most = family.ipBytes + 60;
  const tooBig = name === "IPv4" ? { type: 3, code: 4 } : { type: 2, code: 0 };

  const cuttingHost = (maxPacketBytes = LARGEST): { wire: WireHost; cuts: number[] } => {
    const cuts: number[] = [];
    const wire = new WireHost({
      addresses,
      newLink: (options) => new CutLink(options, { cuts, maxPacketBytes }),
    });
    return { wire, cuts };
  };

  Deno.test(`${name}: a segment to be cut: one frame, its sum the pseudo-header's part, numbered on by the parts that it makes`, () => {
    const { wire, cuts } = cuttingHost();
    const { connection, iss } = opened(wire, { family });
    cuts.length = 0;
    const data = Uint8Array.from({ length: 14_000 }, (_, at) => at & 0xff);
    wire.user(() => connection.write(data));
    const frames = wire.take();
    assert(cuts.some((cut) => cut > 0), "large segments");
    let at = 0;
    frames.forEach((frame, index) => {
      const length = frame.length - before;
      const isCut = length > full;
      assertEquals(cuts[index], isCut ? full : 0);
      const flags = frame[before - 7];
      assertEquals(flags & ~PSH, ACK);
      const ends = { source: us, target: peer };
      const segment = tcp({
        ...ends,
        sourcePort: 80,
        targetPort: 4000,
        seq: (iss + 1 + at) >>> 0,
        ack: 1001,
        flags,
        window: 0xffff,
        sum: isCut ? "partial" : "right",
      }, data.subarray(at, at + length));
      const ip = { ...ends, protocol: 6, id: idOf(frame), flowLabel: u32(frame, 14) & 0xfffff };
      const packet = family.packet({ ...ip, dontFragment: true }, segment);
      assertEquals(hex(frame), hex(ethernet({ to: PEER_MAC, from: OUR_MAC, type: family.type }, packet)));
      at += length;
      const next = frames[index + 1];
      if (next !== undefined && name === "IPv4") {
        assertEquals(idOf(next), (idOf(frame) + Math.ceil(length / full)) & 0xffff);
      }
    });
    assert(at >= 9 * full, "the initial window");
    // The packet after them goes on from there, too.
    const last = frames[frames.length - 1];
    wire.take();
    const [ack] = wire.gives(segmentOf(family, { seq: 99_999, ack: iss + 1, flags: ACK }, "outside"));
    assertEquals(seqOf(ack), (iss + 1 + at) >>> 0);
    if (name === "IPv4") {
      assertEquals(idOf(ack), (idOf(last) + Math.ceil((last.length - before) / full)) & 0xffff);
    }
  });

  Deno.test(`${name}: a segment to be cut leaves room for the longest headers in the largest packet, and is of whole segments`, () => {
    for (
      const [maxPacketBytes, largest] of [
        [3 * full + most - 1, 2 * full],
        [3 * full + most, 3 * full],
        [1501, full],
        [2 * full + most, 2 * full],
        [2 * full + most - 1, full],
      ]
    ) {
      const { wire } = cuttingHost(maxPacketBytes);
      const { connection } = opened(wire, { family });
      wire.user(() => connection.write(new Uint8Array(60_000)));
      assertEquals(
        Math.max(...wire.take().map((frame) => frame.length - before)),
        largest,
        `${maxPacketBytes}`,
      );
    }
  });

  Deno.test(`${name}: a link that does not cut gets no segment above its MTU, and no cut size`, () => {
    const wire = new WireHost({ addresses });
    const { connection } = opened(wire, { family });
    wire.user(() => connection.write(new Uint8Array(14_000)));
    for (const frame of wire.take()) assert(frame.length <= 1514);
  });

  Deno.test(`${name}: after a told path MTU segments are cut at its size`, () => {
    const { wire, cuts } = cuttingHost();
    const { connection, iss } = opened(wire, { family });
    wire.user(() => connection.write(new Uint8Array(60_000)));
    wire.take();
    cuts.length = 0;
    const quoted = { source: us, sourcePort: 80, targetPort: 4000, seq: iss + 1 };
    const again = wire.gives(complaint({ ...tooBig, rest: 1300, quoted }));
    assert(again.length > 0);
    again.forEach((frame, index) => {
      if (frame.length > 1314) assertEquals(cuts[index], 1300 - headers);
      else assertEquals(cuts[index], 0);
    });
  });
}
