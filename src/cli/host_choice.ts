/**
 * The hosts of a server on a device, each with its hardware address.
 *
 * Owns: which hardware address a host gets on that device, and why it cannot have one. Must not know: frames, what is served.
 */
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { formatMac, type MacAddress, sameAddress } from "../wire/address.ts";
import type { ServedAddress } from "./address_choice.ts";
import { CliError } from "./command.ts";
import type { HostRequest } from "./host_request.ts";
import { type MacChoice, machineIdentity, stableMac } from "./mac_choice.ts";

/** A host with its addresses. */
export interface ChosenHost {
  readonly mac: MacAddress;
  readonly addresses: readonly ServedAddress[];
}

/** Gives each host its hardware address. `addresses`: those of all, judged. Throws {@link CliError} where two would have the same. */
export async function chooseHosts(
  requests: readonly HostRequest[],
  scene: { device: InterfaceInfo; addresses: readonly ServedAddress[] },
): Promise<ChosenHost[]> {
  const { device } = scene;
  const hosts = await Promise.all(requests.map(async (request) => {
    const addresses = scene.addresses.filter((served) =>
      request.addresses.some(({ address }) => sameAddress(address, served.address))
    );
    return { addresses, mac: await chooseMac(request.mac, { device, addresses }) };
  }));
  for (const [position, { mac, addresses }] of hosts.entries()) {
    const other = hosts.slice(0, position).find((host) => sameAddress(host.mac, mac));
    if (other === undefined) continue;
    const names = [other, { addresses }].map((host) => host.addresses.map(({ text }) => text).join(","));
    throw new CliError(
      `${names.join(" and ")} would both have the hardware address ${formatMac(mac)}` +
        `${isDevices(mac, device) ? ` of ${device.name}` : ""}: ` +
        `make them one host (--ip ${names.join(",")}), or give each its own --mac`,
    );
  }
  return hosts;
}

/** The hardware address to answer with. */
export async function chooseMac(
  choice: MacChoice,
  scene: { device: InterfaceInfo; addresses: readonly ServedAddress[] },
): Promise<MacAddress> {
  const { device, addresses } = scene;
  const owned = addresses.find((served) => served.kernelOwned);
  const explicit = choice.kind === "explicit" ? choice.mac : null;
  const wantsDevices = choice.kind === "device" || (explicit !== null && isDevices(explicit, device));
  if (wantsDevices || (owned !== undefined && explicit === null)) return ownMac(device);
  if (owned !== undefined) {
    throw new CliError(
      `${owned.text} is the kernel's own address, and the kernel answers ARP for it with ${device.name}'s MAC: leave --mac out`,
    );
  }
  if (device.isWireless) {
    throw new CliError(
      `${device.name} is wireless and carries its own hardware address only: add --mac device, for one host`,
    );
  }
  if (explicit !== null) return explicit;
  const ip = addresses.map((served) => served.text).join(",");
  return await stableMac({ machine: machineIdentity(), device: device.name, ip });
}

function isDevices(mac: MacAddress, device: InterfaceInfo): boolean {
  return device.mac !== null && sameAddress(mac, device.mac);
}

function ownMac(device: InterfaceInfo): MacAddress {
  if (device.mac === null) {
    throw new CliError(`${device.name} has no hardware address: give one with --mac 02:00:00:00:33:33`);
  }
  return device.mac;
}
