/** Segments edited on their way, byte by byte: the expected frames are written by hand. RFC 9293 §3.1, RFC 791 §3.1, RFC 8200 §3. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { editSegments, type PassingSegment, type SegmentEditing } from "../../src/link/edit_segments.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { CHECKSUM_VERDICT, checksumVerdict, FLAG } from "../../src/wire/tcp.ts";
import { segmentIn } from "../../src/link/frame_segment.ts";
import { HAND_FAMILIES, pattern, TCP, UDP } from "../host/hand_fragments.ts";
import { hex } from "../host/hand_frames.ts";
import { arpReply, type SegmentFields, segmentFrame } from "../host/wire_host.ts";
import { CountingLink } from "./counting_link.ts";

const { SYN, ACK, PSH } = FLAG;

const MSS = [2, 4, 5, 180];
const ALL_OPTIONS = [...MSS, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

/** Where a segment may be, and how its frame is written there. */
const PLACES: readonly { readonly name: string; readonly fields: Partial<SegmentFields> }[] = [
  { name: "IPv4", fields: {} },
  { name: "IPv4 in a VLAN", fields: { vlan: 5 } },
  { name: "IPv6", fields: { source: "fd00::9", target: "fd00::1" } },
];

/** What gets through an editor in each direction. */
function through(editing: SegmentEditing, frame: Uint8Array): { in: string[]; out: string[] } {
  const arrived: { in: string[]; out: string[] } = { in: [], out: [] };
  const [a, b] = memoryPair();
  const edited = editSegments(b, editing);
  const before = hex(frame);
  a.send(frame, frame.length);
  assertEquals(edited.receive((got, length) => arrived.in.push(hex(got.subarray(0, length))), 9), 1);
  edited.send(frame, frame.length);
  a.receive((got, length) => arrived.out.push(hex(got.subarray(0, length))), 9);
  assertEquals(hex(frame), before, "the sender's bytes are its own");
  return arrived;
}

function both(frame: Uint8Array): { in: string[]; out: string[] } {
  return { in: [hex(frame)], out: [hex(frame)] };
}

/** As a middlebox that knows of MSS alone. */
function strip({ tcp }: PassingSegment): "edited" {
  tcp.windowScale = -1;
  tcp.sackPermitted = false;
  tcp.hasTimestamps = false;
  return "edited";
}

for (const { name, fields } of PLACES) {
  Deno.test(`edit segments, ${name}: options go, and lengths and checksums are those of the shorter segment`, () => {
    const whole = segmentFrame({ seq: 5, flags: SYN, options: ALL_OPTIONS, ...fields }, "early data");
    const bare = segmentFrame({ seq: 5, flags: SYN, options: MSS, ...fields }, "early data");
    assertEquals(through({ edit: strip }, whole), both(bare));
  });

  Deno.test(`edit segments, ${name}: options come, numbers and flags change, the payload stays`, () => {
    const plain = segmentFrame({ seq: 5, flags: ACK, ...fields }, "a payload of some bytes, odd");
    const richer = segmentFrame(
      { seq: 5, ack: 0xffffffff, flags: ACK | PSH, window: 3, options: MSS, ...fields },
      "a payload of some bytes, odd",
    );
    const edit = ({ tcp }: PassingSegment) => {
      tcp.ack = 0xffffffff;
      tcp.flags |= PSH;
      tcp.window = 3;
      tcp.mss = 1460;
      return "edited" as const;
    };
    assertEquals(through({ edit }, plain), both(richer));
  });

  Deno.test(`edit segments, ${name}: what passes is what came, options that nobody knows included`, () => {
    const strange = segmentFrame({ seq: 5, flags: ACK, options: [77, 4, 1, 2], ...fields }, "x");
    assertEquals(through({ edit: () => "pass" }, strange), both(strange));
    assertEquals(through({ edit: () => "drop" }, strange), { in: [], out: [] });
  });

  Deno.test(`edit segments, ${name}: one with a wrong checksum is not shown, and not made right`, () => {
    const wrong = segmentFrame({ seq: 5, flags: SYN, sum: 0x1234, ...fields });
    let shown = 0;
    const edit = () => {
      shown++;
      return "drop" as const;
    };
    assertEquals(through({ edit }, wrong), both(wrong));
    assertEquals(shown, 0);
    // One that off-loading left unfinished is shown, and finished when it is written anew.
    const partial = segmentFrame({ seq: 5, flags: SYN, sum: "partial", ...fields });
    const right = segmentFrame({ seq: 5, flags: SYN, ...fields });
    assertEquals(through({ edit: () => "edited" }, partial), both(right));
  });

  Deno.test(`edit segments, ${name}: a frame cut off anywhere goes on as it is, and nothing is thrown`, () => {
    const frame = segmentFrame({ seq: 5, flags: SYN, options: ALL_OPTIONS, ...fields });
    for (let length = 1; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      assertEquals(through({ edit: () => "drop" }, cut), both(cut));
    }
  });
}

Deno.test("edit segments: who edits is told where a segment comes from, where it goes, and in which direction", () => {
  const shown: string[] = [];
  const edit = ({ direction, source, destination, tcp }: PassingSegment) => {
    shown.push(
      `${direction} ${formatIpAddress(source)}>${formatIpAddress(destination)}:${tcp.destinationPort}`,
    );
    return "pass" as const;
  };
  through({ edit }, segmentFrame({ seq: 1, flags: SYN, targetPort: 22 }));
  through({ edit }, segmentFrame({ seq: 1, flags: SYN, source: "fd00::9", target: "fd00::1" }));
  assertEquals(shown, [
    "in 10.0.0.9>10.0.0.1:22",
    "out 10.0.0.9>10.0.0.1:22",
    "in fd00::9>fd00::1:80",
    "out fd00::9>fd00::1:80",
  ]);
});

Deno.test("edit segments: an editor that throws loses the segment, and the link goes on, whatever onThrown does", () => {
  const thrown: unknown[] = [];
  const edit = () => {
    throw new RangeError("no");
  };
  const onThrown = (error: unknown) => {
    thrown.push(error);
    throw new Error("again");
  };
  const frame = segmentFrame({ seq: 1, flags: SYN });
  assertEquals(through({ edit, onThrown }, frame), { in: [], out: [] });
  assertEquals(thrown.map(String), ["RangeError: no", "RangeError: no"]);
  assertEquals(through({ edit }, frame), { in: [], out: [] });
});

Deno.test("edit segments: what is no TCP goes on unseen", () => {
  const edit = () => "drop" as const;
  const arp = arpReply("10.0.0.9", "02:00:00:00:00:09");
  assertEquals(through({ edit, fragments: "drop" }, arp), both(arp));
  for (const { frame } of HAND_FAMILIES) {
    const datagram = frame({ protocol: UDP }, pattern(24));
    assertEquals(through({ edit, fragments: "drop" }, datagram), both(datagram));
  }
});

for (const { name, frame } of HAND_FAMILIES) {
  Deno.test(`edit segments, ${name}: fragments go on unseen, and not where a filter must not let them by`, () => {
    for (const part of [{ more: true }, { offset: 16 }]) {
      const fragment = frame({ ...part, protocol: TCP }, pattern(24));
      assertEquals(through({ edit: () => "drop" }, fragment), both(fragment));
      assertEquals(through({ edit: () => "pass", fragments: "drop" }, fragment), { in: [], out: [] });
    }
  });
}

Deno.test("edit segments: fragments of other protocols pass a filter, where they tell what they are of", () => {
  const [{ frame }] = HAND_FAMILIES;
  const fragment = frame({ more: true, protocol: UDP }, pattern(24));
  assertEquals(through({ edit: () => "drop", fragments: "drop" }, fragment), both(fragment));
});

Deno.test("edit segments: a large segment that the kernel will cut keeps its cut size, and a sum to be completed", () => {
  const link = new CountingLink();
  const sent: [string, number, number][] = [];
  link.send = (bytes: Uint8Array, length: number, cutBytes = 0, label = 0) => {
    sent.push([hex(bytes.subarray(0, length)), cutBytes, label]);
  };
  const edited = editSegments(link, { edit: strip });
  const large = segmentFrame({
    seq: 5,
    flags: ACK,
    options: [1, 1, ...ALL_OPTIONS.slice(6, 16)],
    sum: "partial",
  }, "x".repeat(4000));
  edited.send(large, large.length, 1448, 77);
  const bare = segmentFrame({ seq: 5, flags: ACK, sum: "partial" }, "x".repeat(4000));
  assertEquals(sent, [[hex(bare), 1448, 77]]);
});

Deno.test("edit segments: a handler that sends from inside a call spoils nothing", () => {
  const [a, b] = memoryPair();
  const edited = editSegments(b, { edit: strip });
  const whole = segmentFrame({ seq: 5, flags: SYN, options: ALL_OPTIONS }, "one");
  const other = segmentFrame({ seq: 9, flags: SYN, options: ALL_OPTIONS }, "another that is longer");
  a.send(whole, whole.length);
  edited.receive((got, length) => {
    edited.send(other, other.length);
    assertEquals(
      hex(got.subarray(0, length)),
      hex(segmentFrame({ seq: 5, flags: SYN, options: MSS }, "one")),
    );
  }, 1);
  assertEquals(a.waitingFrames, 1);
});

Deno.test("edit segments: a link carries small segments, then large ones, then small ones, all of them written anew", () => {
  const [a, b] = memoryPair();
  const edited = editSegments(b, { edit: strip });
  for (const length of [0, 1, 1400, 3, 1439, 0]) {
    const whole = segmentFrame({ seq: 5, flags: SYN, options: ALL_OPTIONS }, "y".repeat(length));
    edited.send(whole, whole.length);
    const bare = segmentFrame({ seq: 5, flags: SYN, options: MSS }, "y".repeat(length));
    a.receive((got, bytes) => assertEquals(hex(got.subarray(0, bytes)), hex(bare)), 1);
  }
  assertEquals(a.stats().framesIn, 6);
});

Deno.test("edit segments: whatever octets are damaged, and whatever an editor writes, what goes on is a right segment or what came", () => {
  const frames = PLACES.map(({ fields }) =>
    segmentFrame({ seq: 5, flags: SYN, options: ALL_OPTIONS, sum: "partial", ...fields }, "some data")
  );
  const damage = fc.array(fc.tuple(fc.nat(120), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
  const fields = fc.record({
    seq: fc.integer({ min: -1, max: 2 ** 33 }),
    windowScale: fc.integer({ min: -1, max: 300 }),
    mss: fc.integer({ min: -1, max: 70_000 }),
    hasTimestamps: fc.boolean(),
    sackBlockCount: fc.nat(4),
  });
  let rightOnes = 0;
  fc.assert(fc.property(fc.constantFrom(...frames), damage, fields, (whole, damaged, values) => {
    const frame = whole.slice();
    for (const [at, octet] of damaged) frame[at % frame.length] = octet;
    let shown = 0;
    const edit = ({ tcp }: PassingSegment) => {
      shown++;
      Object.assign(tcp, values);
      return "edited" as const;
    };
    const [a, b] = memoryPair();
    editSegments(b, { edit }).send(frame, frame.length);
    a.receive((got, length) => {
      if (shown === 0) return assertEquals(hex(got.subarray(0, length)), hex(frame));
      const found = segmentIn(got, length);
      if (found === null) throw new Error(`no segment: ${hex(got.subarray(0, length))}`);
      const { segment, sourceOffset, addressBytes } = found;
      const bytes = segment.headerLength + segment.payloadLength;
      const sum = pseudoHeaderSum(got, sourceOffset, addressBytes, TCP, bytes);
      const verdict = checksumVerdict(got, segment.payloadOffset - segment.headerLength, bytes, sum, true);
      assertEquals(verdict, CHECKSUM_VERDICT.CORRECT);
      rightOnes++;
    }, 1);
  }));
  assertEquals(rightOnes > 10, true, `${rightOnes} of 100`);
});

Deno.test("edit segments: the link is otherwise the one below, whose departures are heard", async () => {
  const [a, b] = memoryPair({ mtu: 900 });
  const edited = editSegments(b, { edit: () => "pass" });
  let departures = 0;
  edited.onDeparture = () => departures++;
  const frame = segmentFrame({ seq: 1, flags: SYN });
  edited.send(frame, frame.length);
  edited.flush();
  assertEquals([departures, edited.onDeparture === b.onDeparture, edited.stats().framesOut], [1, true, 1]);
  assertEquals(
    [edited.name, edited.mtu, edited.maxPacketBytes, edited.mac, edited.isCrowded],
    [b.name, 900, 900, b.mac, false],
  );
  const waiting = edited.wait(Infinity);
  edited.wake();
  await waiting;
  edited[Symbol.dispose]();
  a.send(frame, frame.length);
  assertEquals(b.waitingFrames, 0, "closed both");
});
