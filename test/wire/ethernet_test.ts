/** Ethernet and ARP: tables, truncation, round trips. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ARP, ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import {
  emitEthernet,
  ETHERNET,
  EthernetHeader,
  ETHERTYPE,
  LAN,
  parseEthernet,
} from "../../src/wire/ethernet.ts";

const DESTINATION = Uint8Array.of(0x02, 1, 2, 3, 4, 5);
const SOURCE = Uint8Array.of(0x02, 9, 8, 7, 6, 5);
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });

Deno.test("a frame without a tag has its payload at 14", () => {
  const frame = Uint8Array.of(...DESTINATION, ...SOURCE, 0x08, 0x00, 0x45);
  const header = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, header), null);
  assertEquals({ ...header }, { type: ETHERTYPE.IPV4, vlan: -1, lan: LAN.UNTAGGED, payloadOffset: 14 });
});

Deno.test("a tagged frame gives the tag's id, without priority bits, and the inner type", () => {
  const frame = Uint8Array.of(...DESTINATION, ...SOURCE, 0x81, 0x00, 0xe0, 0x64, 0x08, 0x06);
  const header = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, header), null);
  assertEquals({ ...header }, { type: ETHERTYPE.ARP, vlan: 100, lan: 100, payloadOffset: 18 });
});

Deno.test("stacked tags give the inner id", () => {
  const frame = Uint8Array.of(...DESTINATION, ...SOURCE, 0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 42, 0x86, 0xdd);
  const header = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, header), null);
  assertEquals({ ...header }, { type: ETHERTYPE.IPV6, vlan: 42, lan: LAN.STACKED, payloadOffset: 22 });
});

Deno.test("one tag tells the VLAN, unless it says only a priority; a service tag and stacked tags are a provider's", () => {
  const customer = (id: number) => [0x81, 0x00, 0xe0 | (id >>> 8), id & 0xff];
  const service = (id: number) => [0x88, 0xa8, id >>> 8, id & 0xff];
  for (
    const [tags, lan] of [
      [[], LAN.UNTAGGED],
      [customer(0), LAN.UNTAGGED],
      [customer(1), 1],
      [customer(0xfff), 0xfff],
      [service(0), LAN.STACKED],
      [service(7), LAN.STACKED],
      [[...customer(7), ...customer(0)], LAN.STACKED],
      [[...customer(0), ...customer(7)], LAN.STACKED],
      [[...customer(0), ...customer(0)], LAN.STACKED],
      [[...service(0), ...customer(0)], LAN.STACKED],
      [[...customer(7), ...service(0)], LAN.STACKED],
    ] as const
  ) {
    const frame = Uint8Array.of(...DESTINATION, ...SOURCE, ...tags, 0x08, 0x00);
    const header = new EthernetHeader();
    assertEquals(parseEthernet(frame, frame.length, header), null);
    assertEquals([header.type, header.lan], [ETHERTYPE.IPV4, lan], `tags ${tags}`);
  }
});

Deno.test("a third tag is left as the payload's type", () => {
  const tag = [0x81, 0x00, 0, 1];
  const frame = Uint8Array.of(...DESTINATION, ...SOURCE, ...tag, ...tag, ...tag, 0x08, 0x00);
  const header = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, header), null);
  assertEquals({ type: header.type, at: header.payloadOffset }, { type: ETHERTYPE.VLAN, at: 22 });
});

Deno.test("a frame cut off anywhere in its header or tags is malformed", () => {
  const frame = Uint8Array.of(...DESTINATION, ...SOURCE, 0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 42, 0x86, 0xdd);
  const header = new EthernetHeader();
  for (let length = 0; length < frame.length; length++) {
    assertEquals(parseEthernet(frame, length, header), "malformed-ethernet", `length ${length}`);
  }
});

Deno.test("property: an emitted header is parsed back, from a dirty buffer", () => {
  fc.assert(fc.property(
    mac,
    mac,
    fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x0600),
    fc.oneof(fc.constant(-1), fc.nat(0xfff)),
    (destination, source, type, vlan) => {
      const frame = new Uint8Array(64).fill(0xa5);
      const length = emitEthernet(frame, { destination, source, type, vlan });
      assertEquals(length, vlan < 0 ? 14 : 18);
      const header = new EthernetHeader();
      assertEquals(parseEthernet(frame, length, header), null);
      assertEquals({ ...header }, {
        type,
        vlan,
        lan: vlan === 0 ? LAN.UNTAGGED : vlan,
        payloadOffset: length,
      });
      assertEquals(frame.slice(ETHERNET.DESTINATION, 6), destination);
      assertEquals(frame.slice(ETHERNET.SOURCE, 12), source);
      assert(frame.subarray(length).every((byte) => byte === 0xa5), "wrote beyond the header");
    },
  ));
});

Deno.test("an ARP request on the wire", () => {
  const packet = new ArpPacket();
  packet.operation = ARP_OPERATION.REQUEST;
  packet.senderMac.set(SOURCE);
  packet.senderIp.set([10, 0, 0, 2]);
  packet.targetIp.set([10, 0, 0, 1]);
  const bytes = new Uint8Array(40).fill(0xa5);
  assertEquals(emitArp(bytes, 2, packet), ARP.BYTES);
  const expected = [0, 1, 8, 0, 6, 4, 0, 1, ...SOURCE, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1];
  assertEquals([...bytes.subarray(2, 30)], expected);
  assertEquals([bytes[1], bytes[30]], [0xa5, 0xa5]);
});

Deno.test("property: an ARP packet is parsed back", () => {
  fc.assert(fc.property(fc.nat(0xffff), mac, ipv4, mac, ipv4, (operation, mac1, ip1, mac2, ip2) => {
    const packet = new ArpPacket();
    packet.operation = operation;
    packet.senderMac.set(mac1);
    packet.senderIp.set(ip1);
    packet.targetMac.set(mac2);
    packet.targetIp.set(ip2);
    const bytes = new Uint8Array(60).fill(0xa5);
    emitArp(bytes, 14, packet);
    const parsed = new ArpPacket();
    assertEquals(parseArp(bytes, 14, 46, parsed), null);
    assertEquals(parsed, packet);
  }));
});

Deno.test("an ARP packet that is cut off, or of other types, is malformed", () => {
  const bytes = new Uint8Array(28);
  emitArp(bytes, 0, new ArpPacket());
  const out = new ArpPacket();
  for (let length = 0; length < 28; length++) assertEquals(parseArp(bytes, 0, length, out), "malformed-arp");
  assertEquals(parseArp(bytes, 0, 28, out), null);
  for (const field of [ARP.HARDWARE_TYPE, ARP.PROTOCOL_TYPE, ARP.HARDWARE_LENGTH, ARP.PROTOCOL_LENGTH]) {
    const wrong = bytes.slice();
    wrong[field] ^= 0x10;
    assertEquals(parseArp(wrong, 0, 28, out), "malformed-arp", `field ${field}`);
  }
});
