/**
 * `tcplab completion`: what a shell needs to complete command lines of tcplab.
 *
 * Owns: the options, and where the scripts go. Must not know: what is in them.
 */
import { nearestName } from "../observe/nearest_name.ts";
import { type Command, EXIT_DONE, UsageError } from "./command.ts";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { type CompletedCommand, completionOf } from "./completion_model.ts";
import { zshCompletion } from "./completion_zsh.ts";
import { parseOptions, type Syntax, usageText } from "./options.ts";
import { printOut } from "./terminal.ts";

const SCRIPTS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

const SHELLS = Object.keys(SCRIPTS);

const SYNTAX = {
  command: "completion",
  synopsis: "bash|zsh|fish",
  description:
    `Prints the script by which a shell completes commands, options, their values, devices and names of rules.`,
  options: [],
  positionals: { least: 1, most: 1, expected: SHELLS.join(", "), words: [SHELLS] },
  examples: [
    ["source <(tcplab completion bash)", "in this shell; in ~/.bashrc for all"],
    ["source <(tcplab completion zsh)", "the same for zsh, after compinit in ~/.zshrc"],
    ["tcplab completion fish >~/.config/fish/completions/tcplab.fish", "for fish, for all shells to come"],
  ],
} as const satisfies Syntax;

async function run(args: string[]): Promise<number> {
  const [shell] = parseOptions(args, SYNTAX).positionals;
  if (!Object.hasOwn(SCRIPTS, shell)) {
    const nearest = nearestName(shell, SHELLS);
    const advice = nearest === null ? `one of ${SHELLS.join(", ")}` : `did you mean ${nearest}?`;
    throw new UsageError(`There is no completion for "${shell}": ${advice}`);
  }
  const { loadCommands } = await import("./main.ts");
  printOut(SCRIPTS[shell](completionOf(await loadCommands())));
  return EXIT_DONE;
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "prints the script by which bash, zsh or fish completes command lines",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
