/**
 * Connections that begin from a SYN cookie: which segments bring it back, until when, and what was agreed (RFC 4987 §3.6).
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { AppLog } from "../tcp/app_log.ts";
import { FAMILY } from "../tcp/family.ts";
import type { OptionValues } from "../tcp/frame_craft.ts";
import { Lab, type LabOptions } from "../tcp/harness.ts";
import type { Peer, Seen } from "../tcp/peer.ts";
import { ALL_OPTIONS } from "../tcp/states.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const TICK_US = 64 * SECOND_US;

interface Flood {
  readonly lab: Lab;
  readonly apps: AppLog[];
  /** Takes the one place of the backlog. */
  block(): void;
  /** A SYN that gets a cookie. */
  syn(options?: OptionValues, flags?: string, window?: number): { peer: Peer; synAck: Seen };
  /** How many cookies were sent. */
  cookies(): number;
}

/** A listener whose backlog of one is taken; each SYN more gets a cookie. */
function flood(options: LabOptions = {}): Flood {
  // At the beginning of a tick, with room for the past.
  const lab = new Lab({ startUs: 1000 * TICK_US, ...options });
  const apps = lab.listen({ backlog: 1 });
  const cookies = () => lab.host.counters()["syn-cookies-sent"] ?? 0;
  const block = () => {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0 });
    peer.takeAll();
  };
  block();
  assertEquals(cookies(), 0);
  const syn: Flood["syn"] = (options = { mss: 1460 }, flags = "SYN", window = 0xffff) => {
    const before = cookies();
    const peer = lab.peer();
    peer.sends({ flags, seq: 0, options, window });
    const [synAck, ...others] = peer.takeAll();
    assertEquals([synAck.flags.startsWith("SYN ACK"), synAck.ack, others], [true, 1, []]);
    assertEquals(cookies(), before + 1);
    peer.timestamps = synAck.options.timestamps !== undefined;
    return { peer, synAck };
  };
  return { lab, apps, block, syn, cookies };
}

interface Returning {
  readonly flags: string;
  readonly data?: string;
  readonly urgentPointer?: number;
  readonly state: string;
  readonly text: string;
  readonly ack: number;
}

/** What an ordinary client may send next when its bare ACK was lost. */
const RETURNING: readonly Returning[] = [
  { flags: "ACK", state: "ESTABLISHED", text: "", ack: 1 },
  { flags: "ACK", data: "text", state: "ESTABLISHED", text: "text", ack: 5 },
  { flags: "PSH ACK", data: "text", state: "ESTABLISHED", text: "text", ack: 5 },
  { flags: "FIN ACK", state: "CLOSE_WAIT", text: "", ack: 2 },
  { flags: "FIN PSH ACK", data: "text", state: "CLOSE_WAIT", text: "text", ack: 6 },
  { flags: "URG PSH ACK", data: "text", urgentPointer: 4, state: "ESTABLISHED", text: "text", ack: 5 },
  { flags: "ECE ACK", data: "text", state: "ESTABLISHED", text: "text", ack: 5 },
  { flags: "CWR PSH ACK", data: "text", state: "ESTABLISHED", text: "text", ack: 5 },
];

for (const { flags, data = "", urgentPointer = 0, state, text, ack } of RETURNING) {
  for (const options of [{ mss: 1460 }, ALL_OPTIONS]) {
    const kind = options === ALL_OPTIONS ? "with all options" : "plain";
    Deno.test(`<${flags}>${data} brings the cookie back, and is processed, ${kind} (RFC 4987 §3.6)`, () => {
      const { lab, apps, ...scene } = flood();
      const { peer } = scene.syn(options);
      peer.sends({ flags, seq: 1, ack: 1, data, urgentPointer });
      assertEquals(apps.length, 2);
      const app = apps[1];
      assertEquals([app.state, app.opened, app.text], [state, 1, text]);
      assertEquals(app.urgent.length, urgentPointer > 0 ? 1 : 0);
      if (ack > 1) peer.expects({ flags: "ACK", seq: 1, ack });
      peer.expectsSilence();
      assertEquals(lab.host.counters()["syn-cookies-good"], 1);
      // It is an ordinary connection: text goes out, and nothing of the handshake is sent again.
      app.write("answer");
      peer.expects({ flags: "ACK", seq: 1, ack, data: "answer" });
      peer.sends({ flags: "ACK", seq: ack, ack: 7 });
      lab.pass(5 * SECOND_US);
      peer.expectsSilence();
    });
  }
}

for (const flags of ["SYN ACK", "SYN FIN ACK", "RST ACK", "RST FIN ACK"]) {
  Deno.test(`<${flags}> with a good cookie brings nothing back (RFC 9293 §3.10.7.2)`, () => {
    const { lab, apps, ...scene } = flood();
    const { peer } = scene.syn();
    peer.sends({ flags, seq: 1, ack: 1 });
    if (!flags.includes("RST")) peer.expects({ flags: "RST", seq: 1 });
    peer.expectsSilence();
    assertEquals(apps.length, 1);
    assertEquals(lab.host.counters()["syn-cookies-good"], undefined);
    // The cookie is still good.
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(apps[1].state, "ESTABLISHED");
  });
}

Deno.test("a segment beyond the first octet does not bring the cookie back: its number is not the SYN's (RFC 4987 §3.6)", () => {
  const { apps, ...scene } = flood();
  const { peer } = scene.syn();
  peer.sends({ flags: "ACK", seq: 5, ack: 1, data: "late" });
  peer.expects({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(apps.length, 1);
});

/** Seconds after the SYN-ACK, which was sent at the start of a tick of 64 s. */
for (
  const [seconds, isGood] of [[1, true], [63, true], [64, true], [127, true], [128, false], [
    500,
    false,
  ]] as const
) {
  Deno.test(`a cookie ${seconds} s old is ${isGood ? "good" : "too old"}, though younger ones are under way (RFC 4987 §3.6)`, () => {
    const { lab, apps, ...scene } = flood();
    const { peer } = scene.syn();
    lab.pass(seconds * SECOND_US);
    scene.block();
    const young = scene.syn();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
    if (isGood) {
      peer.expects({ flags: "ACK", seq: 1, ack: 5 });
      assertEquals(apps.at(-1)?.text, "text");
    } else {
      peer.expects({ flags: "RST", seq: 1 });
      assertEquals(lab.host.counters()["syn-cookies-bad"], 1);
    }
    peer.expectsSilence();
    young.peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    young.peer.expectsSilence();
    assertEquals(apps.at(-1)?.state, "ESTABLISHED");
  });
}

for (const seconds of [2048, 2 * 2048, 16_384]) {
  Deno.test(`a cookie ${seconds} s old does not come back to life (RFC 4987 §3.6)`, () => {
    const { lab, apps, ...scene } = flood();
    const { peer } = scene.syn();
    lab.pass(seconds * SECOND_US);
    scene.block();
    scene.syn();
    const before = apps.length;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "RST", seq: 1 });
    peer.expectsSilence();
    assertEquals(apps.length, before);
  });
}

Deno.test("guesses are not even looked at on a port that has sent no cookie lately (RFC 4987 §3.6)", () => {
  const { lab, apps, ...scene } = flood();
  const quiet = lab.listen({ port: 9999 });
  scene.syn();
  const bad = () => lab.host.counters()["syn-cookies-bad"] ?? 0;
  const guesser = lab.peer({ hostPort: 9999 });
  guesser.sends({ flags: "ACK", seq: 1, ack: 12_345 });
  guesser.expects({ flags: "RST" });
  assertEquals(bad(), 0);
  const other = lab.peer();
  other.sends({ flags: "ACK", seq: 1, ack: 12_345 });
  other.expects({ flags: "RST" });
  assertEquals(bad(), 1);
  lab.pass(2 * TICK_US);
  other.sends({ flags: "ACK", seq: 1, ack: 12_346 });
  other.expects({ flags: "RST" });
  assertEquals(bad(), 1);
  assertEquals([quiet.length, apps.length], [0, 1]);
});

for (const windowScale of [0, 1, 14]) {
  Deno.test(`a window scale of ${windowScale} is kept, and is not none (RFC 7323 §2.2)`, () => {
    const { apps, ...scene } = flood();
    const { peer, synAck } = scene.syn({ ...ALL_OPTIONS, windowScale });
    assert(synAck.options.windowScale !== undefined);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 10 });
    const info = apps[1].connection.info();
    assertEquals(info.sendWindowShift, windowScale);
    assertEquals(info.receiveWindowShift, synAck.options.windowScale);
    assert(info.receiveWindowShift > 0);
    // The window that counts is the returning segment's, scaled: the SYN's is forgotten.
    assertEquals(info.sndWnd, 10 << windowScale);
    const two = 2 * info.sendMss;
    apps[1].write(two);
    const sent = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
    assertEquals(sent, Math.min(two, 10 << windowScale));
  });
}

for (
  const [name, tcp, offer] of [
    ["scaling is off here", { windowScaling: false }, ALL_OPTIONS],
    ["SACK is off here", { sack: false }, ALL_OPTIONS],
    ["timestamps are off here", { timestamps: false }, ALL_OPTIONS],
    ["the peer offers no timestamps", {}, { mss: 1460, windowScale: 7, sackPermitted: true }],
    ["the peer offers timestamps alone", {}, { mss: 1460, timestamps: { value: 5, echo: 0 } }],
  ] satisfies readonly (readonly [string, Partial<TcpConfig>, OptionValues])[]
) {
  Deno.test(`what the SYN-ACK grants is what the connection does: ${name} (RFC 7323 §1.3, RFC 2018 §2)`, () => {
    const { apps, ...scene } = flood({ tcp });
    const { peer, synAck: { options } } = scene.syn(offer);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 100 });
    const info = apps[1].connection.info();
    const grantsAll = options.timestamps !== undefined;
    assertEquals(info.timestamps, grantsAll);
    assertEquals(info.sackPermitted, options.sackPermitted === true);
    assertEquals(info.receiveWindowShift, options.windowScale ?? 0);
    assertEquals(info.sndWnd, options.windowScale === undefined ? 100 : 100 << 7);
    if (!grantsAll) assertEquals(options, { mss: 1460 });
  });
}

Deno.test("timestamps that were not agreed bring no options along (RFC 7323 §3.2)", () => {
  const { apps, ...scene } = flood({ tcp: { timestamps: false } });
  const { peer } = scene.syn(ALL_OPTIONS);
  // Scale 7, SACK and ECN, if it were read.
  peer.sends({ flags: "ACK", seq: 1, ack: 1, options: { timestamps: { value: 1, echo: 0x37 } } });
  const { sackPermitted, ecn, sendWindowShift, timestamps } = apps[1].connection.info();
  assertEquals([sackPermitted, ecn, sendWindowShift, timestamps], [false, false, 0, false]);
});

Deno.test("the window of the returning segment is the first one, also without options (RFC 9293 §3.10.7.4)", () => {
  const { apps, ...scene } = flood();
  const { peer } = scene.syn({ mss: 1460 }, "SYN", 1);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1000 });
  assertEquals(apps[1].connection.info().sndWnd, 1000);
  apps[1].write(5000);
  assertEquals(peer.takeAll().map(({ data }) => data.length), [1000]);
});

Deno.test("a connection from a cookie is the server's, and tells of its whole path (RFC 4987 §3.6)", () => {
  const { lab, apps, ...scene } = flood();
  const { peer } = scene.syn();
  lab.takeTransitions();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(lab.takeTransitions(), ["LISTEN>SYN_RCVD", "SYN_RCVD>ESTABLISHED"]);
  const info = apps[1].connection.info();
  assertEquals(info.role, "server");
  assertEquals(info.states, ["LISTEN", "SYN_RCVD", "ESTABLISHED"]);
  // RST in ESTABLISHED, not back to LISTEN.
  peer.sends({ flags: "RST", seq: 1 });
  assertEquals(apps[1].closed, ["reset-by-peer"]);
});

for (const timestamps of [true, false]) {
  for (const asked of [true, false]) {
    for (const ecn of ["accept", "off"] as const) {
      const isGranted = timestamps && asked && ecn !== "off";
      Deno.test(`ECN is ${isGranted ? "" : "not "}granted: asked for ${asked}, timestamps ${timestamps}, setting ${ecn} (RFC 3168 §6.1.1)`, () => {
        const { apps, ...scene } = flood({ tcp: { ecn } });
        const options = timestamps ? ALL_OPTIONS : { mss: 1460 };
        const { peer, synAck } = scene.syn(options, asked ? "SYN ECE CWR" : "SYN");
        // What is granted is what the connection does: without timestamps it would be forgotten.
        assertEquals(synAck.flags, isGranted ? "SYN ACK ECE" : "SYN ACK");
        peer.sends({ flags: "ACK", seq: 1, ack: 1 });
        assertEquals(apps[1].connection.info().ecn, isGranted);
        apps[1].write("text");
        const [seen] = peer.takeAll();
        assertEquals(seen.packet.ecn, isGranted ? 2 : 0);
      });
    }
  }
}

Deno.test("SYN with ECE or CWR alone does not ask for ECN (RFC 3168 §6.1.1)", () => {
  for (const flags of ["SYN ECE", "SYN CWR"]) {
    const { apps, ...scene } = flood({ tcp: { ecn: "accept" } });
    const { peer, synAck } = scene.syn(ALL_OPTIONS, flags);
    assertEquals(synAck.flags, "SYN ACK");
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(apps[1].connection.info().ecn, false);
  }
});

Deno.test("what a SYN offered is told as it was, also what the cookie cannot keep", () => {
  const { lab, ...scene } = flood({ tcp: { ecn: "accept" } });
  const before = lab.events.length;
  scene.syn({ mss: 1460, windowScale: 7, sackPermitted: true }, "SYN ECE CWR");
  const [received] = lab.events.slice(before).filter((event) => event.event === "segment");
  assert(received.event === "segment");
  assertEquals(received.direction, "recv");
  assertEquals(received.flags, ["SYN", "ECE", "CWR"]);
  assertEquals(received.options, { mss: 1460, windowScale: 7, sackPermitted: true });
  assertEquals([received.state, received.rule], ["LISTEN", "arrives.listen.cookie-sent"]);
});

Deno.test("a peer that takes less than any MSS which a cookie keeps gets none: it would be sent too much (MUST-16)", () => {
  const { lab, apps, cookies } = flood();
  const small = lab.peer();
  small.sends({ flags: "SYN", seq: 0, options: { mss: 200 } });
  small.expectsSilence();
  assertEquals(cookies(), 0);
  assertEquals(lab.host.counters()["syn-dropped"], 1);
  // Its next try finds room.
  lab.pass(200 * SECOND_US);
  small.sends({ flags: "SYN", seq: 0, options: { mss: 200 } });
  small.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  small.sends({ flags: "ACK", seq: 1, ack: 1 });
  apps[1].write(500);
  assertEquals(Math.max(...small.takeAll().map(({ data }) => data.length)), 200);
});

Deno.test("a SYN without an MSS means 536 or 1220, with a cookie too (MUST-15)", () => {
  const { apps, ...scene } = flood();
  const { peer } = scene.syn({});
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  apps[1].write(5000);
  assertEquals(Math.max(...peer.takeAll().map(({ data }) => data.length)), FAMILY.defaultMss);
});

Deno.test("300 clients under a flood: each gets its connection and its own text, whatever it sends first", () => {
  const { lab, apps, ...scene } = flood();
  const clients = Array.from({ length: 300 }, (_, i) => scene.syn(i % 2 === 0 ? ALL_OPTIONS : { mss: 1460 }));
  const strangers = Array.from({ length: 300 }, () => lab.peer());
  for (const [i, { peer }] of clients.entries()) {
    strangers[i].sends({ flags: "ACK", seq: 1, ack: i * 7_919_993 });
    strangers[i].expects({ flags: "RST" });
    peer.sends({ flags: i % 3 === 0 ? "FIN ACK" : "ACK", seq: 1, ack: 1, data: `text ${i}` });
  }
  assertEquals(apps.slice(1).map(({ text }) => text), clients.map((_, i) => `text ${i}`));
  assertEquals(lab.host.connections().length, 301);
  assertEquals(lab.host.counters()["syn-cookies-bad"], 300);
});

for (const options of [{ mss: 1460, windowScale: 7, sackPermitted: true }, ALL_OPTIONS]) {
  const kind = options === ALL_OPTIONS ? "with timestamps" : "without timestamps";
  for (const answered of [0, 1]) {
    const which = answered === 0 ? "the cookie is answered" : "the second SYN-ACK is answered";
    Deno.test(`a SYN that got a cookie comes again when there is a place, and ${which}, ${kind}: no reset (RFC 4987 §3.6)`, () => {
      const lab = new Lab({ startUs: 1000 * TICK_US });
      const apps = lab.listen({ backlog: 1 });
      const first = lab.peer();
      first.sends({ flags: "SYN", seq: 0 });
      first.takeAll();
      const peer = lab.peer();
      peer.sends({ flags: "SYN", seq: 0, options });
      const [cookie] = peer.takeAll();
      assertEquals(lab.host.counters()["syn-cookies-sent"], 1);
      first.sends({ flags: "ACK", seq: 1, ack: 1 });
      peer.sends({ flags: "SYN", seq: 0, options });
      const [second] = peer.takeAll();
      assertEquals([cookie.flags, second.flags, apps.length], ["SYN ACK", "SYN ACK", 2]);
      assert(cookie.absoluteSeq !== second.absoluteSeq);

      const taken = [cookie, second][answered];
      peer.hostIss = taken.absoluteSeq;
      peer.hostShift = taken.options.windowScale ?? 0;
      peer.timestamps = taken.options.timestamps !== undefined;
      if (taken.options.timestamps !== undefined) peer.hostTimestamp = taken.options.timestamps.value;
      peer.sends({ flags: "PSH ACK", seq: 1, ack: 1, data: "text" });
      assertEquals([apps[1].state, apps[1].text], ["ESTABLISHED", "text"]);
      peer.expects({ flags: "ACK", seq: 1, ack: 5 });
      apps[1].write("answer");
      peer.expects({ flags: "ACK", seq: 1, ack: 5, data: "answer" });
      peer.expectsSilence();
      const { sackPermitted, receiveWindowShift } = apps[1].connection.info();
      assertEquals([sackPermitted, receiveWindowShift], [
        taken.options.sackPermitted ?? false,
        taken.options.windowScale ?? 0,
      ]);
    });
  }
}

Deno.test("an ACK with a number that is neither the SYN-ACK's nor a cookie's still gets a reset in SYN_RCVD (RFC 9293 §3.10.7.4)", () => {
  const { lab, apps, syn } = flood();
  const { peer: stranger } = syn();
  lab.pass(2 * SECOND_US);
  // The place is taken by whoever blocks it; its ACK names a wrong number.
  const blocked = lab.peer({ port: stranger.port - 1 });
  blocked.sends({ flags: "ACK", seq: 1, ack: 77 });
  assertEquals(blocked.takeAll().map(({ flags }) => flags), ["RST"]);
  assertEquals(apps.length, 1);
});
