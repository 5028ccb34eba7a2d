/**
 * The arguments of `serve` as a typed configuration.
 *
 * Owns: what each value means, which options exclude each other, and every line that says what is wrong with them.
 * Must not know: the machine that it will run on; all that depends on it is judged later (device.ts,
 * address_choice.ts).
 */
import type { TransmitWish } from "../../ffi/transmit_choice.ts";
import { APPLICATIONS, OFFERED_APPLICATIONS } from "../app/applications.ts";
import { http } from "../app/http.ts";
import { type FaultSpec, parseFaultSpec } from "../link/fault_spec.ts";
import { VLAN_ID } from "../wire/ethernet.ts";
import { type AddressRequest, parseGateways, type ZonedAddress } from "./address_request.ts";
import { UsageError } from "./command.ts";
import type { FileLimit } from "./file_rotation.ts";
import { type HostRequest, parseHosts } from "./host_request.ts";
import { type LogSettings, parseLogOptions } from "./log_options.ts";
import {
  badValue,
  type DurationBounds,
  type GivenValue,
  parseChoice,
  parseCount,
  parseDurationUs,
  parsePort,
  parseSizeBytes,
} from "./option_values.ts";
import { type ParsedOptions, parseOptions } from "./options.ts";
import { STANDARD_OUTPUT } from "./recording_output.ts";
import { SERVE_OPTIONS, SERVE_SYNTAX } from "./serve_syntax.ts";
import { type PageAddress, parsePageAddress } from "./page_address.ts";
import {
  type ConnectionSettings,
  given,
  type ListeningSettings,
  parseConnectionOptions,
  parseListeningOptions,
} from "./tcp_options.ts";

/** A port with the application that runs on its connections. */
interface Service {
  readonly port: number;
  /** Name of an application, one of those in app/applications.ts. */
  readonly app: string;
}

/** Everything that `serve` was asked for; sizes in bytes, times in the unit of the name. */
export interface ServeConfig extends ConnectionSettings, ListeningSettings, LogSettings {
  /** Null: the only candidate. */
  readonly device: string | null;
  /** Who is to be on the device: one host, or several with an address of each at least. */
  readonly hosts: readonly HostRequest[];
  /** Those of all hosts. Empty: propose one. */
  readonly addresses: readonly AddressRequest[];
  /** Routers to everything that is not on the link, at most one of each family; of a family without one the kernel's route. */
  readonly gateways: readonly ZonedAddress[];
  /** Whether router advertisements are believed (RFC 4861 §6.3). */
  readonly acceptRa: boolean;
  readonly services: readonly Service[];
  /** The directory that `http` serves; null for its status page. */
  readonly www: string | null;
  readonly rstGuard: "off" | "nft";
  readonly capture: "immediate" | "live";
  readonly readTimeoutMs: number;
  readonly ringMib: number;
  readonly checksum: "partial" | "strict" | "ignore";
  readonly tx: TransmitWish;
  readonly filter: string | null;
  /** The VLAN to be in; null for none. */
  readonly vlan: number | null;
  /** Faults to put on the wire; null for none. */
  readonly faults: FaultSpec | null;
  readonly write: string | null;
  /** Null: without bound. */
  readonly writeLimit: FileLimit | null;
  /** So much is recorded of a frame at most, bytes; null: all. */
  readonly snapBytes: number | null;
  /** Where the live page is; null for none. */
  readonly ui: PageAddress | null;
  readonly once: boolean;
  readonly durationMs: number | null;
  readonly user: string | null;
}

type ServeOptions = ParsedOptions<typeof SERVE_OPTIONS[number]["name"]>;

/** The lab's port. */
const DEFAULT_PORT = 3333;

/** Reads the arguments of `serve`. Throws {@link UsageError}: one line that names option, value and what was expected. */
export function parseServeOptions(args: readonly string[]): ServeConfig {
  const options = parseOptions(args, SERVE_SYNTAX);
  const choice = <Choice extends string>(
    name: "capture" | "checksum" | "rst-guard" | "tx",
    choices: readonly Choice[],
  ) => given(options, name, (value) => parseChoice(value, choices)) ?? choices[0];
  const capture = choice("capture", ["immediate", "live"]);
  const readTimeoutMs = given(
    options,
    "read-timeout",
    (value) => parseCount(value, { least: 1, most: 10_000 }),
  );
  if (readTimeoutMs !== undefined && capture === "immediate") {
    throw new UsageError(
      "--read-timeout goes with --capture live: in immediate mode there is nothing to wait for",
    );
  }
  const rstGuard = choice("rst-guard", ["off", "nft"]);
  const user = options.value("user") ?? null;
  const logging = parseLogOptions(options);
  const write = options.value("write") ?? null;
  const writeLimit = given(options, "write-limit", parseWriteLimit) ?? null;
  if (writeLimit !== null && write === null) {
    throw new UsageError("--write-limit needs --write FILE: without it there is no recording");
  }
  if (writeLimit !== null && writeLimit.files > 1 && write === STANDARD_OUTPUT) {
    throw new UsageError("--write - has no files to rotate: leave xN of --write-limit out");
  }
  const snapBytes = given(options, "snaplen", (value) => parseCount(value, SNAPLEN)) ?? null;
  if (snapBytes !== null && write === null) {
    throw new UsageError("--snaplen needs --write FILE: without it there is no recording");
  }
  const connection = parseConnectionOptions(options);
  const listening = parseListeningOptions(options, connection.profile);
  const hosts = parseHosts(options.list("ip"), options.list("mac"));
  if (listening.memoryBytes !== null && listening.memoryBytes < hosts.length * LEAST_MEMORY) {
    const text = options.value("memory") ?? "";
    throw badValue({ option: "memory", text }, `${hosts.length}M at least, for as many hosts`);
  }
  const services = parseServices(options);
  const www = options.value("www") ?? null;
  if (www !== null && !services.some(({ app }) => app === http.name)) {
    throw new UsageError("--www needs a port with http: --app http, or --serve 80=http");
  }
  const durationUs = given(options, "duration", (value) => parseDurationUs(value, DURATION));
  return {
    device: options.value("iface") ?? null,
    hosts,
    addresses: hosts.flatMap(({ addresses }) => addresses),
    gateways: given(options, "gateway", parseGateways) ?? [],
    acceptRa: !options.flag("no-ra"),
    services,
    www,
    rstGuard,
    capture,
    readTimeoutMs: readTimeoutMs ?? 1,
    ringMib: given(options, "ring", (value) => parseCount(value, { least: 1, most: 1024, what: "MiB" })) ??
      64,
    checksum: choice("checksum", ["partial", "strict", "ignore"]),
    tx: choice("tx", ["auto", "inject", "batch", "gso"]),
    filter: options.value("filter") ?? null,
    vlan: given(
      options,
      "vlan",
      (value) => parseCount(value, { least: VLAN_ID.LEAST, most: VLAN_ID.MOST }),
    ) ?? null,
    faults: given(options, "fault", parseFaults) ?? null,
    ...logging,
    write,
    writeLimit,
    snapBytes,
    ui: given(options, "ui", parsePageAddress) ?? null,
    ...connection,
    ...listening,
    tcp: { ...connection.tcp, ...listening.tcp },
    once: options.flag("once"),
    durationMs: durationUs === undefined ? null : durationUs / 1000,
    user,
  };
}

/** Local choice: what one of several hosts has to have for a few connections. */
const LEAST_MEMORY = 0x100000;

const DURATION: DurationBounds = { leastUs: 1_000, mostUs: 24 * 3_600_000_000, bareUnit: "s" };

/** Local choice: below, a file would hold little more than the largest frames, and be rotated all the time. */
const WRITE_LIMIT = { least: 0x100000, most: 2 ** 50 };
/** Ethernet's header, and what libpcap takes at most. */
const SNAPLEN = { least: 14, most: 262_144 };
/** Local choice: one rotation renames each of them, which must not be felt. */
const MOST_FILES = 100;

/** `SIZE`, or `SIZExN` for N files in all. */
function parseWriteLimit(value: GivenValue): FileLimit {
  const [, size, count] = /^(.*?)(?:x(\d+))?$/i.exec(value.text) ?? [];
  const bytes = parseSizeBytes({ option: value.option, text: size }, WRITE_LIMIT);
  if (count === undefined) return { bytes, files: 1 };
  const files = Number(count);
  if (files >= 2 && files <= MOST_FILES) return { bytes, files };
  throw badValue(value, `SIZE, or SIZExN with N files in all, from 2 to ${MOST_FILES}`);
}

function parseFaults({ option, text }: GivenValue): FaultSpec {
  try {
    return parseFaultSpec(text);
  } catch (error) {
    throw new UsageError(`--${option} ${error instanceof Error ? error.message : error}`);
  }
}

function parseServices(options: ServeOptions): Service[] {
  const lists = options.list("serve");
  if (lists.length > 0) {
    for (const other of ["port", "app"] as const) {
      if (options.list(other).length > 0) {
        throw new UsageError(
          `--serve and --${other} exclude each other: --serve 5000=echo,5001=discard says both`,
        );
      }
    }
    return distinct(lists.flatMap((text) => text.split(",")).map(parseService), "serve");
  }
  const app = given(options, "app", parseApp) ?? APPLICATIONS[0].name;
  const ports = options.list("port").flatMap((text) => text.split(","));
  if (ports.length === 0) return [{ port: DEFAULT_PORT, app }];
  return distinct(ports.map((text) => ({ port: parsePort({ option: "port", text }), app })), "port");
}

function parseService(text: string): Service {
  const match = /^([^=]*)=([^=]*)$/.exec(text);
  if (match === null) throw badValue({ option: "serve", text }, "PORT=APPLICATION, as in 5000=echo");
  const port = parsePort({ option: "serve", text: match[1] });
  return { port, app: parseApp({ option: "serve", text: match[2] }) };
}

function parseApp(value: GivenValue): string {
  return parseChoice(value, OFFERED_APPLICATIONS.map(({ name }) => name));
}

function distinct(services: Service[], option: string): Service[] {
  const seen = new Set<number>();
  for (const { port } of services) {
    if (seen.has(port)) throw badValue({ option, text: String(port) }, "each port once");
    seen.add(port);
  }
  return services;
}
