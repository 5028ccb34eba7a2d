/**
 * The options of a segment in a script: `<mss 1460,nop,nop,sackOK>`, `<...>`, `<0204...>`.
 *
 * Owns: the grammar of options of both dialects, and the 40 octets that a header has for them (RFC 9293 §3.1). Must not
 * know: what an option does.
 */
import {
  hexBytes,
  MOST_U16,
  MOST_U24,
  MOST_U32,
  MOST_U8,
  placeOf,
  type TokenReader,
} from "./token_reader.ts";
import type { ScriptTcpOption, TcpOptionList } from "./values.ts";

/** RFC 9293 §3.1: a data offset of 15 leaves so many octets. */
const MOST_OPTION_BYTES = 40;
/** RFC 2385 §3: an MD5 digest. */
const MD5_BYTES = 16;
/** TARR (draft-ietf-tcpm-ack-rate-request): R has seven bits. */
const MOST_RATE = 0x7f;

/** Counters in the order in which each kind may have them: from the front, and no one left out but google's `ECN`. */
const COUNTERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["AccECN0", ["ee0b", "eceb", "ee1b"]],
  ["AccECN1", ["ee1b", "eceb", "ee0b"]],
  ["exp-AccECN0", ["ee0b", "eceb", "ee1b"]],
  ["exp-AccECN1", ["ee1b", "eceb", "ee0b"]],
]);
const GOOGLE_COUNTERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["e0b", ["e0b", "ceb", "e1b"]],
  ["e1b", ["e1b", "ceb", "e0b"]],
]);

/** An option, and the octets that it takes. */
interface SizedOption {
  readonly option: ScriptTcpOption;
  readonly length: number;
}

type OptionParts = Partial<Omit<ScriptTcpOption, "place" | "name">>;

/** What stands between `<` and `>` behind a segment; `unsaid` where nothing does. */
export function parseTcpOptions(reader: TokenReader): TcpOptionList {
  if (!reader.isSign("<")) return { kind: "unsaid" };
  const place = placeOf(reader.next());
  if (reader.isKind("ellipsis")) {
    reader.next();
    reader.expect(">");
    return { kind: "any", place };
  }
  if (reader.isSign(">", 1)) {
    const bytes = rawBytes(reader);
    if (bytes !== null) {
      reader.expect(">");
      return { kind: "raw", place, bytes };
    }
  }
  const options: ScriptTcpOption[] = [];
  let total = 0;
  do {
    const first = reader.peek();
    const { option, length } = parseOption(reader);
    total += length;
    if (total > MOST_OPTION_BYTES) reader.fail(`options of no more than ${MOST_OPTION_BYTES} octets`, first);
    options.push(option);
  } while (reader.take(","));
  if (!reader.take(">")) reader.fail('"," or ">"');
  return { kind: "list", place, options };
}

function rawBytes(reader: TokenReader): Uint8Array | null {
  const token = reader.peek();
  if (token.kind !== "word" && token.kind !== "integer") return null;
  const bytes = hexBytes(token.text);
  if (bytes === null || bytes.length > MOST_OPTION_BYTES) return null;
  reader.next();
  return bytes;
}

function parseOption(reader: TokenReader): SizedOption {
  const token = reader.expectWord("a TCP option (mss, nop, eol, wscale, sackOK, sack, TS, md5, FO, ...)");
  const place = placeOf(token);
  const name = token.text;
  const sized = (length: number, parts: OptionParts = {}): SizedOption => ({
    option: { place, name, numbers: [], bytes: null, text: "", anyVal: false, absoluteEcr: false, ...parts },
    length,
  });
  switch (name) {
    case "nop":
    case "eol":
      return sized(1);
    case "sackOK":
      return sized(2);
    case "mss":
      return sized(4, { numbers: [reader.integer({ what: "an MSS", most: MOST_U16 })] });
    case "wscale":
      return sized(3, { numbers: [reader.integer({ what: "a shift count", most: MOST_U8 })] });
    case "sack": {
      const numbers = parseBlocks(reader);
      return sized(2 + 4 * numbers.length, { numbers });
    }
    case "TS":
      return sized(10, parseTimestamps(reader));
    case "md5":
      if (reader.takeWord("valid")) return sized(2 + MD5_BYTES, { text: "valid" });
      return sizedBytes(parseBytes(reader, { most: MD5_BYTES, isNeeded: true }), { base: 2, sized });
    case "FO":
      return sizedBytes(parseBytes(reader, { most: MOST_OPTION_BYTES - 2, isNeeded: false }), {
        base: 2,
        sized,
      });
    case "FOEXP":
    case "exp-FO":
    case "EXP-FO":
      return sizedBytes(parseBytes(reader, { most: MOST_OPTION_BYTES - 4, isNeeded: false }), {
        base: 4,
        sized,
      });
    case "ECN": {
      const order = GOOGLE_COUNTERS.get(reader.peek().text);
      if (order === undefined) reader.fail("e0b or e1b");
      const counters = parseCounters(reader, order);
      return sized(2 + 3 * counters.numbers.length, counters);
    }
    case "exp-tarr":
      if (!reader.isKind("integer")) return sized(4);
      return sized(5, { numbers: [reader.integer({ what: "a ratio", most: MOST_RATE })] });
  }
  const order = COUNTERS.get(name);
  if (order !== undefined) {
    const counters = parseCounters(reader, order);
    return sized((name.startsWith("exp-") ? 4 : 2) + 3 * counters.numbers.length, counters);
  }
  const kind = /^gen-([0-9]+)$/.exec(name);
  const experiment = /^exp-([0-9a-fA-F]+)$/.exec(name);
  if (kind !== null && Number(kind[1]) <= MOST_U8) {
    return sizedBytes(parseBytes(reader, { most: MOST_OPTION_BYTES - 2, isNeeded: false }), {
      base: 2,
      sized,
    });
  }
  if (experiment !== null && parseInt(experiment[1], 16) <= MOST_U16) {
    return sizedBytes(parseBytes(reader, { most: MOST_OPTION_BYTES - 4, isNeeded: false }), {
      base: 4,
      sized,
    });
  }
  return reader.fail("a TCP option (mss, nop, eol, wscale, sackOK, sack, TS, md5, FO, ...)", token);
}

function sizedBytes(
  parts: OptionParts,
  { base, sized }: { base: number; sized: (length: number, parts: OptionParts) => SizedOption },
): SizedOption {
  return sized(base + (parts.bytes?.length ?? 0), parts);
}

/** `1:1001 2001:3001`. */
function parseBlocks(reader: TokenReader): number[] {
  const numbers: number[] = [];
  do {
    numbers.push(reader.integer({ what: "the left edge of a block", most: MOST_U32 }));
    reader.expect(":");
    numbers.push(reader.integer({ what: "the right edge of a block", most: MOST_U32 }));
    if (2 + 4 * numbers.length > MOST_OPTION_BYTES) reader.fail("no more than four blocks");
  } while (reader.isKind("integer"));
  return numbers;
}

function parseTimestamps(reader: TokenReader): OptionParts {
  if (!reader.takeWord("val")) reader.fail('"val"');
  const anyVal = reader.isKind("ellipsis");
  const value = anyVal ? 0 : reader.integer({ what: "a timestamp", most: MOST_U32 });
  if (anyVal) reader.next();
  if (!reader.takeWord("ecr")) reader.fail('"ecr"');
  const echo = reader.integer({ what: "a timestamp", most: MOST_U32 });
  return { numbers: [value, echo], anyVal, absoluteEcr: reader.take("!") };
}

/** Hex digits, or a name for them; nothing at all where none are needed. */
function parseBytes(
  reader: TokenReader,
  { most, isNeeded }: { most: number; isNeeded: boolean },
): OptionParts {
  const token = reader.peek();
  if (token.kind !== "word" && token.kind !== "integer") {
    return isNeeded ? reader.fail("an even number of hex digits") : {};
  }
  const bytes = hexBytes(token.text);
  if (bytes === null) {
    // A name that nothing is defined for yet: who plays the script may know what it stands for.
    if (/^[0-9a-fA-F-]*$/.test(token.text)) reader.fail("an even number of hex digits");
    reader.next();
    return { text: token.text };
  }
  if (bytes.length > most) reader.fail(`no more than ${most} octets`);
  reader.next();
  return { bytes };
}

/** Counters by name, from the front of the order. */
function parseCounters(reader: TokenReader, order: readonly string[]): { numbers: number[]; text: string } {
  const numbers: number[] = [];
  const names: string[] = [];
  for (const name of order) {
    if (!reader.takeWord(name)) break;
    names.push(name);
    numbers.push(reader.integer({ what: "a counter", most: MOST_U24 }));
  }
  return { numbers, text: names.join(" ") };
}
