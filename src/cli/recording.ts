/**
 * The file behind `--write`.
 *
 * Owns: the file, and what happens when it can take no more. Must not know: pcapng blocks (observe/pcapng_recorder.ts).
 */
import { PcapngRecorder } from "../observe/pcapng_recorder.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { CliError } from "./command.ts";

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

/** Makes the file (in place of an earlier one) and a recorder that writes to it. Throws {@link CliError}. */
export function openRecording(options: RecordingOptions): Recording {
  const { path, link, clock } = options;
  const file = createFile(path);
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

function createFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new CliError(`${cannotWrite(path, error)}: give --write a file in a directory that is yours`);
  }
}

function cannotWrite(path: string, error: unknown): string {
  // Deno repeats operation and path behind the system's own words; the line here says both already.
  const words = error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/s, "") : String(error);
  return `${path} cannot be written (${words.charAt(0).toLowerCase()}${words.slice(1)})`;
}
