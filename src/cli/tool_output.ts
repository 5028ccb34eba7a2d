/**
 * Programs of the system that are asked something.
 *
 * Owns: running one to its end, wherever it is. Must not know: what it is asked.
 */

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
