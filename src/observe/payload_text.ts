/**
 * What an application's bytes look like in the log: the forms of `--payload`.
 *
 * Owns: the forms. Must not know: where they stand. Bytes come from strangers: whatever the form, the result holds nothing
 * that a terminal would obey, and from `text` too the bytes can be read back.
 */
import { printable } from "./text_layout.ts";

/** The forms; `none` shows no bytes. */
export const PAYLOAD_FORMS = ["none", "text", "hex", "base64"] as const;

/** A form of `--payload`. */
export type PayloadForm = typeof PAYLOAD_FORMS[number];

/** The bytes of a data event, given in base64, in a form. */
export function payloadIn(form: PayloadForm, base64: string): string {
  if (form === "base64") return base64;
  if (form === "none") return "";
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return form === "hex" ? bytes.toHex() : escapedText(bytes);
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
};

/** UTF-8 where it is UTF-8; backslash, line ends, control and format characters as escapes, other bytes as `\xHH`. */
function escapedText(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes[at]);
    const character = length === 0 ? null : decode(bytes.subarray(at, at + length));
    if (character === null) {
      out += hexEscapes(bytes.subarray(at, at + 1));
      at++;
    } else {
      out += NAMED_ESCAPES[character] ??
        (printable(character) === character ? character : hexEscapes(bytes.subarray(at, at + length)));
      at += length;
    }
  }
  return out;
}

/** Bytes of a character by its first one (RFC 3629 §3); 0 where none begins. */
function characterLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | null {
  if (bytes[0] < 0x80) return String.fromCharCode(bytes[0]);
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

function hexEscapes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
