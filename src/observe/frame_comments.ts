/**
 * Which comment goes to which frame.
 *
 * Owns: comments that wait for their frame, in a bounded list, and the rule by which a frame claims them. Must not
 * know: how frames are stored, or what a comment says.
 */
import { FLAG, flagBits } from "../wire/tcp.ts";
import type { FlagName } from "../wire/tcp.ts";
import type { FrameEnds } from "./frame_ends.ts";
import { connectionEnds } from "./connection_ends.ts";

/** A comment and the frame it is about. */
export interface FrameComment {
  readonly connection: string;
  readonly text: string;
  /**
   * What the frame must be: one sent with these flags, one sent that carries this sequence number, (`next`) just the
   * next one of the connection, either way, or (`none`) no frame at all, since the connection is gone.
   */
  readonly about:
    | { readonly kind: "flags"; readonly flags: readonly FlagName[] }
    | { readonly kind: "seq"; readonly seq: number }
    | { readonly kind: "next" }
    | { readonly kind: "none" };
}

/** A frame as comments see it. */
interface CommentableFrame {
  readonly direction: "in" | "out";
  readonly ends: FrameEnds;
}

/** Flags that make a segment what it is; a send may add PSH, ECE and the like to what the table names. */
const DECISIVE_FLAGS = FLAG.SYN | FLAG.FIN | FLAG.RST;

/** Comments waiting at most; local choice: more than ever wait unless frames are lost on the way to the link. */
const MAX_WAITING = 256;

/** True when `frame` is the one that `comment` is about. */
export function isAbout(comment: FrameComment, frame: CommentableFrame): boolean {
  if (!isOfConnection(comment.connection, frame)) return false;
  const { about } = comment;
  if (about.kind === "next") return true;
  if (about.kind === "none" || frame.direction !== "out") return false;
  if (about.kind === "seq") {
    const offset = (about.seq - frame.ends.seq) >>> 0;
    return offset === 0 || offset < frame.ends.length;
  }
  const wanted = flagBits(about.flags);
  return (frame.ends.flags & wanted) === wanted && ((frame.ends.flags ^ wanted) & DECISIVE_FLAGS) === 0;
}

/** A listener's name has no peer (`*`), and perhaps no address of its own: then the port decides. */
function isOfConnection(connection: string, { direction, ends }: CommentableFrame): boolean {
  const { local, peer } = connectionEnds(connection);
  const [ours, theirs] = direction === "in"
    ? [ends.destination, ends.source]
    : [ends.source, ends.destination];
  const hasPeer = peer !== "" && !peer.includes("*") && !peer.endsWith(":0");
  if (hasPeer) return local === ours && peer === theirs;
  const port = (end: string) => end.slice(end.lastIndexOf(":"));
  const isAnyAddress = /^(\*|0\.0\.0\.0|\[::\])?:/.test(local);
  return isAnyAddress ? port(local) === port(ours) : local === ours;
}

/** Comments that came before their frame, in order, and those that have none. */
export class WaitingComments {
  #waiting: FrameComment[] = [];
  readonly #frameless: string[] = [];

  /** How many wait for a frame. */
  get count(): number {
    return this.#waiting.length;
  }

  /** Adds one; the oldest of its kind gives way when there are too many. */
  add(comment: FrameComment): void {
    if (comment.about.kind === "none") this.#keepFrameless(comment);
    else {
      if (this.#waiting.length === MAX_WAITING) this.#waiting.shift();
      this.#waiting.push(comment);
    }
  }

  /** Takes out the texts that are about this frame. */
  claim(frame: CommentableFrame): string[] {
    const texts: string[] = [];
    this.#waiting = this.#waiting.filter((comment) => {
      const isTaken = isAbout(comment, frame);
      if (isTaken) {
        texts.push(comment.about.kind === "next" ? `before this frame: ${comment.text}` : comment.text);
      }
      return !isTaken;
    });
    return texts;
  }

  /** Takes out those that are about no frame at all, each with its connection. */
  takeFrameless(): string[] {
    return this.#frameless.splice(0);
  }

  /** Takes out all that found no frame, each with its connection. */
  takeAll(): string[] {
    for (const comment of this.#waiting) this.#keepFrameless(comment);
    this.#waiting = [];
    return this.takeFrameless();
  }

  #keepFrameless({ connection, text }: FrameComment): void {
    if (this.#frameless.length === MAX_WAITING) this.#frameless.shift();
    this.#frameless.push(`${connection}: ${text}`);
  }
}
