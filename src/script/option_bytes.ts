/**
 * TCP options of a script: words to octets and back.
 *
 * Owns: which option a word is, in both dialects, and its layout. Must not know: what an option means to a connection, which of them a
 * step demands (compare.ts).
 *
 * Layouts: RFC 9293 §3.2, RFC 7323 §2.2 and §3.2, RFC 2018, RFC 7413 §4.1.1, RFC 6994 §3, RFC 2385 §3.0, RFC 9768 §3.2.3.
 */
import { readU16, readU32, writeU16, writeU32 } from "../wire/bytes.ts";
import type { Place, ScriptTcpOption } from "./values.ts";

const KIND = {
  EOL: 0x00,
  NOP: 0x01,
  MSS: 0x02,
  WINDOW_SCALE: 0x03,
  SACK_PERMITTED: 0x04,
  SACK: 0x05,
  TIMESTAMPS: 0x08,
  MD5: 0x13,
  FAST_OPEN: 0x22,
  ACCECN_0: 0xac,
  ACCECN_1: 0xae,
  EXPERIMENT: 0xfe,
} as const;

/** Experiment identifiers (RFC 6994 §3), the first octets behind kind and length. */
const EXPERIMENT = { FAST_OPEN: 0xf989, TARR: 0x00ac, ACCECN_0: 0xacc0, ACCECN_1: 0xacc1 } as const;

/** Octets of a counter of AccECN (RFC 9768 §3.2.3). */
const COUNTER_BYTES = 3;
/** Octets of kind and length. */
const HEAD_BYTES = 2;
const MD5_BYTES = 16;

/** Options without a value, and those with numbers of one size. */
const PLAIN: Readonly<Record<string, { readonly kind: number; readonly sizes: readonly number[] }>> = {
  mss: { kind: KIND.MSS, sizes: [2] },
  wscale: { kind: KIND.WINDOW_SCALE, sizes: [1] },
  sackOK: { kind: KIND.SACK_PERMITTED, sizes: [] },
  TS: { kind: KIND.TIMESTAMPS, sizes: [4, 4] },
};

/** How numbers that are positions in the stream stand on the wire. */
export type MapPosition = (position: number) => number;

const unchanged: MapPosition = (position) => position;

/** The octets of an option; null for a word that is none, or one whose octets are not said. */
export function encodeTcpOption(
  option: ScriptTcpOption,
  mapPosition: MapPosition = unchanged,
): Uint8Array | null {
  const { name, numbers, bytes } = option;
  if (name === "eol") return Uint8Array.of(KIND.EOL);
  if (name === "nop") return Uint8Array.of(KIND.NOP);
  const plain = PLAIN[name];
  if (plain !== undefined) return withNumbers(plain.kind, numbers, plain.sizes);
  switch (name) {
    case "sack":
      return withNumbers(KIND.SACK, numbers.map(mapPosition), numbers.map(() => 4));
    case "md5":
      return bytes === null || bytes.length !== MD5_BYTES ? null : withBytes(KIND.MD5, bytes);
    case "FO":
      return option.text === "" ? withBytes(KIND.FAST_OPEN, bytes ?? new Uint8Array(0)) : null;
    case "FOEXP":
    case "exp-FO":
      return option.text !== "" ? null : experiment(EXPERIMENT.FAST_OPEN, bytes ?? new Uint8Array(0));
    case "ECN":
      // The order of the counters tells which of the two it is (RFC 9768 §3.2.3).
      return withBytes(option.text.startsWith("e1b") ? KIND.ACCECN_1 : KIND.ACCECN_0, counters(numbers));
    case "AccECN0":
      return withBytes(KIND.ACCECN_0, counters(numbers));
    case "AccECN1":
      return withBytes(KIND.ACCECN_1, counters(numbers));
    case "exp-AccECN0":
      return experiment(EXPERIMENT.ACCECN_0, counters(numbers));
    case "exp-AccECN1":
      return experiment(EXPERIMENT.ACCECN_1, counters(numbers));
    case "exp-tarr":
      return experiment(EXPERIMENT.TARR, Uint8Array.from(numbers, (rate) => rate << 1));
  }
  const generic = /^(?:gen-(\d+)|exp-(?:0x)?([0-9a-f]+))$/i.exec(name);
  if (generic === null) return null;
  const [, kind, experimentId] = generic;
  const octets = bytes ?? new Uint8Array(0);
  return kind === undefined
    ? experiment(parseInt(experimentId, 16), octets)
    : withBytes(Number(kind), octets);
}

/** The options in the octets of a header; what cannot be read is one option `gen-N` with all that is left. */
export function decodeTcpOptions(
  bytes: Uint8Array,
  mapPosition: MapPosition = unchanged,
): ScriptTcpOption[] {
  const options: ScriptTcpOption[] = [];
  let at = 0;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === KIND.EOL || kind === KIND.NOP) {
      options.push(plainOption(kind === KIND.EOL ? "eol" : "nop"));
      at += 1;
      continue;
    }
    const length = at + 1 < bytes.length ? bytes[at + 1] : 0;
    if (length < HEAD_BYTES || at + length > bytes.length) {
      options.push({ ...plainOption(`gen-${kind}`), bytes: bytes.slice(Math.min(at + 2, bytes.length)) });
      break;
    }
    options.push(decodeOption(kind, bytes.subarray(at + HEAD_BYTES, at + length), mapPosition));
    at += length;
  }
  return options;
}

const NOWHERE: Place = { line: 0, column: 0 };

function plainOption(name: string, numbers: readonly number[] = []): ScriptTcpOption {
  return { place: NOWHERE, name, numbers, bytes: null, text: "", anyVal: false, absoluteEcr: false };
}

function decodeOption(kind: number, value: Uint8Array, mapPosition: MapPosition): ScriptTcpOption {
  for (const [name, { kind: known, sizes }] of Object.entries(PLAIN)) {
    if (kind === known && value.length === total(sizes)) return plainOption(name, readNumbers(value, sizes));
  }
  if (kind === KIND.SACK && value.length > 0 && value.length % 8 === 0) {
    const edges = readNumbers(value, Array.from({ length: value.length / 4 }, () => 4));
    return plainOption("sack", edges.map(mapPosition));
  }
  const octets = value.slice();
  if (kind === KIND.MD5) return { ...plainOption("md5"), bytes: octets };
  if (kind === KIND.FAST_OPEN) return { ...plainOption("FO"), bytes: octets.length === 0 ? null : octets };
  if (kind === KIND.EXPERIMENT && octets.length >= 2 && readU16(octets, 0) === EXPERIMENT.FAST_OPEN) {
    return { ...plainOption("FOEXP"), bytes: octets.length === 2 ? null : octets.slice(2) };
  }
  return { ...plainOption(`gen-${kind}`), bytes: octets };
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

function withBytes(kind: number, value: Uint8Array): Uint8Array {
  const option = new Uint8Array(HEAD_BYTES + value.length);
  option[0] = kind;
  option[1] = option.length;
  option.set(value, HEAD_BYTES);
  return option;
}

function experiment(id: number, value: Uint8Array): Uint8Array {
  return withBytes(KIND.EXPERIMENT, Uint8Array.of(id >>> 8, id & 0xff, ...value));
}

function counters(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * COUNTER_BYTES);
  numbers.forEach((count, at) =>
    bytes.set([(count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff], at * COUNTER_BYTES)
  );
  return bytes;
}

function withNumbers(
  kind: number,
  numbers: readonly number[],
  sizes: readonly number[],
): Uint8Array | null {
  if (numbers.length !== sizes.length) return null;
  const value = new Uint8Array(total(sizes));
  let at = 0;
  sizes.forEach((size, index) => {
    const number = numbers[index];
    if (size === 4) writeU32(value, at, number >>> 0);
    else if (size === 2) writeU16(value, at, number);
    else value[at] = number;
    at += size;
  });
  return withBytes(kind, value);
}

function readNumbers(bytes: Uint8Array, sizes: readonly number[]): number[] {
  let at = 0;
  return sizes.map((size) => {
    const number = size === 4 ? readU32(bytes, at) : size === 2 ? readU16(bytes, at) : bytes[at];
    at += size;
    return number;
  });
}
