/**
 * What a simulation may cost at most: the bounds that tell a stack that works hard from a retransmission storm.
 *
 * Owns: the bounds, and why they are as they are. Must not know: how a simulation runs.
 */
import type { Family } from "../tcp/family.ts";
import type { Scenario } from "./scenario.ts";

/** Options that most segments carry (timestamps, padded), bytes. */
const USUAL_OPTIONS_BYTES = 12;
const TCP_HEADER_BYTES = 20;

/** Data segments that a scenario needs where nothing is lost: each write by itself, full ones otherwise. */
function neededSegments({ connections, mtu, tcp }: Scenario, family: Family): number {
  const offered = tcp.map(({ mss }) => (mss === undefined || mss === 0 ? Infinity : mss));
  const full = Math.min(mtu - family.headerBytes - TCP_HEADER_BYTES, ...offered) - USUAL_OPTIONS_BYTES;
  const halfWindow = Math.min(...tcp.map(({ receiveBufferBytes }) => receiveBufferBytes ?? Infinity)) / 2;
  let segments = 0;
  for (const { plans } of connections) {
    for (const { sendBytes, writeBytes } of plans) {
      const usual = writeBytes === undefined
        ? Math.min(full, halfWindow)
        : Math.min(full, (writeBytes[0] + writeBytes[1]) / 2);
      segments += Math.ceil(sendBytes / Math.max(1, usual));
    }
  }
  return segments;
}

/**
 * Segments of both hosts above which something is wrong. Measured over many thousand scenarios the worst took 2.2 times an
 * acknowledgment for each needed segment; three leaves room for bad luck. Beside that: 25 segments a connection for opening,
 * closing, their repetition and keep-alives, and one a second each way for probes of shut windows.
 */
export function mostSegments(
  scenario: Scenario,
  { seconds, family }: { readonly seconds: number; readonly family: Family },
): number {
  return 3 * 2 * neededSegments(scenario, family) + 25 * scenario.connections.length + 2 * Math.ceil(seconds);
}

/** Payload on the wire above which too much was sent again: twice the stream, and what a bad start may cost. */
export function mostPayloadBytes(scenario: Scenario): number {
  const streamBytes = scenario.connections.flatMap(({ plans }) => plans).reduce(
    (sum, { sendBytes }) => sum + sendBytes,
    0,
  );
  return 2 * streamBytes + 15_000 * scenario.connections.length;
}

/**
 * Seconds after which the last byte must have come: ten minutes, since one piece can be lost many times in a row, and three
 * timeouts of the longest least RTO for each piece that is lost, as a sender without SACK needs one for most of them.
 */
export function mostTransferSeconds(scenario: Scenario, family: Family): number {
  const { faults } = scenario;
  const lossRate = Math.max(faults.in.drop + faults.in.corrupt, faults.out.drop + faults.out.corrupt);
  return 600 + 3 * lossRate * neededSegments(scenario, family);
}
