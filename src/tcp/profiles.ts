/**
 * The profiles: which stack has which habits, each with its source.
 *
 * Owns: the data. Must not know: what a setting does (config.ts, habits.ts); nothing asks which profile is in force.
 *
 * Sources: Linux 6.18 `net/ipv4` and `Documentation/networking/ip-sysctl.rst`; FreeBSD 14 and 15 `sys/netinet` and tcp(4). What both say
 * was held against packets that they sent, where there was one to ask (docs/profiles.md).
 */
import type { Profile, ProfileName, SocketDefaults } from "./profile.ts";

const SECOND_US = 1_000_000;
const MS_US = 1000;
const KIB = 1024;
const MIB = 1024 * KIB;

/** Where a profile says nothing of Fast Open: off unless a program asks for it (RFC 7413 §1). */
const FAST_OPEN: Pick<
  SocketDefaults,
  | "fastOpenClientWithoutCookie"
  | "fastOpenServerWithoutCookie"
  | "fastOpenEveryListener"
  | "fastOpenKeys"
  | "fastOpenBlackholeSeconds"
> = {
  fastOpenClientWithoutCookie: false,
  fastOpenServerWithoutCookie: false,
  fastOpenEveryListener: false,
  fastOpenKeys: [],
  fastOpenBlackholeSeconds: 0,
};

/** What the machine does by itself: RFC 9293 and its companions, and where they leave room or it deviates, docs/conformance.md. */
const RFC: Profile = {
  name: "rfc",
  tcp: {},
  ip: { ttl: 64, identification: "counted", echoCode: "zero", echoDontFragment: "as-asked" },
  sockets: {
    system: "linux",
    ...FAST_OPEN,
    receiveBufferBytes: MIB,
    sendBufferBytes: MIB,
    mostBufferBytes: 64 * MIB,
    doublesBuffers: false,
    fastOpenClient: true,
    fastOpenServer: true,
    notSentLowBytes: Infinity,
    keepsAllAlive: false,
  },
};

const LINUX: Profile = {
  name: "linux",
  tcp: {
    optionLayout: "words",
    // ipv4_default_advmss, ip6_default_advmss.
    offeredMss: "path",
    // tcp_rmem 4096 131072 33554432 (6 MiB before 6.16), of which half is for text (tcp_win_from_space).
    receiveBufferBytes: 64 * KIB,
    receiveBufferMostBytes: 16 * MIB,
    // tcp_select_initial_window: the scale is for tcp_rmem[2], the window is whole segments of what there is now.
    windowScaleForBytes: 32 * MIB,
    firstWindow: "whole-segments",
    // tcp_wmem[2]; the buffer of a socket follows its congestion window up to there.
    sendBufferBytes: 4 * MIB,
    // tcp_rcv_established looks for a timestamp's age only where there is one.
    missingTimestamp: "accept",
    // TCP_MAX_QUICKACKS, TCP_DELACK_MIN.
    quickAcks: 16,
    // tcp_event_data_sent: inet_csk_inc_pingpong_cnt.
    quickAcksEnd: "replying",
    delayedAckUs: 40 * MS_US,
    windowProbe: "bare",
    // TCP_RTO_MIN, which bounds the variance's part; TCP_RTO_MAX, TCP_TIMEOUT_INIT; tcp_xmit_probe_skb.
    rtoMinUs: 200 * MS_US,
    rtoVarianceMinUs: 200 * MS_US,
    rtoMaxUs: 120 * SECOND_US,
    rtoInitialUs: SECOND_US,
    // tcp_syn_retries, tcp_synack_retries; tcp_retries2 = 15 is 924.6 s by the least RTO.
    synRetransmissions: 6,
    synAckRetransmissions: 5,
    r2Us: 924.6 * SECOND_US,
    // TCP_TIMEWAIT_LEN, tcp_fin_timeout.
    mslUs: 30 * SECOND_US,
    finWait2Us: 60 * SECOND_US,
    // tcp_slow_start: snd_cwnd grows by all that an ACK covers.
    slowStartSegments: Infinity,
    // tcp_rcv_state_process: TCP_ABORT_ON_DATA.
    lateTextReset: "of-closed",
    // __tcp_transmit_skb; tcp_min_tso_segs.
    pushFlag: "bursts-too",
    writtenPieces: "half-window",
    burstLeastSegments: 2,
    congestionControl: "cubic",
    windowCounting: "segments",
    growthCounts: "delivered",
    windowUsage: "all-in-avoidance",
    recoveryBound: "safe-ack",
    // tcp_rack_mark_lost: TCP_TIMEOUT_MIN_US; tcp_rack_advance.
    reorderSlopUs: 2 * MS_US,
    rackRoundTrip: "last-covered",
    initialWindowSegments: 10,
    // tcp_ecn = 2.
    ecn: "accept",
    // tcp_rcv_synsent_state_process: a TSecr that is not between the first SYN and now (PAWSACTIVEREJECTED).
    synAckEcho: "of-our-syn",
    // tcp_rcv_synsent_state_process takes no text of it; tcp_data_queue.
    crossingSyn: "number-only",
    // tcp_rcv_state_process in LISTEN.
    synFin: "drop-in-listen",
    // tcp_rcv_established: what has neither ACK, RST nor SYN is discarded before its number is looked at.
    finWithoutAck: "drop",
    // tcp_invalid_ratelimit = 500 ms; tcp_challenge_ack_limit has no bound since 5.19.
    answersPerInterval: 1,
    answerIntervalUs: 500 * MS_US,
    challengeAcksPerSecond: 0x7fffffff,
    keepAliveIdleUs: 7200 * SECOND_US,
    keepAliveIntervalUs: 75 * SECOND_US,
    keepAliveProbes: 9,
    timeWaitRst: "close",
    // tcp_fastopen.c: fastopen_cookie_gen hashes both addresses; fastopen_exp; tcp_send_syn_data keeps MAX_TCP_OPTION_SPACE free, and begins with our own MSS;
    // tcp_fastopen_blackhole_timeout_sec = 0.
    fastOpenOption: "standard-then-experimental",
    fastOpenCookieInput: "both-ends",
    fastOpenOptionRoom: "all",
    fastOpenUnknownMss: "link",
    fastOpenPauseUs: 0,
    // tcp_v4_err, tcp_v6_err.
    icmpInHandshake: "abort-at-any",
  },
  // ip_default_ttl; ip_build_and_send_pkt.
  // icmp_reply sends the request's code back, and lets routers cut.
  ip: {
    ttl: 64,
    identification: "counted-but-syn-ack",
    echoCode: "as-asked",
    echoDontFragment: "never",
  },
  sockets: {
    system: "linux",
    ...FAST_OPEN,
    receiveBufferBytes: 128 * KIB,
    sendBufferBytes: 16 * KIB,
    // net.core.rmem_max.
    mostBufferBytes: 212_992,
    doublesBuffers: true,
    // tcp_fastopen = 1.
    fastOpenClient: true,
    fastOpenServer: false,
    notSentLowBytes: Infinity,
    keepsAllAlive: false,
  },
};

const FREEBSD: Profile = {
  name: "freebsd",
  tcp: {
    // tcp_addoptions.
    optionLayout: "packed",
    // recvspace, recvbuf_max; syncache and tcp_connect choose the scale for kern.ipc.maxsockbuf.
    receiveBufferBytes: 64 * KIB,
    receiveBufferMostBytes: 2 * MIB,
    windowScaleForBytes: 2 * MIB,
    firstWindow: "all",
    // tcp_mss rounds both up; sendbuf_max, up to which the buffer of a socket grows by itself.
    bufferUnit: "segments",
    sendBufferBytes: 2 * MIB,
    // tcp_output: recwin is all the room, and is rounded up.
    windowUpdates: "every-ack",
    // tcp_do_segment: rcv_wnd is the room in the buffer, whatever the field can say.
    acceptance: "buffer",
    // DELAY_ACK: the ACK waits only while no other one does. delacktime.
    ackEverySecond: "any",
    quickAcks: 0,
    delayedAckUs: 40 * MS_US,
    // tcp_outflags of FIN_WAIT_1, CLOSING and LAST_ACK.
    finInAcks: true,
    // rexmit_initial, rexmit_slop, rexmit_min, TCPTV_REXMTMAX.
    rtoInitialUs: SECOND_US,
    rtoSlopUs: 200 * MS_US,
    rtoMinUs: 230 * MS_US,
    rtoMaxUs: 64 * SECOND_US,
    // TCP_MAXRXTSHIFT, keepinit; syncache.rexmtlimit.
    synRetransmissions: 12,
    synR2Us: 75 * SECOND_US,
    synAckRetransmissions: 3,
    // rexmit_drop_options = 0 since 14.
    plainSynAfter: Infinity,
    // ecn.enable = 2, ecn.maxretries = 1.
    ecn: "accept",
    ecnSynRetransmissions: 1,
    // abc_l_var; initcwnd_segments; cubic since 14.
    slowStartSegments: 2,
    initialWindowSegments: 10,
    congestionControl: "cubic",
    // The default stack has none; RACK is another one.
    tailLossProbe: false,
    // finwait2_timeout, msl.
    mslUs: 30 * SECOND_US,
    finWait2Us: 60 * SECOND_US,
    keepAliveIdleUs: 7200 * SECOND_US,
    keepAliveIntervalUs: 75 * SECOND_US,
    keepAliveProbes: 8,
    // tcp_twcheck: a RST is dropped, a SYN opens a connection only beyond RCV.NXT, else it is dropped for want of ACK.
    timeWaitRst: "ignore",
    timeWaitReopen: "beyond",
    timeWaitSyn: "drop",
    // tcp_input drops what has no ACK once a connection is synchronized, before its number is looked at.
    finWithoutAck: "drop",
    listenSynAck: "drop",
    // tcp_do_segment drops the connection with ECONNRESET in all of these states.
    resetAfterClose: "told",
    // icmp_may_rst.
    icmpInHandshake: "abort-if-forbidden",
    // ack_war_timewindow, ack_war_cnt.
    answersPerInterval: 5,
    answerIntervalUs: SECOND_US,
    // insecure_rst, insecure_syn, drop_synfin, blackhole: 0.
    resetCheck: "rfc5961",
    synCheck: "rfc5961",
    synFin: "take",
    closedPorts: "reset",
    // fastopen.path_disable_time.
    fastOpenPauseUs: 900 * SECOND_US,
  },
  // ip.ttl; ip.rfc6864 = 1: no number where DF is set.
  // icmp_reflect turns the request round as it is.
  ip: { ttl: 64, identification: "zero", echoCode: "as-asked", echoDontFragment: "as-asked" },
  sockets: {
    system: "bsd",
    ...FAST_OPEN,
    receiveBufferBytes: 64 * KIB,
    sendBufferBytes: 32 * KIB,
    // kern.ipc.maxsockbuf.
    mostBufferBytes: 2 * MIB,
    doublesBuffers: false,
    // fastopen.client_enable, fastopen.server_enable.
    fastOpenClient: true,
    fastOpenServer: false,
    notSentLowBytes: Infinity,
    // always_keepalive.
    keepsAllAlive: true,
  },
};

/** All profiles by name. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = { rfc: RFC, linux: LINUX, freebsd: FREEBSD };

/** The names, in the order in which they are told. */
export const PROFILE_NAMES: readonly ProfileName[] = ["rfc", "linux", "freebsd"];

/** The profile of that name; null where there is none. */
export function profileNamed(name: string): Profile | null {
  const known = PROFILE_NAMES.find((each) => each === name);
  return known === undefined ? null : PROFILES[known];
}
