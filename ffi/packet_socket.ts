/**
 * A packet socket of Linux: one that only sends, or one that also receives what neighbors say of their addresses.
 *
 * Owns: opening and binding it, its options, and the words for why it cannot be had. Must not know: what is sent.
 *
 * One that only sends is bound to the protocol 0, which is none: no frame is ever queued on it, and frames keep coming
 * through the capture alone. `PACKET_QDISC_BYPASS` is left off on purpose: it saves 2 % on veth, and hides what we send from every
 * capture on this host, Wireshark's included.
 */

import { LinkError } from "../src/link/link.ts";
import { errno, errnoText, libc } from "./libc.ts";
import { addressOf, cString } from "./native_memory.ts";
import { BPF, PACKET_MREQ, SOCK_FILTER, SOCK_FPROG, SOCKADDR_LL, SOCKET } from "./packet_layouts.ts";

/** A filter keeps this many bytes of a frame: more than any has. */
const WHOLE_FRAME = 0xffff;

/** The id in a tag (IEEE 802.1Q §9.6). */
const VLAN_ID_MASK = 0x0fff;

/** Bytes of `int`, which socket options are. */
const INT_BYTES = 4;

/**
 * Bytes that may wait in the device's queue on our behalf. Local choice: sixty large segments and their bookkeeping, or
 * what a gigabit carries in 30 ms; the default of 208 KiB is full after two large segments.
 */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

/** A packet socket could not be had; `message` says why and what to do. */
export class PacketSocketError extends LinkError {
  override name = "PacketSocketError";
  /** The same without what to do, for a list of findings. */
  readonly reason: string;

  constructor(device: string, reason: string) {
    super(`No packet socket on ${device}: ${reason}. Use --tx inject, which needs none`);
    this.reason = reason;
  }
}

/**
 * Opens a socket that sends frames on `device` and returns its descriptor. With `withHeader` each frame is to be preceded
 * by a `struct virtio_net_hdr`. With `receives` it receives ARP and neighbor discovery of
 * one VLAN, else nothing, and waits for none. Throws {@link PacketSocketError}: not Linux, no rights, no device, an old kernel.
 */
export function openPacketSocket(
  device: string,
  options: { withHeader: boolean; receives?: { vlan: number | null } },
): number {
  if (Deno.build.os !== "linux") throw new PacketSocketError(device, "this is not Linux");
  const symbols = libc();
  if (symbols.sendmmsg === null) throw new PacketSocketError(device, "the C library has no sendmmsg");
  const index = symbols.if_nametoindex(cString(device));
  if (index === 0) throw new PacketSocketError(device, `if_nametoindex: ${errnoText(errno())}`);
  const type = SOCKET.typeRaw | SOCKET.closeOnExec | SOCKET.nonBlocking;
  // No frame before it is bound: without a protocol it would take those of all devices.
  const descriptor = symbols.socket(SOCKET.familyPacket, type, 0);
  if (descriptor < 0) throw new PacketSocketError(device, `socket: ${errnoText(errno())}`);
  const refuse = (operation: string): never => {
    const reason = `${operation}: ${errnoText(errno())}`;
    symbols.close(descriptor);
    throw new PacketSocketError(device, reason);
  };
  if (options.withHeader && !setOption(descriptor, SOCKET.levelPacket, SOCKET.packetVnetHeader, 1)) {
    refuse("PACKET_VNET_HDR");
  }
  const { levelSocket, sendBuffer, sendBufferForce } = SOCKET;
  // Without the right to force it, the system's bound applies, which is enough to work.
  if (!setOption(descriptor, levelSocket, sendBufferForce, SEND_BUFFER_BYTES)) {
    setOption(descriptor, levelSocket, sendBuffer, SEND_BUFFER_BYTES);
  }
  const { receives } = options;
  if (receives !== undefined && !setFilter(descriptor, receives)) refuse("SO_ATTACH_FILTER");
  const address = new Uint8Array(SOCKADDR_LL.sizeBytes);
  const view = new DataView(address.buffer);
  view.setUint16(SOCKADDR_LL.family, SOCKET.familyPacket, true);
  // As on the wire, big end first.
  view.setUint16(SOCKADDR_LL.protocol, receives === undefined ? 0 : SOCKET.allProtocols);
  view.setInt32(SOCKADDR_LL.ifindex, index, true);
  if (symbols.bind(descriptor, address, SOCKADDR_LL.sizeBytes) !== 0) refuse("bind");
  if (receives !== undefined && !joinAllGroups(descriptor, index)) refuse("PACKET_ADD_MEMBERSHIP");
  return descriptor;
}

/**
 * Tells the kernel not to show the capture socket `descriptor` what this host sends: without it each frame that leaves
 * by another socket is copied for the capture, only to be sorted out there, at 15 % of what sending costs. Returns
 * whether the kernel knows how (Linux 4.20).
 */
export function ignoreOutgoing(descriptor: number): boolean {
  if (Deno.build.os !== "linux") return false;
  return setOption(descriptor, SOCKET.levelPacket, SOCKET.packetIgnoreOutgoing, 1);
}

/** Has the device hand up frames of all groups: answers of neighbor discovery go to one that the kernel may not have joined. */
function joinAllGroups(descriptor: number, index: number): boolean {
  const request = new Uint8Array(PACKET_MREQ.sizeBytes);
  const view = new DataView(request.buffer);
  view.setInt32(PACKET_MREQ.ifindex, index, true);
  view.setUint16(PACKET_MREQ.type, SOCKET.allMulticast, true);
  const { levelPacket, addMembership } = SOCKET;
  return libc().setsockopt(descriptor, levelPacket, addMembership, request, request.length) === 0;
}

const ETHERTYPE = { arp: 0x0806, ipv6: 0x86dd } as const;
/** ICMPv6 (RFC 4443 §1), and its neighbor solicitation and advertisement (RFC 4861 §4.3, §4.4). */
const ICMPV6 = { protocol: 0x3a, solicitation: 0x87, advertisement: 0x88 } as const;

/**
 * Lets only ARP and neighbor discovery of one VLAN through; without a tag, or with the priority tag 0, they are of none. A socket that is bound to the protocol instead would be told of no frame
 * that the device's bridge or bond has taken.
 */
function setFilter(descriptor: number, { vlan }: { vlan: number | null }): boolean {
  const { loadByte, loadHalf, loadWord, jumpIfEqual } = BPF;
  // A jump is counted from the instruction behind it; the last but one keeps, the last does not.
  const instructions = [
    { code: loadHalf, operand: BPF.etherTypeOffset },
    { code: jumpIfEqual, operand: ETHERTYPE.arp, jumpTrue: 6 },
    { code: jumpIfEqual, operand: ETHERTYPE.ipv6, jumpFalse: 9 },
    { code: loadByte, operand: BPF.nextHeaderOffset },
    { code: jumpIfEqual, operand: ICMPV6.protocol, jumpFalse: 7 },
    { code: loadByte, operand: BPF.icmpv6TypeOffset },
    { code: jumpIfEqual, operand: ICMPV6.advertisement, jumpTrue: 1 },
    { code: jumpIfEqual, operand: ICMPV6.solicitation, jumpFalse: 4 },
    { code: loadWord, operand: BPF.vlanTagOffset },
    { code: BPF.and, operand: VLAN_ID_MASK },
    { code: jumpIfEqual, operand: vlan ?? 0, jumpFalse: 1 },
    { code: BPF.keep, operand: WHOLE_FRAME },
    { code: BPF.keep, operand: 0 },
  ];
  const filter = new Uint8Array(instructions.length * SOCK_FILTER.sizeBytes);
  const view = new DataView(filter.buffer);
  for (const [position, { code, jumpTrue = 0, jumpFalse = 0, operand }] of instructions.entries()) {
    const at = position * SOCK_FILTER.sizeBytes;
    view.setUint16(at + SOCK_FILTER.code, code, true);
    view.setUint8(at + SOCK_FILTER.jumpTrue, jumpTrue);
    view.setUint8(at + SOCK_FILTER.jumpFalse, jumpFalse);
    view.setUint32(at + SOCK_FILTER.operand, operand, true);
  }
  const program = new Uint8Array(SOCK_FPROG.sizeBytes);
  const programView = new DataView(program.buffer);
  programView.setUint16(SOCK_FPROG.length, instructions.length, true);
  programView.setBigUint64(SOCK_FPROG.filter, addressOf(filter), true);
  return libc().setsockopt(descriptor, SOCKET.levelSocket, SOCKET.attachFilter, program, program.length) ===
    0;
}

/** Sets an option of `SOL_SOCKET` that is a number; returns whether the kernel took it. */
export function setSocketOption(descriptor: number, option: number, value: number): boolean {
  return setOption(descriptor, SOCKET.levelSocket, option, value);
}

/** The same of `SOL_PACKET`. */
export function setPacketOption(descriptor: number, option: number, value: number): boolean {
  return setOption(descriptor, SOCKET.levelPacket, option, value);
}

function setOption(descriptor: number, level: number, option: number, value: number): boolean {
  const bytes = new Uint8Array(INT_BYTES);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return libc().setsockopt(descriptor, level, option, bytes, INT_BYTES) === 0;
}
