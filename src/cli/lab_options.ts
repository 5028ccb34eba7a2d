/**
 * The words of the `lab` command: its verbs and options, read and refused.
 *
 * Owns: what may be typed, and the help. Must not know: what is done with it (lab.ts).
 */
import { UsageError } from "./command.ts";
import { LAB_HOSTS, LAB_MTU_RANGE, type LabOptions, type LabPlace } from "./lab_plan.ts";
import { type ParsedOptions, type Syntax } from "./options.ts";

/** What may be typed. */
export const LAB_SYNTAX = {
  command: "lab",
  synopsis: "up|down|status|exec SIDE [-- COMMAND]|netstat|shell [-- COMMAND] [OPTIONS]",
  description: `Network namespaces joined by veth pairs: a lab on one host.

  shell    a private lab for one COMMAND (default: your shell), gone with it, also after kill -9. Needs no
           rights where the kernel allows user namespaces; its namespaces are called "server" and "client".
           --tmux (or: shell -- tmux): the whole lab in one terminal, four panes
  up       makes tcplab-server and tcplab-client (or configures again what is there); needs root
  down     removes both, and the pair between them; needs root
  status   says what of them there is
  exec     runs a COMMAND (default: a shell) on the server or the client side
  netstat  who knows of the connections: tcplab, and the kernels of all sides

shell and exec give the COMMAND's exit status: 127 where there is no such program, 128 and its number for a signal.
In a lab shell, exec, netstat and status mean that lab, and tcplab client runs on the client's side.

  server: veth-server 10.33.0.1/24    client: veth-client 10.33.0.2/24    free for tcplab: 10.33.0.3
                      fd33::1/64                          fd33::2/64                       fd33::3
Each device has a link-local address besides (fe80::..., shown by lab status).

With --bridge a switch stands in the middle (namespace "switch"), and behind it client, client2 (10.33.0.12, fd33::12),
client3 and so on. With --router a router does ("router": 10.33.0.254 and fd33::254 on the server's side, 10.34.0.254 and
fd34::254 on the client's), and the client is 10.34.0.2, fd34::2.`,
  options: [
    {
      name: "tmux",
      kind: "flag",
      help: "with shell: four panes of tmux, for server, client, wire and netstat; each says what to type",
    },
    { name: "watch", alias: "w", kind: "flag", help: "with netstat: again every second, until Ctrl-C" },
    {
      name: "name",
      kind: "value",
      value: "PREFIX",
      help: "prefix of the namespaces' names, for several labs (default tcplab); not with shell",
    },
    {
      name: "mtu",
      kind: "value",
      value: "BYTES",
      help: "with up and shell: largest IP packet of all devices (default 1500); below 1280 there is no IPv6",
    },
    {
      name: "offloads",
      kind: "value",
      value: "on|off",
      help:
        "with up and shell: on (default): partial checksums and frames above the MTU, as veth has them; off needs ethtool",
    },
    {
      name: "bridge",
      kind: "flag",
      help:
        "with up and shell: a switch joins the server and several clients; it looks into IGMP and MLD (snooping)",
    },
    {
      name: "hosts",
      kind: "value",
      value: "N",
      help: `with --bridge: how many clients, ${LAB_HOSTS.most} at the most (default ${LAB_HOSTS.usual})`,
    },
    {
      name: "router",
      kind: "flag",
      help: "with up and shell: a router between the server's subnet and the client's, for both families",
    },
    {
      name: "router-mtu",
      kind: "value",
      value: "BYTES",
      help:
        "with --router: the largest packet that it hands on, either way; both ends learn it by ICMP (path MTU discovery)",
    },
  ],
  positionals: {
    least: 1,
    most: 2,
    expected: "up, down, status, exec SIDE, netstat, or shell",
    words: [["up", "down", "status", "exec", "netstat", "shell"], [
      "server",
      "client",
      "client2",
      "client3",
      "switch",
      "router",
    ]],
  },
  examples: [
    ["tcplab lab shell --tmux", "the lab in one terminal, without root"],
    ["tcplab lab shell -- make test", "a command in a lab of its own"],
    ["sudo tcplab lab up", "make a lab with names, for several terminals"],
    ["sudo tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3", "the server"],
    ["sudo tcplab lab exec client -- tcplab client 10.33.0.3 3333", "the client"],
    ["sudo tcplab lab up --hosts 3 --bridge", "three clients and a switch"],
    ["sudo tcplab lab up --router --router-mtu 1400", "a narrow path between two subnets"],
    ["sudo tcplab lab down", "remove the lab"],
  ],
} as const satisfies Syntax;

/** The command line, taken apart. */
export type LabParsed = ParsedOptions<(typeof LAB_SYNTAX.options)[number]["name"]>;

/** Options that say how a lab is made. */
const OF_MAKING = ["mtu", "offloads", "bridge", "hosts", "router", "router-mtu"] as const;

/** Throws {@link UsageError}: an option that would change nothing is a misunderstanding. */
export function refuseMisplaced(parsed: LabParsed, verb: string): void {
  if (parsed.flag("tmux") && verb !== "shell") {
    throw new UsageError(`--tmux goes with lab shell, not with lab ${verb}`);
  }
  if (parsed.flag("watch") && verb !== "netstat") {
    throw new UsageError(`--watch goes with lab netstat, not with lab ${verb}`);
  }
  for (const option of OF_MAKING) {
    const isGiven = option === "bridge" || option === "router"
      ? parsed.flag(option)
      : parsed.value(option) !== undefined;
    if (isGiven && verb !== "up" && verb !== "shell") {
      throw new UsageError(`--${option} goes with lab up and lab shell, not with lab ${verb}`);
    }
  }
}

/** What is said of the lab; throws {@link UsageError} for what cannot be. */
export function labOptions(parsed: LabParsed): LabOptions {
  const name = parsed.value("name");
  // The name becomes a file below /run/netns; 48 letters are a local choice that leaves room for the suffix.
  if (name !== undefined && !/^[A-Za-z0-9][\w.-]{0,47}$/.test(name)) {
    throw new UsageError(`"${name}" is not a lab's name: letters, digits, "-", "_" and "." only`);
  }
  const mtuBytes = given(parsed, "mtu", { what: "an MTU", ...LAB_MTU_RANGE });
  const [bridge, router] = [parsed.flag("bridge"), parsed.flag("router")];
  if (bridge && router) throw new UsageError("--bridge and --router are two different labs: choose one");
  const hosts = given(parsed, "hosts", { what: "a number of clients", least: 1, most: LAB_HOSTS.most });
  if (hosts !== undefined && !bridge) {
    throw new UsageError("--hosts goes with --bridge: only a switch joins more than two");
  }
  const routerMtuBytes = given(parsed, "router-mtu", { what: "an MTU", ...LAB_MTU_RANGE });
  if (routerMtuBytes !== undefined && !router) throw new UsageError("--router-mtu goes with --router");
  const offloads = parsed.value("offloads") ?? "on";
  if (offloads !== "on" && offloads !== "off") {
    throw new UsageError(`--offloads is on or off, not "${offloads}"`);
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(routerMtuBytes === undefined ? {} : { routerMtuBytes }),
    bridge,
    router,
    offloads: offloads === "on",
  };
}

/** A whole number within bounds; undefined where the option is not there. */
function given(
  parsed: LabParsed,
  option: "mtu" | "hosts" | "router-mtu",
  { what, least, most }: { what: string; least: number; most: number },
): number | undefined {
  const text = parsed.value(option);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`"${text}" is not ${what}: give a number from ${least} to ${most}`);
}

/** The namespace that `exec` means; throws {@link UsageError} for a word that is none. */
export function parsePlace(text: string | undefined): LabPlace {
  switch (text) {
    case "server":
    case "client":
    case "switch":
    case "router":
      return text;
  }
  const number = Number(/^client(\d)$/.exec(text ?? "")?.[1]);
  if (number >= 2 && number <= LAB_HOSTS.most) return `client${number}`;
  throw new UsageError(
    `lab exec needs a side: server or client (client2, ..., switch, router, where there are such), then -- and the command`,
  );
}
