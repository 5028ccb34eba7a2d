/** Frames for tests: whole TCP segments between two ends, with right checksums. */
import { parseIpAddress } from "../../src/wire/address.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../src/wire/ipv4.ts";
import { emitIpv6, IPV6 } from "../../src/wire/ipv6.ts";
import { emitTcp, flagBits, type FlagName, TCP, tcpChecksum, TcpSegment } from "../../src/wire/tcp.ts";
import { writeU16 } from "../../src/wire/bytes.ts";

/** One end of a sample connection. */
interface SampleEnd {
  readonly address: string;
  readonly port: number;
}

/** The ends of SAMPLE_CONNECTION. */
export const SERVER: SampleEnd = { address: "192.168.56.101", port: 3333 };
export const CLIENT: SampleEnd = { address: "192.168.56.1", port: 51234 };

const MAC_A = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
const MAC_B = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0b);

function addressOf(end: SampleEnd): Uint8Array {
  const address = parseIpAddress(end.address);
  if (address === null) throw new Error(`Not an address: ${end.address}`);
  return address;
}

/** A frame that carries one segment. */
export function tcpFrame(
  from: SampleEnd,
  to: SampleEnd,
  fields: { flags: readonly FlagName[]; seq?: number; ack?: number; payloadBytes?: number },
): Uint8Array {
  const source = addressOf(from);
  const destination = addressOf(to);
  const isIpv4 = source.length === IPV4.ADDRESS_BYTES;
  const payloadBytes = fields.payloadBytes ?? 0;
  const segment = new TcpSegment();
  segment.sourcePort = from.port;
  segment.destinationPort = to.port;
  segment.seq = fields.seq ?? 1000;
  segment.ack = fields.ack ?? 0;
  segment.flags = flagBits(fields.flags);
  segment.window = 64240;
  const headerBytes = isIpv4 ? IPV4.HEADER_BYTES : IPV6.HEADER_BYTES;
  const frame = new Uint8Array(14 + headerBytes + TCP.HEADER_BYTES + payloadBytes);
  const ipAt = emitEthernet(frame, {
    destination: MAC_B,
    source: MAC_A,
    type: isIpv4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6,
  });
  const payloadLength = TCP.HEADER_BYTES + payloadBytes;
  const tcpAt = ipAt + headerBytes;
  if (isIpv4) {
    emitIpv4(frame, ipAt, {
      source,
      destination,
      protocol: IP_PROTOCOL.TCP,
      payloadLength,
      hopLimit: 64,
      id: 1,
    });
  } else {
    emitIpv6(frame, ipAt, { source, destination, protocol: IP_PROTOCOL.TCP, payloadLength, hopLimit: 64 });
  }
  emitTcp(frame, tcpAt, segment);
  frame.fill(0x61, tcpAt + TCP.HEADER_BYTES);
  const addressesAt = ipAt + (isIpv4 ? IPV4.SOURCE : IPV6.SOURCE);
  const pseudoSum = pseudoHeaderSum(frame, addressesAt, source.length, IP_PROTOCOL.TCP, payloadLength);
  writeU16(frame, tcpAt + TCP.CHECKSUM, tcpChecksum(frame, tcpAt, payloadLength, pseudoSum));
  return frame;
}
