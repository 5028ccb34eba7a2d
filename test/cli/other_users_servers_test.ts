/** Which users have servers, by directories that the users have made themselves. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { usersWithServers } from "../../src/cli/other_users_servers.ts";

const canChown = Deno.uid() === 0 && mayChown();

function scratch(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function mayChown(): boolean {
  using directory = scratch();
  try {
    Deno.chownSync(directory.path, 1, 1);
    return true;
  } catch {
    return false;
  }
}

/** A directory with something that is called a socket. */
function withSocket(path: string, owner: number | null): string {
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(join(path, "1.sock"), "");
  if (owner !== null) Deno.chownSync(path, owner, owner);
  return path;
}

Deno.test({
  name: `only the user in the name may be the owner, links are not followed, root is left out${
    canChown ? "" : " (skipped: not root with its rights)"
  }`,
  ignore: !canChown,
  fn() {
    using place = scratch();
    const places = [{ parent: place.path, name: /^tcplab-(\d{1,10})$/, below: "" }];
    const theirs = withSocket(join(place.path, "tcplab-7"), 7);
    withSocket(join(place.path, "tcplab-8"), 7);
    withSocket(join(place.path, "tcplab-0"), 0);
    withSocket(join(place.path, "tcplab-x"), 7);
    Deno.symlinkSync(theirs, join(place.path, "tcplab-9"));
    const empty = join(place.path, "tcplab-10");
    Deno.mkdirSync(empty);
    Deno.chownSync(empty, 10, 10);
    assertEquals(usersWithServers(places), [{ uid: 7, gid: 7, directory: theirs }]);
    for (let uid = 100; uid < 140; uid++) withSocket(join(place.path, `tcplab-${uid}`), uid);
    assertEquals(usersWithServers(places).length, 16);
  },
});
