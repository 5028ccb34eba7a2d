/**
 * BufferPool: what a connection holds only while it needs it: rings while bytes wait in them, a scoreboard while something
 * is in flight.
 *
 * Owns: what is free, and the stand-ins that a connection at rest shares with all others. Must not know: when a
 * connection needs what (tcb.ts).
 *
 * Why: 100,000 connections at rest save 300 bytes each, and what a busy one is lent was in use a moment ago, so it lies in
 * the processor's cache.
 */
import type { TcpConfig } from "../config.ts";
import { Scoreboard } from "../scoreboard.ts";
import { MemoryAccount } from "../memory_account.ts";
import { BlockMemory, type BlockSource } from "./block_memory.ts";
import { ByteRing } from "./byte_ring.ts";

/** Local choice: more than are busy at once on a host that keeps up; beyond it the collector takes them. */
const MOST_FREE = 1024;

/** A ring grows to the next power of two, beside which its old block and what lies beyond a hole exist for a moment. */
const LARGEST_STEP = 4;

/** Of one piece in flight, with its place in the list and the boxes of its positions and its time: measured. */
const RECORD_BYTES = 192;
/** Of a board by itself: measured. */
const BOARD_BYTES = 512;

/** Rings of one direction, and the stand-in of those that hold nothing. */
class RingPool {
  /** Reads as an empty ring; nothing can be put into it. */
  readonly resting: ByteRing;
  readonly #memory: BlockSource;
  readonly #limitBytes: number;
  readonly #free: ByteRing[] = [];

  constructor(memory: BlockSource, limitBytes: number) {
    this.#memory = memory;
    this.#limitBytes = limitBytes;
    this.resting = new ByteRing(NO_MEMORY, limitBytes);
  }

  take(): ByteRing {
    return this.#free.pop() ?? new ByteRing(this.#memory, this.#limitBytes);
  }

  /** Takes a ring back, its memory too; what was in it is lost. */
  give(ring: ByteRing): void {
    ring.release();
    if (this.#free.length < MOST_FREE) this.#free.push(ring);
  }
}

/** What stands in for the memory of a ring that must stay empty. */
const NO_MEMORY = {
  acquire(): never {
    throw new Error(
      "Something was put into the ring of a connection at rest: a defect, it must be lent one first",
    );
  },
  release(): void {},
  mayGrow: () => false,
};

/** Of one host; `config`: that of all connections that have none of their own. */
export class BufferPool {
  readonly sendRings: RingPool;
  readonly receiveRings: RingPool;
  /** Reads as a board with nothing in flight; nothing can be added to it. */
  readonly restingBoard: Scoreboard = new Scoreboard({ isResting: true });
  readonly #freeBoards: Scoreboard[] = [];

  /** What all of it comes to. */
  readonly account: MemoryAccount;
  readonly memory: BlockMemory;
  /** Up to here no text of one segment, nor what it brings with it out of a hole, can make memory scarce. */
  #easyBytes = 0;
  /** The largest receive buffer of any connection. */
  #largestBytes = 0;

  /** `account`: unbounded when absent. */
  constructor(config: TcpConfig, account: MemoryAccount = new MemoryAccount(Infinity)) {
    const memory = new BlockMemory(account);
    this.account = account;
    this.memory = memory;
    this.expectBuffer(config.receiveBufferBytes);
    this.sendRings = new RingPool(memory, config.sendBufferBytes);
    this.receiveRings = new RingPool(memory, config.receiveBufferBytes);
  }

  /** Whether memory need not be asked for before text is taken. */
  get isEasy(): boolean {
    return this.account.usedBytes <= this.#easyBytes;
  }

  /** A connection may hold so much that has arrived, where the host's others hold less. */
  expectBuffer(receiveBufferBytes: number): void {
    if (receiveBufferBytes <= this.#largestBytes) return;
    this.#largestBytes = receiveBufferBytes;
    this.#easyBytes = this.account.scarceBytes - LARGEST_STEP * receiveBufferBytes;
  }

  takeBoard(): Scoreboard {
    return this.#freeBoards.pop() ?? new Scoreboard();
  }

  /** Charges what a board that is lent out holds now. */
  chargeBoard(board: Scoreboard): void {
    const bytes = board.count === 0 ? 0 : BOARD_BYTES + board.count * RECORD_BYTES;
    this.account.usedBytes += bytes - board.chargedBytes;
    board.chargedBytes = bytes;
  }

  giveBoard(board: Scoreboard): void {
    board.clear();
    this.chargeBoard(board);
    if (this.#freeBoards.length < MOST_FREE) this.#freeBoards.push(board);
  }
}
