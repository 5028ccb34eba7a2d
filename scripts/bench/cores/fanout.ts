/**
 * PACKET_FANOUT: several capture sockets of one device that share its frames among them (packet(7)).
 *
 * Owns: joining a group, and the classic BPF programs that choose a member. Must not know: who reads the frames.
 *
 * `hash` is the kernel's own choice. Since 2016 (Linux 4.8 at the latest) it is computed from the addresses and ports of the packet itself,
 * alike for both directions. `own` computes one here, so that it rests on nothing but the packet on any kernel. `stored`
 * is a trap, kept to show it: it takes the hash that came with the frame (`skb->hash`), which on a veth is the number
 * that the sender's socket drew for itself, and draws anew when it sends again.
 */
import { errno, errnoText, libc } from "../../../ffi/libc.ts";
import { addressOf } from "../../../ffi/native_memory.ts";
import { SOCKET } from "../../../ffi/packet_layouts.ts";

/** By what a frame finds its member. */
export type Spread = "hash" | "own" | "stored";

/** Every way, in the order in which they are shown. */
export const SPREADS: readonly Spread[] = ["hash", "own", "stored"];

/** Options and values of <linux/if_packet.h>. */
const PACKET_FANOUT = 18;
const PACKET_FANOUT_DATA = 22;
const FANOUT_HASH = 0;
const FANOUT_CBPF = 6;
/** The members' own PACKET_IGNORE_OUTGOING does not count in a group: the group has to be told. */
const FLAG_IGNORE_OUTGOING = 0x4000;

/** `struct sock_filter` and, on 64-bit Linux, `struct sock_fprog`, <linux/filter.h>. */
const SOCK_FILTER = { code: 0, jumpTrue: 2, jumpFalse: 3, operand: 4, sizeBytes: 8 } as const;
const SOCK_FPROG = { count: 0, filter: 8, sizeBytes: 16 } as const;

/** Operation codes of classic BPF that are used here, <linux/bpf_common.h>. */
const BPF = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadByte: 0x30,
  loadWordAtX: 0x40,
  loadMemory: 0x60,
  store: 0x02,
  multiply: 0x24,
  and: 0x54,
  shiftLeft: 0x64,
  shiftRight: 0x74,
  xorX: 0xac,
  jumpIfEqual: 0x15,
  jumpIfAnyBit: 0x45,
  moveToX: 0x07,
  returnA: 0x16,
  returnConstant: 0x06,
} as const;

/** Offsets that mean the network header and what the kernel knows of a frame (SKF_NET_OFF, SKF_AD_OFF). */
const NETWORK = 0xfff00000;
const KNOWN_PROTOCOL = 0xfffff000;
const KNOWN_HASH = 0xfffff000 + 32;

const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 0x6;
/** "More fragments", and the offset of a fragment. */
const FRAGMENT_BITS = 0x3fff;
const IPV4 = { headerLength: 0, fragment: 6, protocol: 9, source: 12, destination: 16 } as const;
/** Odd numbers without a pattern: 2^32 over the golden ratio, and one of MurmurHash3's. */
const MIX_PORTS = 0x9e3779b1;
const MIX_ALL = 0x85ebca6b;

type Instruction = readonly [code: number, operand?: number, jumpTrue?: number, jumpFalse?: number];

/** Addresses and ports of an IPv4 packet, mixed; of a fragment the addresses alone; 0 for every other frame. */
const OWN_HASH: readonly Instruction[] = [
  [BPF.loadWord, KNOWN_PROTOCOL],
  [BPF.jumpIfEqual, ETHERTYPE_IPV4, 0, 23],
  [BPF.loadWord, NETWORK + IPV4.source],
  [BPF.moveToX],
  [BPF.loadWord, NETWORK + IPV4.destination],
  [BPF.xorX],
  [BPF.store, 0],
  [BPF.loadByte, NETWORK + IPV4.protocol],
  [BPF.jumpIfEqual, PROTOCOL_TCP, 0, 12],
  [BPF.loadHalf, NETWORK + IPV4.fragment],
  [BPF.jumpIfAnyBit, FRAGMENT_BITS, 10, 0],
  // The ports stand side by side behind the IP header, whose length is in words.
  [BPF.loadByte, NETWORK + IPV4.headerLength],
  [BPF.and, 0xf],
  [BPF.shiftLeft, 2],
  [BPF.moveToX],
  [BPF.loadWordAtX, NETWORK],
  [BPF.multiply, MIX_PORTS],
  [BPF.moveToX],
  [BPF.loadMemory, 0],
  [BPF.xorX],
  [BPF.store, 0],
  [BPF.loadMemory, 0],
  [BPF.multiply, MIX_ALL],
  // The upper bits of a product depend on all bits of its factors; the kernel takes the rest of a division.
  [BPF.shiftRight, 16],
  [BPF.returnA],
  [BPF.returnConstant, 0],
];

/** What the frame brought along. */
const STORED_HASH: readonly Instruction[] = [[BPF.loadWord, KNOWN_HASH], [BPF.returnA]];

/**
 * Makes the bound packet socket `descriptor` a member of `group` (1 to 65,535, of this network namespace). The first
 * member decides the way, the others have to agree. Throws an Error with one line where the kernel refuses.
 */
export function joinFanout(descriptor: number, options: { group: number; spread: Spread }): void {
  const { group, spread } = options;
  const type = spread === "hash" ? FANOUT_HASH : FANOUT_CBPF;
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, ((type | FLAG_IGNORE_OUTGOING) << 16 | group) >>> 0, true);
  setOption(descriptor, PACKET_FANOUT, value);
  if (type === FANOUT_CBPF) setProgram(descriptor, spread === "own" ? OWN_HASH : STORED_HASH);
}

/** The program belongs to the group; each member sets the same one, so that none is ever without. */
function setProgram(descriptor: number, instructions: readonly Instruction[]): void {
  const filter = new Uint8Array(instructions.length * SOCK_FILTER.sizeBytes);
  const view = new DataView(filter.buffer);
  instructions.forEach(([code, operand = 0, jumpTrue = 0, jumpFalse = 0], index) => {
    const at = index * SOCK_FILTER.sizeBytes;
    view.setUint16(at + SOCK_FILTER.code, code, true);
    view.setUint8(at + SOCK_FILTER.jumpTrue, jumpTrue);
    view.setUint8(at + SOCK_FILTER.jumpFalse, jumpFalse);
    view.setUint32(at + SOCK_FILTER.operand, operand >>> 0, true);
  });
  const program = new Uint8Array(SOCK_FPROG.sizeBytes);
  const head = new DataView(program.buffer);
  head.setUint16(SOCK_FPROG.count, instructions.length, true);
  head.setBigUint64(SOCK_FPROG.filter, addressOf(filter), true);
  setOption(descriptor, PACKET_FANOUT_DATA, program);
}

function setOption(descriptor: number, option: number, value: Uint8Array<ArrayBuffer>): void {
  if (libc().setsockopt(descriptor, SOCKET.levelPacket, option, value, value.length) === 0) return;
  throw new Error(`The capture could not join a fanout group (option ${option}): ${errnoText(errno())}`);
}
