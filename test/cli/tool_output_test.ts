/** Programs that are asked for a text: what they may say, how long they may take, and that nothing of them stays. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { boundedText } from "../../src/cli/tool_output.ts";

const UNIX = Deno.build.os !== "windows";
const PATIENT = { patienceMs: 60_000, mostBytes: 100 };

/** A shell that says something and then stands in a pipeline, each part of which holds its stdout open. */
const STANDS = 'exec 3>"$1"; echo hello; sleep 1000 | cat';

Deno.test(
  { name: "tool: what it says within its bounds is given, status or not", ignore: !UNIX },
  async () => {
    const said = (script: string, bounds = PATIENT) => boundedText("sh", { args: ["-c", script], ...bounds });
    assertEquals(await said("printf 'gr\\303\\274n'; exit 3"), "gr\u00fcn");
    assertEquals(await said("printf hello", { ...PATIENT, mostBytes: 5 }), "hello");
    assertEquals(await said("printf hello", { ...PATIENT, mostBytes: 4 }), null);
    assertEquals(await said("yes"), null);
    assertEquals(await boundedText("no-such-program-of-tcplab", PATIENT), null);
  },
);

Deno.test({
  name: "tool: whose time is over ends, and so does all that it has started",
  ignore: !UNIX,
  async fn() {
    const place = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
    try {
      const pipe = join(place, "pipe");
      await new Deno.Command("mkfifo", { args: [pipe] }).output();
      // Ends when nobody has the pipe open any more.
      const ends = new Deno.Command("cat", { args: [pipe], stdin: "null" }).output();
      const command = { args: ["-c", STANDS, "sh", pipe] };
      assertEquals(await boundedText("sh", { ...command, ...PATIENT, mostBytes: 3 }), null);
      assertEquals((await ends).success, true);
      const late = boundedText("sh", { args: ["-c", "sleep 1000 | cat"], ...PATIENT, patienceMs: 1 });
      assertEquals(await late, null);
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  },
});
