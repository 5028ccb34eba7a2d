/**
 * The flow label of what a host sends over IPv6: one for each connection, in all of its segments (RFC 6437 §2, §3).
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import { ETHERNET, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { bitsOf, craftSegment, readPacket } from "../tcp/frame_craft.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { HOST_MAC, HOST_V6, PEER_MAC, PEER_V6, SECOND_US } from "../tcp/wire_ends.ts";

const PORT = 7777;
const PEER_ISS = 1000;

/** A host that echoes nothing and keeps what it gets, and a stranger who sends it segments. */
class LabelBench {
  readonly #link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => SECOND_US });
  readonly #host: Host;

  constructor(seed: number) {
    this.#host = new Host({
      addresses: [{ address: HOST_V6, prefixLength: 64 }],
      secret: Uint8Array.from({ length: 16 }, (_, i) => i * 5 + seed),
      epochUs: 0,
      nowUs: SECOND_US,
      link: this.#link,
    });
    this.#host.listen({ port: PORT, backlog: 0x8000, accept: () => ({}) });
  }

  /** Sends a segment; gives labels and sequence numbers of the segments that come back. */
  send(
    fromPort: number,
    segment: { flags: string; seq: number; ack?: number; data?: string; port?: number },
  ) {
    const frame = craftSegment(
      { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 },
      {
        sourcePort: fromPort,
        targetPort: segment.port ?? PORT,
        flags: bitsOf(segment.flags),
        seq: segment.seq,
        ack: segment.ack ?? 0,
        window: 0xffff,
        data: new TextEncoder().encode(segment.data ?? ""),
      },
    );
    this.#host.ingest(frame, frame.length, SECOND_US);
    return this.#link.take().map(({ bytes }) => labelOf(bytes)).filter((seen) => seen !== null);
  }
}

function labelOf(frame: Uint8Array): { label: number; seq: number } | null {
  const packet = new IpPacket();
  const length = frame.length - ETHERNET.HEADER_BYTES;
  assertEquals(parseIp(ETHERTYPE.IPV6, frame, ETHERNET.HEADER_BYTES, length, packet), null);
  if (packet.protocol !== IP_PROTOCOL.TCP) return null;
  return { label: packet.flowLabel, seq: readPacket(frame)?.segment?.seq ?? 0 };
}

Deno.test("flow label: the same in all segments of a connection, also those sent later (RFC 6437 §3)", () => {
  const bench = new LabelBench(1);
  const [synAck] = bench.send(40_000, { flags: "SYN", seq: PEER_ISS });
  const ack = synAck.seq + 1;
  const seen = [synAck.label];
  let seq = PEER_ISS + 1;
  bench.send(40_000, { flags: "ACK", seq, ack });
  for (const data of ["ab", "cd", "ef", "gh"]) {
    for (const { label } of bench.send(40_000, { flags: "ACK", seq, ack, data })) seen.push(label);
    seq += data.length;
  }
  for (const { label } of bench.send(40_000, { flags: "FIN ACK", seq, ack })) seen.push(label);
  assertGreater(seen.length, 2);
  assertEquals(new Set(seen).size, 1, seen.join(" "));
});

Deno.test("flow label: all over its 20 bits, from connection to connection, and by the secret (RFC 6437 §3)", () => {
  const labelsOf = (bench: LabelBench) =>
    Array.from(
      { length: 2000 },
      (_, i) => bench.send(1024 + i, { flags: "SYN", seq: PEER_ISS })[0].label,
    );
  const labels = labelsOf(new LabelBench(1));
  // 2,000 throws into 2^20 places hit about 1,998 different ones.
  assertGreater(new Set(labels).size, 1980);
  for (let bit = 0; bit < 20; bit++) {
    const ones = labels.filter((label) => ((label >>> bit) & 1) === 1).length;
    assertLess(Math.abs(ones - 1000), 150, `bit ${bit} is set in ${ones} of 2000`);
  }
  const others = labelsOf(new LabelBench(2));
  assertLess(labels.filter((label, i) => others[i] === label).length, 3);
});

Deno.test("flow label: none on what belongs to no connection (RFC 6437 §3)", () => {
  const [reset] = new LabelBench(1).send(40_000, { flags: "SYN", seq: PEER_ISS, port: PORT + 1 });
  assertEquals(reset.label, 0);
});
