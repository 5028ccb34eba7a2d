/** /proc is read with every permission, and with the compiled binary's. */
import { assert, assertEquals } from "@std/assert";
import { readProcLink, readProcText } from "../../src/cli/proc_files.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test("a file that is not there is null", () => {
  assertEquals(readProcText("/proc/no/such/file"), null);
  assertEquals(readProcLink("/proc/no/such/link"), null);
});

Deno.test({
  name: "with all permissions Deno reads them",
  ...onLinux,
  fn: () => {
    assert(readProcText("/proc/self/stat")?.startsWith(`${Deno.pid} `));
    assert(/^net:\[\d+\]$/.test(readProcLink("/proc/self/ns/net") ?? ""));
  },
});

Deno.test({
  name: "with the binary's permissions cat and readlink do",
  ...onLinux,
  fn: async () => {
    const module = new URL("../../src/cli/proc_files.ts", import.meta.url).href;
    const script = `import { readProcLink, readProcText } from ${JSON.stringify(module)};
      console.log(readProcText("/proc/version"), readProcLink("/proc/self/ns/net"));`;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, script);
      const args = ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-run", file];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args,
        stdout: "piped",
        stderr: "piped",
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert(/^Linux version .* net:\[\d+\]\s*$/s.test(text), text + new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(file);
    }
  },
});
