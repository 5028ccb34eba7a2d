/**
 * The arguments of `connect`: as a table, and as a typed configuration.
 *
 * Owns: what is said about the one connection: to whom, how long, where its bytes go. What concerns device, wire, output
 * and TCP is `serve`'s, name by name. Must not know: the machine that it will run on.
 */
import { DEFAULT_TCP_CONFIG } from "../tcp/config.ts";
import { whyNoHostAddress } from "../wire/host_address.ts";
import { parseZoned, type ZonedAddress, zoneFault } from "./address_request.ts";
import { UsageError } from "./command.ts";
import { FAST_OPEN_CLIENT_OPTIONS, type GivenCookie, parseGivenCookie } from "./fast_open_options.ts";
import { LOG_OPTIONS } from "./log_syntax.ts";
import { type DurationBounds, parseDurationUs, parseFileName, parsePort } from "./option_values.ts";
import { type OptionSpec, type ParsedOptions, parseOptions, type Syntax } from "./options.ts";
import { STANDARD_OUTPUT } from "./recording_output.ts";
import { parseServeOptions, type ServeConfig } from "./serve_options.ts";
import { SERVE_OPTIONS } from "./serve_syntax.ts";
import { given } from "./tcp_options.ts";
import { CONNECTION_OPTIONS } from "./tcp_syntax.ts";

/** A family of addresses, by its number as `-4` and `-6` have it. */
export type Family = 4 | 6;

/** Everything that `connect` was asked for, on top of what it shares with `serve`. */
export interface ConnectConfig {
  /** HOST as it was typed. */
  readonly host: string;
  /** HOST where it is an address; null for a name. */
  readonly literal: ZonedAddress | null;
  /** The only family that is wanted; null for both. */
  readonly family: Family | null;
  readonly port: number;
  /** Null: the host chooses (RFC 6056). */
  readonly localPort: number | null;
  /** How long each address of HOST is tried; null: as long as the SYN is, but for one that others follow. */
  readonly timeoutMs: number | null;
  /** Whether stderr tells of the opening, as `nc -v` does. */
  readonly isVerbose: boolean;
  /** Between the end of stdin and our FIN. */
  readonly sleepMs: number;
  readonly waitTimeWait: boolean;
  /** Fast Open (RFC 7413): with this cookie, or without any yet; null: none. */
  readonly fastOpen: { readonly given: GivenCookie | null } | null;
  /** File for the bytes that arrive; null: stdout where the log is not there, else nowhere. */
  readonly output: string | null;
  /** Whether the log leaves stdout to the bytes that arrive. */
  readonly isStdoutFree: boolean;
  /** Device, wire, output and TCP; its services are the connection's own port where that is known. */
  readonly ground: ServeConfig;
}

const CONNECTION = "Connection";

/** Options of `serve` that mean the same here. */
const SHARED_NAMES: ReadonlySet<string> = new Set([
  "iface",
  "ip",
  "gateway",
  "no-ra",
  "mac",
  "rst-guard",
  "capture",
  "read-timeout",
  "ring",
  "checksum",
  "tx",
  "filter",
  "vlan",
  "fault",
  "write",
  "write-limit",
  "snaplen",
  "duration",
  "user",
  ...LOG_OPTIONS.map((option) => option.name),
  ...CONNECTION_OPTIONS.map((option) => option.name),
]);

/** The active side is one host. */
const ONE_HOST = {
  kind: "value",
  help:
    "auto (default): a stable locally administered address; device: the device's own (Wi-Fi and macvlan need that)",
} as const;

const SHARED_OPTIONS = SERVE_OPTIONS.filter((option) => SHARED_NAMES.has(option.name)).map((option) =>
  option.name === "mac" ? { ...option, ...ONE_HOST } : option
);

const OWN_OPTIONS = [
  {
    name: "local-port",
    kind: "value",
    value: "N",
    group: CONNECTION,
    help: "port on this side (one that the host chooses)",
  },
  { name: "ipv4", alias: "4", kind: "flag", group: CONNECTION, help: "only IPv4 addresses of HOST" },
  { name: "ipv6", alias: "6", kind: "flag", group: CONNECTION, help: "only IPv6 addresses of HOST" },
  {
    name: "timeout",
    kind: "value",
    value: "SECONDS",
    group: CONNECTION,
    help:
      "give an address of HOST up after that time without a connection; without it one that others follow has 5 s, and " +
      "the last as long as --syn-timeout says",
  },
  {
    name: "syn-timeout",
    kind: "value",
    value: "SECONDS",
    group: CONNECTION,
    help:
      "give up after that time without an answer to the SYN (180); looked at whenever the SYN is due again",
  },
  {
    name: "sleep",
    kind: "value",
    value: "SECONDS",
    group: CONNECTION,
    help: "time between the end of stdin and the FIN (0)",
  },
  {
    name: "wait-time-wait",
    kind: "flag",
    group: CONNECTION,
    help: "stay until TIME_WAIT is over; without it tcplab leaves as soon as the connection gets there",
  },
  {
    name: "output",
    alias: "o",
    kind: "value",
    value: "FILE",
    group: CONNECTION,
    help:
      "put the bytes that arrive into FILE; without it they go to stdout with --log none or --log-file, and else only " +
      "show as data events",
  },
  ...FAST_OPEN_CLIENT_OPTIONS,
] as const satisfies readonly OptionSpec[];

const CONNECT_OPTIONS = [...OWN_OPTIONS, ...SHARED_OPTIONS];

/** The syntax of `connect`. */
export const CONNECT_SYNTAX: Syntax<typeof CONNECT_OPTIONS> = {
  command: "connect",
  synopsis: "[-4|-6] [-v] HOST PORT --iface NAME --ip ADDR[/LEN] [OPTIONS]",
  description:
    `Opens a connection with tcplab's own stack, from an address that the kernel does not own, and shows every
segment and every state of the active side. HOST is an address or a name, which the system's resolver looks up;
its addresses are tried one after another, IPv6 and IPv4. fe80::1%eth0 names a link-local address with its device.
With -v stderr tells of each try, and the log of everything. What stdin holds is sent; when it ends
(Ctrl-D on a terminal, at once with </dev/null) tcplab closes its direction, and waits for the peer to close its
own. The log goes to stdout; Ctrl-C closes at once. The status is 1 when the connection is refused, reset or
times out.`,
  options: CONNECT_OPTIONS,
  positionals: { least: 2, most: 2, expected: "HOST PORT, as in 192.168.56.1 5000 or fd00::1 5000" },
  examples: [
    [
      "sudo tcplab connect 192.168.56.1 5000 --iface eth0 --ip 192.168.56.101 </dev/null",
      "open, close, and the states in between: SYN_SENT to TIME_WAIT",
    ],
    [
      "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sudo tcplab connect 192.168.56.1 80 -i eth0 --ip 192.168.56.101 --log none",
      "only the answer, as with nc",
    ],
    [
      "sudo tcplab connect -v server.lab 5000 -i eth0 --ip 192.168.56.101,fd00::7 --timeout 2 </dev/null",
      "whichever address of the name answers first, each tried for two seconds",
    ],
    [
      "sudo tcplab connect 192.168.56.1 5000 -i eth0 --ip 192.168.56.101 --fault in:drop=20%,seed=7 </dev/null",
      "one in five of the peer's frames is lost: the log names each, and what repairs it",
    ],
  ],
};

const SYN_TIMEOUT: DurationBounds = { leastUs: 100_000, mostUs: 24 * 3_600_000_000, bareUnit: "s" };
const TIMEOUT: DurationBounds = { leastUs: 10_000, mostUs: 24 * 3_600_000_000, bareUnit: "s" };
const SLEEP: DurationBounds = { leastUs: 0, mostUs: 24 * 3_600_000_000, bareUnit: "s" };

/** Reads the arguments of `connect`. Throws {@link UsageError}: one line that names what is wrong and what was expected. */
export function parseConnectOptions(args: readonly string[]): ConnectConfig {
  const options = parseOptions(args, CONNECT_SYNTAX);
  const [hostText, portText] = options.positionals;
  const family = parseFamily(options);
  const literal = parseHost(hostText, family);
  const port = parsePeerPort(portText);
  const synR2Us = given(options, "syn-timeout", (value) => parseDurationUs(value, SYN_TIMEOUT));
  const localPort = given(options, "local-port", parsePort) ?? null;
  const timeoutUs = given(options, "timeout", (value) => parseDurationUs(value, TIMEOUT));
  const shared = parseServeOptions(sharedArguments(options));
  if (shared.rstGuard === "nft" && localPort === null) {
    throw new UsageError("--rst-guard nft needs --local-port N: the rule is for one port");
  }
  if (shared.log === "tui") {
    throw new UsageError("--log tui is for serve: here stdin and stdout belong to the connection");
  }
  const output = given(options, "output", parseFileName) ?? null;
  const isStdoutFree = shared.log === "none" || shared.logStyle.file !== null;
  if (shared.write === STANDARD_OUTPUT && isStdoutFree && output === null) {
    throw new UsageError(
      `--write - wants stdout for the recording, and with ${
        shared.log === "none" ? "--log none" : "--log-file"
      } what the peer sends goes there: give --output FILE`,
    );
  }
  const isDefault = synR2Us === undefined ||
    synR2Us === { ...DEFAULT_TCP_CONFIG, ...shared.profile.tcp }.synR2Us;
  return {
    host: hostText,
    literal,
    family,
    port,
    localPort,
    timeoutMs: timeoutUs === undefined ? null : timeoutUs / 1000,
    isVerbose: options.flag("verbose"),
    sleepMs: (given(options, "sleep", (value) => parseDurationUs(value, SLEEP)) ?? 0) / 1000,
    waitTimeWait: options.flag("wait-time-wait"),
    fastOpen: given(options, "fast-open", (value) => ({ given: parseGivenCookie(value) })) ?? null,
    output,
    isStdoutFree,
    ground: {
      ...shared,
      services: localPort === null ? [] : [{ port: localPort, app: "" }],
      www: null,
      tcp: isDefault ? shared.tcp : { ...shared.tcp, synR2Us },
    },
  };
}

type ConnectOptions = ParsedOptions<typeof CONNECT_OPTIONS[number]["name"]>;

/** The options that `serve` has too, as it would have been given them. */
function sharedArguments(options: ConnectOptions): string[] {
  return SHARED_OPTIONS.flatMap(({ name, kind }) => {
    // Here it also makes stderr tell of the opening, which needs no log.
    if (name === "verbose" && options.value("log") === "none") return [];
    return kind === "flag"
      ? (options.flag(name) ? [`--${name}`] : [])
      : options.list(name).map((value) => `--${name}=${value}`);
  });
}

function parseFamily(options: ConnectOptions): Family | null {
  const [isIpv4, isIpv6] = [options.flag("ipv4"), options.flag("ipv6")];
  if (isIpv4 && isIpv6) {
    throw new UsageError("-4 and -6 exclude each other: without either, both families are tried");
  }
  return isIpv4 ? 4 : isIpv6 ? 6 : null;
}

/** HOST as an address; null where it is a name. What can be neither is refused. */
function parseHost(text: string, family: Family | null): ZonedAddress | null {
  const zoned = parseZoned(text);
  if (zoned === null) {
    demandName(text);
    return null;
  }
  const { address } = zoned;
  // MUST-46: no connection to what is not one host's.
  const why = whyNoHostAddress(address);
  if (why !== null) throw new UsageError(`HOST ${text}: expected the address of a host, and this is ${why}`);
  const misplaced = zoneFault(zoned);
  if (misplaced !== null) throw new UsageError(`HOST ${text}: expected ${misplaced}`);
  const own: Family = address.length === IPV4_BYTES ? 4 : 6;
  if (family !== null && family !== own) {
    throw new UsageError(
      `HOST ${text}: expected an IPv${family} address with -${family}, and this is one of IPv${own}`,
    );
  }
  return zoned;
}

const IPV4_BYTES = 4;

/** A name as a resolver takes it (RFC 1123 §2.1, RFC 1035 §2.3.4), the underscore of old files of hosts included. */
function demandName(text: string): void {
  const isName = text.length <= 253 && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(text) &&
    !text.includes("..");
  // All digits and dots was meant to be an address; getaddrinfo would take 10.1 for 10.0.0.1.
  if (isName && !/^[0-9.]+$/.test(text)) return;
  throw new UsageError(
    `HOST ${text}: expected an address, as in 192.168.56.1 or fe80::1%eth0, or the name of a host`,
  );
}

function parsePeerPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 0xffff) return port;
  throw new UsageError(`PORT ${text}: expected a port from 1 to 65535`);
}
