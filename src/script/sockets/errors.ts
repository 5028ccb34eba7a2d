/**
 * Errors: which error number a connection's end means to who has its socket.
 *
 * Owns: the names of errors by the reason of the end. Must not know: calls, numbers.
 */
import type { CloseReason } from "../../tcp/events.ts";
import type { SystemHabits } from "../../tcp/profile.ts";

/** What was known of a connection when it ended. */
export interface EndOfConnection {
  readonly reason: CloseReason;
  /** It had been established. */
  readonly wasOpen: boolean;
  /** The peer had sent FIN, and we had not. */
  readonly wasCloseWait: boolean;
  /** What ICMP had said of it, null without. */
  readonly soft: string | null;
  readonly system: SystemHabits;
}

/** The error that waits on the socket; null where the end was in order. */
export function errorOfEnd({ reason, wasOpen, wasCloseWait, soft, system }: EndOfConnection): string | null {
  switch (reason) {
    case "normal":
      return null;
    case "reset-by-peer":
      if (!wasOpen) return "ECONNREFUSED";
      // Linux: who has only its own half left has been told all there was to read.
      return wasCloseWait && system === "linux" ? "EPIPE" : "ECONNRESET";
    case "refused":
      return soft ?? (wasOpen ? "ECONNRESET" : "ECONNREFUSED");
    case "timeout":
      return soft ?? "ETIMEDOUT";
    case "reset-by-us":
      return "ECONNABORTED";
  }
}
