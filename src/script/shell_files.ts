/**
 * Files that lines of scripts call as commands: those that come with the suites, known by what they do.
 *
 * Owns: their names and their effects. Must not know: how a line is carried out, or any file's text; none is opened.
 */

/** What a file as a command comes to. */
export type FileCommand =
  /** As if this line stood there. */
  | { readonly kind: "line"; readonly text: string }
  /** Settings, as behind `sysctl`. */
  | { readonly kind: "assignments"; readonly words: readonly string[] }
  | { readonly kind: "nothing"; readonly reason: string };

/** What Linux suites begin every script with. */
const LINUX_DEFAULTS = [
  "ip tcp_metrics flush all",
  'sysctl -q net.ipv4.tcp_rmem="4096 540000 15728640"',
  'sysctl -q net.ipv4.tcp_wmem="4096 262144 4194304"',
  "sysctl -q net.ipv4.tcp_timestamps=1",
  "sysctl -q net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_synack_retries=5",
  "sysctl -q net.ipv4.tcp_sack=1 net.ipv4.tcp_dsack=1 net.ipv4.tcp_fack=0 net.ipv4.tcp_frto=2",
  "sysctl -q net.ipv4.tcp_reordering=3 net.ipv4.tcp_congestion_control=cubic",
  "sysctl -q net.ipv4.tcp_slow_start_after_idle=0",
  "sysctl -q net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1",
  "sysctl -q net.ipv4.tcp_tso_win_divisor=3 net.ipv4.tcp_ecn=0 net.ipv4.tcp_ecn_option=2",
  "sysctl -q net.ipv4.tcp_pacing_ss_ratio=200 net.ipv4.tcp_pacing_ca_ratio=120",
  "sysctl -q net.ipv4.tcp_notsent_lowat=4294967295",
  "sysctl -q net.ipv4.tcp_fastopen=0x70403",
  "sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
  "sysctl -q net.ipv4.tcp_syncookies=1",
  "tc qdisc add dev tun0 root pfifo",
].join("\n");

/** What a command is that is a file; null for all others. */
export function fileCommand(words: readonly string[]): FileCommand | null {
  const [path, ...args] = words;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!path.includes("/")) return null;
  if (name === "defaults.sh" && args.length === 0) return { kind: "line", text: LINUX_DEFAULTS };
  if (name === "set_sysctls.py") return { kind: "assignments", words: args };
  if (/^sysctl_restore_.*\.sh$/.test(name)) {
    return { kind: "nothing", reason: "settings end with the script: there is nothing to put back" };
  }
  const makesFile = name === "rm" || (name === "dd" && args.includes("if=/dev/zero"));
  if (makesFile && args.some((word) => /^(of=)?\/tmp\/[^/]+$/.test(word))) {
    return {
      kind: "nothing",
      reason: "a file that a script opens is zeros, as many as are read; none is on a disk",
    };
  }
  return null;
}
