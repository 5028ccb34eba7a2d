/**
 * RunConfig: what the options at the head of a script, and those of whoever runs it, come to.
 *
 * Owns: the options of both dialects, their defaults (packetdrill's), and which of them are not there. Must not know: how a script is
 * played.
 */
import type { HostAddress } from "../host/own_addresses.ts";
import type { PinnedNumbers } from "../tcp/initial_sequence.ts";
import type { Profile } from "../tcp/profile.ts";
import { PROFILE_NAMES, profileNamed } from "../tcp/profiles.ts";
import {
  formatIpAddress,
  inPrefix,
  type IpAddress,
  parseIpAddress,
  parsePrefix,
  sameAddress,
} from "../wire/address.ts";
import type { IpVersion, ScriptEnds } from "./kernel.ts";
import { meantText } from "./misspelt.ts";
import type { Place, Script, ScriptOption } from "./values.ts";
import { type RunProblem, scriptProblem, unsupportedProblem } from "./verdict.ts";

/** What whoever runs a script says beside it; it goes before what the script says. */
export interface RunWishes {
  /** Plays the script with this version. */
  readonly ipVersion?: IpVersion;
  /** Options as at the head of a script, which go before its own: `mtu`, `9000`. */
  readonly options?: ReadonlyMap<string, string>;
  /** The host's address on a wire that is there, with the length of its prefix. */
  readonly localAddress?: HostAddress;
  /** `-D NAME`: names for `#ifdef`. */
  readonly defined?: ReadonlySet<string>;
  /** More is compared, and nothing is let pass (docs/run.md). */
  readonly strict?: boolean;
}

/** See the file's comment. */
export interface RunConfig {
  readonly ends: ScriptEnds;
  readonly prefixLength: number;
  readonly routerAddress: IpAddress;
  readonly mtu: number;
  readonly pinned: PinnedNumbers;
  /** How far an event may be off its time: the larger of the two, the second of the time since the step before. */
  readonly toleranceUs: number;
  readonly tolerancePercent: number;
  /** Microseconds of a tick of the timestamps, where their values are to be compared; 0: they are not. */
  readonly timestampTickUs: number;
  /** Each segment is one step: none are put together. */
  readonly strictSegments: boolean;
  /** A step of this kind that does not agree is told, and the script goes on. */
  readonly nonFatal: { readonly packet: boolean; readonly call: boolean };
  /** TCP goes in UDP, from and to these ports (`--udp_encapsulation=tcp`). */
  readonly udpEncapsulation: boolean;
  /** For `#ifdef`. */
  readonly defined: ReadonlySet<string>;
  readonly strict: boolean;
}

const DEFAULTS = {
  ipv4: { local: "192.168.0.1", prefixLength: 16, router: "192.168.0.2", remote: "192.0.2.1" },
  ipv6: {
    local: "fd3d:fa7b:d17d::1",
    prefixLength: 48,
    router: "fd3d:fa7b:d17d::2",
    remote: "2001:db8::1",
  },
  PORT: 8080,
  MTU: 1500,
  TOLERANCE_US: 4000,
  /** On a wire, where the scheduler and the garbage collector of a busy machine count. Local choice. */
  LIVE_TOLERANCE_US: 20_000,
  /** Of the time since the step before, as google/packetdrill has it for the coarse timers of kernels. */
  TOLERANCE_PERCENT: 12.5,
} as const;

/** What an IPv6 header has more than one of IPv4: an MTU larger by so much leaves the segments of a script as large as they are written. */
const IPV6_EXTRA_BYTES = 20;
/** The last of the 256 addresses that differ in an octet is the broadcast address of such a network. */
const LAST_HOST = 254;
const LEAST_MTU = 68;
const MOST_MTU = 0xffff;

/** Those that mean something. */
export const HEAD_OPTIONS = [
  "ip_version",
  "local_ip",
  "remote_ip",
  "gateway_ip",
  "netmask_ip",
  "bind_port",
  "connect_port",
  "mtu",
  "mss",
  "initial_sequence",
  "timestamp_offset",
  "tolerance_usecs",
  "tcp_ts_tick_usecs",
  "tolerance_percent",
  "strict_segments",
  "tcp_ts_ecr_scaled",
  "non_fatal",
  "udp_encapsulation",
  "profile",
  "define",
] as const;

/** Options that say how the original finds its way around a machine; there is none here. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  "send_omit_free",
  "code_command",
  "code_format",
  "code_sockopt",
  "speed",
  "verbose",
  "v",
  "debug",
  "dry_run",
  "tun_dev",
  "persistent_tun_dev",
  "no_cleanup",
  "local_linklocal_ip",
  "gateway_linklocal_ip",
]);

/** Of an option that is not the script's. */
const NO_PLACE: Place = { line: 0, column: 0 };

/** What {@link runConfig} gives: the configuration, or why there is none. */
export type RunConfigResult = { readonly config: RunConfig } | { readonly problem: RunProblem };

/** Reads the options. */
export function runConfig(script: Script, wishes: RunWishes): RunConfigResult {
  const reader = new OptionReader();
  for (const option of script.options) {
    const problem = reader.read(option);
    if (problem !== null) return { problem };
  }
  for (const [name, value] of wishes.options ?? []) {
    const problem = reader.read({ place: NO_PLACE, name, value: value === "" ? null : value });
    if (problem !== null) return { problem };
  }
  return reader.finish(wishes);
}

/**
 * The profile that a script asks for (`--profile=rfc` at its head, an option of ours); null where it asks for none, or for one that is
 * not there, which {@link runConfig} then says. Whoever runs a script hands one to the run, and may choose another.
 */
export function profileAskedFor({ options }: Script): Profile | null {
  const asked = options.findLast(({ name }) => name === "profile");
  return asked === undefined ? null : profileNamed(unquoted(asked.value));
}

class OptionReader {
  #ipVersion: IpVersion | null = null;
  readonly #numbers = new Map<string, number>();
  readonly #addresses = new Map<string, { readonly text: string; readonly option: ScriptOption }>();
  readonly #flags = new Set<string>();
  readonly #nonFatal = new Set<string>();
  readonly #defined = new Set<string>();

  read(option: ScriptOption): RunProblem | null {
    const { name, place } = option;
    const value = unquoted(option.value);
    switch (name) {
      case "ip_version":
        return this.#readIpVersion(value, option);
      case "local_ip":
      case "remote_ip":
      case "gateway_ip":
      case "netmask_ip":
        this.#addresses.set(name, { text: value, option });
        return null;
      case "bind_port":
      case "connect_port":
        return this.#readNumber(option, { value, least: 1, most: 0xffff });
      case "mtu":
        return this.#readNumber(option, { value, least: LEAST_MTU, most: MOST_MTU });
      case "mss":
        // Where it stands, the original cuts what it gives into such segments; each step here is one packet as it is written.
        return this.#readNumber(option, { value, least: 1, most: 0xffff });
      case "initial_sequence":
      case "timestamp_offset":
        return this.#readNumber(option, { value, least: 0, most: 0xffffffff });
      case "tolerance_usecs":
      case "tcp_ts_tick_usecs":
        return this.#readNumber(option, { value, least: 0, most: 0x7fffffff });
      case "tolerance_percent":
        return this.#readNumber(option, { value, least: 0, most: 1000 });
      case "strict_segments":
      case "tcp_ts_ecr_scaled":
        this.#flags.add(name);
        return null;
      case "non_fatal":
        for (const kind of value.split(",")) this.#nonFatal.add(kind.trim());
        return null;
      case "udp_encapsulation":
        if (value !== "tcp") return unsupportedProblem(`--udp_encapsulation=${value}`, place);
        this.#flags.add(name);
        return null;
      case "profile":
        if (profileNamed(value) !== null) return null;
        return scriptProblem(place, {
          expected: `${PROFILE_NAMES.join(", ")} behind --profile=`,
          found: value,
        });
      case "define":
        this.#defined.add(value.split("=", 1)[0]);
        return null;
      default:
        if (WITHOUT_MEANING.has(name)) return null;
        return unsupportedProblem(`--${name}${meantText(name, HEAD_OPTIONS)}`, place);
    }
  }

  #pinned(): PinnedNumbers {
    const initialSequence = this.#numbers.get("initial_sequence");
    const timestampOffset = this.#numbers.get("timestamp_offset");
    return {
      ...(initialSequence === undefined ? {} : { initialSequence }),
      ...(timestampOffset === undefined ? {} : { timestampOffset }),
    };
  }

  finish(wishes: RunWishes): RunConfigResult {
    const { localAddress } = wishes;
    const version = wishes.ipVersion ?? this.#versionFor(localAddress);
    const defaults = version === "ipv6" ? DEFAULTS.ipv6 : DEFAULTS.ipv4;
    const local = localAddress ?? this.#address("local_ip", defaults.local, version);
    const remote = this.#address("remote_ip", defaults.remote, version);
    const router = this.#address("gateway_ip", defaults.router, version);
    if ("problem" in local) return local;
    if ("problem" in remote) return remote;
    if ("problem" in router) return router;
    if (sameAddress(local.address, remote.address)) {
      const { place } = (this.#addresses.get("local_ip") ?? this.#addresses.get("remote_ip"))?.option ??
        { place: NO_PLACE };
      const address = formatIpAddress(local.address);
      return {
        problem: scriptProblem(place, {
          expected: "two addresses, one for each end (--remote_ip= gives the peer another)",
          found: `${address} for both`,
        }),
      };
    }
    // The originals may have one address for both, on a device of theirs; here the router is a host of its own.
    const isTaken = (address: IpAddress) =>
      sameAddress(address, local.address) || sameAddress(address, remote.address);
    const isElsewhere = localAddress !== undefined &&
      !inPrefix(router.address, localAddress.address, localAddress.prefixLength);
    const routerAddress = isElsewhere || isTaken(router.address)
      ? freeAddress(local.address, isTaken)
      : router.address;
    const isOtherThanMeant = version === "ipv6" && wishes.ipVersion !== undefined &&
      this.#ipVersion !== "ipv6";
    const usualMtu = DEFAULTS.MTU + (isOtherThanMeant ? IPV6_EXTRA_BYTES : 0);
    const config: RunConfig = {
      ends: {
        ipVersion: version,
        localAddress: local.address,
        bindPort: this.#numbers.get("bind_port") ?? DEFAULTS.PORT,
        remoteAddress: remote.address,
        connectPort: this.#numbers.get("connect_port") ?? DEFAULTS.PORT,
      },
      prefixLength: localAddress?.prefixLength ?? defaults.prefixLength,
      routerAddress,
      mtu: this.#numbers.get("mtu") ?? usualMtu,
      pinned: this.#pinned(),
      toleranceUs: this.#toleranceUs(localAddress !== undefined),
      tolerancePercent: this.#numbers.get("tolerance_percent") ??
        (wishes.strict === true ? 0 : DEFAULTS.TOLERANCE_PERCENT),
      timestampTickUs: this.#numbers.get("tcp_ts_tick_usecs") ?? 0,
      strictSegments: this.#flags.has("strict_segments") || wishes.strict === true,
      nonFatal: { packet: this.#nonFatal.has("packet"), call: this.#nonFatal.has("syscall") },
      udpEncapsulation: this.#flags.has("udp_encapsulation"),
      defined: new Set([...this.#defined, ...(wishes.defined ?? [])]),
      strict: wishes.strict ?? false,
    };
    return { config };
  }

  /** The script's own, but on a wire not less than is possible there. */
  #toleranceUs(isOnWire: boolean): number {
    const said = this.#numbers.get("tolerance_usecs") ?? DEFAULTS.TOLERANCE_US;
    return isOnWire ? Math.max(said, DEFAULTS.LIVE_TOLERANCE_US) : said;
  }

  /** What the script says, where the address that the host has on a wire is of that version; else the address's. */
  #versionFor(localAddress: HostAddress | undefined): IpVersion {
    const said = this.#ipVersion ?? "ipv4";
    if (localAddress === undefined) return said;
    const isIpv6 = localAddress.address.length !== 4;
    return isIpv6 === (said === "ipv6") ? said : isIpv6 ? "ipv6" : "ipv4";
  }

  #readIpVersion(value: string, option: ScriptOption): RunProblem | null {
    if (value !== "ipv4" && value !== "ipv6" && value !== "ipv4-mapped-ipv6") {
      return scriptProblem(option.place, {
        expected: "ipv4, ipv6 or ipv4-mapped-ipv6 behind --ip_version=",
        found: value,
      });
    }
    this.#ipVersion = value;
    return null;
  }

  #readNumber(
    option: ScriptOption,
    about: { readonly value: string; readonly least: number; readonly most: number },
  ): RunProblem | null {
    const { value, least, most } = about;
    const number = value === "" ? NaN : Number(value);
    if (!(number >= least && number <= most)) {
      return scriptProblem(option.place, {
        expected: `a number from ${least} to ${most} behind --${option.name}=`,
        found: value,
      });
    }
    this.#numbers.set(option.name, number);
    return null;
  }

  #address(
    name: string,
    usual: string,
    version: IpVersion,
  ): { readonly address: IpAddress } | { readonly problem: RunProblem } {
    const given = this.#addresses.get(name);
    const text = given?.text ?? usual;
    // The remote one may have a prefix, of addresses that are all the script's.
    const address = text.includes("/") ? parsePrefix(text)?.address ?? null : parseIpAddress(text);
    const bytes = version === "ipv6" ? 16 : 4;
    if (address !== null && address.length === bytes) return { address };
    // An address of the other version counts for nothing where the script is played with this one.
    const isWhole = address !== null && given !== undefined && version !== (this.#ipVersion ?? "ipv4");
    const instead = isWhole ? parseIpAddress(usual) : null;
    if (instead !== null) return { address: instead };
    return {
      problem: scriptProblem(given?.option.place ?? NO_PLACE, {
        expected: `an ${version === "ipv6" ? "IPv6" : "IPv4"} address behind --${name}=`,
        found: text,
      }),
    };
  }
}

function unquoted(value: string | null): string {
  if (value === null) return "";
  return /^".*"$/.test(value) ? value.slice(1, -1) : value;
}

/** The next address behind `address`, of its last octet, that nobody has. */
function freeAddress(address: IpAddress, isTaken: (address: IpAddress) => boolean): IpAddress {
  const next = address.slice();
  const last = next.length - 1;
  do next[last] = next[last] % LAST_HOST + 1; while (isTaken(next));
  return next;
}
