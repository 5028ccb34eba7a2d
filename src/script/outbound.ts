/**
 * Outbound packets: a frame of the host as a packet of the script.
 *
 * Owns: reading what the host sent, and saying it in the numbers and the spelling of the step that is to demand it. Must not know: what
 * is demanded (compare.ts), which frame is taken when.
 */
import { readU16 } from "../wire/bytes.ts";
import { EthernetHeader, parseEthernet } from "../wire/ethernet.ts";
import { ICMP } from "../wire/icmp.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../wire/ip.ts";
import { FLAG, parseTcp, TCP, TcpSegment } from "../wire/tcp.ts";
import { UDP } from "../wire/udp.ts";
import type { Flow } from "./flow.ts";
import { icmpWords } from "./icmp_words.ts";
import { decodeTcpOptions } from "./option_bytes.ts";
import type { SentFrame } from "./script_link.ts";
import { formatFlags } from "./tcp_flags.ts";
import type {
  IcmpPacket,
  IpAnnotation,
  PacketEvent,
  PortPair,
  ScriptTcpOption,
  TcpOptionList,
  TcpPacket,
} from "./values.ts";

/** What stands in the IP header of a frame. */
export interface SeenIp {
  readonly trafficClass: number;
  readonly hopLimit: number;
  readonly flowLabel: number;
  readonly id: number;
  readonly addressBytes: number;
}

/** A segment that the host sent, numbers as on the wire. */
export interface SeenSegment {
  readonly protocol: "tcp";
  readonly frame: SentFrame;
  readonly ip: SeenIp;
  readonly ports: PortPair;
  /** Of the UDP header that it goes in; null without. */
  readonly udpPorts: PortPair | null;
  readonly flags: number;
  readonly ae: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** A message that the host sent. */
export interface SeenMessage {
  readonly protocol: "icmp";
  readonly frame: SentFrame;
  readonly ip: SeenIp;
  readonly type: number;
  readonly code: number;
}

/** What a frame carries; null for what scripts say nothing of. */
export type SeenPacket = SeenSegment | SeenMessage;

/** Reads a frame that the host sent. */
export function readSent(frame: SentFrame): SeenPacket | null {
  const { bytes } = frame;
  const ethernet = new EthernetHeader();
  if (parseEthernet(bytes, bytes.length, ethernet) !== null) return null;
  const packet = new IpPacket();
  const at = ethernet.payloadOffset;
  if (parseIp(ethernet.type, bytes, at, bytes.length - at, packet) !== null || packet.isFragment) return null;
  const ip: SeenIp = {
    trafficClass: (packet.dscp << 2) | packet.ecn,
    hopLimit: packet.hopLimit,
    flowLabel: packet.flowLabel,
    id: packet.id,
    addressBytes: packet.addressBytes,
  };
  const { protocol, payloadOffset, payloadLength } = packet;
  const common = { frame, ip, end: payloadOffset + payloadLength };
  if (protocol === IP_PROTOCOL.TCP) return readSegment({ ...common, at: payloadOffset, udpPorts: null });
  if (protocol === IP_PROTOCOL.UDP && payloadLength >= UDP.HEADER_BYTES) {
    // Nothing else of ours goes in UDP.
    const udpPorts = {
      source: readU16(bytes, payloadOffset + UDP.SOURCE_PORT),
      destination: readU16(bytes, payloadOffset + UDP.DESTINATION_PORT),
    };
    return readSegment({ ...common, at: payloadOffset + UDP.HEADER_BYTES, udpPorts });
  }
  if (
    (protocol === IP_PROTOCOL.ICMP || protocol === IP_PROTOCOL.ICMPV6) && payloadLength >= ICMP.HEADER_BYTES
  ) {
    const type = bytes[payloadOffset + ICMP.TYPE];
    return { protocol: "icmp", frame, ip, type, code: bytes[payloadOffset + ICMP.CODE] };
  }
  return null;
}

function readSegment(
  about: {
    readonly frame: SentFrame;
    readonly ip: SeenIp;
    readonly at: number;
    readonly end: number;
    readonly udpPorts: PortPair | null;
  },
): SeenSegment | null {
  const { frame, ip, at, end, udpPorts } = about;
  const { bytes } = frame;
  const segment = new TcpSegment();
  if (parseTcp(bytes, at, end - at, segment) !== null) return null;
  return {
    protocol: "tcp",
    frame,
    ip,
    ports: { source: segment.sourcePort, destination: segment.destinationPort },
    udpPorts,
    flags: segment.flags,
    ae: (bytes[at + TCP.DATA_OFFSET] & 0x01) !== 0,
    seq: segment.seq,
    ack: segment.ack,
    window: segment.window,
    urgent: readU16(bytes, at + TCP.URGENT_POINTER),
    options: bytes.subarray(at + TCP.HEADER_BYTES, at + segment.headerLength),
    payload: bytes.subarray(at + segment.headerLength, end),
  };
}

/** Whether a segment goes the way of a flow, out. */
export function isOfFlow(segment: SeenSegment, flow: Flow): boolean {
  return segment.ports.source === flow.localPort && segment.ports.destination === flow.remotePort;
}

/**
 * Segments that follow each other as the one that a larger MTU would have made of them: sequence number and CWR of the first, all else
 * of the last, as packetdrill puts them together.
 */
export function joined(segments: readonly SeenSegment[]): SeenSegment {
  const first = segments[0];
  const last = segments[segments.length - 1];
  if (segments.length === 1) return first;
  const payload = new Uint8Array(segments.reduce((sum, segment) => sum + segment.payload.length, 0));
  let at = 0;
  for (const segment of segments) {
    payload.set(segment.payload, at);
    at += segment.payload.length;
  }
  const flags = (last.flags & ~FLAG.CWR) | (first.flags & FLAG.CWR);
  return { ...last, seq: first.seq, flags, payload };
}

/** Whether `next` goes on where `before` ends, with a header that says nothing new. */
export function continues(next: SeenSegment, before: SeenSegment): boolean {
  const mayDiffer = FLAG.FIN | FLAG.PSH | FLAG.CWR;
  return next.seq === ((before.seq + before.payload.length) >>> 0) &&
    (next.flags & ~mayDiffer) === (before.flags & ~mayDiffer) &&
    next.ack === before.ack && next.window === before.window && next.urgent === before.urgent &&
    next.options.length === before.options.length;
}

/** The segment in the numbers of the script, saying as much as `like` does. */
export function scriptSegment(
  segment: SeenSegment,
  about: { readonly flow: Flow; readonly like: PacketEvent; readonly body: TcpPacket },
): PacketEvent & { readonly body: TcpPacket } {
  const { flow, like, body } = about;
  const hasSyn = (segment.flags & FLAG.SYN) !== 0;
  const hasAck = (segment.flags & FLAG.ACK) !== 0;
  const seq = body.seqForm === "absolute" ? segment.seq : flow.toScript(segment.seq, "local", hasSyn);
  const options = decodeTcpOptions(
    segment.options,
    (position) => flow.toScript(position, "remote", hasSyn),
  ).map((option) => {
    if (option.name === "TS") {
      return { ...option, numbers: [flow.timestampToScript(option.numbers[0]), option.numbers[1]] };
    }
    return option.name === "FOEXP" && saysOption(body, "exp-FO") ? { ...option, name: "exp-FO" } : option;
  });
  const actual: TcpPacket = {
    protocol: "tcp",
    place: body.place,
    ports: body.ports === null ? null : segment.ports,
    flags: formatFlags({ bits: segment.flags, ae: segment.ae }, body.flags),
    seqForm: body.seqForm,
    seq,
    endSeq: (seq + segment.payload.length) >>> 0,
    length: segment.payload.length,
    ack: ackOf(segment, { flow, hasSyn, hasAck }),
    window: body.window === null ? null : segment.window,
    urgent: segment.urgent === 0 && body.urgent === null ? null : segment.urgent,
    options: optionList(segment, { body, options }),
    resetReason: null,
    udpPorts: segment.udpPorts,
  };
  return { ...like, ip: scriptIp(segment.ip, like.ip), body: actual };
}

function optionList(
  segment: SeenSegment,
  about: { readonly body: TcpPacket; readonly options: readonly ScriptTcpOption[] },
): TcpOptionList {
  const { body, options } = about;
  if (body.options.kind === "any") return body.options;
  if (body.options.kind === "raw") return { ...body.options, bytes: segment.options.slice() };
  return options.length === 0 ? { kind: "unsaid" } : { kind: "list", place: body.place, options };
}

function ackOf(
  segment: SeenSegment,
  about: { readonly flow: Flow; readonly hasSyn: boolean; readonly hasAck: boolean },
): number | null {
  if (about.hasAck) return about.flow.toScript(segment.ack, "remote", about.hasSyn);
  return segment.ack === 0 ? null : segment.ack;
}

function saysOption(packet: TcpPacket, name: string): boolean {
  return packet.options.kind === "list" && packet.options.options.some((option) => option.name === name);
}

/** The message in the words of the script. */
export function scriptMessage(
  message: SeenMessage,
  about: { readonly like: PacketEvent; readonly body: IcmpPacket },
): PacketEvent & { readonly body: IcmpPacket } {
  const { like, body } = about;
  const words = icmpWords(message, message.ip.addressBytes);
  return {
    ...like,
    ip: scriptIp(message.ip, like.ip),
    body: { ...body, type: words.type, code: words.code },
  };
}

const ECN_WORDS = ["noecn", "ect1", "ect0", "ce"] as const;

/** What the header says of what `like` says something of. */
function scriptIp(ip: SeenIp, like: IpAnnotation): IpAnnotation {
  const word = ECN_WORDS[ip.trafficClass & 0x03];
  const isEither = like.ecn === "ect01" && (word === "ect0" || word === "ect1");
  return {
    ecn: like.ecn === null ? null : isEither ? "ect01" : word,
    tos: like.tos === null ? null : ip.trafficClass,
    dscp: like.dscp === null ? null : ip.trafficClass >>> 2,
    ttl: like.ttl === null ? null : ip.hopLimit,
    flowLabel: like.flowLabel === null ? null : ip.flowLabel,
    id: like.id === null ? null : ip.id,
    place: like.place,
  };
}

/** TSval of a segment as it is on the wire; null without timestamps. */
export function timestampOf(segment: SeenSegment): number | null {
  const option = decodeTcpOptions(segment.options).find(({ name }) => name === "TS");
  return option === undefined ? null : option.numbers[0];
}
