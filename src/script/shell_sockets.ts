/**
 * Questions of shell lines about sockets: `sockstat ... | grep -c STATE | grep N`, `ss ... | grep ADDRESS`, `/proc/net/tcp`, and
 * `tcpdrop`, as selections of our own table.
 *
 * Owns: options of these commands, and names of states in them. Must not know: the table.
 */
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import type { ShellMeaning, SocketSelection } from "./settings.ts";
import type { ShellCall } from "./shell_words.ts";

/** What a selection is made from, a word after the other. */
interface Draft {
  state: TcpState | null;
  family: 4 | 6 | null;
  port: number | null;
  localAddress: string | null;
  openOnly: boolean;
}

const ANY: Readonly<Draft> = { state: null, family: null, port: null, localAddress: null, openOnly: false };

/** `ss` has names of its own, and joins words by a stroke. */
const SS_STATES: Readonly<Record<string, TcpState>> = {
  "SYN-RECV": "SYN_RCVD",
  "ESTAB": "ESTABLISHED",
  "UNCONN": "CLOSED",
};

/** As `/proc/net/tcp` numbers them (include/net/tcp_states.h). */
const PROC_STATES: Readonly<Record<string, TcpState>> = {
  "01": "ESTABLISHED",
  "02": "SYN_SENT",
  "03": "SYN_RCVD",
  "04": "FIN_WAIT_1",
  "05": "FIN_WAIT_2",
  "06": "TIME_WAIT",
  "07": "CLOSED",
  "08": "CLOSE_WAIT",
  "09": "LAST_ACK",
  "0A": "LISTEN",
  "0B": "CLOSING",
};

/** What commands joined by `|` ask of the table of sockets, or do to it; null where it is something else. */
export function socketQuestion(calls: readonly ShellCall[]): ShellMeaning | null {
  const [first, ...rest] = calls;
  const [name, ...args] = first.words;
  switch (name) {
    case "sockstat":
      return sockstat(args, rest);
    case "ss":
      return ss(args, rest);
    case "grep":
      return procTable(args, rest);
    case "tcpdrop":
      return rest.length === 0 ? tcpdrop(args) : null;
    default:
      return null;
  }
}

function stateNamed(word: string): TcpState | null {
  return TCP_STATES.find((state) => state === word) ?? new Map(Object.entries(SS_STATES)).get(word) ??
    TCP_STATES.find((state) => state.replaceAll("_", "-") === word) ?? null;
}

function sockstat(args: readonly string[], rest: readonly ShellCall[]): ShellMeaning | null {
  const draft: Draft = { ...ANY };
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "-4" || word === "-6") draft.family = word === "-4" ? 4 : 6;
    else if (word === "-P" && args[at + 1] === "tcp") at++;
    else if (word === "-p" && /^\d+$/.test(args[at + 1] ?? "")) draft.port = Number(args[++at]);
    else if (word !== "-s" && word !== "-c" && word !== "-n") return null;
  }
  return filtered(draft, rest);
}

function ss(args: readonly string[], rest: readonly ShellCall[]): ShellMeaning | null {
  const draft: Draft = { ...ANY };
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "-4" || word === "-6") draft.family = word === "-4" ? 4 : 6;
    else if (word === "state") draft.state = stateNamed(args[++at] ?? "");
    else if (word === "src") draft.localAddress = plainAddress((args[++at] ?? "").replace(/\/\d+$/, ""));
    else if (/^\( sport = :\d+ \)$/.test(word)) draft.port = Number(/\d+/.exec(word)?.[0]);
    else if (!["-n", "-t", "-a", "--options", "--extended", "--info"].includes(word)) return null;
  }
  // An address of IPv4 written in the form of the other version is one of IPv4.
  if (rest.some(({ words }) => words.some((word) => word.startsWith("::ffff:")))) draft.family = null;
  return filtered(draft, rest);
}

function plainAddress(text: string): string {
  return text.replace(/^::ffff:(?=\d+\.)/, "");
}

/** `grep " 0A " /proc/net/tcp /proc/net/tcp6 | grep ":1F90"`. */
function procTable(args: readonly string[], rest: readonly ShellCall[]): ShellMeaning | null {
  const [pattern, ...files] = args;
  if (files.length === 0 || !files.every((file) => /^\/proc\/net\/tcp6?$/.test(file))) return null;
  const state = new Map(Object.entries(PROC_STATES)).get(pattern.trim());
  if (state === undefined) return null;
  const draft: Draft = { ...ANY, state };
  if (files.length === 1) draft.family = files[0].endsWith("6") ? 6 : 4;
  for (const { words } of rest) {
    const port = words.length === 2 && words[0] === "grep" ? /^:([0-9A-F]{4})$/.exec(words[1]) : null;
    if (port === null) return null;
    draft.port = parseInt(port[1], 16);
  }
  return { kind: "assert-connections", selection: draft, countText: null };
}

/** The commands behind a listing, each of which leaves some of its lines; the last one may look at their number. */
function filtered(draft: Draft, rest: readonly ShellCall[]): ShellMeaning | null {
  let countText: string | null = null;
  let isCounted = false;
  for (const { words } of rest) {
    const [name, ...args] = words;
    // A column of the listing, in which the next one looks for a state.
    if (name === "awk" && !isCounted) continue;
    if (name !== "grep") return null;
    const counts = args.includes("-c");
    const [pattern, ...others] = args.filter((word) => word !== "-c" && word !== "-q");
    if (pattern === undefined || others.length > 0) return null;
    if (isCounted) {
      if (countText !== null || !/^\d+$/.test(pattern)) return null;
      countText = pattern;
      continue;
    }
    if (!narrow(draft, pattern)) return null;
    isCounted = counts;
  }
  const selection: SocketSelection = draft;
  // A count that nobody compares: `grep -c` succeeds where there is a line.
  return { kind: "assert-connections", selection, countText };
}

/** Takes a pattern that lines of the listing must have; false where it is none that is understood. */
function narrow(draft: Draft, pattern: string): boolean {
  const state = stateNamed(pattern);
  if (state !== null) {
    draft.state = state;
    return true;
  }
  // The name of the program, cut as such listings cut it.
  if ("packetdrill".startsWith(pattern) && pattern.length > 6) {
    draft.openOnly = true;
    return true;
  }
  const end = /^(.*):(\d+)$/.exec(pattern);
  if (end === null) return false;
  draft.port = Number(end[2]);
  if (end[1] !== "") draft.localAddress = plainAddress(end[1]);
  return true;
}

function tcpdrop(args: readonly string[]): ShellMeaning | null {
  const [flag, word, ...others] = args;
  if (flag === "-a" && word === undefined) return { kind: "drop", selection: ANY };
  const state = flag === "-s" && word !== undefined ? stateNamed(word) : null;
  return state === null || others.length > 0 ? null : { kind: "drop", selection: { ...ANY, state } };
}
