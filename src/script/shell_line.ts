/**
 * What a shell line of a script means: the commands that the public suites use, read, never carried out.
 *
 * Owns: the words of the shell as far as they are used (`&&`, `||`, `;`, `|`, quotes, comments, redirections), and which
 * command is whose. Must not know: names of kernels' settings.
 */
import type { SettingsSoFar, ShellMeaning } from "./settings.ts";

/**
 * The meanings of a line, in order; they are to be carried out one after the other, and the line has failed with the first
 * that fails.
 */
export function interpretShell(text: string, _soFar: SettingsSoFar): ShellMeaning[] {
  return [{ kind: "unsupported", construct: text }];
}
