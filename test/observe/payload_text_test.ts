/** An application's bytes in the log: readable, harmless, and without loss. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { payloadIn } from "../../src/observe/payload_text.ts";

function base64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

Deno.test("payload: text, hex and base64 of the same bytes", () => {
  const bytes = new TextEncoder().encode("GET / HTTP/1.0\r\n\tü€😀\\");
  assertEquals(payloadIn("text", base64(bytes)), "GET / HTTP/1.0\\r\\n\\tü€😀\\\\");
  assertEquals(payloadIn("hex", base64(bytes.subarray(0, 5))), "474554202f");
  assertEquals(payloadIn("base64", "R0VU"), "R0VU");
  assertEquals(payloadIn("none", "R0VU"), "");
});

Deno.test("payload: what a terminal would obey, and what is no UTF-8, becomes escapes", () => {
  const text = (...bytes: number[]) => payloadIn("text", base64(Uint8Array.from(bytes)));
  assertEquals(text(0x1b, 0x5b, 0x32, 0x4a), "\\x1b[2J");
  assertEquals(text(0x00, 0x7f, 0x9b, 0xff), "\\x00\\x7f\\x9b\\xff");
  // U+202E turns the writing around; U+009B is a control character in two bytes.
  assertEquals(text(0xe2, 0x80, 0xae, 0xc2, 0x9b), "\\xe2\\x80\\xae\\xc2\\x9b");
  // Cut off, too long, and a surrogate.
  assertEquals(text(0x41, 0xe2, 0x82), "A\\xe2\\x82");
  assertEquals(text(0xc0, 0xaf), "\\xc0\\xaf");
  assertEquals(text(0xed, 0xa0, 0x80), "\\xed\\xa0\\x80");
});

/** What the escapes stand for. */
function unescaped(text: string): Uint8Array {
  const named: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, "\\": 0x5c };
  const bytes = text.split(/(\\x[0-9a-f]{2}|\\[nrt\\])/).flatMap((part, place) => {
    if (place % 2 === 0) return [...new TextEncoder().encode(part)];
    return [part[1] === "x" ? parseInt(part.slice(2), 16) : named[part[1]]];
  });
  return Uint8Array.from(bytes);
}

Deno.test("payload: whatever the bytes, text is one harmless line from which they can be read back", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const text = payloadIn("text", base64(bytes));
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text), JSON.stringify(text));
    assertEquals(unescaped(text), bytes);
  }));
});
