/**
 * What the arguments of calls that move octets ask for: how much, from which memory, under which flags.
 *
 * Owns: memory that is gathered, and which flags are known. Must not know: sockets, what a read or a write comes to.
 */
import { UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import type { Expression } from "../values.ts";
import { bufferOf, type CallArguments, type CallBuffer } from "./call_arguments.ts";
import { constantOf } from "./constants.ts";
import { MOST_CALL_BYTES, type ReadRequest, type WriteRequest } from "./data_transfer.ts";

/** Flags of receiving calls, besides `MSG_ERRQUEUE` that is a call by itself. */
const RECEIVE_FLAGS: ReadonlySet<string> = new Set([
  "MSG_PEEK",
  "MSG_DONTWAIT",
  "MSG_WAITALL",
  "MSG_TRUNC",
  "MSG_NOSIGNAL",
  "MSG_CMSG_CLOEXEC",
]);

/** Flags of sending calls. */
const SEND_FLAGS: ReadonlySet<string> = new Set([
  "MSG_DONTWAIT",
  "MSG_NOSIGNAL",
  "MSG_MORE",
  "MSG_ZEROCOPY",
  "MSG_OOB",
  "MSG_EOR",
]);

/** Pieces of memory that a segment refers to where they are not copied (Linux: MAX_SKB_FRAGS, CONFIG_MAX_SKB_FRAGS). */
const MOST_PIECES_OF_SEGMENT = 17;

/** Pieces of memory together: how long, and the octets where the script gives any. */
export interface Gathered {
  readonly length: number;
  readonly bytes: Uint8Array | null;
  /** Where a segment has no room for another piece; of use where pieces are not copied. */
  readonly cuts: readonly number[];
  /** One of them is `NULL` and not empty. */
  readonly isBad: boolean;
}

/** What flags say of a read. */
export function receiveRequest(flags: readonly string[], length: number): ReadRequest {
  demandFlags(flags, RECEIVE_FLAGS);
  return {
    length: demandLength(length),
    dontWait: flags.includes("MSG_DONTWAIT"),
    peek: flags.includes("MSG_PEEK"),
    waitAll: flags.includes("MSG_WAITALL"),
  };
}

/** What flags say of a write. */
export function sendRequest(flags: readonly string[], { length, bytes, cuts }: Gathered): WriteRequest {
  demandFlags(flags, SEND_FLAGS);
  return {
    length: demandLength(length),
    bytes,
    dontWait: flags.includes("MSG_DONTWAIT"),
    more: flags.includes("MSG_MORE"),
    zeroCopy: flags.includes("MSG_ZEROCOPY"),
    urgent: flags.includes("MSG_OOB"),
    endsRecord: flags.includes("MSG_EOR"),
    cuts: flags.includes("MSG_ZEROCOPY") ? cuts : [],
  };
}

function demandFlags(flags: readonly string[], known: ReadonlySet<string>): void {
  const unknown = flags.find((flag) => !known.has(flag));
  if (unknown === undefined) return;
  // A flag of other calls is not misspelt.
  const meant = constantOf("linux", unknown) === undefined ? meantText(unknown, known) : "";
  throw new UnsupportedConstruct(`${unknown}${meant}`);
}

function demandLength(length: number): number {
  if (length >= 0 && length <= MOST_CALL_BYTES) return length;
  throw new UnsupportedConstruct(`a call about ${length} octets`);
}

/** One piece. */
export function gatherOne(buffer: CallBuffer, length: number): Gathered {
  const bytes = buffer.kind === "bytes" ? padded(buffer.bytes, demandLength(length)) : null;
  return { length, bytes, cuts: [], isBad: buffer.kind === "null" && length > 0 };
}

/** What memory holds of a string: its octets, then zeros. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const memory = new Uint8Array(length);
  memory.set(bytes.subarray(0, length));
  return memory;
}

/** `[{..., 40}, {"abc", 3}]`. */
export function gather(args: CallArguments, vector: Expression): Gathered {
  if (vector.kind !== "array") throw args.unreadable(vector);
  const pieces = vector.items.map((item) => {
    if (item.kind !== "struct" || item.fields.length !== 2) throw args.unreadable(item);
    const [memory, length] = item.fields;
    return gatherOne(bufferOf(memory.value, args.call.name), args.valueOf(length.value));
  });
  const length = demandLength(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const isBad = pieces.some((piece) => piece.isBad);
  const cuts = cutsBetween(pieces);
  if (pieces.every(({ bytes }) => bytes === null)) return { length, bytes: null, cuts, isBad };
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    if (piece.bytes !== null) bytes.set(piece.bytes, at);
    at += piece.length;
  }
  return { length, bytes, cuts, isBad };
}

function cutsBetween(pieces: readonly Gathered[]): number[] {
  const cuts: number[] = [];
  let end = 0;
  let count = 0;
  for (const { length } of pieces) {
    if (length === 0) continue;
    if (count === MOST_PIECES_OF_SEGMENT) {
      cuts.push(end);
      count = 0;
    }
    end += length;
    count++;
  }
  return cuts;
}
