/**
 * Paths and peers that leave next to no room beside the headers: the MSS is a bound, never a stall (RFC 9293 §3.7.1,
 * MUST-16; RFC 6691; RFC 1191 §3: 68 bytes; CVE-2019-11479).
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { FAMILY } from "./family.ts";
import type { OptionValues } from "./frame_craft.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { Peer, Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;
/** Links that leave so many bytes beside the headers, as 68 bytes do for IPv4; a device may say such a thing over either version. */
const MTUS = [28, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40].map((mss) => FAMILY.mtuFor(mss));

const OFFERS: Readonly<Record<string, OptionValues>> = {
  "no options": { mss: 1460 },
  "SACK": { mss: 1460, sackPermitted: true },
  "timestamps": { mss: 1460, timestamps: { value: 0x7fff_0000, echo: 0 } },
  "all options": ALL_OPTIONS,
};

/** Gives the host `count` blocks to report: RCV.NXT stays where it is. */
function holes(peer: Peer, count: number): void {
  for (let i = 0; i < count; i++) peer.sends({ flags: "ACK", seq: 11 + i * 10, ack: 1, data: 5 });
  peer.next = 1;
  peer.takeAll();
}

/** The host sends `bytes`. Returns the segments. */
function sends(fixture: Fixture, bytes: number): Seen[] {
  fixture.app.write(bytes);
  return drains(fixture, bytes);
}

/** The peer acknowledges what has come in order every 20 ms, until `bytes` that were written are through. */
function drains({ lab, peer, app }: Fixture, bytes: number): Seen[] {
  const segments: Seen[] = [];
  let arrived = 1;
  const received = new Uint8Array(bytes);
  for (let rounds = 0; app.connection.unackedBytes > 0; rounds++) {
    assert(rounds < 1500, `stalled with ${app.connection.unackedBytes} of ${bytes} left`);
    const seen = peer.takeAll().filter(({ data }) => data.length > 0);
    segments.push(...seen);
    for (const { seq, data } of seen) {
      received.set(data, seq - 1);
      if (seq <= arrived) arrived = Math.max(arrived, seq + data.length);
    }
    lab.pass(20 * MS_US);
    peer.sends({ flags: "ACK", seq: 1, ack: arrived });
  }
  assertEquals(received, bytesOf(bytes), "what was written");
  return segments;
}

for (const [offer, options] of Object.entries(OFFERS)) {
  for (const blocks of [0, 1, 2, 4]) {
    Deno.test(`an MTU of 68 to 80 (${offer}, ${blocks} blocks to report): each segment carries something, all gets through (MUST-16, RFC 9293 §3.7.1)`, () => {
      for (const mtu of MTUS) {
        const fixture = reachEstablished({ mtu, options });
        const { lab, peer } = fixture;
        holes(peer, blocks);
        const startUs = lab.nowUs;
        const segments = sends(fixture, 500);
        assertLessOrEqual(segments.length, 500, "at least an octet each");
        assertEquals(segments.reduce((sum, { data }) => sum + data.length, 0), 500, "nothing twice");
        assertLessOrEqual(lab.nowUs - startUs, 10 * SECOND_US, `MTU ${mtu}`);
      }
    });
  }

  Deno.test(`an MTU of 68 to 80 (${offer}): what is lost is sent again, and text arrives (RFC 9293 §3.8.1)`, () => {
    for (const mtu of MTUS) {
      const { lab, peer, app } = reachEstablished({ mtu, options });
      holes(peer, 3);
      app.write(40);
      const first = peer.takeAll();
      assertGreater(first[0]?.data.length ?? 0, 0, `MTU ${mtu}`);
      lab.pass(3 * SECOND_US);
      const again = peer.takeAll().filter(({ data }) => data.length > 0);
      // A tail probe may take new text (RFC 8985 §7.3).
      assert(again.some(({ seq }) => seq === 1), `MTU ${mtu}`);
      peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 60 });
      const acks = peer.takeAll();
      assertEquals(acks[acks.length - 1].ack, 61);
      assertEquals(app.bytesRead, bytesOf(60));
    }
  });
}

Deno.test("an MTU of 68 to 80: FIN, probes of a shut window and keep-alive fit (RFC 9293 §3.8.6.1, §3.8.4)", () => {
  for (const mtu of MTUS) {
    const { lab, peer, app } = reachEstablished({ mtu, options: ALL_OPTIONS, peer: { window: 0 } });
    holes(peer, 4);
    app.write(3);
    lab.pass(2 * SECOND_US);
    assertGreaterOrEqual(peer.takeAll().length, 1, `a probe, MTU ${mtu}`);
    // From beyond the text that has arrived: SND.WL1 (RFC 9293 §3.10.7.4).
    const seq = 46;
    peer.window = 1000;
    peer.sends({ flags: "ACK", seq, ack: 1 });
    lab.pass(2 * SECOND_US);
    peer.takeAll();
    peer.sends({ flags: "ACK", seq, ack: 4 });
    lab.user(() => app.connection.setKeepAlive(true, 5 * SECOND_US, SECOND_US));
    lab.pass(5500 * MS_US);
    assertEquals(peer.takeAll().map(({ seq }) => seq), [3], `keep-alive, MTU ${mtu}`);
    peer.sends({ flags: "ACK", seq, ack: 4 });
    app.closeWrite();
    assertEquals(peer.takeAll().map(({ flags }) => flags), ["FIN ACK"]);
  }
});

/** The peer's MSS option, from none at all to next to nothing; timestamps take 12 of it. */
const TINY = [0, 1, 2, 3, 7, 8, 10, 11, 12, 13, 14, 20, 28, 36, 40, 47];

for (const [offer, given] of Object.entries(OFFERS)) {
  for (const role of ["server", "client"] as const) {
    Deno.test(`a peer whose MSS option says 0 to 47 (${offer}, ${role}): something in each segment, all gets through (MUST-16, CVE-2019-11479)`, () => {
      for (const mss of TINY) {
        const options: FixtureOptions = { role, options: { ...given, mss } };
        const fixture = reachEstablished(options);
        holes(fixture.peer, 4);
        const segments = sends(fixture, 300);
        for (const { data } of segments) assertLessOrEqual(data.length, 536, `MSS ${mss}`);
        assertEquals(segments.reduce((sum, { data }) => sum + data.length, 0), 300, "nothing twice");
      }
    });
  }
}

Deno.test("a small MSS is kept to as far as it leaves room for the options (MUST-16, RFC 9293 §3.7.1)", () => {
  for (
    const [mss, options, most] of [[100, {}, 100], [100, ALL_OPTIONS, 88], [64, ALL_OPTIONS, 52]] as const
  ) {
    const fixture = reachEstablished({ options: { ...options, mss } });
    const segments = sends(fixture, 2000);
    assertEquals(Math.max(...segments.map(({ data }) => data.length)), most);
  }
});

Deno.test("a message that says 68 bytes is no stall, even with all options (RFC 1191 §3, CVE-2019-11479)", () => {
  for (const mtu of [68, 72, 80]) {
    const fixture = reachEstablished({ options: ALL_OPTIONS });
    const { peer, app } = fixture;
    holes(peer, 4);
    app.write(2000);
    assertGreater(peer.takeAll()[0].data.length, 1000, "and is lost");
    sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 1, rest: mtu });
    const segments = drains(fixture, 2000);
    assertGreater(segments.length, 0);
  }
});
