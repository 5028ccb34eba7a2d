/**
 * The file behind `--write`, or standard output.
 *
 * Owns: the recorder, the files' rotation, and what happens when it can take no more. Must not know: pcapng blocks (observe/pcapng_recorder.ts).
 */
import { PcapngRecorder } from "../observe/pcapng_recorder.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { CliError, errorLine } from "./command.ts";
import { demandRotation, type FileLimit, rotateFiles } from "./file_rotation.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { asInvokingUser } from "./privileges.ts";
import { fileOutput, STANDARD_OUTPUT, standardRecordingOutput } from "./recording_output.ts";

/** What a recording is made of. */
interface RecordingOptions {
  /** A file's, or `-`: standard output. */
  readonly path: string;
  /** Null: without bound. */
  readonly limit: FileLimit | null;
  /** So much of a frame at most, bytes; null or absent: all. */
  readonly snapBytes?: number | null;
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
  /** Resolves when a reader on stdout has been given all, or is not waited for any longer: then it is a failure. */
  ended(): Promise<void>;
}

/** Makes the file (in place of an earlier one of the same user) and a recorder that writes to it. Throws {@link CliError}. */
export function openRecording(options: RecordingOptions): Recording {
  const { path, link, clock, limit, snapBytes = null } = options;
  const isStream = path === STANDARD_OUTPUT;
  const isRotating = !isStream && limit !== null && limit.files > 1;
  let file = isStream ? null : openOutputFile(path, { option: "--write" });
  if (isRotating && file !== null && !file.statSync().isFile) {
    file.close();
    throw new CliError(`${path} is no regular file and cannot be rotated: leave xN of --write-limit out`);
  }
  const name = isStream ? "The recording on stdout" : path;
  let failure: CliError | null = null;
  let closing: Promise<void> | null = null;
  const fails = (why: string) => {
    if (failure !== null) return;
    options.onEnd(`${why}: the recording ends here, and everything else goes on`);
    failure = new CliError(`${why}: the recording is not whole`);
  };
  let output = file === null
    ? standardRecordingOutput({ onError: (error) => fails(cannotWrite(name, error)) })
    : fileOutput(file);
  const recorder = new PcapngRecorder({
    write: (bytes) => output.write(bytes),
    onError: (error, tornBytes) => {
      output.cutOff(tornBytes);
      fails(cannotWrite(name, error));
    },
    ...(limit === null ? {} : { limitBytes: limit.bytes }),
    onLimit: () => {
      if (limit === null || !isRotating || file === null) {
        options.onEnd(
          `${name} has reached --write-limit: the recording ends here, and everything else goes on`,
        );
        return false;
      }
      try {
        const { uid: owner } = file.statSync();
        asInvokingUser(() => rotateFiles(path, { files: limit.files, owner }));
        const next = openOutputFile(path, { option: "--write" });
        file.close();
        file = next;
        output = fileOutput(next);
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
    arrivedUs: (capturedUs, nowUs) => clock.capturedUs(capturedUs, nowUs),
    ...(snapBytes === null ? {} : { snapBytes }),
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
      if (closing !== null) return;
      recorder.finish();
      closing = output.close().catch((error) => {
        failure ??= new CliError(errorLine(error));
      });
    },
    ended: () => closing ?? Promise.resolve(),
  };
}
