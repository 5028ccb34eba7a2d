/**
 * What a descriptor stands for, and how ready it is.
 *
 * Owns: the interface that poll and epoll look at. Must not know: sockets, calls.
 */

/** Conditions that poll and epoll ask for; their numbers are those of `poll(2)` on Linux, where epoll has the same. */
export const READY = {
  IN: 0x1,
  PRIORITY: 0x2,
  OUT: 0x4,
  ERROR: 0x8,
  HANG_UP: 0x10,
  READ_HANG_UP: 0x2000,
} as const;

/** What an open descriptor is. */
export interface Descriptor {
  /** `O_NONBLOCK`. */
  isNonBlocking: boolean;
  /** Conditions that hold now ({@link READY}). */
  readonly readiness: number;
  /** Counts what has happened that wakes those who wait: an edge (`EPOLLET`) is a number that is another than before. */
  readonly wakeups: number;
  /** Looks for what has changed since the last time; called after every frame, deadline and call. */
  look(): void;
  /** The descriptor is closed. Null when that is done; else whether it is by now, to be asked again. */
  close(): (() => boolean) | null;
}
