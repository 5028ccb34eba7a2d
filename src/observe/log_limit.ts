/**
 * LogLimit: where a log ends that must not grow further.
 *
 * Owns: which event is the last, the line that says so, and the count of what is left out. Must not know: the log's form,
 * or where it goes.
 */
import type { Observer, TcpEvent } from "../tcp/events.ts";
import { bytesText } from "./text_layout.ts";

/** How a log is bounded. */
interface LogLimitOptions {
  /** The log. */
  readonly log: Observer;
  readonly limitBytes: number;
  /** Bytes of the log so far. */
  readonly bytes: () => number;
  /** Told once, when the log has ended, with the line that it ends with. */
  readonly onEnd?: (line: string) => void;
}

/**
 * Hands events on to a log until it has reached its limit; then a `notice` (kind `log-limit`) says so, and only the
 * summary follows, which tells how many lines are left out. The log exceeds the limit by one line, the notice and the
 * summary at most.
 */
export class LogLimit {
  /** Takes events. */
  readonly observe: Observer;
  #leftOut = 0;
  #hasEnded = false;

  constructor(options: LogLimitOptions) {
    this.observe = (event) => {
      if (event.event === "summary") options.log(event);
      else if (this.#hasEnded) this.#leftOut++;
      else if (options.bytes() < options.limitBytes) options.log(event);
      else this.#end(event, options);
    };
  }

  /** Lines that the limit kept out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  #end(event: TcpEvent, { log, limitBytes, onEnd }: LogLimitOptions): void {
    this.#hasEnded = true;
    this.#leftOut++;
    const message =
      `The log has reached --log-limit (${bytesText(limitBytes)}) and ends here; the summary counts the ` +
      "lines that are left out";
    log({ event: "notice", time: event.time, kind: "log-limit", message });
    onEnd?.(message);
  }
}
