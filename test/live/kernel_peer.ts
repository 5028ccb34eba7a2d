/**
 * A client over the kernel's own TCP, led step by step by a test: kernel_peer.py in the client's namespace.
 *
 * Owns: asking and waiting for the answer. Must not know: what a step does, what a test expects.
 */
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests } from "./private_lab.ts";

/** Programs that a test with a peer needs. */
export const PEER_PROGRAMS = ["python3"] as const;

/** Kernel settings below net.ipv4, as `sysctl` names them. Each namespace has its own. */
export type Ipv4Settings = Readonly<Record<string, string | number>>;

/** Steps with their arguments; kernel_peer.py says what each does. */
type PeerStep =
  | {
    readonly do: "connect";
    readonly port: number;
    readonly localPort?: number;
    readonly receiveBuffer?: number;
    readonly sendBuffer?: number;
    readonly congestion?: string;
  }
  | { readonly do: "kernel"; readonly settings: Ipv4Settings }
  | { readonly do: "transfer"; readonly bytes: number }
  | { readonly do: "farTransfer"; readonly bytes: number; readonly back?: number }
  | { readonly do: "pattern"; readonly bytes: number; readonly toEnd?: boolean }
  | { readonly do: "push"; readonly bytes: number; readonly withinMs: number }
  | { readonly do: "send"; readonly text: string }
  | { readonly do: "receive"; readonly bytes: number }
  | { readonly do: "openAndClose"; readonly port: number }
  | { readonly do: "readAside" | "endAside" | "receiveToEnd" | "shutdown" | "close" | "abort" | "info" };

/** The members that the steps answer with; each step has its own. */
export interface PeerAnswer {
  readonly error?: string;
  /** The kernel's settings as they were before. */
  readonly settings?: Ipv4Settings;
  readonly localPort?: number;
  readonly bytes?: number;
  readonly text?: string;
  /** SHA-256 of what was sent, of what came, and of what should have come. */
  readonly sent?: string;
  readonly received?: string;
  readonly expected?: string;
  readonly wrongAt?: number | null;
  /** The kernel's state number: 1 ESTABLISHED, 2 SYN_SENT, ... */
  readonly state?: number;
  /** Zero-window probes that are not answered yet. */
  readonly probes?: number;
  readonly timestamps?: boolean;
  readonly sack?: boolean;
  readonly windowScaling?: boolean;
  readonly ecn?: boolean;
  readonly ecnSeen?: boolean;
  readonly sendMss?: number;
  readonly congestion?: string;
}

/** A running peer. */
export class KernelPeer implements AsyncDisposable {
  readonly #process: LabProcess;
  readonly #answers: PeerAnswer[] = [];
  #wake = () => {};

  constructor(lab: PrivateLab) {
    this.#process = lab.spawn({
      side: "client",
      words: ["python3", "-B", besideTests("kernel_peer.py"), lab.plan.tcplabAddress],
      stdin: true,
      onStdout: (line) => {
        this.#answers.push(JSON.parse(line));
        this.#wake();
      },
    });
    this.#process.result.then(() => this.#wake());
  }

  /** Does a step and gives its answer. Throws with the peer's own words when it failed. */
  async ask(step: PeerStep): Promise<PeerAnswer> {
    const answer = await this.tryTo(step);
    if (answer.error !== undefined) throw new Error(`${JSON.stringify(step)}: ${answer.error}`);
    return answer;
  }

  /** Does a step that may fail; the answer then has `error`. */
  async tryTo(step: PeerStep): Promise<PeerAnswer> {
    await this.#process.write(new TextEncoder().encode(JSON.stringify(step) + "\n"));
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#process.ended) throw new Error(`The peer has ended: ${this.#process.stderr}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Ends the peer; the kernel then closes its connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.closeInput();
    await this.#process.stop();
  }
}
