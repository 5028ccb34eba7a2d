/**
 * What a host makes of its neighbors' words, and what it says itself, over both families: ARP (RFC 826, RFC 1122 §2.3.2) and
 * neighbor discovery (RFC 4861 §7.2, §7.3).
 */
import { assertEquals, fail } from "@std/assert";
import { parseIpAddress } from "../../src/wire/address.ts";
import { hex } from "./hand_frames.ts";
import { destinationsOf, NeighborBench } from "./neighbor_bench.ts";
import { NEIGHBOR_FAMILIES, type Station } from "./neighbor_families.ts";
import { EVERYBODY, NO_MAC, OUR_MAC, SECOND_US } from "./wire_host.ts";

const NEW_MAC = "02:00:00:00:00:0a";
const GROUP_MACS = [EVERYBODY, "01:00:5e:00:00:01", "33:33:00:00:00:01", "03:00:00:00:00:09", NO_MAC];

for (const family of NEIGHBOR_FAMILIES) {
  const { name, us, us2, peer, other } = family;
  const bench = (ours?: readonly string[]) => new NeighborBench(family, ours);
  /** A bench that has a connection to the peer, who has answered. */
  const near = () => {
    const wire = bench();
    const connection = wire.opens(peer.address);
    assertEquals(wire.says(connection), null);
    wire.expects(family.asks(us, peer.address));
    assertEquals(destinationsOf(wire.gives(family.answers(peer, us))), [peer.mac]);
    wire.takeCounts();
    return { wire, connection };
  };
  const moved = (mac: string): Station => ({ ...peer, mac });

  // -- Our questions

  Deno.test(`${name}: who asks is kept, whatever becomes of the bytes in which it was told`, () => {
    const wire = bench();
    const source = parseIpAddress(us.address)?.slice() ?? fail(us.address);
    const neighbor = wire.cache.entry(parseIpAddress(peer.address) ?? fail(peer.address), source);
    source.fill(0xff);
    assertEquals(neighbor.source, parseIpAddress(us.address));
  });

  // -- Questions of others

  Deno.test(`${name}: a question for our address is answered to the asker alone, and teaches where the asker is`, () => {
    const wire = bench();
    wire.answers(family.asks(peer, us.address), family.answers(us, peer));
    wire.answers(family.polls(peer, us), family.answers(us, peer));
    wire.pass(100 * SECOND_US);
    wire.expects();
    const later = bench();
    later.gives(family.asks(peer, us.address));
    assertEquals([later.says(later.opens(peer.address)), later.take()], [peer.mac, []]);
  });

  Deno.test(`${name}: each of two addresses is answered as itself, and no third`, () => {
    const wire = bench([us.address, us2.address]);
    wire.answers(family.asks(peer, us.address), family.answers(us, peer));
    wire.answers(family.asks(peer, us2.address), family.answers(us2, peer));
    for (const address of [other.address, family.wanted, family.stranger(1)]) {
      wire.answers(family.asks(peer, address));
    }
  });

  Deno.test(`${name}: a probe for our address is answered, and teaches nothing`, () => {
    const wire = bench();
    wire.answers(family.probes(peer, us.address), family.answersProbe(us, peer));
    assertEquals([wire.cache.size, wire.conflicts], [0, []]);
  });

  Deno.test(`${name}: answers of others to us, and questions for others, are not answered`, () => {
    const wire = bench();
    wire.answers(family.answers(peer, us));
    wire.answers(family.tells(peer));
    wire.answers(family.asks(peer, other.address));
    wire.answers(family.probes(peer, other.address));
  });

  Deno.test(`${name}: what a group address sends is neither answered nor believed (RFC 1812 §3.3.2)`, () => {
    const { wire, connection } = near();
    for (const mac of GROUP_MACS) {
      // The frame itself is an honest neighbor's.
      for (const make of [family.asks, family.polls]) {
        const frame = make === family.asks
          ? family.asks(moved(mac), us.address)
          : family.answers(moved(mac), us);
        frame.set([2, 0, 0, 0, 0, 0x66], 6);
        wire.answers(frame);
      }
    }
    const bad = name === "ARP" ? "arp-bad-sender" : "ndp-bad-sender";
    assertEquals(wire.takeCounts()[bad], 2 * GROUP_MACS.length);
    assertEquals(wire.says(connection), peer.mac);
  });

  Deno.test(`${name}: an address that no host can have is neither answered nor believed (RFC 1122 §3.2.1.3)`, () => {
    const wire = bench();
    for (const address of family.impossible) {
      const stranger = { address, mac: NEW_MAC };
      // A source that is a group is refused before, with IPv6.
      if (address.startsWith("ff")) continue;
      wire.answers(family.asks(stranger, us.address));
      wire.answers(family.answers(stranger, us));
    }
    assertEquals([wire.cache.size, wire.conflicts], [0, []]);
  });

  Deno.test(`${name}: our own frames, brought back, are no question, no conflict and no news`, () => {
    const wire = bench();
    wire.claims.claim(family.bytes(us.address), { lost: () => wire.conflicts.push("lost"), alsoOurs: null });
    wire.answers(family.asks(us, us.address));
    wire.answers(family.probes(us, us.address));
    wire.answers(family.tells(us));
    wire.answers(family.answers({ ...peer, mac: OUR_MAC }, us));
    wire.answers(family.asks({ ...peer, mac: OUR_MAC }, us.address));
    assertEquals([wire.cache.size, wire.conflicts], [0, []]);
  });

  Deno.test(`${name}: in a crowd only those in the cache are heard`, () => {
    const { wire } = near();
    wire.overload.isCrowded = true;
    wire.answers(family.asks(other, us.address));
    wire.answers(family.probes(other, us.address));
    wire.answers(family.asks(peer, us.address), family.answers(us, peer));
  });

  // -- What is believed

  Deno.test(`${name}: what nobody has asked for moves a live connection at once, and is counted`, () => {
    const { wire, connection } = near();
    wire.answers(family.tells(moved(NEW_MAC)));
    assertEquals([wire.says(connection), wire.moves], [NEW_MAC, [`${peer.mac} ${NEW_MAC}`]]);
    assertEquals([wire.takeCounts()["neighbors-moved"], connection.hop.state], [1, "STALE"]);
  });

  Deno.test(`${name}: a question from elsewhere moves a live connection too`, () => {
    const { wire, connection } = near();
    wire.answers(family.asks(moved(NEW_MAC), us.address), family.answers(us, moved(NEW_MAC)));
    assertEquals([wire.says(connection), connection.hop.state], [NEW_MAC, "STALE"]);
  });

  Deno.test(`${name}: what somebody unknown says without being asked makes no entry`, () => {
    const wire = bench();
    wire.answers(family.tells(peer));
    wire.answers(family.asks(peer, other.address));
    assertEquals(wire.cache.size, 0);
    const connection = wire.opens(peer.address);
    assertEquals(wire.says(connection), null);
    wire.expects(family.asks(us, peer.address));
  });

  Deno.test(`${name}: addresses that differ in any bit are different neighbors`, () => {
    const wire = bench();
    const base = family.bytes(peer.address);
    const seen = new Set();
    for (let bit = 0; bit < base.length * 8; bit++) {
      const address = base.slice();
      address[bit >> 3] ^= 1 << (bit & 7);
      seen.add(wire.cache.entry(address, base));
      assertEquals(wire.cache.find(address)?.address, address);
    }
    assertEquals([seen.size, wire.cache.size, wire.cache.find(base)], [
      base.length * 8,
      base.length * 8,
      null,
    ]);
  });

  // -- The life of an entry (RFC 4861 §7.3.2)

  Deno.test(`${name}: unknown: three questions to all, a second apart; then whoever waits is told, and the next wish asks anew`, () => {
    const wire = bench();
    const connection = wire.opens(peer.address);
    assertEquals([wire.says(connection), connection.hop.state], [null, "INCOMPLETE"]);
    for (let at = 0; at < 3; at++) {
      wire.expects(family.asks(us, peer.address));
      wire.pass(SECOND_US - 1);
      wire.expects();
      assertEquals(connection.told, []);
      wire.pass(1);
    }
    wire.expects();
    assertEquals([connection.told, wire.takeCounts()["neighbors-gone"]], [["unreachable"], 1]);
    wire.pass(100 * SECOND_US);
    wire.expects();
    wire.says(connection);
    wire.expects(family.asks(us, peer.address));
  });

  Deno.test(`${name}: silent: five seconds, three polls of the one, three questions to all, then nothing goes there`, () => {
    const { wire, connection } = near();
    // Reachable for 30 seconds: not doubted before.
    wire.pass(30 * SECOND_US - 1);
    wire.cache.sendingAgain(connection.hop);
    assertEquals([connection.hop.state, wire.cache.isAtRest], ["REACHABLE", true]);
    wire.pass(1);
    wire.cache.sendingAgain(connection.hop);
    assertEquals(connection.hop.state, "DELAY");
    wire.pass(5 * SECOND_US - 1);
    wire.expects();
    wire.pass(1);
    const poll = family.polls(us, peer);
    const all = family.asks(us, peer.address);
    for (const question of [poll, poll, poll, all, all, all]) {
      wire.expects(question);
      assertEquals([connection.hop.state, wire.says(connection)], ["PROBE", peer.mac]);
      wire.pass(SECOND_US);
    }
    wire.expects();
    assertEquals([connection.hop.state, connection.hop.mac], ["INCOMPLETE", null]);
  });

  for (const state of ["DELAY", "PROBE"] as const) {
    Deno.test(`${name}: forward progress is as good as an answer, in ${state} (RFC 4861 §7.3.1)`, () => {
      const { wire, connection } = near();
      wire.pass(30 * SECOND_US);
      wire.cache.sendingAgain(connection.hop);
      if (state === "PROBE") wire.pass(5 * SECOND_US);
      wire.take();
      assertEquals(connection.hop.state, state);
      wire.cache.confirm(connection.hop);
      wire.pass(29 * SECOND_US);
      wire.expects();
      assertEquals([connection.hop.state, wire.cache.nextDeadlineUs], ["REACHABLE", Infinity]);
    });
  }

  Deno.test(`${name}: the answer to a poll ends the questions; a word without an answer in it, from the same place, does not`, () => {
    const { wire, connection } = near();
    wire.cache.doubt(connection.hop, false);
    wire.expects(family.polls(us, peer));
    wire.answers(family.tells(peer));
    wire.answers(family.asks(peer, us.address), family.answers(us, peer));
    assertEquals(connection.hop.state, "PROBE");
    wire.pass(SECOND_US);
    wire.expects(family.polls(us, peer));
    wire.answers(family.answers(peer, us));
    assertEquals(connection.hop.state, "REACHABLE");
    wire.pass(29 * SECOND_US);
    wire.expects();
  });

  Deno.test(`${name}: an entry that nobody uses counts for a minute after its owner was last heard (RFC 1122 §2.3.2.1)`, () => {
    for (const [waitUs, goes] of [[60 * SECOND_US - 1, peer.mac], [60 * SECOND_US, null]] as const) {
      const wire = bench();
      wire.gives(family.asks(peer, us.address));
      wire.pass(waitUs);
      assertEquals(wire.says(wire.opens(peer.address)), goes);
    }
  });

  // -- How many

  Deno.test(`${name}: of 70 frames that wait for a neighbor 64 leave, to where it is`, () => {
    const wire = bench();
    const connections = Array.from({ length: 70 }, () => wire.opens(peer.address));
    for (const connection of connections) wire.says(connection);
    wire.expects(family.asks(us, peer.address));
    assertEquals(destinationsOf(wire.gives(family.answers(peer, us))), Array(64).fill(peer.mac));
    assertEquals(wire.cache.heldBytes, 0);
  });

  Deno.test(`${name}: ten thousand strangers that ask: the cache is bounded, live entries stay and are answered still`, () => {
    const { wire, connection } = near();
    wire.gives(family.asks(other, us.address));
    for (let number = 0; number < 10_000; number++) {
      wire.gives(family.asks({ address: family.stranger(number), mac: NEW_MAC }, us.address));
    }
    assertEquals(wire.cache.size, 1025);
    assertEquals(wire.says(connection), peer.mac);
    assertEquals(wire.says(wire.opens(other.address)), null);
    wire.take();
    wire.answers(family.asks(peer, us.address), family.answers(us, peer));
  });

  Deno.test(`${name}: ten thousand strangers that say where they are, asked or not, make no entry and move nobody`, () => {
    const { wire, connection } = near();
    for (let number = 0; number < 10_000; number++) {
      wire.answers(family.tells({ address: family.stranger(number), mac: NEW_MAC }));
      if (name === "NDP") {
        wire.answers(family.answers({ address: family.stranger(number), mac: NEW_MAC }, us));
      }
    }
    assertEquals([wire.cache.size, wire.says(connection), wire.moves], [1, peer.mac, []]);
  });

  Deno.test(`${name}: questions are from the address of ours that wants to know`, () => {
    const wire = bench([us.address, us2.address]);
    const hop = wire.cache.entry(family.bytes(peer.address), family.bytes(us2.address));
    wire.cache.use(hop);
    wire.says({ hop, told: [] });
    wire.expects(family.asks(us2, peer.address));
  });
}

Deno.test("neighbors: of both families in one cache, each is asked for in its own way, and none is another's", () => {
  const [arp, ndp] = NEIGHBOR_FAMILIES;
  const wire = new NeighborBench(ndp);
  const entries = [arp, ndp].map((family) => {
    const hop = wire.cache.entry(family.bytes(family.peer.address), family.bytes(family.us.address));
    wire.cache.use(hop);
    wire.says({ hop, told: [] });
    return hop;
  });
  assertEquals(wire.take().map(hex), [
    hex(arp.asks(arp.us, arp.peer.address)),
    hex(ndp.asks(ndp.us, ndp.peer.address)),
  ]);
  assertEquals(destinationsOf(wire.gives(ndp.answers(ndp.peer, ndp.us))), [ndp.peer.mac]);
  assertEquals(entries.map(({ state }) => state), ["INCOMPLETE", "REACHABLE"]);
});
