/**
 * What `tcplab doctor` looks at, one function for each matter.
 *
 * Owns: the findings and their remedies. Must not know: how they are shown.
 */
import { openNeighborLink } from "../../ffi/neighbor_link.ts";
import { type InterfaceInfo, listInterfaces } from "../../ffi/interfaces.ts";
import { PCAP_CODES, PcapError } from "../../ffi/pcap_error.ts";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { pcapVersion } from "../../ffi/pcap_library.ts";
import { chooseTransmit } from "../../ffi/transmit_choice.ts";
import { AddressProber } from "../host/address_prober.ts";
import { systemClock } from "../runtime/clock.ts";
import { formatIpAddress, type IpAddress, sameAddress } from "../wire/address.ts";
import {
  checkUnused,
  judgeAddresses,
  kernelOwner,
  LEAST_IPV6_MTU,
  type ServedAddress,
} from "./address_choice.ts";
import { CliError, errorLine } from "./command.ts";
import { addressTexts, judgeDevice, pickDevice, scopedAddressTexts } from "./device.ts";
import { judgeTraits, readDeviceFacts } from "./device_traits.ts";
import { privateLabRefusal } from "./private_lab.ts";
import { readProcLink, readProcText } from "./proc_files.ts";
import { guardOwners, unownedGuards } from "./rst_guard.ts";
import type { AddressRequest } from "./address_request.ts";
import { refuseTakenAddresses } from "./server_control.ts";
import { runTool } from "./tool_output.ts";

/** What was found about one matter. */
export interface Finding {
  readonly check: string;
  /** `fail`: nothing can be served until it is mended; `note`: something to know, or missing for a part only. */
  readonly status: "ok" | "note" | "fail";
  readonly detail: string;
  /** What to do; empty when there is nothing to do. */
  readonly remedy: string;
}

/** How to get the rights that capturing needs. */
const RIGHTS_REMEDY =
  "run with sudo, or give them to the binary: sudo setcap cap_net_raw=ep ./tcplab; a private lab (tcplab demo) needs none";

/** Is libpcap there? */
export function checkLibrary(): Finding {
  try {
    return { check: "library", status: "ok", detail: pcapVersion(), remedy: "" };
  } catch (error) {
    const remedy = error instanceof PcapError ? error.remedy : "install libpcap";
    return { check: "library", status: "fail", detail: detailOf(error), remedy };
  }
}

/** A failure's own words without its remedy, which stands apart. */
function detailOf(error: unknown): string {
  const line = errorLine(error);
  return error instanceof PcapError ? line.replace(`. ${error.remedy}`, "") : line;
}

/** The devices, or null when they cannot be listed (which the check of the library says already). */
export function devicesHere(): InterfaceInfo[] | null {
  try {
    return listInterfaces();
  } catch {
    return null;
  }
}

/** Is there a device to serve on; and the device itself. */
export function checkDevice(
  devices: readonly InterfaceInfo[],
  wanted: string | null,
): { finding: Finding; device: InterfaceInfo | null } {
  const usable = devices.filter((device) => judgeDevice(device).usable);
  try {
    const device = wanted === null && usable.length > 1 ? usable[0] : pickDevice(devices, wanted);
    const { note, remedy } = judgeDevice(device);
    const others = usable.filter((other) => other !== device).map((other) => other.name);
    const also = wanted === null && others.length > 0
      ? `; also usable: ${others.join(", ")} (--iface says which)`
      : "";
    const addresses = scopedAddressTexts(device).join(" ") || "no address";
    const detail = `${device.name} (${addresses})${note === "" ? "" : `: ${note}`}${also}`;
    return { finding: { check: "device", status: note === "" ? "ok" : "note", detail, remedy }, device };
  } catch (error) {
    const [detail, ...remedy] = errorLine(error).split(": ");
    return { finding: { check: "device", status: "fail", detail, remedy: remedy.join(": ") }, device: null };
  }
}

/** May this process capture and send? Tried out, on the device itself. */
export function checkRights(device: InterfaceInfo): Finding {
  try {
    openPcapLink({ device: device.name, mac: device.mac ?? new Uint8Array(6), ringMib: 1, filter: "arp" })
      .close();
    return {
      check: "rights",
      status: "ok",
      detail: `${device.name} can be opened, promiscuous mode included`,
      remedy: "",
    };
  } catch (error) {
    const denied = error instanceof PcapError &&
      (error.code === PCAP_CODES.permissionDenied || error.code === PCAP_CODES.promiscPermissionDenied);
    const remedy = denied ? RIGHTS_REMEDY : error instanceof PcapError ? error.remedy : "";
    return { check: "rights", status: "fail", detail: detailOf(error), remedy };
  }
}

/** Will this device, and the host that it is in, let our frames through? `wanted` empty: an address nobody has. */
export async function checkCarriage(
  device: InterfaceInfo,
  about: { usesOwnMac: boolean; wanted: readonly IpAddress[] },
): Promise<Finding> {
  const { usesOwnMac, wanted } = about;
  const facts = await readDeviceFacts(device, { usesOwnMac });
  const isForeign = (asked: IpAddress) =>
    !device.addresses.some(({ address }) => sameAddress(address, asked));
  const foreignAddresses = wanted.length === 0
    ? ["an address of ours"]
    : wanted.filter(isForeign).map(formatIpAddress);
  const remarks = judgeTraits(facts, { usesOwnMac, foreignAddresses });
  const check = "carriage";
  if (remarks.length === 0) {
    const driver = facts.driver === null ? "" : ` (driver ${facts.driver})`;
    const what = usesOwnMac ? "its own hardware address, with --mac device" : "a hardware address of our own";
    return {
      check,
      status: "ok",
      detail: `nothing is known to keep ${device.name}${driver} from ${what}`,
      remedy: "",
    };
  }
  const detail = `${device.name}: ${remarks.map(({ text }) => text).join("; and ")}`;
  return { check, status: "note", detail, remedy: remarks.map(({ remedy }) => remedy).join("; and ") };
}

/** How do frames leave this device, when nothing else is asked for? */
export function checkSending(device: InterfaceInfo): Finding {
  const { mode, reason } = chooseTransmit(device.name);
  return { check: "sending", status: "ok", detail: `--tx auto takes ${mode}: ${reason}`, remedy: "" };
}

/** What is known of IPv6 on a device. */
export interface Ipv6Facts {
  readonly device: string;
  readonly mtu: number | null;
  /** Whether the kernel has it switched off there; null where the system does not tell. */
  readonly isOff: boolean | null;
  /** The bridge that the device is a part of or is itself, with multicast snooping on; null for none. */
  readonly snoopingBridge: string | null;
}

/** Will IPv6 do on this device? None of it is needed for IPv4. */
export function judgeIpv6({ device, mtu, isOff, snoopingBridge }: Ipv6Facts): Finding {
  const check = "ipv6";
  if (mtu !== null && mtu < LEAST_IPV6_MTU) {
    const detail =
      `${device} carries packets of ${mtu} bytes, and IPv6 needs ${LEAST_IPV6_MTU} (RFC 8200 §5): IPv4 only`;
    return { check, status: "note", detail, remedy: `sudo ip link set ${device} mtu ${LEAST_IPV6_MTU}` };
  }
  const size = mtu === null ? "" : `, MTU ${mtu}`;
  if (isOff === true) {
    const detail =
      `the kernel has IPv6 switched off on ${device}: tcplab serves it all the same, and no program of this host`;
    return {
      check,
      status: "note",
      detail: `${detail} can reach it`,
      remedy: `sudo sysctl -w net.ipv6.conf.${device.replaceAll(".", "/")}.disable_ipv6=0`,
    };
  }
  const snooping = snoopingBridge === null
    ? ""
    : `; bridge ${snoopingBridge} snoops on multicast, and passes neighbor discovery on by the listener reports that ` +
      "tcplab sends (MLDv2)";
  return {
    check,
    status: "ok",
    detail: `nothing is known to be in the way on ${device}${size}${snooping}`,
    remedy: "",
  };
}

/** Looks at IPv6 on a device, and judges it. */
export function checkIpv6({ name, mtu }: Pick<InterfaceInfo, "name" | "mtu">): Finding {
  const setting = readProcText(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`)?.trim();
  // Without the file the kernel has no IPv6 at all, if it is Linux.
  const isOff = setting === undefined
    ? (readProcText("/proc/net/route") === null ? null : true)
    : setting === "1";
  const bridge = readProcLink(`/sys/class/net/${name}/master`)?.split("/").at(-1) ?? name;
  const snoops = readProcText(`/sys/class/net/${bridge}/bridge/multicast_snooping`)?.trim() === "1";
  return judgeIpv6({ device: name, mtu, isOff, snoopingBridge: snoops ? bridge : null });
}

/** Features of `ethtool -k` that change what a capture shows, and how ours takes them. */
const OFFLOADS: readonly (readonly [feature: string, meaning: string])[] = [
  ["rx-checksumming", "received sums may be left to the device"],
  ["tx-checksumming", "local peers send partial sums"],
  ["tcp-segmentation-offload", "local peers send frames above the MTU"],
  ["generic-receive-offload", "received segments are merged into larger ones"],
];

/** Names of the features that are on, from the output of `ethtool -k`. */
function offloadsOn(listing: string): string[] {
  return [...listing.matchAll(/^\s*([\w-]+): on\b/gm)].map((match) => match[1]);
}

/** Which off-loads are on: they explain partial checksums and oversized frames, and stop nothing. */
export async function checkOffloads(device: InterfaceInfo): Promise<Finding> {
  const output = await runTool("ethtool", ["-k", device.name]);
  if (output === null) {
    return {
      check: "offloads",
      status: "note",
      detail:
        "unknown without ethtool; partial checksums and large frames are accepted anyway (--checksum partial)",
      remedy: "apt install ethtool",
    };
  }
  const on = new Set(offloadsOn(output.text));
  const meant = OFFLOADS.filter(([feature]) => on.has(feature));
  const detail = meant.length === 0
    ? "all off: checksums and sizes are as on the wire"
    : `on: ${meant.map(([feature, meaning]) => `${feature} (${meaning})`).join(", ")}; accepted by default`;
  return { check: "offloads", status: "ok", detail, remedy: "" };
}

/** Who owns the address: of `--ip` where it was given, else which addresses are the kernel's and will not do. */
export async function checkAddress(
  scene: { device: InterfaceInfo; devices: readonly InterfaceInfo[]; mayAsk: boolean },
  wanted: AddressRequest | null,
): Promise<Finding> {
  const check = "address";
  const { device, devices, mayAsk } = scene;
  if (wanted === null) {
    const own = addressTexts(device).map((text) => text.split("/")[0]);
    if (own.length === 0) {
      const detail = `${device.name} has no address of its own: any will do that no other host has`;
      return { check, status: "ok", detail, remedy: "" };
    }
    const are = own.length === 1 ? "is" : "are";
    const detail = `${own.join(", ")} ${are} the kernel's: serve on another of the subnet, which nobody has`;
    const remedy = `tcplab serve --iface ${device.name} without --ip proposes one`;
    return { check, status: "ok", detail, remedy };
  }
  const owner = kernelOwner(wanted.address, { device, devices });
  if (owner !== null) {
    const detail = `${wanted.text} is the kernel's own, on ${owner.name}: it would reset every connection`;
    const remedy = "choose an address that nobody has, or add --rst-guard nft";
    return { check, status: "note", detail, remedy };
  }
  try {
    const addresses = judgeAddresses([wanted], { device, devices, rstGuard: "off" });
    // A server of ours would not hear a question that leaves by its own device.
    await refuseTakenAddresses({ addresses: [wanted], services: [], rstGuard: "off" });
    if (!mayAsk || !await isAsked(device, addresses)) {
      const detail = `${wanted.text} is not the kernel's; whether another host has it could not be asked`;
      return { check, status: "note", detail, remedy: mayAsk ? "" : "run with sudo" };
    }
    const detail = `${wanted.text} is not the kernel's, and nobody on ${device.name} answers for it`;
    return { check, status: "ok", detail, remedy: "" };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const [detail, ...remedy] = errorLine(error).split(": ");
    return { check, status: "fail", detail, remedy: remedy.join(": ") };
  }
}

/** Asks the segment, as `serve` does before it begins; false where that cannot be done without opening the device. */
async function isAsked(device: InterfaceInfo, addresses: readonly ServedAddress[]): Promise<boolean> {
  using link = device.mac === null ? null : openNeighborLink(device.name, { mac: device.mac, vlan: null });
  if (link === null) return false;
  await checkUnused({ link, host: new AddressProber(link), clock: systemClock() }, addresses);
  return true;
}

/** Can nft set the guard, and has an older version left one behind? */
export async function checkFirewall(): Promise<Finding> {
  const check = "firewall";
  const tables = await runTool("nft", ["list", "tables"]);
  const needed = "only --rst-guard nft needs it";
  if (tables === null) {
    return {
      check,
      status: "note",
      detail: `nft is not installed; ${needed}`,
      remedy: "apt install nftables",
    };
  }
  if (!tables.ok) {
    return {
      check,
      status: "note",
      detail: `nft may not be used (${tables.error}); ${needed}`,
      remedy: "run with sudo",
    };
  }
  const left = unownedGuards(tables.text);
  if (left.length > 0) {
    const detail = `guards of an older tcplab, which stay when it is killed: ${left.join(", ")}`;
    const remedy = `if it no longer runs: ${left.map((table) => `nft delete table ip ${table}`).join("; ")}`;
    return { check, status: "note", detail, remedy };
  }
  const owners = guardOwners(tables.text);
  const guards = owners.length === 0
    ? "no guard is set"
    : `guards of ${owners.map((pid) => `process ${pid}`).join(", ")}`;
  return { check, status: "ok", detail: `nft can be used; ${guards}`, remedy: "" };
}

/** Can a private lab be made, for `demo` and the live tests? */
export async function checkPrivateLab(): Promise<Finding> {
  const check = "private lab";
  const refusal = await privateLabRefusal();
  if (refusal === null) {
    return { check, status: "ok", detail: "namespaces can be made: tcplab demo works here", remedy: "" };
  }
  return {
    check,
    status: "note",
    detail: `no private lab (${refusal})`,
    remedy:
      "tcplab demo then runs in memory; on Ubuntu sysctl kernel.apparmor_restrict_unprivileged_userns=0 allows it, or use sudo",
  };
}

/** Programs that parts of tcplab run or that go well with it. */
const TOOLS: readonly (readonly [program: string, use: string, packageName: string])[] = [
  ["ip", "labs", "iproute2"],
  ["unshare", "private labs", "util-linux"],
  ["nsenter", "private labs", "util-linux"],
  ["nft", "--rst-guard", "nftables"],
  ["ethtool", "looking at off-loads", "ethtool"],
  ["tshark", "reading recordings", "tshark"],
];

/** Which programs are there? */
export async function checkTools(): Promise<Finding> {
  const found = await Promise.all(TOOLS.map(([program]) => isInstalled(program)));
  const missing = TOOLS.filter((_, position) => !found[position]);
  const there = TOOLS.filter((_, position) => found[position]).map(([program]) => program);
  if (missing.length === 0) return { check: "tools", status: "ok", detail: there.join(", "), remedy: "" };
  return {
    check: "tools",
    status: "note",
    detail: `missing: ${missing.map(([program, use]) => `${program} (${use})`).join(", ")}`,
    remedy: `apt install ${[...new Set(missing.map(([, , name]) => name))].join(" ")}`,
  };
}

/** True when the program is in one of the directories of the search path, or where only root's path leads. */
async function isInstalled(program: string): Promise<boolean> {
  const result = await runTool(program, ["--version"]);
  return result !== null;
}
