/**
 * SACK blocks as positions of the stream that they are about, D-SACK told apart (RFC 2018 §3, RFC 2883 §4).
 *
 * Owns: this reading. Must not know: who is told of it.
 */
import { positionOf } from "../tcp/sequence.ts";
import type { ShadowEnd } from "./shadow_end.ts";

/** [left, right) in positions. */
export type Block = readonly [number, number];

/** The blocks of an acknowledgment of `ack` of the stream of `of`; blocks that make no sense are left out. */
export function blocksOf(
  sack: readonly (readonly [number, number])[],
  { ack, of }: { readonly ack: number; readonly of: ShadowEnd },
): { readonly duplicate: Block | null; readonly blocks: readonly Block[] } {
  const { initial } = of;
  if (initial === null) return { duplicate: null, blocks: [] };
  const all = sack.map(([left, right]): Block => [
    positionOf(left, initial, ack),
    positionOf(right, initial, ack),
  ]);
  const [first, second] = all;
  const isInside = first !== undefined && second !== undefined && first[0] >= second[0] &&
    first[1] <= second[1];
  const duplicate = first !== undefined && first[0] < first[1] && (first[1] <= ack || isInside)
    ? first
    : null;
  const blocks = (duplicate === null ? all : all.slice(1)).filter(([left, right]) =>
    left < right && left >= ack && right <= of.sentEnd
  );
  return { duplicate, blocks };
}
