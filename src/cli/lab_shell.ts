/**
 * `lab shell`: a private lab for one person's shell, for one command, or for four panes of tmux.
 *
 * Owns: what a person finds in such a lab, as files in the lab's own /run. Must not know: how a lab is made
 * (private_lab.ts), what its shells and panes say (lab_prompts.ts, lab_panes.ts).
 */
import { orNotFound, runAttached, throughWaiter } from "./attached_process.ts";
import { CliError } from "./command.ts";
import { shellLine } from "./lab_network.ts";
import type { LabOptions } from "./lab_plan.ts";
import { paneFiles, refuseTmux, tmuxWords } from "./lab_panes.ts";
import { type LabFile, PROGRAMS, shellFiles, SIDE_SHELL } from "./lab_prompts.ts";
import { openPageForwarding } from "./page_forwarding.ts";
import { labEnvironment, LabRefused, PrivateLab, privateLabEnvironment } from "./private_lab.ts";
import { programName, selfCommand, selfFiles } from "./self_command.ts";
import { printError } from "./terminal.ts";

/** What is to run in the lab. */
interface ShellTask {
  /** The command; empty for the person's own shell. */
  readonly words: readonly string[];
  /** Four panes of tmux instead. */
  readonly tmux: boolean;
}

/** Makes a lab, runs the task in it, and removes the lab; gives the task's exit status. */
export async function labShell(options: LabOptions, { words, tmux }: ShellTask): Promise<number> {
  if (tmux) await refuseTmux();
  try {
    using pages = await openPageForwarding();
    const scratch = Object.values(pages.env);
    await using lab = await PrivateLab.open({ ...options, readable: selfFiles(), scratch });
    await furnish(lab, [...shellFiles(selfCommand(), options), ...(tmux ? paneFiles(lab) : [])]);
    if (!tmux && words.length === 0) printError(WELCOME);
    const task = tmux ? tmuxWords() : words.length > 0 ? words : [SIDE_SHELL, "lab"];
    const inside = orNotFound(task, { who: "tcplab lab shell", cwd: Deno.cwd() });
    const status = await runAttached(await throughWaiter(inside, (through) => lab.enter(through)), {
      env: { ...labShellEnvironment(), ...pages.env },
      // All of the lab is asked to end, and this waits for it; nsenter would hand nothing on.
      onTerm: () => void lab.close(),
    });
    // tmux says "detached", after which other sessions live on.
    if (tmux) printError("The lab has ended, and all that ran in it.");
    return status;
  } catch (error) {
    if (!(error instanceof LabRefused)) throw error;
    throw new CliError(
      `A private lab cannot be had here (${error.message}); "sudo ${programName()} lab up" may work`,
    );
  }
}

const WELCOME = `A lab for this shell alone; exit ends it. Its sides, each for a terminal or behind "&":
  tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3
  tcplab client 10.33.0.3 3333        (on the client's side)
  tcplab lab netstat                  (who knows of the connection: tcplab, and the kernels)
Over IPv6 as well: serve --ip 10.33.0.3,fd33::3, and tcplab client fd33::3 3333.
"tcplab lab exec server" and "... client" are shells there; "lab shell --tmux" has all in four panes.`;

/** The environment of a lab's shell: its own run directory, and the program by its name. */
function labShellEnvironment(): Record<string, string> {
  return { ...privateLabEnvironment(), PATH: `${PROGRAMS}:${labEnvironment().PATH}` };
}

async function furnish(lab: PrivateLab, files: readonly LabFile[]): Promise<void> {
  const { code, stderr } = await lab.run({ words: ["sh", "-c", furnishScript(files)] });
  if (code !== 0) {
    throw new CliError(`The lab's own /run cannot be written to: ${stderr.trim().split("\n")[0]}`);
  }
}

function furnishScript(files: readonly LabFile[]): string {
  return [
    "set -e",
    ...files.flatMap(({ path, text, isProgram }) => [
      shellLine(["mkdir", "-p", path.slice(0, path.lastIndexOf("/"))]),
      `${shellLine(["printf", "%s", text])} >${shellLine([path])}`,
      ...(isProgram ? [shellLine(["chmod", "755", path])] : []),
    ]),
  ].join("\n");
}
