/** Programs on our own terminal: which signals end them, and not us. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const MODULE = fromFileUrl(new URL("../../src/cli/attached_process.ts", import.meta.url));

/** A program of its own that runs a shell's script attached, with an exit status of what became of it. */
async function attached(script: string): Promise<{ code: number; signal: Deno.Signal | null }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      `import { runAttached } from ${JSON.stringify(MODULE)};
Deno.exit(await runAttached(["sh", "-c", ${JSON.stringify(script)}], { env: {} }));`,
    );
    const { code, signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", path],
      stdin: "null",
      stderr: "null",
    }).output();
    return { code, signal };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test({
  name: "attached: a terminal's signals are the program's own from its first moment on, and not ours",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    assertEquals(await attached("kill -INT $PPID; kill -QUIT $PPID; sleep 0.1; exit 7"), {
      code: 7,
      signal: null,
    });
  },
});

Deno.test({
  name: "attached: SIGTERM is handed on, from the first moment on, and the program says what it means",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const script = "trap 'exit 8' TERM; kill -TERM $PPID; while :; do sleep 0.01; done";
    assertEquals(await attached(script), { code: 8, signal: null });
  },
});
