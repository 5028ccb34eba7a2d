/**
 * The seam between the runner of scripts and the sockets on which a script's system calls act.
 *
 * Owns: interfaces only. Must not know: how a call is carried out, how a script is read.
 */
import type { HostApi } from "../host/api.ts";
import type { SocketDefaults } from "../tcp/profile.ts";
import type { SocketRow, SocketSelection } from "./settings.ts";
import type { CallEvent } from "./values.ts";

/** What a script's `socket()` makes, by `--ip_version`: what the calls carry, and what is on the wire. */
export type IpVersion = "ipv4" | "ipv4-mapped-ipv6" | "ipv6";

/** The ends that a script means where it writes `...`; addresses as on the wire, 4 or 16 octets. */
export interface ScriptEnds {
  readonly ipVersion: IpVersion;
  /** Where `bind(3, ..., ...)` binds. */
  readonly localAddress: Uint8Array;
  readonly bindPort: number;
  /** Where `connect(3, ..., ...)` connects to. */
  readonly remoteAddress: Uint8Array;
  readonly connectPort: number;
}

/** What the sockets stand on. */
export interface KernelGround {
  readonly host: HostApi;
  readonly ends: ScriptEnds;
  /** Microseconds since the script's beginning. */
  readonly nowUs: number;
  /** What a socket that is made now begins with; settings of the script change it. */
  readonly socketDefaults: Readonly<SocketDefaults>;
}

/** Makes the sockets of one script; `createKernel` of `sockets/create_kernel.ts` is one. */
export type KernelFactory = (ground: KernelGround) => Kernel;

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
  /** Begins a system call; the clock stands at its time. Throws {@link UnsupportedConstruct} for one that is not there. */
  begin(call: CallEvent): RunningCall;
  /** Lets calls that block look again; to be called after every frame and deadline. */
  progress(): void;
  /** When a call that blocks wants to look again by itself (a time limit), microseconds of the script; Infinity without one. */
  nextDeadlineUs(): number;
  /** As `sockstat` and `ss` show them, listeners and connections without a descriptor among them. */
  rows(): readonly SocketRow[];
  /** Ends those that are selected from outside, as `tcpdrop` does; returns how many. */
  drop(selection: SocketSelection): number;
  /** What `%{ }%` may name: `tcpi_state`, `tcpi_snd_cwnd`, ..., constants; of the connection that the script is about. */
  variables(): ReadonlyMap<string, number | string>;
}
