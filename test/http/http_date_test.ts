/** Dates by RFC 9110 §5.6.7: its own examples, and what is none. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseHttpDate } from "../../src/http/http_date.ts";

const YEAR = 2026;

Deno.test("the three forms of §5.6.7 say the same", () => {
  const expected = Date.UTC(1994, 10, 6, 8, 49, 37) / 1000;
  for (
    const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]
  ) assertEquals(parseHttpDate(text, YEAR), expected, text);
});

Deno.test("two digits of a year: never more than fifty years ahead", () => {
  const year = (digits: string, thisYear: number) =>
    new Date((parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, thisYear) ?? NaN) * 1000)
      .getUTCFullYear();
  assertEquals(["26", "76", "77", "99", "00"].map((digits) => year(digits, 2026)), [
    2026,
    2076,
    1977,
    1999,
    2000,
  ]);
  assertEquals(["99", "00", "49"].map((digits) => year(digits, 1999)), [1999, 1900, 1949]);
});

Deno.test("what is no date is none", () => {
  for (
    const text of [
      "",
      "1",
      "2026",
      "tomorrow",
      "2026-01-02T03:04:05Z",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 31 Jun 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMTx",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov  6 08:49:37 1994 GMT",
    ]
  ) assertEquals(parseHttpDate(text, YEAR), null, text);
  assertEquals(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT", YEAR), Date.UTC(2017, 0, 1) / 1000);
});

Deno.test("what a server says with Last-Modified is read as it was meant", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
    assertEquals(parseHttpDate(new Date(seconds * 1000).toUTCString(), YEAR), seconds);
  }));
});
