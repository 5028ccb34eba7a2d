/** Playing a script in a test: with the plain kernel and no profile, unless the test says otherwise. */
import { parseScript } from "../../src/script/parse_script.ts";
import { type RunOptions, type RunResult, runScript, type TraceEntry } from "../../src/script/runner.ts";
import type { FailVerdict } from "../../src/script/verdict.ts";
import { plainKernel } from "./plain_kernel.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";

/** Plays `text`. */
export function played(text: string, options: Partial<RunOptions> = {}): RunResult {
  return runScript(parseScript(text, "test.pkt"), {
    profile: PROFILES.rfc,
    kernel: plainKernel,
    ...options,
  });
}

/** What the host did, by the trace: time in microseconds and text. */
export function tracedBy(text: string, options: Partial<RunOptions> = {}): TraceEntry[] {
  const entries: TraceEntry[] = [];
  played(text, { ...options, onTrace: (entry) => void entries.push(entry) });
  return entries;
}

/** The verdict of a script that fails; throws when it ends otherwise. */
export function failureOf(text: string, options: Partial<RunOptions> = {}): FailVerdict {
  const { verdict } = played(text, options);
  if (verdict.kind === "fail") return verdict;
  throw new Error(`The script does not fail: ${JSON.stringify(verdict)}`);
}

/** A connection that the peer opens, up to ESTABLISHED: 6 lines. Its descriptor is 4. */
export const ACCEPTED = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
`;
/** Lines of {@link ACCEPTED}. */
export const ACCEPTED_LINES = 7;
