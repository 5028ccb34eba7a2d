/**
 * The addresses that `connect HOST` may mean, in the order in which they are tried.
 *
 * Owns: asking the resolver, before any device is open; which of the answers is wanted; which of them can be reached from
 * where we stand; and every line that says why one is not. Must not know: how a connection is opened.
 */
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { lookUpName, NameLookupError, type ResolvedAddress } from "../../ffi/name_lookup.ts";
import { chooseSource, sortDestinations } from "../host/source_choice.ts";
import { formatIpAddress, type IpAddress, sameAddress } from "../wire/address.ts";
import { kernelOwner } from "./address_choice.ts";
import { whyNoHostAddress } from "../wire/host_address.ts";
import { isLinkLocal, type ZonedAddress } from "./address_request.ts";
import { CliError, UsageError } from "./command.ts";
import type { ConnectConfig, Family } from "./connect_options.ts";
import { judgeDevice } from "./device.ts";
import { familyText, isNear, subnetTexts } from "./gateway_choice.ts";
import type { ServerGround } from "./server_ground.ts";

export { NameLookupError };

/** Local choice: whoever answers for a name could else make a person wait for as long as it likes. */
const MOST_TARGETS = 16;
const IPV4_BYTES = 4;

/** How a name becomes addresses. */
type LookUp = (name: string) => Promise<readonly ResolvedAddress[]>;

/** All that HOST may mean. Throws {@link CliError} where a name has no address, or none that is wanted. */
export async function resolveTargets(
  { host, literal, family }: Pick<ConnectConfig, "host" | "literal" | "family">,
  lookUp: LookUp = lookUpName,
): Promise<ZonedAddress[]> {
  if (literal !== null) return [literal];
  const found = await askResolver(host, lookUp);
  const wanted = found.filter(({ address }) => family === null || familyOf(address) === family);
  if (wanted.length === 0) {
    if (family === null || found.length === 0) {
      throw new CliError(`HOST ${host} has no address: look with getent hosts ${host}`);
    }
    const there = found.map(({ address }) => formatIpAddress(address)).join(", ");
    throw new CliError(`HOST ${host} has no IPv${family} address (it has ${there}): leave -${family} out`);
  }
  const hosts = wanted.filter(({ address }) => whyNoHostAddress(address) === null);
  if (hosts.length > 0) return distinct(hosts).slice(0, MOST_TARGETS);
  const { address } = wanted[0];
  throw new CliError(
    `HOST ${host} is ${formatIpAddress(address)}: expected the address of a host, and this is ${
      whyNoHostAddress(address)
    }`,
  );
}

async function askResolver(host: string, lookUp: LookUp): Promise<readonly ResolvedAddress[]> {
  try {
    return await lookUp(host);
  } catch (error) {
    if (!(error instanceof NameLookupError)) throw error;
    throw new CliError(
      `HOST ${host}: the resolver has no address for it (${error.message}): give an address, or look with getent hosts ${host}`,
    );
  }
}

function familyOf(address: IpAddress): Family {
  return address.length === IPV4_BYTES ? 4 : 6;
}

function distinct(targets: readonly ZonedAddress[]): ZonedAddress[] {
  return targets.filter(({ address }, position) =>
    targets.findIndex((other) => sameAddress(other.address, address)) === position
  );
}

/**
 * The device that is meant: that of `--iface`, else that of a link-local address's zone, else null for the only one. Throws
 * {@link UsageError} where a link-local HOST could be on any of several links.
 */
export function deviceFor(
  { host, device }: { readonly host: string; readonly device: string | null },
  { targets, devices }: {
    readonly targets: readonly ZonedAddress[];
    readonly devices: readonly InterfaceInfo[];
  },
): string | null {
  if (device !== null) return device;
  const zoned = targets.find(({ zone }) => zone !== null);
  if (zoned !== undefined) return zoned.zone;
  if (!targets.every(({ address }) => isLinkLocal(address))) return null;
  const usable = devices.filter((candidate) => judgeDevice(candidate).usable).map(({ name }) => name);
  if (usable.length <= 1) return null;
  throw new UsageError(
    `HOST ${host}: a link-local address is of one link, and there is more than one (${
      usable.join(", ")
    }): write ${formatIpAddress(targets[0].address)}%${usable[0]}, or --iface ${usable[0]}`,
  );
}

/** From where targets are looked at. */
interface TargetScene {
  readonly host: string;
  readonly ground: Pick<ServerGround, "addresses" | "gateways"> & {
    readonly link: { readonly name: string };
  };
  readonly devices: readonly InterfaceInfo[];
  /** Whether a router may still make itself known. */
  readonly acceptRa: boolean;
}

/** Those that a frame can get to, as RFC 6724 §6 sorts them from where we stand, and the families in turn. Throws {@link CliError}, the first's reason, where there is none. */
export function reachableTargets(targets: readonly ZonedAddress[], scene: TargetScene): IpAddress[] {
  const reasons = targets.map((target) => whyUnreachable(target, scene));
  const reachable = targets.filter((_, position) => reasons[position] === null).map(({ address }) => address);
  const [first] = reasons;
  if (reachable.length === 0 && first !== undefined && first !== null) throw new CliError(first);
  const candidates = scene.ground.addresses;
  const sourceFor = (target: IpAddress) => chooseSource(target, { candidates, hop: target });
  return inTurn(sortDestinations(reachable, { sourceFor }));
}

/** RFC 8305 §4: the families take turns, that of the best one first; one that does not work costs one try. */
function inTurn(targets: readonly IpAddress[]): IpAddress[] {
  const isLikeFirst = (address: IpAddress) => address.length === targets[0].length;
  const first = targets.filter(isLikeFirst);
  const other = targets.filter((address) => !isLikeFirst(address));
  return first.flatMap((target, turn) => turn < other.length ? [target, other[turn]] : [target])
    .concat(other.slice(first.length));
}

/** Why no frame gets to the target; null where one does. Whether somebody is there, only the neighbours know. */
function whyUnreachable({ address, zone }: ZonedAddress, scene: TargetScene): string | null {
  const { host, ground, devices, acceptRa } = scene;
  const { link, addresses, gateways } = ground;
  const text = formatIpAddress(address);
  const name = text === host || host.startsWith(`${text}%`) ? text : `${host} (${text})`;
  if (zone !== null && zone !== link.name) {
    return `HOST ${text}%${zone} is on the link of ${zone}, and the device is ${link.name}: write ${text}, or --iface ${zone}`;
  }
  if (addresses.some((own) => sameAddress(own.address, address))) {
    return `${name} is the address that tcplab itself answers for: choose another HOST or --ip`;
  }
  const device = devices.find((candidate) => candidate.name === link.name);
  if (device !== undefined && kernelOwner(address, { device, devices })?.name === link.name) {
    return `${name} is this host's own address on ${link.name}, and its kernel never sees what leaves there: ` +
      `connect to another host, or from the other end of the wire`;
  }
  const family = addresses.filter((own) => own.address.length === address.length);
  if (family.length === 0) {
    return `${name} is ${familyText(address)}, and none of --ip (${
      subnetTexts(addresses)
    }) is: add one to --ip, from which to connect`;
  }
  if (isNear(address, addresses)) return null;
  if (gateways.some((gateway) => gateway.length === address.length)) return null;
  if (address.length !== IPV4_BYTES && acceptRa) return null;
  return `${name} is outside the subnet of --ip (${
    subnetTexts(family)
  }), and no router is known: name it with --gateway ADDR (ip route shows it)`;
}
