/**
 * Inbound packets: a packet of the script as a frame for the host.
 *
 * Owns: headers and payload as packetdrill makes them (payload of zeros, correct checksums), with the numbers of the flow. Must not
 * know: when a packet is given, which flow it belongs to.
 */
import { writeU16, writeU32 } from "../wire/bytes.ts";
import { checksum } from "../wire/checksum.ts";
import { ICMP } from "../wire/icmp.ts";
import { emitIp, IP_PROTOCOL, ipHeaderBytes } from "../wire/ip.ts";
import { FLAG, TCP } from "../wire/tcp.ts";
import { UDP } from "../wire/udp.ts";
import type { Flow } from "./flow.ts";
import { icmpNumbers } from "./icmp_words.ts";
import { ipFrame } from "./ip_frame.ts";
import type { ScriptEnds } from "./kernel.ts";
import { encodeTcpOption } from "./option_bytes.ts";
import { type FlagBits, parseFlags } from "./tcp_flags.ts";
import type { IcmpPacket, IpAnnotation, PacketEvent, PortPair, TcpPacket } from "./values.ts";
import { scriptProblem, StepFailed, unsupportedProblem } from "./verdict.ts";

/** What a packet is made with. */
export interface InboundGround {
  readonly flow: Flow;
  readonly ends: ScriptEnds;
  readonly hostMac: Uint8Array;
  readonly routerMac: Uint8Array;
}

/** Time to live where the script does not say; packetdrill's. */
const USUAL_HOP_LIMIT = 255;
/** Of a quoted packet that we once sent. Local choice: what is left of 64 after some hops. */
const QUOTED_HOP_LIMIT = 60;
/** Octets of the quoted packet's payload that an ICMP error of a script has (RFC 792). */
const QUOTED_PAYLOAD_BYTES = 8;
const MOST_OPTION_BYTES = 40;
/** The reason that an RST carries (draft-boucadair-tcpm-rst-diagnostic-payload, as the nplab dialect writes it). */
const RESET_REASON = { MAGIC: 0x33aa, CODE: 2, PEN: 4, BYTES: 8 } as const;

const ECN_BITS: Readonly<Record<NonNullable<IpAnnotation["ecn"]>, number>> = {
  noecn: 0,
  ect1: 1,
  ect0: 2,
  // Either is meant; one of them is given.
  ect01: 2,
  ce: 3,
};

/** Makes the frame. Throws {@link StepFailed} for what cannot be made. */
export function inboundFrame(packet: PacketEvent, ground: InboundGround): Uint8Array {
  const { body, ip, wrapping } = packet;
  if (wrapping.length > 0) throw new StepFailed(unsupportedProblem(wrapping[0].name, wrapping[0].place));
  const { ends, hostMac, routerMac } = ground;
  const common = {
    sourceMac: routerMac,
    destinationMac: hostMac,
    source: ends.remoteAddress,
    destination: ends.localAddress,
    trafficClass: (ip.tos ?? (ip.dscp ?? 0) << 2) | (ip.ecn === null ? 0 : ECN_BITS[ip.ecn]),
    hopLimit: ip.ttl ?? USUAL_HOP_LIMIT,
    flowLabel: ip.flowLabel ?? 0,
    id: ip.id ?? 0,
  };
  if (body.protocol === "tcp") {
    const segment = tcpSegment(body, ground.flow);
    if (body.udpPorts !== null) {
      const datagram = inUdp(segment, body.udpPorts);
      return ipFrame(datagram, { ...common, protocol: IP_PROTOCOL.UDP, checksumAt: UDP.CHECKSUM });
    }
    return ipFrame(segment, { ...common, protocol: IP_PROTOCOL.TCP, checksumAt: TCP.CHECKSUM });
  }
  if (body.protocol === "icmp") {
    const isIpv4 = ends.remoteAddress.length === 4;
    const message = icmpMessage(body, ground);
    return ipFrame(message, {
      ...common,
      protocol: isIpv4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6,
      ...(isIpv4 ? {} : { checksumAt: ICMP.CHECKSUM }),
    });
  }
  const name = body.protocol === "other" ? body.name : body.protocol;
  throw new StepFailed(unsupportedProblem(name, body.place));
}

/** A segment with UDP's header before it, whose sum stands for TCP's. */
function inUdp(segment: Uint8Array, ports: PortPair): Uint8Array {
  const datagram = new Uint8Array(UDP.HEADER_BYTES + segment.length);
  writeUdpPorts(datagram, 0, { ports, length: datagram.length });
  datagram.set(segment, UDP.HEADER_BYTES);
  return datagram;
}

/** A header of UDP without its sum. */
function writeUdpPorts(
  bytes: Uint8Array,
  offset: number,
  about: { readonly ports: PortPair; readonly length: number },
): void {
  writeU16(bytes, offset + UDP.SOURCE_PORT, about.ports.source);
  writeU16(bytes, offset + UDP.DESTINATION_PORT, about.ports.destination);
  writeU16(bytes, offset + UDP.LENGTH, about.length);
}

/** The letters as bits; throws where one is none. */
export function flagsOf(packet: TcpPacket): FlagBits {
  const flags = parseFlags(packet.flags);
  if (flags !== null) return flags;
  throw new StepFailed(scriptProblem(packet.place, { expected: "flags", found: packet.flags }));
}

function tcpSegment(packet: TcpPacket, flow: Flow): Uint8Array {
  const flags = flagsOf(packet);
  const hasSyn = (flags.bits & FLAG.SYN) !== 0;
  const hasAck = (flags.bits & FLAG.ACK) !== 0;
  const options = optionBytes(packet, { flow, hasSyn, hasAck });
  const headerBytes = TCP.HEADER_BYTES + options.length;
  const segment = new Uint8Array(headerBytes + packet.length);
  const ports: PortPair = packet.ports ?? { source: flow.remotePort, destination: flow.localPort };
  writeU16(segment, TCP.SOURCE_PORT, ports.source || flow.remotePort);
  writeU16(segment, TCP.DESTINATION_PORT, ports.destination || flow.localPort);
  const isRelative = packet.seqForm !== "absolute";
  writeU32(segment, TCP.SEQUENCE, isRelative ? flow.toWire(packet.seq, "remote", hasSyn) : packet.seq);
  // Without the flag the number counts for nothing, and stands as it is written.
  const ack = packet.ack ?? 0;
  writeU32(segment, TCP.ACKNOWLEDGMENT, hasAck ? flow.toWire(ack, "local", hasSyn) : ack);
  segment[TCP.DATA_OFFSET] = (headerBytes << 2) | (flags.ae ? 1 : 0);
  segment[TCP.FLAGS] = flags.bits;
  if (packet.window === null) {
    throw new StepFailed(
      scriptProblem(packet.place, {
        expected: "a window on a packet that is given (win N)",
        found: "none",
      }),
    );
  }
  writeU16(segment, TCP.WINDOW, packet.window);
  writeU16(segment, TCP.URGENT_POINTER, packet.urgent ?? 0);
  segment.set(options, TCP.HEADER_BYTES);
  if (packet.resetReason !== null && packet.length === RESET_REASON.BYTES) {
    const { code, pen } = packet.resetReason;
    writeU16(segment, headerBytes, RESET_REASON.MAGIC);
    writeU16(segment, headerBytes + RESET_REASON.CODE, code);
    writeU32(segment, headerBytes + RESET_REASON.PEN, pen);
  }
  return segment;
}

function optionBytes(
  packet: TcpPacket,
  about: { readonly flow: Flow; readonly hasSyn: boolean; readonly hasAck: boolean },
): Uint8Array {
  const { flow, hasSyn, hasAck } = about;
  if (packet.options.kind === "raw") return packet.options.bytes;
  if (packet.options.kind !== "list") return new Uint8Array(0);
  const octets: number[] = [];
  for (const option of packet.options.options) {
    const echoed = option.name === "TS" && hasAck && !option.absoluteEcr
      ? { ...option, numbers: [option.numbers[0], flow.echoToWire(option.numbers[1])] }
      : option;
    const bytes = encodeTcpOption(echoed, (position) => flow.toWire(position, "local", hasSyn));
    if (bytes === null) {
      const name = [option.name, option.text].filter((part) => part !== "").join(" ");
      throw new StepFailed(unsupportedProblem(`TCP option ${name}`, option.place));
    }
    octets.push(...bytes);
  }
  // End of option list, and padding (RFC 9293 §3.1).
  while (octets.length % 4 !== 0) octets.push(0);
  if (octets.length > MOST_OPTION_BYTES) {
    throw new StepFailed(
      scriptProblem(packet.options.place, {
        expected: `at most ${MOST_OPTION_BYTES} octets of options`,
        found: `${octets.length}`,
      }),
    );
  }
  return Uint8Array.from(octets);
}

function icmpMessage(packet: IcmpPacket, ground: InboundGround): Uint8Array {
  const { ends, flow } = ground;
  const addressBytes = ends.remoteAddress.length;
  const numbers = icmpNumbers(packet, addressBytes);
  if (numbers === null) {
    const words = [packet.type, packet.code].filter((word) => word !== null).join(" ");
    throw new StepFailed(unsupportedProblem(`icmp ${words}`, packet.place));
  }
  const { quoted } = packet;
  if (quoted !== null && quoted.protocol !== "tcp") {
    throw new StepFailed(unsupportedProblem(`icmp about ${quoted.protocol}`, packet.place));
  }
  const quotedIpBytes = ipHeaderBytes(addressBytes);
  const udpPorts = quoted?.udpPorts ?? null;
  const udpBytes = udpPorts === null ? 0 : UDP.HEADER_BYTES;
  const message = new Uint8Array(ICMP.HEADER_BYTES + quotedIpBytes + udpBytes + QUOTED_PAYLOAD_BYTES);
  message[ICMP.TYPE] = numbers.type;
  message[ICMP.CODE] = numbers.code;
  emitIp(message, ICMP.HEADER_BYTES, {
    source: ends.localAddress,
    destination: ends.remoteAddress,
    protocol: udpPorts === null ? IP_PROTOCOL.TCP : IP_PROTOCOL.UDP,
    payloadLength: udpBytes + TCP.HEADER_BYTES + (quoted?.length ?? 0),
    hopLimit: QUOTED_HOP_LIMIT,
    id: 0,
  });
  if (udpPorts !== null) {
    const length = udpBytes + TCP.HEADER_BYTES + (quoted?.length ?? 0);
    writeUdpPorts(message, ICMP.HEADER_BYTES + quotedIpBytes, { ports: udpPorts, length });
  }
  const at = ICMP.HEADER_BYTES + quotedIpBytes + udpBytes;
  writeU16(message, at + TCP.SOURCE_PORT, flow.localPort);
  writeU16(message, at + TCP.DESTINATION_PORT, flow.remotePort);
  writeU32(message, at + TCP.SEQUENCE, flow.toWire(quoted?.seq ?? 0, "local", false));
  // RFC 1191 §4: the lower half of the word; RFC 4443 §3.2: the whole of it. An echo has its id in the upper half.
  if (packet.mtu !== null) writeU32(message, ICMP.REST, packet.mtu);
  else if (packet.id !== null) writeU16(message, ICMP.REST, packet.id);
  if (addressBytes === 4) writeU16(message, ICMP.CHECKSUM, internetChecksum(message));
  return message;
}

/** ICMP for IPv4 has no pseudo-header (RFC 792). */
function internetChecksum(message: Uint8Array): number {
  writeU16(message, ICMP.CHECKSUM, 0);
  return checksum(message, 0, message.length);
}
