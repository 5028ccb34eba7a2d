/**
 * The seam between the runner of scripts and the sockets on which a script's system calls act.
 *
 * Owns: interfaces only. Must not know: how a call is carried out, how a script is read.
 */
import type { CallEvent } from "./values.ts";

/** How a call ended. */
export interface CallOutcome {
  /** What it returned; -1 with an errno. */
  readonly result: number;
  /** `EAGAIN`...; null when it succeeded. */
  readonly errno: string | null;
  /** An argument that came back otherwise than the script says (in the script's own notation); null when all agree. */
  readonly mismatch: { readonly expected: string; readonly actual: string } | null;
}

/** A call that has begun. `outcome` is null as long as it blocks; it is set within {@link Kernel.progress} or `begin`. */
export interface RunningCall {
  readonly outcome: CallOutcome | null;
  /** When it ended on the clock of the script, microseconds; null as long as it blocks. */
  readonly endedUs: number | null;
}

/** The words of a construct that is not there: the verdict `unsupported` names it. */
export class UnsupportedConstruct extends Error {
  override readonly name = "UnsupportedConstruct";
}

/** The sockets of a script's process. */
export interface Kernel {
  /** Begins a system call. Throws {@link UnsupportedConstruct} for one that is not there. */
  begin(call: CallEvent): RunningCall;
  /** Lets calls that block look again; to be called after every frame and deadline. */
  progress(): void;
  /** What `%{ }%` may name: `tcpi_state`, `tcpi_snd_cwnd`, ..., constants; of the connection that the script is about. */
  variables(): ReadonlyMap<string, number | string>;
}
