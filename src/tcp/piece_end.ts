/**
 * PieceEnd: a place at which what is written is cut into pieces before it is sent.
 *
 * Owns: the shape. Must not know: who cuts (written_pieces.ts).
 */

/** A place at which a piece ends. */
export interface PieceEnd {
  readonly end: number;
  /** The segment that ends there bears PSH. */
  readonly isPushed: boolean;
}

/** Of who has none; only read. */
export const NO_PIECES: PieceEnd[] = [];
