/**
 * Where the headers of a large segment are found: behind Ethernet, a tag, IPv4 or IPv6.
 */
import { assertEquals } from "@std/assert";
import { CutPlan, planCut } from "../../src/link/cut_plan.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL } from "../../src/wire/ipv4.ts";
import { emitIpv6 } from "../../src/wire/ipv6.ts";
import { emitTcp, FLAG, TcpSegment } from "../../src/wire/tcp.ts";

const MAC_A = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
const MAC_B = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0b);
const PAYLOAD_BYTES = 40_000;

/** A frame with a large segment in it; returns how long it is. */
function emitLarge(
  frame: Uint8Array,
  how: { ipv6?: boolean; vlan?: number; flags?: number; stamps?: boolean },
) {
  const segment = new TcpSegment();
  segment.flags = how.flags ?? FLAG.ACK;
  segment.hasTimestamps = how.stamps ?? false;
  const ipv6 = how.ipv6 ?? false;
  const type = ipv6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4;
  const ipOffset = emitEthernet(frame, {
    destination: MAC_B,
    source: MAC_A,
    type,
    vlan: how.vlan ?? -1,
  });
  const scratch = new Uint8Array(60);
  const payloadLength = emitTcp(scratch, 0, segment) + PAYLOAD_BYTES;
  const address = new Uint8Array(ipv6 ? 16 : 4).fill(1);
  const tcpOffset = ipOffset + (ipv6
    ? emitIpv6(frame, ipOffset, {
      source: address,
      destination: address,
      protocol: IP_PROTOCOL.TCP,
      payloadLength,
      hopLimit: 64,
    })
    : emitIpv4(frame, ipOffset, {
      source: address,
      destination: address,
      protocol: IP_PROTOCOL.TCP,
      payloadLength,
      hopLimit: 64,
      id: 1,
    }));
  return tcpOffset + emitTcp(frame, tcpOffset, segment) + PAYLOAD_BYTES;
}

Deno.test("cut plan: the TCP header is found behind Ethernet, a tag and either IP header", () => {
  const frame = new Uint8Array(0x10000);
  const plan = new CutPlan();
  const cases = [
    { how: {}, tcpOffset: 34, headerLength: 54, isIpv6: false },
    { how: { stamps: true }, tcpOffset: 34, headerLength: 66, isIpv6: false },
    { how: { vlan: 7, stamps: true }, tcpOffset: 38, headerLength: 70, isIpv6: false },
    { how: { ipv6: true }, tcpOffset: 54, headerLength: 74, isIpv6: true },
  ];
  for (const { how, ...expected } of cases) {
    const length = emitLarge(frame, how);
    assertEquals(planCut(frame, length, 1448, plan), true);
    assertEquals({ ...plan }, { ...expected, cutBytes: 1448, hasCwr: false });
  }
});

Deno.test("cut plan: CWR is told, because only the first segment may carry it", () => {
  const frame = new Uint8Array(0x10000);
  const plan = new CutPlan();
  const length = emitLarge(frame, { flags: FLAG.ACK | FLAG.CWR });
  planCut(frame, length, 1460, plan);
  assertEquals(plan.hasCwr, true);
});

Deno.test("cut plan: what holds no TCP header cannot be cut", () => {
  const frame = new Uint8Array(0x10000);
  const plan = new CutPlan();
  emitLarge(frame, {});
  for (const length of [0, 13, 14, 33, 53]) assertEquals(planCut(frame, length, 1448, plan), false);
  assertEquals(planCut(frame, 54, 1448, plan), true, "a header and no more");
  emitEthernet(frame, { destination: MAC_B, source: MAC_A, type: ETHERTYPE.ARP });
  assertEquals(planCut(frame, 60, 1448, plan), false);
});
