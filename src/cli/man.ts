/**
 * `tcplab man`: the manual page.
 *
 * Owns: where it goes. Must not know: what is in it (man_page.ts).
 */
import { type Command, EXIT_DONE } from "./command.ts";
import { manPage } from "./man_page.ts";
import { parseOptions, type Syntax, usageText } from "./options.ts";
import { printOut } from "./terminal.ts";
import { VERSION } from "./version.ts";

const SYNTAX = {
  command: "man",
  synopsis: "",
  description:
    `Prints the manual page tcplab(1) in the language of man(7): all commands with all options, exit status, environment.`,
  options: [],
  examples: [
    ["tcplab man | man -l -", "to read it"],
    ["tcplab man | sudo tee /usr/local/share/man/man1/tcplab.1 >/dev/null", "to have it for good"],
  ],
} as const satisfies Syntax;

async function run(args: string[]): Promise<number> {
  parseOptions(args, SYNTAX);
  const { loadCommands } = await import("./main.ts");
  printOut(manPage(await loadCommands(), VERSION));
  return EXIT_DONE;
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "prints the manual page, for man",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
