/**
 * A captured segment in the notation of scripts, piece by piece.
 *
 * Owns: how time, flags, urgent pointer and options of a segment that was seen are written. Must not know: calls, or which segments a
 * script has (script_of_connection.ts).
 */
import type { SegmentRow, StorySegment } from "../story/story_segment.ts";
import { FLAG, TCP } from "../wire/tcp.ts";
import { decodeTcpOptions } from "./option_bytes.ts";
import { printTcpOptions } from "./print_packet.ts";

const { SYN, FIN, RST, PSH, ACK, URG, ECE, CWR } = FLAG;

/** Time since the step before: `+.000142`, to the microsecond. */
export function timeText(seconds: number): string {
  const us = Math.round(seconds * 1e6);
  if (us === 0) return "+0";
  const fraction = String(us % 1e6).padStart(6, "0").replace(/0+$/, "");
  const whole = Math.floor(us / 1e6);
  return `+${whole === 0 ? "" : whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** In the order in which packetdrill writes them. */
const FLAG_LETTERS: readonly (readonly [flag: number, letter: string])[] = [
  [FIN, "F"],
  [SYN, "S"],
  [RST, "R"],
  [PSH, "P"],
  [URG, "U"],
  [ECE, "E"],
  [CWR, "W"],
  [ACK, "."],
];

/** `S`, `P.`, `-` for none. */
export function flagsText(flags: number): string {
  const letters = FLAG_LETTERS.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter).join("");
  return letters === "" ? "-" : letters;
}

/** What URG points to; null without the flag, without which it means nothing (RFC 9293 §3.8.5), and where the header was not kept. */
export function urgentPointer({ flags, header }: StorySegment): number | null {
  if ((flags & URG) === 0 || header === undefined || header.length < TCP.HEADER_BYTES) return null;
  return header.charCodeAt(TCP.URGENT_POINTER) * 0x100 + header.charCodeAt(TCP.URGENT_POINTER + 1);
}

/**
 * Its options with a space before them, as they were captured; where nobody has kept the header, as Linux lays them out: in 32-bit words, filled up with NOPs in front.
 * `otherInitial`: the other end's first sequence number, from which blocks of SACK count.
 */
export function optionsText({ segment }: SegmentRow, otherInitial: number): string {
  if (segment.header !== undefined) return capturedOptions(segment.header, otherInitial);
  const { options, flags } = segment;
  const { mss, windowScale, sackPermitted, sack, timestamps, fastOpen } = options;
  const stamp = timestamps === undefined ? null : `TS val ${timestamps.value} ecr ${timestamps.echo}`;
  const list: string[] = [];
  if (mss !== undefined) list.push(`mss ${mss}`);
  if ((flags & SYN) !== 0) {
    if (sackPermitted) list.push(...(stamp === null ? ["nop", "nop", "sackOK"] : ["sackOK"]));
    if (stamp !== null) list.push(...(sackPermitted ? [stamp] : ["nop", "nop", stamp]));
    if (windowScale !== undefined) list.push("nop", `wscale ${windowScale}`);
  } else if (stamp !== null) list.push("nop", "nop", stamp);
  if (fastOpen !== undefined) list.push(...fastOpenTexts(fastOpen));
  if (sack !== undefined && sack.length > 0) {
    const blocks = sack.map((edges) => edges.map((edge) => (edge - otherInitial) >>> 0).join(":"));
    list.push("nop", "nop", `sack ${blocks.join(" ")}`);
  }
  return list.length === 0 ? "" : ` <${list.join(",")}>`;
}

function capturedOptions(header: string, otherInitial: number): string {
  const bytes = Uint8Array.from(header.slice(TCP.HEADER_BYTES), (letter) => letter.charCodeAt(0));
  const options = decodeTcpOptions(bytes, (edge) => (edge - otherInitial) >>> 0);
  return options.length === 0 ? "" : ` ${printTcpOptions({ kind: "list", place: NOWHERE, options })}`;
}

const NOWHERE = { line: 0, column: 0 } as const;

/** Filled up with NOPs behind. */
function fastOpenTexts({ cookie, experimental }: { cookie: string; experimental?: true }): string[] {
  const bytes = (experimental ? 4 : 2) + cookie.length / 2;
  const name = experimental ? "FOEXP" : "FO";
  return [cookie === "" ? name : `${name} ${cookie}`, ...Array<string>((4 - bytes % 4) % 4).fill("nop")];
}
