/** What is said aside, in the background: the end of the program does not cut it off, and no reader holds it up. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** Twice that is less than a pipe holds (pipe(7): 64 KiB), so that no reader has to keep pace. */
const FEW = 20_000;
/** Far more. */
const MANY = 1_000_000;

/** A program that says so many letters aside, twice, and ends as the command line does. */
async function saysAside(
  letters: number,
  work: (child: Deno.ChildProcess) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      `import { endAsides, printAside } from ${JSON.stringify(`${ROOT}src/cli/terminal.ts`)};
for (const letter of ["a", "b"]) printAside(letter.repeat(${letters}));
await endAsides();
Deno.exit(0);`,
    );
    await work(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "--no-check", "--config", `${ROOT}deno.json`, path],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn(),
    );
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("aside: all is written, in its order, before the program ends", async () => {
  await saysAside(FEW, async (child) => {
    const said = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 0);
    assertEquals(said.match(/^(a+)\n(b+)\n$/)?.slice(1).map(({ length }) => length), [FEW, FEW]);
  });
});

Deno.test("aside: a reader that takes nothing is not waited for", async () => {
  await saysAside(MANY, async (child) => {
    assertEquals((await child.status).code, 0);
    await child.stderr.cancel();
  });
});
