/**
 * The hardware address that the server answers with.
 *
 * Owns: what `--mac` may say, and the stable address that `auto` gives. Must not know: devices, frames.
 */
import { isMulticastMac, type MacAddress, parseMac } from "../wire/address.ts";
import { badValue, type GivenValue } from "./option_values.ts";

/** What `--mac` asks for. */
export type MacChoice =
  | { readonly kind: "auto" }
  | { readonly kind: "device" }
  | { readonly kind: "explicit"; readonly mac: MacAddress };

/** Reads the value of `--mac`. */
export function parseMacChoice(given: GivenValue): MacChoice {
  if (given.text === "auto" || given.text === "device") return { kind: given.text };
  const mac = parseMac(given.text);
  if (mac === null) throw badValue(given, "auto, device, or six pairs of hex digits as in 02:00:00:00:33:33");
  if (isMulticastMac(mac)) {
    throw badValue(
      given,
      "an address of one host, and this is a group's (the first byte is odd): 02:... will do",
    );
  }
  if (mac.every((byte) => byte === 0)) throw badValue(given, "an address other than zero");
  return { kind: "explicit", mac };
}

/**
 * A locally administered unicast address (IEEE 802: bit 0x02 of the first byte set, bit 0x01 clear), the same each
 * time for the same machine, device and IP address, so that the peers' ARP caches stay right over a restart.
 */
export async function stableMac(
  identity: { machine: string; device: string; ip: string },
): Promise<MacAddress> {
  const text = ["tcplab", identity.machine, identity.device, identity.ip].join("\0");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const mac = digest.slice(0, 6);
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return mac;
}

/** Something that tells this machine from others: systemd's machine id, else the host name. */
export function machineIdentity(): string {
  for (const file of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const id = Deno.readTextFileSync(file).trim();
      if (id !== "") return id;
    } catch {
      // not on this system, or not for us
    }
  }
  try {
    return Deno.hostname();
  } catch {
    return "";
  }
}
