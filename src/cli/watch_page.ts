/**
 * A text that is looked at again every second, as a page of the terminal.
 *
 * Owns: when to look again, and how a page takes the place of the one before. Must not know: what is looked at.
 */
import { delay } from "@std/async/delay";
import { listenForStop } from "./signals.ts";
import { printLine, printOut } from "./terminal.ts";

const INTERVAL_MS = 1000;
/** ECMA-48: cursor home; erase to the end of the line; erase to the end of the page. */
const [HOME, ERASE_LINE, ERASE_BELOW] = ["\x1b[H", "\x1b[K", "\x1b[J"];

/** Shows the text every second until Ctrl-C; where it is no page, or there is no terminal, one below the other. */
export async function watchPage(
  look: () => Promise<string>,
  { isPage }: { readonly isPage: boolean },
): Promise<void> {
  using signals = listenForStop();
  const stopped = signals.graceful.then(() => null);
  const isOnScreen = isPage && Deno.stdout.isTerminal();
  for (;;) {
    // What is asked may have heard Ctrl-C as well, and says nothing then; or it stands still.
    const text = await Promise.race([stopped, look()]);
    if (text === null) break;
    if (isOnScreen) printOut(screenful(text, Deno.consoleSize()));
    else printLine(text);
    if (await Promise.race([stopped, delay(INTERVAL_MS).then(() => text)]) === null) break;
  }
  if (isOnScreen) printLine("");
}

/** The text as a page that takes the place of the one before, no longer than the window. */
export function screenful(text: string, { rows }: { rows: number }): string {
  const lines = text.split("\n");
  const shown = lines.length <= rows
    ? lines
    : [...lines.slice(0, Math.max(1, rows - 1)), `(${lines.length - rows + 1} lines more)`];
  return HOME + shown.map((line) => line + ERASE_LINE).join("\r\n") + ERASE_BELOW;
}
