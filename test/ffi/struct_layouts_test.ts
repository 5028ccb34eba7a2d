/**
 * The layout table against the C compiler's `offsetof`, on Linux where there is a compiler.
 *
 * libpcap's own header is used where it is installed (libpcap-dev); else the four structures that libpcap documents
 * are declared in the test's C program. Structures of the C library always come from its headers.
 */

import { assert, assertEquals } from "@std/assert";
import {
  BPF,
  ETHTOOL_DRIVER,
  ETHTOOL_GET,
  ETHTOOL_VALUE,
  IOVEC,
  MMSGHDR,
  PACKET_MREQ,
  SOCK_FILTER,
  SOCK_FPROG,
  SOCKADDR_LL,
  SOCKET,
  TPACKET,
  TPACKET2_HDR,
  VNET,
  VNET_HDR,
} from "../../ffi/packet_layouts.ts";
import {
  IFF,
  IFREQ,
  IFREQ_REQUESTS,
  LAYOUTS,
  PASSWD,
  PCAP_IF_FLAGS,
  POINTER_BYTES,
  POLL_IN,
  POLLFD,
  structLayoutsFor,
} from "../../ffi/struct_layouts.ts";

const DECLARED_HERE = `
#include <sys/time.h>
typedef unsigned int bpf_u_int32;
struct pcap_pkthdr { struct timeval ts; bpf_u_int32 caplen; bpf_u_int32 len; };
struct pcap_addr;
struct pcap_if { struct pcap_if *next; char *name; char *description; struct pcap_addr *addresses; bpf_u_int32 flags; };
struct pcap_addr { struct pcap_addr *next; struct sockaddr *addr, *netmask, *broadaddr, *dstaddr; };
struct pcap_stat { unsigned int ps_recv; unsigned int ps_drop; unsigned int ps_ifdrop; };
struct bpf_insn;
struct bpf_program { unsigned int bf_len; struct bpf_insn *bf_insns; };
`;

const PCAP_NUMBERS: Record<string, number> = {
  PCAP_IF_LOOPBACK: PCAP_IF_FLAGS.loopback,
  PCAP_IF_UP: PCAP_IF_FLAGS.up,
  PCAP_IF_RUNNING: PCAP_IF_FLAGS.running,
  PCAP_IF_WIRELESS: PCAP_IF_FLAGS.wireless,
  PCAP_IF_CONNECTION_STATUS: PCAP_IF_FLAGS.connectionStatus,
  PCAP_IF_CONNECTION_STATUS_CONNECTED: PCAP_IF_FLAGS.connected,
  PCAP_IF_CONNECTION_STATUS_DISCONNECTED: PCAP_IF_FLAGS.disconnected,
  PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE: PCAP_IF_FLAGS.notApplicable,
};

/** C expression -> what the table says. */
function expectedNumbers(): Record<string, number> {
  const { pcapPkthdr, pcapIf, pcapAddr, bpfProgram, pcapStat } = LAYOUTS;
  return {
    "sizeof(void *)": POINTER_BYTES,
    "offsetof(struct pcap_pkthdr, ts.tv_sec)": pcapPkthdr.tvSec,
    "offsetof(struct pcap_pkthdr, ts.tv_usec)": pcapPkthdr.tvUsec,
    "sizeof(((struct timeval *)0)->tv_sec)": pcapPkthdr.tvSecBytes,
    "offsetof(struct pcap_pkthdr, caplen)": pcapPkthdr.caplen,
    "offsetof(struct pcap_pkthdr, len)": pcapPkthdr.len,
    "sizeof(struct pcap_pkthdr)": pcapPkthdr.sizeBytes,
    "offsetof(struct pcap_if, next)": pcapIf.next,
    "offsetof(struct pcap_if, name)": pcapIf.name,
    "offsetof(struct pcap_if, description)": pcapIf.description,
    "offsetof(struct pcap_if, addresses)": pcapIf.addresses,
    "offsetof(struct pcap_if, flags)": pcapIf.flags,
    "offsetof(struct pcap_addr, next)": pcapAddr.next,
    "offsetof(struct pcap_addr, addr)": pcapAddr.addr,
    "offsetof(struct pcap_addr, netmask)": pcapAddr.netmask,
    "sizeof(struct bpf_program)": bpfProgram.sizeBytes,
    "offsetof(struct pcap_stat, ps_drop)": pcapStat.psDrop,
    "offsetof(struct pcap_stat, ps_ifdrop)": pcapStat.psIfdrop,
    "sizeof(struct pcap_stat)": pcapStat.sizeBytes,
    "offsetof(struct sockaddr, sa_family)": LAYOUTS.sockaddr.family,
    "sizeof(((struct sockaddr *)0)->sa_family)": LAYOUTS.sockaddr.familyBytes,
    "offsetof(struct sockaddr_in, sin_addr)": LAYOUTS.sockaddrIn.address,
    "offsetof(struct sockaddr_in6, sin6_addr)": LAYOUTS.sockaddrIn6.address,
    "offsetof(struct sockaddr_in6, sin6_scope_id)": LAYOUTS.sockaddrIn6.scope,
    "offsetof(struct addrinfo, ai_family)": LAYOUTS.addrinfo.family,
    "offsetof(struct addrinfo, ai_socktype)": LAYOUTS.addrinfo.socketType,
    "offsetof(struct addrinfo, ai_addr)": LAYOUTS.addrinfo.address,
    "offsetof(struct addrinfo, ai_next)": LAYOUTS.addrinfo.next,
    "sizeof(struct addrinfo)": LAYOUTS.addrinfo.sizeBytes,
    "offsetof(struct sockaddr_ll, sll_hatype)": LAYOUTS.sockaddrLink.hardwareType,
    "offsetof(struct sockaddr_ll, sll_halen)": LAYOUTS.sockaddrLink.addressLength,
    "offsetof(struct sockaddr_ll, sll_addr)": LAYOUTS.sockaddrLink.address,
    "AF_INET": LAYOUTS.families.inet,
    "AF_INET6": LAYOUTS.families.inet6,
    "AF_PACKET": LAYOUTS.families.link,
    "offsetof(struct pollfd, fd)": POLLFD.fd,
    "offsetof(struct pollfd, events)": POLLFD.events,
    "sizeof(struct pollfd)": POLLFD.sizeBytes,
    "POLLIN": POLL_IN,
    "offsetof(struct ifreq, ifr_name)": IFREQ.name,
    "IFNAMSIZ": IFREQ.nameBytes,
    "offsetof(struct ifreq, ifr_mtu)": IFREQ.mtu,
    "sizeof(struct ifreq)": IFREQ.sizeBytes,
    "offsetof(struct ifreq, ifr_data)": IFREQ.data,
    "SIOCGIFMTU": IFREQ_REQUESTS.mtu,
    "offsetof(struct ifreq, ifr_flags)": IFREQ.flags,
    "SIOCGIFFLAGS": IFREQ_REQUESTS.flags,
    "IFF_UP": IFF.up,
    "IFF_RUNNING": IFF.running,
    "SIOCETHTOOL": IFREQ_REQUESTS.ethtool,
    "offsetof(struct passwd, pw_name)": PASSWD.name,
    "offsetof(struct passwd, pw_uid)": PASSWD.uid,
    "offsetof(struct passwd, pw_gid)": PASSWD.gid,
  };
}

/** The same for packet sockets. */
function expectedPacketNumbers(): Record<string, number> {
  return {
    "offsetof(struct sockaddr_ll, sll_family)": SOCKADDR_LL.family,
    "offsetof(struct sockaddr_ll, sll_protocol)": SOCKADDR_LL.protocol,
    "offsetof(struct sockaddr_ll, sll_ifindex)": SOCKADDR_LL.ifindex,
    "sizeof(struct sockaddr_ll)": SOCKADDR_LL.sizeBytes,
    "offsetof(struct iovec, iov_base)": IOVEC.base,
    "offsetof(struct iovec, iov_len)": IOVEC.length,
    "sizeof(struct iovec)": IOVEC.sizeBytes,
    "offsetof(struct mmsghdr, msg_hdr.msg_iov)": MMSGHDR.iov,
    "offsetof(struct mmsghdr, msg_hdr.msg_iovlen)": MMSGHDR.iovCount,
    "sizeof(struct mmsghdr)": MMSGHDR.sizeBytes,
    "offsetof(struct virtio_net_hdr, flags)": VNET_HDR.flags,
    "offsetof(struct virtio_net_hdr, gso_type)": VNET_HDR.gsoType,
    "offsetof(struct virtio_net_hdr, hdr_len)": VNET_HDR.headerLength,
    "offsetof(struct virtio_net_hdr, gso_size)": VNET_HDR.gsoSize,
    "offsetof(struct virtio_net_hdr, csum_start)": VNET_HDR.checksumStart,
    "offsetof(struct virtio_net_hdr, csum_offset)": VNET_HDR.checksumOffset,
    "sizeof(struct virtio_net_hdr)": VNET_HDR.sizeBytes,
    "VIRTIO_NET_HDR_F_NEEDS_CSUM": VNET.needsChecksum,
    "VIRTIO_NET_HDR_GSO_TCPV4": VNET.gsoTcp4,
    "VIRTIO_NET_HDR_GSO_TCPV6": VNET.gsoTcp6,
    "VIRTIO_NET_HDR_GSO_ECN": VNET.gsoEcn,
    "offsetof(struct ethtool_value, cmd)": ETHTOOL_VALUE.command,
    "offsetof(struct ethtool_value, data)": ETHTOOL_VALUE.data,
    "sizeof(struct ethtool_value)": ETHTOOL_VALUE.sizeBytes,
    "ETHTOOL_GDRVINFO": ETHTOOL_DRIVER.get,
    "offsetof(struct ethtool_drvinfo, cmd)": ETHTOOL_DRIVER.command,
    "offsetof(struct ethtool_drvinfo, driver)": ETHTOOL_DRIVER.driver,
    "sizeof(((struct ethtool_drvinfo *)0)->driver)": ETHTOOL_DRIVER.driverBytes,
    "sizeof(struct ethtool_drvinfo)": ETHTOOL_DRIVER.sizeBytes,
    "ETHTOOL_GTXCSUM": ETHTOOL_GET.transmitChecksum,
    "ETHTOOL_GSG": ETHTOOL_GET.scatterGather,
    "ETHTOOL_GTSO": ETHTOOL_GET.tcpSegmentation,
    "ETHTOOL_GGSO": ETHTOOL_GET.genericSegmentation,
    "ETHTOOL_GGRO": ETHTOOL_GET.genericReceive,
    "AF_PACKET": SOCKET.familyPacket,
    "SOCK_RAW": SOCKET.typeRaw,
    "SOCK_CLOEXEC": SOCKET.closeOnExec,
    "SOCK_NONBLOCK": SOCKET.nonBlocking,
    "SO_ATTACH_FILTER": SOCKET.attachFilter,
    "ETH_P_ALL": SOCKET.allProtocols,
    "offsetof(struct sock_fprog, len)": SOCK_FPROG.length,
    "offsetof(struct sock_fprog, filter)": SOCK_FPROG.filter,
    "sizeof(struct sock_fprog)": SOCK_FPROG.sizeBytes,
    "offsetof(struct sock_filter, code)": SOCK_FILTER.code,
    "offsetof(struct sock_filter, jt)": SOCK_FILTER.jumpTrue,
    "offsetof(struct sock_filter, jf)": SOCK_FILTER.jumpFalse,
    "offsetof(struct sock_filter, k)": SOCK_FILTER.operand,
    "sizeof(struct sock_filter)": SOCK_FILTER.sizeBytes,
    "BPF_LD | BPF_B | BPF_ABS": BPF.loadByte,
    "BPF_LD | BPF_H | BPF_ABS": BPF.loadHalf,
    "offsetof(struct packet_mreq, mr_ifindex)": PACKET_MREQ.ifindex,
    "offsetof(struct packet_mreq, mr_type)": PACKET_MREQ.type,
    "sizeof(struct packet_mreq)": PACKET_MREQ.sizeBytes,
    "PACKET_ADD_MEMBERSHIP": SOCKET.addMembership,
    "PACKET_MR_ALLMULTI": SOCKET.allMulticast,
    "BPF_JMP | BPF_JEQ | BPF_K": BPF.jumpIfEqual,
    "BPF_RET | BPF_K": BPF.keep,
    "BPF_LD | BPF_W | BPF_ABS": BPF.loadWord,
    "BPF_ALU | BPF_AND | BPF_K": BPF.and,
    "(unsigned int)(SKF_AD_OFF + SKF_AD_VLAN_TAG)": BPF.vlanTagOffset,
    "SOL_SOCKET": SOCKET.levelSocket,
    "SO_SNDBUF": SOCKET.sendBuffer,
    "SO_SNDBUFFORCE": SOCKET.sendBufferForce,
    "SO_RCVBUFFORCE": SOCKET.receiveBufferForce,
    "SOL_PACKET": SOCKET.levelPacket,
    "SO_GET_FILTER": SOCKET.getFilter,
    "PACKET_VERSION": SOCKET.packetVersion,
    "PACKET_COPY_THRESH": SOCKET.packetCopyThreshold,
    "PACKET_VNET_HDR": SOCKET.packetVnetHeader,
    "offsetof(struct tpacket2_hdr, tp_status)": TPACKET2_HDR.status,
    "offsetof(struct tpacket2_hdr, tp_len)": TPACKET2_HDR.length,
    "offsetof(struct tpacket2_hdr, tp_snaplen)": TPACKET2_HDR.snaplen,
    "offsetof(struct tpacket2_hdr, tp_mac)": TPACKET2_HDR.mac,
    "offsetof(struct tpacket2_hdr, tp_net)": TPACKET2_HDR.net,
    "offsetof(struct tpacket2_hdr, tp_sec)": TPACKET2_HDR.sec,
    "offsetof(struct tpacket2_hdr, tp_nsec)": TPACKET2_HDR.nsec,
    "offsetof(struct tpacket2_hdr, tp_vlan_tci)": TPACKET2_HDR.vlanTci,
    "offsetof(struct tpacket2_hdr, tp_vlan_tpid)": TPACKET2_HDR.vlanTpid,
    "sizeof(struct tpacket2_hdr)": TPACKET2_HDR.sizeBytes,
    "TP_STATUS_KERNEL": TPACKET.statusKernel,
    "TP_STATUS_USER": TPACKET.statusUser,
    "TP_STATUS_COPY": TPACKET.statusCopy,
    "TP_STATUS_VLAN_VALID": TPACKET.statusVlanValid,
    "TP_STATUS_VLAN_TPID_VALID": TPACKET.statusVlanTpidValid,
    "TPACKET_ALIGNMENT": TPACKET.alignment,
    "TPACKET_V2": TPACKET.version2,
    "PACKET_IGNORE_OUTGOING": SOCKET.packetIgnoreOutgoing,
    "MSG_DONTWAIT": SOCKET.doNotWait,
    "MSG_TRUNC": SOCKET.tellTrueLength,
  };
}

/** Compiles and runs a program that prints each expression's value, one a line. */
async function compiledNumbers(expressions: string[], pcapDeclarations: string): Promise<number[]> {
  const directory = await Deno.makeTempDir({ prefix: "tcplab-layouts-" });
  try {
    const source = `
      #define _GNU_SOURCE
      #include <stddef.h>
      #include <stdio.h>
      #include <sys/socket.h>
      #include <netinet/in.h>
      #include <net/if.h>
      #include <linux/if_packet.h>
      #include <linux/if_ether.h>
      #include <linux/filter.h>
      #include <sys/ioctl.h>
      #include <sys/uio.h>
      #include <linux/sockios.h>
      #include <linux/virtio_net.h>
      #include <linux/ethtool.h>
      #include <poll.h>
      #include <pwd.h>
      #include <netdb.h>
      ${pcapDeclarations}
      int main(void) { ${
      expressions.map((text) => `printf("%ld\\n", (long)(${text}));`).join("\n")
    } return 0; }`;
    await Deno.writeTextFile(`${directory}/layouts.c`, source);
    await run("cc", ["-o", `${directory}/layouts`, `${directory}/layouts.c`]);
    return (await run(`${directory}/layouts`, [])).trim().split("\n").map(Number);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert(success, `${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Whether there is a C compiler that accepts a program with `include`. */
async function compiles(include: string): Promise<boolean> {
  try {
    const child = new Deno.Command("cc", {
      args: ["-x", "c", "-fsyntax-only", "-"],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${include}\nint main(void) { return 0; }\n`));
    await writer.close();
    return (await child.status).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const onLinux = Deno.build.os === "linux";
const hasCompiler = onLinux && await compiles("#include <linux/if_packet.h>\n#include <linux/virtio_net.h>");
const hasPcapHeader = hasCompiler && await compiles("#include <pcap/pcap.h>");

Deno.test({
  name: `struct layouts equal the C compiler's${
    hasCompiler
      ? hasPcapHeader ? " (pcap.h)" : " (no pcap.h: its structures declared here)"
      : " (skipped: no C compiler)"
  }`,
  ignore: !hasCompiler,
  async fn() {
    const expected = {
      ...expectedNumbers(),
      ...expectedPacketNumbers(),
      ...(hasPcapHeader ? PCAP_NUMBERS : {}),
    };
    const expressions = Object.keys(expected);
    const values = await compiledNumbers(
      expressions,
      hasPcapHeader ? "#include <pcap/pcap.h>" : DECLARED_HERE,
    );
    const found = Object.fromEntries(expressions.map((text, n) => [text, values[n]]));
    assertEquals(found, expected);
  },
});

Deno.test("struct layouts: the header's fields lie in order and inside it, on every platform", () => {
  for (const os of ["linux", "darwin", "windows", "freebsd"]) {
    const { tvSec, tvUsec, tvSecBytes, caplen, len, sizeBytes } = structLayoutsFor(os).pcapPkthdr;
    assertEquals(tvUsec, tvSec + tvSecBytes);
    assert(tvUsec < caplen && caplen + 4 === len && len + 4 <= sizeBytes, os);
  }
});

Deno.test("struct layouts: a timeval has 16 bytes on Unix and 8 on Windows", () => {
  assertEquals(structLayoutsFor("linux").pcapPkthdr.caplen, 16);
  assertEquals(structLayoutsFor("darwin").pcapPkthdr.caplen, 16);
  assertEquals(structLayoutsFor("windows").pcapPkthdr.caplen, 8);
});
