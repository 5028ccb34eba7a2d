/**
 * Two hosts, and the last two segments of what one sends are lost: the probe of the tail arrives beyond the hole, and its SACK brings the other
 * one back without waiting for the timeout, with timestamps and without (RFC 8985 §7, RFC 7323 §4.3).
 */
import { assertEquals } from "@std/assert";
import { parseOnceFault } from "../../src/link/fault_once.ts";
import { LAB_ADDRESSES, VirtualLab } from "../../src/runtime/virtual_lab.ts";

const LOST = parseOnceFault("drop:data");
/** So few that the timeout is still later than the probe: each measured round trip brings it nearer. */
const SEGMENTS = 4;
const MSS = 1000;
const TIMESTAMPS_BYTES = 12;
const DELAY_US = 50_000;

interface Course {
  /** What was sent again: its kind, and its first octet from 1. */
  readonly again: readonly string[];
  /** When the reader had all of it, in milliseconds since the last segment was first sent. */
  readonly waitMs: number;
}

function course(timestamps: boolean, lost: ReadonlySet<number>): Course {
  // The option takes its room from the segment (RFC 6691): with it and without, segments are alike.
  const settings = { timestamps, mss: MSS + (timestamps ? TIMESTAMPS_BYTES : 0) };
  const again: string[] = [];
  let sent = 0;
  let sentUs = 0;
  let read = 0;
  let readUs = 0;
  const lab: VirtualLab = new VirtualLab({
    delayUs: DELAY_US,
    tcp: [settings, settings],
    fateOf: (number) => fates.get(number) ?? null,
    watch: {
      sent: (number, { from, length }) => {
        if (from !== 0 || length === 0) return;
        sent++;
        if (sent === SEGMENTS) sentUs = lab.nowUs;
        if (lost.has(sent)) fates.set(number, LOST);
      },
      touched: () => {},
      arriving: () => {},
    },
    observe: (side, event) => {
      if (side === 0 && event.event === "retransmit") again.push(`${event.kind} ${event.relSeq}`);
    },
  });
  const fates = new Map<number, typeof LOST>();
  lab.host(1).listen({
    port: 80,
    accept: () => ({
      onReadable: (connection) => {
        read += connection.skip(Infinity);
        readUs = lab.nowUs;
      },
    }),
  });
  const client = lab.host(0).connect({
    address: LAB_ADDRESSES[1],
    port: 80,
    handler: { onOpen: (connection) => void connection.write(new Uint8Array(SEGMENTS * MSS), 0) },
  });
  lab.settle();
  lab.advanceTo(10_000_000);
  assertEquals([read, client.info().sendQueue], [SEGMENTS * MSS, 0]);
  return { again, waitMs: Math.round((readUs - sentUs) / 1000) };
}

for (const timestamps of [false, true]) {
  const kind = timestamps ? "with timestamps" : "without timestamps";
  Deno.test(`simulation: the last two segments are lost, ${kind}: a probe and a fast retransmission bring them, no timeout`, () => {
    const { again, waitMs } = course(timestamps, new Set([SEGMENTS - 1, SEGMENTS]));
    // The probe leaves two round trips after the ACK, and its SACK is back one later: then the other one crosses.
    const probeMs = 100 + 2 * 100;
    assertEquals([again, waitMs], [["tlp 3001", "fast 2001"], probeMs + 100 + 50]);
  });
}
