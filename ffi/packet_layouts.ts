/**
 * Layouts and numbers of Linux's packet sockets and of the questions that ethtool asks a device.
 *
 * Owns: field offsets, sizes, socket options. Must not know: the functions that take them.
 *
 * Sources: <linux/if_packet.h>, <sys/socket.h>, <sys/uio.h>, <linux/virtio_net.h>, <linux/ethtool.h>, of 64-bit Linux
 * with little-endian byte order, which are all the machines that Deno runs on. Compared with the C compiler's
 * `offsetof` by test/ffi/struct_layouts_test.ts. musl has shorter counts in `msghdr`, with padding that stays zero.
 */

/** `struct sockaddr_ll`: where a packet socket is bound. */
export const SOCKADDR_LL = { family: 0, protocol: 2, ifindex: 4, sizeBytes: 20 } as const;

/** `struct sock_fprog`: a filter of so many instructions, and where they are. */
export const SOCK_FPROG = { length: 0, filter: 8, sizeBytes: 16 } as const;

/** `struct sock_filter`: one instruction of classic BPF. */
export const SOCK_FILTER = { code: 0, jumpTrue: 2, jumpFalse: 3, operand: 4, sizeBytes: 8 } as const;

/** `struct packet_mreq`: what else than its own frames a device is to hand up. */
export const PACKET_MREQ = { ifindex: 0, type: 4, sizeBytes: 16 } as const;

/** Operation codes of classic BPF, of <linux/bpf_common.h>, and the operand that every filter of ours has. */
export const BPF = {
  /** `BPF_LD | BPF_B | BPF_ABS`: one byte of the frame. */
  loadByte: 0x30,
  /** `BPF_LD | BPF_H | BPF_ABS`: two bytes of the frame. */
  loadHalf: 0x28,
  /** `BPF_LD | BPF_W | BPF_ABS`: four bytes of the frame, or what the kernel knows of it. */
  loadWord: 0x20,
  /** `BPF_ALU | BPF_AND | BPF_K`. */
  and: 0x54,
  /** `BPF_JMP | BPF_JEQ | BPF_K`. */
  jumpIfEqual: 0x15,
  /** `BPF_RET | BPF_K`: so many bytes of the frame are kept. */
  keep: 0x06,
  /** Where a frame has its EtherType (IEEE 802.3 §3.2.6). */
  etherTypeOffset: 12,
  /** The next header of an IPv6 packet right behind Ethernet's header (RFC 8200 §3). */
  nextHeaderOffset: 14 + 6,
  /** The type of an ICMPv6 message without extension headers before it (RFC 4443 §2.1). */
  icmpv6TypeOffset: 14 + 40,
  /** `SKF_AD_OFF + SKF_AD_VLAN_TAG` of <linux/filter.h>: the tag that was taken off the frame, 0 without one. */
  vlanTagOffset: 0xfffff02c,
} as const;

/** `struct iovec`: one stretch of memory. */
export const IOVEC = { base: 0, length: 8, sizeBytes: 16 } as const;

/** `struct mmsghdr`: a `struct msghdr`, and the bytes that were sent of it, which are not read. */
export const MMSGHDR = { iov: 16, iovCount: 24, sizeBytes: 64 } as const;

/** `struct virtio_net_hdr`: what a packet socket with `PACKET_VNET_HDR` wants before each frame. */
export const VNET_HDR = {
  flags: 0,
  gsoType: 1,
  headerLength: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
  sizeBytes: 10,
} as const;

/** Values of `virtio_net_hdr.flags` and `virtio_net_hdr.gso_type`. */
export const VNET = { needsChecksum: 1, gsoTcp4: 1, gsoTcp6: 4, gsoEcn: 0x80 } as const;

/** `struct tpacket2_hdr`: what stands before each frame of a capture ring of the second version. */
export const TPACKET2_HDR = {
  status: 0,
  length: 4,
  snaplen: 8,
  mac: 12,
  net: 14,
  sec: 16,
  nsec: 20,
  vlanTci: 24,
  vlanTpid: 26,
  sizeBytes: 32,
} as const;

/** Values of `tpacket2_hdr.tp_status`; frames begin at multiples of `alignment`. */
export const TPACKET = {
  /** `TP_STATUS_KERNEL`: the slot is the kernel's. */
  statusKernel: 0,
  /** `TP_STATUS_USER`: a frame is in it. */
  statusUser: 1,
  /** `TP_STATUS_COPY`: the frame did not fit, and is in the socket's queue, whole. */
  statusCopy: 1 << 1,
  /** `TP_STATUS_VLAN_VALID`: an 802.1Q tag was taken out of the frame. */
  statusVlanValid: 1 << 4,
  /** `TP_STATUS_VLAN_TPID_VALID`: and its EtherType is told. */
  statusVlanTpidValid: 1 << 6,
  /** `TPACKET_ALIGNMENT`. */
  alignment: 16,
  /** `TPACKET_V2`. */
  version2: 1,
} as const;

/** `struct ethtool_value`: a command, and the answer to it. */
export const ETHTOOL_VALUE = { command: 0, data: 4, sizeBytes: 8 } as const;

/** `struct ethtool_drvinfo`, what is read of it, and `ETHTOOL_GDRVINFO`, its command. */
export const ETHTOOL_DRIVER = { get: 0x03, command: 0, driver: 4, driverBytes: 32, sizeBytes: 196 } as const;

/** Commands of ethtool that ask for one off-load each; they need no rights. */
export const ETHTOOL_GET = {
  transmitChecksum: 0x16,
  scatterGather: 0x18,
  tcpSegmentation: 0x1e,
  genericSegmentation: 0x23,
  genericReceive: 0x2b,
} as const;

/** Numbers for socket(2), setsockopt(2) and send(2). */
export const SOCKET = {
  /** `AF_PACKET`. */
  familyPacket: 17,
  /** `SOCK_RAW`: frames with their Ethernet header. */
  typeRaw: 3,
  /** `SOCK_CLOEXEC`: child processes do not inherit it. */
  closeOnExec: 0x80000,
  /** `SOCK_NONBLOCK`: what is not there yet is not waited for. */
  nonBlocking: 0x800,
  /** `SOL_SOCKET`. */
  levelSocket: 1,
  /** `SO_SNDBUF`, bounded by the system's `wmem_max`. */
  sendBuffer: 7,
  /** `SO_SNDBUFFORCE`, for those who may set it freely. */
  sendBufferForce: 32,
  /** `SO_RCVBUFFORCE`: what may wait in the queue, for those who may set it freely. */
  receiveBufferForce: 33,
  /** `SO_ATTACH_FILTER`: takes a {@link SOCK_FPROG}. */
  attachFilter: 26,
  /** `ETH_P_ALL` of <linux/if_ether.h>: frames of every protocol, before a bridge or a bond takes them away. */
  allProtocols: 0x0003,
  /** `SOL_PACKET`. */
  levelPacket: 263,
  /** `SO_GET_FILTER`: how many instructions the attached filter has. */
  getFilter: 26,
  /** `PACKET_ADD_MEMBERSHIP`: takes a {@link PACKET_MREQ}; lasts as long as the socket. */
  addMembership: 1,
  /** `PACKET_MR_ALLMULTI`: frames of every group. */
  allMulticast: 2,
  /** `PACKET_COPY_THRESH`: frames that do not fit their slot are queued too. */
  packetCopyThreshold: 7,
  /** `PACKET_VERSION`: the layout of the capture ring. */
  packetVersion: 10,
  /** `PACKET_VNET_HDR`: each frame is preceded by a {@link VNET_HDR}. */
  packetVnetHeader: 15,
  /** `PACKET_IGNORE_OUTGOING` (Linux 4.20): what this host sends is not shown to the socket. */
  packetIgnoreOutgoing: 23,
  /** `MSG_TRUNC`: a frame longer than the memory for it is told with its own length. */
  tellTrueLength: 0x20,
  /** `MSG_DONTWAIT`: a full queue is an error, not a wait. */
  doNotWait: 0x40,
} as const;
