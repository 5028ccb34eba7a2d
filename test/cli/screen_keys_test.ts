/** Keys of a terminal in raw mode: their codes, also in pieces, and what is none. */
import { assertEquals } from "@std/assert";
import { KeyReader } from "../../src/cli/screen_keys.ts";

function keys(...pieces: readonly string[]): string[] {
  const reader = new KeyReader();
  return pieces.flatMap((piece) => reader.read(Uint8Array.from(piece, (letter) => letter.charCodeAt(0))));
}

Deno.test("keys: letters, and those that send a code, as xterm, the Linux console and screen send it", () => {
  assertEquals(keys("jq \r\f"), ["j", "q", " ", "enter", "redraw"]);
  assertEquals(keys("\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA\x1bOB"), ["up", "down", "right", "left", "up", "down"]);
  assertEquals(keys("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1bOH"), [
    "home",
    "end",
    "home",
    "end",
    "home",
    "end",
    "home",
  ]);
  assertEquals(keys("\x1b[5~\x1b[6~\x1b[1;5A"), ["page-up", "page-down", "up"]);
});

Deno.test("keys: a code that comes in pieces is one key, wherever it is cut", () => {
  for (const code of ["\x1b[A", "\x1b[5~", "\x1bOA"]) {
    const whole = keys(code);
    for (let at = 1; at < code.length; at++) {
      assertEquals(
        keys(code.slice(0, at), code.slice(at), "j"),
        [...whole, "j"],
        `${code.slice(1)} at ${at}`,
      );
    }
  }
});

Deno.test("keys: what is no key is passed over, and holds nothing up", () => {
  assertEquals(keys("\x1b[200~\x1b[Z\x1b[?62;4cq"), ["q"]);
  assertEquals(keys("\x00\x01\x7f\xc3\xa4q"), ["q"]);
  assertEquals(keys("\x1b\x1bj"), ["j"]);
  assertEquals(keys("\x1b[" + "1".repeat(1000) + "q").at(-1), "q");
  assertEquals(keys("\x1b["), []);
});
