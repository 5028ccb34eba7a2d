/** Which directory is whose, and what is wrong with one that others could have made or can reach into. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  openRunDirectory,
  readableRunDirectories,
  runDirectories,
  whyUnsafe,
} from "../../src/runtime/run_directory.ts";

const UID = Deno.uid() ?? 0;
const STRANGER = UID + 4711;

/** A directory that goes with the test. */
function scratch(): { path: string } & Disposable {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "tcplab-test-" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

const env = (values: Record<string, string>) => (name: string) => values[name];
const rights = (of: string) => (Deno.lstatSync(of).mode ?? 0) & 0o777;

function makeDirectory(path: string, mode: number): string {
  Deno.mkdirSync(path);
  Deno.chmodSync(path, mode);
  return path;
}

Deno.test("the directory is the user's: an override, root's alone, the session's, or one in /tmp", () => {
  assertEquals(runDirectories({ env: env({}), uid: 0, runIsRoots: true }), ["/run/tcplab"]);
  // What anybody can make first is no choice for root, whatever the environment says.
  assertEquals(
    runDirectories({ env: env({ TMPDIR: "/x", XDG_RUNTIME_DIR: "/y" }), uid: 0, runIsRoots: true }),
    [
      "/run/tcplab",
    ],
  );
  // The root of a user namespace has no rights in /run.
  assertEquals(runDirectories({ env: env({}), uid: 0, runIsRoots: false }), ["/tmp/tcplab-0"]);
  assertEquals(runDirectories({ env: env({ XDG_RUNTIME_DIR: "/run/user/7" }), uid: 7 }), [
    "/run/user/7/tcplab",
    "/tmp/tcplab-7",
  ]);
  assertEquals(runDirectories({ env: env({ TMPDIR: "/var/tmp" }), uid: 7 }), ["/var/tmp/tcplab-7"]);
  assertEquals(runDirectories({ env: env({ TCPLAB_RUN_DIR: "/x", XDG_RUNTIME_DIR: "/y" }), uid: 0 }), ["/x"]);
});

Deno.test("a directory is made for the owner alone, and closed to eyes of others", () => {
  using directory = scratch();
  const session = { env: env({ XDG_RUNTIME_DIR: directory.path }), uid: UID, runIsRoots: false };
  const path = join(directory.path, "tcplab");
  assertEquals(openRunDirectory(session), path);
  assertEquals(rights(path), 0o700);
  Deno.chmodSync(path, 0o755);
  assertEquals(openRunDirectory(session), path);
  assertEquals(rights(path), 0o700);
});

Deno.test("what somebody else may have made first is not believed: owner, mode, link, or a parent of that kind", () => {
  using directory = scratch();
  const own = makeDirectory(join(directory.path, "own"), 0o755);
  assertEquals(whyUnsafe(own, UID), null);
  if (UID !== 0) assertEquals(whyUnsafe(own, STRANGER), `belongs to user ${UID}`);
  const open = makeDirectory(join(directory.path, "open"), 0o777);
  assertEquals(whyUnsafe(open, UID), "can be written to by others (mode 777)");
  const group = makeDirectory(join(directory.path, "group"), 0o770);
  assertEquals(whyUnsafe(group, UID), "can be written to by others (mode 770)");
  const link = join(directory.path, "link");
  Deno.symlinkSync(own, link);
  assertEquals(whyUnsafe(link, UID), "a symbolic link, which somebody could point elsewhere");
  Deno.writeTextFileSync(join(directory.path, "file"), "");
  assertEquals(whyUnsafe(join(directory.path, "file"), UID), "not a directory");
  const below = makeDirectory(join(open, "below"), 0o700);
  assertEquals(whyUnsafe(below, UID), `${open} above it can be written to by others (mode 777)`);
  // As /tmp is: everybody may write, nobody may touch what is another's.
  Deno.chmodSync(open, 0o1777);
  assertEquals(whyUnsafe(below, UID), null);
});

Deno.test("an unsafe directory is neither read nor used, and left as it is", () => {
  using directory = scratch();
  const path = makeDirectory(join(directory.path, "tcplab"), 0o777);
  const session = {
    env: env({ XDG_RUNTIME_DIR: directory.path, TMPDIR: "/nowhere" }),
    uid: UID,
    runIsRoots: false,
  };
  assertThrows(() => openRunDirectory(session), Error, "can be written to by others");
  assertEquals(readableRunDirectories(session).includes(path), false);
  assertEquals(rights(path), 0o777);
  Deno.chmodSync(path, 0o700);
  assertEquals(readableRunDirectories(session).includes(path), true);
});

Deno.test("one that the user chose stays as it is, links and groups included, but not open to all", () => {
  using directory = scratch();
  const path = join(directory.path, "deep", "run");
  const chosen = { env: env({ TCPLAB_RUN_DIR: path }), uid: UID };
  assertEquals(openRunDirectory(chosen), path);
  assertEquals(rights(path), 0o700);
  Deno.chmodSync(path, 0o775);
  assertEquals(openRunDirectory(chosen), path);
  assertEquals(rights(path), 0o775);
  const link = join(directory.path, "link");
  Deno.symlinkSync(path, link);
  assertEquals(readableRunDirectories({ env: env({ TCPLAB_RUN_DIR: link }), uid: UID }), [link]);
  Deno.chmodSync(path, 0o777);
  assertMatch(
    message(() => openRunDirectory(chosen)),
    /written to by others.*set TCPLAB_RUN_DIR to one of your own/,
  );
  assertEquals(readableRunDirectories(chosen), []);
  const blocked = env({ TCPLAB_RUN_DIR: "/proc/nothing/here" });
  assertThrows(() => openRunDirectory({ env: blocked, uid: UID }), Error, "set TCPLAB_RUN_DIR");
});

function message(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}
