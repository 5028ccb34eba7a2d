/**
 * Segments for a port where nobody listens: the whole frame that comes back, from whom and to whom; and sources that
 * get no answer at all (MUST-63).
 */
import { assertEquals } from "@std/assert";
import { ethernet, ip, ipv4, tcp } from "./hand_frames.ts";
import {
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  ROUTER_MAC,
  SECOND_US,
  segmentFrame,
  WireHost,
} from "./wire_host.ts";

const SYN = 2;
const RST = 4;
const ACK = 16;

interface Reset {
  readonly to?: string;
  readonly vlan?: number;
  readonly source?: string;
  readonly target?: string;
  readonly seq: number;
  readonly ack?: number;
  readonly ttl?: number;
}

function reset(about: Reset): Uint8Array {
  const { to = PEER_MAC, vlan, source = OUR_IP, target = PEER_IP, seq, ack, ttl = 64 } = about;
  const segment = tcp({
    source,
    target,
    sourcePort: 80,
    targetPort: 4000,
    seq,
    ...(ack === undefined ? { flags: RST } : { ack, flags: RST | ACK }),
  });
  return ethernet(
    { to, from: OUR_MAC, ...(vlan === undefined ? {} : { vlan }) },
    ipv4({ source, target, protocol: 6, ttl, dontFragment: true }, segment),
  );
}

Deno.test("nobody listens: the reset, field by field, without options, identification 0 with DF (RFC 9293 §3.10.7.1)", () => {
  const wire = new WireHost();
  wire.answers(
    segmentFrame({ seq: 1000, flags: SYN, options: [2, 4, 5, 0xb4] }),
    reset({ seq: 0, ack: 1001 }),
  );
  wire.answers(segmentFrame({ seq: 1000, flags: SYN }, "abc"), reset({ seq: 0, ack: 1004 }));
  wire.answers(segmentFrame({ seq: 7, ack: 0xfffffffe, flags: ACK }), reset({ seq: 0xfffffffe }));
  wire.answers(segmentFrame({ seq: 7, flags: RST }));
  const { "no-listener": noListener, "segments-in": taken, "segments-out": sent } = wire.takeCounts();
  assertEquals([noListener, taken, sent], [4, 4, 3]);
  wire.pass(100 * SECOND_US);
  wire.expects();
});

Deno.test("nobody listens: the reset leaves from the address that was asked, on the VLAN, by the router", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/24"], ttl: 99, vlan: 9 });
  wire.answers(
    segmentFrame({ seq: 1000, flags: SYN, target: "192.168.7.1", vlan: 9 }),
    reset({ seq: 0, ack: 1001, source: "192.168.7.1", vlan: 9, ttl: 99 }),
  );
  wire.answers(
    segmentFrame({ seq: 1000, flags: SYN, source: "203.0.113.7", from: ROUTER_MAC, vlan: 9 }),
    reset({ seq: 0, ack: 1001, target: "203.0.113.7", to: ROUTER_MAC, vlan: 9, ttl: 99 }),
  );
});

Deno.test("sources that are no host's get no answer, a counter and an event each (MUST-63)", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/30"] });
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  const sources = [
    "0.0.0.0",
    "127.0.0.1",
    "127.255.255.254",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "10.0.0.255",
    "192.168.7.3",
    OUR_IP,
    "192.168.7.1",
  ];
  for (const source of sources) {
    for (const flags of [SYN, ACK]) {
      wire.answers(segmentFrame({ seq: 1, flags, source }));
      assertEquals(wire.takeDrops(), [`bad-source ${OUR_IP}:80-${source}:4000`]);
    }
  }
  assertEquals(wire.takeCounts()["drop-bad-source"], 2 * sources.length);
  assertEquals(wire.host.connections(), []);
});

Deno.test("sources beside those are hosts (MUST-63)", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/30"] });
  for (
    const source of [
      "10.0.0.254",
      "10.0.1.255",
      "192.168.7.2",
      "192.168.7.255",
      "223.255.255.255",
      "126.255.255.255",
      "128.0.0.1",
      "0.0.0.1",
    ]
  ) {
    wire.answers(
      segmentFrame({ seq: 1000, flags: SYN, source }),
      reset({ seq: 0, ack: 1001, target: source }),
    );
    assertEquals(wire.takeDrops(), [`no-listener ${OUR_IP}:80-${source}:4000`]);
  }
});

Deno.test("networks of 31 and 32 bits have no broadcast address (RFC 3021 §2.1)", () => {
  const wire = new WireHost({ addresses: ["10.0.0.1/32", "10.0.2.2/31"] });
  const address = ip("10.0.2.3");
  const connection = wire.user((host) => host.connect({ address, port: 80, handler: {} }));
  assertEquals(connection.localAddress, ip("10.0.2.2"));
});
