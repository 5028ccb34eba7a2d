/**
 * Layouts of the C structures that cross the border, one table per platform.
 *
 * Owns: field offsets, sizes and the few numbers (address families, ioctl requests) that go with them.
 * Must not know: the functions that fill these structures.
 *
 * Sources: <pcap/pcap.h>, <sys/socket.h>, <netinet/in.h>, <linux/if_packet.h>, <net/if_dl.h>, <poll.h>, <net/if.h>, <netdb.h>.
 * All platforms that Deno runs on have pointers of 8 bytes. The Linux column is compared with the C
 * compiler's `offsetof` by test/ffi/struct_layouts_test.ts.
 */

/** Bytes of a pointer on every platform that Deno supports. */
export const POINTER_BYTES = 8;

/** Byte offsets and sizes of the structures on one platform. */
interface StructLayouts {
  /** `struct pcap_pkthdr`: when, how much was captured, how long the frame was. */
  readonly pcapPkthdr: {
    readonly tvSec: number;
    readonly tvUsec: number;
    /** Bytes of `tv_sec`: 8, or 4 where C's `long` has 32 bits. */
    readonly tvSecBytes: 4 | 8;
    readonly caplen: number;
    readonly len: number;
    readonly sizeBytes: number;
  };
  /** `struct pcap_if`: one device of the list that `pcap_findalldevs` makes. */
  readonly pcapIf: {
    readonly next: number;
    readonly name: number;
    readonly description: number;
    readonly addresses: number;
    readonly flags: number;
  };
  /** `struct pcap_addr`: one address of a device; the fields point at socket addresses. */
  readonly pcapAddr: {
    readonly next: number;
    readonly addr: number;
    readonly netmask: number;
  };
  /** `struct bpf_program`: a compiled filter, so many instructions and where they are. */
  readonly bpfProgram: {
    readonly length: number;
    readonly instructions: number;
    readonly sizeBytes: number;
  };
  /** `struct pcap_stat`: what was lost, 32 bits each. */
  readonly pcapStat: {
    readonly psDrop: number;
    readonly psIfdrop: number;
    readonly sizeBytes: number;
  };
  /** `struct sockaddr`: where the family is, and how wide. */
  readonly sockaddr: { readonly family: number; readonly familyBytes: 1 | 2 };
  readonly sockaddrIn: { readonly address: number };
  readonly sockaddrIn6: { readonly address: number; readonly scope: number };
  /** `struct addrinfo`: one address of a name, and the hints that a question for them begins with. */
  readonly addrinfo: {
    readonly family: number;
    readonly socketType: number;
    readonly address: number;
    readonly next: number;
    readonly sizeBytes: number;
  };
  /** Where a link-layer address is: `sockaddr_ll` on Linux, `sockaddr_dl` on BSD and macOS. */
  readonly sockaddrLink: {
    readonly hardwareType: number;
    readonly addressLength: number;
    readonly address: number;
    /** `sockaddr_dl` keeps the device's name before the address; the offset of that name's length, else -1. */
    readonly nameLength: number;
  };
  /** Address families: their numbers differ between the systems. */
  readonly families: { readonly inet: number; readonly inet6: number; readonly link: number };
}

const PCAP_LISTS = {
  pcapIf: { next: 0, name: 8, description: 16, addresses: 24, flags: 32 },
  pcapAddr: { next: 0, addr: 8, netmask: 16 },
  bpfProgram: { length: 0, instructions: 8, sizeBytes: 16 },
  sockaddrIn: { address: 4 },
  sockaddrIn6: { address: 8, scope: 24 },
} as const;

/** BSDs, and Windows after them, have the canonical name before the address. */
const BSD_ADDRINFO = { family: 4, socketType: 8, address: 32, next: 40, sizeBytes: 48 } as const;

const LINUX = {
  ...PCAP_LISTS,
  pcapPkthdr: { tvSec: 0, tvUsec: 8, tvSecBytes: 8, caplen: 16, len: 20, sizeBytes: 24 },
  pcapStat: { psDrop: 4, psIfdrop: 8, sizeBytes: 12 },
  sockaddr: { family: 0, familyBytes: 2 },
  sockaddrLink: { hardwareType: 8, addressLength: 11, address: 12, nameLength: -1 },
  families: { inet: 2, inet6: 10, link: 17 },
  addrinfo: { family: 4, socketType: 8, address: 24, next: 40, sizeBytes: 48 },
} as const satisfies StructLayouts;

const DARWIN = {
  ...PCAP_LISTS,
  // Apple appends a comment of 256 bytes to the header.
  pcapPkthdr: { tvSec: 0, tvUsec: 8, tvSecBytes: 8, caplen: 16, len: 20, sizeBytes: 280 },
  pcapStat: { psDrop: 4, psIfdrop: 8, sizeBytes: 12 },
  sockaddr: { family: 1, familyBytes: 1 },
  sockaddrLink: { hardwareType: 4, addressLength: 6, address: 8, nameLength: 5 },
  families: { inet: 2, inet6: 30, link: 18 },
  addrinfo: BSD_ADDRINFO,
} as const satisfies StructLayouts;

const WINDOWS = {
  ...PCAP_LISTS,
  // C's `long` has 32 bits, so a timeval has 8 bytes.
  pcapPkthdr: { tvSec: 0, tvUsec: 4, tvSecBytes: 4, caplen: 8, len: 12, sizeBytes: 16 },
  // Npcap adds ps_capt, ps_sent and ps_netdrop.
  pcapStat: { psDrop: 4, psIfdrop: 8, sizeBytes: 24 },
  sockaddr: { family: 0, familyBytes: 2 },
  // Npcap reports no link-layer addresses in the list.
  sockaddrLink: { hardwareType: 0, addressLength: 0, address: 0, nameLength: -1 },
  families: { inet: 2, inet6: 23, link: -1 },
  addrinfo: BSD_ADDRINFO,
} as const satisfies StructLayouts;

/** The layouts of a platform, named as in `Deno.build.os`; BSDs share macOS's shapes, Android shares Linux's. */
export function structLayoutsFor(os: string): StructLayouts {
  if (os === "windows") return WINDOWS;
  if (os === "linux" || os === "android") return LINUX;
  return DARWIN;
}

/** The layouts of the platform that this process runs on. */
export const LAYOUTS: StructLayouts = structLayoutsFor(Deno.build.os);

/** `struct pollfd` of <poll.h>, alike on every Unix. */
export const POLLFD = { fd: 0, events: 4, sizeBytes: 8 } as const;

/** `POLLIN` of `pollfd.events`, alike on every Unix. */
export const POLL_IN = 0x0001;

/** `struct ifreq` of Linux's <net/if.h>: a name, and a union of which some members are used. */
export const IFREQ = {
  name: 0,
  nameBytes: 16,
  mtu: 16,
  flags: 16,
  data: 16,
  sizeBytes: 40,
} as const;

/** Linux's requests that fill a `struct ifreq`, <linux/sockios.h>. */
export const IFREQ_REQUESTS = {
  mtu: 0x8921,
  flags: 0x8913,
  ethtool: 0x8946,
} as const;

/** Bits of `ifr_flags`, <linux/if.h>: switched on by its owner; with a carrier (RFC 2863's operational state "up"). */
export const IFF = { up: 0x0001, running: 0x0040 } as const;

/** What is read of `struct passwd` of <pwd.h>, alike on Linux and macOS. */
export const PASSWD = { name: 0, uid: 16, gid: 20 } as const;

/** Bits of `pcap_if.flags`, <pcap/pcap.h>. */
export const PCAP_IF_FLAGS = {
  loopback: 0x00000001,
  up: 0x00000002,
  running: 0x00000004,
  wireless: 0x00000008,
  connectionStatus: 0x00000030,
  connected: 0x00000010,
  disconnected: 0x00000020,
  notApplicable: 0x00000030,
} as const;

/** `ARPHRD_ETHER`: the hardware type of Ethernet (RFC 826's hardware space, 1). */
export const HARDWARE_ETHERNET = 1;
