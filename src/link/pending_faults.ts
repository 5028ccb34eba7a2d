/**
 * PendingFaults: the one-shot faults that wait for their segment.
 *
 * Owns: which of them is next, and how many still have to pass. Must not know: what is done to the frame then.
 */
import { isMeant, type OnceFault } from "./fault_once.ts";
import { segmentIn } from "./frame_segment.ts";

/** Local choice: more than a person sets up by hand, few enough to ask each frame. */
const MOST_PENDING = 16;

/** A fault that waits. */
interface PendingFault {
  readonly fault: OnceFault;
  /** How many segments that it means are still to come, its own included. */
  left: number;
}

/** One-shot faults in the order in which they were asked for; one frame suffers one of them at most. */
export class PendingFaults {
  #pending: PendingFault[] = [];

  /** How many wait. */
  get count(): number {
    return this.#pending.length;
  }

  /** As they were written, the oldest first. */
  get texts(): readonly string[] {
    return this.#pending.map(({ fault }) => fault.text);
  }

  /** Whether one of them may mean a frame of this direction. */
  waitsFor(direction: "in" | "out"): boolean {
    for (const { fault } of this.#pending) {
      if (fault.direction === direction || fault.direction === "either") return true;
    }
    return false;
  }

  /** Adds one. Throws an Error, one line, where too many wait already. */
  add(fault: OnceFault): void {
    if (this.#pending.length >= MOST_PENDING) {
      throw new Error(`${MOST_PENDING} one-shot faults wait already: clear them, or let them happen first`);
    }
    this.#pending.push({ fault, left: fault.nth });
  }

  /** The fault that this frame suffers, which does not wait any more then; null for none. */
  take(direction: "in" | "out", frame: Uint8Array, length: number): OnceFault | null {
    if (!this.waitsFor(direction)) return null;
    const found = segmentIn(frame, length);
    if (found === null) return null;
    let taken: PendingFault | null = null;
    for (const pending of this.#pending) {
      const { fault } = pending;
      if (fault.direction !== "either" && fault.direction !== direction) continue;
      if (!isMeant(fault, found.segment)) continue;
      // Each counts for itself; two that are due at once hit two segments, one after the other.
      if (pending.left > 1) pending.left--;
      else taken ??= pending;
    }
    if (taken === null) return null;
    this.#pending = this.#pending.filter((pending) => pending !== taken);
    return taken.fault;
  }

  /** Forgets them all. */
  clear(): void {
    this.#pending = [];
  }
}
