/**
 * Names that Linux or FreeBSD have, that are not here, and that look like misspelt ones of ours.
 *
 * Owns: the list, taken by comparing the names that the headers and the settings of both systems have with those of ours
 * (nearest_name.ts). Must not know: where a name was written.
 */

/** See the file's comment. */
export const KERNEL_NAMES: ReadonlySet<string> = new Set([
  // -- Calls
  "clone",
  "connectat",
  "fclose",
  "fopen",
  "fread",
  "fwrite",
  "mbind",
  "pclose",
  "popen",
  "ppoll",
  "pread",
  "preadv",
  "pwrite",
  "pwritev",
  "pwritev2",
  "recvmmsg",
  "sendmmsg",
  "vmsplice",
  // -- Options of sockets
  "IPV6_FREEBIND",
  "SO_RERROR",
  "SO_TIMESTAMPNS",
  // -- Constants
  "EBADE",
  "EBADFD",
  "EBADR",
  "EFD_CLOEXEC",
  "ENFILE",
  "ENONET",
  "EPFNOSUPPORT",
  "EPOLLNVAL",
  "ESTRPIPE",
  "IPPROTO_IDP",
  "IPV6_PMTUDISC_DO",
  "IPV6_PMTUDISC_DONT",
  "IPV6_PMTUDISC_PROBE",
  "IPV6_PMTUDISC_WANT",
  "PF_INET",
  "PF_INET6",
  "PF_UNSPEC",
  "POLL_ERR",
  "POLL_HUP",
  "POLL_OUT",
  "POLL_PRI",
  "SCM_TIMESTAMPING_OPT_STATS",
  "SCM_TIMESTAMPNS",
  // -- Settings
  "net.ipv4.tcp_mem",
  "net.inet.udp.recvspace",
  "net.inet.udp.sendspace",
  "net.inet.sctp.recvspace",
  "net.inet.sctp.sendspace",
  // -- Figures of a connection
  "tcpi_ato",
  "tcpi_snd_bwnd",
  "tcpi_srtt",
  // -- Commands
  "lstat",
  "stat",
  "usleep",
]);
