/** docs/lab.md shows what the program prints: the client, netstat in a lab, the lab with names. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { OWN_LAB_MARK } from "../../src/cli/own_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest } from "./private_lab.ts";

const PAGE = new URL("../../docs/lab.md", import.meta.url);

/** The kernel's choice of a port, which has five digits, is another each time. */
const withoutPorts = (text: string) => text.replace(/(10\.33\.0\.2):\d{5}\b/g, "$1:PORT_");

async function inLabShell(script: string): Promise<{ out: string; error: string }> {
  const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c", script];
  // What the script waits for in a loop may never be: then it is ended, as only a defect needs so long.
  const signal = AbortSignal.timeout(60_000);
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null", signal }).output();
  const decoder = new TextDecoder();
  const said = { out: decoder.decode(stdout), error: decoder.decode(stderr) };
  assertEquals(code, 0, said.error);
  return said;
}

liveTest("docs/lab.md shows the client and netstat as they are", {}, async () => {
  const page = withoutPorts((await Deno.readTextFile(PAGE)).replace(/^ {3}/gm, ""));
  const { out, error } = await inLabShell(`
    tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 --log none >/dev/null 2>&1 &
    until tcplab netstat | grep -q LISTEN; do sleep 0.1; done
    mkfifo /run/hold
    tcplab client 10.33.0.3 3333 --until-input-ends </run/hold & client=$!
    exec 3>/run/hold
    until tcplab lab netstat | grep -q '^tcplab .*ESTABLISHED'; do sleep 0.1; done
    tcplab lab netstat; echo --
    exec 3>&-; wait $client
    while tcplab lab netstat | grep -q '^tcplab .*10.33.0.2'; do sleep 0.1; done
    tcplab lab netstat`);
  for (const block of [...out.split("--\n"), error]) {
    assertStringIncludes(page, "```\n" + withoutPorts(block) + "```");
  }
});

liveTest("docs/lab.md shows lab up and lab down as they are", { pcap: false }, async () => {
  const page = withoutLinkLocal(await Deno.readTextFile(PAGE));
  // Without its mark the shell's lab is a host like any other, and its user root there.
  const { out } = await inLabShell(`rm ${OWN_LAB_MARK}; tcplab lab up; echo --; tcplab lab down`);
  const [up, down] = out.split("--\n");
  assertStringIncludes(page, `lab up\n${withoutLinkLocal(up).split("\n\n")[0]}\n`);
  assertStringIncludes(page, `lab down\n${down}`);
});

/** A kernel makes link-local addresses of hardware addresses, which are others each time. */
function withoutLinkLocal(text: string): string {
  return text.replaceAll(/fe80::[0-9a-f:]+/g, "fe80::1");
}
