/** The plan of the lab, and the commands that it becomes; nothing is run. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import {
  devicesOf,
  labConfigureSteps,
  labCreateSteps,
  labOffloadSteps,
  labSteps6,
  shellLine,
} from "../../src/cli/lab_network.ts";
import { LAB_SYNTAX, labOptions, parsePlace } from "../../src/cli/lab_options.ts";
import { labPlaces, type LabPlan, planLab } from "../../src/cli/lab_plan.ts";
import { parseOptions } from "../../src/cli/options.ts";

/** The names of the namespaces that a lab has. */
const names = (plan: LabPlan) => labPlaces(plan).map((place) => plan.namespaces[place]);
const lines = (steps: string[][]) => steps.map((words) => words.join(" "));

Deno.test("a lab without a name has plain sides, one with a name has its prefix", () => {
  assertEquals(names(planLab()), ["server", "client"]);
  assertEquals(names(planLab({ name: "tcplab" })), ["tcplab-server", "tcplab-client"]);
});

Deno.test("the three addresses of a lab are distinct and in one subnet", () => {
  const { addresses, tcplabAddress, prefixLength } = planLab();
  const all = [addresses.server, addresses.client, tcplabAddress];
  assertEquals(new Set(all).size, 3);
  assertEquals(
    new Set(all.map((address) => address.split(".").slice(0, prefixLength / 8).join("."))).size,
    1,
  );
});

Deno.test("both ends of the pair are born inside the namespaces, never on the host", () => {
  const plan = planLab({ name: "x" });
  const link = labCreateSteps(plan).filter((words) => words.includes("veth"));
  assertEquals(link.map((words) => words.join(" ")), [
    "ip link add veth-server netns x-server type veth peer name veth-client netns x-client",
  ]);
  for (const words of [...labConfigureSteps(plan), ...labSteps6(plan)]) {
    assert(words[1] === "-n", `every other step names its namespace: ${words.join(" ")}`);
  }
});

Deno.test("an MTU is set on both devices, and only when asked for", () => {
  const mtu = (steps: string[][]) =>
    steps.filter((words) => words.includes("mtu")).map((words) => words.at(-1));
  assertEquals(mtu(labConfigureSteps(planLab())), []);
  assertEquals(mtu(labConfigureSteps(planLab({ mtuBytes: 1400 }))), ["1400", "1400"]);
});

Deno.test("offloads are switched on both sides, all of them one way", () => {
  const steps = labOffloadSteps(planLab({ offloads: false }));
  assertEquals(steps.length, 2);
  for (const words of steps) {
    assert(words.includes("tso") && words.includes("tx"), words.join(" "));
    assert(!words.includes("on"), words.join(" "));
  }
});

Deno.test("words become a line that a shell takes apart again", () => {
  assertEquals(shellLine(["ip", "-n", "a-b", "10.33.0.1/24"]), "ip -n a-b 10.33.0.1/24");
  assertEquals(
    shellLine(["echo", "two words", "it's", "$HOME", ""]),
    `echo 'two words' 'it'\\''s' '$HOME' ''`,
  );
});

Deno.test("a switch joins the server and as many clients as are asked for, each with addresses of its own", () => {
  const plan = planLab({ name: "x", bridge: true, hosts: 3 });
  assertEquals(names(plan), ["x-server", "x-client", "x-client2", "x-client3", "x-switch"]);
  assertEquals(planLab({ bridge: true }).sides, plan.sides);
  assertEquals(planLab({ bridge: true, hosts: 1 }).sides, ["server", "client"]);
  for (const addresses of [plan.addresses, plan.addresses6]) {
    const all = [...plan.sides.map((side) => addresses[side]), plan.tcplabAddress, plan.tcplabAddress6];
    assertEquals(new Set(all).size, all.length);
  }
  assertEquals([plan.addresses.client3, plan.addresses6.client3], ["10.33.0.13", "fd33::13"]);
  assertEquals(devicesOf(plan, "switch"), ["to-server", "to-client", "to-client2", "to-client3"]);
  const created = lines(labCreateSteps(plan));
  assertEquals(created.filter((line) => line.includes("veth-client3")), [
    "ip link add veth-client3 netns x-client3 type veth peer name to-client3 netns x-switch",
  ]);
  assertEquals(created.at(-1), "ip -n x-switch link add name bridge type bridge");
  const configured = lines(labConfigureSteps(plan));
  assert(configured.some((line) => line.includes("mcast_snooping 1")));
  for (const side of plan.sides) {
    assert(configured.includes(`ip -n x-switch link set to-${side} master bridge up`), side);
  }
});

Deno.test("a switch has no more clients than there are addresses for", () => {
  assertEquals(planLab({ bridge: true, hosts: 1000 }).sides.length, 10);
});

Deno.test("a router stands between two subnets of each family, and both sides send by it what is not theirs", () => {
  const plan = planLab({ router: true, routerMtuBytes: 1400 });
  assertEquals(names(plan), ["server", "client", "router"]);
  assertEquals([plan.addresses.client, plan.addresses6.client], ["10.34.0.2", "fd34::2"]);
  const four = lines(labConfigureSteps(plan));
  const six = lines(labSteps6(plan));
  for (
    const line of [
      "ip -n router route replace 10.33.0.0/24 dev to-server proto kernel scope link src 10.33.0.254 mtu 1400",
      "ip -n router route replace 10.34.0.0/24 dev to-client proto kernel scope link src 10.34.0.254 mtu 1400",
      "ip -n server route replace default via 10.33.0.254 dev veth-server",
      "ip -n client route replace default via 10.34.0.254 dev veth-client",
      "ip netns exec router sh -c echo 1 >/proc/sys/net/ipv4/ip_forward",
    ]
  ) assert(four.includes(line), line);
  for (
    const line of [
      "ip -n router -6 route replace fd33::/64 dev to-server proto kernel metric 256 mtu 1400",
      "ip -n router -6 route replace fd34::/64 dev to-client proto kernel metric 256 mtu 1400",
      "ip -n server -6 route replace default via fd33::254 dev veth-server",
      "ip -n client -6 route replace default via fd34::254 dev veth-client",
      "ip netns exec router sh -c echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    ]
  ) assert(six.includes(line), line);
});

Deno.test("no path of IPv6 is narrower than 1280 bytes, and one that is not narrow has no MTU (RFC 8200 §5)", () => {
  const mtus = (steps: string[][]) =>
    steps.filter((words) => words.includes("mtu")).map((words) => words[words.indexOf("mtu") + 1]);
  const narrow = planLab({ router: true, routerMtuBytes: 1000 });
  assertEquals([mtus(labConfigureSteps(narrow)), mtus(labSteps6(narrow))], [["1000", "1000"], [
    "1280",
    "1280",
  ]]);
  const wide = planLab({ router: true });
  assertEquals([mtus(labConfigureSteps(wide)), mtus(labSteps6(wide))], [[], []]);
});

Deno.test("an MTU is that of every device, those of the middle too", () => {
  const mtu = labConfigureSteps(planLab({ bridge: true, hosts: 1, mtuBytes: 1400 }))
    .filter((words) => words.includes("mtu"));
  assertEquals(mtu.map((words) => words[5]), ["veth-server", "veth-client", "to-server", "to-client"]);
  assertEquals(labOffloadSteps(planLab({ router: true, offloads: false })).length, 4);
});

Deno.test("a lab's options are read, and what cannot be is refused", () => {
  const read = (line: string) => labOptions(parseOptions(["up", ...line.split(" ")], LAB_SYNTAX));
  assertEquals(read("--hosts 2 --bridge"), { hosts: 2, bridge: true, router: false, offloads: true });
  assertEquals(read("--router --router-mtu 1280").routerMtuBytes, 1280);
  for (
    const [line, reason] of [
      ["--hosts 3", "--hosts goes with --bridge"],
      ["--hosts 0 --bridge", "is not a number of clients: give a number from 1 to 9"],
      ["--hosts 10 --bridge", "is not a number of clients"],
      ["--hosts 1e0 --bridge", "is not a number of clients"],
      ["--router-mtu 1400", "--router-mtu goes with --router"],
      ["--router --router-mtu 67", "is not an MTU"],
      ["--router --bridge", "choose one"],
    ]
  ) assertThrows(() => read(line), UsageError, reason);
});

Deno.test("exec means a side, or what stands in the middle", () => {
  for (const word of ["server", "client", "client2", "client9", "switch", "router"] as const) {
    assertEquals<string>(parsePlace(word), word);
  }
  for (const word of ["client1", "client10", "client02", "Server", "", undefined]) {
    assertThrows(() => parsePlace(word), UsageError, "lab exec needs a side");
  }
});
