/**
 * `--mac device` on a host that forwards: its kernel takes the client's packets for something to pass on, and says so
 * to the client. A person is told at the start, and what is advised helps.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

async function onServer(lab: PrivateLab, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side: "server", words });
  assertEquals(code, 0, stderr);
  return stdout;
}

/** How many ICMP redirects the server's kernel has sent. */
async function redirectsSent(lab: PrivateLab): Promise<number> {
  const lines = (await onServer(lab, ["cat", "/proc/net/snmp"])).split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("Icmp:")).map((line) => line.split(" "));
  return Number(values[names.indexOf("OutRedirects")]);
}

/** A client talks to a server with these options; what the server said at the start. */
async function talks(lab: PrivateLab, args: readonly string[], port: number): Promise<string> {
  // The server before had another hardware address, and a new one announces itself only after four seconds (RFC 5227).
  const { code, stderr } = await lab.run({ side: "client", words: ["ip", "neigh", "flush", "all"] });
  assertEquals(code, 0, stderr);
  await using server = await ServeProcess.start(lab, { args: ["--port", String(port), ...args] });
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "connect", port });
  await peer.ask({ do: "send", text: "hello" });
  assertEquals((await peer.ask({ do: "receive", bytes: 5 })).text, "hello");
  await peer.ask({ do: "close" });
  await server.event("closed");
  // All that it has said: stderr comes by another way than events.
  const { code: status, stderr: said } = await server.stop();
  assertEquals(status, 0, said);
  return said;
}

liveTest("a forwarding host with --mac device is told of, and how to mend it", {
  needs: [...PEER_PROGRAMS],
}, async (lab) => {
  const { devices } = lab.plan;
  const remark = `with --mac device this host's kernel takes packets for ${lab.plan.tcplabAddress} too`;
  const remedy = `net.ipv4.conf.${devices.server}.forwarding=0`;
  const doctor = [...selfCommand(), "doctor", "--iface", devices.server, "--mac", "device", "--ip"];

  const before = await talks(lab, ["--mac", "device"], 3333);
  assert(!before.includes(remark), before);
  await onServer(lab, ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
  assert(
    !(await talks(lab, [], 3334)).includes(remark),
    "with an address of our own there is nothing to say",
  );
  assertEquals(await redirectsSent(lab), 0);

  const said = await talks(lab, ["--mac", "device"], 3335);
  assertStringIncludes(said, remark);
  assertStringIncludes(said, remedy);
  const sent = async () => await redirectsSent(lab) > 0;
  await waitFor(sent, { what: "the kernel's redirects, which are why this is told" });
  assertStringIncludes(await onServer(lab, [...doctor, lab.plan.tcplabAddress]), remedy);
  const ofOurs = [...selfCommand(), "doctor", "--iface", devices.server];
  assertStringIncludes(
    await onServer(lab, ofOurs),
    `${devices.server} (driver veth) from a hardware address of our own`,
  );

  await onServer(lab, ["sh", "-c", `echo 0 >/proc/sys/net/ipv4/conf/${devices.server}/forwarding`]);
  const redirects = await redirectsSent(lab);
  const after = await talks(lab, ["--mac", "device"], 3336);
  assert(!after.includes(remark), after);
  assertEquals(await redirectsSent(lab), redirects);
});
