/** Stations of ours that share a link: what comes back to them, what goes to the wire, in what order, and how much may wait. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { hairpinLink, MOST_STATIONS, stationLink } from "../../src/link/hairpin_link.ts";
import type { FrameLink } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { EVERYBODY, frame, mac, marks } from "./marked_frames.ts";

function scene() {
  const [device, wire] = memoryPair();
  const link = hairpinLink(device, [mac(1), mac(2)]);
  const [one, two] = [stationLink(link, mac(1)), stationLink(link, mac(2))];
  const send = (from: Pick<FrameLink, "send">, bytes: Uint8Array) => from.send(bytes, bytes.length);
  return { device, wire, link, one, two, send };
}

Deno.test("hairpin: what is for a station comes back and is not on the wire, what is for a group goes both ways", () => {
  const { wire, link, one, two, send } = scene();
  send(one, frame(mac(2), mac(1), 1));
  send(two, frame(EVERYBODY, mac(2), 2));
  send(one, frame(mac(9), mac(1), 3));
  assertEquals([marks(wire), marks(link), marks(link)], [[2, 3], [1, 2], []]);
  assertEquals([one.mac, two.mac, one.name, one.mtu], [mac(1), mac(2), link.name, link.mtu]);
});

Deno.test("hairpin: the bytes are its own, and frames of the wire come first, as those that are older", () => {
  const { wire, link, one, send } = scene();
  const bytes = frame(mac(2), mac(1), 0);
  for (let mark = 0; mark < 3; mark++) {
    bytes[14] = mark;
    send(one, bytes);
  }
  send(wire, frame(mac(1), mac(9), 9));
  assertEquals(marks(link), [9, 0, 1, 2]);
});

Deno.test("hairpin: a wire that is never empty leaves half of each turn to what has come back", () => {
  const { wire, link, one, send } = scene();
  for (let mark = 0; mark < 8; mark++) send(one, frame(mac(2), mac(1), mark));
  for (let mark = 100; mark < 120; mark++) send(wire, frame(mac(1), mac(9), mark));
  assertEquals(marks(link, 4), [100, 101, 0, 1]);
  assertEquals(marks(link, 4), [102, 103, 2, 3]);
});

Deno.test("hairpin: two that answer each other within a turn do not go on in it for ever", () => {
  const { link, one, two } = scene();
  const bounce = (from: Uint8Array, length: number) => {
    const [to, by] = [from.slice(6, 12), from.slice(0, 6)];
    (by[5] === 1 ? one : two).send(frame(to, by, 0), length);
  };
  one.send(frame(mac(2), mac(1), 0), 60);
  assertEquals([link.receive(bounce, 64), link.receive(bounce, 64), marks(link)], [1, 1, [0]]);
});

Deno.test("hairpin: of what nobody takes 1024 frames wait, and the rest is counted as lost", () => {
  const { device, link, one, send } = scene();
  for (let i = 0; i < 1100; i++) send(one, frame(mac(2), mac(1), i & 0xff));
  assertEquals([link.stats().droppedByRing, link.isCrowded, device.stats().framesOut], [76, true, 0]);
  assertEquals([marks(link).length, link.isCrowded], [1024, false]);
});

Deno.test("hairpin: a wait ends with a frame that comes back, one that waits is not waited for, and the end is the link's", async () => {
  const { device, link, one, send } = scene();
  const wait = link.wait(Infinity);
  send(one, frame(mac(2), mac(1), 1));
  await wait;
  await link.wait(Infinity);
  assertEquals(marks(link), [1]);
  send(one, frame(mac(2), mac(1), 1));
  link.close();
  assertThrows(() => device.receive(() => {}, 1));
});

Deno.test("hairpin: who tells of frames hears that one has left before it comes back", () => {
  const { link, one, send } = scene();
  const told: string[] = [];
  link.onDeparture = () => void told.push("leaves");
  send(one, frame(mac(2), mac(1), 1));
  link.receive(() => void told.push("comes"), 64);
  assertEquals(told, ["leaves", "comes"]);
  link.receive(() => void told.push("comes"), 64);
  assertEquals(told.length, 2);
});

Deno.test("hairpin: a link has 64 stations at most", () => {
  const [device] = memoryPair();
  const macs = Array.from({ length: MOST_STATIONS + 1 }, (_, last) => mac(last));
  assertEquals(MOST_STATIONS, 64);
  assertThrows(() => hairpinLink(device, macs), RangeError, "64 stations at most");
  assert(hairpinLink(device, macs.slice(1)).mtu > 0);
});
