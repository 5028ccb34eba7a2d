/** What stands before the packet: every link type by its bytes, tags however many, and frames that end too soon. */
import { assertEquals } from "@std/assert";
import { isKnownLinkType, LinkHeader, parseLinkHeader } from "../../src/wire/link_header.ts";

/** Protocol, offset and tags of a header given in hex; or the reason why not. */
function parsed(linkType: number, hex: string): unknown {
  const out = new LinkHeader();
  const reason = parseLinkHeader(linkType, Uint8Array.fromHex(hex.replaceAll(" ", "")), out);
  return reason ?? [out.protocol, out.payloadOffset, out.vlans, out.interfaceIndex];
}

const MACS = "020000000001 020000000009";

Deno.test("Ethernet: the type, and tags from the outermost to the innermost", () => {
  assertEquals(parsed(1, `${MACS} 0800 45`), [0x0800, 14, [], 0]);
  assertEquals(parsed(1, `${MACS} 8100 e005 86dd 60`), [0x86dd, 18, [5], 0]);
  assertEquals(parsed(1, `${MACS} 88a8 0064 8100 6ffe 0800 45`), [0x0800, 22, [100, 0xffe], 0]);
  assertEquals(parsed(1, `${MACS} 9100 0001 8100 0002 8100 0003 0800 45`), [0x0800, 26, [1, 2, 3], 0]);
  // An 802.3 length is no type that anybody looks for, but before RFC 1042's header.
  assertEquals(parsed(1, `${MACS} 0026 424203`), [0x26, 14, [], 0]);
  assertEquals(parsed(1, `${MACS} 0026 aaaa03 000000 0800 45`), [0x0800, 22, [], 0]);
  assertEquals(parsed(1, `${MACS} 8100 0005 0026 aaaa03 000000 86dd`), [0x86dd, 26, [5], 0]);
  assertEquals(parsed(1, `${MACS} 0026 aaaa03 000000 08`), [0x26, 14, [], 0]);
  assertEquals(parsed(1, `${MACS} 0026 aaaa03 00000c 2000`), [0x26, 14, [], 0]);
  assertEquals(parsed(1, `${MACS} 0600 aaaa03 000000 0800`), [0x0600, 14, [], 0]);
});

Deno.test("Ethernet: a frame that ends in its header or in a tag is malformed, and tags without end are not followed", () => {
  assertEquals(parsed(1, ""), "malformed-link");
  assertEquals(parsed(1, "020000000001 020000000009 08"), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8100`), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8100 0001 08`), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8100 ${"0007 8100 ".repeat(20)}`), [0x8100, 14 + 32, Array(8).fill(7), 0]);
});

Deno.test("FDDI: IP behind LLC and SNAP, and no other frame", () => {
  assertEquals(parsed(10, `50 ${MACS} aaaa03 000000 0800 45`), [0x0800, 21, [], 0]);
  assertEquals(parsed(10, `57 ${MACS} aaaa03 000000 86dd 60`), [0x86dd, 21, [], 0]);
  assertEquals(parsed(10, `50 ${MACS} 424203 0000`), [-1, 13, [], 0]);
  assertEquals(parsed(10, `c0 ${MACS} aaaa03 000000 0800`), [-1, 13, [], 0]);
  assertEquals(parsed(10, `50 ${MACS} aaaa03 000000 08`), [-1, 13, [], 0]);
  assertEquals(parsed(10, `50 020000000001`), "malformed-link");
});

Deno.test("Linux cooked, first and second kind, with a tag as well", () => {
  assertEquals(parsed(113, "0000 0001 0006 020000000009 0000 0800 45"), [0x0800, 16, [], 0]);
  assertEquals(parsed(113, "0004 0304 0006 000000000000 0000 8100 0009 86dd 60"), [0x86dd, 20, [9], 0]);
  assertEquals(parsed(113, "0000 0001 0006 020000000009 0000 08"), "malformed-link");
  assertEquals(parsed(276, "86dd 0000 00000003 0001 04 06 0200000000090000 60"), [0x86dd, 20, [], 3]);
  assertEquals(parsed(276, "8100 0000 00000003 0001 04 06 0200000000090000 0005 0800 45"), [
    0x0800,
    24,
    [5],
    3,
  ]);
  assertEquals(parsed(276, "86dd 0000 00000003 0001 04 06 02000000000900"), "malformed-link");
});

Deno.test("loopback: the family in either order, and each system's number for IPv6", () => {
  assertEquals(parsed(0, "02000000 45"), [0x0800, 4, [], 0]);
  assertEquals(parsed(0, "00000002 45"), [0x0800, 4, [], 0]);
  for (const family of ["0a", "18", "1c", "1e"]) {
    assertEquals(parsed(0, `${family}000000 60`), [0x86dd, 4, [], 0]);
    assertEquals(parsed(0, `000000${family} 60`), [0x86dd, 4, [], 0]);
    assertEquals(parsed(108, `000000${family} 60`), [0x86dd, 4, [], 0]);
  }
  assertEquals(parsed(0, "07000000 45"), [-1, 4, [], 0]);
  assertEquals(parsed(0, "020000"), "malformed-link");
});

Deno.test("raw IP under each of its numbers", () => {
  for (const linkType of [12, 14, 101, 228, 229]) {
    assertEquals(parsed(linkType, "45"), [0x0800, 0, [], 0]);
    assertEquals(parsed(linkType, "60"), [0x86dd, 0, [], 0]);
    assertEquals(parsed(linkType, "10"), [-1, 0, [], 0]);
    assertEquals(parsed(linkType, ""), "malformed-link");
  }
});

Deno.test("MPLS: labels to the last one, and then what the first bits say", () => {
  assertEquals(parsed(1, `${MACS} 8847 00012140 45`), [0x0800, 18, [], 0]);
  assertEquals(parsed(1, `${MACS} 8100 0005 8848 00012040 00013140 60`), [0x86dd, 26, [5], 0]);
  // A pseudowire's control word.
  assertEquals(parsed(1, `${MACS} 8847 00012140 00`), [-1, 18, [], 0]);
  assertEquals(parsed(1, `${MACS} 8847 00012040 45`), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8847 00012140`), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8847 ${"00012040 ".repeat(20)}`), "malformed-link");
});

Deno.test("PPP, by itself, with address and control, over Ethernet", () => {
  assertEquals(parsed(9, "0021 45"), [0x0800, 2, [], 0]);
  assertEquals(parsed(9, "ff03 0057 60"), [0x86dd, 4, [], 0]);
  assertEquals(parsed(50, "ff03 21 45"), [0x0800, 3, [], 0]);
  assertEquals(parsed(9, "c021 01"), [-1, 2, [], 0]);
  assertEquals(parsed(9, "ff03 00"), "malformed-link");
  assertEquals(parsed(1, `${MACS} 8864 11000001001e 0021 45`), [0x0800, 22, [], 0]);
  assertEquals(parsed(1, `${MACS} 88a8 0064 8100 0005 8864 11000001001e 0057 60`), [0x86dd, 30, [100, 5], 0]);
  assertEquals(parsed(1, `${MACS} 8864 1100000100`), "malformed-link");
  assertEquals(parsed(51, "11000001001e 0021 45"), [0x0800, 8, [], 0]);
});

Deno.test("netfilter's log: the packet among its attributes, lengths in either order", () => {
  assertEquals(parsed(239, "0200 0007 0800 0100 08000000 1800 0900 45"), [0x0800, 16, [], 0]);
  assertEquals(parsed(239, "0a00 0007 0500 0a00 00000000 1800 0900 60"), [0x86dd, 16, [], 0]);
  assertEquals(parsed(239, "0a00 0007 0005 000a 00000000 0018 0009 60"), [0x86dd, 16, [], 0]);
  assertEquals(parsed(239, "0200 0007 0800 0100 08000000"), "malformed-link");
  assertEquals(parsed(239, "0200 0007 0000 0100 08000000"), "malformed-link");
  assertEquals(parsed(239, "0200"), "malformed-link");
});

Deno.test("other link types are told apart", () => {
  assertEquals(parsed(105, "00"), "link-type");
  const known = [0, 1, 9, 10, 12, 14, 50, 51, 101, 108, 113, 228, 229, 239, 276];
  assertEquals(Array.from({ length: 400 }, (_, linkType) => linkType).filter(isKnownLinkType), known);
});
