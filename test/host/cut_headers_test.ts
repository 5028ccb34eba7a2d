/**
 * Segments that a link cuts for us: their frame, their sum, and the identifications that their parts will use.
 */
import { assert, assertEquals } from "@std/assert";
import { RecordingLink } from "../tcp/recording_link.ts";
import { complaint, opened, u32 } from "./conversation.ts";
import { ethernet, hex, ipv4, tcp } from "./hand_frames.ts";
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, segmentFrame, WireHost } from "./wire_host.ts";

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

function cuttingHost(maxPacketBytes = LARGEST): { wire: WireHost; cuts: number[] } {
  const cuts: number[] = [];
  const wire = new WireHost({ newLink: (options) => new CutLink(options, { cuts, maxPacketBytes }) });
  return { wire, cuts };
}

function idOf(frame: Uint8Array): number {
  return (frame[18] << 8) | frame[19];
}

Deno.test("a segment to be cut: one frame, its sum the pseudo-header's part, numbered on by the parts that it makes", () => {
  const { wire, cuts } = cuttingHost();
  const { connection, iss } = opened(wire);
  cuts.length = 0;
  const data = Uint8Array.from({ length: 14_000 }, (_, at) => at & 0xff);
  wire.user(() => connection.write(data));
  const frames = wire.take();
  assert(cuts.some((cut) => cut > 0), "large segments");
  let at = 0;
  frames.forEach((frame, index) => {
    const length = frame.length - 54;
    const isCut = length > 1460;
    assertEquals(cuts[index], isCut ? 1460 : 0);
    const flags = frame[14 + 20 + 13];
    assertEquals(flags & ~PSH, ACK);
    const addresses = { source: OUR_IP, target: PEER_IP };
    const segment = tcp({
      ...addresses,
      sourcePort: 80,
      targetPort: 4000,
      seq: (iss + 1 + at) >>> 0,
      ack: 1001,
      flags,
      window: 0xffff,
      sum: isCut ? "partial" : "right",
    }, data.subarray(at, at + length));
    const packet = ipv4({ ...addresses, protocol: 6, id: idOf(frame), dontFragment: true }, segment);
    assertEquals(hex(frame), hex(ethernet({ to: PEER_MAC, from: OUR_MAC }, packet)));
    at += length;
    const next = frames[index + 1];
    if (next !== undefined) {
      assertEquals(idOf(next), (idOf(frame) + Math.ceil(length / 1460)) & 0xffff);
    }
  });
  assert(at >= 13_140, "the initial window");
  // The packet after them goes on from there, too.
  const last = frames[frames.length - 1];
  wire.take();
  const [ack] = wire.gives(segmentFrame({ seq: 99_999, ack: iss + 1, flags: ACK }, "outside"));
  assertEquals(u32(ack, 38), (iss + 1 + at) >>> 0);
  assertEquals(idOf(ack), (idOf(last) + Math.ceil((last.length - 54) / 1460)) & 0xffff);
});

Deno.test("a segment to be cut leaves room for the longest headers in the largest packet, and is of whole segments", () => {
  for (
    const [maxPacketBytes, largest] of [[4459, 2920], [4460, 4380], [1501, 1460], [3000, 2920], [2999, 1460]]
  ) {
    const { wire } = cuttingHost(maxPacketBytes);
    const { connection } = opened(wire);
    wire.user(() => connection.write(new Uint8Array(60_000)));
    assertEquals(Math.max(...wire.take().map((frame) => frame.length - 54)), largest, `${maxPacketBytes}`);
  }
});

Deno.test("a link that does not cut gets no segment above its MTU, and no cut size", () => {
  const wire = new WireHost();
  const { connection } = opened(wire);
  wire.user(() => connection.write(new Uint8Array(14_000)));
  for (const frame of wire.take()) assert(frame.length <= 1514);
});

Deno.test("after a told path MTU segments are cut at its size", () => {
  const { wire, cuts } = cuttingHost();
  const { connection, iss } = opened(wire);
  wire.user(() => connection.write(new Uint8Array(60_000)));
  wire.take();
  cuts.length = 0;
  const quoted = { sourcePort: 80, targetPort: 4000, seq: iss + 1 };
  const again = wire.gives(complaint({ type: 3, code: 4, rest: 1000, quoted }));
  assert(again.length > 0);
  again.forEach((frame, index) => {
    if (frame.length > 1014) assertEquals(cuts[index], 960);
    else assertEquals(cuts[index], 0);
  });
});
