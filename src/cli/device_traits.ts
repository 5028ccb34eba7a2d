/**
 * Devices that do not carry every frame, and hosts that do more with a frame than tcplab: what a person should know
 * before a client waits in vain.
 *
 * Owns: the facts, the judgement on them, and how to mend each. Must not know: how devices are listed or opened, who
 * is told.
 */
import { deviceDriver } from "../../ffi/device_hardware.ts";
import { readProcText } from "./proc_files.ts";
import { runTool } from "./tool_output.ts";

/** What is known of a device and of what its kernel does with what comes by it. */
export interface DeviceFacts {
  readonly device: string;
  readonly isWireless: boolean;
  /** The kernel's driver (`veth`, `macvlan`, `e1000`), or null where the system does not tell. */
  readonly driver: string | null;
  /** Of a macvlan: `bridge`, `private`, `vepa`, `passthru`, `source`; null when not known, or no macvlan. */
  readonly macvlanMode: string | null;
  /** Whether the kernel routes IPv4 packets on that come by this device. */
  readonly forwards: boolean;
  /** Whether it then tells the sender of a better way. */
  readonly redirects: boolean;
}

/** How the device is to be used. */
export interface DeviceUse {
  /** Whether frames for us carry the device's own hardware address (`--mac device`). */
  readonly usesOwnMac: boolean;
  /** Those of our addresses that the kernel does not own, as text. */
  readonly foreignAddresses: readonly string[];
}

/** Something to know, and what to do about it. */
export interface DeviceRemark {
  readonly text: string;
  readonly remedy: string;
}

/** Devices whose other end lets only the device's own address pass, by the kernel's driver. */
const GUARDED_DRIVERS: ReadonlyMap<string, DeviceRemark> = new Map([
  ["hv_netvsc", {
    text: "a device of Hyper-V, which drops frames of other hardware addresses",
    remedy: "switch on MAC address spoofing for the virtual machine, or add --mac device",
  }],
  ["vmxnet3", {
    text: "a device of VMware, which drops frames of other hardware addresses",
    remedy: "accept forged transmits and promiscuous mode on its port group, or add --mac device",
  }],
  ["ena", {
    text: "a device of EC2, where only addresses that are the instance's own are carried",
    remedy: "give the instance a second private address, and add --mac device",
  }],
  ["gve", {
    text: "a device of Compute Engine, where only addresses that are the instance's own are carried",
    remedy: "give the instance an alias address, and add --mac device",
  }],
]);

/** The judgement; empty where there is nothing to say. */
export function judgeTraits(facts: DeviceFacts, use: DeviceUse): DeviceRemark[] {
  const { driver, device } = facts;
  const remarks: DeviceRemark[] = [];
  if (driver === "ipvlan" && use.foreignAddresses.length > 0) {
    remarks.push({
      text: "an ipvlan device, which hands up only packets for addresses that the kernel has on it",
      remedy: "use its lower device or a macvlan, or serve its own address with --rst-guard nft",
    });
  }
  if (!use.usesOwnMac) {
    if (facts.isWireless) {
      remarks.push({
        text: "a wireless device, whose access point drops frames of other hardware addresses",
        remedy: "add --mac device",
      });
    }
    if (driver === "macvlan" && facts.macvlanMode !== "passthru") {
      const mode = facts.macvlanMode === null
        ? "unless its mode is passthru"
        : `in mode ${facts.macvlanMode}`;
      remarks.push({
        text:
          `a macvlan device, which (${mode}) hands up broadcasts and frames for its own hardware address only`,
        remedy:
          `add --mac device, or make it with ip link add link LOWER name ${device} type macvlan mode passthru`,
      });
    }
    const guarded = driver === null ? undefined : GUARDED_DRIVERS.get(driver);
    if (guarded !== undefined) remarks.push(guarded);
  }
  if (use.usesOwnMac && facts.forwards && use.foreignAddresses.length > 0) {
    const addresses = use.foreignAddresses.join(", ");
    const redirects = facts.redirects ? "redirects and later " : "";
    remarks.push({
      text: `with --mac device this host's kernel takes packets for ${addresses} too, and as it forwards, ` +
        `it answers clients with ICMP ${redirects}"host unreachable"`,
      remedy: `leave --mac device out, or sudo sysctl -w net.ipv4.conf.${sysctlName(device)}.forwarding=0`,
    });
  }
  return remarks;
}

/** In a name of sysctl a dot of the device's stands as a slash. */
function sysctlName(device: string): string {
  return device.replaceAll(".", "/");
}

/** Looks at a device; asks a program only about a macvlan, and /proc only where the answer matters. */
export async function readDeviceFacts(
  device: { readonly name: string; readonly isWireless: boolean },
  use: { readonly usesOwnMac: boolean },
): Promise<DeviceFacts> {
  const { name, isWireless } = device;
  const driver = deviceDriver(name);
  return {
    device: name,
    isWireless,
    driver,
    macvlanMode: driver === "macvlan" ? await readMacvlanMode(name) : null,
    forwards: use.usesOwnMac && isSet(name, "forwarding"),
    // Either switch turns it on.
    redirects: use.usesOwnMac && (isSet("all", "send_redirects") || isSet(name, "send_redirects")),
  };
}

function isSet(name: string, setting: string): boolean {
  return readProcText(`/proc/sys/net/ipv4/conf/${name}/${setting}`)?.trim() === "1";
}

async function readMacvlanMode(name: string): Promise<string | null> {
  const output = await runTool("ip", ["-details", "-json", "link", "show", "dev", name]);
  return output === null || !output.ok ? null : macvlanModeIn(output.text);
}

/** The mode of the macvlan in what `ip -details -json link show` prints; null where there is none. */
export function macvlanModeIn(listing: string): string | null {
  return /"info_kind":\s*"macv(?:lan|tap)".*?"mode":\s*"(\w+)"/s.exec(listing)?.[1] ?? null;
}
