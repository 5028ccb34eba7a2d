/** Labs with names are root's: who is not hears so before anything is touched. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";

/** Makes root nobody: in a user namespace in which it has no number. Who is not root needs nothing. */
const AS_NOBODY = Deno.build.os === "linux" && Deno.uid() === 0 ? ["unshare", "--user"] : [];

/** Why no process here can be anybody but root, or null. */
function refusal(): string | null {
  if (Deno.build.os !== "linux") return "labs are for Linux";
  try {
    const [program, ...args] = [...AS_NOBODY, "true"];
    return new Deno.Command(program, { args }).outputSync().success ? null : "no user namespaces";
  } catch {
    return "no unshare";
  }
}

const reason = refusal();

for (const verb of ["up", "down", "exec server", "netstat"]) {
  Deno.test({
    name: `lab ${verb} without root says so and does nothing${
      reason === null ? "" : ` (ignored: ${reason})`
    }`,
    ignore: reason !== null,
    fn: async () => {
      const words = [...AS_NOBODY, ...selfCommand(), "lab", ...verb.split(" "), "--name", "tcplab-nobodys"];
      const [program, ...args] = words;
      const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
      const said = new TextDecoder().decode(stderr);
      assertEquals([code, stdout.length, said.trimEnd().split("\n").length], [1, 0, 1], said);
      assertStringIncludes(said, `lab ${verb.split(" ")[0]} needs root, for namespaces with names`);
    },
  });
}
