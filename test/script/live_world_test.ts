/** A world on a wire: time goes by itself, what the host sends goes out, what comes in is taken, and neighbours are true ones. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type FrameLink, LinkError } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { readSent } from "../../src/script/outbound.ts";
import { HOST_MAC } from "../../src/script/router_end.ts";
import type { LiveWire } from "../../src/script/world.ts";
import { parseIpAddress } from "../../src/wire/address.ts";
import { arpFrame } from "../host/hand_frames.ts";
import { ACCEPTED, ACCEPTED_LINES, failureOf, played, tracedBy } from "./played.ts";

const LOCAL = parseIpAddress("10.9.0.2");

/** A wire whose clock goes on by `tickUs` each time that it is looked at, and as far as anybody sleeps. */
function fakeWire(tickUs = 1) {
  const [link, other] = memoryPair({ macA: HOST_MAC });
  let nowUs = 5_000_000;
  const wire: LiveWire = {
    link,
    nowUs: () => nowUs += tickUs,
    sleep: (us) => void (nowUs += us),
  };
  return { wire, other };
}

/** The link, but for what it does otherwise. */
function linkThat(link: FrameLink, other: Partial<Pick<FrameLink, "receive" | "send">>): FrameLink {
  return {
    name: link.name,
    mtu: link.mtu,
    mac: link.mac,
    maxPacketBytes: link.maxPacketBytes,
    isCrowded: false,
    receive: (handler, budget) => link.receive(handler, budget),
    send: (frame, length) => link.send(frame, length),
    flush: () => link.flush(),
    wait: (timeoutMs) => link.wait(timeoutMs),
    wake: () => link.wake(),
    stats: () => link.stats(),
    close: () => link.close(),
    [Symbol.dispose]: () => link.close(),
    ...other,
  };
}

function onWire(wire: LiveWire) {
  assert(LOCAL !== null);
  return { wire, wishes: { localAddress: { address: LOCAL, prefixLength: 24 } } };
}

Deno.test("on a wire the script goes as on the virtual clock, what the host sends goes out, and relative times count from the step before", () => {
  const { wire, other } = fakeWire();
  const script =
    `${ACCEPTED}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n+.3~+.5 > P. 1:1001(1000) ack 1`;
  assertEquals(played(script, onWire(wire)).verdict, { kind: "pass" });
  const lengths: number[] = [];
  other.receive((frame, length) => {
    const packet = readSent({ bytes: frame.slice(0, length), atUs: 0, segment: 0 });
    if (packet?.protocol === "tcp") lengths.push(packet.payload.length);
  }, 100);
  // The SYN-ACK, the text, and the text again.
  assertEquals(lengths, [0, 1000, 1000]);
  const steps = tracedBy(script, onWire(fakeWire().wire)).filter(({ kind }) => kind === "step");
  assertEquals(Math.round(steps[5].atUs / 1000), 100);
});

Deno.test("a clock that goes too fast for the tolerance fails a step, in words", () => {
  const { wire } = fakeWire(30_000);
  const verdict = failureOf(`${ACCEPTED}0.1 write(4, ..., 1000) = 1000`, onWire(wire));
  assertMatch(verdict.what, /too (late|early): expected at/);
});

Deno.test("others on the wire are heard: who asks for the host's address is answered there, and nobody answers for others", () => {
  const { wire, other } = fakeWire();
  const question = arpFrame({
    operation: 1,
    senderMac: "02:00:00:00:00:77",
    senderIp: "10.9.0.77",
    targetMac: "00:00:00:00:00:00",
    targetIp: "10.9.0.2",
  }, { to: "ff:ff:ff:ff:ff:ff" });
  other.send(question, question.length);
  assertEquals(played(`${ACCEPTED}+.1 close(3) = 0`, onWire(wire)).verdict, { kind: "pass" });
  const answered: string[] = [];
  other.receive((frame, length) => {
    const isReply = frame[12] === 0x08 && frame[13] === 0x06 && frame[21] === 2;
    if (isReply) answered.push([...frame.subarray(38, 42)].join(".") + ` ${length}`);
  }, 100);
  // One to the script's router at the beginning, one to the stranger.
  assertEquals(answered.map((text) => text.split(" ")[0]), ["10.9.0.3", "10.9.0.77"]);
});

Deno.test("the time limit ends a wait in real time, and nothing that could come ends a call that blocks for ever", () => {
  let asked = 0;
  const limited = failureOf(`${ACCEPTED}* > F. 1:1(0) ack 1`, {
    ...onWire(fakeWire().wire),
    isOutOfTime: () => ++asked > 10,
  });
  assertEquals(limited.what, "the time limit is over while a step is waited for");
  const blocked = failureOf(`${ACCEPTED}+0 read(4, ..., 10) = 10`, onWire(fakeWire().wire));
  assertEquals(blocked.what, "read blocks, and nothing is due any more");
});

Deno.test("a wire that carries nothing any more fails the step that is played, with the reason; and the end, were all steps played", () => {
  const { wire } = fakeWire();
  // A tenth of a second after the beginning the last step is reached.
  const endUs = wire.nowUs() + 150_000;
  const failing = { ...wire, fault: () => wire.nowUs() < endUs ? null : "eth0 is switched off" };
  const waiting = failureOf(`${ACCEPTED}* > F. 1:1(0) ack 1`, onWire(failing));
  assertEquals(
    [waiting.what, waiting.expected, waiting.place.line],
    ["eth0 is switched off", "a device that carries what the stack sends", ACCEPTED_LINES + 1],
  );
  assertMatch(waiting.actual, /^seen at 0\.1\d{5}$/);
  // What is only found by a look that is certain.
  const certain = { ...fakeWire().wire, fault: ({ now }: { now: boolean }) => now ? "eth0 is gone" : null };
  assertEquals(failureOf(ACCEPTED, onWire(certain)).what, "eth0 is gone");
});

Deno.test("a frame that is refused is told at the step that sent it", () => {
  const { wire } = fakeWire();
  let refused = 0;
  const send = (_frame: Uint8Array, length: number) => void (refused += length > 1_000 ? 1 : 0);
  const refusing = {
    ...wire,
    link: linkThat(wire.link, { send }),
    fault: () => refused === 0 ? null : "eth0 refused a frame",
  };
  const script = `${ACCEPTED}+0 write(4, ..., 1000) = 1000\n+0 close(4) = 0\n`;
  const { what, place } = failureOf(script, onWire(refusing));
  assertEquals([what, place.line], ["eth0 refused a frame", ACCEPTED_LINES + 1]);
});

Deno.test("a link that is gone is no mistake of the script and none of tcplab: before the first step, and in a wait", () => {
  const gone = (): never => {
    throw new LinkError("Device eth0 is gone");
  };
  const { wire } = fakeWire();
  const receiving = { ...wire, link: linkThat(wire.link, { receive: gone }) };
  const waiting = failureOf(`${ACCEPTED}* > F. 1:1(0) ack 1`, onWire(receiving));
  assertEquals([waiting.what, waiting.place.line > 0], ["Device eth0 is gone", true]);
  const sending = { ...wire, link: linkThat(wire.link, { send: gone }) };
  const first = failureOf(ACCEPTED, onWire(sending));
  assertEquals([first.what, first.actual, first.place.line], [
    "Device eth0 is gone",
    "so from the beginning",
    0,
  ]);
});
