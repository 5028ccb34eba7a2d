/**
 * What a server stands on: an open device, addresses that nobody else has, and the guard where one is needed.
 *
 * Owns: the order of the checks before the first frame is answered, so that each refusal leaves nothing behind.
 * Must not know: connections, applications, logs.
 */
import { openNeighborLink } from "../../ffi/neighbor_link.ts";
import { type InterfaceInfo, listInterfaces } from "../../ffi/interfaces.ts";
import { PcapError } from "../../ffi/pcap_error.ts";
import { compileFilterCheck } from "../../ffi/pcap_filter.ts";
import { openPcapLinkAside, type PcapLink } from "../../ffi/pcap_link.ts";
import { AddressProber } from "../host/address_prober.ts";
import { linkLocalFromMac } from "../wire/derived_address.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import {
  endpointText,
  formatIpAddress,
  type IpAddress,
  type MacAddress,
  sameAddress,
} from "../wire/address.ts";
import {
  checkUnused,
  findFree,
  judgeAddresses,
  kernelOwner,
  type ProbeParts,
  proposals,
  type ServedAddress,
} from "./address_choice.ts";
import { isLinkLocal } from "./address_request.ts";
import { CliError, UsageError } from "./command.ts";
import { judgeDevice, pickDevice } from "./device.ts";
import { judgeTraits, readDeviceFacts } from "./device_traits.ts";
import { chooseGateways, isNear } from "./gateway_choice.ts";
import { chooseHosts, chooseMac, type ChosenHost } from "./host_choice.ts";
import { composeFilter, inVlan, servedFrames } from "./filter.ts";
import { findKernelListener, readKernelSockets } from "./kernel_sockets.ts";
import { kernelGateways } from "./kernel_routes.ts";
import { type RstGuard, setRstGuard } from "./rst_guard.ts";
import type { ServeConfig } from "./serve_options.ts";

/** One of the hosts that are on the device. */
export interface GroundHost extends ChosenHost {
  /** Of those of the ground, the routers that it can reach. */
  readonly gateways: readonly IpAddress[];
}

/** Everything that is open when the server begins. */
export interface ServerGround {
  readonly link: PcapLink;
  /** One, or several, each with its hardware address; the link's own is that of the first. */
  readonly hosts: readonly GroundHost[];
  /** Those of all hosts. */
  readonly addresses: readonly ServedAddress[];
  /** Routers to what is not on the link, at most one of each family. */
  readonly gateways: readonly IpAddress[];
  /** The device's own hardware address, from which the segment was asked; null where it has none. */
  readonly deviceMac: MacAddress | null;
  /** As it was set, for the `listening` event. */
  readonly filter: string;
  readonly guard: RstGuard | null;
  /** What a person should know of the device: no carrier, warnings of libpcap. */
  readonly remarks: readonly string[];
}

/** What is asked of the ground; all but `command` is an option of `serve`. */
interface GroundConfig extends
  Pick<
    ServeConfig,
    | "device"
    | "addresses"
    | "hosts"
    | "gateways"
    | "services"
    | "rstGuard"
    | "filter"
    | "capture"
    | "readTimeoutMs"
    | "ringMib"
    | "tx"
    | "vlan"
  > {
  /** The command to propose, without options; `serve` when absent. */
  readonly command?: string;
  /** Called when there is nothing to do but to wait, for some 30 ms: for what the caller can do by then. */
  readonly meanwhile?: () => void;
}

/** While addresses are asked for, nothing else is wanted. */
const PROBE_FILTER = "arp or icmp6";

/** Opens device, addresses and guard. Throws one line for whatever is in the way, with everything closed again. */
export async function openGround(config: GroundConfig, clock: Clock): Promise<ServerGround> {
  const devices = listInterfaces();
  if (config.filter !== null) checkUserFilter(config.filter);
  const device = pickDevice(devices, config.device);
  if (config.addresses.length === 0) return await refuseWithProposal({ config, device, devices, clock });
  const addresses = judgeAddresses(config.addresses, { device, devices, rstGuard: config.rstGuard });
  if (config.filter !== null) refuseDeafFilter(config.filter, { config, addresses });
  refuseKernelListeners(addresses, config);
  const hosts = await chooseHosts(config.hosts, { device, addresses });
  const filter = composeFilter({
    addresses: [...addresses, ...hosts.flatMap((host) => ownLinkLocal(host, { device, devices }))],
    ports: config.services.map((service) => service.port),
    user: config.filter,
    vlan: config.vlan,
  });
  const opening = openLink(config, { device, macs: hosts.map(({ mac }) => mac) });
  // Both waits at once: the kernel makes the ring while the segment is asked. What is wrong with the device comes first.
  const asking = checkWhileOpening(opening, { device, addresses, clock, vlan: config.vlan });
  config.meanwhile?.();
  const routers = settled(() =>
    chooseGateways({ given: config.gateways, addresses, device: device.name, kernels: kernelGateways })
  );
  const [opened, asked] = await Promise.allSettled([opening, asking]);
  if (opened.status === "rejected") throw opened.reason;
  const link = opened.value;
  try {
    const { gateways, remark } = routers();
    if (asked.status === "rejected") throw asked.reason;
    const guard = guardFor(addresses, config);
    try {
      link.setFilter(filter);
    } catch (error) {
      guard?.remove();
      throw error;
    }
    const routes = remark === null ? [] : [remark];
    const remarks = [...routes, ...await remarksOn(device, hosts), ...link.warnings];
    return {
      link,
      hosts: hosts.map((host) => ({
        ...host,
        gateways: gateways.filter((gateway) => isNear(gateway, host.addresses)),
      })),
      addresses,
      gateways,
      deviceMac: device.mac,
      filter: link.filter,
      guard,
      remarks,
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

/**
 * The link-local address that a host with addresses of IPv6 makes itself of its hardware address where it was given none (RFC
 * 4291 §2.8): routers ask for it. With the device's own hardware address it may be the kernel's, who answers for it then.
 */
function ownLinkLocal(
  { mac, addresses }: ChosenHost,
  scene: { device: InterfaceInfo; devices: readonly InterfaceInfo[] },
): { text: string; kernelOwned: boolean }[] {
  const ipv6 = addresses.filter(({ address }) => address.length !== IPV4_BYTES);
  if (ipv6.length === 0 || ipv6.some(({ address }) => isLinkLocal(address))) return [];
  const address = linkLocalFromMac(mac);
  return kernelOwner(address, scene) === null ? [{ text: formatIpAddress(address), kernelOwned: false }] : [];
}

const IPV4_BYTES = 4;

/** Calls now, and gives or throws what came of it later: what is open by then is closed in one place. */
function settled<Result>(call: () => Result): () => Result {
  try {
    const result = call();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** Throws {@link CliError} when somebody has one of the addresses; over the link itself only where there is no other way. */
async function checkWhileOpening(
  opening: Promise<PcapLink>,
  scene: {
    device: InterfaceInfo;
    addresses: readonly ServedAddress[];
    clock: Clock;
    vlan: number | null;
  },
): Promise<void> {
  const { device, addresses, clock, vlan } = scene;
  using arp = device.mac === null ? null : openNeighborLink(device.name, { mac: device.mac, vlan });
  await checkUnused(probeParts(arp ?? await opening, { clock, vlan }), addresses);
}

/** What a person should know of the device, and of what this machine does with what comes by it. */
async function remarksOn(device: InterfaceInfo, hosts: readonly ChosenHost[]): Promise<string[]> {
  const { note } = judgeDevice(device);
  const usesOf = hosts.map(({ mac, addresses }) => ({
    usesOwnMac: device.mac !== null && sameAddress(device.mac, mac),
    foreignAddresses: addresses.filter((served) => !served.kernelOwned).map((served) => served.text),
  }));
  const facts = await readDeviceFacts(device, { usesOwnMac: usesOf.some(({ usesOwnMac }) => usesOwnMac) });
  const remarks = usesOf.flatMap((use) => judgeTraits(facts, use));
  return [
    ...(note === "" ? [] : [`${device.name}: ${note}`]),
    // What holds for several is said once.
    ...new Set(remarks.map(({ text, remedy }) => `${device.name}: ${text}: ${remedy}`)),
  ];
}

/** Judges `--filter` by itself first, so that the message shows what was typed and not what we made of it. */
function checkUserFilter(expression: string): void {
  try {
    compileFilterCheck(expression);
  } catch (error) {
    if (!(error instanceof PcapError) || error.operation !== "pcap_compile") throw error;
    throw new UsageError(
      `--filter ${expression}: expected a pcap-filter expression (man pcap-filter), libpcap says: ${error.detail}`,
    );
  }
}

/** What libpcap's optimizer says of conditions that exclude each other. */
const REJECTS_ALL = "rejects all packets";

/** Throws {@link UsageError} for a `--filter` under which the server would never hear of anything that is for it. */
function refuseDeafFilter(
  expression: string,
  { config, addresses }: { config: GroundConfig; addresses: readonly ServedAddress[] },
): void {
  // What a tag makes of the offsets behind it, libpcap decides by the device.
  if (/\bvlan\b/.test(expression)) return;
  const served = servedFrames({
    addresses,
    ports: config.services.map(({ port }) => port),
  });
  try {
    compileFilterCheck(`(${served}) and (${expression})`);
  } catch (error) {
    if (!(error instanceof PcapError) || !error.detail.includes(REJECTS_ALL)) return;
    throw new UsageError(
      `--filter ${expression}: nothing that is served could ever pass it, because it is added to "${served}": correct it, or leave it out`,
    );
  }
}

/** Without `--ip`: names free addresses of the device's subnets, one of each family, and refuses. */
async function refuseWithProposal(
  scene: { config: GroundConfig; device: InterfaceInfo; devices: readonly InterfaceInfo[]; clock: Clock },
): Promise<never> {
  const { config, device, clock } = scene;
  const candidates = proposals(scene, () => crypto.getRandomValues(new Uint8Array(16)));
  const [first] = [...candidates.ipv4, ...candidates.ipv6];
  if (first === undefined) {
    throw new UsageError(
      `--ip is missing, and ${device.name} has no subnet with room in which a free address could be looked for: name one that no host has, as in --ip 192.168.56.101/24 or --ip fd00::7/64`,
    );
  }
  const mac = await chooseMac(config.hosts[0].mac, { device, addresses: [] });
  const link = await openLink(config, { device, macs: [mac] });
  try {
    const free = await findFree(probeParts(link, { clock, vlan: config.vlan }), candidates);
    if (free.length === 0) {
      throw new UsageError(
        `--ip is missing, and ${
          formatIpAddress(first)
        } and its neighbours are all in use on ${device.name}: name an address that no host has`,
      );
    }
    const texts = free.map(formatIpAddress);
    const are = texts.length === 1 ? "is" : "are";
    throw new UsageError(
      `--ip is missing; ${texts.join(" and ")} ${are} free on ${device.name}: tcplab ${
        config.command ?? "serve"
      } --iface ${device.name} --ip ${texts.join(",")}`,
    );
  } finally {
    link.close();
  }
}

function openLink(
  config: GroundConfig,
  parts: { device: InterfaceInfo; macs: readonly MacAddress[] },
): Promise<PcapLink> {
  const { device, macs } = parts;
  return openPcapLinkAside({
    device: device.name,
    mac: macs[0],
    capture: config.capture,
    readTimeoutMs: config.readTimeoutMs,
    ringMib: config.ringMib,
    tx: config.tx,
    promiscuous: macs.some((mac) => device.mac === null || !sameAddress(device.mac, mac)),
    filter: inVlan(PROBE_FILTER, config.vlan),
  });
}

/** What it takes to look around. */
function probeParts(link: FrameLink, about: { clock: Clock; vlan: number | null }): ProbeParts {
  return { link, host: new AddressProber(link, about.vlan ?? undefined), clock: about.clock };
}

/** Where the kernel itself listens on the port of an address that it owns, its SYN-ACK would come beside ours. */
function refuseKernelListeners(addresses: readonly ServedAddress[], config: GroundConfig): void {
  const owned = addresses.filter((served) => served.kernelOwned);
  const sockets = owned.length === 0 ? null : readKernelSockets();
  if (sockets === null) return;
  for (const { address, text } of owned) {
    const taken = config.services.find(({ port }) =>
      findKernelListener(sockets, { address, port }) !== undefined
    );
    if (taken === undefined) continue;
    throw new CliError(
      `A program on this host listens on ${
        endpointText(text, taken.port)
      } already, through the kernel (ss -ltn): stop it, or choose another --port`,
    );
  }
}

function guardFor(addresses: readonly ServedAddress[], config: GroundConfig): RstGuard | null {
  const owned = addresses.filter((served) => served.kernelOwned).map((served) => served.text);
  if (config.rstGuard === "off" || owned.length === 0) return null;
  return setRstGuard({ addresses: owned, ports: config.services.map((service) => service.port) });
}
