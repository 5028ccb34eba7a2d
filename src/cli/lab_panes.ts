/**
 * `lab shell --tmux`: the lab in one terminal, four panes of tmux: server, client, wire, netstat.
 *
 * Owns: what each pane shows and suggests, and tmux's settings, as files in the lab's own /run. tmux's server lives in the
 * lab, with a socket there, and ends with it; the person's own tmux and its settings are not touched. Must not know: how
 * the lab is made, or how its shells get their prompts (lab_prompts.ts).
 */
import { CliError } from "./command.ts";
import { shellLine } from "./lab_network.ts";
import type { LabPlan, LabSide } from "./lab_plan.ts";
import { type LabFile, SIDE_SHELL } from "./lab_prompts.ts";
import { HOLDER_DIRECTORY, labEnvironment, type PrivateLab } from "./private_lab.ts";
import { runTool } from "./tool_output.ts";

/** The port of `serve` when none is given. */
const PORT = 3333;
/** From here on a pane of half the width holds a line of the log. Local choice: twice a terminal of 80. */
const WIDE = 160;
/** Lines of panes above each other: a listener and a connection with two kernels and titles; what the client says; some segments. */
const [NETSTAT_LINES, CLIENT_LINES, WIRE_LINES] = [5, 4, 4];
const PANE = `${HOLDER_DIRECTORY}/pane`;
const START = `${HOLDER_DIRECTORY}/panes`;
const SETTINGS = `${HOLDER_DIRECTORY}/tmux.conf`;
const LAYOUT = `${HOLDER_DIRECTORY}/layout.conf`;
const SOCKET = `${HOLDER_DIRECTORY}/tmux`;
const SERVER_LOG = `${HOLDER_DIRECTORY}/log`;
/** Where a sniffer keeps its files, whatever TMPDIR was: /tmp is the host's, and would keep them after a kill -9. */
const WIRE_FILES = `${HOLDER_DIRECTORY}/wire`;

/** What watches the wire: a sniffer, else what the server's log says of its segments. */
type Sniffer = "tshark" | "tcpdump" | "log";

/** Throws {@link CliError} where there can be no panes: no terminal, no tmux, one too old. */
export async function refuseTmux(): Promise<void> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new CliError("tmux needs a terminal: leave --tmux out, and give lab shell a command");
  }
  const version = await runTool("tmux", ["-V"]);
  if (version === null) {
    throw new CliError(
      "There is no tmux here: install the package tmux, or leave --tmux out and use the lab's shell in several terminals",
    );
  }
  // `tmux next-3.5`, `tmux 3.3a`; options of a pane came with 3.0.
  const major = Number(/(\d+)\.\d/.exec(version.text)?.[1] ?? 3);
  if (major < 3) {
    throw new CliError(
      `tmux is too old (${version.text.trim()}): 3.0 or later is needed for its panes' titles`,
    );
  }
}

/** The words that start tmux with its panes, in the lab. */
export function tmuxWords(): string[] {
  return [START];
}

/** The files that the panes are made of. */
export function paneFiles({ plan, rights }: Pick<PrivateLab, "plan" | "rights">): LabFile[] {
  const sniffer = chooseSniffer(rights === "root", isInstalled);
  const counter = isInstalled("netstat") ? "netstat" : "ss";
  return [
    { path: PANE, text: paneScript(plan, { sniffer, counter }), isProgram: true },
    { path: START, text: startScript(plan, sniffer), isProgram: true },
    { path: SETTINGS, text: SETTINGS_TEXT },
    { path: LAYOUT, text: LAYOUT_TEXT },
  ];
}

/**
 * tcpdump gives up root's user and groups before it captures, which a user namespace denies (setgroups); only in a lab of
 * root's own rights it can.
 */
export function chooseSniffer(isRoots: boolean, installed: (program: string) => boolean): Sniffer {
  if (installed("tshark")) return "tshark";
  return isRoots && installed("tcpdump") ? "tcpdump" : "log";
}

function isInstalled(program: string): boolean {
  return labEnvironment().PATH.split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** What each pane says and runs; a pane is the script with the pane's name. */
export function paneScript(
  { namespaces, devices, tcplabAddress }: LabPlan,
  { sniffer, counter }: { sniffer: Sniffer; counter: "netstat" | "ss" },
): string {
  const serve = `tcplab serve --iface ${devices.server} --ip ${tcplabAddress}` +
    (sniffer === "log" ? ` | tee ${SERVER_LOG}` : "");
  const client = `tcplab client ${tcplabAddress} ${PORT}`;
  const watch = "tcplab lab netstat --watch";
  const wire = wireCommand({ namespaces, devices }, sniffer);
  const shell = (name: string, hint: string, side?: LabSide) =>
    `exec ${side === undefined ? "" : `ip netns exec ${namespaces[side]} `}${SIDE_SHELL} ${name} ${
      shellLine([hint])
    }`;
  const say = (...lines: string[]) => shellLine(["printf", "%s\\n", ...lines]);
  return `#!/bin/sh
# Ctrl-C ends what runs in a pane, and leaves a shell there.
trap : INT
case $1 in
server)
  ${say("Start tcplab here, for an address that no kernel owns (Up, Enter):", `  ${serve}`)}
  ${shell("server", serve, "server")} ;;
client)
  ${
    say(
      "Then connect by this side's kernel; it sleeps 5 s and closes (Up, Enter):",
      `  ${client}`,
    )
  }
  ${shell("client", client, "client")} ;;
wire)
  export TMPDIR=${WIRE_FILES}
  mkdir -p ${WIRE_FILES}
  ${wire.run}
  ${say("Again (Up, Enter):", `  ${wire.again}`)}
  ${shell("wire", wire.again, "client")} ;;
netstat)
  ${watch}
  ${
    say(
      "Again (Up, Enter), or one by one:",
      `  ${watch}`,
      "  tcplab netstat",
      ...["server", "client"].map((side) => `  tcplab lab exec ${side} -- ${counter} -tan`),
    )
  }
  ${shell("netstat", watch)} ;;
esac
`;
}

/** What runs in the wire's pane, and what a person types to see it again. */
function wireCommand(
  { namespaces, devices }: Pick<LabPlan, "namespaces" | "devices">,
  sniffer: Sniffer,
): { run: string; again: string } {
  const device = devices.client;
  const enter = ["ip", "netns", "exec", namespaces.client];
  const filter = `tcp port ${PORT}`;
  switch (sniffer) {
    case "tshark": {
      // Columns for a narrow pane. It keeps what it has seen in a file, for as long as it runs: two of 20 MB, in the lab.
      const words = ["tshark", "-n", "-l", "-P", "-i", device, "-f", filter];
      const columns = ["-o", `gui.column.format:"Time","%Rt","Source","%us","Info","%i"`];
      const files = ["-w", `${WIRE_FILES}/wire.pcapng`, "-b", "filesize:20000", "-b", "files:2"];
      const complaints = `${WIRE_FILES}/complaints`;
      const shorten = "sed -u 's/ TSval=[0-9]* TSecr=[0-9]*//'";
      return {
        run: `${shellLine([...enter, ...words, ...columns, ...files])} 2>${complaints} | ${shorten}
  tail -n 1 ${complaints}`,
        again: `tshark -i ${device} -f "${filter}"`,
      };
    }
    case "tcpdump": {
      const words = ["tcpdump", "-n", "-l", "-i", device, ...filter.split(" ")];
      return { run: shellLine([...enter, ...words]), again: shellLine(words) };
    }
    case "log": {
      const again = `tail -n +1 -F ${SERVER_LOG} 2>/dev/null | grep --line-buffered -e '-->' -e '<--'`;
      return { run: `echo "No tshark here: the segments as the server's log has them."\n  ${again}`, again };
    }
  }
}

function startScript({ devices, addresses, addresses6, tcplabAddress }: LabPlan, sniffer: Sniffer): string {
  const titles = {
    server:
      `server  ${devices.server} ${addresses.server}, ${addresses6.server}; tcplab answers for ${tcplabAddress}`,
    client: `client  ${devices.client} ${addresses.client}, ${addresses6.client}`,
    wire: sniffer === "log"
      ? "wire  the segments in the server's log"
      : `wire  ${sniffer} on ${devices.client}`,
    netstat: "netstat  who knows of the connections",
  };
  const [first, ...others] = Object.entries(titles);
  const pane = ([name, title]: readonly string[], how: string) =>
    `${how} '${PANE} ${name}' \\; set-option -p @title ${shellLine([title])}`;
  // Inside another tmux this one is a program like any other; its keys then go through that one's.
  return `#!/bin/sh
if [ -n "$TMUX" ]; then TCPLAB_LAB_KEYS="^B ^B"; else TCPLAB_LAB_KEYS=^B; fi
export TCPLAB_LAB_KEYS
unset TMUX TMUX_PANE
exec tmux -u -S ${SOCKET} -f ${SETTINGS} \\
  ${pane(first, "new-session -s lab -n lab")} \\; \\
${
    others.map((other) => `  ${pane(other, "split-window")} \\; select-layout tiled \\; \\\n`).join("")
  }  source-file ${LAYOUT} \\; select-pane -t lab:0.0
`;
}

/**
 * For tmux: `$` in double quotes is its environment, `#{}` its formats. Without repeat-time 0, Up right after ^B Down would go
 * back to the pane above, and not bring the suggestion. Without assume-paste-time 0, ^B and the key behind it would be taken for
 * text that is pasted, and go to the pane, where a busy machine reads both within a millisecond.
 */
const SETTINGS_TEXT = String.raw`set -g mouse on
set -g repeat-time 0
set -g assume-paste-time 0
set -g base-index 0
set -g pane-base-index 0
set -g history-limit 20000
set -g default-command "${SIDE_SHELL} lab"
set -g pane-border-status top
set -g pane-border-format "#{?pane_active,#[bold],} #{@title} "
set -g status-style "reverse"
set -g status-left " tcplab lab "
set -g status-left-length 14
set -g window-status-format ""
set -g window-status-current-format ""
set -g status-right "$TCPLAB_LAB_KEYS arrows: pane  $TCPLAB_LAB_KEYS z: zoom  $TCPLAB_LAB_KEYS d: end "
set -g status-right-length 80
set-hook -g client-resized "source-file ${LAYOUT}"
`;

/**
 * Two by two where the window is wide, else one above the other: then netstat and the client get the lines that they need, and the
 * server, which says most, the rest. A pane that was closed leaves its room to the others.
 */
const LAYOUT_TEXT = `if-shell "test #{window_width} -ge ${WIDE}" \\
  "select-layout -t lab:0 tiled" "select-layout -t lab:0 even-vertical"
if-shell "test #{window_width} -lt ${WIDE} -a #{window_panes} -eq 4" \\
  "resize-pane -t lab:0.3 -y ${NETSTAT_LINES}; resize-pane -t lab:0.1 -y ${CLIENT_LINES}; resize-pane -t lab:0.2 -y ${WIRE_LINES}"
`;
