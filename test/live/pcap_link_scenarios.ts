/**
 * What pcap_link_live_test.ts runs inside a network namespace of its own: one scenario, named by the first
 * argument, with the way of sending that the second names, on a veth pair tc0/tc1 that the caller made. Prints one JSON line of results; a failed assertion is an
 * exit status other than 0.
 *
 * Must not know: how the namespace was made.
 */

import { assert, assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { listInterfaces } from "../../ffi/interfaces.ts";
import { PCAP_CODES, PcapError } from "../../ffi/pcap_error.ts";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { type FrameHandler, LinkError } from "../../src/link/link.ts";
import { RING_SCENARIOS } from "./capture_ring_scenarios.ts";
import {
  frameTo,
  FULL_BYTES,
  ip,
  MAC_0,
  MAC_1,
  MINIMUM_BYTES,
  open,
  OUR_FRAMES,
  put,
  receiveSome,
  type Results,
  sendUntilReceived,
  WAIT_LIMIT_MS,
  waitForLink,
} from "./pcap_link_pair.ts";
import { waitFor } from "./wait_for.ts";

async function bothWays(capture: "immediate" | "live"): Promise<Results> {
  using left = open("tc0", { capture });
  using right = open("tc1", { capture });
  assertEquals(left.mtu, 1500);
  assertEquals(left.warnings, []);
  for (const lengthBytes of [MINIMUM_BYTES, 61, 777, FULL_BYTES]) {
    for (const [from, to] of [[left, right], [right, left]]) {
      const frame = frameTo(to.mac, { from: from.mac, mark: lengthBytes & 0xff });
      put(from, frame, lengthBytes);
      const beforeUs = Date.now() * 1000 - 5_000_000;
      let capturedUs = 0;
      while (to.receive((_frame, _length, us) => capturedUs = us, 1) === 0) await to.wait(WAIT_LIMIT_MS);
      assert(Math.abs(capturedUs - beforeUs) < 10_000_000, `captured at ${capturedUs}`);
      put(from, frame, lengthBytes);
      const [got] = await receiveSome(to);
      assertEquals(got, frame.subarray(0, lengthBytes));
    }
  }
  // Nobody got a frame of its own back.
  assertEquals(left.receive(() => {}, 64), 0);
  assertEquals(right.receive(() => {}, 64), 0);
  assertEquals(left.stats().framesIn, 8);
  assertEquals(left.stats().framesOut, 8);
  assertEquals(left.stats().bytesOut, 2 * (MINIMUM_BYTES + 61 + 777 + FULL_BYTES));
  return { capture };
}

const SCENARIOS: Record<string, () => Promise<Results>> = {
  ...RING_SCENARIOS,

  "both-ways-immediate": () => bothWays("immediate"),
  "both-ways-live": () => bothWays("live"),

  async "budget-and-reentry"() {
    using left = open("tc0");
    // Opened before the other handle, it gets each frame after it: what the witness has, `right` has.
    using witness = open("tc1", { ringMib: 8 });
    using right = open("tc1");
    const frame = frameTo(MAC_1, { from: MAC_0, mark: 0 });
    for (let mark = 0; mark < 10; mark++) {
      frame[14] = mark;
      put(left, frame, MINIMUM_BYTES);
    }
    assertEquals((await receiveSome(witness, 10)).length, 10);
    const marks: number[] = [];
    const reflect: FrameHandler = (received, length) => {
      const mark = received[14];
      put(right, frame, length);
      // Sending inside the handler leaves the received frame as it was.
      assertEquals(received[14], mark);
      marks.push(mark);
    };
    assertEquals(right.receive(reflect, 4), 4);
    assertEquals(right.receive(reflect, 100), 6);
    assertEquals(right.receive(reflect, 100), 0);
    assertEquals(marks, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals((await receiveSome(left, 10)).length, 10);
    return {};
  },

  async "close-inside-handler"() {
    using left = open("tc0");
    const right = open("tc1");
    const frame = frameTo(MAC_1, { from: MAC_0, mark: 7 });
    for (let n = 0; n < 3; n++) put(left, frame, MINIMUM_BYTES);
    const kept: Uint8Array[] = [];
    let taken = 0;
    await waitFor(async () => {
      await right.wait(WAIT_LIMIT_MS);
      taken = right.receive((received) => {
        kept.push(received);
        right.close();
        put(right, frame, MINIMUM_BYTES);
      }, 10);
      return taken > 0;
    }, { what: "a frame comes" });
    assertEquals(taken, 1);
    assertEquals(kept[0].length, 0, "a frame kept past the end of the link is empty, not freed memory");
    assertEquals(right.receive(() => {}, 10), 0);
    return {};
  },

  async "wake-and-close"() {
    const link = open("tc0");
    // What the device got before the filter was set would end a first wait at once; reading passes over it.
    assertEquals(link.receive(() => {}, 64), 0);
    link.wake();
    const started = performance.now();
    await link.wait(30);
    assertGreater(performance.now() - started, 25, "a wake-up with nobody waiting is not remembered");
    for (let round = 0; round < 20; round++) {
      const waiting = link.wait(Infinity);
      link.wake();
      link.wake();
      await waiting;
    }
    const waiting = link.wait(Infinity);
    link.close();
    await waiting;
    await link.wait(Infinity);
    link.close();
    return {};
  },

  async "filter-and-direction"() {
    using left = open("tc0", { filter: `${OUR_FRAMES} and ether[14] = 5` });
    using right = open("tc1");
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 4 });
    const send = (mark: number) => {
      frame[14] = mark;
      put(right, frame, MINIMUM_BYTES);
    };
    send(4);
    send(5);
    assertEquals((await receiveSome(left)).map((got) => got[14]), [5]);
    left.setFilter(`${OUR_FRAMES} and ether[14] = 4`);
    send(5);
    send(4);
    assertEquals((await receiveSome(left)).map((got) => got[14]), [4]);
    assertThrows(() => left.setFilter("tcp prot 80"), PcapError, "is not valid");
    send(4);
    assertEquals((await receiveSome(left)).length, 1, "a bad filter leaves the old one in force");
    // A second handle on the device: what it sends is outgoing, and not for us. It would come before what is sent later.
    using other = open("tc0");
    frame[14] = 4;
    for (const [count, link] of [other, right].entries()) {
      frame[15] = count;
      put(link, frame, MINIMUM_BYTES);
    }
    assertEquals((await receiveSome(left)).map((got) => got[15]), [1]);
    return {};
  },

  async "refused-sends"() {
    using link = open("tc0");
    const big = new Uint8Array(9000);
    big.set(frameTo(MAC_1, { from: MAC_0, mark: 0 }));
    put(link, big, big.length);
    assertEquals(link.stats().sendErrors, 1);
    assertStringIncludes(link.lastSendError ?? "", "MTU 1500");
    assertThrows(() => put(link, big, big.length + 1), RangeError);
    await Promise.resolve();
    return { lastSendError: link.lastSendError };
  },

  async "refused-among-others"() {
    using left = open("tc0");
    using right = open("tc1");
    const frame = frameTo(MAC_1, { from: MAC_0, mark: 0 });
    const big = new Uint8Array(9000);
    big.set(frame);
    for (const [mark, bytes] of [[1, frame], [2, frame], [3, big], [4, frame], [5, frame]] as const) {
      bytes[14] = mark;
      left.send(bytes, bytes.length);
    }
    left.flush();
    const marks = (await receiveSome(right, 4)).map((got) => got[14]);
    assertEquals(marks, [1, 2, 4, 5], "a refused frame costs its neighbours nothing, and the order stays");
    assertEquals(left.stats().sendErrors, 1);
    assertEquals(left.stats().framesOut, 4);
    assertEquals(left.stats().bytesOut, 4 * FULL_BYTES);
    await ip("link", "set", "tc0", "down");
    for (let n = 0; n < 10; n++) left.send(frame, MINIMUM_BYTES);
    left.flush();
    assertEquals([left.stats().framesOut, left.stats().sendErrors], [4, 11]);
    return {};
  },

  async "more-than-the-slots"() {
    using left = open("tc0");
    using right = open("tc1");
    const frame = frameTo(MAC_1, { from: MAC_0, mark: 0 });
    for (let mark = 0; mark < 200; mark++) {
      frame[14] = mark;
      left.send(frame, MINIMUM_BYTES + mark);
    }
    left.flush();
    const got = (await receiveSome(right, 200)).map((received) => [received[14], received.length]);
    assertEquals(got, Array.from({ length: 200 }, (_, mark) => [mark, MINIMUM_BYTES + mark]));
    return {};
  },

  async "carrier-and-down"() {
    using left = open("tc0");
    using right = open("tc1");
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 1 });
    const toRight = frameTo(MAC_1, { from: MAC_0, mark: 1 });
    await sendUntilReceived(frame, { from: right, to: left });
    // The peer goes down: the carrier is gone, the device is still up.
    await ip("link", "set", "tc1", "down");
    await waitForLink("tc0", "NO-CARRIER");
    put(left, toRight, MINIMUM_BYTES);
    assertEquals(left.receive(() => {}, 10), 0);
    assertEquals(left.isDown, false);
    await ip("link", "set", "tc1", "up");
    // Frames flow again after the carrier came back.
    await sendUntilReceived(frame, { from: right, to: left });
    // The device itself goes down.
    await ip("link", "set", "tc0", "down");
    const before = left.stats().sendErrors;
    await waitFor(async () => {
      put(left, toRight, MINIMUM_BYTES);
      await left.wait(20);
      assertEquals(left.receive(() => {}, 10), 0);
      return left.isDown;
    }, { what: "the link sees that its device is down" });
    const { sendErrors } = left.stats();
    assertGreater(sendErrors, before);
    // One of several waits: a machine may stand still for as long.
    await waitFor(async () => {
      const started = performance.now();
      await left.wait(Infinity);
      return performance.now() - started < 1000;
    }, { what: "a device that is down is looked at now and then" });
    await ip("link", "set", "tc0", "up");
    // Frames flow again after the device came up.
    await sendUntilReceived(frame, { from: right, to: left });
    assertEquals(left.isDown, false);
    return { lastSendError: left.lastSendError };
  },

  async "device-vanishes"() {
    const link = open("tc0");
    const peer = open("tc1");
    const started = performance.now();
    const deleted = ip("link", "del", "tc0");
    // Which of the two is noticed first, and whether "down" comes before "gone", is the kernel's affair.
    const endOf = async (attempt: () => void): Promise<string> => {
      while (performance.now() - started < WAIT_LIMIT_MS) {
        try {
          attempt();
        } catch (error) {
          assert(error instanceof LinkError);
          return error.message;
        }
        await link.wait(50);
      }
      return "nothing was noticed";
    };
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 0 });
    const message = await endOf(() => link.receive(() => {}, 10));
    assertStringIncludes(message, "Device tc0 is gone");
    const noticedMs = Math.round(performance.now() - started);
    assertStringIncludes(await endOf(() => put(peer, frame, MINIMUM_BYTES)), "Device tc1 is gone");
    await deleted;
    link.close();
    peer.close();
    return { message, noticedMs };
  },

  "bad-devices"() {
    const refused = (device: string, code: number) => {
      for (const capture of ["immediate", "live"] as const) {
        const error = assertThrows(() => openPcapLink({ device, mac: MAC_0, capture }), PcapError);
        assertEquals(error.code, code, `${device} ${capture}: ${error.message}`);
        messages.push(error.message);
      }
    };
    const messages: string[] = [];
    refused("nonesuch", PCAP_CODES.noSuchDevice);
    refused("lo", PCAP_CODES.captureNotSupported);
    refused("any", PCAP_CODES.error);
    refused("tcdown", PCAP_CODES.interfaceNotUp);
    const bad = assertThrows(() => open("tc0", { filter: "tcp prot 80" }), PcapError);
    assertEquals(bad.operation, "pcap_compile");
    return Promise.resolve({ messages: [...new Set(messages)] });
  },

  async "interfaces"() {
    await ip("address", "add", "192.0.2.7/26", "dev", "tc0");
    await ip("link", "set", "tc0", "address", "02:11:22:33:44:55", "mtu", "1400");
    const tc0 = () => listInterfaces().find((candidate) => candidate.name === "tc0");
    // The kernel makes the address of IPv6 when it has got round to the news of the carrier.
    await waitFor(() => tc0()?.addresses.some(({ address }) => address.length === 16) ?? false, {
      what: "tc0 has its own address",
    });
    const info = tc0();
    assert(info !== undefined);
    assertEquals(info.mac, Uint8Array.of(0x02, 0x11, 0x22, 0x33, 0x44, 0x55));
    assertEquals(info.mtu, 1400);
    assertEquals(info.isEthernet, true);
    assertEquals([info.isUp, info.isRunning, info.isLoopback], [true, true, false]);
    const v4 = info.addresses.find((candidate) => candidate.address.length === 4);
    assertEquals(v4, { address: Uint8Array.of(192, 0, 2, 7), prefixLength: 26 });
    const v6 = info.addresses.find((candidate) => candidate.address.length === 16);
    assertEquals(v6?.prefixLength, 64);
    const down = listInterfaces().find((candidate) => candidate.name === "tcdown");
    assertEquals([down?.isUp, down?.connection], [false, "disconnected"]);
    return {};
  },

  async "ring-drops-are-counted"() {
    using left = open("tc0", { ringMib: 1 });
    using right = open("tc1");
    const frame = frameTo(MAC_0, { from: MAC_1, mark: 0 });
    const sent = 5000;
    for (let n = 0; n < sent; n++) put(right, frame, FULL_BYTES);
    let got = 0;
    await waitFor(() => {
      got += left.receive(() => {}, sent);
      return got + left.stats().droppedByRing === sent;
    }, { what: `${sent} frames are taken or counted as lost` });
    const { droppedByRing } = left.stats();
    assertGreater(droppedByRing, 0);
    return { got, droppedByRing };
  },
};

const scenario = SCENARIOS[Deno.args[0] ?? ""];
if (scenario === undefined) {
  throw new Error(`No scenario ${Deno.args[0]}; there are ${Object.keys(SCENARIOS).join(", ")}`);
}
console.log(JSON.stringify(await scenario()));
