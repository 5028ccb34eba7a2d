/**
 * The private lab itself: both sides meet, and nothing of it outlives the program that made it.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

/** These tests open no device. */
const NO_PCAP = { pcap: false };

liveTest("the lab's two sides reach each other, and see only their own device", NO_PCAP, async (lab) => {
  const { plan } = lab;
  const ping = await lab.run({
    side: "client",
    words: ["ping", "-c", "1", "-W", "2", plan.addresses.server],
  });
  assertEquals(ping.code, 0, ping.stderr);
  const devices = await lab.run({ side: "server", words: ["ip", "-brief", "link"] });
  assertStringIncludes(devices.stdout, plan.devices.server);
  assert(!devices.stdout.includes(`${plan.devices.client}@`), devices.stdout);
});

liveTest("a lab's MTU and offloads are what was asked for", {
  ...NO_PCAP,
  mtuBytes: 1400,
  offloads: false,
  needs: ["ethtool"],
}, async (lab) => {
  const link = await lab.run({ side: "client", words: ["ip", "link", "show", lab.plan.devices.client] });
  assertStringIncludes(link.stdout, "mtu 1400");
  const features = await lab.run({ side: "server", words: ["ethtool", "-k", lab.plan.devices.server] });
  assertStringIncludes(features.stdout, "tx-checksumming: off");
  assertStringIncludes(features.stdout, "generic-segmentation-offload: off");
});

liveTest("closing a lab ends every process of it", NO_PCAP, async (lab) => {
  const sleeper = lab.spawn({ side: "server", words: ["sleep", "600"] });
  await lab.run({ side: "client", words: ["true"] });
  await lab.close();
  assert(await sleeper.endsWithin(60_000));
});

liveTest("who closes a lab that is being closed waits for its end as well", NO_PCAP, async (lab) => {
  const ready = Promise.withResolvers<void>();
  const stubborn = lab.spawn({
    side: "server",
    words: ["sh", "-c", "trap '' TERM; echo ready; sleep 600"],
    onStdout: () => ready.resolve(),
  });
  await ready.promise;
  const first = lab.close();
  await lab.close();
  assertEquals(stubborn.ended, true);
  await first;
});

liveTest("lab up, exec and down work, twice over, and leave nothing", NO_PCAP, async (lab) => {
  // Inside the private lab this user is root, and /run is the lab's own: a named lab there touches no host.
  const run = async (...args: string[]) => await lab.run({ words: [...selfCommand(), "lab", ...args] });
  const early = await run("exec", "server", "--", "true");
  assertEquals([early.code, early.stderr.trim().split("\n").length], [1, 1], early.stderr);
  assertStringIncludes(early.stderr, "lab up");

  for (const options of [[], ["--mtu", "1400"]]) {
    const up = await run("up", ...options);
    assertEquals(up.code, 0, up.stderr);
  }
  const inside = await run("exec", "client", "--", "sh", "-c", "ip link show veth-client; exit 7");
  assertEquals(inside.code, 7);
  assertStringIncludes(inside.stdout, "mtu 1400");
  const ping = await run("exec", "server", "--", "ping", "-c", "1", "-W", "2", lab.plan.addresses.client);
  assertEquals(ping.code, 0, ping.stdout);

  for (const _ of ["there", "gone already"]) assertEquals((await run("down")).code, 0);
  const names = (await lab.run({ words: ["ip", "netns", "list"] })).stdout;
  assert(!names.includes("tcplab-"), names);
  assertEquals((await lab.run({ words: ["ip", "-brief", "link", "show", "type", "veth"] })).stdout, "");
});

liveTest("lab shell gives one command a lab of its own, and its exit status", NO_PCAP, async () => {
  const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c", "ip netns list; exit 5"];
  const output = await new Deno.Command(program, { args, stdin: "null" }).output();
  assertEquals(output.code, 5, new TextDecoder().decode(output.stderr));
  const names = new TextDecoder().decode(output.stdout);
  for (const side of ["server", "client"]) assertStringIncludes(names, side);
});

/** A program that opens a lab, says whose its holder is, and waits to be killed. */
const VICTIM = `
  const { PrivateLab } = await import(Deno.args[0]);
  const lab = await PrivateLab.open();
  const inside = lab.spawn({ side: "server", words: ["sleep", "600"] });
  await lab.run({ words: ["true"] });
  console.log(lab.enter([]).join(" "));
  await inside.result;
`;

liveTest("kill -9 of the program leaves nothing of its lab", NO_PCAP, async () => {
  const module = new URL("../../src/cli/private_lab.ts", import.meta.url);
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, VICTIM);
    const args = ["run", "--quiet", "--no-check", "--config", config, "--allow-all", script, module.href];
    const victim = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped" }).spawn();
    const reader = victim.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    const holderPid = Number(/--target (\d+)/.exec(value ?? "")?.[1]);
    assert(holderPid > 0, value);
    victim.kill("SIGKILL");
    await victim.status;
    await reader.cancel();
    await waitFor(async () => !await isAlive(holderPid), {
      what: `the holder ${holderPid} ends with the program`,
    });
  } finally {
    await Deno.remove(script);
  }
});

/** Whether a process runs; one that has ended and is not collected yet does not. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+[ZX]/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
