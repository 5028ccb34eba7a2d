/**
 * Options of segments as values: one object serves for all of a row that have the same.
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { RepeatedOptions } from "../../src/host/segment_events.ts";
import { TcpSegment } from "../../src/wire/tcp.ts";

function segment(changes: Partial<TcpSegment>): TcpSegment {
  return Object.assign(new TcpSegment(), { mss: -1, windowScale: -1 }, changes);
}

Deno.test("options: the same timestamps are the same object, others are not, and what was told stays as it was", () => {
  const options = new RepeatedOptions();
  const stamped = (tsValue: number, tsEcho: number) =>
    options.of(segment({ hasTimestamps: true, tsValue, tsEcho }));
  const first = stamped(1, 2);
  assertStrictEquals(stamped(1, 2), first);
  assertEquals(stamped(1, 3), { timestamps: { value: 1, echo: 3 } });
  assertEquals(stamped(4, 3), { timestamps: { value: 4, echo: 3 } });
  assertEquals(first, { timestamps: { value: 1, echo: 2 } });
  assertEquals(options.of(segment({})), {});
  assertEquals(stamped(4, 3), { timestamps: { value: 4, echo: 3 } });
});

Deno.test("options: whatever else a segment has stands beside its timestamps", () => {
  const options = new RepeatedOptions();
  const stamps = { hasTimestamps: true, tsValue: 1, tsEcho: 2 };
  const timestamps = { value: 1, echo: 2 };
  assertEquals(options.of(segment(stamps)), { timestamps });
  assertEquals(options.of(segment({ ...stamps, mss: 1460 })), { mss: 1460, timestamps });
  assertEquals(options.of(segment({ ...stamps, windowScale: 0 })), { windowScale: 0, timestamps });
  assertEquals(options.of(segment({ ...stamps, sackPermitted: true })), { sackPermitted: true, timestamps });
  const sack = segment({ ...stamps, sackBlockCount: 1 });
  sack.sackBlocks.set([5, 9]);
  assertEquals(options.of(sack), { sack: [[5, 9]], timestamps });
});
