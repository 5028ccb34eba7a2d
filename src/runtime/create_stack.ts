/**
 * createStack: from a link and addresses as text to a running stack.
 *
 * Owns: what a host is given from outside (time, secret, addresses). Must not know: how the link was opened.
 */
import { Host, type HostOptions } from "../host/host.ts";
import type { FrameLink } from "../link/link.ts";
import { parseIpAddress, parsePrefix } from "../wire/address.ts";
import { type Clock, systemClock } from "./clock.ts";
import { randomSecret } from "./secret.ts";
import { Stack, type StackParts } from "./stack.ts";

/** What the caller may set about the host itself. */
export type HostSettings = Omit<
  HostOptions,
  "link" | "addresses" | "secret" | "epochUs" | "nowUs" | "gateway"
>;

/** What a host of our own is made from. */
export interface CreateHostOptions extends HostSettings {
  readonly link: FrameLink;
  /** One or more addresses, each with the length of its network's prefix: `10.0.0.1/24`, `fd00::1/64`. */
  readonly addresses: string | readonly string[];
  /** The router to everything that is not on the link. */
  readonly gateway?: string;
  /** The system's clock when absent. */
  readonly clock?: Clock;
  /** 16 bytes; random ones when absent. Fixed ones make a run repeatable. */
  readonly secret?: Uint8Array;
}

/** What a stack is made from. */
export interface CreateStackOptions extends CreateHostOptions, Omit<StackParts, "link" | "host" | "clock"> {
  /** Tells the segment of the addresses at the start (true). */
  readonly announce?: boolean;
}

/** Prefix lengths where the text has none; local choice: the usual size of a lab's network. */
const DEFAULT_PREFIX_V4 = 24;
const DEFAULT_PREFIX_V6 = 64;
const IPV4_BYTES = 4;

/** Makes a host that is driven by hand: with `ingest` and `tick`, or in a VirtualNetwork. Throws TypeError for a bad address. */
export function createHost(options: CreateHostOptions): Host {
  const { addresses, gateway, clock = systemClock(), secret = randomSecret(), ...settings } = options;
  const texts = typeof addresses === "string" ? [addresses] : addresses;
  return new Host({
    ...settings,
    secret,
    addresses: texts.map(parseHostAddress),
    ...(gateway === undefined ? {} : { gateway: parseGateway(gateway) }),
    epochUs: clock.epochUs,
    nowUs: clock.nowUs(),
  });
}

/**
 * Makes a host and sets it to work on its link, which belongs to the stack from now on. A VirtualClock makes no spins.
 * Throws TypeError for a bad address.
 */
export function createStack(options: CreateStackOptions): Stack {
  const { announce = true, spinUs, onIdle, onBatch, ...hostOptions } = options;
  const clock = options.clock ?? systemClock();
  const host = createHost({ ...hostOptions, clock });
  const stack = new Stack({
    link: options.link,
    host,
    clock,
    ...(spinUs === undefined ? {} : { spinUs }),
    ...(onIdle === undefined ? {} : { onIdle }),
    ...(onBatch === undefined ? {} : { onBatch }),
  });
  if (announce) {
    stack.pump.enter();
    host.announce();
    stack.pump.leave();
  }
  return stack;
}

function parseHostAddress(text: string): { address: Uint8Array; prefixLength: number } {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    throw new TypeError(`"${text}" is not an address of a host: expected one as 10.0.0.1/24`);
  }
  const { address, prefixLength } = prefix;
  const usual = address.length === IPV4_BYTES ? DEFAULT_PREFIX_V4 : DEFAULT_PREFIX_V6;
  return { address, prefixLength: prefixLength ?? usual };
}

function parseGateway(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === null) {
    throw new TypeError(`"${text}" is not the address of a gateway: expected one as 10.0.0.1`);
  }
  return address;
}
