/**
 * createStack: from a link and addresses as text to a running stack.
 *
 * Owns: what a host is given from outside (time, secret, addresses). Must not know: how the link was opened.
 */
import type { Host, HostOptions } from "../host/host.ts";
import { type FaultSpec, parseFaultSpec } from "../link/fault_spec.ts";
import type { FrameLink } from "../link/link.ts";
import type { Profile, ProfileName } from "../tcp/profile.ts";
import { PROFILE_NAMES, profileNamed } from "../tcp/profiles.ts";
import { formatIpAddress, isDirectedBroadcast, parseIpAddress, parsePrefix } from "../wire/address.ts";
import { whyNoHostAddress } from "../wire/host_address.ts";
import { type Clock, systemClock } from "./clock.ts";
import { seededSecret } from "./secret.ts";
import { hostOn, Session, type SessionHost } from "./session.ts";
import type { Stack, StackParts } from "./stack.ts";

/** What the caller may set about the host itself. */
export type HostSettings = Omit<
  HostOptions,
  "link" | "addresses" | "secret" | "epochUs" | "nowUs" | "gateways" | "numbers" | "profile"
>;

/** What a host of our own is made from. */
export interface CreateHostOptions extends HostSettings {
  /** What carries its frames. */
  readonly link: FrameLink;
  /**
   * One or more addresses of either family, each with the length of its network's prefix: `10.0.0.1/24`, `fd00::1/64` (24
   * and 64 when it is left out).
   */
  readonly addresses: string | readonly string[];
  /** Whose habits it has where the RFCs leave freedom (`rfc`); `tcp` and `ttl` come before it. */
  readonly profile?: ProfileName | Profile;
  /** The router to everything that is not on the link; an array of two where there is one for each family. */
  readonly gateway?: string | readonly string[];
  /** The system's clock when absent. */
  readonly clock?: Clock;
  /** 16 bytes; random ones when absent. Fixed ones make a run repeatable: initial sequence numbers, ports and hashes hang on it. */
  readonly secret?: Uint8Array;
  /** Any whole number, of which the lower 32 bits count, in place of `secret`: one that hangs on it alone. For tests; a stranger can guess it. */
  readonly seed?: number;
}

/** What a stack is made from. */
export interface CreateStackOptions extends CreateHostOptions, Omit<StackParts, "link" | "host" | "clock"> {
  /** Tells the segment of the addresses at the start (true). */
  readonly announce?: boolean;
  /**
   * Disturbs frames on purpose, as `--fault` does: `drop=1%,dup=1%,reorder=2%,corrupt=0.5%,delay=10ms,jitter=5ms`,
   * `rate=10mbit`, `seed=7`, with `in:` or `out:` before a word that is for one direction. Each frame that it touches is an
   * event `fault` for whoever observes.
   */
  readonly faults?: string;
}

/** Prefix lengths where the text has none; local choice: the usual size of a lab's network. */
const DEFAULT_PREFIX_V4 = 24;
const DEFAULT_PREFIX_V6 = 64;
const IPV4_BYTES = 4;

/**
 * Makes a host that is driven by hand: with `ingest` and `tick`, or in a {@link VirtualNetwork}. Throws TypeError for an address that
 * no host can have.
 *
 * ```ts
 * import { createHost, memoryPair, VirtualClock } from "@tcplab/tcplab";
 *
 * const [link, wire] = memoryPair();
 * const clock = new VirtualClock();
 * const host = createHost({ link, addresses: "10.0.0.1/24", clock, seed: 1 });
 * host.connect({ address: Uint8Array.of(10, 0, 0, 2), port: 80, handler: {} });
 * const framesSent = () => wire.waitingFrames;
 * // It asks for the hardware address of its peer, and a second later again.
 * if (framesSent() !== 1) throw new Error(`${framesSent()} frames`);
 * clock.advanceTo(host.nextDeadlineUs());
 * host.tick(clock.nowUs());
 * if (framesSent() !== 2) throw new Error(`${framesSent()} frames`);
 * ```
 */
export function createHost(options: CreateHostOptions): Host {
  return hostOn(options.link, { settings: hostSettings(options), clock: options.clock ?? systemClock() });
}

/**
 * Makes a host and sets it to work on its link, which belongs to the stack from now on. Throws TypeError for a bad address or
 * bad faults.
 *
 * ```ts
 * import { createStack, memoryPair } from "@tcplab/tcplab";
 *
 * const [near, far] = memoryPair();
 * await using server = createStack({ link: near, addresses: ["10.0.0.1/24", "fd00::1/64"], faults: "drop=1%,seed=7" });
 * await using client = createStack({ link: far, addresses: ["10.0.0.2/24", "fd00::2/64"], tcp: { noDelay: true } });
 * server.observe((event) => event.event === "transition" && console.log(event.from, event.to, event.rfc));
 * using listener = server.listen({ port: 7 });
 * const accepting = listener.accept();
 * using connection = await client.connect({ hostname: "fd00::1", port: 7 });
 * console.log(connection.info().rtoUs, (await accepting).state);
 * ```
 */
export function createStack(options: CreateStackOptions): Stack {
  const { link, announce = true, start = true, faults, spinUs, frameOrders, onIdle, onBatch, ...rest } =
    options;
  const { holdsProcess = false, ...host } = rest;
  const session = new Session({
    link,
    clock: options.clock ?? systemClock(),
    host: hostSettings(host),
    holdsProcess,
    ...(faults === undefined ? {} : { faults: parseFaults(faults) }),
    ...(spinUs === undefined ? {} : { spinUs }),
    ...(frameOrders === undefined ? {} : { frameOrders }),
    ...(onIdle === undefined ? {} : { onIdle }),
    ...(onBatch === undefined ? {} : { onBatch }),
  });
  if (start) session.start();
  const { stack } = session;
  if (announce) {
    stack.pump.enter();
    session.host.announce();
    stack.pump.leave();
  }
  return stack;
}

function hostSettings(options: Omit<CreateHostOptions, "link">): SessionHost {
  const { addresses, gateway, clock: _clock, profile, seed, ...settings } = options;
  const texts = typeof addresses === "string" ? [addresses] : addresses;
  if (texts.length === 0) throw new TypeError("addresses is empty: expected one at least, as 10.0.0.1/24");
  if (seed !== undefined && settings.secret !== undefined) {
    throw new TypeError(
      "Both seed and secret are given: the secret is all that a seed is for, give one of them",
    );
  }
  return {
    ...settings,
    ...(seed === undefined ? {} : { secret: seededSecret(seed) }),
    addresses: texts.map(parseHostAddress),
    ...(profile === undefined ? {} : { profile: profileOf(profile) }),
    ...(gateway === undefined ? {} : { gateways: parseGateways(gateway) }),
  };
}

function profileOf(profile: ProfileName | Profile): Profile {
  if (typeof profile !== "string") return profile;
  const known = profileNamed(profile);
  if (known !== null) return known;
  throw new TypeError(`"${profile}" is not a profile: expected one of ${PROFILE_NAMES.join(", ")}`);
}

function parseHostAddress(text: string): { address: Uint8Array; prefixLength: number } {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    throw new TypeError(`"${text}" is not an address of a host: expected one as 10.0.0.1/24 or fd00::1/64`);
  }
  const { address, prefixLength } = prefix;
  const usual = address.length === IPV4_BYTES ? DEFAULT_PREFIX_V4 : DEFAULT_PREFIX_V6;
  const length = prefixLength ?? usual;
  const why = isDirectedBroadcast(address, address, length)
    ? "the broadcast address of its network"
    : whyNoHostAddress(address);
  if (why !== null) throw new TypeError(`"${text}" cannot be the address of a host: it is ${why}`);
  return { address, prefixLength: length };
}

function parseFaults(text: string): FaultSpec {
  try {
    return parseFaultSpec(text);
  } catch (error) {
    throw new TypeError(`faults ${error instanceof Error ? error.message : error}`);
  }
}

function parseGateways(texts: string | readonly string[]): Uint8Array[] {
  const gateways = (typeof texts === "string" ? [texts] : texts).map((text) => {
    const address = parseIpAddress(text);
    if (address === null) {
      throw new TypeError(`"${text}" is not the address of a gateway: expected one as 10.0.0.1 or fe80::1`);
    }
    return address;
  });
  const twice = gateways.findIndex(({ length }, position) =>
    gateways.findIndex((other) => other.length === length) < position
  );
  if (twice < 0) return gateways;
  throw new TypeError(
    `"${formatIpAddress(gateways[twice])}" is a second gateway of its family: expected one of each at most`,
  );
}
