/**
 * The lab's network as data: two namespaces, a veth pair between them, and the commands that make and remove it.
 *
 *     server namespace                       client namespace
 *     veth-server  10.33.0.1/24  ==========  veth-client  10.33.0.2/24
 *     (tcplab answers for 10.33.0.3, which no kernel owns)
 *
 * Owns: names, addresses and the `ip` and `ethtool` command lines. Must not know: how they are run, or as whom
 * (private_lab.ts, named_lab.ts).
 */

/** The two sides of the lab. */
export type LabSide = "server" | "client";

/** Everything that is fixed about one lab. */
export interface LabPlan {
  /** Names of the network namespaces, as `ip netns` knows them. */
  readonly namespaces: Readonly<Record<LabSide, string>>;
  readonly devices: Readonly<Record<LabSide, string>>;
  /** The kernels' own IPv4 addresses. */
  readonly addresses: Readonly<Record<LabSide, string>>;
  /** The kernels' own IPv6 addresses. */
  readonly addresses6: Readonly<Record<LabSide, string>>;
  /** The address that no kernel owns: tcplab's. */
  readonly tcplabAddress: string;
  readonly tcplabAddress6: string;
  readonly prefixLength: number;
  readonly prefixLength6: number;
  /** The largest IP packet in bytes; the device's default when absent. */
  readonly mtuBytes?: number;
  /** Whether checksum and segmentation offloads stay on, as veth has them by default. */
  readonly offloads: boolean;
}

/** What a caller may choose about a lab. */
export interface LabOptions {
  /** Prefix of the namespaces' names; empty for plain `server` and `client`. */
  readonly name?: string;
  readonly mtuBytes?: number;
  readonly offloads?: boolean;
}

/** The sides in the order in which they are set up. */
export const LAB_SIDES: readonly LabSide[] = ["server", "client"];

/** Offloads that make a veth carry partial checksums or frames larger than the MTU (ethtool's names). */
const OFFLOADS = ["rx", "tx", "sg", "tso", "gso", "gro"] as const;

/** Below this IPv6 refuses the device (RFC 8200 §5); above it a veth does. */
export const LAB_MTU_RANGE = { least: 68, most: 65535 } as const;

/** Makes the plan of a lab. */
export function planLab(options: LabOptions = {}): LabPlan {
  const prefix = options.name ? `${options.name}-` : "";
  return {
    namespaces: { server: `${prefix}server`, client: `${prefix}client` },
    devices: { server: "veth-server", client: "veth-client" },
    addresses: { server: "10.33.0.1", client: "10.33.0.2" },
    addresses6: { server: "fd33::1", client: "fd33::2" },
    tcplabAddress: "10.33.0.3",
    tcplabAddress6: "fd33::3",
    prefixLength: 24,
    prefixLength6: 64,
    ...(options.mtuBytes === undefined ? {} : { mtuBytes: options.mtuBytes }),
    offloads: options.offloads ?? true,
  };
}

/** The commands that make the lab's namespaces and join them; each is one argument list. */
export function labCreateSteps(plan: LabPlan): string[][] {
  const { namespaces, devices } = plan;
  return [
    ["ip", "netns", "add", namespaces.server],
    ["ip", "netns", "add", namespaces.client],
    // Both ends are born inside their namespaces: no device of these names ever appears on the host.
    ["ip", "link", "add", devices.server, "netns", namespaces.server, "type", "veth", "peer", "name"]
      .concat([devices.client, "netns", namespaces.client]),
  ];
}

/** The commands that configure a lab whose namespaces are there; running them again changes nothing. */
export function labConfigureSteps(plan: LabPlan): string[][] {
  const steps: string[][] = [];
  for (const side of LAB_SIDES) {
    const ip = ["ip", "-n", plan.namespaces[side]];
    const device = plan.devices[side];
    if (plan.mtuBytes !== undefined) {
      steps.push([...ip, "link", "set", device, "mtu", String(plan.mtuBytes)]);
    }
    steps.push(
      [...ip, "link", "set", "lo", "up"],
      [...ip, "address", "replace", `${plan.addresses[side]}/${plan.prefixLength}`, "dev", device],
      [...ip, "link", "set", device, "up"],
    );
  }
  return steps;
}

/**
 * Commands whose failure does not spoil the lab: IPv6 may be off in the kernel, and below 1280 bytes of MTU it
 * is refused.
 */
export function labOptionalSteps(plan: LabPlan): string[][] {
  return LAB_SIDES.map((side) =>
    ["ip", "-n", plan.namespaces[side], "-6", "address", "replace"]
      .concat([`${plan.addresses6[side]}/${plan.prefixLength6}`, "dev", plan.devices[side], "nodad"])
  );
}

/** The commands that switch the offloads of both ends; they need ethtool. */
export function labOffloadSteps(plan: LabPlan): string[][] {
  const state = plan.offloads ? "on" : "off";
  return LAB_SIDES.map((side) =>
    ["ip", "netns", "exec", plan.namespaces[side], "ethtool", "-K", plan.devices[side]]
      .concat(OFFLOADS.flatMap((name) => [name, state]))
  );
}

/** One argument list as a line for `sh`, each word quoted. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}
