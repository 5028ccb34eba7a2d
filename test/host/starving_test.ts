/**
 * Applications that could not write because there was no memory to write into: they go on when it is back, by themselves.
 *
 * Owns: the ways in which that happens. Must not know: how the host remembers them.
 */
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { findApplication } from "../../src/app/applications.ts";
import { bytesOf } from "../tcp/app_log.ts";
import { SCALED } from "../tcp/crowd.ts";
import type { Lab } from "../tcp/harness.ts";
import { exhausted } from "../tcp/memory_exhaustion.ts";
import type { Peer } from "../tcp/peer.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const MEBIBYTE = 0x100000;
const ENOUGH = 20;

/**
 * A connection that the host opens, with one of its applications upon it: those that others open are evicted before memory is
 * used up so far. The SYN-ACK is still to come.
 */
function opens(lab: Lab, name: string): Peer {
  const make = findApplication(name)?.create({ nowEpochUs: () => 0 });
  assert(make !== undefined);
  const peer = lab.peer();
  const { connection } = lab.connect(peer);
  connection.handler = make(connection);
  peer.expects({ flags: "SYN", seq: 0 });
  return peer;
}

function answers(peer: Peer, window = 0xffff): void {
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: SCALED, window });
}

/** Acknowledges all that comes, for so long; returns the octets from number `first` on. */
function receives(peer: Peer, us: number, first = 1): number[] {
  const got: number[] = [];
  for (let passed = 0; passed < us; passed += 10_000) {
    peer.lab.pass(10_000);
    for (const { seq, data } of peer.takeAll()) {
      for (const [i, octet] of data.entries()) got[seq + i - first] = octet;
    }
    peer.sends({ flags: "ACK" });
  }
  return got;
}

/** Whether they are RFC 864's lines. */
function assertPattern(octets: readonly number[]): void {
  const text = String.fromCharCode(...octets.slice(0, 148));
  assertEquals(text.length, 148);
  assert(/^[ -~]{72}\r\n[ -~]{72}\r\n$/.test(text), JSON.stringify(text));
}

Deno.test("chargen that had no memory from its first octet on begins within a second of having some", () => {
  const { lab, ends, there: peer } = exhausted(4 * MEBIBYTE, (lab) => opens(lab, "chargen"));
  peer.takeAll();
  answers(peer);
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(5 * SECOND_US);
  peer.expectsSilence();
  for (const { app } of ends.slice(0, ENOUGH)) app.read();
  const got = receives(peer, SECOND_US);
  assertGreater(got.length, 10_000);
  assertPattern(got);
});

Deno.test("chargen that has a little memory goes on with it, and no octet is lost where it had to wait", () => {
  const { lab, ends, there: peer } = exhausted(4 * MEBIBYTE, (lab) => {
    const peer = opens(lab, "chargen");
    answers(peer, 0);
    return peer;
  });
  const slow = receives(peer, 3 * SECOND_US);
  assertGreater(slow.length, 10_000);
  assertPattern(slow);
  const { usedBytes } = lab.host.memory();
  assertLessOrEqual(usedBytes, 15 / 16 * 4 * MEBIBYTE + 0x1000);
  for (const { app } of ends.slice(0, ENOUGH)) app.read();
  const first = slow.length + 1;
  const fast = receives(peer, SECOND_US, first);
  assertGreater(fast.length, 10_000);
  // The pattern has a period of 95 lines.
  const all = [...slow, ...fast];
  const period = 95 * 74;
  for (let at = period; at < all.length; at++) assertEquals(all[at], all[at - period], `octet ${at}`);
});

Deno.test("echo that could not send back does so when memory is back", () => {
  const { lab, ends, there: peer } = exhausted(4 * MEBIBYTE, (lab) => {
    const peer = opens(lab, "echo");
    answers(peer);
    return peer;
  });
  peer.takeAll();
  const text = bytesOf(1000);
  // Sent again and again, as a client does whose text is not acknowledged.
  for (let again = 0; again < 5; again++) {
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: text });
    lab.pass(SECOND_US);
  }
  assertEquals(peer.takeAll().filter(({ data }) => data.length > 0), []);
  for (const { app } of ends.slice(0, ENOUGH)) app.read();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: text });
  const got = receives(peer, SECOND_US);
  assertEquals(Uint8Array.from(got), text);
});

Deno.test("who waits for memory does not keep the clock busy, and is forgotten with its connection", () => {
  const { lab, there: peer } = exhausted(4 * MEBIBYTE, (lab) => opens(lab, "chargen"));
  answers(peer);
  let wakes = 0;
  const endUs = lab.nowUs + 10 * SECOND_US;
  for (; lab.host.nextDeadlineUs() < endUs; wakes++) lab.passUntil(lab.host.nextDeadlineUs());
  assertLessOrEqual(wakes, 22, "it looks twice a second");
  assertGreater(wakes, 10, "it does look");
  peer.sends({ flags: "RST", seq: 1 });
  for (const connection of lab.host.connections()) lab.user(() => connection.abort());
  lab.pass(2 * SECOND_US);
  assertEquals(lab.host.nextDeadlineUs(), Infinity);
  assertEquals(lab.host.memory().usedBytes, 0);
});
