/** The Internet checksum against a plain definition of it, and against the examples of the RFCs. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checksum, foldSum, pseudoHeaderSum, sumBytes, updateChecksum } from "../../src/wire/checksum.ts";
import { sumKernel } from "../../src/wire/sum_kernel.ts";

/** One's complement addition as RFC 1071 defines it, one word at a time, no shortcuts. */
function plainSum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < length; i += 2) {
    const low = i + 1 < length ? bytes[offset + i + 1] : 0;
    sum += bytes[offset + i] * 256 + low;
    while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  }
  return sum;
}

function patterned(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 7919 + 13) >>> 3);
}

Deno.test("the example of RFC 1071 section 3 sums to ddf2", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assertEquals(foldSum(sumBytes(bytes, 0, 8, 0)), 0xddf2);
  assertEquals(checksum(bytes, 0, 8), 0x220d);
});

Deno.test("no bytes sum to the initial value", () => {
  assertEquals(sumBytes(new Uint8Array(0), 0, 0, 0), 0);
  assertEquals(sumBytes(new Uint8Array(0), 0, 0, 0x1234), 0x1234);
  assertEquals(checksum(new Uint8Array(4), 2, 0), 0xffff);
});

Deno.test("an odd last byte is the high half of a word", () => {
  assertEquals(foldSum(sumBytes(Uint8Array.of(0xab), 0, 1, 0)), 0xab00);
  assertEquals(foldSum(sumBytes(Uint8Array.of(1, 2, 3), 0, 3, 0)), 0x0402);
});

Deno.test("every length from 0 to 300 at every alignment equals the plain sum", () => {
  const bytes = patterned(400);
  for (let offset = 0; offset < 8; offset++) {
    for (let length = 0; length <= 300; length++) {
      const got = foldSum(sumBytes(bytes, offset, length, 0x5a5a));
      assertEquals(got, plainSum(bytes, offset, length, 0x5a5a), `offset ${offset} length ${length}`);
    }
  }
});

Deno.test("long runs of all ones do not overflow", () => {
  const bytes = new Uint8Array(262_144).fill(0xff);
  for (const offset of [0, 1, 2, 3]) {
    for (const length of [65_535, 65_536, 131_072, 262_141 - offset, 262_140]) {
      if (offset + length > bytes.length) continue;
      const sum = sumBytes(bytes, offset, length, 0x7fffffff);
      assert(sum < 0x20000);
      assertEquals(
        foldSum(sum),
        plainSum(bytes, offset, length, 0x7fff),
        `offset ${offset} length ${length}`,
      );
    }
  }
});

Deno.test("more bytes than are summed at once give the same sum", () => {
  const bytes = patterned(600_003);
  for (const length of [262_144, 262_145, 262_146, 524_288, 600_001]) {
    assertEquals(foldSum(sumBytes(bytes, 2, length, 7)), plainSum(bytes, 2, length, 7), `${length}`);
  }
});

Deno.test("views into one buffer, and more buffers than views are kept for, give the same sums", () => {
  const buffers = Array.from({ length: 7 }, (_, i) => patterned(1000 + i));
  for (let round = 0; round < 3; round++) {
    for (const buffer of buffers) {
      for (const at of [0, 1, 2, 3, 5]) {
        const view = buffer.subarray(at, at + 701);
        assertEquals(foldSum(sumBytes(view, 6, 600, 0)), plainSum(view, 6, 600));
      }
    }
  }
});

Deno.test("a buffer that grows after its first sum is summed to its new end", () => {
  const buffer = new ArrayBuffer(128, { maxByteLength: 512 });
  const before = new Uint8Array(buffer).fill(0x11);
  assertEquals(foldSum(sumBytes(before, 0, 128, 0)), plainSum(before, 0, 128));
  buffer.resize(512);
  const after = new Uint8Array(buffer).fill(0x23);
  assertEquals(foldSum(sumBytes(after, 0, 512, 0)), plainSum(after, 0, 512));
});

Deno.test("property: any bytes anywhere sum as the definition says", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 2000 }),
    fc.nat(40),
    fc.nat(0xffff),
    (bytes, offset, initial) => {
      const from = Math.min(offset, bytes.length);
      const length = bytes.length - from;
      assertEquals(foldSum(sumBytes(bytes, from, length, initial)), plainSum(bytes, from, length, initial));
    },
  ));
});

Deno.test("property: pieces of even length may be summed one after another", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 2, maxLength: 600 }), fc.nat(300), (bytes, cut) => {
    const at = Math.min(cut * 2, bytes.length & ~1);
    const first = sumBytes(bytes, 0, at, 0);
    assertEquals(foldSum(sumBytes(bytes, at, bytes.length - at, first)), plainSum(bytes, 0, bytes.length));
  }));
});

Deno.test("property: bytes that hold their own checksum sum to zero", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), (bytes) => {
    bytes[0] = bytes[1] = 0;
    const value = checksum(bytes, 0, bytes.length);
    bytes[0] = value >>> 8;
    bytes[1] = value & 0xff;
    assertEquals(checksum(bytes, 0, bytes.length), 0);
  }));
});

Deno.test("the pseudo-header of IPv4 is addresses, protocol and length", () => {
  const addresses = Uint8Array.of(0xee, 10, 0, 0, 1, 192, 168, 255, 254);
  const expected = plainSum(Uint8Array.of(10, 0, 0, 1, 192, 168, 255, 254, 0, 6, 0x05, 0xdc), 0, 12);
  assertEquals(foldSum(pseudoHeaderSum(addresses, 1, 4, 6, 0x05dc)), expected);
});

Deno.test("the pseudo-header of IPv6 carries a length of 32 bits", () => {
  const addresses = patterned(32);
  const header = new Uint8Array(40);
  header.set(addresses);
  header.set([0x00, 0x01, 0x23, 0x45, 0, 0, 0, 0x3a], 32);
  assertEquals(foldSum(pseudoHeaderSum(addresses, 0, 16, 0x3a, 0x12345)), plainSum(header, 0, 40));
});

Deno.test("the update example of RFC 1624 section 4 gives 0000, not ffff", () => {
  assertEquals(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
});

Deno.test("property: an updated checksum is the one computed anew", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 8, maxLength: 64 }),
    fc.nat(0xffff),
    (bytes, word) => {
      bytes[4] = 0x45; // Headers are never all zero, where the two could differ in the sign of zero.
      const oldWord = (bytes[2] << 8) | bytes[3];
      const updated = updateChecksum(checksum(bytes, 0, bytes.length), oldWord, word);
      bytes[2] = word >>> 8;
      bytes[3] = word & 0xff;
      assertEquals(updated, checksum(bytes, 0, bytes.length));
    },
  ));
});

Deno.test("lent memory sums to the same, at every alignment and up to its end, and may be given back once", () => {
  const kernel = sumKernel();
  const piece = kernel.lend();
  const other = kernel.lend();
  assert(piece !== null && other !== null);
  piece.set(patterned(piece.length));
  other.fill(0xff);
  for (const offset of [0, 1, 2, 34, 66, 4095]) {
    for (const length of [0, 1, 95, 96, 97, 98, 99, 127, 128, 191, 1480, 65_535, piece.length - offset]) {
      const got = foldSum(sumBytes(piece, offset, length, 0x5a5a));
      assertEquals(got, plainSum(piece, offset, length, 0x5a5a), `offset ${offset} length ${length}`);
    }
  }
  assertEquals(
    foldSum(sumBytes(other, 0, other.length, 0)),
    0xffff,
    "what one holds does not reach into the other",
  );
  // In turn with other memory, of both kinds.
  const plain = patterned(2000);
  for (const bytes of [piece, plain, other, piece, plain, plain, other]) {
    assertEquals(foldSum(sumBytes(bytes, 34, 1480, 0)), plainSum(bytes, 34, 1480));
  }
  assertEquals(
    foldSum(sumBytes(piece, piece.length - 100, 200, 0)),
    plainSum(piece, piece.length - 100, 100),
    "as with any array, nothing is behind its end",
  );
  kernel.takeBack(other);
  assertThrows(() => kernel.takeBack(other), Error, "not lent");
  assertThrows(() => kernel.takeBack(plain), Error, "not lent");
  kernel.takeBack(piece);
});
