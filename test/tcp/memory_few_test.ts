/**
 * A few strangers with large windows: each of their buffers is a good part of all memory, and a block that grows takes more
 * at once than is left between the marks.
 *
 * Owns: the demand that the bound holds then too. Must not know: how large blocks are.
 */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { Crowd } from "./crowd.ts";
import { Lab } from "./harness.ts";
import { opensOutward } from "./memory_exhaustion.ts";
import type { Peer } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

const MEBIBYTE = 0x100000;
const SEGMENT = 1460;
const ROUNDS = 60;

/** Sends full segments from `from` on as far as the host has offered, `most` octets at the most. */
function fill(crowd: Crowd, peer: Peer, span: { from: number; most: number }): void {
  const to = Math.min(peer.hostRightEdge, span.from + span.most);
  for (let seq = span.from; seq < to; seq += SEGMENT) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: new Uint8Array(Math.min(SEGMENT, to - seq)) });
    crowd.check();
  }
}

/** Where the host is, by its latest ACK. */
function acknowledged(peer: Peer, before: number): number {
  return peer.takeAll().reduce((ack, seen) => Math.max(ack, seen.ack), before);
}

for (const memory of [1, 2, 4, 16]) {
  for (const count of [1, 2, 5, 12]) {
    for (const receiveBufferBytes of [MEBIBYTE, 8 * MEBIBYTE]) {
      const about = `${memory} MiB, ${count} strangers, buffers of ${receiveBufferBytes / MEBIBYTE} MiB`;

      Deno.test(`text that nobody reads: ${about}`, () => {
        const crowd = new Crowd({
          app: "hold",
          addresses: count,
          memoryBytes: memory * MEBIBYTE,
          tcp: { receiveBufferBytes },
        });
        const peers = Array.from({ length: count }, () => crowd.join());
        const at = peers.map(() => 1);
        for (let round = 0; round < ROUNDS; round++) {
          peers.forEach((peer, i) => {
            at[i] = acknowledged(peer, at[i]);
            fill(crowd, peer, { from: at[i], most: 100_000 });
          });
          crowd.pass(10_000, 10_000);
        }
        assertGreater(Math.max(...at), Math.min(memory * MEBIBYTE / count / 10, 500_000), "much was sent");
        crowd.serves(10_000);
      });

      Deno.test(`a hole that is filled when all is full: ${about}`, () => {
        const crowd = new Crowd({
          app: "hold",
          addresses: count,
          memoryBytes: memory * MEBIBYTE,
          tcp: { receiveBufferBytes },
        });
        const peers = Array.from({ length: count }, () => crowd.join());
        const at = peers.map(() => 1);
        for (let round = 0; round < ROUNDS / 2; round++) {
          peers.forEach((peer, i) => {
            at[i] = acknowledged(peer, at[i]);
            fill(crowd, peer, { from: at[i] + 1, most: 200_000 });
          });
          peers.forEach((peer, i) => {
            peer.sends({ flags: "ACK", seq: at[i], ack: 1, data: "x" });
            crowd.check();
          });
          crowd.pass(10_000, 10_000);
        }
        crowd.pass(SECOND_US);
        const { usedBytes, limitBytes } = crowd.lab.host.memory();
        assertLessOrEqual(usedBytes, limitBytes);
        crowd.serves(10_000);
      });
    }
  }
}

for (const memory of [4, 16]) {
  for (const receiveBufferBytes of [MEBIBYTE, 8 * MEBIBYTE]) {
    const about = `${memory} MiB, buffers of ${receiveBufferBytes / MEBIBYTE} MiB`;

    Deno.test(`connections of our own, which never go, stay within the bound too: ${about}`, () => {
      const lab = new Lab({ memoryBytes: memory * MEBIBYTE, tcp: { receiveBufferBytes } });
      lab.host.onRule = null;
      const ends = Array.from({ length: 7 }, () => ({ ...opensOutward(lab), acked: 1 }));
      for (let round = 0; round < 200; round++) {
        for (const end of ends) {
          const { peer } = end;
          end.acked = acknowledged(peer, end.acked);
          // Every other one leaves a hole first, and fills it when the rest is there.
          for (const from of [1, 0]) {
            for (let i = from; i < 30; i++) {
              const seq = end.acked + i * SEGMENT;
              if (seq + SEGMENT > peer.hostRightEdge || (from === 0 && i > 0)) break;
              peer.sends({ flags: "ACK", seq, data: SEGMENT });
              const { usedBytes, limitBytes } = lab.host.memory();
              assertLessOrEqual(usedBytes, limitBytes);
            }
          }
        }
        lab.pass(10_000);
      }
      assertGreater(lab.host.memory().usedBytes, 1.5 * MEBIBYTE, "much is held");
      for (const { app } of ends) assertEquals(app.closed, []);
    });
  }
}
