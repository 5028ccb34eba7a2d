/**
 * What a test changes about the lab's client side: the route's features, packets that are lost; and what its kernel tells.
 *
 * Owns: the commands for it. The peer sets its kernel itself (kernel_peer.ts). Must not know: why a test wants them.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";

/** Runs a shell line on the client's side; fails with its own words. */
async function onClient(lab: PrivateLab, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side: "client", words: ["sh", "-c", script] });
  assertEquals(code, 0, `${script}\n${stderr}`);
  return stdout;
}

/** Congestion controls that the client's kernel has. */
export async function congestionControls(lab: PrivateLab): Promise<readonly string[]> {
  return (await onClient(lab, "cat /proc/sys/net/ipv4/tcp_available_congestion_control")).trim().split(/\s+/);
}

/** A counter of the client's kernel among those of /proc/net/netstat (`TCPDeliveredCE`, ...); 0 where it has none. */
export async function clientCounter(lab: PrivateLab, name: string): Promise<number> {
  const [names, values] = (await onClient(lab, "grep ^TcpExt: /proc/net/netstat")).split("\n");
  return Number(values.split(" ")[names.split(" ").indexOf(name)] ?? 0);
}

/** Sets features of the client's route to tcplab (`congctl reno`, `mtu 576`, ...); "" for none. */
export async function setClientRoute(lab: PrivateLab, features: string): Promise<void> {
  const { devices, addresses, tcplabAddress } = lab.plan;
  const route = `${tcplabAddress}/32 dev ${devices.client} src ${addresses.client}`;
  await onClient(lab, `ip route replace ${route} ${features}; ip tcp_metrics flush all 2>/dev/null || :`);
}

/** Adds nftables rules on the client's side, each `input RULE` or `output RULE`, beginning with their chain. */
export async function filterAtClient(lab: PrivateLab, rules: readonly string[]): Promise<void> {
  const chains = ["input", "output"].map((hook) =>
    `add chain ip bad ${hook} { type filter hook ${hook} priority 0; policy accept; }`
  );
  const script = ["add table ip bad", ...chains, ...rules.map((rule) => `add rule ip bad ${rule}`)];
  const { code, stderr } = await lab.run({ side: "client", words: ["nft", script.join("\n")] });
  assertEquals(code, 0, stderr);
}
