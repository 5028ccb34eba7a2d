/**
 * A host with several addresses, and strangers with addresses, hardware addresses and VLANs of their own: whole frames
 * in, whole frames out.
 *
 * Owns: making and reading the frames. Must not know: relative sequence numbers (test/tcp/peer.ts), what is right.
 */
import { assert, assertEquals } from "@std/assert";
import { Host, type HostOptions } from "../../src/host/host.ts";
import { emitEthernet, ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { flagNames, type TcpSegment } from "../../src/wire/tcp.ts";
import { bitsOf, craftSegment, type OptionValues, readPacket } from "../tcp/frame_craft.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { ThrownFaults } from "../tcp/thrown_faults.ts";
import { HOST_MAC, PEER_MAC, PEER_V4, SECOND_US } from "../tcp/wire_ends.ts";

/** A segment to send. */
interface BenchSegment {
  readonly to: Uint8Array;
  readonly port: number;
  readonly flags: string;
  readonly from?: Uint8Array;
  readonly fromPort?: number;
  readonly mac?: Uint8Array;
  /** VLAN id; none when absent. */
  readonly vlan?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly options?: OptionValues;
  readonly data?: string;
}

/** A segment that the host sent. */
export interface BenchAnswer {
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
  readonly targetPort: number;
  readonly mac: string;
  /** -1 for none. */
  readonly vlan: number;
  readonly ipId: number;
  readonly segment: TcpSegment;
}

/** First sequence number of strangers. */
export const STRANGER_ISS = 1000;

export class NetworkBench {
  readonly host: Host;
  nowUs: number;
  readonly #link: RecordingLink;
  readonly #faults = new ThrownFaults();

  constructor(addresses: readonly Uint8Array[], options: Partial<HostOptions> = {}) {
    this.nowUs = options.nowUs ?? SECOND_US;
    this.#link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => this.nowUs });
    this.host = new Host({
      addresses: addresses.map((address) => ({ address, prefixLength: 24 })),
      secret: Uint8Array.from({ length: 16 }, (_, i) => i * 5 + 1),
      epochUs: 0,
      nowUs: this.nowUs,
      checksumPolicy: "strict",
      onFault: this.#faults.hook,
      ...options,
      link: this.#link,
    });
  }

  /** Sends a segment; returns what the host sent in answer. */
  send(segment: BenchSegment): BenchAnswer[] {
    const frame = craftSegment(
      {
        sourceMac: segment.mac ?? PEER_MAC,
        targetMac: HOST_MAC,
        source: segment.from ?? PEER_V4,
        target: segment.to,
      },
      {
        sourcePort: segment.fromPort ?? 40_000,
        targetPort: segment.port,
        flags: bitsOf(segment.flags),
        seq: segment.seq ?? STRANGER_ISS,
        ack: segment.ack ?? 0,
        window: segment.window ?? 0xffff,
        options: segment.options ?? {},
        data: new TextEncoder().encode(segment.data ?? ""),
      },
    );
    const tagged = segment.vlan === undefined ? frame : tag(frame, segment.vlan);
    this.host.ingest(tagged, tagged.length, this.nowUs);
    return this.take();
  }

  /** Sends a segment that must be answered with exactly one. */
  ask(segment: BenchSegment): BenchAnswer {
    const answers = this.send(segment);
    assertEquals(answers.length, 1, `${answers.map(({ flags }) => flags)} to a ${segment.flags}`);
    return answers[0];
  }

  /** A handshake as client of a listener; returns the host's SYN-ACK. Nothing else may be sent. */
  connect(segment: Omit<BenchSegment, "flags">): BenchAnswer {
    const synAck = this.ask({ ...segment, flags: "SYN" });
    assertEquals(synAck.flags, "SYN ACK");
    const seq = (segment.seq ?? STRANGER_ISS) + 1;
    assertEquals(this.send({ ...segment, flags: "ACK", seq, ack: synAck.seq + 1 }), []);
    return synAck;
  }

  /** Lets time pass up to a deadline or beyond; returns what was sent. */
  pass(us: number): BenchAnswer[] {
    const endUs = this.nowUs + us;
    while (this.host.nextDeadlineUs() <= endUs) {
      this.nowUs = Math.max(this.nowUs, this.host.nextDeadlineUs());
      this.host.tick(this.nowUs);
    }
    this.nowUs = endUs;
    this.host.tick(endUs);
    return this.take();
  }

  /** What the host has sent since the last call: segments, and nothing else. */
  take(): BenchAnswer[] {
    this.#faults.rethrow();
    return this.#link.take().map(({ bytes }) => answerOf(bytes));
  }
}

function answerOf(frame: Uint8Array): BenchAnswer {
  const ethernet = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, ethernet), null);
  assertEquals(frame.slice(ETHERNET.SOURCE, ETHERNET.SOURCE + 6), HOST_MAC);
  const packet = readPacket(frame);
  assert(packet !== null && packet.segment !== null, "something that is no TCP segment");
  const { segment } = packet;
  return {
    flags: flagNames(segment.flags).join(" "),
    seq: segment.seq,
    ack: segment.ack,
    source: packet.source.join("."),
    sourcePort: segment.sourcePort,
    target: packet.target.join("."),
    targetPort: segment.destinationPort,
    mac: macText(frame.subarray(ETHERNET.DESTINATION, ETHERNET.DESTINATION + 6)),
    vlan: ethernet.vlan,
    ipId: packet.ipId,
    segment,
  };
}

/** The frame with a VLAN tag (IEEE 802.1Q). */
function tag(frame: Uint8Array, vlan: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + 4);
  const at = emitEthernet(tagged, {
    destination: frame.subarray(ETHERNET.DESTINATION, ETHERNET.DESTINATION + 6),
    source: frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + 6),
    type: ETHERTYPE.IPV4,
    vlan,
  });
  tagged.set(frame.subarray(ETHERNET.HEADER_BYTES), at);
  return tagged;
}

export function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
