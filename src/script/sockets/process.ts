/**
 * Process: the descriptors of a script's process, and how a call of it goes on.
 *
 * Owns: the table of descriptors, which numbers they get, and what a call that blocks is. Must not know: any call.
 */
import type { CallOutcome, KernelGround } from "../kernel.ts";
import { UnsupportedConstruct } from "../kernel.ts";
import type { CallArguments, Mismatch } from "./call_arguments.ts";
import type { Descriptor } from "./descriptor.ts";
import { Epoll } from "./epoll.ts";
import { type SocketOwner, TcpSocket } from "./tcp_socket.ts";

/** Bound on open descriptors; local choice, as the usual limit of a process. */
const MOST_DESCRIPTORS = 1024;
/** The first three are taken before a script begins. */
const FIRST_DESCRIPTOR = 3;

/** A call that blocks: what it looks for. */
export interface BlockedCall {
  /** The outcome, or null as long as it blocks. */
  look(): CallOutcome | null;
  /** When it gives up; Infinity: never. */
  readonly deadlineUs: number;
  /** Its outcome then. */
  late(): CallOutcome;
}

/** A call begins: it is over at once, or blocks. */
export type CallStart = CallOutcome | BlockedCall;

/** How one call is carried out. */
export type CallMethod = (process: Process, args: CallArguments) => CallStart;

/** It went well. */
export function succeeded(result: number, mismatch: Mismatch | null = null): CallOutcome {
  return { result, errno: null, mismatch };
}

/** It did not. */
export function failed(errno: string): CallOutcome {
  return { result: -1, errno, mismatch: null };
}

/** Tries now and, where `mayBlock`, again and again. */
export function blocking(
  look: () => CallOutcome | null,
  { mayBlock, deadlineUs = Infinity, late }: {
    mayBlock: boolean;
    deadlineUs?: number;
    late: () => CallOutcome;
  },
): CallStart {
  const first = look();
  if (first !== null) return first;
  return mayBlock ? { look, deadlineUs, late } : late();
}

/** See the file's comment. */
export class Process implements SocketOwner {
  readonly ground: KernelGround;
  readonly #descriptors = new Map<number, Descriptor>();
  /** The socket that was made, or whose connection began, last: the one that the script is about. */
  #subject: TcpSocket | null = null;
  /** Sockets whose descriptor is closed, as long as something of them is awaited. */
  readonly #closing = new Set<Descriptor>();

  constructor(ground: KernelGround) {
    this.ground = ground;
  }

  get subject(): TcpSocket | null {
    return this.#subject;
  }

  connectionBegan(socket: TcpSocket): void {
    this.#subject = socket;
  }

  /** The script is about this socket from now on. */
  isAbout(socket: TcpSocket): void {
    this.#subject = socket;
  }

  /**
   * Gives a descriptor its number: the one that the script says the call returns, where it is free, for the script goes on to use
   * it; else the lowest. Returns the outcome.
   */
  open(descriptor: Descriptor, args: CallArguments, mismatch: Mismatch | null = null): CallOutcome {
    if (this.#descriptors.size >= MOST_DESCRIPTORS) return failed("EMFILE");
    const { result, name } = args.call;
    const wanted = result?.kind === "number" ? result.value : -1;
    let number = wanted;
    // As in packetdrill a script may accept onto a number that it has not closed, and means the new one from then on.
    if (name === "accept" && this.#descriptors.has(wanted)) this.forget(wanted);
    if (wanted < FIRST_DESCRIPTOR || wanted > 0x7fff_ffff || this.#descriptors.has(wanted)) {
      for (number = FIRST_DESCRIPTOR; this.#descriptors.has(number); number++);
    }
    this.#descriptors.set(number, descriptor);
    return succeeded(number, mismatch);
  }

  /** Gives a descriptor this number; false where it is taken. */
  openAs(number: number, descriptor: Descriptor): boolean {
    if (this.#descriptors.has(number) || this.#descriptors.size >= MOST_DESCRIPTORS) return false;
    this.#descriptors.set(number, descriptor);
    return true;
  }

  /** What a number stands for; null where nothing does (EBADF). */
  find(number: number): Descriptor | null {
    return this.#descriptors.get(number) ?? null;
  }

  /** Takes a number out of the table. */
  forget(number: number): void {
    const descriptor = this.#descriptors.get(number);
    if (descriptor === undefined) return;
    this.#descriptors.delete(number);
    for (const other of this.#descriptors.values()) if (other instanceof Epoll) other.remove(number);
    this.#closing.add(descriptor);
    if (this.#closing.size > MOST_DESCRIPTORS) {
      const [oldest] = this.#closing;
      this.#closing.delete(oldest);
    }
  }

  /** All open ones. */
  get descriptors(): Iterable<Descriptor> {
    return this.#descriptors.values();
  }

  /** The sockets among them. */
  sockets(): TcpSocket[] {
    return [...this.#descriptors.values()].filter((descriptor) => descriptor instanceof TcpSocket);
  }

  /** Everybody looks for what has changed. */
  look(): void {
    for (const descriptor of this.#descriptors.values()) descriptor.look();
    for (const descriptor of this.#closing) {
      descriptor.look();
      if (descriptor instanceof TcpSocket && (descriptor.connection?.ended ?? "normal") !== null) {
        this.#closing.delete(descriptor);
      }
    }
  }

  /** The socket of the first argument; null with EBADF or ENOTSOCK as `error`. */
  socketOf(args: CallArguments): { socket: TcpSocket; error: null } | { socket: null; error: CallOutcome } {
    const descriptor = this.find(args.number(0));
    if (descriptor === null) return { socket: null, error: failed("EBADF") };
    if (!(descriptor instanceof TcpSocket)) return { socket: null, error: failed("ENOTSOCK") };
    return { socket: descriptor, error: null };
  }

  /** A deadline of a call that begins now and may take so long; 0: as long as it likes. */
  deadlineAfter(us: number): number {
    return us > 0 ? this.ground.nowUs + us : Infinity;
  }
}

/** Which error a host's refusal means. The host says why in words, for people; here only a few classes count. */
export function errorOfRefusal(error: unknown): string {
  if (error instanceof UnsupportedConstruct) throw error;
  const message = error instanceof Error ? error.message : "";
  if (message.includes("taken") || message.includes("already has")) return "EADDRINUSE";
  if (message.includes("route") || message.includes("gateway") || message.includes("reach")) {
    return "ENETUNREACH";
  }
  if (message.includes("room")) return "ENOBUFS";
  return "EADDRNOTAVAIL";
}
