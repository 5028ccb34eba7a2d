/**
 * HostCounters: every counter under its own name.
 */
import { assertEquals } from "@std/assert";
import { HostCounters } from "../../src/host/host_counters.ts";
import { BufferPool } from "../../src/tcp/fast/buffer_pool.ts";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { MachineContext } from "../../src/tcp/context.ts";
import { segmentFrame, WireHost } from "./wire_host.ts";

function machineCounters() {
  return new MachineContext(new BufferPool(DEFAULT_TCP_CONFIG)).counters;
}

/** What the host counts by itself, each with another number. */
const NAMED: Readonly<Record<string, number>> = {
  "frames-in": 1,
  "frames-out": 2,
  "segments-in": 3,
  "segments-out": 4,
  "checksum-partial": 5,
  "connections-opened": 6,
  "connections-established": 7,
  "connections-closed": 8,
  "syn-dropped": 9,
  "no-listener": 10,
  "echo-replies": 11,
  "segments-bad": 12,
  "active-opens": 13,
  "passive-opens": 14,
  "established-resets": 15,
};

Deno.test("counters: each field has its own name, and all begin at zero", () => {
  const counters = new HostCounters();
  const before = counters.snapshot(machineCounters());
  for (const name of Object.keys(NAMED)) assertEquals(before[name], 0, name);
  Object.assign(counters, {
    framesIn: 1,
    framesOut: 2,
    segmentsIn: 3,
    segmentsOut: 4,
    checksumPartial: 5,
    connectionsOpened: 6,
    connectionsEstablished: 7,
    connectionsClosed: 8,
    synDropped: 9,
    noListener: 10,
    echoReplies: 11,
    segmentsBad: 12,
    activeOpens: 13,
    passiveOpens: 14,
    establishedResets: 15,
  });
  const snapshot = counters.snapshot(machineCounters());
  for (const [name, value] of Object.entries(NAMED)) assertEquals(snapshot[name], value, name);
  assertEquals(Object.keys(snapshot).length, Object.keys(before).length);
});

Deno.test("counters: those of the machine, their words joined with dashes", () => {
  const machine = machineCounters();
  Object.assign(machine, { resetsOut: 17 });
  const snapshot = new HostCounters().snapshot(machine);
  assertEquals(snapshot["resets-out"], 17);
  assertEquals(Object.keys(snapshot).length, Object.keys(NAMED).length + Object.keys(machine).length);
  for (const name of Object.keys(snapshot)) assertEquals(/^[a-z]+(-[a-z]+)*$/.test(name), true, name);
});

Deno.test("counters: drops by reason, only where there were any; rare things by the names that they are given", () => {
  const counters = new HostCounters();
  counters.drop("checksum");
  counters.drop("checksum");
  counters.drop("fragment");
  counters.count("arp-in");
  counters.count("arp-in");
  counters.count("arp-in");
  const all = counters.snapshot(machineCounters());
  const others = Object.fromEntries(
    Object.entries(all).filter(([name]) => name.startsWith("drop-") || name.startsWith("arp-")),
  );
  assertEquals(others, { "drop-checksum": 2, "drop-fragment": 1, "arp-in": 3 });
});

Deno.test("counters: a snapshot stays as it was", () => {
  const wire = new WireHost();
  const before = wire.host.counters();
  wire.gives(segmentFrame({ seq: 1, flags: 2 }));
  assertEquals(before["segments-in"], 0);
  const after = wire.host.counters();
  assertEquals([after["segments-in"], after["segments-out"], after["resets-out"]], [1, 1, 1]);
  assertEquals([after["frames-in"], after["frames-out"], after["no-listener"]], [1, 1, 1]);
});
