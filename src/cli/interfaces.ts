/**
 * `tcplab interfaces`: the devices that libpcap sees.
 *
 * Owns: how they are shown. Must not know: how they are opened.
 */
import { listInterfaces } from "../../ffi/interfaces.ts";
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { getColorEnabled } from "@std/fmt/colors";
import { layTable, paletteFor } from "../observe/text_layout.ts";
import { formatMac } from "../wire/address.ts";
import { type Command, EXIT_DONE } from "./command.ts";
import { deviceJson, judgeDevice, linkText, scopedAddressTexts } from "./device.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { printLine } from "./terminal.ts";

const OPTIONS = [
  { name: "json", kind: "flag", help: "as JSON, an array with one object for each device" },
  {
    name: "all",
    alias: "a",
    kind: "flag",
    help: "also devices that are no network devices (any, usbmon0, ...)",
  },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "interfaces",
  synopsis: "[--all] [--json]",
  description: "Lists the devices that libpcap sees, and says which can carry a server, or why not.",
  options: OPTIONS,
};

/** True for what a person would call a network device. */
function isNetworkDevice(device: InterfaceInfo): boolean {
  return device.isLoopback || device.mac !== null || device.addresses.length > 0 ||
    device.isEthernet !== null;
}

/** The devices as a table. */
export function interfacesText(devices: readonly InterfaceInfo[], color = false): string {
  const palette = paletteFor(color);
  const rows = devices.map((device) => {
    const { usable, note, remedy } = judgeDevice(device);
    const verdict = note === "" ? "usable" : usable ? `usable; ${note}` : `no: ${note}`;
    return [
      device.name,
      device.mac === null ? "-" : formatMac(device.mac),
      linkText(device),
      device.mtu === null ? "-" : String(device.mtu),
      scopedAddressTexts(device).join(" ") || "-",
      // The general advice would be the same in many rows; a remedy that names the device is worth its place.
      remedy.includes(device.name) || usable && remedy !== "" ? `${verdict}; ${remedy}` : verdict,
    ];
  });
  const columns = ["Device", "MAC", "Link", "MTU", "Addresses", "For a server"].map((title) => ({
    title,
    alignRight: title === "MTU",
  }));
  return layTable(columns, rows, {
    palette,
    paintCell: (text, _row, column) =>
      column !== 5 ? text : text.startsWith("usable") ? palette.good(text) : palette.quiet(text),
  });
}

function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const devices = listInterfaces().filter((device) => options.flag("all") || isNetworkDevice(device));
  if (options.flag("json")) printLine(JSON.stringify(devices.map(deviceJson), null, 2));
  else printLine(interfacesText(devices, getColorEnabled()));
  return Promise.resolve(EXIT_DONE);
}

/** The command. */
export const command: Command = {
  name: "interfaces",
  summary: "lists the devices that libpcap sees, and which of them can be used",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
