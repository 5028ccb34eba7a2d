/**
 * Initial sequence numbers: ISN = M + F(4-tuple, secret), M a clock of 4 microseconds (RFC 9293 §3.4.1, RFC 6528).
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { FAMILY } from "./family.ts";
import { Lab } from "./harness.ts";
import { reachLastAck } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

interface Circumstances {
  readonly startUs?: number;
  readonly port?: number;
  readonly hostPort?: number;
  readonly lastByte?: number;
  readonly secretByte?: number;
}

/** The ISS that a listener answers with. */
function serverIss(
  { startUs = SECOND_US, port = 40_000, hostPort = 80, lastByte = 9, secretByte = 1 }: Circumstances,
): number {
  const lab = new Lab({ startUs, secret: new Uint8Array(16).fill(secretByte) });
  lab.listen({ port: hostPort });
  const peer = lab.peer({ port, hostPort, address: FAMILY.neighbor(lastByte) });
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  return peer.hostIss;
}

Deno.test("for one 4-tuple, ISNs grow with a clock of 4 us (MUST-8, SHLD-1, RFC 6528 §3)", () => {
  const first = serverIss({});
  for (const laterUs of [4, 400, SECOND_US, 60 * SECOND_US, 3600 * SECOND_US, 5 * 3600 * SECOND_US]) {
    const grown = (serverIss({ startUs: SECOND_US + laterUs }) - first) >>> 0;
    const expected = (laterUs / 4) % 2 ** 32;
    assert(Math.abs(grown - expected) <= 1, `grew by ${grown} in ${laterUs} us`);
  }
});

Deno.test("the same 4-tuple, secret and time give the same ISN: F is a function (SHLD-1, RFC 6528 §3)", () => {
  assertEquals(serverIss({}), serverIss({}));
});

Deno.test("each part of the 4-tuple changes F, and so does the secret (MUST-9, SHLD-1, RFC 6528 §3)", () => {
  const first = serverIss({});
  for (const other of [{ port: 40_001 }, { hostPort: 81 }, { lastByte: 10 }, { secretByte: 2 }]) {
    assertNotEquals(serverIss(other), first);
  }
});

Deno.test("ISNs of neighbouring ports are spread over the whole space, with no step in common (MUST-9)", () => {
  const numbers = Array.from({ length: 256 }, (_, i) => serverIss({ port: 40_000 + i }));
  const steps = new Set(numbers.slice(1).map((number, i) => (number - numbers[i]) >>> 0));
  assertEquals(steps.size, numbers.length - 1, "no step twice");
  // Each bit is set about half of the time: 256 throws, more than 6 standard deviations to either side.
  for (let bit = 0; bit < 32; bit++) {
    const ones = numbers.filter((number) => ((number >>> bit) & 1) === 1).length;
    assert(ones > 80 && ones < 176, `bit ${bit} is set ${ones} times of 256`);
  }
});

Deno.test("active opens take their ISN from the same clock and function (MUST-8, MUST-9, SHLD-1)", () => {
  const iss = (startUs: number, secretByte: number) => {
    const lab = new Lab({ startUs, secret: new Uint8Array(16).fill(secretByte) });
    const peer = lab.peer({ port: 80 });
    lab.connect(peer, { localPort: 50_000 });
    peer.expects({ flags: "SYN", seq: 0 });
    return peer.hostIss;
  };
  const first = iss(SECOND_US, 1);
  assert(Math.abs(((iss(3 * SECOND_US, 1) - first) >>> 0) - 500_000) <= 1);
  assertNotEquals(iss(SECOND_US, 2), first);
});

Deno.test("a new connection between the same ends begins beyond the old one (MUST-8, RFC 9293 §3.4.1)", () => {
  const { lab, peer } = reachLastAck();
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  const oldIss = peer.hostIss;
  lab.pass(SECOND_US);
  peer.sends({ flags: "SYN", seq: 1000 });
  peer.expects({ flags: "SYN ACK", seq: 0 });
  assertEquals((peer.hostIss - oldIss) >>> 0, SECOND_US / 4);
});
