/**
 * Which comment goes to which frame: nothing is compared, and nothing guessed.
 *
 * Owns: comments that wait for the frame of the segment that they name, those that no frame will carry, and the numbers of
 * the frames that are recorded. Must not know: bytes of frames, what a comment says.
 *
 * - A frame that is sent brings the number of its segment (`label` in link/link.ts), also when it had to wait for ARP; the
 *   events that name this segment (a change of state by a user or a deadline, a retransmission) were told before.
 * - A frame that came is in hand from `received` to `receivedDone` (link/tap.ts); what is told in between as caused by a
 *   segment, or as dropped, is about it.
 * - A listener that opens has no frame: that is said on the first one that leads out of its LISTEN. What else has none,
 *   because the connection is gone (the end of TIME_WAIT), stands at the end of the file.
 */
import { connectionEnds } from "./connection_ends.ts";

/** What is said about a frame. */
export interface FrameComment {
  readonly text: string;
  /** Number of the segment that the frame repeats. */
  readonly repeats?: number;
}

interface WaitingComment extends FrameComment {
  readonly connection: string;
}

/** Segments and listeners whose comments wait, at most, each; local choice: more than ever wait for ARP at once. */
const MAX_WAITING = 256;
/** Sent frames whose number is remembered; local choice: full windows of segments that go out meanwhile, and more. */
const REMEMBERED_FRAMES = 0x4000;

/** Comments that came before their frame, and those that have none. */
export class WaitingComments {
  /** By number of the segment, oldest first. */
  readonly #segments = new Map<number, WaitingComment[]>();
  /** By local end. */
  readonly #openings = new Map<string, WaitingComment>();
  readonly #frameless: string[] = [];

  /** Keeps one for the frame of this segment, which is to be sent. */
  add(segment: number, comment: WaitingComment): void {
    const waiting = this.#segments.get(segment);
    if (waiting !== undefined) {
      waiting.push(comment);
      return;
    }
    for (const [oldest, comments] of this.#segments) {
      if (this.#segments.size < MAX_WAITING) break;
      this.#segments.delete(oldest);
      comments.forEach(this.#leave);
    }
    this.#segments.set(segment, [comment]);
  }

  /** What `segment` carries is sent by `instead`, and if it has not been sent by now it never will be. */
  move(segment: number, instead: number): void {
    const comments = this.#segments.get(segment);
    if (comments === undefined) return;
    this.#segments.delete(segment);
    for (const comment of comments) this.add(instead, comment);
  }

  /** Takes out those that wait for the frame of this segment. */
  take(segment: number): readonly FrameComment[] {
    if (this.#segments.size === 0) return NONE;
    const comments = this.#segments.get(segment);
    if (comments === undefined) return NONE;
    this.#segments.delete(segment);
    return comments;
  }

  /** A listener has opened. */
  addOpening(comment: WaitingComment): void {
    if (this.#openings.size >= MAX_WAITING) this.#leave(comment);
    else this.#openings.set(connectionEnds(comment.connection).local, comment);
  }

  /** Takes out what is told of the opening of the listener that `connection` comes from. */
  takeOpening(connection: string): FrameComment | null {
    const { local } = connectionEnds(connection);
    // The one of all addresses has none.
    for (const end of [local, `*${local.slice(local.lastIndexOf(":"))}`]) {
      const opening = this.#openings.get(end);
      if (opening === undefined) continue;
      this.#openings.delete(end);
      return { text: `before this frame: ${opening.text}` };
    }
    return null;
  }

  /** No frame will carry it. */
  addFrameless(comment: WaitingComment): void {
    this.#leave(comment);
  }

  /** Takes out those that are about no frame at all, each with its connection. */
  takeFrameless(): string[] {
    return this.#frameless.splice(0);
  }

  /** Takes out all that found no frame, each with its connection. */
  takeAll(): string[] {
    for (const comments of this.#segments.values()) comments.forEach(this.#leave);
    this.#segments.clear();
    this.#openings.forEach(this.#leave);
    this.#openings.clear();
    return this.takeFrameless();
  }

  readonly #leave = ({ connection, text }: WaitingComment) => {
    if (this.#frameless.length === MAX_WAITING) this.#frameless.shift();
    this.#frameless.push(`${connection}: ${text}`);
  };
}

const NONE: readonly FrameComment[] = [];

/** Which frame of the running file carries which segment of those that were sent of late. */
export class SentFrames {
  // Numbers of segments go beyond 32 bits.
  readonly #segments = new Float64Array(REMEMBERED_FRAMES);
  readonly #frames = new Float64Array(REMEMBERED_FRAMES);

  /** Frame `frame` carries segment `segment`. */
  note(segment: number, frame: number): void {
    const at = segment % REMEMBERED_FRAMES;
    this.#segments[at] = segment;
    this.#frames[at] = frame;
  }

  /** What tells a reader where segment `segment` is. */
  words(segment: number): string {
    const at = segment % REMEMBERED_FRAMES;
    return this.#segments[at] === segment
      ? `frame ${this.#frames[at]}, segment ${segment}`
      : `segment ${segment}`;
  }

  /** Another file begins. */
  clear(): void {
    this.#segments.fill(0);
  }
}
