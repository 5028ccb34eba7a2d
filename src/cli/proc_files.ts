/**
 * Files of Linux's /proc and /sys.
 *
 * Owns: the way to read them. Deno opens them itself only with every permission there is (`--allow-all`); the compiled
 * binary has fewer, and lets `cat` and `readlink` do it, which run in the same namespaces.
 * Must not know: what is in them.
 */

/** The text of a file below /proc or /sys; null where there is none or the system does not show it. */
export function readProcText(path: string): string | null {
  return withoutPermission(() => Deno.readTextFileSync(path), ["cat", path]);
}

/** Where a symbolic link below /proc points; null where there is none or the system does not show it. */
export function readProcLink(path: string): string | null {
  return withoutPermission(() => Deno.readLinkSync(path), ["readlink", path])?.trimEnd() ?? null;
}

function withoutPermission(
  read: () => string,
  instead: readonly [program: string, path: string],
): string | null {
  try {
    return read();
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? outputOf(instead) : null;
  }
}

function outputOf([program, path]: readonly [program: string, path: string]): string | null {
  try {
    const command = new Deno.Command(program, {
      args: [path],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    });
    const { success, stdout } = command.outputSync();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null;
  }
}
