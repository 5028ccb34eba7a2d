/**
 * SenderRecord: the variables of a connection that has sent data or FIN, kept apart from the TCB so that a connection
 * at rest since its handshake stays small.
 *
 * Owns: fields of congestion control, recovery, RACK and tail loss probes. Must not know: procedures.
 */

/** Of fixed shape, one per sending connection. */
export class SenderRecord {
  // PRR, RFC 6937
  prrDelivered = 0;
  prrOut = 0;
  prrRecoverFs = 0;
  // Undo of a spurious reduction
  undoCwnd = 0;
  undoSsthresh = 0;
  undoSeq = 0;
  undoRetransmits = -1;
  /** What has been sent again since: only duplicates of that count. */
  undoLeft = 0;
  undoRight = 0;
  undoStampUs = 0;
  undoIsTimeout = false;
  // CUBIC, RFC 9438
  cubicWMax = 0;
  cubicK = 0;
  cubicEpochUs = 0;
  cubicWEst = 0;
  cubicCwndPrior = 0;
  // HyStart++, RFC 9406
  hystartRoundEnd = 0;
  hystartLastMinRttUs = Infinity;
  hystartMinRttUs = Infinity;
  hystartSamples = 0;
  hystartCssRounds = 0;
  hystartBaselineUs = Infinity;
  // RACK-TLP, RFC 8985
  rackOrder = 0;
  rackRttUs = 0;
  rackReorderSeen = false;
  rackReorderSteps = 1;
  /** Recoveries until the window is narrow again. */
  rackReorderPersist = 0;
  rackDsackRound = -1;
  tlpEnd = -1;
  tlpIsRetransmit = false;
}

/** Stands for the record of a connection that has sent nothing yet; only read. */
export const NO_SENDER: SenderRecord = Object.freeze(new SenderRecord());
