/**
 * The bad link: each fault by itself, time, bounds, damage, and the way it fits where any link fits.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type FaultLink, faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import type { FrameLink } from "../../src/link/link.ts";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4, parseIpv4 } from "../../src/wire/ipv4.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { readU16, writeU16 } from "../../src/wire/bytes.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  TCP,
  tcpChecksum,
  TcpSegment,
} from "../../src/wire/tcp.ts";

const MAC_A = Uint8Array.of(2, 0, 0, 0, 0, 0xa);
const MAC_B = Uint8Array.of(2, 0, 0, 0, 0, 0xb);
const ETHERNET_BYTES = 14;
/** Where {@link ipFrame} puts its number: behind the Ethernet and IPv4 headers, in a payload of no known protocol. */
const NUMBER = ETHERNET_BYTES + 20;

/** A frame with `number` in it, `length` bytes long. */
function ipFrame(number: number, length = 60, ecn = 0): Uint8Array {
  const frame = new Uint8Array(length);
  const at = emitEthernet(frame, { destination: MAC_B, source: MAC_A, type: ETHERTYPE.IPV4 });
  emitIpv4(frame, at, {
    source: Uint8Array.of(10, 0, 0, 1),
    destination: Uint8Array.of(10, 0, 0, 2),
    protocol: 0xfd,
    payloadLength: length - NUMBER,
    hopLimit: 64,
    id: 0,
    ecn,
  });
  writeU16(frame, NUMBER, number);
  return frame;
}

/** A good link on one side, and on the other one with faults. */
class Bench {
  readonly clock = new VirtualClock();
  readonly good: MemoryLink;
  readonly bad: FaultLink;

  constructor(spec: string, options: MemoryPairOptions = {}) {
    const [a, b] = memoryPair({ queueFrames: 20_000, ...options });
    this.good = a;
    this.bad = faultLink(b, { faults: parseFaultSpec(spec), nowUs: () => this.clock.nowUs() });
  }

  /** Numbers of the frames that `link` hands up now. */
  numbers(link: FrameLink, budget = 100_000): number[] {
    const numbers: number[] = [];
    link.receive((frame) => numbers.push(readU16(frame, NUMBER)), budget);
    return numbers;
  }

  /** Sends frames 0 to `count - 1` over the bad link, `gapUs` apart; returns what arrives, in order, with its time. */
  sendAll(count: number, gapUs = 0): { number: number; atUs: number }[] {
    const arrived: { number: number; atUs: number }[] = [];
    const collect = () => {
      for (const number of this.numbers(this.good)) arrived.push({ number, atUs: this.clock.nowUs() });
    };
    for (let i = 0; i < count; i++) {
      this.#releaseUpTo(i * gapUs, collect);
      this.bad.send(ipFrame(i), 60);
      collect();
    }
    this.#releaseUpTo(Infinity, collect);
    return arrived;
  }

  #releaseUpTo(untilUs: number, collect: () => void): void {
    for (
      let dueUs = this.bad.nextDueUs();
      dueUs <= untilUs && dueUs < Infinity;
      dueUs = this.bad.nextDueUs()
    ) {
      this.clock.advanceTo(dueUs);
      this.bad.release(dueUs);
      collect();
    }
    if (untilUs < Infinity) this.clock.advanceTo(untilUs);
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

Deno.test("fault link: without faults it is the link below", () => {
  const { good, bad, ...bench } = new Bench("drop=0%", { maxPacketBytes: 60_000 });
  assertEquals([bad.mtu, bad.maxPacketBytes, bad.name, bad.mac], [1500, 60_000, "memory:b", MAC_B]);
  bad.send(ipFrame(1), 60);
  good.send(ipFrame(2), 60);
  const numbers: number[] = [];
  for (const link of [good, bad]) link.receive((frame) => numbers.push(readU16(frame, NUMBER)), 10);
  assertEquals(numbers, [1, 2]);
  assertEquals(bad.faultCounts(), { in: null, out: null });
  assertEquals(bad.nextDueUs(), Infinity);
  assertEquals(bad.stats(), { ...bad.stats(), framesIn: 1, framesOut: 1 });
  assertEquals(bench.clock.nowUs(), 0);
});

Deno.test("fault link: a bad way out takes no packet larger than the wire's", () => {
  assertEquals(new Bench("out:drop=1%", { maxPacketBytes: 60_000 }).bad.maxPacketBytes, 1500);
  assertEquals(new Bench("in:drop=1%", { maxPacketBytes: 60_000 }).bad.maxPacketBytes, 60_000);
});

Deno.test("fault link: drop loses about its share, the same frames for the same seed", () => {
  const bench = new Bench("drop=10%,seed=5");
  const arrived = bench.sendAll(5000).map(({ number }) => number);
  const counts = bench.bad.faultCounts().out;
  assertEquals(counts?.frames, 5000);
  assertEquals(counts?.dropped, 5000 - arrived.length);
  assert(Math.abs(arrived.length - 4500) < 110, `${arrived.length}`);
  assertEquals(new Bench("drop=10%,seed=5").sendAll(5000).map(({ number }) => number), arrived);
  assertNotEquals(new Bench("drop=10%,seed=6").sendAll(5000).map(({ number }) => number), arrived);
});

Deno.test("fault link: one more fault does not change which frames another hits", () => {
  const lost = (spec: string) => {
    const arrived = new Set(new Bench(spec).sendAll(1000).map(({ number }) => number));
    return upTo(1000).filter((number) => !arrived.has(number));
  };
  assertEquals(lost("drop=5%,dup=10%,reorder=10%,jitter=3ms"), lost("drop=5%"));
});

Deno.test("fault link: the two directions have fates of their own", () => {
  const bench = new Bench("drop=50%");
  for (let i = 0; i < 100; i++) bench.good.send(ipFrame(i), 60);
  const inward = bench.numbers(bench.bad);
  assertNotEquals(inward, bench.sendAll(100).map(({ number }) => number));
  assertEquals(bench.bad.faultCounts().in?.dropped, 100 - inward.length);
});

Deno.test("fault link: dup brings a frame twice in a row", () => {
  assertEquals(new Bench("dup=100%").sendAll(3).map(({ number }) => number), [0, 0, 1, 1, 2, 2]);
});

Deno.test("fault link: reorder lets one to five later frames pass, and loses none", () => {
  const bench = new Bench("reorder=2%");
  const arrived = bench.sendAll(2000).map(({ number }) => number);
  assertEquals([...arrived].sort((a, b) => a - b), upTo(2000));
  let late = 0;
  for (const [place, number] of arrived.entries()) {
    if (place > number) late++;
    assert(place - number <= 5, `${number} came at place ${place}`);
  }
  assert(late > 20, `${late}`);
  assertEquals(bench.bad.faultCounts().out?.reordered, late);
});

Deno.test("fault link: a frame that steps back and that nothing follows goes on after 10 ms", () => {
  const bench = new Bench("reorder=100%");
  bench.bad.send(ipFrame(1), 60);
  assertEquals(bench.numbers(bench.good), []);
  assertEquals(bench.bad.nextDueUs(), 10_000);
  bench.clock.advanceTo(10_000);
  bench.bad.flush();
  assertEquals(bench.numbers(bench.good), [1]);
});

Deno.test("fault link: delay holds each frame for its time, in both directions", () => {
  const bench = new Bench("delay=10ms");
  assertEquals(bench.sendAll(3, 1000), [
    { number: 0, atUs: 10_000 },
    { number: 1, atUs: 11_000 },
    { number: 2, atUs: 12_000 },
  ]);
  bench.good.send(ipFrame(7), 60);
  assertEquals(bench.numbers(bench.bad), []);
  assertEquals(bench.bad.nextDueUs(), 22_000);
  bench.clock.advanceTo(21_999);
  assertEquals(bench.numbers(bench.bad), []);
  bench.clock.advanceTo(22_000);
  assertEquals(bench.numbers(bench.bad), [7]);
});

Deno.test("fault link: jitter varies the delay within its bounds and keeps the order", () => {
  const arrived = new Bench("delay=10ms,jitter=5ms").sendAll(500, 4000);
  assertEquals(arrived.map(({ number }) => number), upTo(500));
  const delays = arrived.map(({ number, atUs }) => atUs - number * 4000);
  assert(Math.min(...delays) < 6000 && Math.min(...delays) >= 5000, `${Math.min(...delays)}`);
  assert(Math.max(...delays) > 14_000 && Math.max(...delays) <= 15_000, `${Math.max(...delays)}`);
});

Deno.test("fault link: rate spaces frames by their length after a burst, and a full queue loses", () => {
  // 60 bytes at 800 kbit/s take 600 us; the burst of 3,000 bytes lets 50 pass at once.
  const bench = new Bench("rate=800kbit");
  const arrived = bench.sendAll(100);
  assertEquals(arrived.filter(({ atUs }) => atUs === 0).length, 50);
  assertEquals(arrived.slice(50).map(({ atUs }) => atUs), upTo(50).map((i) => (i + 1) * 600));
  const flooded = new Bench("rate=800kbit");
  // 30,000 bytes of queue and 3,000 of burst are 550 frames.
  assertEquals(flooded.sendAll(600).map(({ number }) => number), upTo(550));
  assertEquals(flooded.bad.faultCounts().out?.overflowed, 50);
});

Deno.test("fault link: corrupt flips exactly one bit of the packet, not of the frame's header or padding", () => {
  const bench = new Bench("corrupt=100%");
  const packetBytes = 40;
  const frame = new Uint8Array(60);
  frame.set(ipFrame(0, ETHERNET_BYTES + packetBytes));
  const hit = new Set<number>();
  for (let i = 0; i < 3000; i++) {
    bench.bad.send(frame, 60);
    bench.good.receive((arrived) => {
      const changed = upTo(60 * 8).filter((bit) =>
        ((arrived[bit >> 3] ^ frame[bit >> 3]) >> (bit & 7) & 1) === 1
      );
      assertEquals(changed.length, 1);
      hit.add(changed[0]);
    }, 1);
  }
  assertEquals(hit.size, packetBytes * 8);
  assertEquals(Math.min(...hit), ETHERNET_BYTES * 8);
  assertEquals(bench.bad.faultCounts().out?.corrupted, 3000);
});

Deno.test("fault link: a TCP checksum that was left to a device is completed before the damage", () => {
  const frame = new Uint8Array(ETHERNET_BYTES + 20 + 20 + 100);
  emitEthernet(frame, { destination: MAC_B, source: MAC_A, type: ETHERTYPE.IPV4 });
  emitIpv4(frame, ETHERNET_BYTES, {
    source: Uint8Array.of(10, 0, 0, 1),
    destination: Uint8Array.of(10, 0, 0, 2),
    protocol: IP_PROTOCOL.TCP,
    payloadLength: 120,
    hopLimit: 64,
    id: 0,
  });
  emitTcp(frame, NUMBER, new TcpSegment());
  const pseudo = pseudoHeaderSum(frame, ETHERNET_BYTES + IPV4.SOURCE, 4, IP_PROTOCOL.TCP, 120);
  writeU16(frame, NUMBER + TCP.CHECKSUM, pseudo);
  const bench = new Bench("corrupt=100%");
  let found = 0;
  for (let i = 0; i < 500; i++) {
    bench.bad.send(frame, frame.length);
    bench.good.receive((arrived) => {
      const isHeaderDamaged = checksum(arrived, ETHERNET_BYTES, 20) !== 0;
      const verdict = checksumVerdict(arrived, NUMBER, 120, pseudo, true);
      if (isHeaderDamaged || verdict === CHECKSUM_VERDICT.WRONG) found++;
    }, 1);
  }
  assertEquals(found, 500);
  assertEquals(readU16(frame, NUMBER + TCP.CHECKSUM), pseudo, "the sender's own bytes stay as they are");
  assertNotEquals(tcpChecksum(frame, NUMBER, 120, pseudo), pseudo);
});

Deno.test("fault link: mark turns capable packets into marked ones with a right header sum, and leaves others", () => {
  const bench = new Bench("mark=100%");
  const header = new IpPacket();
  const seen: number[] = [];
  for (const ecn of [0, 1, 2, 3]) bench.bad.send(ipFrame(0, 60, ecn), 60);
  bench.good.receive((frame, length) => {
    assertEquals(parseIpv4(frame, ETHERNET_BYTES, length - ETHERNET_BYTES, header), null);
    seen.push(header.ecn);
  }, 10);
  assertEquals(seen, [0, 3, 3, 3]);
  assertEquals(bench.bad.faultCounts().out?.marked, 2);
});

Deno.test("fault link: ARP passes untouched unless asked otherwise", () => {
  const arp = new Uint8Array(60);
  emitEthernet(arp, { destination: MAC_B, source: MAC_A, type: ETHERTYPE.ARP });
  const passed = (spec: string) => {
    const { good, bad } = new Bench(spec);
    let count = 0;
    for (const [from, to] of [[good, bad], [bad, good]]) {
      from.send(arp, 60);
      to.receive(() => count++, 10);
    }
    return count;
  };
  assertEquals(passed("drop=100%"), 2);
  assertEquals(passed("delay=10ms"), 2);
  assertEquals(passed("drop=100%,arp=on"), 0);
});

Deno.test("fault link: the budget holds, copies and frames that fell due included", () => {
  const bench = new Bench("in:dup=100%");
  for (let i = 0; i < 4; i++) bench.good.send(ipFrame(i), 60);
  assertEquals(bench.numbers(bench.bad, 3), [0, 0, 1]);
  assertEquals(bench.bad.nextDueUs() <= bench.clock.nowUs(), true);
  assertEquals(bench.numbers(bench.bad, 3), [1, 2, 2]);
  assertEquals(bench.numbers(bench.bad, 3), [3, 3]);
});

Deno.test("fault link: frames under way are bounded, and buffers serve again", () => {
  const bench = new Bench("out:delay=1s");
  const frame = ipFrame(0);
  for (let i = 0; i < 70_000; i++) bench.bad.send(frame, 60);
  assertEquals(bench.bad.faultCounts().out?.overflowed, 70_000 - 65_536);
  bench.bad.close();
  assertEquals(bench.bad.nextDueUs(), Infinity);
});

Deno.test("fault link: wait ends in time for the next frame, for a frame sent meanwhile, and for a wake", async () => {
  const sleeps: number[] = [];
  let end: () => void = () => {};
  const bench = new Bench("delay=10ms", {
    sleep: (ms) => {
      sleeps.push(ms);
      return new Promise((resolve) => end = resolve);
    },
  });
  bench.bad.send(ipFrame(1), 60);
  bench.clock.advance(4_000);
  const first = bench.bad.wait(60_000);
  await Promise.resolve();
  assertEquals(sleeps, [6]);
  bench.clock.advance(6_000);
  end();
  await first;
  bench.bad.receive(() => {}, 10);
  assertEquals(bench.numbers(bench.good), [1]);
  // Nothing under way: only the caller's own bound.
  const second = bench.bad.wait(500);
  await Promise.resolve();
  assertEquals(sleeps, [6, 500]);
  bench.bad.send(ipFrame(2), 60);
  await second;
  const third = bench.bad.wait(Infinity);
  await Promise.resolve();
  assertEquals(sleeps, [6, 500, 10]);
  bench.bad.wake();
  await third;
  bench.clock.advance(10_000);
  const fourth = bench.bad.wait(Infinity);
  assertEquals(bench.numbers(bench.good), [2], "what is due leaves before the wait");
  bench.bad.close();
  await fourth;
});

Deno.test("fault link: the time of capture moves with the delay", () => {
  const bench = new Bench("in:delay=10ms", { nowUs: () => 5_000_000 });
  bench.good.send(ipFrame(1), 60);
  bench.bad.receive(() => {}, 10);
  bench.clock.advance(12_000);
  const times: number[] = [];
  bench.bad.receive((_frame, _length, capturedUs) => times.push(capturedUs), 10);
  assertEquals(times, [5_012_000]);
});
