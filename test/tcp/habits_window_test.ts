/**
 * Habits about the window that we offer, each in both positions: its scale, its first value, how the buffer grows, how far segments
 * are taken; and settings that change while the host runs (src/tcp/habits.ts).
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { Lab } from "./harness.ts";
import { ALL_OPTIONS, reachEstablished, reachSynRcvd } from "./states.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

function synOf(tcp: Partial<TcpConfig>) {
  const lab = new Lab({ tcp });
  const peer = lab.peer();
  lab.connect(peer);
  return peer.expects({ flags: "SYN", seq: 0 });
}

Deno.test("the scale is for the buffer as it is, or for what it may become (RFC 7323 §2.2)", () => {
  const receiveBufferBytes = 0x10000;
  assertEquals(synOf({ receiveBufferBytes }).options.windowScale, 1);
  assertEquals(synOf({ receiveBufferBytes, windowScaleForBytes: 0x200000 }).options.windowScale, 6);
  assertEquals(synOf({ receiveBufferBytes, windowScaleForBytes: 73_728 }).options.windowScale, 1);
  assertEquals(synOf({ receiveBufferBytes, windowScaleForBytes: 0xffff_ffff }).options.windowScale, 14);
});

Deno.test("the first window is all of the buffer, or whole segments of it", () => {
  assertEquals(synOf({ receiveBufferBytes: 65_536 }).window, 65_535);
  const { window, options } = synOf({ receiveBufferBytes: 65_536, firstWindow: "whole-segments" });
  const { mss = 0 } = options;
  assertEquals(window, 65_536 - (65_536 % mss));
  // Beside timestamps a segment holds less.
  const lab = new Lab({ tcp: { receiveBufferBytes: 65_536, firstWindow: "whole-segments" } });
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { ...ALL_OPTIONS, mss } });
  peer.expects({ flags: "SYN ACK", window: 65_536 - (65_536 % (mss - 12)) });
});

Deno.test("a SYN,ACK that leaves again takes back nothing of what our FIN has offered (SHLD-14)", () => {
  const { lab, peer, app } = reachSynRcvd({
    tcp: {
      receiveBufferBytes: 12_000,
      firstWindow: "whole-segments",
      windowUpdates: "every-ack",
      windowScaling: false,
    },
  });
  app.closeWrite();
  const { window } = peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  assertEquals(window, 12_000);
  lab.pass(SECOND_US);
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1, window: 12_000 });
  assertEquals(app.connection.info().rcvWnd, 12_000);
});

Deno.test("a buffer smaller than a segment is offered as it is", () => {
  assertEquals(synOf({ receiveBufferBytes: 1000, firstWindow: "whole-segments" }).window, 1000);
});

Deno.test("buffers stay as they are set, or become whole segments in the handshake", () => {
  for (const role of ["server", "client"] as const) {
    for (const bufferUnit of ["octets", "segments"] as const) {
      const tcp = { bufferUnit, receiveBufferBytes: 65_536, sendBufferBytes: 32_768 };
      const { app } = reachEstablished({ role, tcp, options: { mss: 1000 } });
      const { receiveBufferBytes, sendBufferBytes } = app.connection.config;
      assertEquals(
        [receiveBufferBytes, sendBufferBytes],
        bufferUnit === "octets" ? [65_536, 32_768] : [66_000, 33_000],
      );
      assertEquals(app.connection.writableBytes, sendBufferBytes);
    }
  }
});

Deno.test("segments are taken in what was offered (RFC 9293 §3.10.7.4), or wherever the buffer has room", () => {
  for (const acceptance of ["offered", "buffer"] as const) {
    // Without scaling 65,535 is the most that can be offered of this buffer.
    const tcp = { acceptance, receiveBufferBytes: 70_000, windowScaling: false };
    const beyond = reachEstablished({ tcp });
    beyond.peer.sends({ flags: "RST", seq: 1 + 65_535 });
    if (acceptance === "buffer") beyond.peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    beyond.peer.expectsSilence();
    const outside = reachEstablished({ tcp });
    outside.peer.sends({ flags: "RST", seq: 1 + 70_000 });
    outside.peer.expectsSilence();
    // Half-open, a listener's connection has no buffer yet.
    const halfOpen = reachSynRcvd({ tcp });
    halfOpen.peer.sends({ flags: "RST", seq: 1 + 65_535 });
    halfOpen.peer.expectsSilence();
  }
});

Deno.test("the window's edge moves by a segment at the least (RFC 9293 §3.8.6.2.2), or with every ACK", () => {
  for (const [windowUpdates, expected] of [["worthwhile", 9968], ["every-ack", 10_000]] as const) {
    const tcp = { windowUpdates, receiveBufferBytes: 10_000, quickAcks: 100 };
    const { peer } = reachEstablished({ tcp });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 32 });
    peer.expects({ flags: "ACK", ack: 33, window: expected });
  }
});

Deno.test("a window that moves with every ACK stays shut below a segment, and takes nothing back (SHLD-14, MUST-39)", () => {
  const tcp = { windowUpdates: "every-ack" as const, receiveBufferBytes: 10_000, quickAcks: 1000 };
  const { lab, peer, app } = reachEstablished({ tcp, autoRead: false, options: { mss: 1460 } });
  let edge = 10_001;
  for (let seq = 1; seq < 10_001; seq += 1000) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
    const { ack, window } = peer.expects({ flags: "ACK" });
    assertEquals(ack + window >= edge, true);
    edge = ack + window;
  }
  assertEquals(peer.hostWindow, 0);
  app.connection.skip(1000);
  lab.pass(1000);
  assertEquals(peer.takeAll().filter(({ window }) => window > 0), []);
  lab.user(() => app.connection.skip(2000));
  assertEquals(peer.takeAll().map(({ window }) => window), [3000]);
});

Deno.test("text beyond the window that was offered is kept where the buffer has room for it", () => {
  const tcp = { receiveBufferBytes: 70_000, windowScaling: false, acceptance: "buffer" as const };
  const { peer, app } = reachEstablished({ tcp, autoRead: false, options: { mss: 1460 } });
  peer.sends({ flags: "ACK", seq: 65_536, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1 });
  for (let seq = 1; seq < 65_536; seq += 1456) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: Math.min(1456, 65_536 - seq) });
  }
  assertEquals(app.connection.readableBytes, 65_635);
});

Deno.test("the buffer is what it is, or grows while much arrives, to its bound and no further", () => {
  for (const receiveBufferMostBytes of [0, 200_000]) {
    const tcp = { receiveBufferBytes: 32_768, receiveBufferMostBytes, windowScaleForBytes: 200_000 };
    const { lab, peer, app } = reachEstablished({ tcp, options: ALL_OPTIONS });
    let seq = 1;
    let widest = 0;
    for (let i = 0; i < 400; i++) {
      peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
      seq += 1000;
      for (const ack of peer.takeAll()) widest = Math.max(widest, ack.window << peer.hostShift);
    }
    lab.expectsNoStrays();
    const { receiveBufferBytes } = app.connection.config;
    assertEquals(receiveBufferBytes, receiveBufferMostBytes === 0 ? 32_768 : 200_000);
    assert(widest <= receiveBufferBytes, `${widest}`);
    assert(receiveBufferMostBytes === 0 || widest > 150_000, `${widest}`);
  }
});

Deno.test("settings of a host change while it runs: at once, but what a connection has of its own stays", () => {
  const lab = new Lab({ tcp: { quickAcks: 0 } });
  const { peer, app } = reachEstablished({ lab });
  const own = reachEstablished({ lab, role: "client", peer: { hostPort: 41_000 } });
  own.app.connection.configure({ resetCheck: "rfc5961", receiveBufferBytes: 5000 });
  lab.user(() => lab.host.configure({ resetCheck: "rfc793", receiveBufferBytes: 9000 }));
  peer.sends({ flags: "RST", seq: 50 });
  assertEquals(app.state, "CLOSED");
  assertEquals(own.app.connection.config.receiveBufferBytes, 5000);
  // That one was as the host's when it changed: it follows.
  assertEquals(own.app.connection.config.resetCheck, "rfc793");
});

Deno.test("listeners with settings of their own join them with the host's as these are now", () => {
  const lab = new Lab();
  const seen: number[] = [];
  lab.user(() =>
    lab.host.listen({
      port: HOST_PORT,
      tcp: { sack: false },
      accept: (connection) => {
        seen.push(connection.config.delayedAckUs);
        return {};
      },
    })
  );
  lab.peer().sends({ flags: "SYN", seq: 0 });
  lab.user(() => lab.host.configure({ delayedAckUs: 77_000 }));
  lab.peer().sends({ flags: "SYN", seq: 0 });
  assertEquals(seen, [40_000, 77_000]);
});

Deno.test("a scale for a large buffer leaves a small one something to say: its unit is no more than a quarter of it", () => {
  for (const [receiveBufferBytes, shift] of [[0x10000, 10], [4096, 10], [4095, 9], [600, 7], [3, 0]]) {
    assertEquals(synOf({ receiveBufferBytes, windowScaleForBytes: 0x200_0000 }).options.windowScale, shift);
  }
});
