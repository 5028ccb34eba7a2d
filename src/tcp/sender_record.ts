/**
 * SenderRecord: the variables of a connection that has sent data or FIN, kept apart from the TCB so that a connection
 * at rest since its handshake stays small.
 *
 * Owns: fields of congestion control, recovery, RACK and tail loss probes. Must not know: procedures, how packed fields
 * are stored (packed_fields.ts).
 */
import { defineNumbers, defineSwitches, initialBits, initialRow } from "./packed_fields.ts";

/** Its numbers; those that every acknowledgment touches come first. */
export interface SenderNumbers {
  // RACK-TLP, RFC 8985
  rackOrder: number;
  rackRttUs: number;
  tlpEnd: number;
  undoRetransmits: number;
  // HyStart++, RFC 9406
  hystartRoundEnd: number;
  hystartLastMinRttUs: number;
  hystartMinRttUs: number;
  hystartSamples: number;
  hystartCssRounds: number;
  hystartBaselineUs: number;
  // CUBIC, RFC 9438
  cubicWMax: number;
  cubicK: number;
  cubicEpochUs: number;
  cubicWEst: number;
  cubicCwndPrior: number;
  // PRR, RFC 6937
  prrDelivered: number;
  prrOut: number;
  prrRecoverFs: number;
  // Undo of a spurious reduction
  undoCwnd: number;
  undoSsthresh: number;
  undoSeq: number;
  /** What has been sent again since: only duplicates of that count. */
  undoLeft: number;
  undoRight: number;
  undoStampUs: number;
  rackReorderSteps: number;
  /** Recoveries until the window is narrow again. */
  rackReorderPersist: number;
  rackDsackRound: number;
}

const NUMBERS: Readonly<Record<keyof SenderNumbers, number>> = {
  rackOrder: 0,
  rackRttUs: 0,
  tlpEnd: -1,
  undoRetransmits: -1,
  hystartRoundEnd: 0,
  hystartLastMinRttUs: Infinity,
  hystartMinRttUs: Infinity,
  hystartSamples: 0,
  hystartCssRounds: 0,
  hystartBaselineUs: Infinity,
  cubicWMax: 0,
  cubicK: 0,
  cubicEpochUs: 0,
  cubicWEst: 0,
  cubicCwndPrior: 0,
  prrDelivered: 0,
  prrOut: 0,
  prrRecoverFs: 0,
  undoCwnd: 0,
  undoSsthresh: 0,
  undoSeq: 0,
  undoLeft: 0,
  undoRight: 0,
  undoStampUs: 0,
  rackReorderSteps: 1,
  rackReorderPersist: 0,
  rackDsackRound: -1,
};

/** Its switches. */
export interface SenderSwitches {
  undoIsTimeout: boolean;
  rackReorderSeen: boolean;
  tlpIsRetransmit: boolean;
}

const SWITCHES: Readonly<Record<keyof SenderSwitches, boolean>> = {
  undoIsTimeout: false,
  rackReorderSeen: false,
  tlpIsRetransmit: false,
};

const INITIAL_ROW = initialRow(NUMBERS);
const INITIAL_BITS = initialBits(SWITCHES);

/** Of fixed shape, one per sending connection. */
export interface SenderRecord extends SenderNumbers, SenderSwitches {}

/** Of fixed shape, one per sending connection. */
export class SenderRecord {
  /** Where {@link SenderNumbers} are; only their properties go there. */
  readonly row: number[] = INITIAL_ROW.slice();
  bits = INITIAL_BITS;
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
