/**
 * SYN and FIN in one segment: what scans send, and no stack of itself.
 *
 * Owns: whether such a segment is looked at. Must not know: what RFC 9293 makes of one that is.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { TcpConfig } from "./config.ts";
import type { MachineContext } from "./context.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, FIN } = FLAG;

/** SYN and FIN in one segment, which no stack sends of itself, where such are not taken. */
export function isScan(
  { synFin }: Pick<TcpConfig, "synFin">,
  { flags }: TcpSegment,
  isListening = false,
): boolean {
  if ((flags & (SYN | FIN)) !== (SYN | FIN)) return false;
  return synFin === "drop" || (isListening && synFin === "drop-in-listen");
}

/** Nothing of it is looked at. `tcb`: null where it belongs to no connection. */
export function dropScan(context: MachineContext, tcb: Tcb | null): void {
  context.apply("arrives.syn-fin");
  context.drop(tcb, "syn-fin");
}
