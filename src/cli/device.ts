/**
 * Which device a server runs on, and why another will not do.
 *
 * Owns: the judgement on a device and the choice among many. Must not know: how devices are listed or opened.
 */
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { formatIpAddress, formatMac } from "../wire/address.ts";
import { CliError, UsageError } from "./command.ts";

/** Whether a device can carry a server: a reason with its remedy where it cannot, a remark where it can. */
interface DeviceVerdict {
  readonly usable: boolean;
  /** Why not, or what to know; empty when there is nothing to say. */
  readonly note: string;
  /** What to do about it; empty when nothing needs doing. */
  readonly remedy: string;
}

/** What to use where there is no device of the right kind. */
const OTHER_DEVICE =
  "use an Ethernet device, a bridge or a veth pair (tcplab interfaces lists them; tcplab demo makes a lab of its own)";

/** Judges one device. */
export function judgeDevice(device: InterfaceInfo): DeviceVerdict {
  const no = (note: string, remedy: string): DeviceVerdict => ({ usable: false, note, remedy });
  if (device.isLoopback) {
    return no("loopback: the kernel answers itself there, before any frame could reach tcplab", OTHER_DEVICE);
  }
  if (device.isEthernet === false) {
    return no("not Ethernet: its frames carry no hardware addresses", OTHER_DEVICE);
  }
  if (device.mac === null) return no("not a network device with a hardware address", OTHER_DEVICE);
  if (!device.isUp) return no("down", `sudo ip link set ${device.name} up`);
  if (device.isWireless) {
    return { usable: true, note: "wireless: carries its own address only", remedy: "add --mac device" };
  }
  if (!device.isRunning || device.connection === "disconnected") {
    return { usable: true, note: "no carrier: nothing arrives until the other end is up", remedy: "" };
  }
  return { usable: true, note: "", remedy: "" };
}

/** The device that was asked for, or the only candidate. Throws one line that says what is in the way. */
export function pickDevice(devices: readonly InterfaceInfo[], wanted: string | null): InterfaceInfo {
  const candidates = devices.filter((device) => judgeDevice(device).usable);
  if (wanted === null) {
    if (candidates.length === 1) return candidates[0];
    if (candidates.length === 0) {
      throw new CliError(`There is no device to serve on: ${OTHER_DEVICE}`);
    }
    throw new UsageError(
      `--iface is needed, there is more than one device: ${candidates.map(nameWithAddress).join(", ")}`,
    );
  }
  const device = devices.find((candidate) => candidate.name === wanted);
  if (device === undefined) {
    const there = candidates.length === 0
      ? "none here is usable; tcplab interfaces says why"
      : `usable here: ${candidates.map(nameWithAddress).join(", ")}`;
    throw new CliError(`There is no device ${wanted}: ${there}`);
  }
  const { usable, note, remedy } = judgeDevice(device);
  if (!usable) throw new CliError(`${device.name} cannot be used (${note}): ${remedy}`);
  return device;
}

function nameWithAddress(device: InterfaceInfo): string {
  const [first] = addressTexts(device);
  return first === undefined ? device.name : `${device.name} (${first})`;
}

/** A device's addresses as `10.0.0.1/24`, IPv4 first. */
export function addressTexts(device: Pick<InterfaceInfo, "addresses">): string[] {
  return [...device.addresses]
    .sort((left, right) => left.address.length - right.address.length)
    .map(({ address, prefixLength }) => `${formatIpAddress(address)}/${prefixLength}`);
}

/** The same for people: a link-local address of IPv6 with its device, as it is written elsewhere (RFC 4007 §11). */
export function scopedAddressTexts(device: Pick<InterfaceInfo, "addresses" | "name">): string[] {
  return addressTexts(device).map((text) =>
    /^fe[89ab]/.test(text) ? text.replace("/", `%${device.name}/`) : text
  );
}

/** How a device's link is, in a word or two. */
export function linkText(device: InterfaceInfo): string {
  if (!device.isUp) return "down";
  if (device.isLoopback) return "loopback";
  if (!device.isRunning || device.connection === "disconnected") return "no carrier";
  return device.isWireless ? "up, wireless" : "up";
}

/** A device as an object for `--json`. */
export function deviceJson(device: InterfaceInfo): Record<string, unknown> {
  const { usable, note, remedy } = judgeDevice(device);
  return {
    name: device.name,
    description: device.description,
    mac: device.mac === null ? null : formatMac(device.mac),
    mtu: device.mtu,
    addresses: addressTexts(device),
    link: linkText(device),
    ethernet: device.isEthernet,
    wireless: device.isWireless,
    loopback: device.isLoopback,
    usable,
    note,
    remedy,
  };
}
