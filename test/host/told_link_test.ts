/**
 * What is told besides segments: ARP, NDP and ICMP, deadlines and figures.
 */
import { assertEquals } from "@std/assert";
import type { IcmpEvent, TcpEvent } from "../../src/tcp/events.ts";
import { ICMP_TYPE } from "../../src/wire/icmp.ts";
import { ICMP_FAMILY, sendsIcmp } from "../tcp/icmp_craft.ts";
import { reachEstablished } from "../tcp/states.ts";
import { arpFrame, ethernet, icmp, ipv4 } from "./hand_frames.ts";
import { NDP_FAMILY } from "./neighbor_families.ts";
import {
  EVERYBODY,
  NO_MAC,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  segmentFrame,
  WireHost,
} from "./wire_host.ts";

const [SYN, ACK] = [0x02, 0x10];

function ofKind<K extends TcpEvent["event"]>(events: readonly TcpEvent[], kind: K) {
  return events.filter((event): event is Extract<TcpEvent, { event: K }> => event.event === kind);
}

Deno.test("told: ARP: who asked for us, and what was answered; what is for others is not", () => {
  const wire = new WireHost();
  const asks = (targetIp: string, senderIp = PEER_IP) =>
    wire.host.ingest(
      arpFrame({ operation: 1, senderMac: PEER_MAC, senderIp, targetMac: NO_MAC, targetIp }, {
        to: EVERYBODY,
      }),
      42,
      wire.nowUs,
    );
  asks(OUR_IP);
  asks("10.0.0.77");
  asks(OUR_IP, "0.0.0.0");
  wire.user(() => wire.host.announce());
  wire.take();
  const us = { sender: OUR_IP, senderMac: OUR_MAC };
  assertEquals(ofKind(wire.events, "arp").map(({ event: _, time: _time, ...fields }) => fields), [
    { direction: "recv", kind: "request", sender: PEER_IP, senderMac: PEER_MAC, target: OUR_IP },
    { direction: "send", kind: "reply", ...us, target: PEER_IP },
    { direction: "recv", kind: "probe", sender: "0.0.0.0", senderMac: PEER_MAC, target: OUR_IP },
    { direction: "send", kind: "reply", ...us, target: "0.0.0.0" },
    { direction: "send", kind: "announcement", ...us, target: OUR_IP },
  ]);
});

Deno.test("told: NDP: who asked for us, what was answered, and to whom; what is for others is not", () => {
  const wire = new WireHost({ addresses: [`${NDP_FAMILY.us.address}/64`] });
  const { us, peer, asks, polls, probes, answers, tells } = NDP_FAMILY;
  const group = "ff02::1:ff00:1";
  for (
    const frame of [
      asks(peer, us.address),
      polls(peer, us),
      asks(peer, "fd00::77"),
      probes(peer, us.address),
      answers(peer, us),
      tells(peer),
    ]
  ) wire.gives(frame);
  wire.user(() => wire.host.announce());
  const ours = { sender: us.address, senderMac: OUR_MAC, target: us.address };
  const theirs = { sender: peer.address, senderMac: PEER_MAC, target: us.address };
  const answer = { direction: "send", kind: "advertisement", ...ours, to: peer.address } as const;
  const toAll = { direction: "send", kind: "announcement", ...ours, to: "ff02::1" } as const;
  assertEquals(ofKind(wire.events, "ndp").map(({ event: _, time: _time, ...fields }) => fields), [
    { direction: "recv", kind: "solicitation", ...theirs, to: group },
    answer,
    { direction: "recv", kind: "solicitation", ...theirs, to: us.address },
    answer,
    { direction: "recv", kind: "probe", ...theirs, sender: "::", to: group },
    toAll,
    { direction: "recv", kind: "advertisement", ...theirs, target: peer.address, to: us.address },
    toAll,
  ]);
});

Deno.test("told: ICMP: an echo and its answer, and more of them in a second than one could read as one", () => {
  const wire = new WireHost({ foldAfter: 2 });
  const message = icmp({ type: ICMP_TYPE.ECHO_REQUEST, code: 0, rest: 0x00010001 }, Uint8Array.of(1, 2, 3));
  const packet = ipv4({ source: PEER_IP, target: OUR_IP, protocol: 1, id: 1 }, message);
  const frame = ethernet({ to: OUR_MAC, from: PEER_MAC }, packet);
  for (let i = 0; i < 5; i++) wire.host.ingest(frame, frame.length, wire.nowUs);
  type Fields = Omit<IcmpEvent, "event" | "time">;
  const came: Fields = {
    direction: "recv",
    kind: "echo-request",
    type: 8,
    code: 0,
    from: PEER_IP,
    to: OUR_IP,
  };
  const left: Fields = { direction: "send", kind: "echo-reply", type: 0, code: 0, from: OUR_IP, to: PEER_IP };
  const told = () =>
    ofKind(wire.events.splice(0), "icmp").map(({ event: _, time: _time, ...fields }) => fields);
  assertEquals(told(), [came, left, came, left]);
  wire.host.tick(wire.nowUs + 2_000_000);
  assertEquals(told(), [{ ...came, count: 3 }, { ...left, count: 3 }]);
});

Deno.test("told: an ICMP error says which connection it is about, and what was made of it, before it happens", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { icmpHardErrors: "abort" } });
  app.write("abc");
  peer.takeAll();
  lab.events.length = 0;
  const { code } = ICMP_FAMILY.portUnreachable;
  sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 99 });
  sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 1, quotedPort: 9 });
  sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 1 });
  assertEquals(
    lab.events.map((event) => {
      if (event.event === "icmp") return [event.kind, event.code, event.id, event.rule];
      if (event.event === "transition") return [event.row, event.segment, event.id, event.rule];
      return event.event;
    }),
    [
      ["unreachable", code, 1, "icmp.ignored"],
      ["unreachable", code, undefined, undefined],
      ["unreachable", code, 1, "icmp.hard-error"],
      ["established.icmp", undefined, 1, "icmp.hard-error"],
      "closed",
    ],
  );
});

/** A connection of a host that is asked for more, up to three octets that nobody acknowledges. */
function watched(options: { showTimers?: boolean; showSamples?: boolean }): WireHost {
  const wire = new WireHost(options);
  wire.host.listen({
    port: 80,
    accept: () => ({ onOpen: (connection) => void connection.write(Uint8Array.of(1, 2, 3)) }),
  });
  wire.host.ingest(segmentFrame({ seq: 1000, flags: SYN }), 54, wire.nowUs);
  const iss = ofKind(wire.events, "segment").find(({ direction }) => direction === "send")?.seq ?? 0;
  wire.nowUs += 40_000;
  wire.host.ingest(segmentFrame({ seq: 1001, ack: iss + 1, flags: ACK }), 54, wire.nowUs);
  wire.nowUs += 200_000;
  wire.host.tick(wire.nowUs);
  wire.host.ingest(segmentFrame({ seq: 1001, ack: iss + 4, flags: ACK, window: 0 }), 54, wire.nowUs);
  return wire;
}

Deno.test("told: deadlines, where they are asked for: armed, fired, stopped", () => {
  const events = ofKind(watched({ showTimers: true }).events, "timer");
  assertEquals(events.map(({ timer, action, inUs = 0, id }) => `#${id} ${timer} ${action} ${inUs}`), [
    "#1 rto armed 1000000",
    "#1 rto armed 200000",
    "#1 rto fired 0",
    "#1 rto armed 400000",
    "#1 rto stopped 0",
  ]);
});

Deno.test("told: figures, where they are asked for: when one has changed, once an event", () => {
  const events = ofKind(watched({ showSamples: true }).events, "sample");
  const shown = events.map((
    event,
  ) => [event.cwnd, event.ssthresh, event.inFlight, event.srttUs, event.rtoUs, event.sndWnd, event.rcvWnd]);
  assertEquals(shown, [
    // Our SYN is in flight, nothing measured: RFC 6298 §2.1.
    [0, 0, 1, 0, 1_000_000, 0xffff, 0xffff],
    // Ten segments of 536 (RFC 6928), and one round trip of 40 ms: the least RTO.
    [5360, 0, 3, 40_000, 200_000, 0xffff, 0xffff],
    // A time-out: one segment, ssthresh two (RFC 5681 §3.1), the RTO doubled.
    [536, 1072, 3, 40_000, 400_000, 0xffff, 0xffff],
    // Acknowledged, with the window shut.
    [536, 1072, 0, 40_000, 400_000, 0, 0xffff],
  ]);
});

Deno.test("told: neither deadlines nor figures unless they are asked for", () => {
  const { events } = watched({});
  assertEquals([ofKind(events, "timer"), ofKind(events, "sample")], [[], []]);
  assertEquals(events.length > 5, true);
});
