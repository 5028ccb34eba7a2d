/**
 * What reads a session's events for a person: the log, and the recording, opened as the options say.
 *
 * Owns: who of the two has stdout, and that the log says when the recording ends. Must not know: what they write
 * (serve_log.ts, recording.ts), when they are told (device_session.ts).
 */
import type { HostApi } from "../host/api.ts";
import type { Clock } from "../runtime/clock.ts";
import { standardError } from "./output_sink.ts";
import { openRecording, type Recording } from "./recording.ts";
import { STANDARD_OUTPUT } from "./recording_output.ts";
import { openLog, type ServeLog } from "./serve_log.ts";
import type { ServeConfig } from "./serve_options.ts";
import type { ServerGround } from "./server_ground.ts";
import { VERSION } from "./version.ts";

/** What the readers are opened on. */
interface ReadersParts {
  readonly ground: Pick<ServerGround, "link" | "filter">;
  readonly clock: Clock;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
  /** The host whose events are read; null until it is there. */
  readonly host: () => HostApi | null;
}

/** The readers of one session; both are the caller's, to be ended and closed. */
interface Readers {
  readonly log: ServeLog;
  /** Null where nothing is to be recorded. */
  readonly recording: Recording | null;
}

/** Opens both. Throws {@link CliError} where a file cannot be, and leaves nothing open then. */
export function openReaders(config: ServeConfig, parts: ReadersParts): Readers {
  const { ground, clock, notice, host } = parts;
  // What is recorded to stdout has stdout for itself.
  const elsewhere = config.write === STANDARD_OUTPUT ? { output: standardError() } : {};
  const log = openLog(config, { onEnd: notice, ...elsewhere });
  if (config.write === null) return { log, recording: null };
  const sayEnd = (message: string) => {
    notice(message);
    const time = (clock.epochUs + clock.nowUs()) / 1e6;
    const event = { event: "notice", time, kind: "recording-ended", message } as const;
    // In its place among the host's events, as long as those are told.
    const teller = host();
    if (teller === null || teller.observer === null) log.tell(event);
    else teller.emit(event);
  };
  try {
    const recording = openRecording({
      path: config.write,
      limit: config.writeLimit,
      snapBytes: config.snapBytes,
      link: ground.link,
      filter: ground.filter,
      clock,
      application: `tcplab ${VERSION}`,
      onEnd: sayEnd,
    });
    return { log, recording };
  } catch (error) {
    log[Symbol.dispose]();
    throw error;
  }
}
