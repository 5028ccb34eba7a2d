/**
 * The lab's network as data: namespaces, the veth pairs between them, and their addresses.
 *
 *     server namespace                       client namespace
 *     veth-server  10.33.0.1/24  ==========  veth-client  10.33.0.2/24
 *                  fd33::1/64                             fd33::2/64
 *     (tcplab answers for 10.33.0.3 and fd33::3, which no kernel owns)
 *
 * Instead of the pair there can be a namespace in the middle: a switch with several clients, or a router between two
 * subnets.
 *
 * Owns: names and addresses. Must not know: the commands that make all this (lab_network.ts, lab_middle.ts).
 */

/** A side of the lab: a kernel with a device and addresses. A lab with a switch has further clients, from `client2` on. */
export type LabSide = "server" | "client" | `client${number}`;

/** What can stand between the sides, in a namespace of its own. */
export type LabMiddle = "switch" | "router";

/** A namespace of a lab. */
export type LabPlace = LabSide | LabMiddle;

/** The router between the server's subnet and the client's. */
export interface LabRouter {
  /** Its addresses, by the side that they face. */
  readonly addresses: Readonly<Record<"server" | "client", string>>;
  readonly addresses6: Readonly<Record<"server" | "client", string>>;
  /** The largest packet that it hands on, either way, in bytes; as large as its devices carry when absent. */
  readonly mtuBytes?: number;
}

/** Everything that is fixed about one lab. */
export interface LabPlan {
  /** The sides that this lab has, in the order in which they are set up. */
  readonly sides: readonly LabSide[];
  /** What stands between them; null where one pair joins two sides. */
  readonly middle: LabMiddle | null;
  /** Names of the network namespaces, as `ip netns` knows them; those that this lab has are `sides` and `middle`. */
  readonly namespaces: Readonly<Record<LabPlace, string>>;
  readonly devices: Readonly<Record<LabSide, string>>;
  /** The kernels' own IPv4 addresses. */
  readonly addresses: Readonly<Record<LabSide, string>>;
  /** The kernels' own IPv6 addresses; each device has a link-local one besides, which its kernel makes. */
  readonly addresses6: Readonly<Record<LabSide, string>>;
  /** The address that no kernel owns: tcplab's, in the server's subnet. */
  readonly tcplabAddress: string;
  readonly tcplabAddress6: string;
  readonly prefixLength: number;
  readonly prefixLength6: number;
  /** Where `middle` is the router. */
  readonly router: LabRouter | null;
  /** The largest IP packet in bytes; the device's default when absent. */
  readonly mtuBytes?: number;
  /** Whether checksum and segmentation offloads stay on, as veth has them by default. */
  readonly offloads: boolean;
}

/** Which namespaces a lab has: a pair of two sides where nothing is said. */
export interface LabForm {
  /** A switch joins the server and `hosts` clients. */
  readonly bridge?: boolean;
  /** How many clients a switch has. */
  readonly hosts?: number;
  /** A router between two subnets, the server's and the client's. */
  readonly router?: boolean;
}

/** What a caller may choose about a lab. */
export interface LabOptions extends LabForm {
  /** Prefix of the namespaces' names; empty for plain `server` and `client`. */
  readonly name?: string;
  readonly mtuBytes?: number;
  readonly offloads?: boolean;
  /** The largest packet that the router hands on, in bytes. */
  readonly routerMtuBytes?: number;
}

/** The sides of a lab of one pair, and of one with a router. */
const PAIR: readonly LabSide[] = ["server", "client"];
/** Clients of a switch when nothing is said, and at the most. Local choice: their addresses end in 12 to 19. */
export const LAB_HOSTS = { usual: 3, most: 9 } as const;
/** The addresses of further clients end in this and their number: 3 to 9 are free for several of ours. */
const FURTHER_CLIENTS = 10;

/** Below this IPv6 refuses the device (RFC 8200 §5); above it a veth does. */
export const LAB_MTU_RANGE = { least: 68, most: 65535 } as const;
/** No link of IPv6 carries less (RFC 8200 §5). */
export const LEAST_MTU_6 = 1280;

/** Makes the plan of a lab. */
export function planLab(options: LabOptions = {}): LabPlan {
  const prefix = options.name ? `${options.name}-` : "";
  const middle = options.router ? "router" : options.bridge ? "switch" : null;
  const further = middle === "switch" ? furtherClients(options.hosts ?? LAB_HOSTS.usual) : [];
  const sides = [...PAIR, ...further];
  const places: LabPlace[] = [...sides, "switch", "router"];
  const far = middle === "router" ? 34 : 33;
  const own = further.map((side) => [side, `${FURTHER_CLIENTS + Number(side.slice("client".length))}`]);
  const addressesBelow = (subnet: string) =>
    Object.fromEntries(own.map(([side, end]) => [side, subnet + end]));
  return {
    sides,
    middle,
    namespaces: {
      server: `${prefix}server`,
      client: `${prefix}client`,
      switch: `${prefix}switch`,
      router: `${prefix}router`,
      ...Object.fromEntries(places.map((place) => [place, `${prefix}${place}`])),
    },
    devices: {
      server: "veth-server",
      client: "veth-client",
      ...Object.fromEntries(further.map((side) => [side, `veth-${side}`])),
    },
    addresses: { server: "10.33.0.1", client: `10.${far}.0.2`, ...addressesBelow("10.33.0.") },
    addresses6: { server: "fd33::1", client: `fd${far}::2`, ...addressesBelow("fd33::") },
    tcplabAddress: "10.33.0.3",
    tcplabAddress6: "fd33::3",
    prefixLength: 24,
    prefixLength6: 64,
    router: middle !== "router" ? null : {
      addresses: { server: "10.33.0.254", client: "10.34.0.254" },
      addresses6: { server: "fd33::254", client: "fd34::254" },
      ...(options.routerMtuBytes === undefined ? {} : { mtuBytes: options.routerMtuBytes }),
    },
    ...(options.mtuBytes === undefined ? {} : { mtuBytes: options.mtuBytes }),
    offloads: options.offloads ?? true,
  };
}

/** `client2` and those after it, where there are so many clients. */
function furtherClients(hosts: number): LabSide[] {
  return Array.from(
    { length: Math.min(hosts, LAB_HOSTS.most) - 1 },
    (_, index): LabSide => `client${index + 2}`,
  );
}

/** All namespaces that a lab has. */
export function labPlaces({ sides, middle }: LabPlan): LabPlace[] {
  return middle === null ? [...sides] : [...sides, middle];
}

/** What the middle calls the device whose other end is a side's. */
export function middleDevice(side: LabSide): string {
  return `to-${side}`;
}

/** `ip`, for a namespace of the lab. */
export function inside(plan: LabPlan, place: LabPlace): string[] {
  return ["ip", "-n", plan.namespaces[place]];
}
