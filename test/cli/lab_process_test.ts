/** A process of a lab: what a terminal's signals are to it, and its end where its outputs outlive it. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { LabProcess } from "../../src/cli/lab_process.ts";

/** Runs a shell's script as a process of a lab, without the lab. */
function start(script: string, onStdout: (line: string) => void = () => {}): LabProcess {
  return new LabProcess({
    words: ["sh", "-c", script],
    onStdout,
    signal: () => Promise.resolve(),
    insidePid: () => Promise.resolve(null),
  });
}

Deno.test({
  name: "lab process: in a session of its own, so that Ctrl-C is heard by who ends the lab alone",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // Fields behind the name (proc_pid_stat(5)): state, parent, process group, session.
    const { stdout } = await start('echo $$; sed "s/.*) //" /proc/$$/stat').result;
    const [pid, fields] = stdout.split("\n");
    const [, parent, group, session] = fields.split(" ");
    assertEquals([parent, group, session], [`${Deno.pid}`, pid, pid]);
    assertNotEquals(pid, `${Deno.pid}`);
  },
});

Deno.test({
  name: "lab process: one that has ended by itself is left in peace, whoever still holds its outputs",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const holder = Promise.withResolvers<number>();
    const process = start("sleep 600 & echo $!", (line) => holder.resolve(Number(line)));
    const pid = await holder.promise;
    assertEquals(await process.endsWithin(1), false);
    const leaving = process.leave(1);
    assertEquals(await process.endsWithin(1), false);
    Deno.kill(pid, "SIGKILL");
    await leaving;
    assertEquals((await process.result).code, 0);
  },
});
