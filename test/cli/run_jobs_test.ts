/** `tcplab run --jobs`: how scripts are shared out, and that no process outlives the run, whatever ends it. */
import { assertEquals } from "@std/assert";
import { shareSize } from "../../src/cli/run_jobs.ts";
import { selfCommand } from "../../src/cli/self_command.ts";

Deno.test("shares: all are at work, starts are few, and no command line is too long", () => {
  assertEquals(shareSize(2, 8), 1);
  assertEquals(shareSize(10, 4), 3);
  assertEquals(shareSize(150, 2), 75);
  assertEquals(shareSize(217, 2), 100);
  assertEquals(shareSize(1100, 2), 275);
  assertEquals(shareSize(200_000, 2), 1000);
  assertEquals(shareSize(200_000, 256), 391);
});

/** Waits for as long as the process that plays it is there. */
const WAITS = "0 `exec tail -f /dev/null --pid $PPID`\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
const PASSES = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

async function withWaiting(
  use: (child: Deno.ChildProcess, about: { readonly directory: string }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    // Two shares: one that is told at once, and one that waits.
    await Deno.writeTextFile(`${directory}/1.pkt`, PASSES);
    await Deno.writeTextFile(`${directory}/2.pkt`, WAITS);
    await Deno.writeTextFile(`${directory}/3.pkt`, PASSES);
    const [program, ...words] = selfCommand();
    const child = new Deno.Command(program, {
      args: [...words, "run", "--jobs", "3", "--allow-shell", directory],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await use(child, { directory });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Processes with this in their command line, by /proc. */
async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (words.includes(text)) found.push(Number(name));
  }
  return found;
}

/** Those of the test are waited for: a process that was killed needs a moment to be gone. */
async function waitUntil(isThere: () => Promise<boolean>, what: string): Promise<void> {
  for (let times = 0; times < 400; times++) {
    if (await isThere()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`not in ten seconds: ${what}`);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test({
    name: `${signal} ends the run and its processes; the exit status says by what`,
    ignore: Deno.build.os !== "linux",
    fn: () =>
      withWaiting(async (child, { directory }) => {
        await waitUntil(
          async () => (await processesWith(`${directory}/2.pkt`)).length > 0,
          "a process that waits",
        );
        child.kill(signal);
        const status = await child.status;
        assertEquals([status.signal, status.success], [signal, false]);
        await waitUntil(async () => (await processesWith(directory)).length === 0, "no process that is left");
        await child.stdout.cancel();
      }),
  });
}

Deno.test({
  name: "where nobody reads on, the run ends with its processes, and what was not run has not passed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const directory = await Deno.makeTempDir();
    try {
      for (let at = 0; at < 300; at++) await Deno.writeTextFile(`${directory}/${at + 100}.pkt`, PASSES);
      const [program, ...words] = selfCommand();
      const run = async (...args: string[]) => {
        const child = new Deno.Command(program, {
          args: [...words, "run", ...args, directory],
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        await child.stdout.cancel();
        const { code, stderr } = await child.output();
        return `${code}${new TextDecoder().decode(stderr)}`;
      };
      assertEquals(await run(), "1");
      assertEquals(await run("--jobs", "2"), "1");
      // All were run, and only the telling is not heard.
      assertEquals(await run("--json"), "0");
      await waitUntil(async () => (await processesWith(directory)).length === 0, "no process that is left");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
