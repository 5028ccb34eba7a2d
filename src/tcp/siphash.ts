/**
 * SipHash-2-4 with a 128-bit key (Aumasson, Bernstein 2012), on 32-bit halves: the F() of RFC 6528.
 *
 * Owns: a keyed hash that a stranger cannot compute or invert. Must not know: where the key comes from.
 */

/** The two halves of a 64-bit result. */
interface Hash64 {
  low: number;
  high: number;
}

/** A hasher bound to one key of 16 bytes. */
export class SipHash {
  readonly #k = new Int32Array(4);
  readonly #v = new Int32Array(8);
  readonly #result: Hash64 = { low: 0, high: 0 };

  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`Expected a key of 16 bytes, got ${key.length}`);
    for (let i = 0; i < 4; i++) this.#k[i] = word(key, i * 4);
  }

  /** Hash of `bytes[0 .. length)`; the result is valid until the next call. */
  hash(bytes: Uint8Array, length: number): Readonly<Hash64> {
    const v = this.#v;
    const k = this.#k;
    // v0..v3 as low, high pairs, initialised as in the paper.
    v[0] = k[0] ^ 0x70736575;
    v[1] = k[1] ^ 0x736f6d65;
    v[2] = k[2] ^ 0x6e646f6d;
    v[3] = k[3] ^ 0x646f7261;
    v[4] = k[0] ^ 0x6e657261;
    v[5] = k[1] ^ 0x6c796765;
    v[6] = k[2] ^ 0x79746573;
    v[7] = k[3] ^ 0x74656462;
    const whole = length - (length % 8);
    for (let at = 0; at < whole; at += 8) compress(v, word(bytes, at), word(bytes, at + 4));
    let low = 0;
    let high = (length & 0xff) << 24;
    for (let i = 0; i < length - whole; i++) {
      if (i < 4) low |= bytes[whole + i] << (8 * i);
      else high |= bytes[whole + i] << (8 * (i - 4));
    }
    compress(v, low, high);
    v[4] ^= 0xff;
    for (let i = 0; i < 4; i++) round(v);
    this.#result.low = (v[0] ^ v[2] ^ v[4] ^ v[6]) >>> 0;
    this.#result.high = (v[1] ^ v[3] ^ v[5] ^ v[7]) >>> 0;
    return this.#result;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function compress(v: Int32Array, low: number, high: number): void {
  v[6] ^= low;
  v[7] ^= high;
  round(v);
  round(v);
  v[0] ^= low;
  v[1] ^= high;
}

function add(v: Int32Array, a: number, b: number): void {
  const low = (v[a] >>> 0) + (v[b] >>> 0);
  v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
  v[a] = low | 0;
}

function rotate(v: Int32Array, a: number, bits: number): void {
  const low = v[a];
  const high = v[a + 1];
  if (bits === 32) {
    v[a] = high;
    v[a + 1] = low;
    return;
  }
  v[a] = (low << bits) | (high >>> (32 - bits));
  v[a + 1] = (high << bits) | (low >>> (32 - bits));
}

function mix(v: Int32Array, a: number, b: number, bits: number): void {
  add(v, a, b);
  rotate(v, b, bits);
  v[b] ^= v[a];
  v[b + 1] ^= v[a + 1];
}

function round(v: Int32Array): void {
  mix(v, 0, 2, 13);
  rotate(v, 0, 32);
  mix(v, 4, 6, 16);
  mix(v, 0, 6, 21);
  mix(v, 4, 2, 17);
  rotate(v, 4, 32);
}
