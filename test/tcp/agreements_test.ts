/**
 * What a handshake agrees on, at the edges (RFC 9293 §3.7.1, RFC 7323 §2 and §3, RFC 2018 §2): scale, MSS, first windows,
 * first round trip; and the timestamps that tell a stranger nothing (RFC 7323 §7.1).
 */
import { assert, assertEquals } from "@std/assert";
import { MS_US, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import { FAMILY } from "./family.ts";
import type { OptionValues } from "./frame_craft.ts";
import { Lab } from "./harness.ts";
import { type FixtureOptions, reachEstablished, reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const ROLES = ["server", "client"] as const;

for (const role of ROLES) {
  Deno.test(`${role}: the scale is the least with which the buffer can be said, 14 at the most (RFC 7323 §2.2, §2.3)`, () => {
    for (
      const [receiveBufferBytes, shift] of [
        [1000, 0],
        [0xffff, 0],
        [0x10000, 1],
        [0xffff * 2, 1],
        [0xffff * 2 + 1, 2],
        [0x100000, 5],
        [0xffff * 2 ** 14, 14],
        [0x7fff_ffff, 14],
      ]
    ) {
      const options: FixtureOptions = { role, options: SACK_OPTIONS, tcp: { receiveBufferBytes } };
      const { app } = reachEstablished(options);
      assertEquals(app.connection.info().receiveWindowShift, shift, `a buffer of ${receiveBufferBytes}`);
    }
  });

  Deno.test(`${role}: a scale of 0 is an offer, too: ours is used (RFC 7323 §2.2, §2.3)`, () => {
    const { peer, app } = reachEstablished({
      role,
      options: { mss: 1460, windowScale: 0 },
      peer: { window: 5000 },
      tcp: { receiveBufferBytes: 0x100000, quickAcks: 1000 },
    });
    const { receiveWindowShift, sendWindowShift, sndWnd } = app.connection.info();
    assertEquals([receiveWindowShift, sendWindowShift, sndWnd], [5, 0, 5000]);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
    // Scaled: a 32nd of the buffer, less what has come.
    const { window } = peer.expects({ flags: "ACK", ack: 101 });
    assert(window > 32_700 && window <= 0x8000, `window ${window}`);
  });

  Deno.test(`${role}: without the peer's scale windows are as they stand, ours and the peer's (RFC 7323 §2.2)`, () => {
    const { peer, app } = reachEstablished({ role, options: { mss: 1460 }, peer: { window: 5000 } });
    const { receiveWindowShift, sendWindowShift, sndWnd } = app.connection.info();
    assertEquals([receiveWindowShift, sendWindowShift, sndWnd], [0, 0, 5000]);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
    assertEquals(
      peer.expects({ flags: "ACK", ack: 101 }).window,
      0xffff - 100,
      "the edge stays for so little",
    );
  });

  Deno.test(`${role}: text is as large as the smallest of the peer's MSS, ours and the path, less the timestamps (MUST-16, MUST-15)`, () => {
    for (
      const [mss, linkMss, full] of [[1460, 1460, 1460], [1000, 1460, 1000], [9000, 1460, 1460], [
        1460,
        1240,
        1240,
      ], [536, 8960, 536]]
    ) {
      const mtu = FAMILY.mtuFor(linkMss);
      for (const stamps of [0, 12]) {
        const offered: OptionValues = stamps === 0 ? { mss } : { mss, timestamps: { value: 1, echo: 0 } };
        const { peer, app } = reachEstablished({ role, mtu, options: offered });
        app.write(3 * full);
        const [seen] = peer.takeAll();
        assertEquals([seen.data.length, app.connection.info().sendMss], [full - stamps, full - stamps]);
      }
    }
    const { peer, app } = reachEstablished({ role, options: {} });
    app.write(5000);
    assertEquals(peer.takeAll()[0].data.length, FAMILY.defaultMss);
  });

  Deno.test(`${role}: an MSS below 48 is taken as 48 (local choice beside MUST-14)`, () => {
    for (const [mss, full] of [[1, 48], [47, 48], [48, 48], [49, 49]]) {
      const { peer, app } = reachEstablished({ role, options: { mss } });
      app.write(500);
      assertEquals(peer.takeAll()[0].data.length, full);
    }
  });

  Deno.test(`${role}: the handshake is the first measurement of the round trip (RFC 6298 §2.2)`, () => {
    for (const [us, srtt, rttvar] of [[100 * MS_US, 100 * MS_US, 50 * MS_US], [0, 1, 0]]) {
      const fixture = role === "client" ? reachSynSent() : reachSynRcvd();
      const { lab, peer, app } = fixture;
      lab.pass(us);
      if (role === "client") peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
      else peer.sends({ flags: "ACK", seq: 1, ack: 1 });
      const { srttUs, rttvarUs, minRttUs, backoff } = app.connection.info();
      assertEquals([srttUs, rttvarUs, minRttUs, backoff], [srtt, rttvar, us, 0]);
    }
  });
}

Deno.test("the first window is that of the segment that establishes: a SYN's is never scaled, an ACK's is (RFC 7323 §2.2)", () => {
  const client = reachEstablished({ role: "client", options: SACK_OPTIONS, peer: { window: 700 } });
  assertEquals(client.app.connection.info().sndWnd, 700);
  const server = reachEstablished({ options: SACK_OPTIONS, peer: { window: 700 } });
  assertEquals(server.app.connection.info().sndWnd, 700 << 7);
});

Deno.test("a SYN offers the unscaled room, and what was offered is kept: text up to its edge is taken (RFC 7323 §2.2, SHLD-14)", () => {
  for (const role of ROLES) {
    const { peer, app } = reachEstablished({
      role,
      autoRead: false,
      options: SACK_OPTIONS,
      tcp: { receiveBufferBytes: 50_001, quickAcks: 1000 },
    });
    if (role === "server") assertEquals(peer.hostRightEdge, 50_002);
    for (let seq = 1; seq < 50_002; seq += 10_000) {
      peer.sends({ flags: "ACK", seq, ack: 1, data: Math.min(10_000, 50_002 - seq) });
    }
    assertEquals(app.connection.readableBytes, 50_001);
  }
});

// Timestamps

/** TSval of the SYN, ACK to a peer, and of an active SYN. */
function stamps(lab: Lab, port: number, address = 9): { passive: number; active: number } {
  const peer = lab.peer({ port, address: FAMILY.neighbor(address) });
  peer.sends({ flags: "SYN", seq: 0, options: STAMPED_OPTIONS });
  const passive = peer.expects({ flags: "SYN ACK" }).options.timestamps?.value ?? 0;
  const target = lab.peer({ port: port + 1000, address: FAMILY.neighbor(address), hostPort: 1 });
  lab.connect(target, { localPort: port });
  const active = target.expects({ flags: "SYN" }).options.timestamps?.value ?? 0;
  return { passive, active };
}

Deno.test("each connection's timestamps have an offset of their own: none tells of another, or of the uptime (RFC 7323 §7.1, RFC 6528)", () => {
  const lab = new Lab({ startUs: 5000 * SECOND_US });
  lab.listen();
  const values: number[] = [];
  for (let i = 0; i < 32; i++) {
    const { passive, active } = stamps(lab, 40_000 + i, i % 2 === 0 ? 9 : 10);
    values.push(passive, active);
  }
  assertEquals(new Set(values).size, values.length, "no two the same at one moment");
  const steps = values.slice(1).map((value, i) => (value - values[i]) >>> 0);
  assertEquals(new Set(steps).size, steps.length, "and no step twice");
  const near = values.filter((value) => value < 2 ** 24).length;
  assert(near < 8, "spread over the whole space");
  for (let bit = 0; bit < 32; bit++) {
    const ones = values.filter((value) => ((value >>> bit) & 1) === 1).length;
    assert(ones > 10 && ones < 54, `bit ${bit} is set ${ones} times of ${values.length}`);
  }
});

Deno.test("the timestamps of one 4-tuple go on from connection to connection, a millisecond a tick (RFC 7323 §5.4, RFC 6191)", () => {
  const at = (startUs: number, secretByte: number) => {
    const lab = new Lab({ startUs, secret: new Uint8Array(16).fill(secretByte) });
    lab.listen();
    return stamps(lab, 40_000).passive;
  };
  const first = at(SECOND_US, 1);
  assertEquals((at(SECOND_US + 90_000, 1) - first) >>> 0, 90);
  assertEquals((at(61 * SECOND_US, 1) - first) >>> 0, 60_000);
  assert(Math.abs((at(SECOND_US, 2) - first) | 0) > 1000, "another secret, another offset");
});

Deno.test("an offset holds for the whole connection (RFC 7323 §5.4)", () => {
  const { lab, peer, app } = reachEstablished({ options: STAMPED_OPTIONS, tcp: { noDelay: true } });
  const first = peer.hostTimestamp;
  const startUs = lab.nowUs;
  for (const us of [1000, 999, 1, 5_000_000]) {
    lab.pass(us);
    app.write("x");
    const seen = peer.takeAll().at(-1);
    const ticks = Math.floor(lab.nowUs / 1000) - Math.floor(startUs / 1000);
    assertEquals(((seen?.options.timestamps?.value ?? 0) - first) >>> 0, ticks);
    peer.sends({ flags: "ACK", seq: 1 });
  }
});

Deno.test("a round trip is measured by the echo of what was sent twice (RFC 7323 §4.1, MUST-18)", () => {
  const { lab, peer, app } = reachEstablished({ options: { mss: 1460, timestamps: { value: 1, echo: 0 } } });
  app.write("text");
  assertEquals(peer.takeAll().length, 1);
  lab.pass(app.connection.info().timers["rto"]);
  const [again] = peer.takeAll();
  assertEquals(again.seq, 1);
  lab.pass(80 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 5 });
  const { srttUs, backoff } = app.connection.info();
  // SRTT was nothing: an eighth of 80 ms, in ticks of a millisecond.
  assert(Math.abs(srttUs - 10 * MS_US) <= MS_US, `srtt ${srttUs}`);
  assertEquals(backoff, 0);
});
