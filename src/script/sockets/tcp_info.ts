/**
 * What the code steps of a script may name: `tcpi_*` of the connection that the script is about, and the constants beside them.
 *
 * Owns: the names, and what of the machine's figures each is. Must not know: expressions. A name that the machine has no true
 * figure for is not here, so that whoever uses it is told so.
 */
import type { HostConnection } from "../../host/api.ts";
import type { TcpState } from "../../tcp/state.ts";
import type { TcpSocket } from "./tcp_socket.ts";

/** Numbers of Linux's `enum tcp_state`; those of BSD have other names here, and none but equality counts. */
const STATES: Readonly<Record<TcpState, number>> = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RCVD: 3,
  FIN_WAIT_1: 4,
  FIN_WAIT_2: 5,
  TIME_WAIT: 6,
  CLOSED: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
};

/** States by the words of both dialects. */
const STATE_NAMES: readonly (readonly [string, TcpState])[] = [
  ["TCP_ESTABLISHED", "ESTABLISHED"],
  ["TCP_SYN_SENT", "SYN_SENT"],
  ["TCP_SYN_RECV", "SYN_RCVD"],
  ["TCP_FIN_WAIT1", "FIN_WAIT_1"],
  ["TCP_FIN_WAIT2", "FIN_WAIT_2"],
  ["TCP_TIME_WAIT", "TIME_WAIT"],
  ["TCP_CLOSE", "CLOSED"],
  ["TCP_CLOSE_WAIT", "CLOSE_WAIT"],
  ["TCP_LAST_ACK", "LAST_ACK"],
  ["TCP_LISTEN", "LISTEN"],
  ["TCP_CLOSING", "CLOSING"],
  ["TCPI_ESTABLISHED", "ESTABLISHED"],
  ["TCPI_SYN_SENT", "SYN_SENT"],
  ["TCPI_SYN_RECEIVED", "SYN_RCVD"],
  ["TCPI_FIN_WAIT_1", "FIN_WAIT_1"],
  ["TCPI_FIN_WAIT_2", "FIN_WAIT_2"],
  ["TCPI_TIME_WAIT", "TIME_WAIT"],
  ["TCPI_CLOSED", "CLOSED"],
  ["TCPI_CLOSE_WAIT", "CLOSE_WAIT"],
  ["TCPI_LAST_ACK", "LAST_ACK"],
  ["TCPI_LISTEN", "LISTEN"],
  ["TCPI_CLOSING", "CLOSING"],
];

const CWR_STATE = 2;
const RECOVERY_STATES = { open: 0, disorder: 1, recovery: 3, loss: 4 } as const;

/** Bits of `tcpi_options`. */
const OPTION_BITS = {
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
  TCPI_OPT_ECN_SEEN: 16,
  TCPI_OPT_SYN_DATA: 32,
  TCPI_OPT_USEC_TS: 64,
  TCPI_OPT_TFO_CHILD: 128,
} as const;

/** What `tcpi_snd_ssthresh` is while there is none. */
const INFINITE_SSTHRESH = 0x7fff_ffff;
const MILLISECOND_US = 1000;

/** The constants. */
function constants(): Map<string, number | string> {
  const names = new Map<string, number | string>(Object.entries(OPTION_BITS));
  for (const [name, state] of STATE_NAMES) names.set(name, STATES[state]);
  names.set("TCP_CA_Open", RECOVERY_STATES.open);
  names.set("TCP_CA_Disorder", RECOVERY_STATES.disorder);
  names.set("TCP_CA_CWR", CWR_STATE);
  names.set("TCP_CA_Recovery", RECOVERY_STATES.recovery);
  names.set("TCP_CA_Loss", RECOVERY_STATES.loss);
  names.set("TCP_INFINITE_SSTHRESH", INFINITE_SSTHRESH);
  return names;
}

/** Everything that may be named; of no socket, the constants alone. `nowUs` is the time of the script. */
export function codeVariables(socket: TcpSocket | null, nowUs: number): ReadonlyMap<string, number | string> {
  const names = constants();
  const connection = socket?.connection ?? null;
  if (socket === null || connection === null) {
    if (socket !== null) names.set("tcpi_state", STATES[socket.phase === "listening" ? "LISTEN" : "CLOSED"]);
    return names;
  }
  const info = connection.info();
  const flight = connection.flight();
  const { limits } = socket;
  const mss = info.sendMss;
  const figures: Readonly<Record<string, number>> = {
    tcpi_state: STATES[connection.ended === null ? info.state : "CLOSED"],
    tcpi_ca_state: flight.isReducing ? CWR_STATE : RECOVERY_STATES[info.recovery],
    tcpi_options: optionBits(connection),
    tcpi_snd_wscale: info.sendWindowShift,
    tcpi_rcv_wscale: info.receiveWindowShift,
    tcpi_rto: info.rtoUs,
    tcpi_backoff: info.backoff,
    tcpi_retransmits: info.backoff,
    tcpi_snd_mss: mss,
    tcpi_advmss: info.receiveMss,
    tcpi_unacked: flight.unacked,
    tcpi_sacked: flight.sacked,
    tcpi_lost: flight.lost,
    tcpi_retrans: flight.resent,
    tcpi_delivered: flight.delivered,
    tcpi_reordering: flight.reordering,
    tcpi_rcv_mss: flight.peerTextBytes,
    tcpi_total_retrans: info.retransmits,
    tcpi_rtt: info.srttUs,
    tcpi_rttvar: info.rttvarUs,
    tcpi_min_rtt: info.minRttUs,
    tcpi_snd_cwnd: Math.max(Math.floor(info.cwnd / mss), 1),
    tcpi_snd_ssthresh: info.ssthresh === 0 ? INFINITE_SSTHRESH : Math.max(Math.floor(info.ssthresh / mss), 1),
    tcpi_last_data_sent: Math.floor(info.sinceSendUs / MILLISECOND_US),
    tcpi_last_data_recv: Math.floor((nowUs - socket.lastDataUs) / MILLISECOND_US),
    tcpi_busy_time: limits.busyUs,
    tcpi_rwnd_limited: limits.windowUs,
    tcpi_sndbuf_limited: limits.bufferUs,
    tcpi_bytes_acked: info.bytesOut,
    tcpi_bytes_received: info.bytesIn,
    tcpi_segs_in: info.segmentsIn,
    tcpi_segs_out: info.segmentsOut,
    tcpi_notsent_bytes: info.unsent,
    tcpi_dsack_dups: info.duplicatesReported,
    tcpi_snd_wnd: info.sndWnd,
    tcpi_rcv_wnd: info.rcvWnd,
  };
  for (const [name, value] of Object.entries(figures)) names.set(name, value);
  return names;
}

function optionBits(connection: HostConnection): number {
  const info = connection.info();
  let bits = 0;
  if (info.timestamps) bits |= OPTION_BITS.TCPI_OPT_TIMESTAMPS;
  if (info.sackPermitted) bits |= OPTION_BITS.TCPI_OPT_SACK;
  if (info.sendWindowShift > 0 || info.receiveWindowShift > 0) bits |= OPTION_BITS.TCPI_OPT_WSCALE;
  // tcp_rcv_fastopen_synack: of our own SYN all of its text.
  if (connection.synTextTaken > 0 && connection.synTextLeft === 0) bits |= OPTION_BITS.TCPI_OPT_SYN_DATA;
  if (info.ecn) bits |= OPTION_BITS.TCPI_OPT_ECN;
  return bits;
}
