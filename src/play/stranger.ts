/**
 * Strangers: SYNs from addresses at which nobody is, as a flood has them.
 *
 * Owns: what such a frame looks like. Must not know: who gets it.
 */
import { SeededRandom } from "../link/seeded_random.ts";
import { pseudoHeaderSum } from "../wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../wire/ipv4.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../wire/tcp.ts";
import { writeU16 } from "../wire/bytes.ts";

/** To whom a SYN goes, and by way of whom it seems to come. */
interface StrangerRoute {
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
  readonly destination: Uint8Array;
  readonly port: number;
}

/** Ethernet, IPv4, TCP with the options of a SYN. */
const MOST_BYTES = 14 + IPV4.HEADER_BYTES + 60;
/** Local choices: as most SYNs on the Internet have it. */
const [MSS, WINDOW, TTL] = [1460, 0xffff, 64];
/** RFC 5737 §3: addresses for documents, at which nobody is. */
const DOCUMENTATION = [203, 0, 113] as const;
/** RFC 6335 §6: dynamic ports. */
const [FIRST_PORT, PORTS] = [0xc000, 0x4000];
/** Streams of the seed from here on are strangers. */
const STREAM = 0x200;

/** The SYN of the stranger with this number, from 0. */
export function strangerSyn(
  number: number,
  about: { readonly seed: number; readonly route: StrangerRoute },
): Uint8Array {
  const { route: { destination, destinationMac, sourceMac, port }, seed } = about;
  const random = new SeededRandom(seed, STREAM + number);
  const source = Uint8Array.of(...DOCUMENTATION, 1 + number % 254);
  const frame = new Uint8Array(MOST_BYTES);
  const ip = emitEthernet(frame, { destination: destinationMac, source: sourceMac, type: ETHERTYPE.IPV4 });
  const tcp = ip + IPV4.HEADER_BYTES;
  const segment = new TcpSegment();
  segment.sourcePort = FIRST_PORT + random.below(PORTS);
  segment.destinationPort = port;
  segment.seq = random.uint32();
  segment.flags = FLAG.SYN;
  segment.window = WINDOW;
  segment.mss = MSS;
  const length = emitTcp(frame, tcp, segment);
  const protocol = IP_PROTOCOL.TCP;
  emitIpv4(frame, ip, { source, destination, protocol, payloadLength: length, hopLimit: TTL, id: number });
  const pseudo = pseudoHeaderSum(frame, ip + IPV4.SOURCE, IPV4.ADDRESS_BYTES, protocol, length);
  writeU16(frame, tcp + TCP.CHECKSUM, tcpChecksum(frame, tcp, length, pseudo));
  return frame.subarray(0, tcp + length);
}
