/**
 * The routers that a host of ours is given: those of `--gateway`, else those that the kernel uses on the device.
 *
 * Owns: the judgement on each (near one of our addresses, on this link, of a family that we have), and what is said of those
 * that were not asked for. Must not know: how the kernel's routes are read, what is sent there.
 */
import { formatIpAddress, inPrefix, type IpAddress, sameAddress } from "../wire/address.ts";
import type { ServedAddress } from "./address_choice.ts";
import { isLinkLocal, type ZonedAddress } from "./address_request.ts";
import { CliError } from "./command.ts";

const IPV4_BYTES = 4;

/** What the choice is made from. */
interface GatewayScene {
  /** Those of `--gateway`. */
  readonly given: readonly ZonedAddress[];
  readonly addresses: readonly ServedAddress[];
  readonly device: string;
  /** The kernel's default routes by the device; looked at only where a family has no router by then. */
  readonly kernels: (device: string) => readonly IpAddress[];
}

/** The routers, at most one of each family, and what a person is told of those that were not asked for. */
interface GatewayChoice {
  readonly gateways: readonly IpAddress[];
  /** Null where all are those that were asked for. */
  readonly remark: string | null;
}

/** Chooses. Throws {@link CliError} for a router of `--gateway` that cannot be reached. */
export function chooseGateways({ given, addresses, device, kernels }: GatewayScene): GatewayChoice {
  for (const gateway of given) demandNear(gateway, { addresses, device });
  const asked = given.map(({ address }) => address);
  const isMissing = (bytes: number) =>
    addresses.some(({ address }) => address.length === bytes) &&
    !asked.some(({ length }) => length === bytes);
  if (!isMissing(IPV4_BYTES) && !isMissing(16)) return { gateways: asked, remark: null };
  const found = kernels(device).filter((gateway) =>
    isMissing(gateway.length) && isNear(gateway, addresses) && !isOurs(gateway, addresses)
  );
  return { gateways: [...asked, ...found], remark: found.length === 0 ? null : remarkOn(found, device) };
}

function remarkOn(found: readonly IpAddress[], device: string): string {
  const names = found.map(formatIpAddress).join(" and ");
  const [router, route] = found.length === 1 ? ["router is", "route"] : ["routers are", "routes"];
  return `The ${router} ${names}, by the kernel's default ${route} on ${device} (--gateway names another)`;
}

/** Whether the address is on the link: in the prefix of one of ours, or link-local where we have an address of its family. */
export function isNear(address: IpAddress, addresses: readonly ServedAddress[]): boolean {
  const isLocal = isLinkLocal(address);
  return addresses.some((own) =>
    inPrefix(address, own.address, own.prefixLength) || (isLocal && own.address.length === address.length)
  );
}

function isOurs(address: IpAddress, addresses: readonly ServedAddress[]): boolean {
  return addresses.some((own) => sameAddress(own.address, address));
}

/** The addresses with their prefixes, as text. */
export function subnetTexts(addresses: readonly ServedAddress[]): string {
  return addresses.map(({ text, prefixLength }) => `${text}/${prefixLength}`).join(", ");
}

/** `an IPv4 address`, or `an IPv6 address`. */
export function familyText(address: IpAddress): string {
  return address.length === IPV4_BYTES ? "an IPv4 address" : "an IPv6 address";
}

function demandNear(
  { address, zone }: ZonedAddress,
  { addresses, device }: Pick<GatewayScene, "addresses" | "device">,
): void {
  const text = formatIpAddress(address);
  if (zone !== null && zone !== device) {
    throw new CliError(
      `--gateway ${text}%${zone}: the router is on the link of ${zone}, and the device is ${device}: write ${text}, or --iface ${zone}`,
    );
  }
  const family = addresses.filter((own) => own.address.length === address.length);
  if (family.length === 0) {
    throw new CliError(
      `--gateway ${text}: none of --ip (${subnetTexts(addresses)}) is ${
        familyText(address)
      }, from which it could be reached: add one, or leave it out`,
    );
  }
  if (isOurs(address, addresses)) {
    throw new CliError(`--gateway ${text} is the address that tcplab itself answers for: name the router's`);
  }
  if (isNear(address, addresses)) return;
  throw new CliError(
    `--gateway ${text} is outside the subnets of --ip (${
      subnetTexts(family)
    }): name a router on the link (ip route shows it)`,
  );
}
