/**
 * The options that set how TCP behaves, as settings of the machine and the host.
 *
 * Owns: what each value means, its bounds, and which values exclude each other. Must not know: which command was given.
 */
import { FAST_OPEN_FORMS, parseFastOpenKeys, parsePending } from "./fast_open_options.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";
import type { Profile } from "../tcp/profile.ts";
import { PROFILE_NAMES, PROFILES } from "../tcp/profiles.ts";
import { UsageError } from "./command.ts";
import {
  badValue,
  type DurationBounds,
  type GivenValue,
  parseChoice,
  parseCount,
  parseDurationUs,
  parseSizeBytes,
} from "./option_values.ts";
import type { ParsedOptions } from "./options.ts";
import type { CONNECTION_OPTIONS, LISTENING_OPTIONS } from "./tcp_syntax.ts";

type ConnectionOption = typeof CONNECTION_OPTIONS[number]["name"];
type ListeningOption = typeof LISTENING_OPTIONS[number]["name"];

/** What concerns every connection of a host. */
export interface ConnectionSettings {
  /** Whose habits there are; `tcp` and `ttl` come before it. */
  readonly profile: Profile;
  /** Only what differs from the profile. */
  readonly tcp: Partial<TcpConfig>;
  /** Keep-alive is switched on for each connection; its times are in `tcp`. */
  readonly keepAlive: boolean;
  /** Time to live of what is sent, 1 to 255 (MUST-49); null where the user has set none, so that routers may (RFC 4861 §6.3.4). */
  readonly ttl: number | null;
}

/** What concerns a host that listens. */
export interface ListeningSettings {
  readonly backlog: number;
  readonly maxConnections: number;
  readonly maxTimeWait: number;
  readonly onFull: "evict" | "refuse";
  /** Bound on pending Fast Opens (RFC 7413 §5.1); 0: none are done. */
  readonly fastOpen: number;
  /** Null: one that hangs on the host's secret. */
  readonly fastOpenKeys: readonly Uint8Array[] | null;
  /** Null: what `defaultMemoryBytes` of memory_choice.ts says. */
  readonly memoryBytes: number | null;
  /** Only what differs from the defaults. */
  readonly tcp: Partial<TcpConfig>;
}

/** Local choice: half-open connections that a port may have; a bulk test opens a few hundred at once. */
const DEFAULT_BACKLOG = 1024;
/** Local choice: one peer address can have no more to one port. */
const DEFAULT_MAX_CONNECTIONS = 0x10000;
/** Local choice: at 100 bytes and more each, a few megabytes. */
const DEFAULT_MAX_TIME_WAIT = 0x8000;
/** RFC 879 and RFC 9293 §3.7.1 let any host send 536 bytes; less than 88 leaves no room beside full options. */
const LEAST_MSS = 88;
/** What fits into an IPv4 packet of 65535 bytes beside 40 bytes of headers. */
const MOST_MSS = 65495;

/** Local choice: below it not even a few connections could fill their buffers; V8 itself takes more. */
const MEMORY = { least: 0x400000, most: 0x1000000000 };

const LIFETIME: DurationBounds = { leastUs: 1_000, mostUs: 3_600_000_000, bareUnit: "s" };
const RTO: DurationBounds = { leastUs: 1_000, mostUs: 60_000_000, bareUnit: "s" };
/** RFC 6298 §2.5 asks for 60 s at least; a lab may want to see many timeouts in little time. */
const GREATEST_RTO: DurationBounds = { leastUs: 100_000, mostUs: 3_600_000_000, bareUnit: "s" };
/** MUST-40: under half a second. */
const ACK_DELAY: DurationBounds = { leastUs: 1_000, mostUs: 499_000, bareUnit: "s" };
/** RFC 9293 §3.8.3 asks for 100 s at least (SHLD-11); less is a lab's own choice. */
const USER_TIMEOUT: DurationBounds = { leastUs: 100_000, mostUs: 24 * 3_600_000_000, bareUnit: "s" };
/** The default is far beyond: MUST-28 is about what nobody has asked for. */
const KEEP_ALIVE: DurationBounds = { leastUs: 10_000, mostUs: 24 * 3_600_000_000, bareUnit: "s" };

/** The value of an option through its parser; undefined when it was not given. */
export function given<Name extends string, Value>(
  options: ParsedOptions<Name>,
  option: Name,
  parse: (value: GivenValue) => Value,
): Value | undefined {
  const text = options.value(option);
  return text === undefined ? undefined : parse({ option, text });
}

/** Reads the options of {@link CONNECTION_OPTIONS}. Throws {@link UsageError}. */
export function parseConnectionOptions(options: ParsedOptions<ConnectionOption>): ConnectionSettings {
  const profile = PROFILES[given(options, "profile", (value) => parseChoice(value, PROFILE_NAMES)) ?? "rfc"];
  const base: TcpConfig = { ...DEFAULT_TCP_CONFIG, ...profile.tcp };
  const tcp: Partial<TcpConfig> = {};
  const set = setterOf(tcp, base);
  const duration = (bounds: DurationBounds) => (value: GivenValue) => parseDurationUs(value, bounds);
  const count = (least: number, most: number, what?: string) => (value: GivenValue) =>
    parseCount(value, { least, most, ...(what === undefined ? {} : { what }) });
  const choice = <Choice extends string>(...choices: readonly Choice[]) => (value: GivenValue) =>
    parseChoice(value, choices);
  const buffer = (value: GivenValue) => parseSizeBytes(value, { least: 2048, most: 0x40000000 });

  const receiveBufferBytes = given(options, "recv-buffer", buffer);
  set("receiveBufferBytes", receiveBufferBytes);
  // A size that is asked for is the size.
  if (receiveBufferBytes !== undefined) set("receiveBufferMostBytes", 0);
  set("sendBufferBytes", given(options, "send-buffer", buffer));
  set("mss", given(options, "mss", count(LEAST_MSS, MOST_MSS, "bytes")));
  if (options.flag("no-sack")) set("sack", false);
  if (options.flag("no-timestamps")) set("timestamps", false);
  if (options.flag("no-window-scale")) set("windowScaling", false);
  set("ecn", given(options, "ecn", choice("off", "accept", "request")));
  set("dscp", given(options, "dscp", count(0, 63)));

  set("mslUs", given(options, "msl", duration(LIFETIME)));
  set("timeWaitUs", given(options, "time-wait", duration(LIFETIME)));
  set("finWait2Us", given(options, "fin-wait-2", duration(LIFETIME)));
  set("rtoInitialUs", given(options, "rto-initial", duration(RTO)));
  set("rtoMinUs", given(options, "rto-min", duration(RTO)));
  set("rtoMaxUs", given(options, "rto-max", duration(GREATEST_RTO)));
  checkRto({ ...base, ...tcp });
  set("r1Retransmissions", given(options, "r1", count(1, 100)));
  set("r2Us", given(options, "user-timeout", duration(USER_TIMEOUT)));
  set("orphanR2Us", given(options, "orphan-timeout", duration(USER_TIMEOUT)));
  const keepAlive = given(options, "keepalive", parseKeepAlive);
  set("keepAliveIdleUs", keepAlive?.idleUs);
  set("keepAliveIntervalUs", keepAlive?.intervalUs);
  set("keepAliveProbes", keepAlive?.probes);

  set("congestionControl", given(options, "congestion", choice("cubic", "reno")));
  set("initialWindowSegments", given(options, "initial-window", count(1, 1000, "segments")));
  if (options.flag("no-delay")) set("noDelay", true);
  set("quickAcks", given(options, "quick-acks", count(0, 10_000, "segments")));
  set("delayedAckUs", given(options, "delayed-ack", duration(ACK_DELAY)));

  set("maxOutOfOrderBlocks", given(options, "max-out-of-order-blocks", count(1, 4096)));
  set("challengeAcksPerSecond", given(options, "challenge-acks", count(0, 1_000_000)));
  set("pathMtuLifeUs", given(options, "path-mtu-life", duration(LIFETIME)));

  set("duplicateSyn", given(options, "duplicate-syn", choice("repeat-syn-ack", "rfc9293")));
  set("timeWaitRst", given(options, "time-wait-rst", choice("close", "ignore")));
  set("finWithoutAck", given(options, "fin-without-ack", choice("ack", "drop")));
  set("icmpHardErrors", given(options, "icmp-hard-errors", choice("soft", "abort")));
  set("fastOpenOption", given(options, "fast-open-option", choice(...FAST_OPEN_FORMS)));
  set("missingTimestamp", given(options, "missing-timestamp", choice("drop", "accept")));
  return {
    profile,
    tcp,
    keepAlive: keepAlive !== undefined,
    ttl: given(options, "ttl", count(1, 255)) ?? null,
  };
}

/** Reads the options of {@link LISTENING_OPTIONS}; `profile` is in force without them. Throws {@link UsageError}. */
export function parseListeningOptions(
  options: ParsedOptions<ListeningOption>,
  profile: Profile = PROFILES.rfc,
): ListeningSettings {
  const tcp: Partial<TcpConfig> = {};
  const set = setterOf(tcp, { ...DEFAULT_TCP_CONFIG, ...profile.tcp });
  const count = (name: ListeningOption, least: number, most: number) =>
    given(options, name, (value) => parseCount(value, { least, most }));
  if (options.flag("syn-cookies") && options.flag("no-syn-cookies")) {
    throw new UsageError("--syn-cookies and --no-syn-cookies exclude each other: leave one out");
  }
  if (options.flag("no-syn-cookies")) set("synCookies", false);
  set("synAckRetransmissions", count("syn-ack-retries", 0, 30));
  return {
    backlog: count("backlog", 1, 65535) ?? DEFAULT_BACKLOG,
    maxConnections: count("max-connections", 1, 1_000_000) ?? DEFAULT_MAX_CONNECTIONS,
    maxTimeWait: count("max-time-wait", 1, 1_000_000) ?? DEFAULT_MAX_TIME_WAIT,
    fastOpen: given(options, "fast-open", parsePending) ?? 0,
    fastOpenKeys: given(options, "fast-open-key", parseFastOpenKeys) ?? null,
    onFull: given(options, "on-full", (value) => parseChoice(value, ["evict", "refuse"])) ?? "evict",
    memoryBytes: given(options, "memory", (value) => parseSizeBytes(value, MEMORY)) ?? null,
    tcp,
  };
}

/** Sets what was given and differs from `base`. */
function setterOf(tcp: Partial<TcpConfig>, base: TcpConfig) {
  return <Name extends keyof TcpConfig>(name: Name, value: TcpConfig[Name] | undefined) => {
    if (value !== undefined && value !== base[name]) tcp[name] = value;
  };
}

function checkRto({ rtoMinUs, rtoInitialUs, rtoMaxUs }: TcpConfig): void {
  const seconds = (us: number) => `${us / 1e6} s`;
  if (rtoMinUs > rtoMaxUs) {
    throw new UsageError(
      `--rto-min (${seconds(rtoMinUs)}) lies above --rto-max (${seconds(rtoMaxUs)}): give both, in order`,
    );
  }
  if (rtoInitialUs > rtoMaxUs) {
    throw new UsageError(
      `--rto-initial (${seconds(rtoInitialUs)}) lies above --rto-max (${
        seconds(rtoMaxUs)
      }): give both, in order`,
    );
  }
}

/** Idle time, interval and number of probes, as far as they were given. */
interface KeepAliveTimes {
  readonly idleUs: number;
  readonly intervalUs: number | undefined;
  readonly probes: number | undefined;
}

function parseKeepAlive(value: GivenValue): KeepAliveTimes {
  const parts = value.text.split("/");
  if (parts.length > 3) {
    throw badValue(value, "IDLE[/INTERVAL[/PROBES]], as in 60 or 60/10/5");
  }
  const part = (text: string): GivenValue => ({ option: value.option, text });
  const [idle, interval, probes] = parts;
  return {
    idleUs: parseDurationUs(part(idle), KEEP_ALIVE),
    intervalUs: interval === undefined ? undefined : parseDurationUs(part(interval), KEEP_ALIVE),
    // MUST-29: one answer that is lost must not end a connection.
    probes: probes === undefined
      ? undefined
      : parseCount(part(probes), { least: 2, most: 1000, what: "probes" }),
  };
}
