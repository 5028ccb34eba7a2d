/**
 * The file behind `--write`.
 *
 * Owns: the file, and what happens when it can take no more. Must not know: pcapng blocks (observe/pcapng_recorder.ts).
 */
import { PcapngRecorder } from "../observe/pcapng_recorder.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { CliError } from "./command.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";

/** What a recording is made of. */
interface RecordingOptions {
  readonly path: string;
  readonly link: FrameLink;
  readonly filter: string;
  readonly clock: Clock;
  /** Name and version of the program. */
  readonly application: string;
}

/** A recording under way. */
export interface Recording {
  readonly recorder: PcapngRecorder;
  /** Rejects with a {@link CliError} when the file can take no more; else stays pending. */
  readonly failed: Promise<never>;
  /** What `failed` has rejected with, or null. */
  readonly failure: CliError | null;
  /** Writes out what waits and closes the file; harmless when called twice. */
  finish(): void;
}

/** Makes the file (in place of an earlier one of the same user) and a recorder that writes to it. Throws {@link CliError}. */
export function openRecording(options: RecordingOptions): Recording {
  const { path, link, clock } = options;
  const file = openOutputFile(path, { option: "--write" });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let failure: CliError | null = null;
  let open = true;
  const recorder = new PcapngRecorder({
    write: (bytes) => file.writeSync(bytes),
    onError: (error) => {
      failure = new CliError(`${cannotWrite(path, error)}: the recording ends there, and so does tcplab`);
      failed.reject(failure);
    },
    nowEpochUs: () => clock.epochUs + clock.nowUs(),
    device: link.name,
    mac: link.mac,
    filter: options.filter,
    application: options.application,
    os: `${Deno.build.os} ${Deno.build.arch}`,
  });
  return {
    recorder,
    failed: failed.promise,
    get failure() {
      return failure;
    },
    finish: () => {
      if (!open) return;
      open = false;
      const { framesIn, droppedByRing, droppedByDevice } = link.stats();
      recorder.finish({ received: framesIn, dropped: droppedByRing + droppedByDevice });
      file.close();
    },
  };
}
