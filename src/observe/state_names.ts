/**
 * What people call states: the RFC's names, and those of its text, of ss and of netstat.
 *
 * Owns: the spellings. Must not know: who asks for a state (`--only`, `netstat`, `why`).
 */
import { TCP_STATES, type TcpState } from "../tcp/state.ts";

/** Spellings that differ from ours by more than capital letters and `-` for `_`. */
const OTHER_NAMES: ReadonlyMap<string, TcpState> = new Map([
  ["SYN_RECEIVED", "SYN_RCVD"],
  ["SYN_RECV", "SYN_RCVD"],
  ["ESTAB", "ESTABLISHED"],
  ["FIN_WAIT1", "FIN_WAIT_1"],
  ["FIN_WAIT2", "FIN_WAIT_2"],
  ["TIMEWAIT", "TIME_WAIT"],
  ["LISTENING", "LISTEN"],
]);

/** The state that a word names; capital letters do not count, nor `-` for `_`. Null where it names none. */
export function stateNamed(word: string): TcpState | null {
  const name = word.toUpperCase().replaceAll("-", "_");
  return TCP_STATES.find((state) => state === name) ?? OTHER_NAMES.get(name) ?? null;
}
