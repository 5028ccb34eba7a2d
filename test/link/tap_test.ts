/**
 * The tap: what it hears, in which order, and that nothing else changes.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { emptyLinkStats, type FrameLink, LinkError } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { type FrameTap, tapLink } from "../../src/link/tap.ts";
import { CountingLink } from "./counting_link.ts";

function recordingTap(): { tap: FrameTap; heard: string[] } {
  const heard: string[] = [];
  const tap: FrameTap = {
    received: (frame, length, capturedUs) =>
      heard.push(`received ${frame.subarray(0, length)} at ${capturedUs}`),
    receivedDone: () => heard.push("done"),
    sent: (frame, length, cutBytes) => heard.push(`sent ${frame.subarray(0, length)} cut ${cutBytes}`),
  };
  return { tap, heard };
}

Deno.test("tap: hears a frame, then what is sent in answer, then that it is done", () => {
  const [a, b] = memoryPair({ nowUs: () => 7 });
  const { tap, heard } = recordingTap();
  const tapped = tapLink(b, tap);
  a.send(Uint8Array.of(1, 2, 3), 2);
  a.send(Uint8Array.of(4), 1);
  const count = tapped.receive((frame, length) => {
    heard.push(`handled ${frame.subarray(0, length)}`);
    if (frame[0] === 1) tapped.send(Uint8Array.of(8, 8), 2, 1448);
  }, 10);
  assertEquals(count, 2);
  assertEquals(heard, [
    "received 1,2 at 7",
    "handled 1,2",
    "sent 8,8 cut 1448",
    "done",
    "received 4 at 7",
    "handled 4",
    "done",
  ]);
});

Deno.test("tap: a frame is done also when the handler throws", () => {
  const [a, b] = memoryPair();
  const { tap, heard } = recordingTap();
  a.send(Uint8Array.of(1), 1);
  assertThrows(() =>
    tapLink(b, tap).receive(() => {
      throw new Error("no");
    }, 1)
  );
  assertEquals(heard, ["received 1 at 0", "done"]);
});

Deno.test("tap: a tap without receivedDone is fine", () => {
  const [a, b] = memoryPair();
  const { tap, heard } = recordingTap();
  const tapped = tapLink(b, { received: tap.received, sent: tap.sent });
  a.send(Uint8Array.of(1), 1);
  assertEquals(tapped.receive(() => {}, 1), 1);
  assertEquals(heard, ["received 1 at 0"]);
});

Deno.test("tap: a link that throws has sent nothing", () => {
  const [, b] = memoryPair();
  const { tap, heard } = recordingTap();
  const tapped = tapLink(b, tap);
  b.close();
  assertThrows(() => tapped.send(Uint8Array.of(1), 1), LinkError);
  assertEquals(heard, []);
});

Deno.test("tap: everything else is the link's own", async () => {
  const [a, b] = memoryPair({ mtu: 1400, nameB: "lab" });
  const tapped = tapLink(b, recordingTap().tap);
  assertEquals([tapped.name, tapped.mtu, tapped.maxPacketBytes, [...tapped.mac]], ["lab", 1400, 1400, [
    2,
    0,
    0,
    0,
    0,
    11,
  ]]);
  const waiting = tapped.wait(Infinity);
  tapped.wake();
  await waiting;
  a.send(Uint8Array.of(1), 1);
  await tapped.wait(Infinity);
  tapped.receive(() => {}, 1);
  tapped.flush();
  assertEquals(tapped.stats().framesIn, 1);
  tapped[Symbol.dispose]();
  assertThrows(() => b.receive(() => {}, 1), LinkError);
});

Deno.test("tap: each call goes to the link as it came, and a frame without a cut size has none", async () => {
  const link = new CountingLink();
  const { tap, heard } = recordingTap();
  const tapped = tapLink(link, tap);
  tapped.send(Uint8Array.of(5), 1);
  tapped.send(Uint8Array.of(6), 1, 1448);
  tapped.flush();
  tapped.wake();
  const waited = tapped.wait(7);
  link.endWait();
  await waited;
  tapped.receive(() => {}, 3);
  tapped.close();
  const asked = ["send 5 cut 0", "send 6 cut 1448", "flush", "wake", "wait 7", "receive 3", "close"];
  assertEquals(link.calls, asked);
  assertEquals(heard, ["sent 5 cut 0", "sent 6 cut 1448"]);
});

Deno.test("tap: hears of a frame that leaves within the call before it is said to leave", () => {
  const [, b] = memoryPair();
  const { tap, heard } = recordingTap();
  const tapped = tapLink(b, tap);
  tapped.onDeparture = () => heard.push("leaves");
  tapped.send(Uint8Array.of(1), 1);
  tapped.onDeparture = null;
  tapped.send(Uint8Array.of(2), 1);
  assertEquals(heard, ["sent 1 cut 0", "leaves", "sent 2 cut 0"]);
});

Deno.test("tap: a frame's label and the number of its touch go to the tap, and on to who comes next", () => {
  const link = new CountingLink();
  const labels: number[] = [];
  const outer = tapLink(
    tapLink(link, {
      received: (_frame, _length, _capturedUs, touch) => labels.push(touch),
      sent: (_frame, _length, _cutBytes, label) => labels.push(label),
    }),
    { received: (_frame, _length, _capturedUs, touch) => labels.push(touch), sent: () => {} },
  );
  outer.send(Uint8Array.of(1), 1, 0, 41);
  outer.send(Uint8Array.of(1), 1, 1448, 2 ** 40);
  outer.send(Uint8Array.of(1), 1);
  const touched = tapLink(
    { ...EMPTY_LINK, receive: (handler) => (handler(Uint8Array.of(1), 1, 0, -7), 1) },
    { received: (_frame, _length, _capturedUs, touch) => labels.push(touch), sent: () => {} },
  );
  touched.receive((_frame, _length, _capturedUs, touch) => labels.push(touch ?? NaN), 1);
  assertEquals(labels, [41, 2 ** 40, 0, -7, -7]);
});

const EMPTY_LINK: FrameLink = {
  name: "empty",
  mtu: 1500,
  mac: new Uint8Array(6),
  maxPacketBytes: 1500,
  isCrowded: false,
  receive: () => 0,
  send: () => {},
  flush: () => {},
  wait: () => Promise.resolve(),
  wake: () => {},
  stats: emptyLinkStats,
  close: () => {},
  [Symbol.dispose]: () => {},
};
