/**
 * Epoll: which of many descriptors are ready, by level or by edge (`EPOLLET`), once (`EPOLLONESHOT`) or always.
 *
 * Owns: what is watched, and what has been told of it. Must not know: calls, sockets.
 */
import { type Descriptor, READY } from "./descriptor.ts";

/** Bound on watched descriptors; a process has no more. */
const MOST_WATCHED = 1024;
/** Told whether anybody asked or not. */
const ALWAYS = READY.ERROR | READY.HANG_UP;

/** How a descriptor is watched. */
export interface Interest {
  /** {@link READY}. */
  readonly events: number;
  readonly isEdge: boolean;
  readonly isOneShot: boolean;
  /** What the caller wants told with it (`fd`, `ptr`). */
  readonly data: number;
}

/** A descriptor that is ready. */
export interface ReadyDescriptor {
  readonly events: number;
  readonly data: number;
}

interface Watched {
  readonly descriptor: Descriptor;
  interest: Interest;
  /** Number of wake-ups that have been told; -1: none, so that what holds now is told. */
  told: number;
  isDisarmed: boolean;
}

/** See the file's comment. */
export class Epoll implements Descriptor {
  isNonBlocking = false;
  wakeups = 0;
  readonly #watched = new Map<number, Watched>();

  /** Watches a descriptor; false where it is watched already. */
  add(number: number, descriptor: Descriptor, interest: Interest): boolean {
    if (this.#watched.has(number) || this.#watched.size >= MOST_WATCHED) return false;
    this.#watched.set(number, { descriptor, interest, told: -1, isDisarmed: false });
    return true;
  }

  /** Watches it otherwise; false where it is not watched. */
  modify(number: number, interest: Interest): boolean {
    const watched = this.#watched.get(number);
    if (watched === undefined) return false;
    watched.interest = interest;
    watched.told = -1;
    watched.isDisarmed = false;
    return true;
  }

  /** Watches it no more; false where it was not watched. */
  remove(number: number): boolean {
    return this.#watched.delete(number);
  }

  /** Up to `most` that are ready, each told as its interest says. */
  take(most: number): ReadyDescriptor[] {
    const ready: ReadyDescriptor[] = [];
    for (const watched of this.#watched.values()) {
      if (ready.length >= most) break;
      const events = eventsOf(watched);
      if (events === 0) continue;
      ready.push({ events, data: watched.interest.data });
      watched.told = watched.descriptor.wakeups;
      watched.isDisarmed = watched.interest.isOneShot;
    }
    return ready;
  }

  get readiness(): number {
    for (const watched of this.#watched.values()) if (eventsOf(watched) !== 0) return READY.IN;
    return 0;
  }

  look(): void {}

  close(): null {
    this.#watched.clear();
    return null;
  }
}

function eventsOf({ descriptor, interest, told, isDisarmed }: Watched): number {
  if (isDisarmed || (interest.isEdge && told === descriptor.wakeups)) return 0;
  return descriptor.readiness & (interest.events | ALWAYS);
}
