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
import { type AddressRequest, isLinkLocal, subnetsOwn } from "./address_request.ts";
import { candidateAddresses, candidateIpv6Addresses, isNetworkAddress } from "./subnet.ts";

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

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** Local choice for a device without an address and an --ip without /LEN: the size of most lab networks. */
const DEFAULT_PREFIX_LENGTH = 24;
/** The same for IPv6: what is before an interface identifier (RFC 4291 §2.5.1, §2.5.6). */
const DEFAULT_IPV6_PREFIX_LENGTH = 64;
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
  return requests.map((request) => {
    checkZone(request, scene.device);
    checkMtu(request, scene.device);
    const owner = kernelOwner(request.address, scene);
    if (owner !== null) checkOwned(request, owner, scene);
    return {
      address: request.address,
      text: request.text,
      prefixLength: prefixLengthFor(request, scene.device),
      kernelOwned: owner !== null,
    };
  });
}

/** The link of a link-local address is the device that is served on: another was not meant, or the device was not. */
function checkZone({ text, zone }: AddressRequest, { name }: InterfaceInfo): void {
  if (zone === null || zone === name) return;
  throw new CliError(
    `--ip ${text}%${zone}: the address is for the link of ${zone}, and the device is ${name}: write ${text}, or --iface ${zone}`,
  );
}

/** What every link of IPv6 has to carry (RFC 8200 §5). */
export const LEAST_IPV6_MTU = 1280;

function checkMtu({ address, text }: AddressRequest, { name, mtu }: InterfaceInfo): void {
  if (address.length === IPV4_BYTES || mtu === null || mtu >= LEAST_IPV6_MTU) return;
  throw new CliError(
    `--ip ${text}: ${name} carries packets of ${mtu} bytes, and IPv6 needs ${LEAST_IPV6_MTU} (RFC 8200 §5): ` +
      `sudo ip link set ${name} mtu ${LEAST_IPV6_MTU}, or leave it out`,
  );
}

/** The device to which the kernel has given the address, or null. A link-local address is looked for on its own link alone. */
export function kernelOwner(
  address: IpAddress,
  { device, devices }: Pick<AddressScene, "device" | "devices">,
): InterfaceInfo | null {
  const has = ({ addresses }: InterfaceInfo) => addresses.some((own) => sameAddress(own.address, address));
  if (isLinkLocal(address)) return has(device) ? device : null;
  return has(device) ? device : devices.find(has) ?? null;
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
  const { address, text } = request;
  const subnets = subnetsOf(device, address.length);
  const subnet = subnets.find((own) => inPrefix(address, own.address, own.prefixLength));
  if (subnet !== undefined) {
    const special = isDirectedBroadcast(address, subnet.address, subnet.prefixLength)
      ? "the broadcast address"
      : isNetworkAddress(address, subnet.prefixLength)
      ? address.length === IPV4_BYTES ? "the address" : "the routers' anycast address"
      : null;
    if (special !== null) {
      throw new CliError(
        `${text} is ${special} of the subnet on ${device.name}: choose the address of a host in it`,
      );
    }
  }
  if (request.prefixLength !== null) return request.prefixLength;
  if (subnet !== undefined) return subnet.prefixLength;
  const usual = address.length === IPV4_BYTES ? DEFAULT_PREFIX_LENGTH : DEFAULT_IPV6_PREFIX_LENGTH;
  // Every IPv6 link has fe80::/64, whatever else it has.
  if (subnets.length === 0 || isLinkLocal(address)) {
    if (!isNetworkAddress(address, usual)) return usual;
    throw new CliError(`--ip ${text}: expected the address of a host, and this is ${subnetsOwn(address)}`);
  }
  const ours = addressTexts({ addresses: subnets }).join(", ");
  throw new CliError(
    `${text} is outside the subnet of ${device.name} (${ours}), where no host there would look for it: ` +
      `choose one inside, or say how large its own subnet is (--ip ${text}/${usual})`,
  );
}

/** The device's subnets of the family; what is link-local is none. */
function subnetsOf(device: InterfaceInfo, addressBytes: number): InterfaceAddress[] {
  return device.addresses.filter(({ address }) => address.length === addressBytes && !isLinkLocal(address));
}

/** What it takes to ask the segment who has an address. */
export interface ProbeParts {
  readonly link: FrameLink;
  /** A host without addresses on the link: it asks, and answers nothing. */
  readonly host: Pick<HostApi, "ingest" | "setNow" | "probe">;
  readonly clock: Clock;
}

/**
 * Asks the segment by ARP (RFC 5227 §2.1.1) and neighbor solicitation (RFC 4862 §5.4) who has these addresses; gives the
 * owners found, by address text. Waits for three probes' time, less when every address has turned out to be taken. The link
 * stays open.
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
    // Measured from the beginning, so that late timers do not add up. But the last question has its time from when it was asked: after a
    // stand-still all three leave at once, and nobody could have answered by then.
    const nowUs = clock.nowUs();
    const endUs = round === PROBE_COUNT ? nowUs + PROBE_INTERVAL_US : beganUs + round * PROBE_INTERVAL_US;
    const cancel = clock.after(endUs - nowUs, () => {
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

/** Addresses that could be proposed, likeliest first, of each family that the device has a subnet of. */
export interface Proposals {
  readonly ipv4: readonly IpAddress[];
  readonly ipv6: readonly IpAddress[];
}

/** What could be proposed on a device; `random` gives 16 bytes each time. A family of which it has no subnet has none. */
export function proposals(
  { device, devices }: Pick<AddressScene, "device" | "devices">,
  random: () => Uint8Array,
): Proposals {
  const taken = (addressBytes: number) =>
    devices.flatMap((other) => subnetsOf(other, addressBytes)).map((own) => own.address);
  const [ipv4] = subnetsOf(device, IPV4_BYTES);
  // A prefix of 128 bits is one address, and no subnet.
  const ipv6 = subnetsOf(device, IPV6_BYTES).find(({ prefixLength }) => prefixLength < 128);
  const count = CANDIDATES;
  return {
    ipv4: ipv4 === undefined ? [] : candidateAddresses(ipv4, { count, taken: taken(IPV4_BYTES) }),
    ipv6: ipv6 === undefined ? [] : candidateIpv6Addresses(ipv6, { count, taken: taken(IPV6_BYTES), random }),
  };
}

/** Of each family the first of the proposals that nobody on the segment answers for; none where all are taken. */
export async function findFree(parts: ProbeParts, { ipv4, ipv6 }: Proposals): Promise<IpAddress[]> {
  const owners = await findOwners(parts, [...ipv4, ...ipv6]);
  const isFree = (candidate: IpAddress) => !owners.has(formatIpAddress(candidate));
  return [ipv4.find(isFree), ipv6.find(isFree)].filter((found) => found !== undefined);
}
