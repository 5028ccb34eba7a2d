/**
 * VLANs of a wire that tcplab shares with others: clients of the kernel in one and in another (IEEE 802.1Q).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { eventsOf, SERVER_PORT, startKernelServer } from "./connect_process.ts";
import { besideTests, liveTest, refusalOf } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const OURS = "10.5.0.3";
const PEERS = "10.5.0.2";
const MEGABYTE = 1_000_000;
const PATIENCE_S = 20;

async function ip(lab: PrivateLab, line: string): Promise<void> {
  const { code, stderr } = await lab.run({ side: "client", words: ["ip", ...line.split(" ")] });
  assertEquals(code, 0, `ip ${line}: ${stderr}`);
}

/** Gives the client's kernel a device behind these tags, by a program: many kernels have no VLAN devices of their own. */
async function addDevice(lab: PrivateLab, name: string, tags: string): Promise<void> {
  const ready = Promise.withResolvers<void>();
  const { result } = lab.spawn({
    side: "client",
    words: ["python3", besideTests("vlan_tap.py"), lab.plan.devices.client, name, tags],
    onStdout: () => ready.resolve(),
  });
  result.then(({ stderr }) => ready.reject(new Error(`The device ${name} ended: ${stderr}`)));
  await ready.promise;
}

async function bulk(lab: PrivateLab, bytes: number): Promise<{ sent: string; received: string }> {
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
  const { code, stdout, stderr } = await lab.run({
    side: "client",
    words: [...words, OURS, "3333", String(bytes)],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Whether a connection opens: within a second, or, where it has to, as long as a busy machine may take. */
async function opens(lab: PrivateLab, seconds = 1): Promise<boolean> {
  const program =
    `import socket,sys\ntry: socket.create_connection(("${OURS}", 3333), ${seconds}).close()\nexcept OSError: sys.exit(7)`;
  const { code, stderr } = await lab.run({ side: "client", words: ["python3", "-c", program] });
  if (code !== 0) assertEquals(code, 7, stderr);
  return code === 0;
}

/** Lets the client reach {@link OURS} by this device, at this hardware address: it does not ask. */
async function routeBy(lab: PrivateLab, device: string, mac: string): Promise<void> {
  await ip(lab, `addr replace ${PEERS}/32 dev ${device}`);
  await ip(lab, `route replace ${OURS}/32 dev ${device} src ${PEERS}`);
  await ip(lab, `neigh replace ${OURS} lladdr ${mac} dev ${device} nud permanent`);
}

const PROGRAMS = ["ip", "python3"];
const withoutTap = await refusalOf("exec 3<>/dev/net/tun", { why: "no /dev/net/tun" });
/** Tags as they stand in a frame, in hex. */
const [PRIORITY, VLAN_5, VLAN_6] = ["8100e000", "81000005", "81000006"];
const MAC = "02:00:00:00:33:33";

liveTest("frames of a VLAN get no answer from a server that is in none, and a priority tag is none", {
  needs: PROGRAMS,
  missing: withoutTap,
  // The tap carries no sums that are left to be completed.
  offloads: false,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--ip", `${OURS}/24`, "--mac", MAC] });
  for (const [name, tags] of Object.entries({ v6: VLAN_6, s6: "88a80006", v6in0: PRIORITY + VLAN_6 })) {
    await addDevice(lab, name, tags);
    await routeBy(lab, name, MAC);
    assertEquals(await opens(lab), false, name);
  }
  await routeBy(lab, lab.plan.devices.client, MAC);
  assert(await opens(lab, PATIENCE_S));
  // The answer to a priority tag has none (IEEE 802.1Q §6.9.1), so that the tap does not hear it: the server does.
  await addDevice(lab, "priority", PRIORITY);
  await routeBy(lab, "priority", MAC);
  assertEquals(await opens(lab), false);
  await server.event("transition", ({ to, connection }) => to === "SYN_RCVD" && connection !== undefined);
  await server.stop();
  const counters = server.all("summary")[0]?.counters ?? {};
  assertEquals([counters["connections-opened"], server.all("drop")], [2, []]);
  // In the kernel the filter passes what stands behind one tag: the host refuses it.
  assertGreaterOrEqual(counters["drop-other-vlan"], 2);
});

liveTest("serve --vlan: all in the VLAN is served, large segments too, and nothing outside it", {
  needs: PROGRAMS,
  missing: withoutTap,
  // The tap carries no sums that are left to be completed.
  offloads: false,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, {
    args: ["--ip", `${OURS}/24`, "--mac", MAC, "--vlan", "5"],
    quiet: true,
  });
  assertStringIncludes((await server.event("listening")).filter, "vlan 5 and (");
  await addDevice(lab, "v5", VLAN_5);
  await ip(lab, `addr add ${PEERS}/24 dev v5`);
  // By ARP, as any client does.
  const { sent, received } = await bulk(lab, 8 * MEGABYTE);
  assertEquals(received, sent);
  await addDevice(lab, "v6", VLAN_6);
  await addDevice(lab, "v5in5", VLAN_5 + VLAN_5);
  await addDevice(lab, "v5in7", "88a80007" + VLAN_5);
  await ip(lab, "addr flush dev v5");
  for (const device of [lab.plan.devices.client, "v6", "v5in5", "v5in7"]) {
    await routeBy(lab, device, MAC);
    assertEquals(await opens(lab), false, device);
  }
  await routeBy(lab, "v5", MAC);
  assert(await opens(lab, PATIENCE_S));
  await server.stop();
  assertEquals(server.all("summary")[0]?.counters["connections-opened"], 2);
});

liveTest("a server in a VLAN steps back from an address that somebody in it has, not from one outside", {
  needs: PROGRAMS,
  missing: withoutTap,
  // The tap carries no sums that are left to be completed.
  offloads: false,
}, async (lab) => {
  await addDevice(lab, "v5", VLAN_5);
  await ip(lab, `addr add ${OURS}/24 dev v5`);
  const arguments_ = (vlan: string) => ["--ip", `${OURS}/24`, "--vlan", vlan];
  const refused = await ServeProcess.refuse(lab, { args: arguments_("5") });
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, OURS);
  await using _server = await ServeProcess.start(lab, { args: arguments_("6") });
});

liveTest("connect --vlan opens a connection in the VLAN, and finds nobody in another", {
  needs: PROGRAMS,
  missing: withoutTap,
  // The tap carries no sums that are left to be completed.
  offloads: false,
}, async (lab) => {
  await addDevice(lab, "v5", VLAN_5);
  await ip(lab, `addr add ${PEERS}/24 dev v5`);
  await using _server = await startKernelServer(lab, "close");
  const connect = (vlan: string) =>
    lab.run({
      side: "server",
      words: [
        ...[...selfCommand(), "connect", PEERS, String(SERVER_PORT), "--iface", lab.plan.devices.server],
        ...["--ip", `${OURS}/24`, "--vlan", vlan, "--log", "json"],
      ],
    });
  const { code, stdout, stderr } = await connect("5");
  assertEquals(code, 0, stderr);
  assertEquals(eventsOf(stdout).find(({ event }) => event === "closed")?.event, "closed");
  const nobody = await connect("6");
  assertEquals(nobody.code, 1);
  assertStringIncludes(nobody.stderr, "answers ARP");
});
