/**
 * The kernel of a script: carries out its system calls on sockets over a host, one after the other and some of them meanwhile.
 *
 * Owns: which call is which, calls that block, and what is told of all sockets. Must not know: what any call does.
 */
import type { SystemHabits } from "../../tcp/profile.ts";
import { formatIpAddress } from "../../wire/address.ts";
import type { HostConnection, HostListener } from "../../host/api.ts";
import {
  type CallOutcome,
  type Kernel,
  type KernelFactory,
  type KernelGround,
  type RunningCall,
  UnsupportedConstruct,
} from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import { isSelected, type SocketRow, type SocketSelection } from "../settings.ts";
import type { CallEvent } from "../values.ts";
import { CallArguments } from "./call_arguments.ts";
import { CONTROL_CALLS } from "./calls_control.ts";
import { DATA_CALLS } from "./calls_data.ts";
import { EVENT_CALLS } from "./calls_events.ts";
import { FILE_CALLS } from "./calls_files.ts";
import { MESSAGE_CALLS } from "./calls_messages.ts";
import { SOCKET_CALLS } from "./calls_socket.ts";
import { constantOf, errorNames } from "./constants.ts";
import { type BlockedCall, type CallMethod, type CallStart, Process } from "./process.ts";
import { codeVariables } from "./tcp_info.ts";
import { TcpSocket } from "./tcp_socket.ts";

const CALLS: Readonly<Record<string, CallMethod>> = {
  ...SOCKET_CALLS,
  ...DATA_CALLS,
  ...MESSAGE_CALLS,
  ...CONTROL_CALLS,
  ...EVENT_CALLS,
  ...FILE_CALLS,
};

/** A call that has begun. */
class Running implements RunningCall {
  outcome: CallOutcome | null = null;
  endedUs: number | null = null;
  readonly args: CallArguments;
  readonly #blocked: BlockedCall | null;

  constructor(args: CallArguments, start: CallStart, nowUs: number) {
    this.args = args;
    this.#blocked = "look" in start ? start : null;
    if (!("look" in start)) this.#ends(start, nowUs);
  }

  get deadlineUs(): number {
    return this.outcome === null ? this.#blocked?.deadlineUs ?? Infinity : Infinity;
  }

  look(nowUs: number): void {
    const blocked = this.#blocked;
    if (blocked === null || this.outcome !== null) return;
    const outcome = blocked.look() ?? (blocked.deadlineUs <= nowUs ? blocked.late() : null);
    if (outcome !== null) this.#ends(outcome, nowUs);
  }

  #ends(outcome: CallOutcome, nowUs: number): void {
    this.outcome = { ...outcome, errno: this.#asWritten(outcome.errno) };
    this.endedUs = nowUs;
  }

  /** Of two names for one number, the one that the script uses (`EWOULDBLOCK`). */
  #asWritten(errno: string | null): string | null {
    const { call: { errno: written }, system } = this.args;
    if (errno === null || written === null) return errno;
    return constantOf(system, errno) === constantOf(system, written) ? written : errno;
  }
}

class SocketKernel implements Kernel {
  readonly #process: Process;
  #running: Running[] = [];

  constructor(ground: KernelGround) {
    this.#process = new Process(ground);
  }

  get #ground(): KernelGround {
    return this.#process.ground;
  }

  begin(call: CallEvent): RunningCall {
    const method = Object.hasOwn(CALLS, call.name) ? CALLS[call.name] : undefined;
    if (method === undefined) {
      throw new UnsupportedConstruct(`${call.name}()${meantText(call.name, Object.keys(CALLS))}`);
    }
    const { system } = this.#ground.socketDefaults;
    demandErrno(call, system);
    const args = new CallArguments(call, system);
    // Nothing that has happened before counts for the call.
    this.#process.look();
    const running = new Running(args, method(this.#process, args), this.#ground.nowUs);
    this.#process.look();
    if (running.outcome === null) this.#running.push(running);
    return running;
  }

  progress(): void {
    this.#process.look();
    if (this.#running.length === 0) return;
    const { nowUs } = this.#ground;
    for (const running of this.#running) running.look(nowUs);
    this.#running = this.#running.filter(({ outcome }) => outcome === null);
    this.#process.look();
  }

  nextDeadlineUs(): number {
    return this.#running.reduce((next, { deadlineUs }) => Math.min(next, deadlineUs), Infinity);
  }

  rows(): readonly SocketRow[] {
    const { host, ends } = this.#ground;
    const open = new Set<HostConnection | HostListener>();
    for (const { connection, listener } of this.#process.sockets()) {
      if (connection !== null) open.add(connection);
      if (listener !== null) open.add(listener);
    }
    const family = ends.localAddress.length === 4 ? 4 : 6;
    const rows: SocketRow[] = [];
    for (const { socket, listener } of this.#listening()) {
      const { address } = socket.bound ?? { address: null };
      rows.push({
        state: listener.state === "LISTEN" ? "LISTEN" : "CLOSED",
        family,
        localPort: listener.port,
        peerPort: 0,
        localAddress: address === null ? "*" : formatIpAddress(address),
        isOpen: true,
      });
    }
    for (const connection of host.connections()) rows.push(rowOf(connection, open.has(connection)));
    // A socket keeps its connection's place in the table until it is closed.
    for (const { connection } of this.#process.sockets()) {
      if (connection !== null && connection.ended !== null) {
        rows.push({ ...rowOf(connection, true), state: "CLOSED" });
      }
    }
    return rows;
  }

  #listening(): { socket: TcpSocket; listener: HostListener }[] {
    return this.#process.sockets().flatMap((socket) =>
      socket.listener === null ? [] : [{ socket, listener: socket.listener }]
    );
  }

  drop(selection: SocketSelection): number {
    const open = new Set(this.#process.sockets().map(({ connection }) => connection));
    let dropped = 0;
    for (const connection of this.#ground.host.connections()) {
      if (!isSelected(rowOf(connection, open.has(connection)), selection)) continue;
      connection.abort();
      dropped++;
    }
    return dropped;
  }

  variables(): ReadonlyMap<string, number | string> {
    this.#process.look();
    const { subject } = this.#process;
    return codeVariables(subject, this.#ground.nowUs);
  }
}

function rowOf(connection: HostConnection, isOpen: boolean): SocketRow {
  return {
    state: connection.state,
    family: connection.localAddress.length === 4 ? 4 : 6,
    localPort: connection.localPort,
    peerPort: connection.peerPort,
    localAddress: formatIpAddress(connection.localAddress),
    isOpen,
  };
}

/** An error that no system has is never given back; one that is misspelt is told at once. */
function demandErrno({ errno }: CallEvent, system: SystemHabits): void {
  if (errno === null || constantOf(system, errno) !== undefined) return;
  const meant = meantText(errno, errorNames());
  if (meant !== "") throw new UnsupportedConstruct(`the error ${errno}${meant}`);
}

/** Makes the sockets of one script. */
export const createKernel: KernelFactory = (ground) => new SocketKernel(ground);
