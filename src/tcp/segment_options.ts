/**
 * The options of a segment that is sent (RFC 9293 §3.1, RFC 7323, RFC 2018), chosen together with its other fields.
 *
 * Owns: which options a segment carries, what they say, and what room they take from the text. Must not know: how they
 * are written.
 */
import { FLAG } from "../wire/tcp.ts";
import { type Effect, MOST_SACK_BLOCKS, TIMESTAMP_OPTION_BYTES } from "./effects.ts";
import { stampAt } from "./rate_sample.ts";
import { ourWindowShift } from "./receive_window.ts";
import { offersOptions } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, RST, ACK } = FLAG;

/** What the options of a SYN take, each with its padding. */
export const SYN_OPTION_BYTES = { MSS: 4, TIMESTAMPS_AND_SACK: 12, SACK: 4, WINDOW_SCALE: 4 } as const;
/** Of a SACK option, padded to a word: its kind and length, and each block. */
const SACK_OPTION_BYTES = 4;
const SACK_BLOCK_BYTES = 8;

/** SACK blocks that an ACK would carry now (RFC 2018 §3: four, three beside timestamps). */
function sackBlockCount(tcb: Tcb): number {
  if (!tcb.sack) return 0;
  const blocks = tcb.reassembly.count + (tcb.dsackLeft >= 0 ? 1 : 0);
  if (blocks === 0) return 0;
  const most = tcb.timestamps ? MOST_SACK_BLOCKS - 1 : MOST_SACK_BLOCKS;
  // On links with the smallest MTU not even that many fit.
  const room = tcb.ourMss - SACK_OPTION_BYTES - (tcb.timestamps ? TIMESTAMP_OPTION_BYTES : 0);
  const limit = room < most * SACK_BLOCK_BYTES ? Math.max(Math.floor(room / SACK_BLOCK_BYTES), 0) : most;
  return blocks < limit ? blocks : limit;
}

/** Blocks that fit beside `payloadBytes` of text. */
function blocksBeside(tcb: Tcb, payloadBytes: number): number {
  const room = tcb.sendMss - payloadBytes - SACK_OPTION_BYTES;
  return room < SACK_BLOCK_BYTES ? 0 : Math.floor(room / SACK_BLOCK_BYTES);
}

/**
 * Largest payload of new text now: the agreed MSS less what SACK blocks take from the header's room (MUST-16). Where they
 * would take more than half of it, on links with the smallest MTU, an ACK by itself reports them.
 */
export function effectiveMss(tcb: Tcb): number {
  const blocks = sackBlockCount(tcb);
  if (blocks === 0) return tcb.sendMss;
  const fitting = Math.min(blocks, blocksBeside(tcb, tcb.sendMss >> 1));
  return fitting === 0 ? tcb.sendMss : tcb.sendMss - SACK_OPTION_BYTES - SACK_BLOCK_BYTES * fitting;
}

/**
 * Chooses the options of a segment of `tcb` whose flags and length stand in `effect`: those of the handshake on SYN, else
 * timestamps and SACK as agreed. The MSS stands in every SYN and nowhere else (MUST-14, SHLD-5, MAY-3, MUST-65). Returns
 * whether there was room for all that SACK has to tell.
 */
export function chooseOptions(tcb: Tcb, effect: Effect, nowUs: number): boolean {
  const { flags } = effect;
  const isAnswer = (flags & ACK) !== 0;
  let hasTimestamps = tcb.timestamps;
  effect.mss = -1;
  effect.windowScale = -1;
  effect.sackPermitted = false;
  effect.sackBlockCount = 0;
  effect.fastOpen = null;
  if ((flags & SYN) !== 0) {
    // RFC 7413 §4.2.1, §4.2.2: not when it is sent again.
    if (tcb.sndNxt === 0 && tcb.fastOpen !== null && tcb.fastOpen.cookie !== null) {
      effect.fastOpen = tcb.fastOpen;
    }
    const { config } = tcb;
    // An active SYN offers all that is switched on, a SYN-ACK what the peer offered too.
    const offers = isAnswer || offersOptions(tcb);
    if (!isAnswer) hasTimestamps = offers && config.timestamps;
    if (config.mssOption) effect.mss = offeredMss(tcb);
    effect.sackPermitted = isAnswer ? tcb.sack : offers && config.sack;
    if (isAnswer ? tcb.windowScaling : offers && config.windowScaling) {
      effect.windowScale = ourWindowShift(tcb);
    }
  }
  effect.hasTimestamps = hasTimestamps;
  if (hasTimestamps) {
    effect.tsValue = stampAt(tcb, nowUs);
    // RFC 7323 §3.2: TSecr counts only with ACK.
    effect.tsEcho = isAnswer ? tcb.tsRecent : 0;
  }
  return (flags & (SYN | RST)) !== 0 || !tcb.sack || takeSackBlocks(tcb, effect);
}

/** What our SYN says of the segments that we take (RFC 9293 §3.7.1, MUST-67), or, as a habit, of what the path to there is known to carry. */
function offeredMss({ config, ourMss, pathMss }: Tcb): number {
  return config.offeredMss === "path" && pathMss < ourMss ? pathMss : ourMss;
}

/**
 * The D-SACK block first (RFC 2883 §4), then what arrived out of order, newest first (RFC 2018 §4); beside text only as
 * many as still fit. Takes the D-SACK block: it is reported once. Returns whether all of them did.
 */
function takeSackBlocks(tcb: Tcb, effect: Effect): boolean {
  const wanted = sackBlockCount(tcb);
  let limit = wanted;
  if (limit > 0 && effect.length > 0) {
    const fitting = blocksBeside(tcb, effect.cutBytes > 0 ? effect.cutBytes : effect.length);
    if (fitting < limit) limit = fitting;
  }
  if (limit === 0) return wanted === 0;
  let count = 0;
  if (tcb.dsackLeft >= 0) {
    effect.sackBlocks[0] = tcb.dsackLeft;
    effect.sackBlocks[1] = tcb.dsackRight;
    tcb.dsackLeft = -1;
    count = 1;
  }
  effect.sackBlockCount = tcb.reassembly.writeBlocks(effect.sackBlocks, count, limit);
  return limit === wanted;
}
