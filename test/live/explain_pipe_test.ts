/** `explain` on a named pipe that nobody writes to: a signal ends it, as it ends any reading. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { selfCommand } from "../../src/cli/self_command.ts";
import { waitFor } from "./wait_for.ts";

Deno.test("explain: a named pipe without a writer is left when the signal comes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "pipe");
    assertEquals((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
    const [program, ...words] = selfCommand();
    const child = new Deno.Command(program, {
      args: [...words, "explain", path],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await waitFor(() => listensForSignals(child.pid), { what: "the program listens for signals" });
    child.kill("SIGINT");
    // What hangs would hang for ever.
    const end = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(end);
    const text = new TextDecoder();
    assertEquals([code, text.decode(stdout), text.decode(stderr)], [
      0,
      "",
      `${path}: stopped after 0 packets, which are told\n${path}: no packet in it\n`,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** SIGUSR2 is the last that the program begins to listen for; the runtime listens for others before. */
const USR2_BIT = 1 << 11;

/** proc(5): the signals that a process catches, the lowest bit for the first. */
function listensForSignals(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? "";
  return (Number.parseInt(caught.slice(-8), 16) & USR2_BIT) !== 0;
}
