/**
 * What the constants of system calls are: Linux's numbers, and FreeBSD's where they are others.
 *
 * Owns: names and numbers of flags, events and errors. Must not know: options of sockets, which are known by their names
 * (options.ts), or what any of them does.
 */
import type { SystemHabits } from "../../tcp/profile.ts";

/** Names of Linux's headers, x86-64 and ARM alike, and the words that the language has beside them. */
const LINUX: Readonly<Record<string, number>> = {
  // -- Sockets and files
  AF_UNSPEC: 0,
  AF_INET: 2,
  AF_INET6: 0xa,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0x800,
  SOCK_CLOEXEC: 0x80000,
  IPPROTO_IP: 0,
  IPPROTO_TCP: 6,
  IPPROTO_UDP: 0x11,
  IPPROTO_IPV6: 0x29,
  SOL_SOCKET: 1,
  SOL_IP: 0,
  SOL_TCP: 6,
  SOL_IPV6: 0x29,
  IP_PMTUDISC_DONT: 0,
  IP_PMTUDISC_WANT: 1,
  IP_PMTUDISC_DO: 2,
  IP_PMTUDISC_PROBE: 3,
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_NONBLOCK: 0x800,
  O_ACCMODE: 3,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  FD_CLOEXEC: 1,
  SHUT_RD: 0,
  SHUT_WR: 1,
  SHUT_RDWR: 2,
  // -- Traffic classes (RFC 2474, RFC 3246, RFC 1349)
  IPTOS_DSCP_CS0: 0x0,
  IPTOS_DSCP_CS1: 0x20,
  IPTOS_DSCP_CS2: 0x40,
  IPTOS_DSCP_CS3: 0x60,
  IPTOS_DSCP_CS4: 0x80,
  IPTOS_DSCP_CS5: 0xa0,
  IPTOS_DSCP_CS6: 0xc0,
  IPTOS_DSCP_CS7: 0xe0,
  IPTOS_DSCP_AF11: 0x28,
  IPTOS_DSCP_AF12: 0x30,
  IPTOS_DSCP_AF13: 0x38,
  IPTOS_DSCP_AF21: 0x48,
  IPTOS_DSCP_AF22: 0x50,
  IPTOS_DSCP_AF23: 0x58,
  IPTOS_DSCP_AF31: 0x68,
  IPTOS_DSCP_AF32: 0x70,
  IPTOS_DSCP_AF33: 0x78,
  IPTOS_DSCP_AF41: 0x88,
  IPTOS_DSCP_AF42: 0x90,
  IPTOS_DSCP_AF43: 0x98,
  IPTOS_DSCP_EF: 0xb8,
  IPTOS_LOWDELAY: 0x10,
  IPTOS_THROUGHPUT: 8,
  IPTOS_RELIABILITY: 4,
  // -- Flags of messages
  MSG_OOB: 1,
  MSG_PEEK: 2,
  MSG_DONTROUTE: 4,
  MSG_CTRUNC: 8,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_EOR: 0x80,
  MSG_WAITALL: 0x100,
  MSG_NOSIGNAL: 0x4000,
  MSG_MORE: 0x8000,
  MSG_ERRQUEUE: 0x2000,
  MSG_FASTOPEN: 0x20000000,
  MSG_ZEROCOPY: 0x4000000,
  MSG_CMSG_CLOEXEC: 0x40000000,
  MSG_CONFIRM: 0x800,
  // -- Events
  POLLIN: 1,
  POLLPRI: 2,
  POLLOUT: 4,
  POLLERR: 8,
  POLLHUP: 0x10,
  POLLNVAL: 0x20,
  POLLRDNORM: 0x40,
  POLLRDBAND: 0x80,
  POLLWRNORM: 0x100,
  POLLWRBAND: 0x200,
  POLLRDHUP: 0x2000,
  EPOLLIN: 1,
  EPOLLPRI: 2,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 0x10,
  EPOLLRDNORM: 0x40,
  EPOLLRDBAND: 0x80,
  EPOLLWRNORM: 0x100,
  EPOLLWRBAND: 0x200,
  EPOLLRDHUP: 0x2000,
  EPOLLEXCLUSIVE: 0x10000000,
  EPOLLONESHOT: 0x40000000,
  EPOLLET: 0x80000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
  EPOLL_CLOEXEC: 0x80000,
  // -- What an error queue tells
  TCP_CM_INQ: 0x24,
  SCM_TIMESTAMPING: 0x25,
  SCM_TSTAMP_SND: 0,
  SCM_TSTAMP_SCHED: 1,
  SCM_TSTAMP_ACK: 2,
  SO_EE_ORIGIN_ICMP: 2,
  SO_EE_ORIGIN_TIMESTAMPING: 4,
  SO_EE_ORIGIN_ZEROCOPY: 5,
  SO_EE_CODE_ZEROCOPY_COPIED: 1,
  SOF_TIMESTAMPING_TX_HARDWARE: 1,
  SOF_TIMESTAMPING_TX_SOFTWARE: 2,
  SOF_TIMESTAMPING_RX_HARDWARE: 4,
  SOF_TIMESTAMPING_RX_SOFTWARE: 8,
  SOF_TIMESTAMPING_SOFTWARE: 0x10,
  SOF_TIMESTAMPING_SYS_HARDWARE: 0x20,
  SOF_TIMESTAMPING_RAW_HARDWARE: 0x40,
  SOF_TIMESTAMPING_OPT_ID: 0x80,
  SOF_TIMESTAMPING_TX_SCHED: 0x100,
  SOF_TIMESTAMPING_TX_ACK: 0x200,
  SOF_TIMESTAMPING_OPT_CMSG: 0x400,
  SOF_TIMESTAMPING_OPT_TSONLY: 0x800,
  SOF_TIMESTAMPING_OPT_STATS: 0x1000,
  SOF_TIMESTAMPING_OPT_ID_TCP: 0x10000,
  CMSG_LEVEL_IP: 0,
  CMSG_TYPE_RECVERR: 0xb,
  IP_RECVERR: 0xb,
  IPV6_RECVERR: 0x19,
  // -- Errors
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EWOULDBLOCK: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  ENOSPC: 28,
  ESPIPE: 29,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  ENOSYS: 38,
  ENOMSG: 42,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  // -- The rest
  NULL: 0,
  TCP_INFINITE_SSTHRESH: 0x7fffffff,
};

/** FreeBSD 14, where it differs. */
const BSD: Readonly<Record<string, number>> = {
  // -- Sockets and files
  AF_INET6: 0x1c,
  SOCK_NONBLOCK: 0x20000000,
  SOCK_CLOEXEC: 0x10000000,
  SOL_SOCKET: 0xffff,
  O_NONBLOCK: 4,
  // -- Flags of messages
  MSG_CTRUNC: 0x20,
  MSG_TRUNC: 0x10,
  MSG_DONTWAIT: 0x80,
  MSG_EOR: 8,
  MSG_WAITALL: 0x40,
  MSG_NOSIGNAL: 0x20000,
  MSG_CMSG_CLOEXEC: 0x40000,
  MSG_EOF: 0x100,
  // -- Events
  POLLWRNORM: 4,
  POLLWRBAND: 0x100,
  POLLRDHUP: 0x4000,
  // -- Errors
  EAGAIN: 35,
  EWOULDBLOCK: 35,
  ENOSYS: 78,
  ENOMSG: 83,
  EPROTO: 92,
  EOVERFLOW: 84,
  ENOTSOCK: 38,
  EDESTADDRREQ: 39,
  EMSGSIZE: 40,
  EPROTOTYPE: 41,
  ENOPROTOOPT: 42,
  EPROTONOSUPPORT: 43,
  EOPNOTSUPP: 45,
  EAFNOSUPPORT: 47,
  EADDRINUSE: 48,
  EADDRNOTAVAIL: 49,
  ENETDOWN: 50,
  ENETUNREACH: 51,
  ENETRESET: 52,
  ECONNABORTED: 53,
  ECONNRESET: 54,
  ENOBUFS: 55,
  EISCONN: 56,
  ENOTCONN: 57,
  ESHUTDOWN: 58,
  ETIMEDOUT: 60,
  ECONNREFUSED: 61,
  EHOSTDOWN: 64,
  EHOSTUNREACH: 65,
  EALREADY: 37,
  EINPROGRESS: 36,
};

const BY_SYSTEM: Readonly<Record<SystemHabits, Readonly<Record<string, number>>>> = {
  linux: { ...BSD, ...LINUX },
  bsd: { ...LINUX, ...BSD },
};

/** The number of a name, or undefined for one that nobody knows. */
export function constantOf(system: SystemHabits, name: string): number | undefined {
  const table = BY_SYSTEM[system];
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** All names that a system has, those of errors among them. */
export function constantNames(system: SystemHabits): readonly string[] {
  return Object.keys(BY_SYSTEM[system]);
}

/** Names of the flags of messages that a system has. */
export function messageFlagNames(system: SystemHabits): readonly string[] {
  const own = system === "linux" ? LINUX : { ...LINUX, ...BSD };
  return Object.keys(own).filter((name) => name.startsWith("MSG_"));
}

/** The name of an error number; the number itself where it has none. */
export function errorName(system: SystemHabits, value: number): string {
  const table = BY_SYSTEM[system];
  const name = ERROR_NAMES.find((candidate) => table[candidate] === value);
  return name ?? `${value}`;
}

/** The names of all errors. */
export function errorNames(): readonly string[] {
  return ERROR_NAMES;
}

/** In the order of the table, so that of two names for one number the usual one is found. */
const ERROR_NAMES = Object.keys(LINUX).filter((name) =>
  /^E[A-Z0-9]+$/.test(name) && !name.startsWith("EPOLL")
);
