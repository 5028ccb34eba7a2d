/** Giving up root: the way there, and that there is no way back. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { isRoot, lookupUser } from "../../ffi/process_user.ts";

const MODULE = new URL("../../ffi/process_user.ts", import.meta.url).href;
const unix = Deno.build.os !== "windows";
const asRoot = unix && isRoot();
/** CAP_SETGID and CAP_SETUID: a root that was robbed of them (in some containers) cannot change the user. */
const canChangeUser = asRoot && hasCapabilities(6, 7);

function hasCapabilities(...numbers: number[]): boolean {
  if (Deno.build.os !== "linux") return true;
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"));
  const low = line === null ? 0 : parseInt(line[1].slice(-8), 16);
  return numbers.every((number) => ((low >>> number) & 1) === 1);
}

/** Drops to `user` in a fresh process; returns its ids afterwards as /proc tells them, or the error's message. */
async function dropElsewhere(user: string): Promise<string> {
  const code = `const { dropToUser } = await import(${JSON.stringify(MODULE)});
    try {
      dropToUser(${JSON.stringify(user)});
      const lines = Deno.readTextFileSync("/proc/self/status").split("\\n");
      console.log(lines.filter((line) => /^(Uid|Gid|CapEff):/.test(line)).join(" ").replace(/\\s+/g, " "));
    } catch (error) { console.log(error.name + ": " + error.message); }`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", code],
    cwd: fromFileUrl(new URL(".", import.meta.url)),
  }).output();
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
}

Deno.test({
  name: "users: root is 0, an unknown name is null",
  ignore: !unix,
  fn() {
    assertEquals(lookupUser("root"), { uid: 0, gid: 0 });
    assertEquals(lookupUser("no-such-user-here"), null);
  },
});

Deno.test({
  name: "users: an unknown user is refused in one line",
  ignore: !unix,
  async fn() {
    const text = await dropElsewhere("no-such-user-here");
    assertStringIncludes(text, "LibcError: Cannot continue as user no-such-user-here");
    assert(!text.includes("\n"));
  },
});

Deno.test({
  name: `users: root becomes nobody, with no rights left${
    canChangeUser ? "" : " (skipped: not root with its rights)"
  }`,
  ignore: !canChangeUser || Deno.build.os !== "linux" || lookupUser("nobody") === null,
  async fn() {
    const ids = lookupUser("nobody");
    const four = (id: number | undefined) => Array(4).fill(id).join(" ");
    const expected = `Uid: ${four(ids?.uid)} Gid: ${four(ids?.gid)} CapEff: 0000000000000000`;
    assertEquals(await dropElsewhere("nobody"), expected);
  },
});

Deno.test({
  name: `users: who is not root is told so${asRoot ? " (skipped: root)" : ""}`,
  ignore: !unix || asRoot,
  async fn() {
    assertStringIncludes(await dropElsewhere("nobody"), "Only root can change the user");
  },
});
