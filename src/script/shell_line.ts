/**
 * What a shell line of a script means: the commands that the public suites use, read, never carried out.
 *
 * Owns: which command changes settings, which one asks for sockets, and which does nothing here. Must not know: quotes and
 * pipes (shell_words.ts), names of kernels' settings (sysctl_*.ts), the files that some commands are (shell_files.ts).
 */
import { meantText } from "./misspelt.ts";
import type { SettingChanges, SettingsSoFar, ShellMeaning } from "./settings.ts";
import { type FileCommand, fileCommand } from "./shell_files.ts";
import { socketQuestion } from "./shell_sockets.ts";
import { type Pipeline, readShell, type ShellCall } from "./shell_words.ts";
import { changeSetting, readSetting, settingName, settingNames } from "./sysctl.ts";

/** Local choice: files that are commands name other lines, and those no further ones. */
const MOST_DEPTH = 3;

const NO_QUEUE = "nothing waits in a device's queue here";

/**
 * The meanings of a line, in order; they are to be carried out one after the other, and the line has failed with the first
 * that fails.
 */
export function interpretShell(text: string, soFar: SettingsSoFar): ShellMeaning[] {
  return interpret(text, soFar, MOST_DEPTH);
}

function interpret(text: string, soFar: SettingsSoFar, depth: number): ShellMeaning[] {
  const pipelines = depth === 0 ? null : readShell(text);
  if (pipelines === null) return [{ kind: "unsupported", construct: text.trim(), meant: "" }];
  const meanings: ShellMeaning[] = [];
  let current = soFar;
  let hasFailed = false;
  for (const pipeline of pipelines) {
    if (pipeline.after === "success" && hasFailed) continue;
    if (pipeline.after === "failure" && !hasFailed) continue;
    if (pipeline.after === "failure") forgive(meanings);
    const next = meaningsOf(pipeline, current, depth);
    hasFailed = next.some(({ kind }) => kind === "fails");
    for (const meaning of next) {
      meanings.push(meaning);
      if (meaning.kind === "settings") current = withChanges(current, meaning.changes);
    }
  }
  return meanings;
}

/** What stands behind `||` takes the place of the failure before it. */
function forgive(meanings: ShellMeaning[]): void {
  while (meanings.length > 0 && meanings[meanings.length - 1].kind === "fails") meanings.pop();
}

function withChanges(soFar: SettingsSoFar, { tcp, sockets }: SettingChanges): SettingsSoFar {
  return { tcp: { ...soFar.tcp, ...tcp }, sockets: { ...soFar.sockets, ...sockets } };
}

function meaningsOf(pipeline: Pipeline, soFar: SettingsSoFar, depth: number): ShellMeaning[] {
  const { calls } = pipeline;
  const question = socketQuestion(calls);
  if (question !== null) return [question];
  const [first, ...rest] = calls;
  const name = commandName(first);
  const unsupported: ShellMeaning[] = [{
    kind: "unsupported",
    construct: pipeline.text,
    meant: meantText(name, COMMANDS),
  }];
  if (name === "sysctl") return sysctl(first, rest, soFar) ?? unsupported;
  if (name === "nstat") return counted(first, rest) ?? unsupported;
  if (rest.length > 0) return unsupported;
  const file = fileCommand(first.words);
  if (file !== null) return fileMeanings(file, soFar, depth) ?? unsupported;
  const meaning = singleMeaning(name, first);
  return meaning === null ? unsupported : [meaning];
}

/** Those whose names are words of their own, of this file and of shell_sockets.ts. */
const COMMANDS = ["sysctl", "nstat", "sleep", "echo", "ethtool", "kldload", "kldstat", "sockstat", "tcpdrop"];

/** `/sbin/sysctl` is `sysctl`. */
function commandName({ words }: ShellCall): string {
  const [name] = words;
  return name.startsWith("/sbin/") || name.startsWith("/usr/sbin/") || name.startsWith("/bin/") ||
      name.startsWith("/usr/bin/")
    ? name.slice(name.lastIndexOf("/") + 1)
    : name;
}

// -- sysctl

/** `sysctl [-q] [-w] NAME=VALUE ...`; `sysctl [-n] NAME | grep [-q] TEXT`. Null where it is another form. */
function sysctl(
  { words }: ShellCall,
  rest: readonly ShellCall[],
  soFar: SettingsSoFar,
): ShellMeaning[] | null {
  const flags = words.slice(1).filter((word) => word.startsWith("-"));
  const names = words.slice(1).filter((word) => !word.startsWith("-"));
  if (names.length === 0 || flags.some((flag) => !/^-[nqwei]+$/.test(flag))) return null;
  const isSilent = flags.some((flag) => flag.includes("e") || flag.includes("i"));
  if (names.every((name) => name.includes("="))) {
    if (rest.length > 0) return null;
    return assignments(names, soFar, isSilent);
  }
  if (names.length !== 1 || names[0].includes("=")) return null;
  return askedValue(names[0], { rest, soFar, prints: flags.includes("-n") ? "value" : "line" });
}

function assignments(words: readonly string[], soFar: SettingsSoFar, isSilent: boolean): ShellMeaning[] {
  let current = soFar;
  return words.map((word): ShellMeaning => {
    const at = word.indexOf("=");
    const name = word.slice(0, at);
    const result = changeSetting(name, word.slice(at + 1), current);
    if (result.kind === "settings") current = withChanges(current, result.changes);
    if (result.kind !== "unknown") return result;
    if (isSilent) return { kind: "nothing", reason: `${name} is not known, which the line lets pass` };
    if (NEVER_SETTINGS.has(settingName(name))) return { kind: "fails", reason: `there is no ${name}` };
    const meant = meantText(settingName(name), settingNames());
    return { kind: "unsupported", construct: `sysctl ${word}`, meant };
  });
}

/** Names that lines try to set and that no kernel of today has: the line goes on behind its `||`. */
const NEVER_SETTINGS: ReadonlySet<string> = new Set(["net.ipv4.tcp_fastopen_cookies"]);

function askedValue(
  name: string,
  about: {
    readonly rest: readonly ShellCall[];
    readonly soFar: SettingsSoFar;
    readonly prints: "value" | "line";
  },
): ShellMeaning[] | null {
  const value = readSetting(name, about.soFar);
  if (value === null) {
    const meant = meantText(settingName(name), settingNames());
    return meant === "" ? null : [{ kind: "unsupported", construct: `sysctl ${name}`, meant }];
  }
  if (about.rest.length === 0) return [{ kind: "nothing", reason: `it only prints ${name}` }];
  const [grep, ...more] = about.rest;
  if (more.length > 0 || commandName(grep) !== "grep") return null;
  const [pattern, ...others] = grep.words.slice(1).filter((word) => !/^-[qE]+$/.test(word));
  if (pattern === undefined || others.length > 0 || /[[\](){}|\\*+?.^$]/.test(pattern)) return null;
  const line = about.prints === "value" ? value : `${name} = ${value}`;
  if (line.includes(pattern)) return [{ kind: "nothing", reason: `${name} is ${value}` }];
  return [{ kind: "fails", reason: `${name} is ${value}` }];
}

// -- Counters

/** Counters of Linux that lines ask for, and ours that count the same. */
const COUNTERS: ReadonlyMap<string, string> = new Map([
  ["TcpExtOutOfWindowIcmps", "icmp-outside-window"],
  ["TcpExtPAWSEstab", "paws-drops"],
  ["TcpRetransSegs", "retransmits"],
]);

/** `nstat`, which shows what has been counted since it was called last; `nstat | grep NAME`. Null where it is another form. */
function counted({ words }: ShellCall, rest: readonly ShellCall[]): ShellMeaning[] | null {
  if (words.length > 1) return null;
  if (rest.length === 0) return [{ kind: "assert-counted", counter: null }];
  const [grep, ...more] = rest;
  const [pattern, ...others] = grep.words.slice(1).filter((word) => word !== "-q");
  if (more.length > 0 || commandName(grep) !== "grep" || pattern === undefined || others.length > 0) {
    return null;
  }
  const counter = COUNTERS.get(pattern);
  return counter === undefined ? null : [{ kind: "assert-counted", counter }];
}

// -- Other commands

function fileMeanings(file: FileCommand, soFar: SettingsSoFar, depth: number): ShellMeaning[] | null {
  switch (file.kind) {
    case "line":
      return interpret(file.text, soFar, depth - 1);
    case "assignments":
      return assignments(file.words, soFar, false);
    case "nothing":
      return [{ kind: "nothing", reason: file.reason }];
  }
}

/** A command by itself; null for one that is not known in this form. */
function singleMeaning(name: string, { words, output }: ShellCall): ShellMeaning | null {
  const args = words.slice(1);
  switch (name) {
    case "true":
    case ":":
      return { kind: "nothing", reason: "it does nothing anywhere" };
    case "false":
      return { kind: "fails", reason: "false" };
    case "sleep":
      return pause(args);
    case "echo":
      return echo(args, output);
    case "ip":
      return ip(args);
    case "tc":
      return trafficControl(args);
    case "ethtool":
      return args[0] === "-K"
        ? { kind: "nothing", reason: "no device cuts segments or puts them together here" }
        : null;
    case "kldload":
      return { kind: "nothing", reason: "there are no modules to load here" };
    case "kldstat":
      return { kind: "nothing", reason: "there are no modules here: what there is is loaded" };
    default:
      return null;
  }
}

function pause(args: readonly string[]): ShellMeaning | null {
  const seconds = args.length === 1 && /^\d*\.?\d+$/.test(args[0]) ? Number(args[0]) : NaN;
  return Number.isFinite(seconds) ? { kind: "pause", us: Math.round(seconds * 1_000_000) } : null;
}

/** To a person, or into a file that is a setting. */
function echo(args: readonly string[], output: string | null): ShellMeaning | null {
  if (output === null || output === "/dev/null") return { kind: "nothing", reason: "it only prints" };
  if (output === "/sys/module/tcp_cubic/parameters/hystart_detect" && args.join(" ") === "3") {
    return { kind: "nothing", reason: "HyStart++ is always on (RFC 9406)" };
  }
  return null;
}

/** `ip tcp_metrics flush all`; `ip [-6] route change ADDRESS via ROUTER dev DEVICE [advmss N] [mtu lock N] [initcwnd N]`. */
function ip(args: readonly string[]): ShellMeaning | null {
  const words = args.filter((word) => word !== "-6" && word !== "-4");
  if (words.slice(0, 2).join(" ") === "tcp_metrics flush") {
    return { kind: "settings", changes: { forgetPeers: true } };
  }
  const [object, verb, address, ...rest] = words;
  if (object !== "route" || !["change", "replace", "add"].includes(verb) || address === undefined) {
    return null;
  }
  let mss: number | undefined;
  let mtu: number | undefined;
  let initialWindowSegments: number | undefined;
  for (let at = 0; at < rest.length; at += 2) {
    const word = rest[at];
    if (word === "via" || word === "dev") continue;
    if (word === "mtu" && rest[at + 1] === "lock") at++;
    const number = /^\d+$/.test(rest[at + 1] ?? "") ? Number(rest[at + 1]) : null;
    if (number === null) return null;
    if (word === "advmss") mss = number;
    else if (word === "mtu") mtu = number;
    else if (word === "initcwnd") initialWindowSegments = number;
    else return null;
  }
  const route = {
    address,
    ...(mss === undefined ? {} : { mss }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(initialWindowSegments === undefined ? {} : { initialWindowSegments }),
  };
  return { kind: "settings", changes: { route } };
}

/** `tc qdisc replace dev tun0 root pfifo|fq`: a queue that nothing waits in. One that takes nothing loses everything. */
function trafficControl(args: readonly string[]): ShellMeaning | null {
  if (args[0] !== "qdisc") return null;
  if (args.includes("limit")) return null;
  const last = args[args.length - 1];
  if (["delete", "del"].includes(args[1])) return { kind: "nothing", reason: NO_QUEUE };
  if (last === "pfifo" || last === "pfifo_fast") return { kind: "nothing", reason: NO_QUEUE };
  if (last === "fq") {
    return { kind: "nothing", reason: "what may be sent is sent at once here: there is no pacing" };
  }
  return null;
}
