/**
 * Performer: carries the playground's commands out on the two hosts.
 *
 * Owns: which connection a command means, ports, and what runs on connections. Must not know: when commands come, what is
 * recorded.
 */
import type { HostConnection, HostListener } from "../host/api.ts";
import { parseOnceFault } from "../link/fault_once.ts";
import { type FaultSpec, NO_FAULTS, parseFaultSpec } from "../link/fault_spec.ts";
import { LAB_ADDRESSES, type VirtualLab } from "../runtime/virtual_lab.ts";
import type { Command, Side } from "./command.ts";
import { readingOf, settingOf } from "./end_settings.ts";
import type { SetUp } from "./set_up.ts";
import { strangerSyn } from "./stranger.ts";
import { Talker } from "./talker.ts";

/** The addresses of the two ends. */
export const PLAY_ADDRESSES = LAB_ADDRESSES;
/** The ports: the client's first, and the server's. */
export const PLAY_PORTS = [50_000, 3333] as const;

/** What an end has. */
interface End {
  listener: HostListener | null;
  /** The newest last. */
  connections: { readonly connection: HostConnection; readonly talker: Talker }[];
  opens: number;
}

const END_NAMES = ["client", "server"] as const;

/** See the head of this file. */
export class Performer {
  readonly #lab: VirtualLab;
  readonly #setUp: SetUp;
  readonly #ends: [End, End] = [newEnd(), newEnd()];
  #strangers = 0;

  constructor(lab: VirtualLab, setUp: SetUp) {
    this.#lab = lab;
    this.#setUp = setUp;
  }

  /** Carries a command out, now. A line that says why not, where it cannot be; null else. */
  perform(command: Command): string | null {
    try {
      return this.#do(command);
    } catch (error) {
      // What a host says of a call that cannot be: a port that is taken, a connection that is closed.
      return error instanceof Error ? error.message : String(error);
    }
  }

  #do({ kind, side, amount = 0, text = "" }: Command): string | null {
    const { cable } = this.#lab;
    switch (kind) {
      case "listen":
        return this.#listen(side);
      case "unlisten":
        return this.#unlisten(side);
      case "connect":
        return this.#connect(side, amount === 1);
      case "flood":
        return this.#flood(side, amount);
      case "restart":
        this.#ends[side] = newEnd();
        this.#lab.restart(side);
        return null;
      case "once":
        cable.addOnce(parseOnceFault(text));
        return null;
      case "forget":
        cable.clearOnce();
        return null;
      case "faults":
        cable.setFaults(this.#faults(text));
        return null;
      default:
        return this.#talk(side, { kind, amount });
    }
  }

  /** What is said of chance without a seed is the course's. */
  #faults(text: string): FaultSpec {
    const { seed } = this.#setUp;
    if (text === "") return { seed, in: NO_FAULTS, out: NO_FAULTS };
    const faults = parseFaultSpec(text);
    return /\bseed=/.test(text) ? faults : { ...faults, seed };
  }

  #talk(
    side: Side,
    about: { kind: "send" | "close" | "abort" | "hold" | "read"; amount: number },
  ): string | null {
    const wanted = about.kind === "close" || about.kind === "abort" ? about.amount : 0;
    const newest = this.#ends[side].connections.findLast(({ connection }) =>
      connection.state !== "CLOSED" && (wanted === 0 || connection.id === wanted)
    );
    if (newest === undefined) return `The ${END_NAMES[side]} has no connection: connect first`;
    this.#lab.host(side);
    const { connection, talker } = newest;
    const hasClosed = `The ${END_NAMES[side]} has closed its direction already`;
    switch (about.kind) {
      case "send":
        return talker.send(connection, about.amount) ? null : hasClosed;
      case "close":
        return talker.close(connection) ? null : hasClosed;
      case "abort":
        connection.abort();
        return null;
      case "hold":
      case "read":
        talker.setReading(connection, about.kind);
        return null;
    }
  }

  #listen(side: Side): string | null {
    const end = this.#ends[side];
    if (end.listener !== null) return `The ${END_NAMES[side]} listens already`;
    end.listener = this.#lab.host(side).listen({
      port: PLAY_PORTS[side],
      backlog: Number(settingOf(this.#setUp.ends[side], "backlog")),
      accept: (connection) => this.#begun(side, connection),
    });
    return null;
  }

  #unlisten(side: Side): string | null {
    const end = this.#ends[side];
    if (end.listener === null) return `The ${END_NAMES[side]} does not listen`;
    this.#lab.host(side);
    end.listener.close();
    end.listener = null;
    return null;
  }

  /** The client takes one port after the other, the server its own: so both can call each other. */
  #connect(side: Side, isAgain: boolean): null {
    const end = this.#ends[side];
    const [clientPort, serverPort] = PLAY_PORTS;
    if (!isAgain || end.opens === 0) end.opens++;
    const calls = clientPort + Math.max(0, this.#ends[0].opens - 1);
    const talker = this.#talker(side);
    const connection = this.#lab.host(side).connect({
      address: LAB_ADDRESSES[side === 0 ? 1 : 0],
      port: side === 0 ? serverPort : calls,
      localPort: side === 0 ? calls : serverPort,
      handler: talker,
    });
    end.connections.push({ connection, talker });
    return null;
  }

  #flood(side: Side, count: number): null {
    const from: Side = side === 0 ? 1 : 0;
    const { ends } = this.#lab.cable;
    const route = {
      sourceMac: ends[from].mac,
      destinationMac: ends[side].mac,
      destination: LAB_ADDRESSES[side],
      port: PLAY_PORTS[side],
    };
    for (let i = 0; i < count; i++) {
      const frame = strangerSyn(this.#strangers++, { seed: this.#setUp.seed, route });
      ends[from].send(frame, frame.length);
    }
    return null;
  }

  #begun(side: Side, connection: HostConnection): Talker {
    const talker = this.#talker(side);
    const end = this.#ends[side];
    end.connections = end.connections.filter((other) => other.connection.state !== "CLOSED");
    end.connections.push({ connection, talker });
    return talker;
  }

  #talker(side: Side): Talker {
    const settings = this.#setUp.ends[side];
    return new Talker({
      reading: readingOf(settings),
      answersClose: settingOf(settings, "answer") === "close",
    });
  }
}

function newEnd(): End {
  return { listener: null, connections: [], opens: 0 };
}
