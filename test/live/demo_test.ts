/**
 * The demo from outside: its exit status, its verdict, and what it leaves behind, also after Ctrl-C.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, rootsLab, scratchFile } from "./private_lab.ts";
import { assertRoundTrips, assertSoundRecording, RECORDING_PROGRAMS } from "./recording_judge.ts";
import { undisturbed } from "./sent_again.ts";
import { judgeFile } from "./wire_judge.ts";

interface DemoRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the demo; with `interruptAt`, sends a signal when the page shows this text. */
async function runDemo(
  args: readonly string[],
  { interruptAt, before, signal = "SIGINT", temporary, env = {} }: {
    interruptAt?: string;
    /** What is done before the signal is sent. */
    before?: () => Promise<void>;
    signal?: Deno.Signal;
    /** Where its temporary files go. */
    temporary?: string;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<DemoRun> {
  const [program, ...rest] = [...selfCommand(), "demo", ...args];
  const demo = new Deno.Command(program, {
    args: rest,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: temporary === undefined ? { ...env } : { ...env, TMPDIR: temporary },
  }).spawn();
  const stderr = new Response(demo.stderr).text();
  let stdout = "";
  let interrupted = false;
  for await (const text of demo.stdout.pipeThrough(new TextDecoderStream())) {
    stdout += text;
    if (interruptAt === undefined || interrupted || !stdout.includes(interruptAt)) continue;
    interrupted = true;
    await before?.();
    demo.kill(signal);
  }
  return { code: (await demo.status).code, stdout, stderr: await stderr };
}

/** Processes of ours whose command line holds the text; the holder of a lab shows its script there. */
async function processesWith(text: string): Promise<{ readonly pid: number; readonly words: string }[]> {
  const found = [];
  for await (const entry of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(entry.name) || Number(entry.name) === Deno.pid) continue;
    const line = await Deno.readTextFile(`/proc/${entry.name}/cmdline`).catch(() => "");
    if (line.includes(text)) found.push({ pid: Number(entry.name), words: line.replaceAll("\0", " ") });
  }
  return found;
}

liveTest(
  "the demo sees every row, and records what tshark can read",
  { needs: RECORDING_PROGRAMS },
  async () => {
    await using file = await scratchFile(".pcapng");
    const { stdout } = await undisturbed(file.path, async () => {
      const run = await runDemo(["--sleep", "0.2", "--write", file.path]);
      assertEquals([run.code, run.stderr], [0, ""], run.stdout);
      return run;
    });
    assertStringIncludes(stdout, "All seen.");
    assertStringIncludes(stdout, file.path);
    assertMatch(stdout, /TIME-WAIT|TIME_WAIT/);
    await assertSoundRecording(file.path);
    await assertRoundTrips(file.path);
    const frames = await judgeFile(file.path);
    const walk = [
      "SYN",
      "SYN,ACK",
      "ACK",
      "PSH,ACK",
      "PSH,ACK",
      "ACK",
      "FIN,ACK",
      "ACK",
      "FIN,ACK",
      "ACK",
    ];
    // Once over IPv4, once over IPv6 where the kernel has it.
    const isSix = frames.map(({ source }) => source.includes(":"));
    const walks = isSix.includes(true) ? 2 : 1;
    assertEquals(walks, stdout.includes("This kernel has no IPv6") ? 1 : 2);
    assertEquals(frames.map((frame) => frame.flags), [...walk, ...(walks === 2 ? walk : [])]);
    assertEquals(isSix, frames.map((_, index) => index >= walk.length));
    assert(frames.every((frame) => !frame.malformed));
  },
);

/** A folder for temporary files, gone when it is disposed of. */
function scratchFolder(): Disposable & { readonly path: string; names(): string[] } {
  const path = Deno.makeTempDirSync({ prefix: "tcplab-live-" });
  return {
    path,
    names: () => [...Deno.readDirSync(path)].map(({ name }) => name),
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

liveTest("the demo leaves nothing after Ctrl-C, or SIGQUIT", {}, async () => {
  for (const [signal, status] of [["SIGINT", 130], ["SIGQUIT", 131], ["SIGTERM", 143]] as const) {
    using folder = scratchFolder();
    const { code, stdout, stderr } = await runDemo(["--sleep", "10"], {
      interruptAt: "the line came back",
      signal,
      temporary: folder.path,
    });
    assertEquals(code, status);
    assertEquals(stderr, `tcplab demo: interrupted by ${signal}; the lab and all that is in it end now\n`);
    // Nothing of the end is played any more.
    assert(!stdout.includes("The client wakes"), stdout);
    assertEquals([await processesWith(folder.path), folder.names()], [[], []]);
  }
});

/** Waits for a process of the lab as `nsenter` does, and ends long after it. */
const SLOW_WAITER = `#!/bin/sh
PATH=\${PATH#*:}
nsenter "$@"
status=$?
sleep 0.3
exit $status
`;

liveTest("the demo ends after all that waits for its processes", {}, async () => {
  using folder = scratchFolder();
  using programs = scratchFolder();
  await Deno.writeTextFile(`${programs.path}/nsenter`, SLOW_WAITER, { mode: 0o755 });
  const { code, stderr } = await runDemo(["--sleep", "10"], {
    interruptAt: "the line came back",
    temporary: folder.path,
    env: { PATH: `${programs.path}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}` },
  });
  assertEquals(code, 130, stderr);
  assertEquals([await processesWith(folder.path), folder.names()], [[], []]);
});

liveTest(
  "the demo leaves nothing when its server was stopped, and so was what waits for it",
  {},
  async () => {
    using folder = scratchFolder();
    const { code, stderr } = await runDemo(["--sleep", "10"], {
      interruptAt: "the line came back",
      before: async () => {
        for (const { pid } of await processesWith(folder.path)) Deno.kill(pid, "SIGSTOP");
      },
      temporary: folder.path,
    });
    assertEquals(code, 130, stderr);
    assertEquals([await processesWith(folder.path), folder.names()], [[], []]);
  },
);

liveTest("what a killed demo leaves is cleared by the next, which keeps its own recording", {}, async () => {
  using folder = scratchFolder();
  await runDemo(["--sleep", "10"], {
    interruptAt: "the line came back",
    signal: "SIGKILL",
    temporary: folder.path,
  });
  assertMatch(folder.names().join(), /^tcplab-demo-\w+\.unfinished$/);
  const { code, stdout, stderr } = await runDemo(["--sleep", "0"], { temporary: folder.path });
  assertEquals([code, stderr], [0, ""], stdout);
  assertMatch(folder.names().join(), /^tcplab-demo-\w+\.pcapng$/);
});

/** A user namespace in which no network namespace can be made, with or without another user namespace. */
const NO_NAMESPACES = `echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"`;

liveTest("where there can be no lab, the demo says so and plays in memory", {
  pcap: false,
  missing: rootsLab,
}, async () => {
  const args = ["--user", "--map-root-user", "sh", "-c", NO_NAMESPACES, "sh", ...selfCommand(), "demo"];
  const output = await new Deno.Command("unshare", { args, stdin: "null" }).output();
  const stdout = new TextDecoder().decode(output.stdout);
  assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
  assertMatch(stdout, /^No private lab can be had here \(user namespaces: .*; root's namespaces: .*\)\.$/m);
  assertStringIncludes(stdout, "in memory");
  assertStringIncludes(stdout, "All seen.");
});
