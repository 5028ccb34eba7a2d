/**
 * A host whose memory is used up, and stays so: connections that it opened itself, whose applications do not read.
 *
 * Owns: how that comes about. Must not know: what is demanded of the host then.
 */
import { assert } from "@std/assert";
import type { AppLog } from "./app_log.ts";
import { SCALED } from "./crowd.ts";
import { Lab } from "./harness.ts";
import type { Peer } from "./peer.ts";

const SEGMENT = 1460;
const DELAYED_ACK_US = 40_000;

/** Both ends of a connection. */
export interface End {
  readonly peer: Peer;
  readonly app: AppLog;
}

/** A connection that the host opens, which is never evicted; its application reads when it is told to. */
export function opensOutward(lab: Lab): End {
  const peer = lab.peer();
  const app = lab.connect(peer, { autoRead: false });
  peer.takeAll();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: SCALED });
  peer.takeAll();
  return { peer, app };
}

/** Sends as much as is offered and acknowledged, `most` octets at the most; returns how much was acknowledged. */
export function sendsAll({ peer }: End, most: number): number {
  let acked = peer.next;
  const end = acked + most;
  for (let rounds = 0; rounds < 200; rounds++) {
    // As a sender that avoids silly windows (RFC 9293 §3.8.6.2.1): whole segments, and the rest.
    for (let seq = acked; seq < end;) {
      const count = Math.min(SEGMENT, end - seq);
      if (seq + count > peer.hostRightEdge) break;
      peer.sends({ flags: "ACK", seq, data: new Uint8Array(count) });
      seq += count;
    }
    const before = acked;
    // Most are acknowledged at once; the last one late.
    for (const us of [1000, DELAYED_ACK_US]) {
      if (acked > before) break;
      peer.lab.pass(us);
      acked = peer.takeAll().reduce((ack, seen) => Math.max(ack, seen.ack), acked);
    }
    if (acked === before) break;
  }
  return acked;
}

/**
 * A host whose memory is used up by connections of its own, down to the last block; `before`: what there is already, with
 * memory enough.
 */
export function exhausted<T>(
  memoryBytes: number,
  before: (lab: Lab) => T,
): { lab: Lab; ends: End[]; there: T } {
  const lab = new Lab({ memoryBytes });
  const there = before(lab);
  const spare = Array.from({ length: SPARE }, () => opensOutward(lab));
  const ends: End[] = [];
  while (isLeft(lab, CONNECTION_AND_BLOCK_BYTES)) {
    const end = opensOutward(lab);
    ends.push(end);
    sendsAll(end, 40_000);
  }
  // What is left is less than a connection with a block takes, but may be some blocks.
  for (const end of spare) if (isLeft(lab, BLOCK_BYTES)) sendsAll(end, 1);
  assert(!isLeft(lab, BLOCK_BYTES), "memory is used up to the last block");
  return { lab, ends, there };
}

const SPARE = 8;
const BLOCK_BYTES = 0x400;
const CONNECTION_AND_BLOCK_BYTES = 0x900 + BLOCK_BYTES;
/** Above this part of all memory nothing more is lent. */
const LENT_PART = 15 / 16;

function isLeft(lab: Lab, bytes: number): boolean {
  const { usedBytes, limitBytes } = lab.host.memory();
  return usedBytes + bytes <= limitBytes * LENT_PART;
}
