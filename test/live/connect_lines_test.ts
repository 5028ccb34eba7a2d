/**
 * What `connect` and `serve` say over both families on a real device: open, refused, nobody there, no answer in time, no way,
 * an address that somebody has, and the guard for addresses of both families.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { addressesOfFamily, FAMILIES } from "./address_families.ts";
import { SERVER_PORT, startKernelServer } from "./connect_process.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const PORT = String(SERVER_PORT);

/** `connect` from the server's namespace: its status, and stderr without what is said of an end in order. */
async function connect(lab: PrivateLab, words: readonly string[]): Promise<[code: number, lines: string[]]> {
  const { code, stderr } = await lab.run({
    side: "server",
    words: [...selfCommand(), "connect", "--iface", lab.plan.devices.server, "--log", "none", ...words],
  });
  const lines = stderr.trim().split("\n").map((line) => line.replace(/^tcplab connect: /, ""));
  return [code, lines.filter((line) => line !== "" && !line.startsWith("Left TIME_WAIT"))];
}

for (const family of FAMILIES) {
  const needs = { needs: ["python3"], ...(family === "ipv4" ? {} : { ipv6: true }) };

  liveTest(`connect -v says what nc -v says, over ${family}`, needs, async (lab) => {
    const { clientFromServer, client, oursWithPrefix, version } = await addressesOfFamily(lab, family);
    await using _server = await startKernelServer(lab, "close");
    const from = ["--ip", oursWithPrefix];
    assertEquals(await connect(lab, ["-v", clientFromServer, PORT, ...from]), [
      0,
      [`Connection to ${clientFromServer} ${PORT} port [tcp] succeeded!`],
    ]);
    const peer = version === 4 ? `${client}:1` : `[${client}]:1`;
    assertEquals(await connect(lab, ["-v", clientFromServer, "1", ...from]), [1, [
      `connect to ${client} port 1 (tcp) failed: Connection refused`,
      `${peer} refuses the connection (RST): nothing listens on that port, or a firewall says so (tcplab why arrives.syn-sent.rst)`,
    ]]);
  });

  liveTest(`connect to nobody, over ${family}, is one line and status 1`, needs, async (lab) => {
    const { oursWithPrefix, version } = await addressesOfFamily(lab, family);
    const { plan } = lab;
    const nobody = family === "link-local"
      ? "fe80::99"
      : `${version === 4 ? plan.tcplabAddress : plan.tcplabAddress6}9`;
    const from = ["--ip", oursWithPrefix];
    assertEquals(await connect(lab, [nobody, PORT, ...from]), [1, [
      `Nobody on ${plan.devices.server} answers ${
        version === 4 ? "ARP" : "NDP"
      } for ${nobody} (three questions, a second ` +
      "apart): is that host up, and on this network?",
    ]]);
    const peer = version === 4 ? `${nobody}:${PORT}` : `[${nobody}]:${PORT}`;
    assertEquals(await connect(lab, [nobody, PORT, "--timeout", "0.3", ...from]), [1, [
      `${peer} does not answer the SYN within 0.3 s (--timeout): is the port filtered there? (tcplab why SYN_SENT)`,
    ]]);
  });

  liveTest(`an address that somebody has is refused, over ${family}`, needs, async (lab) => {
    const { client } = await addressesOfFamily(lab, family);
    const { code, stderr } = await ServeProcess.refuse(lab, { args: ["--ip", client] });
    assertEquals([code, stderr.trim().split("\n").length], [1, 1], stderr);
    assertStringIncludes(stderr, `${client} is in use on ${lab.plan.devices.server}, by `);
  });
}

liveTest("the guard has a rule for each family, and both addresses are served", {
  needs: ["nft", "python3"],
  ipv6: true,
}, async (lab) => {
  const { addresses, addresses6 } = lab.plan;
  const own = [addresses.server, addresses6.server];
  const server = await ServeProcess.start(lab, { args: ["--ip", own.join(","), "--rst-guard", "nft"] });
  const rules = await lab.run({ side: "server", words: ["nft", "list", "ruleset"] });
  assertStringIncludes(rules.stdout, `ip saddr ${own[0]} tcp sport 3333 tcp flags & rst == rst drop`);
  assertStringIncludes(rules.stdout, `ip6 saddr ${own[1]} tcp sport 3333 tcp flags & rst == rst drop`);
  for (const address of own) {
    const talk = "import socket, sys; s = socket.create_connection((sys.argv[1], 3333)); s.sendall(b'hi'); " +
      "s.shutdown(1); assert s.makefile('rb').read() == b'hi'";
    const { code, stderr } = await lab.run({ side: "client", words: ["python3", "-c", talk, address] });
    assertEquals(code, 0, stderr);
  }
  assertEquals((await server.stop()).code, 0);
  assertEquals((await lab.run({ side: "server", words: ["nft", "list", "ruleset"] })).stdout.trim(), "");
});
