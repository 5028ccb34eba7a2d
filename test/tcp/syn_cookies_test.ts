/**
 * A listener whose backlog is full: SYN cookies, which keep nothing and lose nothing that was agreed (RFC 4987 §3.6).
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { AppLog } from "./app_log.ts";
import type { OptionValues } from "./frame_craft.ts";
import { Lab, type LabOptions } from "./harness.ts";
import type { Peer, Seen } from "./peer.ts";
import { ALL_OPTIONS } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

interface Full {
  readonly lab: Lab;
  readonly apps: AppLog[];
}

/** A listener with room for two, and two half-open connections. */
function full(options: LabOptions = {}): Full {
  const lab = new Lab(options);
  const apps = lab.listen({ backlog: 2 });
  for (let i = 0; i < 2; i++) {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0 });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  }
  return { lab, apps };
}

/** A third peer's SYN, and the cookie that it gets. */
function cookieFor({ lab }: Full, options: OptionValues = { mss: 1460 }): { peer: Peer; synAck: Seen } {
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options });
  const synAck = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  return { peer, synAck };
}

Deno.test("a full backlog: the SYN is answered, and nothing is kept (RFC 4987 §3.6)", () => {
  const scene = full();
  const before = scene.lab.host.connections().length;
  const { peer } = cookieFor(scene);
  assertEquals(scene.lab.host.connections().length, before);
  assertEquals(scene.apps.length, 2);
  scene.lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("the ACK of a cookie is a connection, text and all (RFC 4987 §3.6)", () => {
  const scene = full();
  const { peer } = cookieFor(scene);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
  assertEquals(scene.apps.length, 3);
  const app = scene.apps[2];
  assertEquals([app.state, app.opened, app.text], ["ESTABLISHED", 1, "hello"]);
  app.write("answer");
  const seen = peer.takeAll();
  assertEquals(seen.map(({ data }) => String.fromCharCode(...data)).join(""), "answer");
  peer.sends({ flags: "FIN ACK", seq: 6, ack: 7 });
  peer.expects({ flags: "ACK", seq: 7, ack: 7 });
  assertEquals(app.state, "CLOSE_WAIT");
});

Deno.test("a thousand SYNs, each answered, none kept (RFC 4987 §3.6)", () => {
  const scene = full();
  for (let i = 0; i < 1000; i++) cookieFor(scene);
  assertEquals(scene.lab.host.connections().length, 2);
});

for (const off of [-1, 1, 2, 0x100, 0x1_0000, 0x7000_0000]) {
  Deno.test(`an ACK that is ${off} beside the cookie gets RST (RFC 9293 §3.10.7.2, RFC 4987 §3.6)`, () => {
    const scene = full();
    const { peer } = cookieFor(scene);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 + off });
    peer.expects({ flags: "RST", seq: 1 + off });
    peer.expectsSilence();
    assertEquals(scene.apps.length, 2);
  });
}

Deno.test("a cookie is for one 4-tuple and one number of the peer's SYN (RFC 4987 §3.6)", () => {
  const scene = full();
  const { peer } = cookieFor(scene);
  // The same cookie from another port.
  const thief = scene.lab.peer({ iss: peer.iss });
  thief.hostIss = peer.hostIss;
  thief.sends({ flags: "ACK", seq: 1, ack: 1 });
  thief.expects({ flags: "RST", seq: 1 });
  // The right port, but a SYN that never was.
  peer.sends({ flags: "ACK", seq: 5000, ack: 1 });
  peer.expects({ flags: "RST", seq: 1 });
  assertEquals(scene.apps.length, 2);
});

Deno.test("a cookie grows old: not after an hour (RFC 4987 §3.6)", () => {
  const scene = full();
  const { peer } = cookieFor(scene);
  scene.lab.pass(3600 * SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "RST", seq: 1 });
  assertEquals(scene.apps.length, 2);
});

Deno.test("a cookie is good for as long as a handshake may take: 30 s at least (RFC 4987 §3.6)", () => {
  const scene = full();
  const { peer } = cookieFor(scene);
  scene.lab.pass(30 * SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(scene.apps[scene.apps.length - 1].state, "ESTABLISHED");
});

Deno.test("nobody is answered with a cookie when there was no need for one lately (RFC 4987 §3.6)", () => {
  // Without a full backlog, an ACK out of the blue is bad, whatever its number.
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  for (let i = 0; i < 200; i++) peer.sends({ flags: "ACK", seq: 1, ack: i * 7_919_993 });
  assert(peer.takeAll().every(({ flags }) => flags === "RST"));
  assertEquals(apps.length, 0);
});

for (const mss of [300, 536, 1200, 1400, 1460, 9000]) {
  Deno.test(`the MSS of ${mss} is kept, or a smaller one (MUST-14, MUST-16, RFC 4987 §3.6)`, () => {
    const scene = full();
    const { peer } = cookieFor(scene, { mss });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    const app = scene.apps[2];
    app.write(20_000);
    const largest = Math.max(...peer.takeAll().map(({ data }) => data.length));
    assertLessOrEqual(largest, Math.min(mss, 1460));
    assert(largest >= Math.min(mss, 1460) * 0.4, `${largest} of ${mss}`);
  });
}

for (
  const [name, offer] of [
    ["nothing", {}],
    ["MSS", { mss: 1460 }],
    ["SACK, no timestamps", { mss: 1460, sackPermitted: true }],
    ["scale, no timestamps", { mss: 1460, windowScale: 7 }],
    ["timestamps alone", { mss: 1460, timestamps: { value: 0x7fff_0000, echo: 0 } }],
    ["all", ALL_OPTIONS],
  ] as const
) {
  Deno.test(`what the cookie's SYN, ACK grants to ${name} is what the connection then does (RFC 7323 §1.3, RFC 2018 §2)`, () => {
    const scene = full();
    const { peer, synAck } = cookieFor(scene, offer);
    const granted = synAck.options;
    peer.timestamps = granted.timestamps !== undefined;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    const info = scene.apps[2].connection.info();
    const offered: OptionValues = offer;
    assertEquals(info.sackPermitted, granted.sackPermitted === true);
    assertEquals(info.timestamps, granted.timestamps !== undefined);
    assertEquals(info.sendWindowShift, granted.windowScale === undefined ? 0 : offered.windowScale ?? 0);
    assertEquals(info.receiveWindowShift, granted.windowScale ?? 0);
    if (offered.timestamps !== undefined) {
      // With timestamps to keep them in, scale and SACK are not given up.
      assertEquals(granted.sackPermitted, offered.sackPermitted);
      assertEquals(granted.windowScale !== undefined, offered.windowScale !== undefined);
      assertEquals(granted.timestamps?.echo, 0x7fff_0000);
    }
  });
}

Deno.test("a peer that lost our SYN, ACK sends its SYN again and gets the same offer (RFC 9293 §3.5)", () => {
  const scene = full();
  const { peer, synAck } = cookieFor(scene);
  scene.lab.pass(SECOND_US);
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  const again = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(again.options.mss, synAck.options.mss);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(scene.apps[2].state, "ESTABLISHED");
});

Deno.test("with cookies off a full backlog is silent, and the peer's next try finds room (RFC 4987 §3.2)", () => {
  const { lab, apps } = full({ tcp: { synCookies: false } });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expectsSilence();
  // The half-open ones give up.
  lab.pass(200 * SECOND_US);
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(apps.length, 3);
});

Deno.test("cookies cannot be guessed: all their bits depend on the secret (MUST-9, RFC 4987 §3.6)", () => {
  const iss = (secretByte: number) => {
    const scene = full({ secret: new Uint8Array(16).fill(secretByte) });
    return cookieFor(scene).peer.hostIss;
  };
  const numbers = Array.from({ length: 64 }, (_, i) => iss(i));
  assertEquals(new Set(numbers).size, 64);
  // The count of time and the MSS are under the hashes (RFC 4987 §3.6). 64 throws, 5 standard deviations.
  const mixed = Array.from({ length: 32 }, (_, bit) => {
    const ones = numbers.filter((number) => ((number >>> bit) & 1) === 1).length;
    return ones > 12 && ones < 52;
  });
  assertEquals(mixed.filter(Boolean).length, 32);
});
