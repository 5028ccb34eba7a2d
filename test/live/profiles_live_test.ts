/**
 * Profiles as others see them: nmap's guess at a server (-O), p0f's at our SYN and SYN,ACK. What each says is in docs/profiles.md.
 */
import { assert, assertMatch } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { startConnect, startKernelServer } from "./connect_process.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const NEEDS = { offloads: false, needs: [...JUDGE_PROGRAMS, "nmap", "p0f", "python3"] };

interface Guess {
  readonly name: string;
  /** How sure it is. */
  readonly percent: number;
  readonly said: string;
}

/** Six sequence numbers at random are part of what it judges by: what it says is asked again, so often at the most. */
const MOST_SCANS = 3;

/** What nmap takes the server for, if it is at least so sure; else its last guess. */
async function nmapGuess(lab: PrivateLab, leastPercent: number): Promise<Guess> {
  let guess = await scan(lab);
  for (let count = 1; count < MOST_SCANS && guess.percent < leastPercent; count++) guess = await scan(lab);
  return guess;
}

/** Its likeliest guess. */
async function scan(lab: PrivateLab): Promise<Guess> {
  const target = lab.plan.tcplabAddress.split("/")[0];
  const words = ["nmap", "-n", "-Pn", "-O", "--osscan-guess", "-p", "3333,3334", target];
  const { stdout, stderr } = await lab.run({ side: "client", words });
  const said = stdout + stderr;
  const guess = /OS guesses: (.+?) \((\d+)%\)/.exec(said);
  if (guess !== null) return { name: guess[1], percent: Number(guess[2]), said };
  const exact = /OS details: (.+)/.exec(said);
  return { name: exact?.[1] ?? "nothing", percent: exact === null ? 0 : 100, said };
}

/** The verdicts of p0f on each SYN and SYN,ACK of ours in a recording: `syn`, `syn+ack`, with what was seen. */
async function p0fVerdicts(lab: PrivateLab, path: string): Promise<string[]> {
  const { stdout } = await lab.run({ side: "client", words: ["p0f", "-r", path] });
  const ours = lab.plan.tcplabAddress.split("/")[0];
  return stdout.split("\n\n").flatMap((block) => {
    const kind = /^\.-\[ (\S+)\/\d+ -> (\S+)\/\d+ \((syn|syn\+ack)\) \]-/m.exec(block);
    if (kind === null || (kind[3] === "syn" ? kind[1] : kind[2]) !== ours) return [];
    const of = (name: string) => new RegExp(`^\\| ${name} +=(.*)$`, "m").exec(block)?.[1].trim() ?? "";
    return [`${kind[3]}: ${of("os")}; ${of("raw_sig")}`];
  });
}

/** A connection opened by us to the kernel, and one by the kernel to us, as p0f sees them. */
async function asSeenByP0f(lab: PrivateLab, profile: string): Promise<string[]> {
  await using file = await scratchFile(".pcapng");
  await using _kernel = await startKernelServer(lab, "close");
  const recording = await WireRecording.start(lab, file.path);
  {
    await using _server = await ServeProcess.start(lab, { args: ["--profile", profile] });
    const target = lab.plan.tcplabAddress.split("/")[0];
    const opens = `import socket; socket.create_connection(("${target}", 3333)).close()`;
    await lab.run({ side: "client", words: ["python3", "-c", opens] });
  }
  const opened = startConnect(lab, ["5000", "--profile", profile, "--log", "none"]);
  await opened.closeInput();
  await opened.result;
  await recording.end();
  return await p0fVerdicts(lab, file.path);
}

liveTest("nmap takes a server with the profile of FreeBSD for FreeBSD", NEEDS, async (lab) => {
  await using _server = await ServeProcess.start(lab, { args: ["--profile", "freebsd"] });
  const { name, percent, said } = await nmapGuess(lab, 95);
  assertMatch(name, /^FreeBSD 1[123]/, said);
  // 100 (no guess, but a match) in each of 21 runs on two busy cores; there is room for chance all the same.
  assert(percent >= 95, said);
});

liveTest("nmap takes a server with the profile of Linux for Linux", NEEDS, async (lab) => {
  await using _server = await ServeProcess.start(lab, { args: ["--profile", "linux"] });
  const { name, percent, said } = await nmapGuess(lab, 91);
  assertMatch(name, /Linux/, said);
  // 93, and once 96, in 21 runs, as above; the machine without a profile is taken for FreeBSD, at 90.
  assert(percent >= 91, said);
});

liveTest("p0f sees in our segments what it sees in those of Linux 6", NEEDS, async (lab) => {
  const seen = (await asSeenByP0f(lab, "linux")).join("\n");
  assertMatch(seen, /^syn: Linux .*; 4:64\+0:0:1460:mss\*44,10:mss,sok,ts,nop,ws:df,id\+:0$/m, seen);
  // Which it does not know of today's Linux either: 45 segments beside timestamps, and no number.
  assertMatch(seen, /^syn\+ack: \?\?\?; 4:64\+0:0:1460:mss\*45,10:mss,sok,ts,nop,ws:df:0$/m, seen);
});

liveTest("p0f sees in our segments the options and the window of FreeBSD", NEEDS, async (lab) => {
  const seen = (await asSeenByP0f(lab, "freebsd")).join("\n");
  assertMatch(seen, /^syn: .*; 4:64\+0:0:1460:65535,6:mss,nop,ws,sok,ts:df:0$/m, seen);
  assertMatch(seen, /^syn\+ack: .*; 4:64\+0:0:1460:65535,6:mss,nop,ws,sok,ts:df:0$/m, seen);
});
