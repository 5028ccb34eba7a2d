/**
 * Fast Open (RFC 7413) against the kernel's, both ways; tshark tells what was on the wire.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { eventsOf, SERVER_PORT, startConnect } from "./connect_process.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { undisturbed } from "./sent_again.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";

const NEEDS = { offloads: false, needs: [...JUDGE_PROGRAMS, "ethtool", "python3"] };
const PEER = fromFileUrl(new URL("fast_open_peer.py", import.meta.url));
const PORT = 3333;

/** The kernel's client once; what it printed. */
async function kernelOpens(
  lab: PrivateLab,
  { text, ip = lab.plan.tcplabAddress }: { readonly text: string; readonly ip?: string },
): Promise<string> {
  const words = ["python3", PEER, "client", ip, String(PORT), text];
  const { code, stdout, stderr } = await lab.run({ side: "client", words });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

/** The kernel's server for so many connections, as soon as it listens; `told` gets what it prints of each. */
async function kernelServes(
  lab: PrivateLab,
  { connections, told }: { readonly connections: number; readonly told: string[] },
): Promise<LabProcess> {
  const listening = Promise.withResolvers<void>();
  const server = lab.spawn({
    side: "client",
    words: ["python3", PEER, "server", String(SERVER_PORT), String(connections)],
    onStdout: (line) => line === "listening" ? listening.resolve() : told.push(line),
  });
  server.result.then(({ stderr }) => listening.reject(new Error(stderr)));
  await listening.promise;
  return server;
}

/** The SYNs with text, and the answers to all SYNs: octets of text, and what is acknowledged of a SYN. */
function handshakes(frames: readonly JudgedFrame[]): { synText: number[]; synAcks: number[] } {
  const of = (flags: string) => frames.filter((frame) => frame.flags === flags);
  return {
    synText: of("SYN").map(({ length }) => length),
    synAcks: of("SYN,ACK").map(({ relAck }) => relAck),
  };
}

function demandGood(frames: readonly JudgedFrame[]): void {
  for (const { number, flags, tcpChecksum, malformed } of frames) {
    assertEquals([tcpChecksum, malformed], ["good", false], `frame ${number} (${flags})`);
  }
}

liveTest(
  "the kernel's client gets a cookie of serve --fast-open, and its next text goes with the SYN",
  NEEDS,
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    let round = 0;
    const { answers, frames, summary } = await undisturbed(file.path, async () => {
      // Each time at another address: the client's kernel remembers the cookie of a server.
      const ip = lab.plan.tcplabAddress.replace(/\d+$/, (last) => String(Number(last) + round));
      round++;
      await using server = await ServeProcess.start(lab, { args: ["--fast-open", "--ip", ip] });
      const recording = await WireRecording.start(lab, file.path);
      const answers = [];
      for (const text of ["first", "second", "third"]) answers.push(await kernelOpens(lab, { text, ip }));
      const frames = await recording.judge();
      await server.stop();
      const [summary] = server.all("summary");
      return { answers, frames, summary };
    });
    assertEquals(answers, ["first False", "second True", "third True"]);
    demandGood(frames);
    assertEquals(handshakes(frames), { synText: [0, 6, 5], synAcks: [1, 7, 6] });
    assertEquals(summary.counters["fast-open-accepted"], 2);
    assertEquals(summary.counters["fast-open-cookies-sent"], 1);
  },
);

liveTest(
  "serve without --fast-open gives the kernel's client no cookie, and serves it all the same",
  NEEDS,
  async (lab) => {
    await using server = await ServeProcess.start(lab);
    assertEquals(await kernelOpens(lab, { text: "first" }), "first False");
    assertEquals(await kernelOpens(lab, { text: "second" }), "second False");
    await server.stop();
    const [summary] = server.all("summary");
    assertEquals(Object.keys(summary.counters).filter((name) => name.startsWith("fast-open")), []);
  },
);

liveTest(
  "the kernel's server gives connect --fast-open a cookie, and takes the text of the next one with its SYN",
  NEEDS,
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    const { told, second, cookie, frames } = await undisturbed(file.path, async () => {
      const told: string[] = [];
      const server = await kernelServes(lab, { connections: 2, told });
      const recording = await WireRecording.start(lab, file.path);
      const open = async (text: string, ...words: string[]) => {
        const client = startConnect(lab, [String(SERVER_PORT), "--log", "json", "--fast-open", ...words]);
        await client.write(new TextEncoder().encode(text));
        await client.closeInput();
        return await client.result;
      };
      const first = await open("hello\n");
      assertEquals(first.code, 0, first.stderr);
      const [, cookie] = /has given a cookie: --fast-open ([0-9a-f]+\/\d+)/.exec(first.stderr) ?? [];
      assert(cookie !== undefined, first.stderr);
      assertStringIncludes(cookie, "/1460");
      const second = await open("fast\n", cookie);
      assertEquals(second.code, 0, second.stderr);
      await server.result;
      return { told, second, cookie, frames: await recording.judge() };
    });
    assertEquals(told, ["hello False", "fast True"]);
    demandGood(frames);
    assertEquals(handshakes(frames), { synText: [0, 5], synAcks: [1, 6] });
    const syn = eventsOf(second.stdout).find((event) =>
      event.event === "segment" && event.flags.join() === "SYN"
    );
    assert(syn?.event === "segment");
    assertEquals([syn.length, syn.rule, syn.options.fastOpen?.cookie], [
      5,
      "open.fast-open",
      cookie.split("/")[0],
    ]);
  },
);

liveTest(
  "a cookie that the kernel's server has not given: it takes the text after the handshake, and gives a new one",
  NEEDS,
  async (lab) => {
    const told: string[] = [];
    const server = await kernelServes(lab, { connections: 1, told });
    const client = startConnect(lab, [
      String(SERVER_PORT),
      "--log",
      "json",
      "--fast-open",
      "0123456789abcdef/1460",
    ]);
    await client.write(new TextEncoder().encode("hello\n"));
    await client.closeInput();
    const { code, stdout, stderr } = await client.result;
    assertEquals(code, 0, stderr);
    await server.result;
    assertEquals(told, ["hello False"]);
    assertStringIncludes(stderr, "has given a cookie: --fast-open ");
    const again = eventsOf(stdout).find((event) => event.event === "retransmit");
    assert(again?.event === "retransmit");
    assertEquals([again.kind, again.relSeq, again.length], ["fast", 1, 6]);
  },
);
