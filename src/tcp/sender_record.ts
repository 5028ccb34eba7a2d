/**
 * SenderRecord: the variables of a connection that has sent data or FIN, kept apart from the TCB so that a connection
 * at rest since its handshake stays small.
 *
 * Owns: fields of congestion control, recovery, RACK and tail loss probes. Must not know: procedures, how packed fields
 * are stored (fast/packed_fields.ts).
 */
import {
  defineNumbers,
  defineSwitches,
  initialBits,
  initialRow,
  type PackedNumbers,
  type PackedSwitches,
} from "./fast/packed_fields.ts";
import { NO_PIECES, type PieceEnd } from "./piece_end.ts";

/** Its numbers; those that every acknowledgment touches come first. */
const NUMBERS = {
  // RACK-TLP, RFC 8985
  rackOrder: 0,
  rackRttUs: 0,
  /** When the next piece in flight counts as lost (RFC 8985 §6.2 step 5); Infinity when none is near. */
  reorderDueUs: Infinity,
  tlpEnd: -1,
  /** End of the last segment that was sent without being full (J. Minshall's variant of Nagle's algorithm). */
  smallEnd: 0,
  /** Until when the path counts as narrow as ICMP has said (RFC 1191 §6.3). */
  pathMtuUntilUs: Infinity,
  undoRetransmits: -1,
  /** The most in flight since what is acknowledged passed the mark (RFC 7661 §4.1), and the mark. */
  mostFlight: 0,
  flightEnd: 0,
  // HyStart++, RFC 9406
  hystartRoundEnd: 0,
  hystartLastMinRttUs: Infinity,
  hystartMinRttUs: Infinity,
  hystartSamples: 0,
  hystartCssRounds: 0,
  hystartBaselineUs: Infinity,
  // CUBIC, RFC 9438
  cubicWMax: 0,
  cubicK: 0,
  cubicEpochUs: 0,
  cubicWEst: 0,
  cubicCwndPrior: 0,
  /** Segments that have arrived, those of our SYN and what came twice among them; how far out of order any did, and dupthresh. */
  deliveredSegments: 0,
  reordering: 3,
  /** Where the piece begins that a write goes on with, and how far what was written has been pushed (written_pieces.ts). */
  tailStart: 0,
  pushedTo: 0,
  // Of whole segments (cubic_segments.ts)
  cubicCount: 0,
  cubicAcked: 0,
  cubicLastCwnd: 0,
  cubicUpdatedUs: 0,
  hystartRoundUs: 0,
  hystartTrainUs: 0,
  /** Where what left while the congestion window was full, or was not, ends (recovery.ts). */
  usageEnd: 0,
  // PRR, RFC 6937
  prrDelivered: 0,
  prrOut: 0,
  prrRecoverFs: 0,
  // Undo of a spurious reduction
  undoCwnd: 0,
  undoSsthresh: 0,
  undoSeq: 0,
  /** What has been sent again since: only duplicates of that count. */
  undoLeft: 0,
  undoRight: 0,
  /** TSval of the first of these, -1 before one has left. */
  undoStamp: -1,
  rackReorderSteps: 1,
  /** Recoveries until the window is narrow again. */
  rackReorderPersist: 0,
  /** The reordering window has grown for the round that ends here; -1 before it ever has. */
  rackDsackRound: -1,
};

/** Its switches. */
const SWITCHES = {
  /** A time-out has not sent the earliest segment again yet. */
  earliestIsDue: false,
  /** Recovery is from the path's MTU (RFC 1191), not from a time-out. */
  isPathRepair: false,
  rackReorderSeen: false,
  usageIsFull: false,
  /** The write in hand goes on behind what is queued: its end is no end (written_pieces.ts). */
  writeGoesOn: false,
  hystartFound: false,
  tlpIsRetransmit: false,
};

const INITIAL_ROW = initialRow(NUMBERS);
const INITIAL_BITS: number = initialBits(SWITCHES);

/** Of fixed shape, one per sending connection. */
export interface SenderRecord extends PackedNumbers<typeof NUMBERS>, PackedSwitches<typeof SWITCHES> {}

/** Of fixed shape, one per sending connection. */
export class SenderRecord {
  /** Where the numbers are; only their properties go there. */
  readonly row: number[] = INITIAL_ROW.slice();
  bits = INITIAL_BITS;
  /** Where what is written is cut (written_pieces.ts). */
  pieceEnds: PieceEnd[] = NO_PIECES;
}

defineNumbers(SenderRecord.prototype, NUMBERS);
defineSwitches(SenderRecord.prototype, SWITCHES);

/**
 * Stands for the record of a connection that has sent nothing yet; only read. Not frozen: that would be another kind of
 * row, and every access to a row would have to tell the two apart.
 */
export const NO_SENDER: SenderRecord = new SenderRecord();

/** Whether {@link NO_SENDER} is as it was made: a test asks after everything that it has driven. */
export function isNoSenderUntouched(): boolean {
  return NO_SENDER.bits === INITIAL_BITS &&
    NO_SENDER.row.every((value, place) => value === INITIAL_ROW[place]);
}
