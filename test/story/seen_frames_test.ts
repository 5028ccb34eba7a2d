/**
 * Copies of frames by IPv4's identification: near and far, of hosts that count and of hosts that do not; and what a capture that was put
 * together from both ends tells.
 */
import { assertEquals } from "@std/assert";
import { explainConnection } from "../../src/story/explain_json.ts";
import { type Frame, SeenFrames } from "../../src/story/seen_frames.ts";
import { FULL_HANDSHAKE, tell } from "./written_story.ts";

const FRAME: Frame = {
  number: 1,
  time: 100,
  source: "10.0.0.2:40000",
  destination: "10.0.0.1:80",
  flags: 0x10,
  seq: 4_000_000_000,
  ack: 7,
  length: 100,
  window: 65535,
  options: { timestamps: { value: 4_000_000_000, echo: 5 } },
  ipId: 9,
};

Deno.test("seen frames: a copy, however many frames lie between, for a second", () => {
  const frames = new SeenFrames();
  assertEquals(frames.look(FRAME), null);
  for (let i = 2; i < 5000; i++) frames.look({ ...FRAME, number: i, ipId: 10 + i, seq: i });
  assertEquals(frames.look({ ...FRAME, number: 5000, time: 100.9 }), { copyOf: 1 });
  assertEquals(frames.look({ ...FRAME, number: 5001, time: 99.5 }), { copyOf: 1 });
  assertEquals(frames.look({ ...FRAME, number: 5002, time: 101.1 }), null);
});

Deno.test("seen frames: whatever differs, it is no copy", () => {
  const others: readonly Partial<Frame>[] = [
    { source: "10.0.0.2:40001" },
    { destination: "10.0.0.1:81" },
    { flags: 0x18 },
    { seq: 4_000_000_001 },
    { ack: 8 },
    { length: 101 },
    { window: 65534 },
    { options: { timestamps: { value: 4_000_000_001, echo: 5 } } },
    { options: { timestamps: { value: 4_000_000_000, echo: 6 } } },
    { options: {} },
    { vlans: [5] },
    { ipId: 10 },
    { ipId: undefined },
  ];
  for (const other of others) {
    const frames = new SeenFrames();
    frames.look(FRAME);
    const look = frames.look({ ...FRAME, number: 2, ...other });
    assertEquals(look !== null && look !== "repeats-ids", false, JSON.stringify(other));
  }
});

Deno.test("seen frames: 0 says nothing; who gives all the same number repeats himself, who has counted round does not", () => {
  const frames = new SeenFrames();
  assertEquals(frames.look({ ...FRAME, ipId: 0 }), null);
  assertEquals(frames.look({ ...FRAME, ipId: 0, number: 2 }), null);
  assertEquals(frames.look(FRAME), null);
  assertEquals(frames.look({ ...FRAME, number: 2, seq: 1 }), "repeats-ids");
  assertEquals(frames.look({ ...FRAME, number: 65_538, seq: 2 }), null);
});

Deno.test("seen frames: what passes on one VLAN and then on another is of two connections, and repeats nothing", () => {
  const frames = new SeenFrames();
  for (let i = 1; i < 10; i += 2) {
    assertEquals(frames.look({ ...FRAME, number: i, ipId: i, vlans: [10] }), null);
    assertEquals(frames.look({ ...FRAME, number: i + 1, ipId: i, vlans: [20] }), null);
  }
  assertEquals(frames.look({ ...FRAME, number: 11, ipId: 9, vlans: [20] }), { copyOf: 10 });
});

/** Segments as they pass at the client and again, three later, at the server: the second of them was lost in between. */
const BOTH_ENDS = `${FULL_HANDSHAKE}
  C A 1 1 len=100 ts=10/501 id=1 at=1
  C A 101 1 len=100 ts=10/501 id=2 at=1.001
  C A 201 1 len=100 ts=10/501 id=3 at=1.002
  C A 1 1 len=100 ts=10/501 id=1 at=1.003
  C A 201 1 len=100 ts=10/501 id=3 at=1.004
  S A 1 101 ts=510/10 id=8 at=1.005
  S A 1 101 ts=511/10 sack=201-301 id=9 at=1.006
  S A 1 101 ts=510/10 id=8 at=1.007
  S A 1 101 ts=511/10 sack=201-301 id=9 at=1.008
  C A 101 1 len=100 ts=20/511 id=4 at=1.009
  C A 101 1 len=100 ts=20/511 id=4 at=1.01
  S A 1 301 ts=520/20 id=10 at=1.011
  S A 1 301 ts=520/20 id=10 at=1.012`;

Deno.test("a capture put together from both ends: each segment counts once, and what was lost is there once", () => {
  const { connection } = tell(BOTH_ENDS);
  const { ends, findings } = explainConnection(connection);
  assertEquals([ends.client.segments, ends.server.segments], [6, 4]);
  assertEquals([ends.client.bytes, ends.client.retransmissions, ends.server.duplicateAcks], [300, 1, 1]);
  assertEquals(findings.map(({ kind, frames }) => `${kind} ${frames.join()}`), [
    "never-arrived 5",
    "retransmission-fast 13",
    "duplicate-frames 7,8,11,12,14,16",
    "duplicate-acks 10",
  ]);
});

Deno.test("of a host that gives every packet the same identification nothing is a copy by that", () => {
  const { connection } = tell(`${FULL_HANDSHAKE}
    C A 1 1 len=100 ts=10/501 id=7
    C A 101 1 len=100 ts=11/501 id=7
    S A 1 1 sack=101-201 ts=510/2
    C A 101 1 len=100 ts=11/501 id=7 at=0.9
    S A 1 1 ts=511/2 sack=101-201 at=0.91`);
  const { findings } = explainConnection(connection);
  assertEquals(findings.map(({ kind }) => kind).includes("duplicate-frames"), false);
});
