/**
 * Neighbor: a station on our link by way of which packets go, and what is known of it.
 *
 * Owns: the record. Must not know: who changes it (neighbor_cache.ts), or which protocol tells hardware addresses.
 */

/** RFC 4861 §7.3.2; an entry that nobody asks for and nobody answered is INCOMPLETE too. */
export type NeighborState = "INCOMPLETE" | "REACHABLE" | "STALE" | "DELAY" | "PROBE";

/** Who has a frame wait; told when nobody answers. Of no other meaning here. */
export type FrameHolder = object;

/** A frame that waits for a hardware address. */
export interface WaitingFrame {
  readonly bytes: Uint8Array;
  /** As `FrameLink.send` has them. */
  readonly cutBytes: number;
  readonly label: number;
}

const UNSPECIFIED: Uint8Array = new Uint8Array(0);

/** One neighbor. Connections refer to it, so that whatever moves it moves them all. */
export class Neighbor {
  // What every segment touches comes first.
  /** Where frames go; null while nobody knows. The array is never changed, only replaced. */
  mac: Uint8Array | null;
  /** Until then nothing has to be asked: the forward path was seen to work (RFC 4861 §7.3.1). */
  reachableUntilUs = -Infinity;
  state: NeighborState;
  /** Its IP address; null for a station known by its frames alone, whom nobody can ask for. */
  readonly address: Uint8Array | null;
  /** Whom questions are from: one of our addresses. */
  source: Uint8Array = UNSPECIFIED;
  /** Connections that go by way of it. */
  users = 0;
  /** Whether the cache has it. */
  isListed = false;
  /** Whether it has said that it is a router (RFC 4861 §5.1: IsRouter). */
  isRouter = false;
  /** When its owner last said that the hardware address is right. */
  heardUs = -Infinity;
  /** Questions without an answer so far, and when the next one, or the end of DELAY, is due. */
  requests = 0;
  dueUs = Infinity;
  /** When it was last doubted. */
  doubtedUs = -Infinity;
  /** When a person was last told that it had moved. */
  toldUs = -Infinity;
  /** The time up to which its questions have been answered; ahead of now by a burst at most (answer_limit.ts). */
  answeredUs = -Infinity;
  /** Who waits to hear that it has answered, or that nobody does. */
  waiting: Set<FrameHolder> | null = null;
  /** The frames of some of them, oldest first, and their bytes. */
  frames: Map<FrameHolder, WaitingFrame> | null = null;
  frameBytes = 0;

  constructor(address: Uint8Array | null, mac: Uint8Array | null) {
    this.address = address;
    this.mac = mac;
    this.state = mac === null ? "INCOMPLETE" : "STALE";
  }
}

/** What a connection has before it knows its way. */
export const NOWHERE: Neighbor = new Neighbor(null, null);
