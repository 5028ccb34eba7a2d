/**
 * The options of `tcplab run`: the table, and what is made of the values.
 *
 * Owns: names, bounds and defaults. Must not know: how a script is run.
 */
import type { IpVersion } from "../script/kernel.ts";
import { PROFILE_NAMES, PROFILES } from "../tcp/profiles.ts";
import type { Profile } from "../tcp/profile.ts";
import type { HostAddress } from "../host/own_addresses.ts";
import { parseAddress } from "./address_request.ts";
import { UsageError } from "./command.ts";
import { badValue, parseChoice, parseCount, parseDurationUs, parseFileName } from "./option_values.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";

/** The versions that a script can be played with. */
const IP_VERSIONS = ["ipv4", "ipv6", "ipv4-mapped-ipv6"] as const satisfies readonly IpVersion[];
const REPORTS = "Reports";
const LIVE = "On the wire";

/** Real time per script. Local choice: the slowest public script takes a hundredth of it. */
const USUAL_TIMEOUT_US = 60_000_000;
/** Processes at most; local choice. */
const MOST_JOBS = 256;

/** The table. */
export const RUN_OPTIONS = [
  {
    name: "profile",
    kind: "value",
    value: PROFILE_NAMES.join("|"),
    help: "whose habits the stack has where the RFCs leave freedom (what the script asks for; else linux)",
  },
  {
    name: "define",
    alias: "D",
    kind: "list",
    value: "NAME[=VALUE]",
    help: "a name for #ifdef; with a value, what the word stands for in the script",
  },
  {
    name: "option",
    alias: "O",
    kind: "list",
    value: "NAME[=VALUE]",
    help: "an option as at the head of a script, which goes before its own: -O mtu=9000",
  },
  {
    name: "ip-version",
    kind: "value",
    value: IP_VERSIONS.join("|"),
    help:
      "plays scripts with this version, whatever they say; IPv6 then has an MTU of 1520, so that segments stay as they are",
  },
  {
    name: "strict",
    kind: "flag",
    help: "compares more: echoes and values of timestamps, payload, no putting together, silence at the end",
  },
  {
    name: "timeout",
    kind: "value",
    value: "SECONDS",
    help: "of real time, per script (60); a script that takes longer has failed",
  },
  { name: "jobs", alias: "j", kind: "value", value: "N", help: "so many processes at once (1)" },
  {
    name: "allow-shell",
    kind: "flag",
    help: "lets a script's shell lines that are not known as settings be carried out, as you, by sh",
  },
  {
    name: "skip-unsupported",
    kind: "flag",
    help: "a construct that is not there is no failure; it is still told, and never a pass",
  },
  {
    name: "live",
    kind: "flag",
    help: "on a device and in real time: what the stack sends goes out there",
    group: LIVE,
  },
  { name: "iface", alias: "i", kind: "value", value: "NAME", help: "the device", group: LIVE },
  {
    name: "ip",
    kind: "value",
    value: "ADDR/LEN",
    help: "the stack's address there, one that nobody has",
    group: LIVE,
  },
  { name: "json", kind: "flag", help: "one JSON document on stdout", group: REPORTS },
  { name: "tap", kind: "flag", help: "TAP on stdout", group: REPORTS },
  { name: "junit", kind: "value", value: "FILE", help: "JUnit's XML, for CI", group: REPORTS },
  {
    name: "trace",
    kind: "flag",
    help: "each step with its time, and what the stack did: segments, states, rules",
    group: REPORTS,
  },
  {
    name: "write",
    alias: "w",
    kind: "value",
    value: "FILE",
    help: "pcapng of the run of one script, each frame with its state change as comment",
    group: REPORTS,
  },
] as const satisfies readonly OptionSpec[];

type OptionName = typeof RUN_OPTIONS[number]["name"];

/** What is to be done. */
export interface RunSettings {
  /** Null: each script's own. */
  readonly profile: Profile | null;
  readonly defines: ReadonlyMap<string, string>;
  /** As at the head of a script. */
  readonly scriptOptions: ReadonlyMap<string, string>;
  readonly ipVersion: IpVersion | null;
  readonly isStrict: boolean;
  readonly timeoutMs: number;
  readonly jobs: number;
  readonly allowsShell: boolean;
  readonly skipsUnsupported: boolean;
  readonly isJson: boolean;
  readonly isTap: boolean;
  readonly junitFile: string | null;
  readonly isTrace: boolean;
  readonly writeFile: string | null;
  /** Null: on the virtual clock. */
  readonly live: LiveSettings | null;
}

/** Where a script is played in real time. */
export interface LiveSettings {
  readonly device: string;
  readonly address: HostAddress;
}

/** Reads the options. Throws {@link UsageError}. */
export function runSettings(options: ParsedOptions<OptionName>): RunSettings {
  const isJson = options.flag("json");
  const isTap = options.flag("tap");
  if (isJson && isTap) throw new UsageError("--json and --tap both want stdout: give one of them");
  const jobs = countOption(options.value("jobs"), { option: "jobs", most: MOST_JOBS, usual: 1 });
  const isTrace = options.flag("trace");
  const writeFile = fileOption(options.value("write"), "write");
  if (jobs > 1 && isTrace) throw new UsageError("--trace tells one script after the other: leave --jobs out");
  const timeout = options.value("timeout");
  const timeoutUs = timeout === undefined ? USUAL_TIMEOUT_US : parseDurationUs(
    { option: "timeout", text: timeout },
    { leastUs: 1000, mostUs: 86_400_000_000, bareUnit: "s" },
  );
  const ipVersion = options.value("ip-version");
  const profile = options.value("profile");
  return {
    profile: profile === undefined
      ? null
      : PROFILES[parseChoice({ option: "profile", text: profile }, PROFILE_NAMES)],
    defines: namedValues("define", options.list("define")),
    scriptOptions: namedValues("option", options.list("option")),
    ipVersion: ipVersion === undefined
      ? null
      : parseChoice({ option: "ip-version", text: ipVersion }, IP_VERSIONS),
    isStrict: options.flag("strict"),
    timeoutMs: timeoutUs / 1000,
    jobs,
    allowsShell: options.flag("allow-shell"),
    skipsUnsupported: options.flag("skip-unsupported"),
    isJson,
    isTap,
    junitFile: fileOption(options.value("junit"), "junit"),
    isTrace,
    writeFile,
    live: liveSettings(options, jobs),
  };
}

function liveSettings(options: ParsedOptions<OptionName>, jobs: number): LiveSettings | null {
  const device = options.value("iface");
  const ip = options.value("ip");
  if (!options.flag("live")) {
    if (device === undefined && ip === undefined) return null;
    throw new UsageError(
      "--iface and --ip are for --live, which plays scripts in real time: give it, or leave them out",
    );
  }
  if (device === undefined || ip === undefined) {
    throw new UsageError("--live needs --iface NAME and --ip ADDR/LEN");
  }
  if (jobs > 1) {
    throw new UsageError("--live has one device, and plays one script after the other: leave --jobs out");
  }
  const { address, prefixLength, zone } = parseAddress(ip);
  // The device is named once.
  if (prefixLength === null || zone !== null) {
    throw badValue({ option: "ip", text: ip }, "an address with its prefix, as 10.0.0.9/24");
  }
  return { device, address: { address, prefixLength } };
}

/** The options that another process needs to run scripts in the same way and tell of them as JSON. */
export function settingWords(settings: RunSettings): string[] {
  const { profile, defines, scriptOptions, ipVersion, isStrict, timeoutMs, allowsShell } = settings;
  return [
    "--json",
    ...(profile === null ? [] : ["--profile", profile.name]),
    "--timeout",
    `${timeoutMs}ms`,
    ...nameWords("--define", defines),
    ...nameWords("--option", scriptOptions),
    ...(ipVersion === null ? [] : ["--ip-version", ipVersion]),
    ...(isStrict ? ["--strict"] : []),
    ...(allowsShell ? ["--allow-shell"] : []),
  ];
}

function countOption(
  text: string | undefined,
  about: { readonly option: string; readonly most: number; readonly usual: number },
): number {
  if (text === undefined) return about.usual;
  return parseCount({ option: about.option, text }, { least: 1, most: about.most });
}

function fileOption(text: string | undefined, option: string): string | null {
  return text === undefined ? null : parseFileName({ option, text });
}

function nameWords(option: string, values: ReadonlyMap<string, string>): string[] {
  return [...values].flatMap(([name, value]) => [option, value === "" ? name : `${name}=${value}`]);
}

function namedValues(option: string, words: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const word of words) {
    const match = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(word);
    if (match === null) throw badValue({ option, text: word }, "NAME, or NAME=VALUE");
    values.set(match[1], match[2] ?? "");
  }
  return values;
}
