/**
 * What can stand in the middle of a lab, in a namespace of its own, and the commands that make it that.
 *
 * A switch: a bridge over the middle's devices, which looks into IGMP and MLD (snooping) and asks by itself (querier), so that
 * a group's frames go only to those that have reported it. A router: addresses on both of its devices, forwarding, and the
 * sides' default routes to it. It can be told to hand on small packets only, either way, as if a tunnel lay behind it: its
 * devices carry what the others do, so that both ends learn of it by ICMP and in no other way.
 *
 * Owns: those commands. Must not know: names and addresses (lab_plan.ts), how commands are run.
 */
import {
  inside,
  type LabMiddle,
  type LabPlan,
  type LabRouter,
  LEAST_MTU_6,
  middleDevice,
} from "./lab_plan.ts";

/** The switch's own device; nothing of the lab is reached by it. */
export const BRIDGE_DEVICE = "bridge";
/** The sides of a router. */
const FACES = ["server", "client"] as const;

/**
 * Only a switch that hears a querier keeps a group's frames from those who did not ask; until then it floods, as one without
 * snooping does. Hundredths of a second: quick enough for a lab, where the kernel's 31 s and 10 s are for real networks. Local choice.
 * What the querier waits for is read when it begins, so that it comes last.
 */
const SNOOPING = [
  "mcast_snooping 1 mcast_mld_version 2 mcast_igmp_version 3 mcast_startup_query_interval 200 " +
  "mcast_query_interval 3000 mcast_query_response_interval 100",
  "mcast_querier 1",
];
/** Ports of a switch are no stations: they have nothing to say themselves. */
const SILENT_PORTS =
  'for file in /proc/sys/net/ipv6/conf/to-*/disable_ipv6; do echo 1 >"$file"; done 2>/dev/null || :';

/**
 * Until its link-local address is proved its own, a kernel asks for no neighbour and no listener (RFC 4862 §5.4): the first two
 * seconds of a lab would go by without a router or a querier. On links that are ours alone there is nothing to prove.
 */
const WITHOUT_DAD =
  'for file in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >"$file"; done 2>/dev/null || :';

/** The commands that make the middle what it is; those that join it to the sides come before. */
export function middleCreateSteps(plan: LabPlan): string[][] {
  if (plan.middle !== "switch") return [];
  return [[...inside(plan, "switch"), "link", "add", "name", BRIDGE_DEVICE, "type", "bridge"]];
}

/** The commands that configure the middle, and the sides' routes over it, for IPv4 and for what is below it. */
export function middleConfigureSteps(plan: LabPlan): string[][] {
  if (plan.middle === "switch") return switchSteps(plan);
  if (plan.router === null) return [];
  const { router } = plan;
  const ip = inside(plan, "router");
  return [
    inKernel(plan, "router", WITHOUT_DAD),
    ...FACES.flatMap((face) => {
      const address = router.addresses[face];
      const device = middleDevice(face);
      const net = `${address.slice(0, address.lastIndexOf("."))}.0/${plan.prefixLength}`;
      return [
        [...ip, "address", "replace", `${address}/${plan.prefixLength}`, "dev", device],
        [...ip, "link", "set", device, "up"],
        [...ip, "route", "replace", net, "dev", device, "proto", "kernel", "scope", "link", "src", address]
          .concat(narrow(router, 0)),
        [...inside(plan, face), "route", "replace", "default", "via", address, "dev", plan.devices[face]],
      ];
    }),
    inKernel(plan, "router", "echo 1 >/proc/sys/net/ipv4/ip_forward"),
  ];
}

/** The same for IPv6. */
export function middleConfigureSteps6(plan: LabPlan): string[][] {
  if (plan.router === null) return [];
  const { router } = plan;
  const ip = [...inside(plan, "router"), "-6"];
  return [
    ...FACES.flatMap((face) => {
      const address = router.addresses6[face];
      const device = middleDevice(face);
      const net = `${address.slice(0, address.lastIndexOf("::"))}::/${plan.prefixLength6}`;
      const side = [...inside(plan, face), "-6"];
      return [
        [...ip, "address", "replace", `${address}/${plan.prefixLength6}`, "dev", device, "nodad"],
        // With the metric that the kernel gives a subnet of its own: this replaces that route.
        [...ip, "route", "replace", net, "dev", device, "proto", "kernel", "metric", "256"]
          .concat(narrow(router, LEAST_MTU_6)),
        [...side, "route", "replace", "default", "via", address, "dev", plan.devices[face]],
      ];
    }),
    inKernel(plan, "router", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"),
  ];
}

function switchSteps(plan: LabPlan): string[][] {
  const ip = inside(plan, "switch");
  return [
    inKernel(plan, "switch", WITHOUT_DAD),
    inKernel(plan, "switch", SILENT_PORTS),
    ...SNOOPING.map((what) => [...ip, "link", "set", BRIDGE_DEVICE, "type", "bridge", ...what.split(" ")]),
    ...plan.sides.map((
      side,
    ) => [...ip, "link", "set", middleDevice(side), "master", BRIDGE_DEVICE, "up"]),
    [...ip, "link", "set", BRIDGE_DEVICE, "up"],
  ];
}

/** What a route says of the packets that it takes; no less than the family asks for. */
function narrow({ mtuBytes }: LabRouter, least: number): string[] {
  return mtuBytes === undefined ? [] : ["mtu", String(Math.max(mtuBytes, least))];
}

/** A line of shell for the middle's kernel: `sysctl` is not installed everywhere. */
function inKernel(plan: LabPlan, middle: LabMiddle, line: string): string[] {
  return ["ip", "netns", "exec", plan.namespaces[middle], "sh", "-c", line];
}
