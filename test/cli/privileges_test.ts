/** Who a command becomes; that it becomes so is judged live. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CliError } from "../../src/cli/command.ts";
import { futureUser, sudoUser } from "../../src/cli/privileges.ts";

const env = (values: Record<string, string>) => (name: string) => values[name];
const root = (values: Record<string, string> = {}) => ({ isRoot: true, env: env(values) });
const alice = { isRoot: false, env: env({ SUDO_UID: "7", SUDO_GID: "7" }) };

Deno.test("the user of sudo is taken by number, and only a whole one of an ordinary user", () => {
  assertEquals(sudoUser(env({ SUDO_UID: "1000", SUDO_GID: "100" })), { uid: 1000, gid: 100 });
  const odd = [
    {},
    { SUDO_UID: "1000" },
    { SUDO_UID: "0", SUDO_GID: "0" },
    { SUDO_UID: "-1", SUDO_GID: "1" },
    { SUDO_UID: "1e3", SUDO_GID: "1" },
    { SUDO_UID: "", SUDO_GID: "1" },
    // (uid_t)-1 means "leave it" to the calls that change users.
    { SUDO_UID: "4294967295", SUDO_GID: "1" },
    { SUDO_UID: "1000", SUDO_GID: "4294967296" },
  ];
  for (const values of odd) assertEquals(sudoUser(env(values)), null, JSON.stringify(values));
});

Deno.test("root becomes the user of sudo, else nobody, or whom --user names, or stays", () => {
  assertEquals(futureUser(null, root({ SUDO_UID: "7", SUDO_GID: "8" })), { uid: 7, gid: 8, isWish: false });
  const nobody = futureUser(null, root());
  assert(nobody !== null && nobody !== "root" && nobody.uid > 0 && !nobody.isWish);
  assertEquals(futureUser(null, root({ SUDO_UID: "0", SUDO_GID: "0" })), nobody);
  const named = futureUser("daemon", root({ SUDO_UID: "7", SUDO_GID: "8" }));
  assert(named !== null && named !== "root" && named.uid !== 7 && named.isWish);
  assertEquals(futureUser("root", root()), "root");
  assertThrows(() => futureUser("no-such-user-here", root()), CliError, "getent passwd");
});

Deno.test("who is not root has nothing to give, whatever the environment says", () => {
  assertEquals(futureUser(null, alice), null);
  assertThrows(() => futureUser("nobody", alice), CliError, "--user needs root");
});
