/**
 * The Fast Open option on the wire: RFC 7413 §4.1.1, and the experimental form (RFC 6994).
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TcpSegment } from "../../src/wire/tcp.ts";
import { emitTcpOptions, parseTcpOptions } from "../../src/wire/tcp_options.ts";
import { bytesOfHex, hexOf } from "../../src/wire/hex.ts";

function parse(text: string): TcpSegment {
  const bytes = bytesOfHex(text.replaceAll(" ", ""));
  assert(bytes !== null);
  const segment = new TcpSegment();
  parseTcpOptions(bytes, 0, bytes.length, segment);
  return segment;
}

function emit(changes: Partial<TcpSegment>): string {
  const segment = Object.assign(new TcpSegment(), changes);
  const bytes = new Uint8Array(64).fill(0xa5);
  const length = emitTcpOptions(bytes, 0, segment);
  assert(bytes.subarray(length).every((byte) => byte === 0xa5), "wrote beyond the options");
  return hexOf(bytes.subarray(0, length));
}

const cookieOf = ({ fastOpen, fastOpenCookie, isFastOpenExperimental }: TcpSegment) =>
  fastOpen < 0 ? null : [hexOf(fastOpenCookie), isFastOpenExperimental];

Deno.test("bytes and values", () => {
  const table: [bytes: string, cookie: string, isExperimental: boolean][] = [
    ["22020101", "", false],
    ["220a0102030405060708 0101", "0102030405060708", false],
    ["2206aabbccdd 0101", "aabbccdd", false],
    ["221200112233445566778899aabbccddeeff 0101", "00112233445566778899aabbccddeeff", false],
    ["fe04f989", "", true],
    ["fe0cf9890102030405060708", "0102030405060708", true],
  ];
  for (const [bytes, cookie, isExperimental] of table) {
    assertEquals(cookieOf(parse(bytes)), [cookie, isExperimental]);
    const fastOpenCookie = bytesOfHex(cookie) ?? new Uint8Array(0);
    const fastOpen = fastOpenCookie.length;
    assertEquals(
      emit({ fastOpen, fastOpenCookie, isFastOpenExperimental: isExperimental }),
      bytes.replaceAll(" ", ""),
    );
  }
});

Deno.test("the packed layout has no NOP behind it, and end-of-list up to a word (MUST-69)", () => {
  const fastOpenCookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  assertEquals(emit({ isPacked: true, fastOpen: 8, fastOpenCookie }), "220a0102030405060708" + "0000");
  assertEquals(emit({ isPacked: true, fastOpen: 0, sackPermitted: true }), "0402" + "2202");
  assertEquals(
    emit({ isPacked: true, mss: 1460, fastOpen: 0, windowScale: 6 }),
    "020405b4" + "01030306" + "2202" + "0000",
  );
});

Deno.test("the packed layout leaves out what has no room, as the other one does", () => {
  const whole = {
    mss: 1460,
    windowScale: 6,
    sackPermitted: true,
    hasTimestamps: true,
    tsValue: 1,
    tsEcho: 0,
  };
  const cookie = (bytes: number) => ({ fastOpen: bytes, fastOpenCookie: new Uint8Array(bytes).fill(7) });
  const longest = emit({ ...whole, isPacked: true, ...cookie(16) });
  assertEquals([longest.length / 2, longest.includes("2212")], [40, true]);
  assertEquals(emit({ ...whole, isPacked: true, ...cookie(20) }).includes("2216"), false);
});

Deno.test("lengths that no cookie may have are told as they are, and end no list (RFC 7413 §4.1.1: ignored)", () => {
  const segment = parse("220303 22040405 0204 05b4 01");
  assertEquals([segment.fastOpen, segment.mss, segment.optionsMalformed], [2, 1460, false]);
  assertEquals(parse("220311").fastOpen, 1);
  assertEquals(parse("2228" + "11".repeat(38)).fastOpen, 38);
});

Deno.test("another use of the experimental kind is another option (RFC 6994 §3)", () => {
  for (const bytes of ["fe04e2d4", "fe030101", "fe020101"]) {
    const segment = parse(bytes);
    assertEquals([segment.fastOpen, segment.unknownOptions], [-1, 1]);
  }
});

Deno.test("a list that breaks off inside the option counts no more (MUST-7)", () => {
  for (let length = 1; length < 10; length++) {
    const segment = parse("220a0102030405060708".slice(0, 2 * length));
    assertEquals([segment.fastOpen, segment.optionsMalformed], [-1, true]);
  }
});

Deno.test("a SYN with every option has room for the longest cookie, in either form", () => {
  const all = { mss: 1460, windowScale: 7, sackPermitted: true, hasTimestamps: true, tsValue: 1, tsEcho: 0 };
  const cookie = { fastOpen: 16, fastOpenCookie: new Uint8Array(16).fill(7) };
  for (const isFastOpenExperimental of [false, true]) {
    assertEquals(emit({ ...all, ...cookie, isFastOpenExperimental }).length, 80);
  }
});

Deno.test("what does not fit is left out (RFC 7413 §4.2.2), and nothing is written beyond the header", () => {
  const all = { mss: 1460, windowScale: 7, sackPermitted: true, hasTimestamps: true, tsValue: 1, tsEcho: 0 };
  const long = { fastOpen: 20, fastOpenCookie: new Uint8Array(20).fill(7) };
  assertEquals(emit({ ...all, ...long }).length, 40);
});

Deno.test("property: a cookie that is written is read back, beside any other options that leave it room", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 16 }),
    fc.boolean(),
    fc.record({ mss: fc.integer({ min: -1, max: 0xffff }), windowScale: fc.integer({ min: -1, max: 14 }) }),
    fc.boolean(),
    fc.boolean(),
    (fastOpenCookie, isFastOpenExperimental, others, sackPermitted, hasTimestamps) => {
      const written = { ...others, sackPermitted, hasTimestamps, tsValue: 5, tsEcho: 6 };
      const text = emit({
        ...written,
        fastOpen: fastOpenCookie.length,
        fastOpenCookie,
        isFastOpenExperimental,
      });
      assertEquals(text.length % 8, 0);
      const read = parse(text);
      assertEquals(cookieOf(read), [hexOf(fastOpenCookie), isFastOpenExperimental]);
      assertEquals([read.mss, read.windowScale, read.sackPermitted], [
        others.mss,
        others.windowScale,
        sackPermitted,
      ]);
    },
  ));
});
