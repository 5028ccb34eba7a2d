/**
 * AddressBook: one copy of each address for all that use it.
 */
import { assert, assertEquals } from "@std/assert";
import { AddressBook } from "../../src/host/address_book.ts";

/** Bytes with the address of `number` at offset 3. */
function buffer(number: number): Uint8Array {
  return Uint8Array.of(
    9,
    9,
    9,
    number >>> 24,
    (number >>> 16) & 0xff,
    (number >>> 8) & 0xff,
    number & 0xff,
    9,
  );
}

function address(number: number): Uint8Array {
  return buffer(number).slice(3, 7);
}

Deno.test("address book: one address, one copy, whatever becomes of the bytes that it came in", () => {
  const book = new AddressBook(0x5eed);
  const bytes = buffer(0x0a000001);
  const copy = book.at(bytes, 3, 4);
  assertEquals(copy, address(0x0a000001));
  bytes.fill(0);
  assertEquals(copy, address(0x0a000001));
  assert(book.at(buffer(0x0a000001), 3, 4) === copy);
});

Deno.test("address book: addresses that differ in one bit anywhere are two", () => {
  const book = new AddressBook(0x5eed);
  const base = 0x80c0a801;
  const copy = book.at(buffer(base), 3, 4);
  for (let bit = 0; bit < 32; bit++) {
    const other = (base ^ (1 << bit)) >>> 0;
    assertEquals(book.at(buffer(other), 3, 4), address(other));
  }
  assert(book.at(buffer(base), 3, 4) === copy);
});

Deno.test("address book: addresses of 16 bytes are shared too, and stand not for the four with which they begin", () => {
  const book = new AddressBook(0x5eed);
  const bytes = Uint8Array.from({ length: 20 }, (_, at) => at);
  const one = book.at(bytes, 2, 16);
  assertEquals(one, bytes.slice(2, 18));
  assert(book.at(bytes, 2, 16) === one);
  const short = book.at(bytes, 2, 4);
  assertEquals(short, bytes.slice(2, 6));
  assert(book.at(bytes, 2, 4) === short);
  for (let bit = 0; bit < 128; bit++) {
    const other = bytes.slice();
    other[2 + (bit >> 3)] ^= 1 << (bit & 7);
    assertEquals(book.at(other, 2, 16), other.slice(2, 18));
  }
  bytes.fill(0);
  assertEquals(one[0], 2);
});

Deno.test("address book: 4,096 addresses; with one more it begins anew, and what was given stays as it is", () => {
  const book = new AddressBook(0x5eed);
  const copies = Array.from({ length: 4096 }, (_, number) => book.at(buffer(number), 3, 4));
  copies.forEach((copy, number) => assert(book.at(buffer(number), 3, 4) === copy));
  book.at(buffer(4096), 3, 4);
  const again = book.at(buffer(0), 3, 4);
  assertEquals(again, address(0));
  assert(again !== copies[0], "begun anew");
  assertEquals(copies[0], address(0));
  assert(book.at(buffer(4096), 3, 4) === book.at(buffer(4096), 3, 4));
});
