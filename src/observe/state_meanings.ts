/**
 * What each state means, in a sentence of our own (RFC 9293 §3.3.2).
 *
 * Owns: the sentences. Must not know: how a state is left or reached (tcp/transitions.ts).
 */
import type { TcpState } from "../tcp/state.ts";

/** A sentence for every state. */
export const STATE_MEANINGS: Readonly<Record<TcpState, string>> = {
  LISTEN: "a port is open, and waits for a SYN from anybody",
  SYN_SENT: "our SYN is out; the answer, a SYN of the other side, has not come yet",
  SYN_RCVD: "both SYNs are on their way; what is missing is the ACK of ours",
  ESTABLISHED: "both directions are open: what arrives in order is handed to the application",
  FIN_WAIT_1: "our side has closed first: our FIN is out, and not acknowledged yet",
  FIN_WAIT_2: "our FIN is acknowledged; the other side may go on sending until its own FIN",
  CLOSE_WAIT: "the other side's FIN has come; our application has not closed yet, and may go on sending",
  CLOSING: "both sides closed at once: both FINs have crossed, and ours is not acknowledged yet",
  LAST_ACK: "both sides have closed, the other one first; what is missing is the ACK of our FIN",
  TIME_WAIT: "all is done; stays for 2 MSL so that our last ACK can be sent again, and old segments die out",
  CLOSED: "there is no connection: not yet, or no more",
};
