/**
 * Programs of the system that are asked something.
 *
 * Owns: running one to its end, wherever it is, or no longer and no further than told. Must not know: what it is asked.
 */

import { Patience } from "../runtime/patience.ts";

/** What a program said. */
export interface ToolOutput {
  readonly ok: boolean;
  readonly text: string;
  /** The first line of its complaints. */
  readonly error: string;
}

/** Runs a program to its end; null when it is not installed. */
export async function runTool(program: string, args: readonly string[]): Promise<ToolOutput | null> {
  // The search path of an ordinary user often lacks the sbin directories.
  for (const candidate of [program, `/usr/sbin/${program}`, `/sbin/${program}`]) {
    try {
      const output = await new Deno.Command(candidate, {
        args: [...args],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).output();
      const decoder = new TextDecoder();
      const [error] = decoder.decode(output.stderr).trim().split("\n");
      return { ok: output.success, text: decoder.decode(output.stdout), error };
    } catch (error) {
      const absent = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
        error instanceof Deno.errors.NotCapable;
      if (!absent) throw error;
    }
  }
  return null;
}

/** A program that is asked for a text which may be anybody's, and what is waited for at most. */
interface BoundedCommand
  extends Pick<Deno.CommandOptions, "args" | "uid" | "gid" | "clearEnv" | "env" | "cwd"> {
  readonly patienceMs: number;
  readonly mostBytes: number;
}

/** What a program says, where it comes to an end within its bounds; else null, and all that it has started ends with it. */
export async function boundedText(program: string, bounded: BoundedCommand): Promise<string | null> {
  const { patienceMs, mostBytes, ...options } = bounded;
  let child: Deno.ChildProcess;
  try {
    // The head of a process group of its own: of a pipeline every part holds stdout open, and would keep us waiting.
    child = new Deno.Command(program, {
      ...options,
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch {
    // It is not there, or lies where that user cannot run it.
    return null;
  }
  const endAll = () => quietly(() => Deno.kill(-child.pid, "SIGKILL"));
  let isLate = false;
  using _patience = new Patience(patienceMs, () => {
    isLate = true;
    endAll();
  });
  try {
    const text = await textOf(child.stdout, mostBytes);
    return isLate ? null : text;
  } catch {
    endAll();
    return null;
  } finally {
    // Having said all, it may still stand (its user has stopped it), and would keep this program.
    quietly(() => child.kill("SIGKILL"));
  }
}

/** All of a short text; throws when it becomes long. */
async function textOf(stream: ReadableStream<Uint8Array>, mostBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RangeError("Too much to be an answer");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function quietly(end: () => void): void {
  try {
    end();
  } catch {
    // It has ended by itself.
  }
}
