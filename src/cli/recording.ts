/**
 * The file behind `--write`.
 *
 * Owns: the file, and what happens when it can take no more. Must not know: pcapng blocks (observe/pcapng_recorder.ts).
 */
import { PcapngRecorder } from "../observe/pcapng_recorder.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { CliError, errorLine } from "./command.ts";
import { demandRotation, type FileLimit, rotateFiles } from "./file_rotation.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { asInvokingUser } from "./privileges.ts";

/** What a recording is made of. */
interface RecordingOptions {
  readonly path: string;
  /** Null: without bound. */
  readonly limit: FileLimit | null;
  readonly link: FrameLink;
  readonly filter: string;
  readonly clock: Clock;
  /** Name and version of the program. */
  readonly application: string;
  /** Told once, when the recording ends before its time, with a line for a person. */
  readonly onEnd: (line: string) => void;
}

/** A recording under way. */
export interface Recording {
  readonly recorder: PcapngRecorder;
  /** Why not all is recorded that was asked for; null as long as all is. */
  readonly failure: CliError | null;
  /** Throws {@link CliError} where the rights that are left do not suffice for what is asked for: call it when they are final. */
  demandRights(): void;
  /** Writes out what waits and closes the file; harmless when called twice. */
  finish(): void;
}

/** Makes the file (in place of an earlier one of the same user) and a recorder that writes to it. Throws {@link CliError}. */
export function openRecording(options: RecordingOptions): Recording {
  const { path, link, clock, limit } = options;
  const isRotating = limit !== null && limit.files > 1;
  let file = openOutputFile(path, { option: "--write" });
  if (isRotating && !file.statSync().isFile) {
    file.close();
    throw new CliError(`${path} is no regular file and cannot be rotated: leave xN of --write-limit out`);
  }
  let failure: CliError | null = null;
  let open = true;
  const fails = (why: string) => {
    options.onEnd(`${why}: the recording ends here, and everything else goes on`);
    failure = new CliError(`${why}: the recording is not whole`);
  };
  const recorder = new PcapngRecorder({
    write: (bytes) => file.writeSync(bytes),
    onError: (error, tornBytes) => {
      cutOff(file, tornBytes);
      fails(cannotWrite(path, error));
    },
    ...(limit === null ? {} : { limitBytes: limit.bytes }),
    onLimit: () => {
      if (limit === null || !isRotating) {
        options.onEnd(
          `${path} has reached --write-limit: the recording ends here, and everything else goes on`,
        );
        return false;
      }
      try {
        const { uid: owner } = file.statSync();
        asInvokingUser(() => rotateFiles(path, { files: limit.files, owner }));
        const next = openOutputFile(path, { option: "--write" });
        file.close();
        file = next;
        return true;
      } catch (error) {
        fails(`${path} cannot be rotated (${errorLine(error)})`);
        return false;
      }
    },
    statistics: () => {
      const { framesIn, droppedByRing, droppedByDevice } = link.stats();
      return { received: framesIn, dropped: droppedByRing + droppedByDevice };
    },
    nowEpochUs: () => clock.epochUs + clock.nowUs(),
    epochUs: clock.epochUs,
    device: link.name,
    mac: link.mac,
    filter: options.filter,
    application: options.application,
    os: `${Deno.build.os} ${Deno.build.arch}`,
  });
  return {
    recorder,
    get failure() {
      return failure;
    },
    demandRights: () => {
      if (isRotating) asInvokingUser(() => demandRotation(path));
    },
    finish: () => {
      if (!open) return;
      open = false;
      recorder.finish();
      file.close();
    },
  };
}

/** A file that ends within a block is one that readers complain of. */
function cutOff(file: Deno.FsFile, bytes: number): void {
  if (bytes === 0) return;
  try {
    file.truncateSync(file.statSync().size - bytes);
  } catch {
    // A device, or a disk that cannot even be given room back: what is there is there.
  }
}
