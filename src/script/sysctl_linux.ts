/**
 * Linux's settings of TCP (`net.ipv4.*`) as changes of ours.
 *
 * Owns: the table. Source: Documentation/networking/ip-sysctl.rst. Must not know: how a line sets them.
 */
import { idle, numberOf, oneOf, onOff, type Setting, wholeNumber, wholeNumbers } from "./sysctl_setting.ts";

const SECOND_US = 1_000_000;

/** Bits of `tcp_fastopen`. */
const FAST_OPEN = {
  CLIENT: 0x1,
  SERVER: 0x2,
  CLIENT_NO_COOKIE: 0x4,
  SERVER_NO_COOKIE: 0x200,
  EVERY: 0x400,
} as const;

const NOT_OFFLOADED = "each step is one segment here: none is put together for a device";
const NOT_PACED = "what may be sent is sent at once here: there is no pacing";

/** The table. */
export const LINUX_SETTINGS: readonly (readonly [string, Setting])[] = [
  ["net.ipv4.tcp_sack", onOff("sack")],
  ["net.ipv4.tcp_window_scaling", onOff("windowScaling")],
  // 1 and 2 differ in whether values begin at random, which a script cannot see.
  ["net.ipv4.tcp_timestamps", {
    change: (value) => ["0", "1", "2"].includes(value) ? { tcp: { timestamps: value !== "0" } } : null,
    read: ({ tcp }) => tcp.timestamps ? "1" : "0",
  }],
  ["net.ipv4.tcp_dsack", idle("duplicates are always reported (RFC 2883)", ["1"])],
  ["net.ipv4.tcp_fack", idle("Linux itself has had no FACK since 4.15")],
  ["net.ipv4.tcp_frto", idle("needless time-outs are undone by Eifel and D-SACK (RFC 3522, RFC 3708)")],
  ["net.ipv4.tcp_reordering", idle("three duplicates are what is begun with", ["3"])],
  ["net.ipv4.tcp_recovery", idle("RACK is always on (RFC 8985)", ["1"])],
  [
    "net.ipv4.tcp_early_retrans",
    oneOf("tailLossProbe", {
      "0": false,
      "1": false,
      "2": false,
      "3": true,
      "4": true,
    }),
  ],
  ["net.ipv4.tcp_congestion_control", oneOf("congestionControl", { cubic: "cubic", reno: "reno" })],
  ["net.ipv4.tcp_slow_start_after_idle", onOff("restartAfterIdle")],
  ["net.ipv4.tcp_ecn", oneOf("ecn", { "0": "off", "1": "request", "2": "accept" })],
  ["net.ipv4.tcp_ecn_option", idle("the option belongs to Accurate ECN, which is not spoken here")],
  ["net.ipv4.tcp_ecn_fallback", idle("a SYN that is sent again does not ask for ECN", ["1"])],
  ["net.ipv4.tcp_syn_retries", numberOf("synRetransmissions")],
  ["net.ipv4.tcp_synack_retries", numberOf("synAckRetransmissions")],
  ["net.ipv4.tcp_retries1", numberOf("r1Retransmissions")],
  ["net.ipv4.tcp_fin_timeout", numberOf("finWait2Us", { unit: SECOND_US })],
  ["net.ipv4.tcp_keepalive_time", numberOf("keepAliveIdleUs", { unit: SECOND_US, least: 1 })],
  ["net.ipv4.tcp_keepalive_intvl", numberOf("keepAliveIntervalUs", { unit: SECOND_US, least: 1 })],
  ["net.ipv4.tcp_keepalive_probes", numberOf("keepAliveProbes", { least: 1 })],
  ["net.ipv4.tcp_rfc1337", oneOf("timeWaitRst", { "0": "close", "1": "ignore" })],
  ["net.ipv4.tcp_syncookies", oneOf("synCookies", { "0": false, "1": true, "2": "always" })],
  ["net.ipv4.tcp_challenge_ack_limit", numberOf("challengeAcksPerSecond")],
  ["net.ipv4.tcp_invalid_ratelimit", numberOf("answerIntervalUs", { unit: 1000 })],
  ["net.ipv4.ip_default_ttl", {
    change: (value) => {
      const ttl = wholeNumber(value);
      return ttl !== null && ttl > 0 && ttl < 256 ? { ip: { ttl } } : null;
    },
  }],
  // The least, the first and the largest size; half of a receive buffer is for text (tcp_win_from_space).
  ["net.ipv4.tcp_rmem", {
    change: (value) => {
      const [, first, most] = wholeNumbers(value, 3) ?? [];
      if (first === undefined || most === undefined) return null;
      return {
        tcp: {
          receiveBufferBytes: first >>> 1,
          receiveBufferMostBytes: most >>> 1,
          windowScaleForBytes: most,
        },
        sockets: { receiveBufferBytes: first },
      };
    },
  }],
  ["net.ipv4.tcp_wmem", {
    change: (value) => {
      const [, first, most] = wholeNumbers(value, 3) ?? [];
      if (first === undefined || most === undefined) return null;
      return { tcp: { sendBufferBytes: most }, sockets: { sendBufferBytes: first } };
    },
  }],
  ["net.ipv4.tcp_notsent_lowat", {
    change: (value) => {
      const bytes = wholeNumber(value);
      if (bytes === null) return null;
      return { sockets: { notSentLowBytes: bytes >= 0xffff_ffff ? Infinity : bytes } };
    },
  }],
  ["net.ipv4.tcp_fastopen", {
    change: (value) => {
      const bits = wholeNumber(value);
      if (bits === null) return null;
      return {
        sockets: {
          fastOpenClient: (bits & FAST_OPEN.CLIENT) !== 0,
          fastOpenServer: (bits & FAST_OPEN.SERVER) !== 0,
          fastOpenClientWithoutCookie: (bits & FAST_OPEN.CLIENT_NO_COOKIE) !== 0,
          fastOpenServerWithoutCookie: (bits & FAST_OPEN.SERVER_NO_COOKIE) !== 0,
          fastOpenEveryListener: (bits & FAST_OPEN.EVERY) !== 0,
        },
      };
    },
  }],
  // Each key of 16 octets as four numbers in hexadecimal; a second one, for cookies that are still about, behind a comma.
  ["net.ipv4.tcp_fastopen_key", {
    change: (value) => {
      const keys = value.split(",").map((key) => key.trim());
      if (!keys.every((key) => /^[0-9a-f]{8}(?:-[0-9a-f]{8}){3}$/i.test(key))) return null;
      return { sockets: { fastOpenKeys: keys.map(keyBytes) } };
    },
  }],
  ["net.ipv4.tcp_fastopen_blackhole_timeout_sec", {
    change: (value) => {
      const seconds = wholeNumber(value);
      return seconds === null ? null : { sockets: { fastOpenBlackholeSeconds: seconds } };
    },
  }],
  ["net.ipv4.tcp_min_tso_segs", numberOf("burstLeastSegments", { least: 1 })],
  ["net.ipv4.tcp_tso_win_divisor", idle(NOT_OFFLOADED)],
  ["net.ipv4.tcp_limit_output_bytes", idle(NOT_OFFLOADED)],
  ["net.ipv4.tcp_autocorking", idle(NOT_OFFLOADED)],
  ["net.ipv4.tcp_pacing_ss_ratio", idle(NOT_PACED)],
  ["net.ipv4.tcp_pacing_ca_ratio", idle(NOT_PACED)],
  ["net.ipv4.tcp_mtu_probing", idle("paths are not probed for their size here (RFC 4821)", ["0"])],
  ["net.ipv4.tcp_base_mss", idle("it is for the probing of paths, which is not there")],
  ["net.ipv4.tcp_no_metrics_save", idle("what was measured on a connection is never kept for the next one")],
  ["net.ipv4.tcp_tw_reuse", idle("a port in TIME_WAIT is never taken for an active open")],
  ["net.ipv4.tcp_max_syn_backlog", idle("the backlog of a listener is its own bound")],
  ["net.core.default_qdisc", idle(NOT_PACED)],
];

/** The kernel writes the four numbers in its own byte order, little-endian on the machines of the suites. */
function keyBytes(key: string): string {
  return key.split("-").map((word) => (word.match(/../g) ?? []).reverse().join("")).join("").toLowerCase();
}
