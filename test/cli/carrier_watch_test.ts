/** What is said when a device loses its carrier, and when it has it again. */
import { assertEquals } from "@std/assert";
import type { DeviceState } from "../../ffi/device_hardware.ts";
import { CarrierWatch } from "../../src/cli/carrier_watch.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";

const SECOND_US = 1_000_000;
/** Between a look that finds a device without a carrier and the second one. */
const AGAIN_US = 100_000;

function watched(first: DeviceState | null) {
  const device = { state: first, looks: 0 };
  const clock = new VirtualClock();
  const told: string[] = [];
  const watch = new CarrierWatch({
    device: "eth0",
    look: () => (device.looks++, device.state),
    clock,
    tell: (kind, message) => told.push(`${kind} ${message}`),
  });
  const becomes = (state: DeviceState | null) => {
    device.state = state;
    clock.advance(SECOND_US + AGAIN_US);
    return told.splice(0);
  };
  return { device, clock, watch, becomes };
}

Deno.test("carrier: lost, told once; regained, told once, within a second of it", () => {
  const { becomes } = watched("up");
  assertEquals(becomes("up"), []);
  assertEquals(becomes("no carrier"), [
    "carrier-lost eth0 has no carrier any more: the cable is out, or the other end is down. Connections wait for it until their time-outs",
  ]);
  assertEquals(becomes("no carrier"), []);
  assertEquals(becomes("up"), [
    "carrier-regained eth0 is up again, with a carrier: connections go on where they were",
  ]);
  assertEquals(becomes("down"), [
    "carrier-lost eth0 was switched off (ip link set eth0 up). Connections wait for it until their time-outs",
  ]);
  assertEquals(becomes("up").length, 1);
});

Deno.test("carrier: a device that had none at the start is told of when it has one", () => {
  const { becomes } = watched("no carrier");
  assertEquals(becomes("no carrier"), []);
  assertEquals(becomes("up").length, 1);
});

Deno.test("carrier: a device that is gone, or cannot be asked, is not told of; where it never could, nobody looks", () => {
  const gone = watched("up");
  assertEquals([gone.becomes(null), gone.becomes("up")], [[], []]);
  const unknown = watched(null);
  unknown.clock.advance(10 * SECOND_US);
  assertEquals(unknown.device.looks, 1);
});

Deno.test("carrier: of a device that is on its way out nothing is said, nor of one whose carrier is back at once", () => {
  for (const state of ["down", "no carrier"] as const) {
    for (const after of [null, "up"] as const) {
      const { device, clock, becomes } = watched("up");
      device.state = state;
      clock.advance(SECOND_US);
      device.state = after;
      clock.advance(AGAIN_US);
      assertEquals(becomes(after), [], `${state} ${after}`);
    }
  }
});

Deno.test("carrier: nobody looks any more once it is disposed of", () => {
  const { device, clock, watch, becomes } = watched("up");
  becomes("up");
  watch[Symbol.dispose]();
  const { looks } = device;
  clock.advance(10 * SECOND_US);
  assertEquals([device.looks, clock.nextTimerUs], [looks, Infinity]);
});

Deno.test("carrier: nor is it told of a carrier that was lost just before", () => {
  const { device, clock, watch, becomes } = watched("up");
  device.state = "down";
  clock.advance(SECOND_US);
  watch[Symbol.dispose]();
  assertEquals([becomes("down"), clock.nextTimerUs], [[], Infinity]);
});
