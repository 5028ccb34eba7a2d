/**
 * FreeBSD's settings of TCP (`net.inet.tcp.*`, `kern.ipc.*`) as changes of ours.
 *
 * Owns: the table. Source: tcp(4), and sys/netinet of FreeBSD 14 and 15. Must not know: how a line sets them.
 */
import { idle, numberOf, oneOf, onOff, type Setting, wholeNumber } from "./sysctl_setting.ts";

const MS_US = 1000;
/** `rexmit_drop_options`: from the third retransmission on. */
const PLAIN_SYN_AFTER = 3;

/** The table. */
export const FREEBSD_SETTINGS: readonly (readonly [string, Setting])[] = [
  ["net.inet.tcp.sack.enable", onOff("sack")],
  // 1: both; 2: window scaling alone, 3: timestamps alone.
  ["net.inet.tcp.rfc1323", {
    change: (value) => {
      if (!["0", "1", "2", "3"].includes(value)) return null;
      return {
        tcp: { windowScaling: value === "1" || value === "2", timestamps: value === "1" || value === "3" },
      };
    },
    read: ({ tcp }) => tcp.windowScaling ? tcp.timestamps ? "1" : "2" : tcp.timestamps ? "3" : "0",
  }],
  ["net.inet.tcp.ecn.enable", oneOf("ecn", { "0": "off", "1": "request", "2": "accept" })],
  ["net.inet.tcp.ecn.maxretries", numberOf("ecnSynRetransmissions")],
  ["net.inet.tcp.blackhole", oneOf("closedPorts", { "0": "reset", "1": "silent-to-syn", "2": "silent" })],
  ["net.inet.tcp.insecure_rst", oneOf("resetCheck", { "0": "rfc5961", "1": "rfc793" })],
  ["net.inet.tcp.insecure_syn", oneOf("synCheck", { "0": "rfc5961", "1": "rfc793" })],
  ["net.inet.tcp.drop_synfin", oneOf("synFin", { "0": "take", "1": "drop" })],
  [
    "net.inet.tcp.icmp_may_rst",
    oneOf("icmpInHandshake", {
      "0": "ignore",
      "1": "abort-if-forbidden",
    }),
  ],
  ["net.inet.tcp.tolerate_missing_ts", oneOf("missingTimestamp", { "0": "drop", "1": "accept" })],
  ["net.inet.tcp.rexmit_initial", numberOf("rtoInitialUs", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.rexmit_slop", numberOf("rtoSlopUs", { unit: MS_US })],
  ["net.inet.tcp.rexmit_drop_options", oneOf("plainSynAfter", { "0": Infinity, "1": PLAIN_SYN_AFTER })],
  ["net.inet.tcp.delacktime", numberOf("delayedAckUs", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.keepinit", numberOf("synR2Us", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.keepidle", numberOf("keepAliveIdleUs", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.keepintvl", numberOf("keepAliveIntervalUs", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.keepcnt", numberOf("keepAliveProbes", { least: 1 })],
  ["net.inet.tcp.always_keepalive", {
    change: (value) => value === "0" || value === "1" ? { sockets: { keepsAllAlive: value === "1" } } : null,
    read: ({ sockets }) => sockets.keepsAllAlive ? "1" : "0",
  }],
  ["net.inet.tcp.msl", numberOf("mslUs", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.finwait2_timeout", numberOf("finWait2Us", { unit: MS_US, least: 1 })],
  ["net.inet.tcp.initcwnd_segments", numberOf("initialWindowSegments", { least: 1 })],
  ["net.inet.tcp.abc_l_var", numberOf("slowStartSegments", { least: 1 })],
  ["net.inet.tcp.cc.algorithm", oneOf("congestionControl", { cubic: "cubic", newreno: "reno" })],
  ["net.inet.tcp.recvspace", {
    change: (value) => {
      const bytes = wholeNumber(value);
      if (bytes === null || bytes === 0) return null;
      return { tcp: { receiveBufferBytes: bytes }, sockets: { receiveBufferBytes: bytes } };
    },
    read: ({ sockets }) => String(sockets.receiveBufferBytes),
  }],
  // The buffer grows by itself to sendbuf_max: what a program finds is where it begins.
  ["net.inet.tcp.sendspace", {
    change: (value) => {
      const bytes = wholeNumber(value);
      return bytes === null || bytes === 0 ? null : { sockets: { sendBufferBytes: bytes } };
    },
    read: ({ sockets }) => String(sockets.sendBufferBytes),
  }],
  ["kern.ipc.maxsockbuf", {
    change: (value) => {
      const bytes = wholeNumber(value);
      if (bytes === null || bytes === 0) return null;
      return { tcp: { windowScaleForBytes: bytes }, sockets: { mostBufferBytes: bytes } };
    },
    read: ({ sockets }) => String(sockets.mostBufferBytes),
  }],
  // One setting of two names: cookies beyond the backlog, and cookies for all.
  ["net.inet.tcp.syncookies", {
    change: (value, { tcp }) => {
      if (value !== "0" && value !== "1") return null;
      return { tcp: { synCookies: value === "0" ? false : tcp.synCookies === "always" ? "always" : true } };
    },
    read: ({ tcp }) => tcp.synCookies === false ? "0" : "1",
  }],
  ["net.inet.tcp.syncookies_only", {
    change: (value, { tcp }) => {
      if (value !== "0" && value !== "1") return null;
      return {
        tcp: { synCookies: value === "1" ? "always" : tcp.synCookies === "always" ? true : tcp.synCookies },
      };
    },
    read: ({ tcp }) => tcp.synCookies === "always" ? "1" : "0",
  }],
  ["net.inet.tcp.fastopen.client_enable", {
    change: (value) => value === "0" || value === "1" ? { sockets: { fastOpenClient: value === "1" } } : null,
    read: ({ sockets }) => sockets.fastOpenClient ? "1" : "0",
  }],
  ["net.inet.tcp.fastopen.server_enable", {
    change: (value) => value === "0" || value === "1" ? { sockets: { fastOpenServer: value === "1" } } : null,
    read: ({ sockets }) => sockets.fastOpenServer ? "1" : "0",
  }],
  ["net.inet.tcp.hostcache.purgenow", { change: () => ({ forgetPeers: true }) }],
  ["net.inet.tcp.udp_tunneling_port", numberOf("udpPort")],
  ["net.inet.tcp.udp_tunneling_overhead", numberOf("udpOverheadBytes")],
  ["net.inet.ip.ttl", {
    change: (value) => {
      const ttl = wholeNumber(value);
      return ttl !== null && ttl > 0 && ttl < 256 ? { ip: { ttl } } : null;
    },
  }],
  ["net.inet.tcp.path_mtu_discovery", idle("segments always have DF (RFC 1191)", ["1"])],
  [
    "net.inet.tcp.pmtud_blackhole_detection",
    idle("packets that are too large in silence are not looked for"),
  ],
  ["net.inet.tcp.pmtud_blackhole_mss", idle("it is for the search above, which is not made")],
  ["net.inet.tcp.v6pmtud_blackhole_mss", idle("it is for the search above, which is not made")],
  ["net.inet.tcp.mssdflt", idle("RFC 9293's default (MUST-15)", ["536"])],
  ["net.inet.tcp.v6mssdflt", idle("RFC 9293's default (MUST-15)", ["1220"])],
  ["net.inet.tcp.rfc5827", idle("early retransmit is what RACK does (RFC 8985)")],
  ["net.inet.tcp.rfc3042", idle("limited transmit is always on (RFC 3042)", ["1"])],
  ["net.inet.icmp.icmplim", idle("the host's own limits of answers count")],
];
