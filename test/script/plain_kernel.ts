/**
 * A kernel for tests of the runner: as many calls as they need, in the simplest way. What true sockets do is tested with those.
 */
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import {
  type CallOutcome,
  type Kernel,
  type KernelFactory,
  type KernelGround,
  type RunningCall,
  UnsupportedConstruct,
} from "../../src/script/kernel.ts";
import type { CallEvent } from "../../src/script/values.ts";

const FIRST_FD = 3;

interface Descriptor {
  connection: HostConnection | null;
  /** Connections that can be accepted; null for what does not listen. */
  queue: HostConnection[] | null;
}

class Running implements RunningCall {
  outcome: CallOutcome | null = null;
  endedUs: number | null = null;
}

/** The factory. */
export const plainKernel: KernelFactory = (ground) => new PlainKernel(ground);

class PlainKernel implements Kernel {
  readonly #ground: KernelGround;
  readonly #descriptors: (Descriptor | null)[] = [];
  readonly #waiting: { readonly running: Running; readonly look: () => number | null }[] = [];

  constructor(ground: KernelGround) {
    this.#ground = ground;
  }

  begin(call: CallEvent): RunningCall {
    const running = new Running();
    const look = this.#carryOut(call);
    const result = look();
    if (result === null) this.#waiting.push({ running, look });
    else this.#end(running, result);
    return running;
  }

  progress(): void {
    for (const waiting of [...this.#waiting]) {
      const result = waiting.look();
      if (result === null) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      this.#end(waiting.running, result);
    }
  }

  nextDeadlineUs(): number {
    return Infinity;
  }

  rows(): readonly [] {
    return [];
  }

  drop(): number {
    return 0;
  }

  variables(): ReadonlyMap<string, number | string> {
    return new Map();
  }

  #end(running: Running, result: number): void {
    running.outcome = { result, errno: null, mismatch: null };
    running.endedUs = this.#ground.nowUs;
  }

  #carryOut(call: CallEvent): () => number | null {
    const { host, ends } = this.#ground;
    const numbers = call.args.map((argument) => argument.kind === "number" ? argument.value : NaN);
    const at = () => {
      const descriptor = this.#descriptors[numbers[0] - FIRST_FD];
      if (descriptor === undefined || descriptor === null) throw new Error("no such descriptor");
      return descriptor;
    };
    const connection = () => {
      const { connection } = at();
      if (connection === null) throw new Error("not connected");
      return connection;
    };
    switch (call.name) {
      case "socket":
        return () => this.#add({ connection: null, queue: null });
      case "bind":
        return () => 0;
      case "listen":
        return () => {
          const queue: HostConnection[] = [];
          at().queue = queue;
          host.listen({
            port: ends.bindPort,
            accept: () => ({ onOpen: (opened) => void queue.push(opened) }),
          });
          return 0;
        };
      case "accept":
        return () => {
          const next = at().queue?.shift();
          return next === undefined ? null : this.#add({ connection: next, queue: null });
        };
      case "connect": {
        const handler: ConnectionHandler = {};
        let opening: HostConnection | null = null;
        return () => {
          opening ??= host.connect({ address: ends.remoteAddress, port: ends.connectPort, handler });
          at().connection = opening;
          return opening.state === "SYN_SENT" ? null : 0;
        };
      }
      case "write":
        return () => connection().write(new Uint8Array(numbers[2]));
      case "read":
        return () => {
          const { readableBytes, atEnd } = connection();
          if (readableBytes === 0 && !atEnd) return null;
          return connection().read(new Uint8Array(numbers[2]));
        };
      case "shutdown":
        return () => {
          connection().closeWrite();
          return 0;
        };
      case "close":
        return () => {
          at().connection?.close();
          this.#descriptors[numbers[0] - FIRST_FD] = null;
          return 0;
        };
      default:
        throw new UnsupportedConstruct(`${call.name}()`);
    }
  }

  #add(descriptor: Descriptor): number {
    return FIRST_FD + this.#descriptors.push(descriptor) - 1;
  }
}
