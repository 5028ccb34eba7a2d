/** What makes a device useless while scripts are played on it, and how often it is looked at. */
import { assertEquals } from "@std/assert";
import type { DeviceState } from "../../ffi/device_hardware.ts";
import { WireFaults } from "../../src/cli/wire_faults.ts";

function watched(first: DeviceState | null) {
  const device = {
    state: first,
    looks: 0,
    nowMs: 0,
    sendErrors: 3,
    lastSendError: "Message too long",
    goesAtMs: Infinity,
  };
  const faults = new WireFaults({
    device: "eth0",
    look: () => (device.looks++, device.nowMs >= device.goesAtMs ? null : device.state),
    link: {
      stats: () => ({ sendErrors: device.sendErrors }),
      get lastSendError() {
        return device.lastSendError;
      },
    },
    nowMs: () => device.nowMs,
    sleep: (ms) => device.nowMs += ms,
  });
  return { device, faults };
}

Deno.test("a device that is down, gone or has lost its carrier is told of as long as it is so", () => {
  const { device, faults } = watched("up");
  const fault = (state: DeviceState | null) => {
    device.state = state;
    return faults.fault({ now: true });
  };
  assertEquals(fault("up"), null);
  for (let times = 0; times < 2; times++) {
    assertEquals(fault("down"), "eth0 is switched off (ip link set eth0 up)");
    assertEquals(
      fault("no carrier"),
      "eth0 has no carrier any more: the cable is out, or the other end is down",
    );
    assertEquals(fault(null), "eth0 is gone");
  }
  assertEquals(fault("up"), null);
});

Deno.test("a device that is taken away is of no use a little before: for half a second it is told of as gone", () => {
  const words = {
    down: "eth0 is switched off (ip link set eth0 up)",
    "no carrier": "eth0 has no carrier any more: the cable is out, or the other end is down",
  };
  for (const state of ["down", "no carrier"] as const) {
    for (
      const [afterMs, told] of [[0, "eth0 is gone"], [500, "eth0 is gone"], [510, words[state]]] as const
    ) {
      const { device, faults } = watched("up");
      device.state = state;
      device.goesAtMs = afterMs;
      assertEquals(faults.fault({ now: true }), told, `${state} ${afterMs}`);
    }
    // Who has waited once does not wait for each script again.
    const { device, faults } = watched("up");
    device.state = state;
    faults.fault({ now: true });
    const waitedMs = device.nowMs;
    assertEquals(faults.fault({ now: true }), words[state]);
    assertEquals([waitedMs, device.nowMs], [500, 500]);
  }
});

Deno.test("a device without a carrier from the beginning will do, until it has had one", () => {
  const { device, faults } = watched("no carrier");
  assertEquals(faults.fault({ now: true }), null);
  device.state = "up";
  assertEquals(faults.fault({ now: true }), null);
  device.state = "no carrier";
  assertEquals(faults.fault({ now: true })?.startsWith("eth0 has no carrier any more"), true);
});

Deno.test("where the system does not tell of devices nothing is looked at; a refused frame is told all the same, once", () => {
  const { device, faults } = watched(null);
  assertEquals([faults.fault({ now: true }), device.looks], [null, 1]);
  device.sendErrors++;
  assertEquals(faults.fault({ now: false }), "eth0 refused a frame: Message too long");
  assertEquals(faults.fault({ now: false }), null);
});

Deno.test("why a frame was refused is how the device is, where that says it", () => {
  const { device, faults } = watched("up");
  assertEquals(faults.fault({ now: false }), null);
  device.state = "down";
  device.sendErrors++;
  assertEquals(faults.fault({ now: false }), "eth0 is switched off (ip link set eth0 up)");
});

Deno.test("a device is looked at every ten milliseconds, and when it is to be certain", () => {
  const { device, faults } = watched("up");
  faults.fault({ now: false });
  const before = device.looks;
  for (device.nowMs = 1; device.nowMs < 10; device.nowMs++) faults.fault({ now: false });
  assertEquals(device.looks, before);
  faults.fault({ now: false });
  assertEquals(device.looks, before + 1);
  faults.fault({ now: true });
  assertEquals(device.looks, before + 2);
});
