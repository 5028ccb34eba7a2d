/**
 * A VLAN over each address family: neighbours are found in it, connections are opened both ways, and nobody outside is answered.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { FAMILIES, type Family, OUR_MAC, runIn, runPeer, startPeer } from "./address_families.ts";
import { eventsOf, pathOf } from "./connect_process.ts";
import { besideTests, liveTest, refusalOf } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

/** What both sides are called in the VLAN: a subnet of its own, which the kernel's device outside does not have. */
const IN_VLAN = {
  "ipv4": { ours: "10.5.0.3", peer: "10.5.0.2", prefix: 24 },
  "ipv6": { ours: "fd05::3", peer: "fd05::2", prefix: 64 },
  "link-local": { ours: "fe80::3", peer: "fe80::2", prefix: 64 },
} as const;
const VLAN_5 = "81000005";
const DEVICE = "v5";
const PORT = 5000;

const withoutTap = await refusalOf("exec 3<>/dev/net/tun", { why: "no /dev/net/tun" });

/** The client's kernel gets a device in VLAN 5, with the addresses of all families. */
async function joinVlan(lab: PrivateLab): Promise<void> {
  const ready = Promise.withResolvers<void>();
  const { result } = lab.spawn({
    side: "client",
    words: ["python3", besideTests("vlan_tap.py"), lab.plan.devices.client, DEVICE, VLAN_5],
    onStdout: () => ready.resolve(),
  });
  result.then(({ stderr }) => ready.reject(new Error(`The device ${DEVICE} ended: ${stderr}`)));
  await ready.promise;
  for (const family of FAMILIES) {
    const { peer, prefix } = IN_VLAN[family];
    const nodad = family === "ipv4" ? "" : "nodad";
    await runIn(lab, "client", `ip address add ${peer}/${prefix} dev ${DEVICE} ${nodad}`);
  }
}

for (const family of FAMILIES) {
  const { ours, peer, prefix } = IN_VLAN[family];
  const zoned = (address: string, device: string) =>
    family === "link-local" ? `${address}%${device}` : address;
  const options = {
    needs: ["ip", "python3", "ethtool"],
    missing: withoutTap,
    // The tap carries no sums that are left to be completed.
    offloads: false,
    ipv6: family !== "ipv4",
  };

  liveTest(
    `${family}: serve --vlan is found and served in the VLAN, and by nobody outside`,
    options,
    async (lab) => {
      await using server = await ServeProcess.start(lab, {
        args: ["--ip", `${ours}/${prefix}`, "--mac", OUR_MAC, "--vlan", "5"],
        quiet: true,
      });
      await joinVlan(lab);
      const { sent, received } = await runPeer(lab, ["echo", zoned(ours, DEVICE), 3333, 500_000]);
      assertEquals(received, sent);
      assertEquals((await server.event("closed")).reason, "normal");
      const ip = `ip -${family === "ipv4" ? 4 : 6}`;
      assertStringIncludes(await runIn(lab, "client", `${ip} neigh show dev ${DEVICE}`), OUR_MAC);
      // Outside the VLAN nobody answers for the address.
      await runIn(lab, "client", outside(family, lab));
      const ping = `ping -n -c 1 -W 1 -I ${lab.plan.devices.client} ${zoned(ours, lab.plan.devices.client)}`;
      assertEquals((await lab.run({ side: "client", words: ["sh", "-c", ping] })).code, 1);
      await server.stop();
      assertEquals(server.all("summary")[0]?.counters["connections-opened"], 1);
    },
  );

  liveTest(
    `${family}: connect --vlan opens a connection in the VLAN, and finds nobody in another`,
    options,
    async (lab) => {
      await joinVlan(lab);
      const kernel = await startPeer(lab, ["serve", PORT]);
      const connect = async (vlan: string) => {
        const client = lab.spawn({
          side: "server",
          words: [
            ...[...selfCommand(), "connect", zoned(peer, lab.plan.devices.server), String(PORT)],
            ...[
              "--iface",
              lab.plan.devices.server,
              "--ip",
              `${ours}/${prefix}`,
              "--vlan",
              vlan,
              "--log",
              "json",
            ],
          ],
          stdin: true,
        });
        await client.write(new TextEncoder().encode("in the VLAN\n"));
        await client.closeInput();
        return await client.result;
      };
      const { code, stdout, stderr } = await connect("5");
      assertEquals(code, 0, stderr);
      assertEquals(pathOf(eventsOf(stdout)).slice(1, 3), ["SYN_SENT", "ESTABLISHED"]);
      const nobody = await connect("6");
      assertEquals(nobody.code, 1, nobody.stdout);
      assertMatch(nobody.stderr, /Nobody on \S+ answers/);
      await kernel.stop();
    },
  );
}

/** Puts an address of the VLAN's subnet on the device outside, so that its kernel would ask there. */
function outside(family: Family, lab: PrivateLab): string {
  const device = lab.plan.devices.client;
  if (family === "link-local") return "true";
  return family === "ipv4"
    ? `ip address add 10.5.0.9/24 dev ${device}`
    : `ip address add fd05::9/64 dev ${device} nodad`;
}
