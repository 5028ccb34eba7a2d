/** The demo's recording: where it ends up, and what becomes of one whose demo was killed. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CliError } from "../../src/cli/command.ts";
import { beginDemoRecording, removeLeftRecordings } from "../../src/cli/demo_recording.ts";

/** A directory that goes with the test. */
function scratch(): { path: string; names(): string[] } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  return {
    path,
    names: () => [...Deno.readDirSync(path)].map(({ name }) => name).toSorted(),
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

Deno.test("a recording is kept in a file of its own, closed to others", () => {
  using directory = scratch();
  let kept = "";
  {
    using recording = beginDemoRecording(null, directory.path);
    Deno.writeTextFileSync(recording.path, "frames");
    kept = recording.keep();
  }
  assertEquals(Deno.readTextFileSync(kept), "frames");
  assertEquals((Deno.lstatSync(kept).mode ?? 0) & 0o777, 0o600);
  assertEquals(directory.names().map((name) => join(directory.path, name)), [kept]);
  assertMatch(kept, /tcplab-demo-\w+\.pcapng$/);
});

Deno.test("a recording goes where it is wanted, or nowhere when the demo fails", () => {
  using directory = scratch();
  const wish = join(directory.path, "mine.pcapng");
  {
    using recording = beginDemoRecording(wish, directory.path);
    Deno.writeTextFileSync(recording.path, "frames");
    assertEquals(recording.keep(), wish);
  }
  assertEquals(Deno.readTextFileSync(wish), "frames");
  {
    using _failed = beginDemoRecording(null, directory.path);
  }
  assertEquals(directory.names(), ["mine.pcapng"]);
  assertThrows(() => beginDemoRecording(directory.path, directory.path), CliError, "it is a directory");
});

Deno.test("what a killed demo left is cleared by the next, a running demo's is not", () => {
  using directory = scratch();
  const left = join(directory.path, "tcplab-demo-dead.unfinished");
  Deno.writeTextFileSync(left, "");
  const other = join(directory.path, "something.unfinished");
  Deno.writeTextFileSync(other, "");
  using running = beginDemoRecording(null, directory.path);
  assertEquals(directory.names().length, 2);
  using second = beginDemoRecording(null, directory.path);
  assert(running.path !== second.path);
  // A link of that name leads nowhere that we would look.
  Deno.symlinkSync(other, left);
  removeLeftRecordings(directory.path);
  assertEquals(directory.names().length, 4);
});

Deno.test("a directory for temporary files that is none is said in one line, with what to do", () => {
  for (
    const [directory, why] of [["/nowhere/x", "no such file or directory"], ["/dev/null", "not a directory"]]
  ) {
    const error = assertThrows(() => beginDemoRecording(null, directory), CliError);
    assertEquals(
      error.message,
      `No temporary file can be made in ${directory} (${why}): set TMPDIR to a directory that is there and yours, or unset it`,
    );
  }
});

Deno.test({
  name: "a recording that finds no room at its place is said in one line",
  ignore: Deno.build.os !== "linux",
  fn() {
    const directory = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
    try {
      using recording = beginDemoRecording("/dev/full", directory);
      Deno.writeTextFileSync(recording.path, "frames");
      const error = assertThrows(() => recording.keep(), CliError);
      assertEquals(
        error.message,
        "/dev/full cannot be written (no space left on device): the recording is not whole; give --write another file",
      );
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
