/**
 * What a terminal in raw mode sends for keys, as names.
 *
 * Owns: the codes (ECMA-48 and xterm's), also when one comes in two pieces. Must not know: what keys do.
 */

/** A key: `up`, `down`, `left`, `right`, `home`, `end`, `page-up`, `page-down`, `enter`, `redraw`, or the character itself. */
export type Key = string;

/** Bytes that begin what is sent for a key. */
const ESCAPE = 0x1b;
/** Ctrl-L, which asks every program on a screen to draw it anew. */
const FORM_FEED = "\f";
/** Local choice: no code of a key is half as long, and no answer of a terminal to what it was asked; what is longer is none. */
const LONGEST_CODE = 32;

const FINAL_LETTERS: Readonly<Record<string, Key>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
};
const TILDE_NUMBERS: Readonly<Record<string, Key>> = {
  "1": "home",
  "4": "end",
  "5": "page-up",
  "6": "page-down",
  "7": "home",
  "8": "end",
};

/** Turns bytes into keys; remembers a code whose end has not come yet. */
export class KeyReader {
  #rest = "";

  /** The keys in these bytes; what is no key is passed over. */
  read(bytes: Uint8Array): Key[] {
    let text = this.#rest;
    // Every byte by itself: a letter beyond ASCII is no key here.
    for (const byte of bytes) text += String.fromCharCode(byte);
    this.#rest = "";
    const keys: Key[] = [];
    for (let at = 0; at < text.length;) {
      if (text.charCodeAt(at) !== ESCAPE) {
        const key = keyOfCharacter(text[at++]);
        if (key !== null) keys.push(key);
        continue;
      }
      const after = text.slice(at + 1, at + LONGEST_CODE);
      const code = /^(?:\[([0-?]*[ -/]*)([@-~])|O([@-~]))/.exec(after);
      if (code === null) {
        const isUnfinished = /^(?:\[[0-?]*[ -/]*|O)?$/.test(after) && after.length < LONGEST_CODE - 1;
        // The key Esc alone is such a beginning too; it means nothing here.
        if (isUnfinished) this.#rest = text.slice(at);
        if (isUnfinished) break;
        at++;
        continue;
      }
      at += 1 + code[0].length;
      const key = keyOfCode(code);
      if (key !== null) keys.push(key);
    }
    return keys;
  }
}

function keyOfCode([, numbers = "", final = "", letter = ""]: readonly string[]): Key | null {
  if (letter !== "") return FINAL_LETTERS[letter] ?? null;
  if (final === "~") return TILDE_NUMBERS[numbers.split(";")[0]] ?? null;
  return FINAL_LETTERS[final] ?? null;
}

function keyOfCharacter(character: string): Key | null {
  if (character === "\r" || character === "\n") return "enter";
  if (character === FORM_FEED) return "redraw";
  return character >= " " && character <= "~" ? character : null;
}
