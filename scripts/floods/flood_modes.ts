/**
 * The floods, as data: what is sent, at whom, how much of it, and what must hold meanwhile.
 *
 * Owns: their names, loads and the order of a run. Must not know: how one is run (flood_run.ts).
 */

/** The applications of the server under attack, by port. Echo, discard and chargen are where the kernel's server has them. */
export const FLOOD_PORTS = { echo: 5000, discard: 5001, chargen: 5002, close: 5003, hold: 5004 } as const;

/** Which application a flood is aimed at. */
export type FloodTarget = keyof typeof FLOOD_PORTS;

/** One kind of flood. */
interface FloodMode {
  readonly name: string;
  /** In one line, for a table. */
  readonly what: string;
  readonly target: FloodTarget;
  /** `frames` belong to no connection; `clients` hold connections; `segments` are a stream into a few connections. */
  readonly kind: "frames" | "clients" | "segments";
}

/** Every mode, in the order of a run. */
export const FLOOD_MODES: readonly FloodMode[] = [
  { name: "syn", what: "SYNs from hosts that do not exist", target: "echo", kind: "frames" },
  { name: "ack", what: "ACKs of no connection", target: "echo", kind: "frames" },
  { name: "rst", what: "RSTs of no connection", target: "echo", kind: "frames" },
  { name: "fin", what: "FINs of no connection", target: "echo", kind: "frames" },
  { name: "data", what: "data of no connection", target: "echo", kind: "frames" },
  { name: "echo", what: "ICMP echo requests", target: "echo", kind: "frames" },
  { name: "arp-random", what: "ARP of others about others", target: "echo", kind: "frames" },
  { name: "arp-ours", what: "ARP that asks for our address, and claims it", target: "echo", kind: "frames" },
  { name: "fragments", what: "pieces of packets that never become whole", target: "echo", kind: "frames" },
  { name: "tiny", what: "one octet a segment, into 100 connections", target: "discard", kind: "segments" },
  { name: "silent", what: "a handshake and nothing more", target: "echo", kind: "clients" },
  { name: "half-open", what: "a SYN, and its SYN-ACK is never answered", target: "echo", kind: "clients" },
  { name: "zero-window", what: "a window that never opens", target: "chargen", kind: "clients" },
  { name: "one-octet", what: "reads one octet a second", target: "chargen", kind: "clients" },
  { name: "unacked", what: "takes a gigabyte, acknowledges nothing", target: "chargen", kind: "clients" },
  { name: "far-octet", what: "one octet at the far end of the window", target: "discard", kind: "clients" },
  { name: "hole", what: "the whole window but its first octet", target: "discard", kind: "clients" },
  { name: "sack-crumbs", what: "single octets 4 KiB apart", target: "discard", kind: "clients" },
  { name: "unread-echo", what: "sends, and never reads the echo", target: "echo", kind: "clients" },
  { name: "filled", what: "fills what the application does not read", target: "hold", kind: "clients" },
  { name: "fin-never-acked", what: "never acknowledges our FIN", target: "close", kind: "clients" },
  { name: "fin-wait-2", what: "acknowledges our FIN, never sends its own", target: "close", kind: "clients" },
  { name: "last-ack", what: "closes, never acknowledges our FIN in answer", target: "echo", kind: "clients" },
  { name: "trickle", what: "an octet a second, so that nobody is idle", target: "echo", kind: "clients" },
  { name: "resets", what: "windows filled, then all reset", target: "discard", kind: "clients" },
];

/** One flood to be run: a mode with its load. */
export interface Flood {
  readonly mode: FloodMode;
  /** Frames a second, at the most. */
  readonly rate: number;
  /** Connections that are held at once; 0 where there are none. */
  readonly connections: number;
  /** Addresses that the attacker has. */
  readonly sources: number;
  /** How long it goes on once it is up, milliseconds. */
  readonly dwellMs: number;
  /** Options of `serve` that belong to it. */
  readonly args: readonly string[];
}

/** How much is asked of a run. */
export interface FloodScale {
  readonly connections: number;
  readonly rates: readonly number[];
  readonly dwellMs: number;
  /** Numbers of hosts that the connections come from. */
  readonly sources: readonly number[];
  /** Empty: all. */
  readonly modes: readonly string[];
}

/** Hosts that do not exist, of the floods without connections: as many as the lab's subnet has to spare. */
const SPOOFED_SOURCES = 16_000;
/** Connections that a stream of tiny segments goes into; local choice: few enough to be kept. */
const TINY_CONNECTIONS = 100;
/** Frames a second of clients that hold connections: enough to fill 60,000 windows, less than a flood for its own sake. */
const CLIENTS_RATE = 100_000;
/** The modes that are run from every number of hosts, when several are asked for: shares per peer show there. */
const SHARED_MODES: readonly string[] = ["silent", "zero-window"];

/** The whole run: about eleven minutes. */
export const FULL_SCALE: FloodScale = {
  connections: 60_000,
  rates: [50_000, 200_000],
  dwellMs: 5_000,
  sources: [250, 2, 1],
  modes: [],
};

/** What a run of two minutes has time for. */
export const QUICK_SCALE: FloodScale = {
  connections: 2_000,
  rates: [200_000],
  dwellMs: 2_000,
  sources: [250],
  modes: ["syn", "data", "arp-ours", "tiny", "silent", "zero-window", "unacked", "far-octet", "sack-crumbs"]
    .concat(["unread-echo", "resets"]),
};

/** More silent connections than the table takes, from few hosts and from many: shares and eviction show there. */
const FULL_TABLE = {
  name: "silent",
  connections: 2_000,
  sources: [2, 250],
  args: ["--max-connections", "1000"],
};

/** The floods of a run, in order. */
export function planFloods(scale: FloodScale): Flood[] {
  const chosen = FLOOD_MODES.filter(({ name }) => scale.modes.length === 0 || scale.modes.includes(name));
  return chosen.flatMap((mode) => {
    const { dwellMs } = scale;
    const args: string[] = [];
    if (mode.kind !== "clients") {
      const connections = mode.kind === "segments" ? TINY_CONNECTIONS : 0;
      const sources = mode.kind === "segments" ? 1 : SPOOFED_SOURCES;
      return scale.rates.map((rate) => ({ mode, rate, connections, sources, dwellMs, args }));
    }
    const sources = SHARED_MODES.includes(mode.name) ? scale.sources : scale.sources.slice(0, 1);
    const { connections } = scale;
    const floods = sources.map((count): Flood => (
      { mode, rate: CLIENTS_RATE, connections, sources: count, dwellMs, args }
    ));
    if (mode.name !== FULL_TABLE.name) return floods;
    const { connections: tooMany, args: small } = FULL_TABLE;
    const crowds = FULL_TABLE.sources.map((count): Flood => (
      { mode, rate: CLIENTS_RATE, connections: tooMany, sources: count, dwellMs, args: small }
    ));
    return [...floods, ...crowds];
  });
}

/** Name of a flood with its load, for a table. */
export function floodName({ mode, rate, connections, sources, args }: Flood): string {
  if (mode.kind !== "clients") return `${mode.name} ${rate / 1000}k/s`;
  return [`${mode.name} ${connections}/${sources}`, ...args].join(" ");
}
