/**
 * The world: time goes from deadline to deadline and is exact, neighbours answer, and there are bounds.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ARP_OPERATION } from "../../src/wire/arp.ts";
import { ETHERNET } from "../../src/wire/ethernet.ts";
import { parseIpAddress } from "../../src/wire/address.ts";
import { readSent } from "../../src/script/outbound.ts";
import { MOST_WAITING_FRAMES, ScriptLink } from "../../src/script/script_link.ts";
import { World, WorldExhausted } from "../../src/script/world.ts";
import { arpFrame } from "../host/hand_frames.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { ACCEPTED, failureOf, played, tracedBy } from "./played.ts";

function addressOf(text: string): Uint8Array {
  const address = parseIpAddress(text);
  assert(address !== null);
  return address;
}

function worldOf(family: 4 | 6, isOutOfTime?: () => boolean): World {
  const [local, router] = family === 4 ? ["192.168.0.1", "192.168.0.2"] : ["fd00::1", "fd00::2"];
  return new World({
    profile: PROFILES.rfc,
    localAddress: addressOf(local),
    prefixLength: family === 4 ? 16 : 48,
    routerAddress: addressOf(router),
    mtu: 1500,
    ...(isOutOfTime === undefined ? {} : { isOutOfTime }),
  });
}

for (const family of [4, 6] as const) {
  const remote = addressOf(family === 4 ? "192.0.2.1" : "2001:db8::1");

  Deno.test(`SYNs leave at 0, 1, 3, 7 and 15 s to the microsecond, and nothing but SYNs (RFC 6298 §2.1, §5.5), IPv${family}`, () => {
    const world = worldOf(family);
    assertEquals(world.nowUs, 0);
    world.host.connect({ address: remote, port: 8080, handler: {} });
    world.settle();
    world.advanceTo(20_000_000);
    assertEquals(world.nowUs, 20_000_000);
    const times: number[] = [];
    for (let frame = world.takeSent(); frame !== null; frame = world.takeSent()) {
      const packet = readSent(frame);
      assert(packet?.protocol === "tcp");
      times.push(frame.atUs);
    }
    assertEquals(times, [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000]);
  });

  Deno.test(`the router's hardware address is known before the script begins, and asked for again when it is not, IPv${family}`, () => {
    const world = worldOf(family);
    world.host.connect({ address: remote, port: 8080, handler: {} });
    // The first segment waits for nobody.
    const first = world.takeSent();
    assert(first !== null);
    assertEquals(first.bytes.subarray(0, ETHERNET.ADDRESS_BYTES), world.routerMac);
    // Somebody on the link: the host resolves, the world answers, and the frame follows at the same time.
    const neighbor = addressOf(family === 4 ? "192.168.7.7" : "fd00::7");
    world.host.connect({ address: neighbor, port: 8080, handler: {} });
    assertEquals(world.takeSent(), null);
    world.settle();
    const second = world.takeSent();
    assertEquals(second?.atUs, 0);
  });
}

Deno.test("who probes for an address is not answered, and neither is who asks for the host's own (RFC 5227 §2.1)", () => {
  const sent: Uint8Array[] = [];
  const link = new ScriptLink({ mtu: 1500, mac: new Uint8Array(6), nowUs: () => 0, tap: null });
  const probe = arpFrame({
    operation: ARP_OPERATION.REQUEST,
    senderMac: "02:00:00:00:00:01",
    senderIp: "0.0.0.0",
    targetMac: "00:00:00:00:00:00",
    targetIp: "192.168.0.9",
  }, { to: "ff:ff:ff:ff:ff:ff" });
  link.send(probe, probe.length);
  // It is neighbours' talk: no step is about it.
  assertEquals(link.take(), null);
  const question = link.takeQuestion();
  assert(question !== null);
  sent.push(question);
  assertEquals(sent.length, 1);
  const world = worldOf(4);
  let found = 0;
  world.host.probe(addressOf("192.168.0.9"), () => void found++);
  world.settle();
  world.advanceTo(3_000_000);
  assertEquals(found, 0);
});

Deno.test("a deadline between two microseconds does not come early, and time never goes back", () => {
  const times = tracedBy(`${ACCEPTED}+0 write(4, ..., 1000) = 1000\n+10 write(4, ..., 1) = 1`)
    .map(({ atUs }) => atUs);
  assert(times.every((us) => Number.isInteger(us)));
  assertEquals([...times].sort((a, b) => a - b), times);
});

Deno.test("a script is played in the same way each time, times and all", () => {
  const script =
    `${ACCEPTED}+0 write(4, ..., 30000) = 30000\n+.05 < . 1:1(0) ack 5001 win 257\n+5 close(4) = 0`;
  assertEquals(tracedBy(script), tracedBy(script));
});

Deno.test("a link keeps so many frames that no step takes, and counts the others", () => {
  const link = new ScriptLink({ mtu: 1500, mac: new Uint8Array(6), nowUs: () => 0, tap: null });
  const frame = new Uint8Array(60);
  for (let i = 0; i < MOST_WAITING_FRAMES + 3; i++) link.send(frame, frame.length);
  assertEquals([link.waiting, link.lostFrames], [MOST_WAITING_FRAMES, 3]);
  for (let i = 0; i < MOST_WAITING_FRAMES; i++) assert(link.take() !== null);
  assertEquals([link.take(), link.waiting], [null, 0]);
});

Deno.test("questions for neighbours are bounded too", () => {
  const link = new ScriptLink({ mtu: 1500, mac: new Uint8Array(6), nowUs: () => 0, tap: null });
  const question = arpFrame({
    operation: ARP_OPERATION.REQUEST,
    senderMac: "02:00:00:00:00:01",
    senderIp: "192.168.0.1",
    targetMac: "00:00:00:00:00:00",
    targetIp: "192.168.0.9",
  }, { to: "ff:ff:ff:ff:ff:ff" });
  for (let i = 0; i < 5000; i++) link.send(question, question.length);
  let count = 0;
  while (link.takeQuestion() !== null) count++;
  assertEquals(count, 1024);
});

Deno.test("whoever asks whether the time is over is asked now and then, and ends the world", () => {
  let asked = 0;
  const world = worldOf(4, () => ++asked === 3);
  const frame = new Uint8Array(60);
  assertThrows(
    () => {
      for (let i = 0; i < 10_000; i++) world.give(frame);
    },
    WorldExhausted,
    "the time limit is over after 768 frames",
  );
});

Deno.test("a script that drives the host without end is ended by the bound on its steps", () => {
  const world = worldOf(4);
  const frame = new Uint8Array(60);
  assertThrows(
    () => {
      for (;;) world.give(frame);
    },
    WorldExhausted,
    "2000000 frames and deadlines",
  );
});

Deno.test("absolute and relative times: packets that follow each other count from each other, all else from now", () => {
  const steps = tracedBy(`0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
0.25 bind(3, ..., ...) = 0
+.25 listen(3, 1) = 0
+.5 < S 0:0(0) win 32792 <mss 1000>
+.001 < S 0:0(0) win 32792 <mss 1000>
1.5 close(3) = 0
* > S. 0:0(0) ack 1 <...>`).filter(({ kind }) => kind === "step");
  assertEquals(steps.map(({ atUs }) => atUs), [
    0,
    250_000,
    500_000,
    1_000_000,
    1_001_000,
    1_500_000,
    1_500_000,
  ]);
});

Deno.test("a packet that came before is taken at its own time, and what follows counts from now", () => {
  // The SYN-ACK left at 0, and is looked at when 0.2 s are over: 200 ms too early.
  const script = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
+.2 bind(3, ..., ...) = 0
`;
  const { verdict } = played(`${script}+0 > S. 0:0(0) ack 1 <...>`);
  assert(verdict.kind === "fail");
  assertEquals(verdict.what.startsWith("packet too early: expected at 0.200000 s, came at 0.000000 s"), true);
  assertEquals(played(`${script}0.0~0.2 > S. 0:0(0) ack 1 <...>`).verdict, { kind: "pass" });
});

Deno.test("what peers have taught is forgotten where a line says so: the SYN asks for a cookie again (RFC 7413 §4.2.1)", () => {
  const world = worldOf(4);
  const cookie = Uint8Array.of(1, 2, 3, 4);
  const address = addressOf("192.0.2.1");
  world.host.keepFastOpenCookie({
    localAddress: addressOf("192.168.0.1"),
    address,
    cookie,
    isExperimental: false,
    mss: 1000,
  });
  world.configure({ tcp: { mslUs: 1 } });
  assertEquals(world.host.fastOpenCookies().length, 1);
  world.configure({ forgetPeers: true });
  assertEquals(world.host.fastOpenCookies(), []);
});

Deno.test("nstat shows what has been counted since it was asked last: an ICMP message about what is not in flight (RFC 5927 §4.1)", () => {
  const sent = `${ACCEPTED}+0 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 1
+0 \`nstat > /dev/null\`
`;
  const asks = "+0 `nstat | grep TcpExtOutOfWindowIcmps > /dev/null`\n";
  const stray = "+0 < icmp unreachable host_unreachable [5000:6000(1000)]\n";
  const right = "+0 < icmp unreachable host_unreachable [1:101(100)]\n";
  assertEquals(played(sent + stray + asks).verdict.kind, "pass");
  for (const text of [sent + asks, sent + right + asks, sent + stray + asks + asks]) {
    const failure = failureOf(text);
    assertEquals([failure.what, failure.actual], [
      "the command fails",
      "icmp-outside-window counts nothing new",
    ]);
  }
});
