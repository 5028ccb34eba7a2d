/** What fragments of strangers cost, for both IP versions: lengths that cannot be, bounds, floods (RFC 8900 §3.7, RFC 8200 §4.5). */
import { assert, assertEquals } from "@std/assert";
import { REASSEMBLY_LIMITS as LIMITS } from "../../src/host/reassembly.ts";
import { IpPacket, parseIp } from "../../src/wire/ip.ts";
import { FragmentWire } from "./fragment_wire.ts";
import { HAND_FAMILIES, type HandFamily, pattern } from "./hand_fragments.ts";

const FLOOD = 100_000;

/** A first fragment that is made once, and sent under other identifications and from other sources. */
class Flood {
  readonly #frame: Uint8Array;
  readonly #packet = new IpPacket();

  constructor(readonly family: HandFamily, { data, offset = 0 }: { data: number; offset?: number }) {
    this.#frame = family.frame({ offset, more: true }, pattern(data));
    const type = family.addressBytes === 4 ? 0x0800 : 0x86dd;
    assertEquals(parseIp(type, this.#frame, 14, this.#frame.length - 14, this.#packet), null);
  }

  /** Sends one; `source` makes another peer of it: another address, or another network of 64 bits. */
  send(wire: FragmentWire, { id, source = 0 }: { id: number; source?: number }): void {
    const packet = this.#packet;
    packet.id = id;
    // The header's sum is wrong from then on, which nobody looks at any more.
    for (let at = 1; source > 0 && at < 4; at++) {
      this.#frame[packet.sourceOffset + at] = (source >>> (8 * (at - 1))) & 0xff;
    }
    assertEquals(wire.reassembly.arrives(this.#frame, packet), null);
  }
}

function assertBounded({ reassembly }: FragmentWire): void {
  assert(reassembly.size <= 64, `${reassembly.size} datagrams`);
  assert(reassembly.heldBytes <= 1024 * 1024, `${reassembly.heldBytes} bytes`);
  assert(reassembly.refusedSize <= 256, `${reassembly.refusedSize} refused`);
}

for (const family of HAND_FAMILIES) {
  const { name } = family;
  const largest = name === "IPv4" ? 0xffff - 20 : 0xffff;

  Deno.test(`reassembly, ${name}: the largest packet that there can be, in fragments of 1280, and one that is larger by a byte`, () => {
    const wire = new FragmentWire();
    const room = Math.floor((1280 - family.headerBytes - family.fragmentHeaderBytes) / 8) * 8;
    const data = pattern(largest + 1);
    const part = (offset: number, end: number, more: boolean, id: number) =>
      family.frame({ offset, more, id }, data.subarray(offset, end));
    let whole: Uint8Array | null = null;
    for (let offset = 0; offset < largest; offset += room) {
      const end = Math.min(offset + room, largest);
      assertEquals(whole, null);
      whole = wire.wholeOf(part(offset, end, end < largest, 7));
    }
    // An IPv4 packet keeps its identification; a fragment header goes.
    assertEquals(whole, family.frame({}, data.subarray(0, largest)));
    assertEquals([wire.drops, wire.problems], [[], []]);
    const last = Math.floor(largest / 8) * 8;
    assertEquals(wire.gives(part(last, largest + 1, false, 8)), null);
    const refusal = name === "IPv6" ? "unsupported-ipv6-header" : "malformed-ipv4";
    assertEquals([wire.drops, wire.reassembly.size], [[refusal], 0]);
    // RFC 8200 §4.5: code 0, pointing to the fragment offset field of the fragment.
    assertEquals(wire.problems, name === "IPv6" ? [{ code: 0, pointer: 42 }] : []);
    // The ping of death: the farthest place there is.
    assertEquals(wire.gives(family.frame({ offset: 65_528, id: 9 }, pattern(1000))), null);
    assertEquals([wire.drops.length, wire.reassembly.size], [2, 0]);
  });

  Deno.test(`reassembly, ${name}: parts but the last are multiples of eight bytes`, () => {
    const wire = new FragmentWire();
    for (const length of [9, 12, 15, 23]) {
      assertEquals(wire.gives(family.frame({ more: true }, pattern(length))), null);
      assertEquals(wire.gives(family.frame({ offset: 80, more: true }, pattern(length))), null);
    }
    assertEquals([wire.drops.length, wire.reassembly.size], [8, 0]);
    // RFC 8200 §4.5: code 0, pointing to the payload length.
    assertEquals(wire.problems, name === "IPv6" ? Array(8).fill({ code: 0, pointer: 4 }) : []);
    assertEquals(wire.gives(family.frame({ offset: 80 }, pattern(9))), null);
    assertEquals([wire.drops.length, wire.reassembly.size], [8, 1]);
  });

  Deno.test(`reassembly, ${name}: first headers that make the whole too long drop it`, () => {
    const wire = new FragmentWire();
    const longer = name === "IPv4"
      ? { options: [1, 1, 1, 1] }
      : { before: { header: 60, rest: [0, 1, 4, 0, 0, 0, 0] } };
    assertEquals(wire.gives(family.frame({ offset: 32_000 }, pattern(largest - 32_000))), null);
    assertEquals(wire.gives(family.frame({ ...longer, more: true }, pattern(32_000))), null);
    assertEquals([wire.drops, wire.reassembly.size, wire.reassembly.heldBytes], [["fragment"], 0, 0]);
  });

  Deno.test(`reassembly, ${name}: more parts than any packet has at an MTU of 576 drop the datagram`, () => {
    const wire = new FragmentWire();
    for (let part = 0; part < 128; part++) {
      assertEquals(wire.gives(family.frame({ offset: 16 * part, more: true }, pattern(16))), null);
    }
    assertEquals([wire.drops.length, wire.reassembly.size], [0, 1]);
    assertEquals(wire.gives(family.frame({ offset: 16 * 128 }, pattern(16))), null);
    assertEquals(
      [wire.count("reassembly-too-many-parts"), wire.drops.length, wire.reassembly.size],
      [1, 1, 0],
    );
    assertEquals(wire.gives(family.frame({ offset: 16 * 129 }, pattern(16))), null);
    assertEquals([wire.drops.length, wire.reassembly.size], [2, 0]);
  });

  Deno.test(`reassembly, ${name}: one peer has a quarter of the datagrams; its own oldest go, nobody else's`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    wire.gives(family.frame({ from: 8, more: true }, data.subarray(0, 32)));
    for (let id = 0; id < 20; id++) {
      wire.gives(family.frame({ from: 9, id, more: true }, data.subarray(0, 32)));
    }
    assertEquals([wire.reassembly.size, wire.count("reassembly-evicted")], [17, 4]);
    assertEquals(
      wire.wholeOf(family.frame({ from: 8, offset: 32 }, data.subarray(32))),
      family.frame({ from: 8 }, data),
    );
    for (let id = 0; id < 20; id++) {
      const whole = wire.wholeOf(family.frame({ from: 9, id, offset: 32 }, data.subarray(32)));
      const sent = name === "IPv4" ? { id } : {};
      assertEquals(whole, id < 4 ? null : family.frame({ from: 9, ...sent }, data), `${id}`);
    }
    // What is left of those that went began nothing.
    assertEquals([wire.reassembly.size, wire.drops.length], [0, 4]);
  });

  Deno.test(`reassembly, ${name}: when all is full, the peer with most loses its oldest, though others are older`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    const first = (from: number, id: number) => family.frame({ from, id, more: true }, data.subarray(0, 32));
    const rest = (from: number, id: number) => family.frame({ from, id, offset: 32 }, data.subarray(32));
    for (let from = 100; from < 154; from++) wire.gives(first(from, 7));
    for (let id = 0; id < 10; id++) wire.gives(first(9, id));
    assertEquals([wire.reassembly.size, wire.count("reassembly-evicted")], [64, 0]);
    for (let from = 200; from < 205; from++) wire.gives(first(from, 7));
    assertEquals([wire.reassembly.size, wire.count("reassembly-evicted")], [64, 5]);
    for (let id = 0; id < 10; id++) assertEquals(wire.gives(rest(9, id)) === null, id < 5, `${id}`);
    for (let from = 100; from < 154; from++) assert(wire.gives(rest(from, 7)) !== null, `${from}`);
    for (let from = 200; from < 205; from++) assert(wire.gives(rest(from, 7)) !== null, `${from}`);
  });

  Deno.test(`reassembly, ${name}: one peer has a quarter of the bytes`, () => {
    const wire = new FragmentWire();
    const flood = new Flood(family, { data: 60_000 });
    for (let id = 0; id < 5; id++) flood.send(wire, { id });
    // With what a part costs, four of them.
    assertEquals([wire.reassembly.size, wire.count("reassembly-evicted")], [4, 1]);
    assert(wire.reassembly.heldBytes <= 256 * 1024);
  });

  Deno.test(`reassembly, ${name}: a datagram that needs its own room goes itself, and the fragment with it`, () => {
    const wire = new FragmentWire();
    const flood = new Flood(family, { data: 56_000 });
    for (let id = 1; id < 5; id++) flood.send(wire, { id });
    new Flood(family, { data: 32_000 }).send(wire, { id: 5 });
    assertEquals([wire.reassembly.size, wire.drops.length], [5, 0]);
    // The oldest wants more than there is.
    const more = new Flood(family, { data: 8_000, offset: 56_000 });
    more.send(wire, { id: 1 });
    assertEquals([wire.count("reassembly-evicted"), wire.drops, wire.reassembly.size], [1, ["fragment"], 4]);
    more.send(wire, { id: 2 });
    assertEquals([wire.count("reassembly-evicted"), wire.drops, wire.reassembly.size], [1, ["fragment"], 4]);
    assertBounded(wire);
  });

  Deno.test(`reassembly, ${name}: ${FLOOD} first fragments of one peer: bounded, one goes for each, and the others' datagrams stay`, () => {
    const wire = new FragmentWire();
    const data = pattern(240);
    const flood = new Flood(family, { data: 32 });
    for (let sent = 0; sent < FLOOD; sent++) {
      // Every now and then a part of somebody else's.
      if (sent % 4000 === 0) {
        const offset = (sent / 4000 % 10) * 24;
        const whole = wire.wholeOf(
          family.frame({ from: 8, offset, more: offset < 216 }, data.subarray(offset, offset + 24)),
        );
        assertEquals(whole, offset < 216 ? null : family.frame({ from: 8 }, data));
      }
      flood.send(wire, { id: sent });
      if (sent % 1000 === 0) assertBounded(wire);
    }
    assertEquals(wire.count("reassembled"), 2);
    assertEquals([wire.count("reassembly-evicted"), wire.drops], [FLOOD - 16, []]);
    assertEquals(wire.reassembly.size, 16 + 1);
    wire.passes(LIMITS.WAIT_US);
    assertEquals([wire.reassembly.size, wire.reassembly.heldBytes], [0, 0]);
    assertEquals(wire.timedOut.length, 17);
  });

  Deno.test(`reassembly, ${name}: ${FLOOD} first fragments from as many peers: bounded, one goes for each`, () => {
    const wire = new FragmentWire();
    const flood = new Flood(family, { data: 32 });
    for (let sent = 0; sent < FLOOD; sent++) {
      flood.send(wire, { id: 7, source: sent });
      if (sent % 1000 === 0) assertBounded(wire);
    }
    assertEquals([wire.count("reassembly-evicted"), wire.reassembly.size], [FLOOD - 64, 64]);
    wire.passes(LIMITS.WAIT_US);
    assertEquals([wire.reassembly.size, wire.reassembly.heldBytes], [0, 0]);
  });

  Deno.test(`reassembly, ${name}: large fragments from many peers: bounded in bytes, and who has little keeps it`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    wire.gives(family.frame({ from: 8, more: true }, data.subarray(0, 32)));
    const flood = new Flood(family, { data: 60_000 });
    for (let sent = 0; sent < 2_000; sent++) {
      flood.send(wire, { id: sent, source: sent });
      assertBounded(wire);
    }
    assert(wire.count("reassembly-evicted") >= 2_000 - 18);
    assertEquals(
      wire.wholeOf(family.frame({ from: 8, offset: 32 }, data.subarray(32))),
      family.frame({ from: 8 }, data),
    );
  });

  Deno.test(`reassembly, ${name}: of ${FLOOD / 10} datagrams that overlap, the latest are remembered`, () => {
    const wire = new FragmentWire();
    const first = new Flood(family, { data: 32 });
    const other = new Flood(family, { data: 40 });
    for (let id = 0; id < FLOOD / 10; id++) {
      first.send(wire, { id });
      other.send(wire, { id });
    }
    assertEquals([wire.count("reassembly-overlap"), wire.reassembly.size], [FLOOD / 10, 0]);
    assertEquals([wire.reassembly.refusedSize, wire.reassembly.heldBytes], [256, 0]);
    first.send(wire, { id: FLOOD / 10 - 1 });
    first.send(wire, { id: FLOOD / 10 - 256 });
    assertEquals(wire.reassembly.size, 0);
    first.send(wire, { id: FLOOD / 10 - 257 });
    assertEquals(wire.reassembly.size, 1);
  });
}

Deno.test("reassembly, IPv6: addresses of one network of 64 bits are one peer", () => {
  const [, family] = HAND_FAMILIES;
  const wire = new FragmentWire();
  for (let id = 0; id < 40; id++) {
    const frame = family.frame({ id, more: true }, pattern(32));
    frame[14 + 8 + 15] = id;
    wire.gives(frame);
  }
  assertEquals(wire.reassembly.size, 16);
});
