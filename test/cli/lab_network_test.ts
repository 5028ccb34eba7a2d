/** The plan of the lab, and the commands that it becomes; nothing is run. */
import { assert, assertEquals } from "@std/assert";
import {
  LAB_SIDES,
  labConfigureSteps,
  labCreateSteps,
  labOffloadSteps,
  labOptionalSteps,
  planLab,
  shellLine,
} from "../../src/cli/lab_network.ts";

Deno.test("a lab without a name has plain sides, one with a name has its prefix", () => {
  assertEquals(planLab().namespaces, { server: "server", client: "client" });
  assertEquals(planLab({ name: "tcplab" }).namespaces, { server: "tcplab-server", client: "tcplab-client" });
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
  for (const words of [...labConfigureSteps(plan), ...labOptionalSteps(plan)]) {
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
  assertEquals(steps.length, LAB_SIDES.length);
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
