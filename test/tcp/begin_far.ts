/**
 * Streams that begin far on: a connection that has just been opened is made to have carried so many octets each way already.
 *
 *     TCPLAB_BEGIN_AT=2147480648 deno test -A test/tcp test/fuzz test/sim
 *
 * Owns: that step, and how far. Must not know: what is tested. It is the one place where a test sets fields of a TCB: nobody
 * can wait for 20 GB in each of two thousand tests. On the wire nothing changes by it: positions move on by as much as the
 * numbers of the SYNs, from which they count, move back. What was noted before (RECOVER and the like) stays behind, as it
 * does in a connection that has really carried so much.
 */
import type { HostConnection } from "../../src/host/api.ts";
import { Connection } from "../../src/host/connection.ts";
import { ByteRing } from "../../src/tcp/fast/byte_ring.ts";
import type { Tcb } from "../../src/tcp/tcb.ts";

/** Octets each way. `deno task test:far` takes those at which 32 bits turn over. */
export const BEGIN_AT = Number(Deno.env.get("TCPLAB_BEGIN_AT") ?? 0);

if (!Number.isSafeInteger(BEGIN_AT) || BEGIN_AT < 0) {
  throw new Error(`TCPLAB_BEGIN_AT: expected a number of octets, got ${Deno.env.get("TCPLAB_BEGIN_AT")}`);
}

/** Moves both streams of a connection on, as soon as it is open (call it from `onOpen`). */
export function beginFar(connection: HostConnection, octets = BEGIN_AT): void {
  if (octets === 0) return;
  if (!(connection instanceof Connection)) {
    throw new Error("Only a connection of a real host can begin far on");
  }
  const { tcb } = connection;
  moveSender(tcb, octets);
  moveReceiver(tcb, octets);
}

function moveSender(tcb: Tcb, octets: number): void {
  tcb.iss = (tcb.iss - octets) >>> 0;
  tcb.sndUna += octets;
  tcb.sndNxt += octets;
  tcb.sndRingStart += octets;
  tcb.sndWl2 += octets;
  tcb.fack += octets;
  if (tcb.finSent) tcb.finSeq += octets;
  if (tcb.sndUp >= 0) tcb.sndUp += octets;
  for (let index = 0; index < tcb.scoreboard.count; index++) {
    const record = tcb.scoreboard.at(index);
    record.seq += octets;
    record.end += octets;
  }
}

function moveReceiver(tcb: Tcb, octets: number): void {
  tcb.irs = (tcb.irs - octets) >>> 0;
  tcb.rcvNxt += octets;
  tcb.rcvAdv += octets;
  tcb.sndWl1 += octets;
  tcb.lastAckSent += octets;
  if (tcb.rcvUp >= 0) tcb.rcvUp += octets;
  if (tcb.finPending >= 0) tcb.finPending += octets;
  moveOutOfOrder(tcb, octets);
  if (tcb.dsackLeft >= 0) {
    tcb.dsackLeft += octets;
    tcb.dsackRight += octets;
  }
}

/** What has come out of order, and its octets, by way of a ring in which they lie where they belong. */
function moveOutOfOrder({ reassembly, rcvNxt, pool }: Tcb, octets: number): void {
  const { count, text } = reassembly;
  if (count === 0) return;
  const edges = new Float64Array(2 * count);
  reassembly.writeBlocks(edges, 0, count);
  const origin = rcvNxt - octets;
  const hasText = text.heldBytes > 0;
  const ring = new ByteRing(pool.memory, Infinity);
  if (hasText) text.moveInto(ring, origin, Math.max(...edges));
  reassembly.clear();
  // They are written newest first.
  for (let at = 2 * (count - 1); at >= 0; at -= 2) {
    const left = edges[at];
    const right = edges[at + 1];
    reassembly.add(left + octets, right + octets);
    if (!hasText) continue;
    const source = new Uint8Array(right - left);
    ring.copyOut(left - origin, source, 0, source.length);
    text.put(left + octets, { source, offset: 0, count: source.length }, count);
  }
  ring.release();
}
