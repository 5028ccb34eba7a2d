/**
 * The states of one end, made of what is known about it (end_facts.ts). The only moves are rows of the transition table.
 *
 * Owns: which facts make which move, and how sure each state is. Must not know: segments.
 *
 * The states are those that can be seen on the wire: who was told to close and has not sent its FIN has not closed yet.
 * CLOSED after TIME_WAIT is a time, not a segment: the path ends with TIME_WAIT.
 */
import type { TcpState } from "../tcp/state.ts";
import { endingRow, transitionById, type TransitionId } from "../tcp/transitions.ts";
import type { EndFacts, Sighting } from "./end_facts.ts";

/**
 * How sure a state is. `proven`: a segment of this end shows that it has been in it; `implied`: it is what follows from
 * what passed towards this end, if that arrived; `unknown`: no SYN was seen, so the state is a guess from the middle.
 */
export type Grade = "proven" | "implied" | "unknown";

/** One state of a path. */
export interface StateStep {
  readonly state: TcpState;
  /** Number of the segment with which it was entered, as far as can be seen. */
  readonly number: number;
  readonly time: number;
  readonly grade: Grade;
  /** Number of the segment that proves it; null where none does. */
  readonly provenBy: number | null;
  /** The row of the transition table by which it was entered; null for the first state. */
  readonly row: TransitionId | null;
}

/** A move: where it was made, and what proves it. */
interface Move {
  readonly at: Sighting;
  readonly proof?: Sighting | null;
}

class PathBuilder {
  readonly steps: StateStep[] = [];

  get state(): TcpState | null {
    return this.steps.at(-1)?.state ?? null;
  }

  begin(state: TcpState, grade: Grade, at: Sighting): void {
    const provenBy = grade === "proven" ? at.number : null;
    this.steps.push({ state, number: at.number, time: at.time, grade, provenBy, row: null });
  }

  move(id: TransitionId, { at, proof = null }: Move): void {
    const row = transitionById(id);
    if (row.from !== this.state) throw new Error(`Row ${id} does not begin in ${this.state}: a defect`);
    this.steps.push({
      state: row.to,
      number: at.number,
      time: at.time,
      grade: proof === null ? "implied" : "proven",
      provenBy: proof?.number ?? null,
      row: id,
    });
  }
}

/** The path that follows from these facts; empty where nothing shows a state. */
export function pathOf(facts: EndFacts): readonly StateStep[] {
  const path = new PathBuilder();
  open(path, facts);
  if (path.state === "ESTABLISHED" || path.state === "SYN_RCVD") close(path, facts);
  end(path, facts);
  return path.steps;
}

function open(path: PathBuilder, facts: EndFacts): void {
  const { syn, synAck, peerSyn, peerBareSyn, opened, openable, reset, first } = facts;
  if (syn !== null) {
    path.begin("SYN_SENT", "proven", syn);
    if (synAck !== null) path.move("syn-sent.syn", { at: synAck, proof: synAck });
    else if (peerBareSyn !== null) path.move("syn-sent.syn", { at: peerBareSyn });
  } else if (synAck !== null) {
    // Its own SYN may have been lost before it came here: then it was a simultaneous open, and never in LISTEN.
    path.begin("LISTEN", "implied", synAck);
    path.move("listen.syn", { at: synAck, proof: synAck });
  } else if (reset?.isRefusal) {
    path.begin("CLOSED", "proven", reset);
  } else if (opened !== null && peerSyn !== null) {
    path.begin("SYN_SENT", "implied", peerSyn);
  } else if (first !== null && peerSyn === null && reset?.number === first.number && reset.ack < 0) {
    // It rejects an ACK: it knows of no connection.
    path.begin("CLOSED", "unknown", first);
  } else if (first !== null && peerSyn === null) {
    // What passed towards it may be what is known first.
    path.begin(
      "ESTABLISHED",
      "unknown",
      facts.peerFin === null ? first : earlier(first, facts.peerFin) ?? first,
    );
  }
  if (path.state !== "SYN_SENT" && path.state !== "SYN_RCVD") return;
  const at = earlier(openable, opened);
  if (at === null) return;
  // Who closes before its SYN is acknowledged goes past ESTABLISHED (RFC 9293 §3.10.4).
  const closesFirst = path.state === "SYN_RCVD" && opened === null && facts.fin !== null &&
    (openable === null || openable.number > facts.fin.number);
  if (closesFirst) return;
  // A bare ACK that passes towards who has sent a SYN, and had none, opens nothing (§3.10.7.3).
  if (path.state === "SYN_SENT" && peerSyn === null && opened === null) return;
  path.move(path.state === "SYN_SENT" ? "syn-sent.syn-ack" : "syn-rcvd.ack", {
    at,
    proof: syn === null && synAck === null ? null : opened,
  });
}

function earlier(one: Sighting | null, other: Sighting | null): Sighting | null {
  if (one === null || other === null) return one ?? other;
  return one.number <= other.number ? one : other;
}

function close(path: PathBuilder, facts: EndFacts): void {
  const { fin, finAcked, peerFin, peerFinAgain, closeWaitProof } = facts;
  const isOpen = path.state === "ESTABLISHED";
  // A first FIN that acknowledges the other's may be the second one, and the first lost before it came here: then nothing
  // but a bare ACK from between the two FINs tells what came first.
  const heardFirst = peerFin !== null && (fin === null || fin.ack > peerFin.at);
  if (isOpen && heardFirst) {
    path.move("established.fin", { at: peerFinAgain ?? peerFin, proof: closeWaitProof });
    if (fin === null) return;
    path.move("close-wait.close", { at: fin, proof: closeWaitProof === null ? null : fin });
    if (finAcked !== null) path.move("last-ack.ack", { at: finAcked });
    return;
  }
  if (fin === null) return;
  // Without the SYN, and without the other's FIN, nothing says that the other has not closed long ago.
  const saysSo = peerFin === null ? path.steps[0].grade !== "unknown" : fin.ack <= peerFin.at;
  path.move(isOpen ? "established.close" : "syn-rcvd.close", { at: fin, proof: saysSo ? fin : null });
  finish(path, facts);
}

/** After its FIN: what comes first, the acknowledgment of it or the other's FIN. */
function finish(path: PathBuilder, facts: EndFacts): void {
  const { finAcked, finAckedProof, peerFin, peerFinAgain, peerFinAcked, peerFinCameFirst } = facts;
  if (peerFin === null) {
    if (finAcked !== null) path.move("fin-wait-1.ack", { at: finAcked, proof: finAckedProof });
    return;
  }
  const isProvenSimultaneous = peerFinAcked !== null && peerFinCameFirst;
  // Of several FINs the last one is the likely one to have arrived: those before it were answered by nothing.
  const arrived = peerFinAgain ?? peerFin;
  const ackCameFirst = finAcked !== null && (finAckedProof !== null || finAcked.number <= arrived.number);
  if (!isProvenSimultaneous && ackCameFirst) {
    path.move("fin-wait-1.ack", { at: finAcked, proof: finAckedProof });
    const shows = finAckedProof !== null && peerFinAcked !== null &&
      finAckedProof.number <= peerFinAcked.number;
    path.move("fin-wait-2.fin", { at: later(arrived, finAcked), proof: shows ? peerFinAcked : null });
    return;
  }
  path.move("fin-wait-1.fin", { at: arrived, proof: isProvenSimultaneous ? peerFinAcked : null });
  if (finAcked !== null) path.move("closing.ack", { at: later(finAcked, arrived) });
}

function later(one: Sighting, other: Sighting): Sighting {
  return one.number >= other.number ? one : other;
}

/** A reset, sent or received; what was seen after it was too late. */
function end(path: PathBuilder, { reset, peerReset }: EndFacts): void {
  const { state } = path;
  if (state === null || state === "CLOSED" || state === "LISTEN") return;
  if (reset !== null) {
    path.move(rowOfOwnReset(state), { at: reset, proof: reset.isSure ? reset : null });
  } else if (peerReset !== null) {
    const last = path.steps.at(-1);
    if (last?.provenBy !== null && last !== undefined && last.provenBy > peerReset.number) return;
    path.move(rowOfPeerReset(state, path.steps[0].state === "LISTEN"), { at: peerReset });
  }
}

function rowOfOwnReset(state: TcpState): TransitionId {
  // Nobody sends a RST in TIME_WAIT: when one comes, the time was over and there was no connection any more.
  if (state === "TIME_WAIT") return "time-wait.timeout";
  return state === "SYN_SENT" ? "syn-sent.close" : endingRow(state, "abort");
}

function rowOfPeerReset(state: TcpState, wasListening: boolean): TransitionId {
  if (state === "SYN_RCVD") return wasListening ? "syn-rcvd.rst.passive" : "syn-rcvd.rst.active";
  return endingRow(state, "rst");
}
