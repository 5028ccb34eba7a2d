/**
 * `tcplab doctor`: is everything there that a server needs, and what to do where it is not.
 *
 * Owns: the order of the checks, how they are shown, the exit status. Must not know: how each is made
 * (doctor_checks.ts).
 */
import { getColorEnabled } from "@std/fmt/colors";
import { paletteFor } from "../observe/text_layout.ts";
import { type Command, EXIT_DONE, EXIT_FAILED } from "./command.ts";
import {
  checkAddress,
  checkCarriage,
  checkDevice,
  checkFirewall,
  checkIpv6,
  checkLibrary,
  checkOffloads,
  checkPrivateLab,
  checkRights,
  checkSending,
  checkTools,
  devicesHere,
  type Finding,
} from "./doctor_checks.ts";
import { badValue } from "./option_values.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { type AddressRequest, parseAddresses } from "./address_request.ts";
import { printLine } from "./terminal.ts";

const OPTIONS = [
  {
    name: "iface",
    alias: "i",
    kind: "value",
    value: "NAME",
    help: "the device to look at (default: the first usable one)",
  },
  {
    name: "ip",
    kind: "list",
    value: "ADDR[/LEN][,...]",
    help:
      "the addresses that are meant for the server, IPv4 and IPv6: judged as serve judges them, which asks the segment who has them",
  },
  {
    name: "mac",
    kind: "value",
    value: "auto|device",
    help: "the hardware address that is meant for the server (auto: one of its own)",
  },
  { name: "json", kind: "flag", help: "as JSON, an array with one object for each check" },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "doctor",
  synopsis: "[--iface NAME] [--ip ADDR[/LEN],...] [--mac auto|device] [--json]",
  description:
    `Checks library, device, rights, what the device carries, IPv6, off-loads, sending, address ownership, firewall, namespaces and tools, and says how to
mend each. Exit status 1 when something is missing that every server needs.`,
  options: OPTIONS,
};

/** Makes all checks; those that rest on one that failed are left out. */
async function examine(
  wanted: { device: string | null; requests: readonly AddressRequest[]; usesOwnMac: boolean },
): Promise<Finding[]> {
  const findings = [checkLibrary()];
  const devices = devicesHere();
  if (devices !== null) {
    const { finding, device } = checkDevice(devices, wanted.device);
    findings.push(finding);
    if (device !== null) {
      const rights = checkRights(device);
      const { requests, usesOwnMac } = wanted;
      const addresses = requests.map(({ address }) => address);
      findings.push(rights, await checkCarriage(device, { usesOwnMac, wanted: addresses }));
      findings.push(checkIpv6(device), await checkOffloads(device));
      if (rights.status === "ok") findings.push(checkSending(device));
      const mayAsk = rights.status === "ok";
      for (const request of requests.length === 0 ? [null] : requests) {
        findings.push(await checkAddress({ device, devices, mayAsk }, request));
      }
    }
  }
  findings.push(await checkFirewall(), await checkPrivateLab(), await checkTools());
  return findings;
}

/** The findings as lines, each with its remedy below it. */
function findingsText(findings: readonly Finding[], color = false): string {
  const palette = paletteFor(color);
  const marks = { ok: palette.good("ok  "), note: palette.notice("note"), fail: palette.bad("FAIL") };
  const width = Math.max(...findings.map((finding) => finding.check.length));
  const lines: string[] = [];
  for (const { check, status, detail, remedy } of findings) {
    lines.push(`${marks[status]}  ${palette.strong(check.padEnd(width))}  ${detail}`);
    if (remedy !== "") lines.push(`${" ".repeat(6 + width)}  ${palette.quiet("->")} ${remedy}`);
  }
  const failed = findings.filter((finding) => finding.status === "fail").map((finding) => finding.check);
  lines.push(
    "",
    failed.length === 0 ? "A server can run here." : `No server can run here yet: mend ${failed.join(", ")}.`,
  );
  return lines.join("\n");
}

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const texts = options.list("ip");
  const requests = texts.length === 0 ? [] : parseAddresses(texts);
  const mac = options.value("mac") ?? "auto";
  if (mac !== "auto" && mac !== "device") throw badValue({ option: "mac", text: mac }, "auto or device");
  const usesOwnMac = mac === "device";
  const findings = await examine({ device: options.value("iface") ?? null, requests, usesOwnMac });
  if (options.flag("json")) printLine(JSON.stringify(findings, null, 2));
  else printLine(findingsText(findings, getColorEnabled()));
  return findings.some((finding) => finding.status === "fail") ? EXIT_FAILED : EXIT_DONE;
}

/** The command. */
export const command: Command = {
  name: "doctor",
  summary: "checks library, rights, device, address and firewall, and says how to mend each",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
