/**
 * Talker: what runs on one end of a simulated connection: sends a known stream in its own manner, checks what arrives
 * byte by byte, and closes as its plan says.
 *
 * Owns: one end's plan and what became of it. Must not know: faults, the other end.
 */
import { beginFar } from "../tcp/begin_far.ts";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import type { CloseReason } from "../../src/tcp/events.ts";
import type { VirtualClock } from "../../src/runtime/clock.ts";
import type { SeededRandom } from "../../src/link/seeded_random.ts";
import { fillStream, findDifference } from "./byte_stream.ts";

/** How one end behaves. */
export interface TalkPlan {
  /** Bytes to send; the other end's plan expects as many. */
  readonly sendBytes: number;
  readonly expectBytes: number;
  /** Stream that is sent, and the one that is expected. */
  readonly sendSalt: number;
  readonly expectSalt: number;
  /** Sends what it receives, straight from buffer to buffer. */
  readonly echoes?: boolean;
  /** Bytes of one write (65,536 each). */
  readonly writeBytes?: readonly [least: number, most: number];
  /** Between two writes, microseconds (0). */
  readonly writePauseUs?: number;
  /** How far sending may be ahead of receiving (Infinity): a request of so many bytes, then its answer. */
  readonly aheadBytes?: number;
  /** Sends nothing before the peer has closed. */
  readonly waitsForEnd?: boolean;
  /** Bytes that one read takes (all). */
  readonly readBytes?: number;
  /** Between two reads, microseconds (0). */
  readonly readPauseUs?: number;
  /** Closes when all is sent (default), or only after the peer has. */
  readonly closes?: "when-sent" | "after-peer";
  /** Aborts when so many bytes have come and gone. */
  readonly abortAtBytes?: number;
  /** So that a peer that vanished is noticed. */
  readonly keepAlive?: boolean;
}

/** What is shared by the talkers of one simulation. */
export interface TalkerWorld {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** Brings the host's time up to date before calls from a timer. */
  setNow(): void;
}

/** Something that must not happen. */
export class SimulationFailure extends Error {
  override name = "SimulationFailure";
}

/** One end; give it to `connect`, or return it from `accept`. */
export class Talker implements ConnectionHandler {
  readonly name: string;
  readonly plan: TalkPlan;
  sentBytes = 0;
  receivedBytes = 0;
  opened = 0;
  peerClosed = false;
  /** Why the connection ended; null while it lives. */
  closed: CloseReason | null = null;
  /** When the last expected byte came, microseconds. */
  doneUs = 0;
  /** Called when the connection is gone. */
  onGone: (() => void) | null = null;
  /** Times that it was told of trouble (R1). */
  advised = 0;
  readonly #world: TalkerWorld;
  #connection: HostConnection | null = null;
  #writeTimer = false;
  #readTimer = false;
  #closeCalled = false;

  constructor(name: string, plan: TalkPlan, world: TalkerWorld) {
    this.name = name;
    this.plan = plan;
    this.#world = world;
  }

  /** The connection, once there is one. */
  get connection(): HostConnection | null {
    return this.#connection;
  }

  onOpen(connection: HostConnection): void {
    this.opened++;
    this.#mustBe(this.opened === 1, "was opened twice");
    this.#connection = connection;
    beginFar(connection);
    if (this.plan.keepAlive === true) connection.setKeepAlive(true, 20_000_000, 5_000_000);
    this.#talk();
  }

  onReadable(connection: HostConnection): void {
    this.#connection = connection;
    if (!this.#readTimer) this.#read();
    this.#talk();
  }

  onWritable(): void {
    this.#talk();
  }

  onPeerClosed(): void {
    this.#mustBe(!this.peerClosed, "was told twice that the peer closed");
    this.peerClosed = true;
    this.#talk();
  }

  onAdvice(): void {
    this.advised++;
  }

  onClosed(connection: HostConnection, reason: CloseReason): void {
    this.#mustBe(this.closed === null, "was closed twice");
    // A normal end leaves what came before it to be read.
    if (reason === "normal" && this.opened > 0) this.#drain(connection);
    this.closed = reason;
    this.onGone?.();
  }

  #talk(): void {
    const connection = this.#connection;
    if (connection === null || this.closed !== null || this.opened === 0) return;
    if (this.#abortsNow(connection)) return;
    if (this.plan.echoes === true) this.sentBytes += connection.echo();
    else if (!this.#writeTimer) this.#write(connection);
    this.#maybeClose(connection);
  }

  #write(connection: HostConnection): void {
    const { plan } = this;
    if (plan.waitsForEnd === true && !this.peerClosed) return;
    const [least, most] = plan.writeBytes ?? [65_536, 65_536];
    for (;;) {
      const allowed = Math.min(
        plan.sendBytes - this.sentBytes,
        this.receivedBytes + (plan.aheadBytes ?? Infinity) - this.sentBytes,
      );
      if (allowed <= 0) return;
      const bytes = new Uint8Array(Math.min(allowed, this.#world.random.between(least, most)));
      fillStream(plan.sendSalt, this.sentBytes, bytes);
      const taken = connection.write(bytes);
      this.sentBytes += taken;
      // An abort or a failure may have come from inside the call.
      if (this.closed !== null || this.#abortsNow(connection)) return;
      if (plan.writePauseUs !== undefined && plan.writePauseUs > 0) {
        this.#writeTimer = true;
        this.#after(plan.writePauseUs, () => this.#writeTimer = false);
        return;
      }
      if (taken < bytes.length) return;
    }
  }

  #read(): void {
    const connection = this.#connection;
    const { plan } = this;
    if (connection === null || plan.echoes === true) {
      if (connection !== null) this.#noteEchoed(connection);
      return;
    }
    if (plan.readBytes === undefined) {
      this.#drain(connection);
      return;
    }
    this.#take(connection, plan.readBytes);
    if (connection.readableBytes > 0 && this.closed === null) {
      this.#readTimer = true;
      this.#after(plan.readPauseUs ?? 0, () => {
        this.#readTimer = false;
        if (this.closed === null) this.#read();
      });
    }
  }

  #noteEchoed(connection: HostConnection): void {
    // What an echo received is what it has sent and what it still holds.
    this.receivedBytes = this.sentBytes + connection.readableBytes;
    if (this.receivedBytes === this.plan.expectBytes) this.doneUs = this.#world.clock.nowUs();
  }

  #drain(connection: HostConnection): void {
    if (this.plan.echoes === true) return;
    while (connection.readableBytes > 0) this.#take(connection, 65_536);
  }

  #take(connection: HostConnection, most: number): void {
    const bytes = new Uint8Array(Math.min(most, connection.readableBytes));
    const count = connection.read(bytes);
    this.#mustBe(count === bytes.length, `read ${count} bytes where ${bytes.length} had been promised`);
    const wrong = findDifference(this.plan.expectSalt, this.receivedBytes, bytes, 0, count);
    if (wrong >= 0) {
      throw new SimulationFailure(`${this.name} got a wrong byte at ${this.receivedBytes + wrong}`);
    }
    this.receivedBytes += count;
    this.#mustBe(this.receivedBytes <= this.plan.expectBytes, "got more bytes than were sent");
    if (this.receivedBytes === this.plan.expectBytes) this.doneUs = this.#world.clock.nowUs();
  }

  #maybeClose(connection: HostConnection): void {
    const { plan } = this;
    if (this.#closeCalled || this.closed !== null) return;
    const isAllSent = plan.echoes === true
      ? this.peerClosed && connection.readableBytes === 0
      : this.sentBytes === plan.sendBytes;
    if (!isAllSent || (plan.closes === "after-peer" && !this.peerClosed)) return;
    this.#closeCalled = true;
    connection.closeWrite();
  }

  #abortsNow(connection: HostConnection): boolean {
    const { abortAtBytes } = this.plan;
    if (abortAtBytes === undefined || this.sentBytes + this.receivedBytes < abortAtBytes) return false;
    if (this.closed === null) connection.abort();
    return true;
  }

  #after(us: number, then: () => void): void {
    this.#world.clock.after(us, () => {
      this.#world.setNow();
      then();
      this.#talk();
    });
  }

  #mustBe(isSo: boolean, what: string): void {
    if (!isSo) throw new SimulationFailure(`${this.name} ${what}`);
  }
}
