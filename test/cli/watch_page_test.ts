/** A page that is looked at again and again: Ctrl-C ends it, also while something is asked that does not answer. */
import { assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";

Deno.test({
  name:
    "netstat --watch: ended while a server is asked, it waits for nobody and shows nothing of what it has not heard",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "tcplab-test-" });
    try {
      // Listens, and says nothing.
      using server = Deno.listen({ transport: "unix", path: `${directory}/7.sock` });
      const [program, ...words] = selfCommand();
      const netstat = new Deno.Command(program, {
        args: [...words, "netstat", "--watch"],
        env: { TCPLAB_RUN_DIR: directory },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      using _asked = await server.accept();
      netstat.kill("SIGINT");
      const { code, stdout, stderr } = await netstat.output();
      const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertEquals([code, ...said], [0, "", ""]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
