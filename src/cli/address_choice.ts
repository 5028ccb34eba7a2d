/**
 * Which addresses the server answers for, and whether it may.
 *
 * Owns: the judgement on each address of `--ip` (the kernel's own, outside the subnet, somebody else's on the
 * segment) and the proposal where none was given. Must not know: how frames are carried.
 */
import type { InterfaceAddress, InterfaceInfo } from "../../ffi/interfaces.ts";
import type { HostApi } from "../host/api.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import {
  formatIpAddress,
  formatMac,
  inPrefix,
  type IpAddress,
  isDirectedBroadcast,
  type MacAddress,
  sameAddress,
} from "../wire/address.ts";
import { CliError } from "./command.ts";
import { addressTexts } from "./device.ts";
import type { AddressRequest } from "./serve_options.ts";
import { candidateAddresses, isNetworkAddress } from "./subnet.ts";

/** An address that the server will answer for. */
export interface ServedAddress {
  readonly address: IpAddress;
  readonly text: string;
  readonly prefixLength: number;
  /** True when the kernel owns it too, so that the guard is needed. */
  readonly kernelOwned: boolean;
}

/** Where addresses are looked at: the device to serve on, and all devices of the machine. */
export interface AddressScene {
  readonly device: InterfaceInfo;
  readonly devices: readonly InterfaceInfo[];
  readonly rstGuard: "off" | "nft";
}

/** Local choice for a device without an address and an --ip without /LEN: the size of most lab networks. */
const DEFAULT_PREFIX_LENGTH = 24;
/**
 * Local choice: three probes 10 ms apart, and 10 ms more for the answer to the last. RFC 5227 §2.1.1 waits seconds, for
 * hosts that configure themselves unattended; a person waits here, a neighbor on a wire answers well within 10 ms
 * (the first probe has 30), and whoever answers later is still heard: the host goes on probing while it serves
 * (address_claims.ts).
 */
const PROBE_COUNT = 3;
const PROBE_INTERVAL_US = 10_000;
/** Frames taken at once; local choice: more than answer in one interval. */
const BUDGET_FRAMES = 64;
/** Addresses probed at once for a proposal; local choice: more than are likely to be taken next to each other. */
const CANDIDATES = 8;

/** Judges the addresses of `--ip` by what the machine knows. Throws {@link CliError}: one line with the remedy. */
export function judgeAddresses(requests: readonly AddressRequest[], scene: AddressScene): ServedAddress[] {
  return requests.map((request, position) => {
    if (requests.findIndex((other) => sameAddress(other.address, request.address)) < position) {
      throw new CliError(`--ip names ${request.text} twice: leave one out`);
    }
    const owner = kernelOwner(request.address, scene.devices);
    if (owner !== null) checkOwned(request, owner, scene);
    return {
      address: request.address,
      text: request.text,
      prefixLength: prefixLengthFor(request, scene.device),
      kernelOwned: owner !== null,
    };
  });
}

/** The device to which the kernel has given the address, or null. */
export function kernelOwner(address: IpAddress, devices: readonly InterfaceInfo[]): InterfaceInfo | null {
  return devices.find((device) => device.addresses.some((own) => sameAddress(own.address, address))) ?? null;
}

function checkOwned(request: AddressRequest, owner: InterfaceInfo, scene: AddressScene): void {
  if (owner.name !== scene.device.name) {
    throw new CliError(
      `${request.text} is the kernel's own address, on ${owner.name}: serve on that device, or choose an address that nobody has`,
    );
  }
  if (scene.rstGuard === "nft") return;
  throw new CliError(
    `${request.text} is the kernel's own address on ${owner.name}, and the kernel would reset every connection: ` +
      "choose an address that nobody has (leave --ip out to have one proposed), or add --rst-guard nft",
  );
}

/** The prefix given with the address, else that of the device's subnet that it is in. */
function prefixLengthFor(request: AddressRequest, device: InterfaceInfo): number {
  const subnets = ipv4Subnets(device);
  const subnet = subnets.find((own) => inPrefix(request.address, own.address, own.prefixLength));
  if (subnet !== undefined) {
    const { address, prefixLength } = subnet;
    const special = isDirectedBroadcast(request.address, address, prefixLength)
      ? "the broadcast address"
      : isNetworkAddress(request.address, prefixLength)
      ? "the address"
      : null;
    if (special !== null) {
      throw new CliError(
        `${request.text} is ${special} of the subnet on ${device.name}: choose the address of a host in it`,
      );
    }
  }
  if (request.prefixLength !== null) return request.prefixLength;
  if (subnet !== undefined) return subnet.prefixLength;
  if (subnets.length === 0) return DEFAULT_PREFIX_LENGTH;
  const ours = addressTexts(device).filter((text) => !text.includes(":")).join(", ");
  throw new CliError(
    `${request.text} is outside the subnet of ${device.name} (${ours}), where no host there would look for it: ` +
      `choose one inside, or say how large its own subnet is (--ip ${request.text}/${DEFAULT_PREFIX_LENGTH})`,
  );
}

function ipv4Subnets(device: InterfaceInfo): InterfaceAddress[] {
  return device.addresses.filter((own) => own.address.length === 4);
}

/** What it takes to ask the segment who has an address. */
export interface ProbeParts {
  readonly link: FrameLink;
  /** A host without addresses on the link: it asks, and answers nothing. */
  readonly host: Pick<HostApi, "ingest" | "setNow" | "probe">;
  readonly clock: Clock;
}

/**
 * Asks the segment by ARP (RFC 5227 §2.1.1) who has these addresses; gives the owners found, by address text. Waits
 * for three probes' time, less when every address has turned out to be taken. The link stays open.
 *
 * It takes the frames itself, so that the pump, which is the hot path, meets one kind of link and host in a process.
 */
export async function findOwners(
  parts: ProbeParts,
  addresses: readonly IpAddress[],
): Promise<Map<string, MacAddress>> {
  const { clock, host, link } = parts;
  const owners = new Map<string, MacAddress>();
  const take = (frame: Uint8Array, length: number) => host.ingest(frame, length, clock.nowUs());
  const stops: (() => void)[] = [];
  const beganUs = clock.nowUs();
  for (let round = 1; round <= PROBE_COUNT && owners.size < addresses.length; round++) {
    while (stops.length > 0) stops.pop()?.();
    host.setNow(clock.nowUs());
    for (const address of addresses) {
      const found = (mac: MacAddress) => owners.set(formatIpAddress(address), mac.slice());
      stops.push(host.probe(address, found));
    }
    link.flush();
    let isOver = false;
    // Measured from the beginning, so that late timers do not add up.
    const cancel = clock.after(beganUs + round * PROBE_INTERVAL_US - clock.nowUs(), () => {
      isOver = true;
      link.wake();
    });
    while (!isOver && owners.size < addresses.length) {
      await link.wait(Infinity);
      link.receive(take, BUDGET_FRAMES);
    }
    cancel();
  }
  for (const stop of stops) stop();
  return owners;
}

/** Throws {@link CliError} when a host of the segment has one of the addresses. Those of the kernel are not asked for. */
export async function checkUnused(parts: ProbeParts, addresses: readonly ServedAddress[]): Promise<void> {
  const asked = addresses.filter((address) => !address.kernelOwned);
  if (asked.length === 0) return;
  const owners = await findOwners(parts, asked.map((served) => served.address));
  for (const { text } of asked) {
    const mac = owners.get(text);
    if (mac === undefined) continue;
    throw new CliError(
      `${text} is in use on ${parts.link.name}, by ${
        formatMac(mac)
      }: choose another (leave --ip out to have a free one proposed)`,
    );
  }
}

/** Addresses of the device's subnet that could be proposed, likeliest first; empty when the device has no subnet. */
export function proposals(device: InterfaceInfo, devices: readonly InterfaceInfo[]): IpAddress[] {
  const [subnet] = ipv4Subnets(device);
  if (subnet === undefined) return [];
  const taken = devices.flatMap(ipv4Subnets).map((own) => own.address);
  return candidateAddresses(subnet, { count: CANDIDATES, taken });
}

/** The first of the proposals that nobody on the segment answers for; null when all are taken. */
export async function findFree(
  parts: ProbeParts,
  candidates: readonly IpAddress[],
): Promise<IpAddress | null> {
  const owners = await findOwners(parts, candidates);
  return candidates.find((candidate) => !owners.has(formatIpAddress(candidate))) ?? null;
}
