/**
 * What is said of a segment of a course in one line: whole, and as short as where arrows lie close together.
 *
 * Owns: these words, which are those of the protocol in every language. Must not know: where they stand.
 */
import type { WireSegment } from "../play/course_record.ts";

/** What is said of a segment, on its arrow where there is room. */
export function labelOf(segment: WireSegment): string {
  const { flags, length, sent } = segment;
  const words = [flags.join(",") || "–"];
  if (sent !== null) {
    const { relSeq, relAck } = sent;
    words.push(length > 0 ? `${relSeq}:${relSeq + length}` : `seq ${relSeq}`);
    if (flags.includes("ACK")) words.push(`ack ${relAck}`);
  }
  return [...words, ...remarks(segment)].join(" ");
}

/** The same without what can be looked up: of data its place, of an acknowledgment its number. */
export function briefLabelOf(segment: WireSegment): string {
  const { flags, length, sent } = segment;
  if (length === 0 || sent === null) {
    const isAck = isBareAck(flags) && sent !== null;
    return [flags.join(",") || "–", ...(isAck ? [sent.relAck] : []), ...remarks(segment)].join(" ");
  }
  const named = flags.filter((flag) => flag !== "PSH" && flag !== "ACK");
  const place = `${sent.relSeq}:${sent.relSeq + length}`;
  return [...(named.length === 0 ? [] : [named.join(",")]), place, ...remarks(segment)].join(" ");
}

function remarks({ flags, sent, repeats, faults }: WireSegment): string[] {
  const seen = faults.filter((fault) => fault !== "drop");
  return [
    ...(sent?.windowBytes === 0 && !flags.includes("RST") ? ["win 0"] : []),
    ...(sent?.options.sack === undefined ? [] : ["SACK"]),
    ...(repeats === null ? [] : [`↻ ${repeats}`]),
    ...(seen.length === 0 ? [] : [`! ${seen.join(",")}`]),
  ];
}

function isBareAck(flags: readonly string[]): boolean {
  return flags.length === 1 && flags[0] === "ACK";
}
