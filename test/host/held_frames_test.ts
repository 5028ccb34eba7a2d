/**
 * Frames that wait for a hardware address, where only a SYN would be too small to reach the bounds: Neighbors alone.
 */
import { assertEquals } from "@std/assert";
import { type FrameHolder, Neighbors } from "../../src/host/neighbors.ts";
import { ArpPacket } from "../../src/wire/arp.ts";
import { ip, mac } from "./hand_frames.ts";

const PEER = ip("10.0.0.9");
const OURS = ip("10.0.0.1");

function newNeighbors() {
  const sent: Uint8Array[] = [];
  const neighbors = new Neighbors({
    mac: mac("02:00:00:00:00:01"),
    vlan: -1,
    nowUs: 0,
    addresses: [OURS],
    transmit: (frame, length) => sent.push(frame.slice(0, length)),
    unreachable: () => {},
    count: () => {},
  });
  const answer = new ArpPacket();
  answer.operation = 2;
  answer.senderMac.set(mac("02:00:00:00:00:09"));
  answer.senderIp.set(PEER);
  answer.targetIp.set(OURS);
  const takeLengths = () => sent.splice(0).map(({ length }) => length);
  return { neighbors, sent, takeLengths, answer };
}

/** Holds a frame of this length, its bytes all 7. */
function hold(neighbors: Neighbors, length: number, holder: FrameHolder = { peerMac: null }): FrameHolder {
  neighbors.hold(PEER, OURS, { holder, frame: new Uint8Array(0x20000).fill(7), length });
  return holder;
}

Deno.test("held frames: 65,536 bytes for one neighbor; beyond, the oldest goes", () => {
  const { neighbors, takeLengths, answer } = newNeighbors();
  for (const length of [16_000, 16_001, 16_002, 17_533]) hold(neighbors, length);
  assertEquals(takeLengths(), [60]);
  neighbors.arrives(answer);
  assertEquals(takeLengths(), [16_000, 16_001, 16_002, 17_533]);
});

Deno.test("held frames: one byte more than 65,536, and the oldest is gone", () => {
  const { neighbors, takeLengths, answer } = newNeighbors();
  for (const length of [16_000, 16_001, 16_002, 17_534]) hold(neighbors, length);
  takeLengths();
  neighbors.arrives(answer);
  assertEquals(takeLengths(), [16_001, 16_002, 17_534]);
});

Deno.test("held frames: as many go as must, and the latest always stays (RFC 1122 §2.3.2.2)", () => {
  const { neighbors, takeLengths, answer } = newNeighbors();
  for (const length of [30_000, 30_001, 60_000]) hold(neighbors, length);
  hold(neighbors, 70_000);
  takeLengths();
  neighbors.arrives(answer);
  assertEquals(takeLengths(), [70_000]);
});

Deno.test("held frames: the latest of one holder, with its bytes, and the holder is told", () => {
  const { neighbors, sent, answer } = newNeighbors();
  const first = hold(neighbors, 100);
  const second = hold(neighbors, 101);
  hold(neighbors, 102, first);
  sent.splice(0);
  assertEquals([first.peerMac, second.peerMac], [null, null]);
  neighbors.arrives(answer);
  assertEquals(sent.map(({ length }) => length), [101, 102]);
  for (const frame of sent) {
    assertEquals(frame.subarray(0, 6), mac("02:00:00:00:00:09"));
    assertEquals(new Set(frame.subarray(6)), new Set([7]));
  }
  assertEquals([first.peerMac, second.peerMac], [mac("02:00:00:00:00:09"), mac("02:00:00:00:00:09")]);
  neighbors.arrives(answer);
  assertEquals(sent.length, 2);
});

Deno.test("held frames: with a neighbor that is known nothing waits", () => {
  const { neighbors, sent, answer } = newNeighbors();
  neighbors.arrives(answer);
  const holder = hold(neighbors, 80);
  assertEquals(sent.map(({ length }) => length), [80]);
  assertEquals([holder.peerMac, sent[0].slice(0, 6)], [answer.senderMac, answer.senderMac]);
  // A copy: what arrives next is written into the same packet.
  answer.senderMac.fill(1);
  assertEquals(holder.peerMac, mac("02:00:00:00:00:09"));
  assertEquals(neighbors.resolve(PEER), mac("02:00:00:00:00:09"));
  assertEquals(neighbors.resolve(ip("10.0.0.8")), null);
});
