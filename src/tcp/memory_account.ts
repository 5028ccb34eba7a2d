/**
 * MemoryAccount: how much all connections of a host hold together, and how short memory is.
 *
 * Owns: the bound, the total, and the marks at which something has to give way. Must not know: what is held, or who gives
 * it back (host/memory_relief.ts).
 *
 * Every user of memory charges what it really holds: blocks, not the bytes in them (fast/block_memory.ts); records by
 * their size in V8's heap. Under pressure things give way in this order: windows and send buffers shrink from the first byte
 * on ({@link MemoryAccount.shareBytes}); at {@link MemoryAccount.isTight} nothing new is taken out of order; at
 * {@link MemoryAccount.isShort} connections of the greediest peers go; at {@link MemoryAccount.isScarce} no text is taken
 * at all, and its sender sends it again.
 */

/** Local choice: what no buffer is shrunk below, so that every connection makes progress: two full segments and a bit. */
export const LEAST_SHARE_BYTES = 0x1000;

/** Local choice: half of all buffers full at once is more than honest connections come to. */
const OVERCOMMITMENT = 2;

/** Of one host. */
export class MemoryAccount {
  readonly limitBytes: number;
  /** Above it nothing is taken out of order; three quarters. */
  readonly tightBytes: number;
  /** Above it connections have to go; seven eighths. */
  readonly shortBytes: number;
  /** Above it nothing more is lent; the rest is for what cannot be refused, as copying what has been acknowledged. */
  readonly scarceBytes: number;
  /** What is held now. */
  usedBytes = 0;
  /** Connections among whom it is shared. */
  connections = 0;

  /** `limitBytes`: local choice of the host; Infinity for none. */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    this.tightBytes = limitBytes * 0.75;
    this.shortBytes = limitBytes * 0.875;
    this.scarceBytes = limitBytes * 0.9375;
  }

  get isTight(): boolean {
    return this.usedBytes > this.tightBytes;
  }

  get isShort(): boolean {
    return this.usedBytes > this.shortBytes;
  }

  get isScarce(): boolean {
    return this.usedBytes > this.scarceBytes;
  }

  /** Whether `bytes` more may be lent to whoever can do without. */
  mayLend(bytes: number): boolean {
    return this.usedBytes + bytes <= this.scarceBytes;
  }

  /** Whether the share of one buffer is `bytes` at least: mostly so, and told without a division. */
  isAmple(bytes: number): boolean {
    const left = this.shortBytes - this.usedBytes;
    return this.connections > 1 ? OVERCOMMITMENT * left >= bytes * this.connections : left >= bytes;
  }

  /** What one buffer may come to while all share what is left, never less than {@link LEAST_SHARE_BYTES}. */
  shareBytes(): number {
    const left = this.shortBytes - this.usedBytes;
    const share = this.connections > 1 ? (OVERCOMMITMENT * left) / this.connections : left;
    return share > LEAST_SHARE_BYTES ? Math.floor(share) : LEAST_SHARE_BYTES;
  }
}
