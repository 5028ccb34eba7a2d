/** ICMP errors as they are sent: how much they quote (RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c)), and that they can be read again. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { emitIcmpError, icmpErrorLength } from "../../src/wire/icmp_error.ts";
import { IcmpMessage, parseIcmp } from "../../src/wire/icmp.ts";
import { parseIcmpv6 } from "../../src/wire/icmpv6.ts";

Deno.test("an error fits into 576 bytes of IPv4 and 1,280 of IPv6, and quotes all that fits", () => {
  const table: [number, number, number][] = [
    // Address bytes, bytes of the packet at fault, bytes quoted.
    [4, 28, 28],
    [4, 547, 547],
    [4, 548, 548],
    [4, 549, 548],
    [4, 65_535, 548],
    [16, 48, 48],
    [16, 1231, 1231],
    [16, 1232, 1232],
    [16, 1233, 1232],
    [16, 65_575, 1232],
  ];
  for (const [addressBytes, length, quoted] of table) {
    const quote = new Uint8Array(length).fill(0x77);
    assertEquals(icmpErrorLength({ addressBytes, quote }), 8 + quoted);
    const bytes = new Uint8Array(1400).fill(0xa5);
    assertEquals(emitIcmpError(bytes, 3, { addressBytes, type: 3, code: 3, quote }, 0), 8 + quoted);
    assertEquals(bytes.subarray(11, 11 + quoted), quote.subarray(0, quoted));
    assert(bytes.subarray(11 + quoted).every((byte) => byte === 0xa5), "wrote beyond the message");
  }
});

Deno.test("property: an error that is emitted is parsed back; ICMP for IPv4 has no pseudo-header", () => {
  fc.assert(fc.property(
    fc.constantFrom(4, 16),
    fc.nat(255),
    fc.nat(255),
    fc.nat(0xffffffff),
    fc.uint8Array({ maxLength: 1500 }),
    fc.nat(0x1ffff),
    (addressBytes, type, code, restOfHeader, quote, pseudoSum) => {
      const bytes = new Uint8Array(1300).fill(0xa5);
      const length = emitIcmpError(bytes, 5, { addressBytes, type, code, restOfHeader, quote }, pseudoSum);
      const message = new IcmpMessage();
      const reason = addressBytes === 4
        ? parseIcmp(bytes, 5, length, message)
        : parseIcmpv6(bytes, 5, length, pseudoSum, message);
      assertEquals(reason, null);
      const payloadLength = Math.min(quote.length, addressBytes === 4 ? 548 : 1232);
      assertEquals({ ...message }, { type, code, restOfHeader, payloadOffset: 13, payloadLength });
    },
  ));
});

Deno.test("the packet at fault may lie in the buffer that is written to", () => {
  const bytes = Uint8Array.from({ length: 80 }, (_, i) => i);
  const quote = bytes.subarray(10, 50);
  emitIcmpError(bytes, 14, { addressBytes: 4, type: 3, code: 2, quote }, 0);
  assertEquals([...bytes.subarray(22, 62)], Array.from({ length: 40 }, (_, i) => 10 + i));
});
