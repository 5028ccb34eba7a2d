/**
 * PageSubject: the server that the live page shows and steers, as far as the page has to do with it.
 *
 * Owns: the seam between src/web and whatever serves. Must not know: HTTP, devices.
 */
import type { HostAtWork } from "../host/api.ts";
import type { FaultLink } from "../link/fault_link.ts";
import type { LinkStats } from "../link/link.ts";
import type { ServerSpeaker } from "../observe/server_answers.ts";
import type { EventInterest, Observer } from "../tcp/events.ts";

/** What is shown. Whoever uses the host from outside does so between `speaker.enter` and `leave`. */
export interface PageSubject {
  readonly speaker: Omit<ServerSpeaker, "host"> & {
    readonly host: ServerSpeaker["host"] & Pick<HostAtWork, "newestConnections" | "establishedCount">;
  };
  readonly leave: () => void;
  /** Tells of every event that is of interest until the returned function is called; while nobody is told, none is made. */
  readonly observe: (observer: Observer, interest?: EventInterest) => () => void;
  /** Null where nothing can be done to frames. */
  readonly injector: FaultLink | null;
  readonly linkStats: () => LinkStats;
  /** Says a notice to whoever sits at the server, and in its log; `kind` is for programs. */
  readonly tell: (kind: string, message: string) => void;
  /** What ports can be given; null where that cannot be changed. */
  readonly applications: {
    readonly names: readonly string[];
    /** For connections that begin from now on. Throws, with a line for a person, where there is no such port or application. */
    readonly set: (port: number, name: string) => void;
  } | null;
}
