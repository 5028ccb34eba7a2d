/**
 * The commands that make a lab of its plan, and configure it.
 *
 * Owns: the `ip` and `ethtool` command lines of the sides. Must not know: those of a switch or a router (lab_middle.ts), how
 * commands are run, or as whom (private_lab.ts, named_lab.ts).
 */
import { middleConfigureSteps, middleConfigureSteps6, middleCreateSteps } from "./lab_middle.ts";
import { inside, type LabPlace, labPlaces, type LabPlan, type LabSide, middleDevice } from "./lab_plan.ts";

/** Offloads that make a veth carry partial checksums or frames larger than the MTU (ethtool's names). */
const OFFLOADS = ["rx", "tx", "sg", "tso", "gso", "gro"] as const;

/** The commands that make the lab's namespaces and join them; each is one argument list. */
export function labCreateSteps(plan: LabPlan): string[][] {
  const { namespaces, devices, sides, middle } = plan;
  // Both ends are born inside their namespaces: no device of these names ever appears on the host.
  const pair = (side: LabSide, other: { place: LabPlace; device: string }) =>
    ["ip", "link", "add", devices[side], "netns", namespaces[side], "type", "veth", "peer", "name"]
      .concat([other.device, "netns", namespaces[other.place]]);
  const pairs = middle === null
    ? [pair("server", { place: "client", device: devices.client })]
    : sides.map((side) => pair(side, { place: middle, device: middleDevice(side) }));
  return [
    ...labPlaces(plan).map((place) => ["ip", "netns", "add", namespaces[place]]),
    ...pairs,
    ...middleCreateSteps(plan),
  ];
}

/** The commands that configure a lab whose namespaces are there; running them again changes nothing. */
export function labConfigureSteps(plan: LabPlan): string[][] {
  const steps = labPlaces(plan).map((place) => [...inside(plan, place), "link", "set", "lo", "up"]);
  if (plan.mtuBytes !== undefined) {
    for (const { place, device } of allDevices(plan)) {
      steps.push([...inside(plan, place), "link", "set", device, "mtu", String(plan.mtuBytes)]);
    }
  }
  for (const side of plan.sides) {
    const ip = inside(plan, side);
    const device = plan.devices[side];
    steps.push(
      [...ip, "address", "replace", `${plan.addresses[side]}/${plan.prefixLength}`, "dev", device],
      [...ip, "link", "set", device, "up"],
    );
  }
  return [...steps, ...middleConfigureSteps(plan)];
}

/**
 * The commands that give the lab IPv6, after all others. Where one of them fails the lab has IPv4 alone: IPv6 may be off in
 * the kernel, and below 1280 bytes of MTU it is refused.
 */
export function labSteps6(plan: LabPlan): string[][] {
  // The link-local addresses are the kernels' own work. These need not be looked for on a link that is ours alone (nodad).
  const own = plan.sides.map((side) =>
    [...inside(plan, side), "-6", "address", "replace"]
      .concat([`${plan.addresses6[side]}/${plan.prefixLength6}`, "dev", plan.devices[side], "nodad"])
  );
  return [...own, ...middleConfigureSteps6(plan)];
}

/** The commands that switch the offloads of all devices; they need ethtool. */
export function labOffloadSteps(plan: LabPlan): string[][] {
  const state = plan.offloads ? "on" : "off";
  return allDevices(plan).map(({ place, device }) =>
    ["ip", "netns", "exec", plan.namespaces[place], "ethtool", "-K", device]
      .concat(OFFLOADS.flatMap((name) => [name, state]))
  );
}

/** The devices of a namespace: a side's own, or those by which the middle reaches the sides. */
export function devicesOf({ sides, devices }: LabPlan, place: LabPlace): string[] {
  return place === "switch" || place === "router" ? sides.map(middleDevice) : [devices[place]];
}

function allDevices(plan: LabPlan): { place: LabPlace; device: string }[] {
  return labPlaces(plan).flatMap((place) => devicesOf(plan, place).map((device) => ({ place, device })));
}

/** One argument list as a line for `sh`, each word quoted. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}
