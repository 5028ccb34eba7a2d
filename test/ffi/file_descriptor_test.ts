/** What a descriptor is: a file, or something that may stand still. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { isSeekable } from "../../ffi/file_descriptor.ts";
import { libc } from "../../ffi/libc.ts";

const MODULE = new URL("../../ffi/file_descriptor.ts", import.meta.url).href;
const UNIX = Deno.build.os !== "windows";

/** What a process with this redirection of its standard output says of it, on stderr. */
async function saidUnder(redirection: string, path: string): Promise<string> {
  const code = `const { isSeekable } = await import(${
    JSON.stringify(MODULE)
  }); console.error(isSeekable(1));`;
  const { stderr } = await new Deno.Command("sh", {
    args: ["-c", `"$0" eval --no-lock "$2" ${redirection}`, Deno.execPath(), path, code],
    cwd: fromFileUrl(new URL(".", import.meta.url)),
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stderr).trim();
}

Deno.test({ name: "descriptors: a file is seekable, a pipe is not", ignore: !UNIX }, async () => {
  const path = await Deno.makeTempFile();
  try {
    assertEquals(await saidUnder('>"$1"', path), "true");
    assertEquals(await saidUnder('>>"$1"', path), "true");
    assertEquals(await saidUnder('| cat >"$1"', path), "false");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test({ name: "descriptors: both ends of a pipe, and none at all", ignore: !UNIX }, () => {
  const ends = new Int32Array(2);
  assertEquals(libc().pipe(new Uint8Array(ends.buffer)), 0);
  assertEquals([...ends].map(isSeekable), [false, false]);
  for (const end of ends) libc().close(end);
  assertEquals(isSeekable(-1), false);
});
