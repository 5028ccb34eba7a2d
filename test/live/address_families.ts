/**
 * The address families of a lab, for tests that run once over each: IPv4, IPv6, and IPv6 by link-local addresses.
 *
 * Owns: registering such tests, whose address is which, and how a program is told it. Must not know: what a test does with them.
 */
import { assert, assertEquals } from "@std/assert";
import type { LabPlace, LabSide } from "../../src/cli/lab_plan.ts";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests, liveTest, type LiveTestOptions } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

/** By which addresses the two sides of a lab talk. */
export type Family = "ipv4" | "ipv6" | "link-local";

/** All of them; a test that is made for each says its family in its name. */
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6", "link-local"];

/** The two that a router hands on: link-local addresses are for one link (RFC 4291 §2.5.6). */
export const ROUTED_FAMILIES: readonly Family[] = FAMILIES.filter((family) => family !== "link-local");

/** tcplab's hardware address where a test looks for its frames. */
export const OUR_MAC = "02:00:00:00:33:33";

/** tcplab's own link-local address in a lab: chosen, as RFC 4291 §2.5.6 has it, and no kernel's. */
const OURS_LINK_LOCAL = "fe80::3";

/** Addresses of one family, in one lab. */
export interface FamilyAddresses {
  readonly family: Family;
  /** The IP version. */
  readonly version: 4 | 6;
  /** tcplab's address with its prefix length, as `--ip` takes it. */
  readonly oursWithPrefix: string;
  /** tcplab's address alone, as events and `tshark` write it. */
  readonly ours: string;
  /** tcplab's address as a client in the client's namespace names it: with the zone of a link-local one (RFC 4007 §11). */
  readonly oursFromClient: string;
  /** The address of the client's kernel alone. */
  readonly client: string;
  /** The same as tcplab on the server's device names it. */
  readonly clientFromServer: string;
  /** The bytes of an IP header and a TCP header without options. */
  readonly headerBytes: number;
}

/** The addresses of a family in this lab; waits until the kernels may use theirs. */
export async function addressesOfFamily(lab: PrivateLab, family: Family): Promise<FamilyAddresses> {
  const { plan } = lab;
  if (family !== "link-local") {
    const isFour = family === "ipv4";
    const ours = isFour ? plan.tcplabAddress : plan.tcplabAddress6;
    const client = isFour ? plan.addresses.client : plan.addresses6.client;
    return {
      family,
      version: isFour ? 4 : 6,
      oursWithPrefix: `${ours}/${isFour ? plan.prefixLength : plan.prefixLength6}`,
      ours,
      oursFromClient: ours,
      client,
      clientFromServer: client,
      headerBytes: isFour ? 40 : 60,
    };
  }
  const client = await linkLocalAddress(lab, "client");
  return {
    family,
    version: 6,
    oursWithPrefix: `${OURS_LINK_LOCAL}/64`,
    ours: OURS_LINK_LOCAL,
    oursFromClient: `${OURS_LINK_LOCAL}%${plan.devices.client}`,
    client,
    clientFromServer: `${client}%${plan.devices.server}`,
    headerBytes: 60,
  };
}

/** Registers a live test for each family; those of IPv6 are ignored, by name, where the kernel has none. */
export function familyTest(
  name: string,
  { families = FAMILIES, ...options }: LiveTestOptions & { readonly families?: readonly Family[] },
  body: (lab: PrivateLab, family: FamilyAddresses) => Promise<void>,
): void {
  for (const family of families) {
    liveTest(`${family}: ${name}`, { ...options, ipv6: family !== "ipv4" }, async (lab) => {
      await body(lab, await addressesOfFamily(lab, family));
    });
  }
}

/** An address with a port behind it, as URLs and `netstat` write it. */
export function withPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The link-local address that a side's kernel has made, once it may be used (RFC 4862 §5.4). */
export async function linkLocalAddress(lab: PrivateLab, side: LabSide): Promise<string> {
  const words = ["ip", "-6", "-o", "address", "show", "dev", lab.plan.devices[side], "scope", "link"];
  let found: string | undefined;
  await waitFor(async () => {
    const { stdout } = await lab.run({ side, words });
    const line = stdout.split("\n").find((text) => text.includes("inet6") && !text.includes("tentative"));
    found = line === undefined ? undefined : /inet6 ([0-9a-f:]+)/.exec(line)?.[1];
    return found !== undefined;
  }, { what: `${side} has a link-local address` });
  if (found === undefined) throw new Error(`${side} has no link-local address`);
  return found;
}

/** The hardware address of a side's device. */
export async function macOf(lab: PrivateLab, side: LabSide): Promise<string> {
  return (await runIn(lab, side, `cat /sys/class/net/${lab.plan.devices[side]}/address`)).trim();
}

/** Runs a line of shell in a namespace of the lab, demands that it succeeds, and gives its stdout. */
export async function runIn(lab: PrivateLab, side: LabPlace, line: string): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side, words: ["sh", "-c", line] });
  assertEquals(code, 0, `${line}: ${stdout}${stderr}`);
  return stdout;
}

/** What a family_peer.py says when it is done. */
export interface FamilyPeerAnswer {
  readonly sent?: string;
  readonly received?: string;
  readonly bytes: number;
  /** The largest segment that the kernel sends by then. */
  readonly sendMss: number;
}

/** Runs a client of family_peer.py to its end, on a side (the client's when absent). */
export async function runPeer(
  lab: PrivateLab,
  words: readonly (string | number)[],
  side: LabSide = "client",
): Promise<FamilyPeerAnswer> {
  const { code, stdout, stderr } = await lab.run({ side, words: peerWords(words) });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Starts a peer that stays: `hold` and `serve` say a word when they are ready. */
export async function startPeer(
  lab: PrivateLab,
  words: readonly (string | number)[],
  side: LabSide = "client",
): Promise<LabProcess> {
  const ready = Promise.withResolvers<void>();
  const peer = lab.spawn({ side, words: peerWords(words), stdin: true, onStdout: () => ready.resolve() });
  peer.result.then(({ stderr }) => ready.reject(new Error(`The peer ended: ${stderr}`)));
  await ready.promise;
  assert(!peer.ended, peer.stderr);
  return peer;
}

function peerWords(words: readonly (string | number)[]): string[] {
  return ["python3", "-B", besideTests("family_peer.py"), ...words.map(String)];
}
