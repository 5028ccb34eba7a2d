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

const PASSES = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
/** Says that it is there, and waits for as long as it may. */
const WAITS = "0 `echo here > PIPE; exec tail -f /dev/null`\n";

/** Processes with this in their command line, by /proc. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (words.includes(text)) found.push(name);
  }
  return found;
}

/** The process group of a process (proc_pid_stat(5): behind the name, state and parent). */
function groupOf(pid: string): string {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2];
}

/** Whether the process ends within ten seconds; one that was killed needs a moment to be gone. */
async function ends(pid: string): Promise<boolean> {
  const args = ["10", "tail", `--pid=${pid}`, "-f", "/dev/null"];
  return (await new Deno.Command("timeout", { args, stdin: "null" }).output()).success;
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
  Deno.test({
    name: `${signal} ends the run and its processes; the exit status says by what`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const directory = await Deno.makeTempDir();
      try {
        const pipe = `${directory}/pipe`;
        await new Deno.Command("mkfifo", { args: [pipe] }).output();
        await Deno.writeTextFile(`${directory}/1.pkt`, PASSES);
        await Deno.writeTextFile(`${directory}/2.pkt`, WAITS.replace("PIPE", pipe));
        const [program, ...words] = selfCommand();
        const run = new Deno.Command(program, {
          args: [...words, "run", "--jobs", "2", "--allow-shell", "--timeout", "15", directory],
          stdin: "null",
          stdout: "piped",
          stderr: "null",
          detached: true,
        }).spawn();
        assertEquals(await Deno.readTextFile(pipe), "here\n");
        const processes = (await processesWith(`${directory}/2.pkt`)).filter((pid) => pid !== `${run.pid}`);
        assertEquals(processes.length, 1);
        // As a terminal does it: to all of the group, in which there is nobody else who could be known to have ended before.
        assertEquals(processes.map(groupOf), processes);
        Deno.kill(-run.pid, signal);
        const ended = await run.output();
        assertEquals(ended.signal, signal);
        // The script that was cut short is not told as failed.
        assertEquals(new TextDecoder().decode(ended.stdout).includes("2.pkt"), false);
        assertEquals(await ends(processes[0]), true);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
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
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
