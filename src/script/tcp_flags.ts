/**
 * TCP flags of a script: letters to bits and back.
 *
 * Owns: the letters of both dialects, and the counter of AccECN that a digit is (RFC 9768 §3.2.2). Must not know: segments.
 */
import { FLAG } from "../wire/tcp.ts";

/** Flags as they stand in a header; `ae` is the bit before CWR (RFC 9768 §3.1). */
export interface FlagBits {
  /** Bits of {@link FLAG}. */
  readonly bits: number;
  readonly ae: boolean;
}

const LETTERS: readonly (readonly [string, number])[] = [
  ["F", FLAG.FIN],
  ["S", FLAG.SYN],
  ["R", FLAG.RST],
  ["P", FLAG.PSH],
  [".", FLAG.ACK],
  ["U", FLAG.URG],
  ["E", FLAG.ECE],
  ["W", FLAG.CWR],
];

/** No flag at all. */
const NONE = "-";
const AE_LETTER = "A";
/** Values of the three bits AE, CWR and ECE. */
const ACE = { AE: 4, CWR: 2, ECE: 1 } as const;

/** Reads flags; null where a letter is none. */
export function parseFlags(text: string): FlagBits | null {
  let bits = 0;
  let ae = false;
  if (text === NONE) return { bits, ae };
  for (const letter of text) {
    const known = LETTERS.find(([name]) => name === letter);
    if (known !== undefined) {
      bits |= known[1];
    } else if (letter === AE_LETTER) {
      ae = true;
    } else if (letter >= "0" && letter <= "7") {
      const count = Number(letter);
      if ((count & ACE.ECE) !== 0) bits |= FLAG.ECE;
      if ((count & ACE.CWR) !== 0) bits |= FLAG.CWR;
      ae ||= (count & ACE.AE) !== 0;
    } else {
      return null;
    }
  }
  return { bits, ae };
}

/** Writes flags: in the spelling of `like` where it says the same, and as a digit where `like` has one. */
export function formatFlags({ bits, ae }: FlagBits, like: string): string {
  const meant = parseFlags(like);
  if (meant !== null && meant.bits === bits && meant.ae === ae) return like;
  const hasDigit = /[0-7]/.test(like);
  const shown = hasDigit ? bits & ~(FLAG.ECE | FLAG.CWR) : bits;
  let text = LETTERS.filter(([, bit]) => (shown & bit) !== 0).map(([letter]) => letter).join("");
  if (hasDigit) {
    const count = (ae ? ACE.AE : 0) | ((bits & FLAG.CWR) !== 0 ? ACE.CWR : 0) |
      ((bits & FLAG.ECE) !== 0 ? ACE.ECE : 0);
    text += String(count);
  } else if (ae) {
    text += AE_LETTER;
  }
  return text === "" ? NONE : text;
}
