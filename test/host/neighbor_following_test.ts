/**
 * Where a connection's packets go, over both families: the way that its peer came, and then by the peer's own word, to ARP or to
 * neighbor discovery (RFC 826, RFC 4861 §7.2.5, §7.3).
 *
 * Frames by hand: whoever is on the segment, and whatever it says with the right ports.
 */
import { assertEquals } from "@std/assert";
import { formatMac } from "../../src/wire/address.ts";
import { u32 } from "./conversation.ts";
import { hex } from "./hand_frames.ts";
import { NEIGHBOR_FAMILIES } from "./neighbor_families.ts";
import { NONSENSE } from "./nonsense_segments.ts";
import { SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const [SYN, ACK] = [0x02, 0x10];
const STRANGER_MAC = "02:00:00:00:00:66";
const NEW_MAC = "02:00:00:00:00:0a";

for (const family of NEIGHBOR_FAMILIES) {
  const { name, us, peer } = family;
  const isArp = name === "ARP";
  const tcpOffset = isArp ? 34 : 54;
  const way = { source: peer.address, target: us.address };
  const moved = { ...peer, mac: NEW_MAC };

  const isTcp = (frame: Uint8Array) => isArp ? frame[13] === 0x00 : frame[20] === 6;
  const tcpTo = (frames: readonly Uint8Array[]) =>
    frames.filter(isTcp).map((frame) => formatMac(frame.subarray(0, 6)));
  /** Questions and answers; not the groups that a host with IPv6 reports. */
  const others = (frames: readonly Uint8Array[]) =>
    frames.filter((frame) => isArp ? frame[13] === 0x06 : frame[20] === 58).map(hex);

  /** A connection of a peer on our network. */
  const near = (options: ConstructorParameters<typeof WireHost>[0] = {}) => {
    const wire = new WireHost({ addresses: [`${us.address}/${isArp ? 24 : 64}`], ...options });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [synAck] = wire.gives(segmentFrame({ ...way, seq: 1000, flags: SYN })).filter(isTcp);
    const iss = u32(synAck, tcpOffset + 4);
    wire.gives(segmentFrame({ ...way, seq: 1001, ack: iss + 1, flags: ACK }));
    const [connection] = wire.host.connections();
    assertEquals(connection.state, "ESTABLISHED");
    connection.setNoDelay(true);
    const says = () => {
      wire.user(() => connection.write(Uint8Array.of(1)));
      return tcpTo(wire.take());
    };
    return { wire, connection, iss, says };
  };

  for (const { what, segment, data, ackIs } of NONSENSE) {
    Deno.test(`${name}: ${what} from another hardware address diverts nothing`, () => {
      const { wire, iss, says } = near();
      const ack = ackIs === undefined ? {} : { ack: iss + ackIs };
      const answers = wire.gives(segmentFrame({ ...way, ...segment, ...ack, from: STRANGER_MAC }, data));
      // What is said to it (a challenge ACK, for instance) is said to the peer.
      assertEquals(tcpTo(answers).filter((to) => to !== peer.mac), []);
      assertEquals(says(), [peer.mac]);
    });
  }

  Deno.test(`${name}: the very next segment from elsewhere moves nothing; all are asked, and the answer moves`, () => {
    const { wire, iss, says } = near();
    const next = { ...way, ack: iss + 1, flags: ACK };
    const sent = wire.gives(segmentFrame({ ...next, seq: 1001, from: NEW_MAC }, "x"));
    assertEquals([others(sent), tcpTo(sent)], [[hex(family.asks(us, peer.address))], [peer.mac]]);
    assertEquals(says(), [peer.mac]);
    wire.gives(family.answers(moved, us));
    assertEquals(says(), [NEW_MAC]);
    // Asked once in five seconds, however often that is seen.
    for (let at = 0; at < 100; at++) {
      assertEquals(
        others(wire.gives(segmentFrame({ ...next, seq: 1002 + at, from: STRANGER_MAC }, "x"))),
        [],
      );
    }
  });

  Deno.test(`${name}: what nobody has asked for moves a live connection at once, and a person is told once in ten seconds`, () => {
    const { wire, says } = near();
    wire.events.length = 0;
    wire.takeCounts();
    wire.gives(family.tells(moved));
    assertEquals(says(), [NEW_MAC]);
    for (const mac of [peer.mac, NEW_MAC, peer.mac]) wire.gives(family.tells({ ...peer, mac }));
    assertEquals([says(), wire.takeCounts()["neighbors-moved"]], [[peer.mac], 4]);
    const notices = wire.events.flatMap((event) => event.event === "notice" ? [event.message] : []);
    assertEquals(notices, [
      `${peer.address} has moved from ${peer.mac} to ${NEW_MAC}, by its own word (${name}): 1 connection follows`,
    ]);
  });

  Deno.test(`${name}: a neighbor that answers what it is sent is never asked, in an hour (RFC 4861 §7.3.1)`, () => {
    const { wire, iss, says } = near();
    for (let round = 0; round < 60; round++) {
      // After each pause it is STALE; the ACK comes before anything is sent again.
      wire.pass(60 * SECOND_US);
      assertEquals([others(wire.take()), says()], [[], [peer.mac]]);
      wire.nowUs += 100_000;
      wire.gives(segmentFrame({ ...way, seq: 1001, ack: (iss + 2 + round) >>> 0, flags: ACK }));
    }
  });

  Deno.test(`${name}: a neighbor that is silent: five seconds, three polls, three questions to all, then nothing more goes there`, () => {
    const { wire, says } = near({ tcp: { r1Retransmissions: 100 } });
    wire.pass(40 * SECOND_US);
    assertEquals(says(), [peer.mac]);
    // Sent again, as it was not answered, and DELAY begins.
    wire.pass(wire.host.nextDeadlineUs() - wire.nowUs);
    assertEquals(tcpTo(wire.take()), [peer.mac]);
    wire.pass(5 * SECOND_US - 1);
    assertEquals(others(wire.take()), []);
    const poll = family.polls(us, peer);
    for (const question of [poll, poll, poll, ...Array(3).fill(family.asks(us, peer.address))]) {
      wire.pass(1);
      assertEquals(others(wire.take()), [hex(question)]);
      wire.pass(SECOND_US - 1);
      assertEquals(others(wire.take()), []);
    }
    wire.pass(1);
    // Gone: what is sent again asks all, and waits; the peer comes back with another card.
    for (let second = 0; second < 60 && wire.take().length === 0; second++) wire.pass(SECOND_US);
    assertEquals(tcpTo(wire.gives(family.answers(moved, us))), [NEW_MAC]);
    assertEquals(wire.takeCounts()["neighbors-gone"], 1);
  });

  Deno.test(`${name}: after R1 retransmissions the neighbor is polled, reachable as it was (RFC 9293 MUST-20)`, () => {
    const { wire, says } = near({ tcp: { r1Retransmissions: 3 } });
    assertEquals(says(), [peer.mac]);
    let seconds = 0;
    let questions: string[] = [];
    for (; seconds < 16 && questions.length === 0; seconds++) {
      wire.pass(SECOND_US);
      questions = others(wire.take());
    }
    assertEquals(questions, [hex(family.polls(us, peer))]);
  });
}
