/** A server that a program has made with the library is seen by `netstat`, unless it wants not to be. */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand, selfCommand } from "../../src/cli/self_command.ts";
import { liveTest } from "./private_lab.ts";
import { askNetstat } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";

const MODULE = fromFileUrl(new URL("../../mod.ts", import.meta.url));

/** Echoes until its input ends. */
function program(options: string): string {
  return `
    const { listen } = await import("${MODULE}");
    const listener = listen({ device: "veth-server", ip: "10.33.0.3/24", port: 7, ${options} });
    const ready = setInterval(() => listener.state === "LISTEN" && (console.log("ready"), clearInterval(ready)), 10);
    (async () => { for await (const c of listener) c.readable.pipeTo(c.writable).catch(() => {}); })();
    for await (const _ of Deno.stdin.readable);
    listener.close();
  `;
}

/** What it says. */
async function netstat(lab: PrivateLab, ...args: readonly string[]): Promise<string> {
  const words = [...selfCommand(), "netstat", ...args];
  const { code, stdout, stderr } = await askNetstat(lab, { words });
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

async function withProgram(
  lab: PrivateLab,
  how: { readonly options?: string; readonly flags: readonly string[] },
  look: () => Promise<void>,
): Promise<void> {
  const words = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--cached-only",
    "--no-check",
    "--no-prompt",
    ...how.flags,
    "-",
  ];
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program(how.options ?? ""));
    words[words.length - 1] = file;
    const server = lab.spawn({ side: "server", words, stdin: true });
    await waitFor(() => server.stdout.includes("ready") || server.ended, {
      what: "a listener of the library",
    });
    assertEquals(server.ended, false, server.stderr);
    await look();
    await server.closeInput();
    const { code, stderr } = await server.result;
    assertEquals([code, stderr], [0, ""]);
  } finally {
    await Deno.remove(file);
  }
}

liveTest("a library's server and its connections are shown, and its end leaves nothing", {}, async (lab) => {
  await withProgram(lab, { flags: ["-A"] }, async () => {
    const shown = async () => /10\.33\.0\.3:7 +\*:\* +LISTEN +library/.test(await netstat(lab));
    await waitFor(shown, { what: "the listener in netstat" });
    const words = [...kernelClientCommand(), "10.33.0.3", "7", "--send", "hello", "--until-input-ends"];
    const client = lab.spawn({ side: "client", words, stdin: true });
    await waitFor(() => client.stdout.includes("hello"), { what: "the echo" });
    assertMatch(await netstat(lab), /10\.33\.0\.3:7 +10\.33\.0\.2:\d+ +ESTABLISHED +library/);
    // As ss is asked, letters and all: of the two lines one is left.
    const filtered = await netstat(lab, "-tan", "state", "established", "sport", "=", ":7");
    assertMatch(filtered, /10\.33\.0\.3:7 +10\.33\.0\.2:\d+ +ESTABLISHED +library/);
    assertEquals(/LISTEN/.test(filtered), false, filtered);
    const values = JSON.parse(await netstat(lab, "--json", "state", "established", "sport", "=", ":7"));
    assertEquals(
      values.map((of: { listeners: unknown[]; connections: unknown[] }) => [
        of.listeners.length,
        of.connections.length,
      ]),
      [[0, 1]],
    );
    assertEquals((await netstat(lab, "-tan", "sport", "=", ":8")).includes("10.33.0.3:7"), false);
    await client.closeInput();
    assertEquals((await client.result).code, 0);
  });
  assertEquals(await netstat(lab), "No tcplab server is running on this host.\n");
});

liveTest("a library's server has the name that it gives itself, or is not shown", {}, async (lab) => {
  await withProgram(lab, { options: `netstat: "chat"`, flags: ["-A"] }, async () => {
    await waitFor(async () => /LISTEN +chat/.test(await netstat(lab)), { what: "the listener in netstat" });
  });
  const none = "No tcplab server is running on this host.\n";
  await withProgram(lab, { options: "netstat: false", flags: ["-A"] }, async () => {
    assertEquals(await netstat(lab), none);
  });
  // With no more than these it is seen where it is, so that serve knows of an address that it answers for.
  const needed = ["ffi", "read", "write", "net", "sys", "env"].map((what) => `--allow-${what}`);
  await withProgram(lab, { flags: needed }, async () => {
    const words = [
      ...selfCommand(),
      ...["serve", "-i", "veth-server", "--ip", "10.33.0.3/24", "--port", "7", "--duration", "1"],
    ];
    await waitFor(async () => /LISTEN +library/.test(await netstat(lab)), {
      what: "the listener in netstat",
    });
    const { code, stderr } = await lab.run({ side: "server", words });
    assertEquals(code, 1);
    assertMatch(stderr, /10\.33\.0\.3:7 is served already by process \d+/);
  });
  // Without the permission to write, nobody is asked, and the server serves all the same.
  const flags = needed.filter((flag) => flag !== "--allow-write");
  await withProgram(lab, { flags }, async () => {
    assertEquals(await netstat(lab), none);
  });
});
