/**
 * Several hosts of one process on one device, with Linux as the client of all: each with its own hardware address in the
 * kernel's table of neighbors, over both families. tshark judges every frame.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand, selfCommand } from "../../src/cli/self_command.ts";
import { leftoversBetween, takeStock } from "../../scripts/kill/leftovers.ts";
import { macOf, runIn, withPort } from "./address_families.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { askNetstat } from "./server_figures.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const SECOND_MAC = "02:00:00:00:33:04";
const HOSTS = [
  ...["--ip", "10.33.0.3,fd33::3", "--mac", "auto"],
  ...["--ip", "10.33.0.4,fd33::4", "--mac", SECOND_MAC],
  ...["--ip", "10.33.0.5,fd33::5", "--mac", "auto"],
];
const ADDRESSES = ["10.33.0.3", "fd33::3", "10.33.0.4", "fd33::4", "10.33.0.5", "fd33::5"];

/** The hardware address of each address, as the kernel of the client has it. */
async function neighbors(lab: PrivateLab): Promise<Map<string, string>> {
  const shown = await runIn(lab, "client", "ip neigh");
  return new Map(
    shown.split("\n").flatMap((line) => {
      const found = /^(\S+) dev \S+ lladdr (\S+)/.exec(line);
      return found === null ? [] : [[found[1], found[2]]];
    }),
  );
}

/** Those that the server said it has. */
function saidMacs(server: ServeProcess): Map<string, string> {
  return new Map(server.all("listening").map(({ ip, mac }) => [ip, mac]));
}

liveTest(
  "three servers of one process serve the kernel over both families, each with its own hardware address",
  {
    needs: [...JUDGE_PROGRAMS, "ethtool"],
    offloads: false,
    ipv6: true,
  },
  async (lab) => {
    await using wire = await scratchFile(".pcapng");
    await using own = await scratchFile(".pcapng");
    const server = await ServeProcess.start(lab, { args: [...HOSTS, "--user", "root", "--write", own.path] });
    const recording = await WireRecording.start(lab, wire.path);
    await server.count("listening", ADDRESSES.length);
    // All at once, so that they are there together when somebody looks.
    const clients = ADDRESSES.map((address) =>
      lab.spawn({
        side: "client",
        words: [...kernelClientCommand(), address, "3333", "--until-input-ends", "--send", `to ${address}`],
        stdin: true,
      })
    );
    await waitFor(() => clients.every(({ stdout }, at) => stdout === `to ${ADDRESSES[at]}\n`), {
      what: "every server sends its line back",
    });
    const macs = saidMacs(server);
    assertEquals([new Set(macs.values()).size, macs.get("10.33.0.4")], [3, SECOND_MAC]);
    const seen = await neighbors(lab);
    assertEquals(
      ADDRESSES.map((address) => seen.get(address)),
      ADDRESSES.map((address) => macs.get(address)),
    );
    const { stdout: shown } = await askNetstat(lab, { words: [...selfCommand(), "netstat"] });
    for (const address of ADDRESSES) {
      assertMatch(
        shown,
        new RegExp(`${withPort(address, 3333).replaceAll(/[[\].]/g, "\\$&")} .*ESTABLISHED`),
      );
    }
    for (const mac of new Set(macs.values())) assertStringIncludes(shown, mac);
    for (const client of clients) {
      await client.closeInput();
      assertEquals((await client.result).code, 0, client.stderr);
    }
    await server.count("closed", ADDRESSES.length);
    const ended = await server.stop();
    assertEquals(ended.code, 0, ended.stderr);
    const ids = server.all("closed").map(({ id }) => id ?? 0).sort();
    assertEquals(ids, [1, 2, 3, 4, 5, 6]);
    const [{ counters }] = server.all("summary");
    assertEquals([counters["connections-established"], counters["connections-closed"]], [6, 6]);
    const frames = await recording.judge();
    for (const address of ADDRESSES) assertOursAreRight(frames, { ours: address });
    for (const mac of new Set(macs.values())) await assertStationIsRight(wire.path, mac);
    await assertRecordedOnce(own.path, new Set(macs.values()));
  },
);

/** All hosts are in the one recording, and what one says to everybody is there once: as sent. */
async function assertRecordedOnce(path: string, macs: ReadonlySet<string>): Promise<void> {
  const fields = ["-T", "fields", "-e", "eth.src", "-e", "frame.packet_flags_direction"];
  const { stdout } = await new Deno.Command("tshark", { args: ["-n", "-r", path, ...fields], stdin: "null" })
    .output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split("\t"));
  const ours = lines.filter(([source]) => macs.has(source));
  assertEquals(new Set(ours.map(([source]) => source)), macs);
  const OUTBOUND = "0x00000002";
  assertEquals(ours.filter(([, direction]) => Number(direction) !== Number(OUTBOUND)), []);
}

liveTest("an address of the kernel behind the guard, and one of our own beside it, killed: nothing is left", {
  needs: ["nft"],
}, async (lab) => {
  await using scratch = await scratchFile(".pcapng");
  const round = { mark: "several-hosts", scratch: scratch.path };
  const before = await takeStock(lab, round);
  const kernels = lab.plan.addresses.server;
  const args = ["--ip", kernels, "--mac", "auto", "--ip", "10.33.0.4", "--mac", "auto", "--rst-guard", "nft"];
  const server = await ServeProcess.start(lab, { args });
  await server.count("listening", 2);
  const device = await macOf(lab, "server");
  const macs = saidMacs(server);
  assertEquals([macs.get(kernels), macs.get("10.33.0.4") === device], [device, false]);
  const rules = await runIn(lab, "server", "nft list ruleset");
  assertStringIncludes(rules, kernels);
  assert(!rules.includes("10.33.0.4"), rules);
  for (const address of [kernels, "10.33.0.4"]) await talkByKernel(lab, address, `to ${address}`);
  await server.signal("SIGKILL");
  await server.stop();
  assertEquals((await runIn(lab, "server", "nft list ruleset")).trim(), "");
  assertMatch(await runIn(lab, "server", "ip -d link show veth-server"), /promiscuity 0/);
  // The file of a socket is taken away by who comes next.
  const next = await ServeProcess.start(lab, { args });
  await talkByKernel(lab, "10.33.0.4", "again");
  assertEquals((await next.stop()).code, 0);
  assertEquals(leftoversBetween(before, await takeStock(lab, round)), []);
});

liveTest(
  "what only the device tells is refused in a line: a hardware address, and an address, that another has",
  {},
  async (lab) => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [
        ["--ip", "10.33.0.3", "--mac", "device", "--ip", "10.33.0.4", "--mac", await macOf(lab, "server")],
        "10.33.0.3 and 10.33.0.4 would both have the hardware address",
      ],
      [
        ["--ip", "10.33.0.3", "--mac", "auto", "--ip", lab.plan.addresses.client, "--mac", "auto"],
        `${lab.plan.addresses.client} is in use on veth-server`,
      ],
      [["--ip", "10.33.0.3", "--mac", "auto", "--mac", "auto"], "--mac is given twice and --ip once"],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr } = await ServeProcess.refuse(lab, { args });
      assert(code === 1 || code === 2, stderr);
      assertStringIncludes(stderr.split("\n")[0], expected);
    }
  },
);

liveTest("sixty-four hosts on one device, the last as good as the first", {}, async (lab) => {
  const addresses = Array.from({ length: 64 }, (_, n) => `10.33.0.${n + 100}`);
  const args = addresses.flatMap((address, n) => ["--ip", `${address},fd33::${n + 100}`, "--mac", "auto"]);
  await using server = await ServeProcess.start(lab, { args });
  await server.count("listening", 128);
  for (const address of [addresses[0], addresses[63]]) await talkByKernel(lab, address, `to ${address}`);
  const seen = await neighbors(lab);
  assertEquals(seen.get(addresses[63]), saidMacs(server).get(addresses[63]));
  assert(seen.get(addresses[0]) !== seen.get(addresses[63]));
});

const MODULE = fromFileUrl(new URL("../../mod.ts", import.meta.url));
const LIBRARY_MACS = ["02:00:00:00:77:01", "02:00:00:00:77:02"];

/** As docs/library.md has it: two stacks on the ports of a hub, each an echo, until the input ends. */
const PROGRAM = `
  import { createStack, LinkHub, openDevice } from "${MODULE}";
  const macs = ${JSON.stringify(LIBRARY_MACS)};
  const hub = new LinkHub(await openDevice({ device: "veth-server", mac: macs[0], alsoMacs: macs.slice(1) }));
  const stacks = macs.map((mac, n) =>
    createStack({
      link: hub.port(Uint8Array.from(mac.split(":"), (byte) => parseInt(byte, 16))),
      addresses: "10.33.0." + (n + 3) + "/24",
    })
  );
  for (const stack of stacks) {
    const listener = stack.listen({ port: 3333 });
    (async () => { for await (const c of listener) c.readable.pipeTo(c.writable).catch(() => {}); })().catch(() => {});
  }
  console.log("ready");
  for await (const _ of Deno.stdin.readable);
  for (const stack of stacks) await stack.shutdown();
`;

liveTest("two hosts of the library on one device, as a program makes them", {}, async (lab) => {
  await using file = await scratchFile(".ts");
  await Deno.writeTextFile(file.path, PROGRAM);
  const words = [Deno.execPath(), "run", "--quiet", "--cached-only", "--no-check", "-A", file.path];
  const program = lab.spawn({ side: "server", words, stdin: true });
  await waitFor(() => program.stdout.includes("ready") || program.ended, { what: "two stacks" });
  assert(!program.ended, program.stderr);
  for (const address of ["10.33.0.3", "10.33.0.4"]) await talkByKernel(lab, address, `to ${address}`);
  const seen = await neighbors(lab);
  assertEquals(["10.33.0.3", "10.33.0.4"].map((address) => seen.get(address)), LIBRARY_MACS);
  await program.closeInput();
  const { code, stderr } = await program.result;
  assertEquals([code, stderr], [0, ""]);
});
