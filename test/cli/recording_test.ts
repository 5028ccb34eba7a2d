/** The files of `--write`: limits, rotation, a full disk. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CliError } from "../../src/cli/command.ts";
import { demandRotation, rotateFiles } from "../../src/cli/file_rotation.ts";
import { openRecording } from "../../src/cli/recording.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { HAS_TSHARK, readBlocks, readPackets, tsharkFields } from "../observe/capture_reading.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

const FRAME_BYTES = 1000;
/** A packet's block around its frame: the fixed part, the flags option, the end of options. */
const BLOCK_BYTES = FRAME_BYTES + 44;

/** A directory that goes with the test. */
function scratch(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function opens(path: string, limit: { bytes: number; files: number } | null) {
  const [link] = memoryPair();
  const { clock } = new VirtualTime([link]);
  const ends: string[] = [];
  const onEnd = (line: string) => ends.push(line);
  const recording = openRecording({ path, limit, link, filter: "tcp", clock, application: "test", onEnd });
  let next = 0;
  /** Records this many frames, numbered in their first bytes. */
  const record = (count: number) => {
    for (let i = 0; i < count; i++) {
      const frame = new Uint8Array(FRAME_BYTES);
      new DataView(frame.buffer).setUint32(0, next++);
      recording.recorder.sent(frame, frame.length, 0);
    }
  };
  return { recording, ends, record };
}

/** The numbers of the frames in a file, which must be whole, with statistics at its end. */
function numbersIn(path: string): number[] {
  const file = Deno.readFileSync(path);
  assertEquals(readBlocks(file).at(-1)?.type, 5, path);
  return readPackets(file).map(({ frame }) => new DataView(frame.buffer, frame.byteOffset).getUint32(0));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("a recording rotates: each file is whole and within the limit, the newest has the name", () => {
  using directory = scratch();
  const path = join(directory.path, "lab.pcapng");
  const { recording, ends, record } = opens(path, { bytes: 10 * BLOCK_BYTES + 500, files: 3 });
  recording.demandRights();
  record(45);
  recording.finish();
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name).sort(), [
    "lab.pcapng",
    "lab.pcapng.1",
    "lab.pcapng.2",
  ]);
  assertEquals(numbersIn(`${path}.2`), range(20, 30));
  assertEquals(numbersIn(`${path}.1`), range(30, 40));
  assertEquals(numbersIn(path), range(40, 45));
  for (const name of [path, `${path}.1`, `${path}.2`]) {
    assert(Deno.statSync(name).size <= 10 * BLOCK_BYTES + 500);
  }
  assertEquals([ends, recording.failure], [[], null]);
});

Deno.test({
  name: "tshark reads each file of a rotation to its end",
  ignore: !HAS_TSHARK,
  fn: async () => {
    using directory = scratch();
    const path = join(directory.path, "lab.pcapng");
    const { recording, record } = opens(path, { bytes: 10 * BLOCK_BYTES + 500, files: 2 });
    record(25);
    recording.finish();
    const sizes = [];
    for (const name of [`${path}.1`, path]) {
      sizes.push((await tsharkFields(Deno.readFileSync(name), ["frame.len"])).length);
    }
    assertEquals(sizes, [10, 5]);
  },
});

Deno.test("a recording without rotation ends at its limit, with a notice, and is whole", () => {
  using directory = scratch();
  const path = join(directory.path, "lab.pcapng");
  const { recording, ends, record } = opens(path, { bytes: 10 * BLOCK_BYTES + 500, files: 1 });
  record(45);
  assertEquals(ends.length, 0, "frames wait for their comments");
  recording.finish();
  assertEquals(numbersIn(path), range(0, 10));
  assertEquals(ends.length, 1);
  assert(ends[0].includes("--write-limit") && ends[0].includes("goes on"), ends[0]);
  assertEquals([recording.failure, recording.recorder.isStopped], [null, true]);
});

Deno.test("what cannot be rotated is refused at the start: a device, a file that is not there any more", () => {
  const limit = { bytes: 10 * BLOCK_BYTES + 500, files: 2 };
  assertThrows(
    () => opens("/dev/null", limit),
    CliError,
    "/dev/null is no regular file and cannot be rotated",
  );
  using directory = scratch();
  const path = join(directory.path, "lab.pcapng");
  const { recording } = opens(path, limit);
  recording.demandRights();
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["lab.pcapng"]);
  Deno.removeSync(path);
  assertThrows(() => recording.demandRights(), CliError, "cannot be rotated by the user who serves");
  assertEquals([...Deno.readDirSync(directory.path)], []);
  recording.finish();
});

Deno.test("what is no file of ours is not replaced: the recording ends instead", () => {
  using directory = scratch();
  const path = join(directory.path, "lab.pcapng");
  Deno.mkdirSync(`${path}.1`);
  const { recording, ends, record } = opens(path, { bytes: 10 * BLOCK_BYTES + 500, files: 2 });
  record(45);
  recording.finish();
  assert(Deno.lstatSync(`${path}.1`).isDirectory);
  assertEquals(numbersIn(path), range(0, 10));
  assertEquals(ends.length, 1);
  assert(ends[0].includes("lab.pcapng.1 is in the way"), ends[0]);
  assert(recording.failure instanceof CliError);
});

Deno.test("rotation: gaps stay gaps, a link is moved and not followed, foreign files are kept", () => {
  using directory = scratch();
  const path = join(directory.path, "f");
  const owner = Deno.uid();
  Deno.writeTextFileSync(path, "new");
  Deno.writeTextFileSync(`${path}.2`, "older");
  Deno.symlinkSync("/nowhere", `${path}.1`);
  Deno.removeSync(`${path}.1`);
  rotateFiles(path, { files: 5, owner });
  assertEquals(Deno.readTextFileSync(`${path}.1`), "new");
  assertEquals(Deno.readTextFileSync(`${path}.3`), "older");
  assertThrows(() => Deno.lstatSync(`${path}.2`), Deno.errors.NotFound);
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  Deno.symlinkSync("/nowhere", `${path}.4`);
  assertThrows(() => rotateFiles(path, { files: 5, owner }), Error, "f.4 is in the way");
  Deno.removeSync(`${path}.4`);
  Deno.writeTextFileSync(`${path}.4`, "foreign");
  assertThrows(() => rotateFiles(path, { files: 5, owner: (owner ?? 0) + 1 }), Error, "f.4 is in the way");
  rotateFiles(path, { files: 5, owner });
  assertEquals([Deno.readTextFileSync(`${path}.2`), Deno.readTextFileSync(`${path}.4`)], ["new", "older"]);
});

Deno.test("where no file can be made a rotation is refused before it is needed", () => {
  assertThrows(() => demandRotation("/proc/self/x.pcapng"), CliError, "--write-limit without xN");
});

Deno.test({
  name: "a full disk ends the recording with a notice and a status",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const { recording, ends, record } = opens("/dev/full", null);
    record(10);
    recording.recorder.flush();
    record(10_000);
    recording.finish();
    assertEquals(ends.length, 1);
    assert(ends[0].startsWith("/dev/full cannot be written (no space left on device)"), ends[0]);
    assert(recording.failure !== null && recording.failure.message.includes("not whole"));
  },
});
