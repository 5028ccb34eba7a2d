/**
 * Bytes both ways between the host and a peer that was written from the RFCs alone, over a path that loses, doubles and
 * reorders: all bytes arrive, and every segment on the way is one that the RFC allows (RFC 9293 §3.8).
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { ReferencePeer } from "./reference_peer.ts";
import { ALL_OPTIONS, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

interface Conditions {
  readonly name: string;
  readonly loss: number;
  readonly duplication: number;
  readonly jitterUs: number;
  readonly window: number;
  readonly receiveBufferBytes: number;
}

const ORDINARY = { loss: 0, duplication: 0, jitterUs: 0, window: 30_000, receiveBufferBytes: 30_000 };

const CONDITIONS: readonly Conditions[] = [
  { ...ORDINARY, name: "a clean path" },
  { ...ORDINARY, name: "1 % loss", loss: 0.01 },
  { ...ORDINARY, name: "10 % loss", loss: 0.1 },
  { ...ORDINARY, name: "reordering", jitterUs: 20_000 },
  { ...ORDINARY, name: "doubled segments", duplication: 0.2 },
  { ...ORDINARY, name: "all of it", loss: 0.05, duplication: 0.1, jitterUs: 30_000 },
  { ...ORDINARY, name: "small windows, loss", loss: 0.05, window: 1500, receiveBufferBytes: 2000 },
  { ...ORDINARY, name: "30 % loss", loss: 0.3, jitterUs: 5000 },
];

const KINDS: readonly (readonly [string, FixtureOptions])[] = [
  ["plain", { options: { mss: 1000 } }],
  ["SACK", { options: { mss: 1000, sackPermitted: true } }],
  ["all options", { options: { ...ALL_OPTIONS, mss: 1000, windowScale: 0 } }],
];

const OURS = 60_000;
const THEIRS = 40_000;

for (const [kind, options] of KINDS) {
  for (const conditions of CONDITIONS) {
    Deno.test(`${OURS} bytes one way, ${THEIRS} the other, ${kind}, ${conditions.name}: all arrive, nothing forbidden (MUST-18, MUST-19, SHLD-31, MUST-34)`, () => {
      for (let seed = 1; seed <= 1; seed++) exchange(options, conditions, seed);
    });
  }
}

function exchange(options: FixtureOptions, conditions: Conditions, seed: number): void {
  const { receiveBufferBytes, window } = conditions;
  const fixture = reachEstablished({
    ...options,
    peer: { window },
    tcp: { receiveBufferBytes, mslUs: SECOND_US, r2Us: 3600 * SECOND_US },
  });
  const { lab, app } = fixture;
  const path = { ...conditions, random: randomFrom(seed), delayUs: 10_000 };
  const reference = new ReferencePeer(fixture, {
    path,
    window,
    bytesToSend: THEIRS,
    sack: options.options?.sackPermitted === true,
  });
  let written = 0;
  const isDone = reference.run(lab.nowUs + 3600 * SECOND_US, () => {
    if (written < OURS && app.connection.writableBytes > 0) {
      written += app.write(bytesOf(Math.min(5000, OURS - written), written));
      if (written === OURS) app.closeWrite();
    }
  });
  const about =
    `seed ${seed}: ${reference.received} of ${OURS}, ${app.bytesRead.length} of ${THEIRS}, ${app.state}`;
  assert(isDone, about);
  assertEquals(reference.received, OURS, about);
  assertEquals(app.bytesRead, bytesOf(THEIRS), about);
  // Acknowledgements and data: no storm.
  assertLess(reference.segments, 10 * (OURS + THEIRS) / Math.min(1000, window / 2), about);
  lab.pass(10 * SECOND_US);
  // The peer is gone now; who still waits for its last ACK may go on asking for it.
  const left = lab.host.connections().filter(({ state }) => state !== "LAST_ACK" && state !== "CLOSING");
  assertEquals(left.length, 0, about);
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5) >>> 0;
    let mixed = state ^ (state >>> 12);
    mixed = Math.imul(mixed, 0x297a_2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
}
