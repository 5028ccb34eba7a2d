/**
 * A router that advertises itself: what tcplab takes of it, and what not with --no-ra (RFC 4861 §6.3.4).
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { FAMILIES, linkLocalAddress, OUR_MAC, runIn, startPeer } from "./address_families.ts";
import { eventsOf } from "./connect_process.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const ROUTED = {
  needs: ["python3", "ethtool", ...JUDGE_PROGRAMS],
  ipv6: true,
  router: true,
  offloads: false,
};
const missing = FAMILIES.includes("ipv6") ? null : "IPv6 comes later";
const PORT = 5000;
/** An MTU that only the advertisement tells. */
const MTU = 1300;

/** The router's kernel, which forwards, gets a program that advertises it on the server's side. */
async function advertise(lab: PrivateLab, about: { prefix: string; mtu: number }): Promise<LabProcess> {
  const ready = Promise.withResolvers<void>();
  const script = [besideTests("router_advertiser.py"), "to-server", about.prefix, String(about.mtu), "1800"];
  const process = lab.spawn({
    side: "router",
    words: ["python3", "-B", ...script],
    onStdout: () => ready.resolve(),
  });
  process.result.then(({ stderr }) => ready.reject(new Error(`The router ended: ${stderr}`)));
  await ready.promise;
  return process;
}

/** `connect` from the server's device to the client behind the router, without a word on the way there. */
async function connectBeyond(lab: PrivateLab, args: readonly string[] = []) {
  const device = lab.plan.devices.server;
  // A route of the kernel would do as well, its own or an advertised one: here it has none.
  await runIn(lab, "server", `echo 0 >/proc/sys/net/ipv6/conf/${device}/accept_ra`);
  await runIn(lab, "server", "ip -6 route flush default");
  const client = lab.spawn({
    side: "server",
    words: [
      ...[...selfCommand(), "connect", lab.plan.addresses6.client, String(PORT), "--iface", device],
      ...["--ip", `${lab.plan.tcplabAddress6}/64`, "--mac", OUR_MAC, "--log", "json", ...args],
    ],
    stdin: true,
  });
  await client.write(new TextEncoder().encode("x".repeat(20_000)));
  await client.closeInput();
  return await client.result;
}

liveTest(
  "the measure: Linux takes the advertised router and MTU",
  { ...ROUTED, pcap: false },
  async (lab) => {
    const device = lab.plan.devices.server;
    await runIn(lab, "server", `ip -6 route del default dev ${device}`);
    const router = await advertise(lab, { prefix: "fd33::", mtu: MTU });
    const route = /^default via fe80::\S+ dev veth-server proto ra/m;
    await waitFor(async () => route.test(await runIn(lab, "server", "ip -6 route")), {
      what: "the kernel has the router",
    });
    // It takes one option of an advertisement after the other.
    const mtu = async () => (await runIn(lab, "server", `cat /proc/sys/net/ipv6/conf/${device}/mtu`)).trim();
    await waitFor(async () => await mtu() === String(MTU), { what: "the kernel has the MTU" });
    await router.stop();
  },
);

liveTest("connect goes by the router that advertises itself, within the MTU that it tells", {
  ...ROUTED,
  missing,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  const kernel = await startPeer(lab, ["serve", PORT]);
  const router = await advertise(lab, { prefix: "fd33::", mtu: MTU });
  await linkLocalAddress(lab, "server");
  const recording = await WireRecording.start(lab, file.path, { side: "server" });
  const { code, stdout, stderr } = await connectBeyond(lab);
  assertEquals(code, 0, stderr);
  const closed = eventsOf(stdout).find((event) => event.event === "closed");
  assert(closed?.event === "closed");
  assertEquals([closed.reason, closed.bytesIn], ["normal", 20_000]);
  await recording.end();
  const frames = await assertStationIsRight(file.path, OUR_MAC);
  assertEquals(Math.max(...frames.map(({ length }) => length)), MTU + 14);
  await router.stop();
  await kernel.stop();
});

liveTest("with --no-ra an advertised router is none", { ...ROUTED, missing }, async (lab) => {
  const kernel = await startPeer(lab, ["serve", PORT]);
  const router = await advertise(lab, { prefix: "fd33::", mtu: MTU });
  const { code, stderr } = await connectBeyond(lab, ["--no-ra"]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "--gateway");
  await router.stop();
  await kernel.stop();
});
