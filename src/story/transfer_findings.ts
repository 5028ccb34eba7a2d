/**
 * Findings about what lay between beginning and end: loss and its repair, windows, waiting, sums.
 *
 * Owns: these findings. Must not know: how they are shown.
 */
import type { Finding, Looked } from "./finding.ts";
import { type MarkKind, TSHARK_NAMES } from "./marks.ts";
import { secondsText } from "./mark_finder.ts";
import { END_NAMES, type EndName } from "./story_segment.ts";

/** Local choice: below it a window that is shut now and then is ordinary flow control. */
const LONG_SECONDS = 0.2;
/** Local choice: two timeouts of a large segment may be chance, three in a row are a pattern (RFC 2923 §2.1). */
const BLACK_HOLE_TIMES = 3;

interface Plain {
  readonly mark: MarkKind;
  readonly kind: string;
  readonly confidence: Finding["confidence"];
  readonly rfc: string;
  /** `count`: "3 segments". */
  readonly text: (count: string, number: number) => string;
}

/** Findings that say how often a mark was seen. */
const PLAIN: readonly Plain[] = [
  {
    mark: "lost-on-purpose",
    kind: "lost-on-purpose",
    confidence: "certain",
    rfc: "",
    text: (count) => `${count} lost by our own faults.`,
  },
  {
    mark: "never-arrived",
    kind: "never-arrived",
    confidence: "likely",
    rfc: "RFC 9293 §3.8",
    text: (count) => `${count} seen here and lost behind this point: sent again, and only that was answered.`,
  },
  {
    mark: "gap-before",
    kind: "capture-gap",
    confidence: "likely",
    rfc: "RFC 9293 §3.4",
    text: (count) =>
      `Before ${count} something is missing: lost before this point, overtaken, or missed by the capture.`,
  },
  {
    mark: "ack-unseen",
    kind: "acks-unseen",
    confidence: "likely",
    rfc: "RFC 9293 §3.10.7.4",
    text: (count) =>
      `${count} acknowledged what was not seen: the capture has missed it, or that end acknowledges what was never sent.`,
  },
  {
    mark: "retransmission-timeout",
    kind: "retransmission-timeout",
    confidence: "likely",
    rfc: "RFC 6298 §5.4",
    text: (count) => `${count} sent again because a timer expired.`,
  },
  {
    mark: "retransmission-fast",
    kind: "retransmission-fast",
    confidence: "likely",
    rfc: "RFC 5681 §3.2, RFC 6675 §5",
    text: (count) => `${count} sent again at once, because acknowledgments showed the loss.`,
  },
  {
    mark: "retransmission-tail-probe",
    kind: "retransmission-tail-probe",
    confidence: "likely",
    rfc: "RFC 8985 §7",
    text: (count) => `${count} sent again as a tail loss probe.`,
  },
  {
    mark: "retransmission-syn-data",
    kind: "syn-data-not-taken",
    confidence: "certain",
    rfc: "RFC 7413 §4.2.2",
    text: (count) =>
      `${count} carried the data of the SYN again: the other end had taken the SYN without it.`,
  },
  {
    mark: "retransmission-unknown",
    kind: "retransmission",
    confidence: "certain",
    rfc: "RFC 9293 §3.8.1",
    text: (count) => `${count} sent again; why cannot be seen.`,
  },
  {
    mark: "spurious",
    kind: "spurious-retransmission",
    confidence: "certain",
    rfc: "RFC 3522 §3, RFC 3708 §2",
    text: (count) => `${count} sent again for nothing: what it repeats had arrived.`,
  },
  {
    mark: "duplicate",
    kind: "duplicate-frames",
    confidence: "likely",
    rfc: "RFC 9293 §3.4",
    text: (count) => `${count} seen twice: copied on the way, or captured twice.`,
  },
  {
    mark: "out-of-order",
    kind: "out-of-order",
    confidence: "likely",
    rfc: "RFC 9293 §3.10.7.4",
    text: (count) => `${count} overtaken on the way.`,
  },
  {
    mark: "duplicate-ack",
    kind: "duplicate-acks",
    confidence: "certain",
    rfc: "RFC 5681 §2",
    text: (count) => `${count} acknowledged the same again: something was missing.`,
  },
  {
    mark: "window-full",
    kind: "window-full",
    confidence: "certain",
    rfc: "RFC 9293 §3.8.6",
    text: (count) => `${count} filled the window: the receiver, not the network, sets the pace there.`,
  },
  {
    mark: "zero-window-probe",
    kind: "zero-window-probe",
    confidence: "certain",
    rfc: "RFC 9293 §3.8.6.1",
    text: (count) => `${count} asked whether the shut window is open again.`,
  },
  {
    mark: "keep-alive",
    kind: "keep-alive",
    confidence: "likely",
    rfc: "RFC 9293 §3.8.4",
    text: (count) => `${count} asked only whether the other end is still there.`,
  },
  {
    mark: "outside-window",
    kind: "outside-window",
    confidence: "certain",
    rfc: "RFC 9293 §3.10.7.4, RFC 5961 §3",
    text: (count) =>
      `${count} with numbers that belong to no window of this connection: forged, or of one before it.`,
  },
  {
    mark: "partial-checksum",
    kind: "checksum-offload",
    confidence: "certain",
    rfc: "RFC 9293 §3.1",
    text: (count) =>
      `${count} with a sum that a device was to finish: captured on the machine that sent it. No error.`,
  },
  {
    mark: "wrong-checksum",
    kind: "wrong-checksum",
    confidence: "certain",
    rfc: "RFC 9293 §3.1",
    text: (count) => `${count} with a wrong sum: no receiver takes it.`,
  },
];

/** All findings of this file. */
export function transferFindings(looked: Looked): Finding[] {
  return [...plainFindings(looked), ...zeroWindows(looked), ...stalls(looked), ...blackHoles(looked)];
}

function plainFindings({ story: { notes } }: Looked): Finding[] {
  return PLAIN.flatMap(({ mark, kind, confidence, rfc, text }) => {
    const note = notes.get(mark);
    if (note === null) return [];
    const count = note.count === 1 ? "One segment was" : `${note.count} segments were`;
    const said = text(countWords(count, text), note.count);
    const tshark = TSHARK_NAMES[mark];
    const named = tshark === undefined ? {} : { tshark };
    // What is found out later is noted later.
    const frames = note.numbers.toSorted((one, other) => one - other);
    return [{ kind, frames, confidence, text: said, rfc, ...named }];
  });
}

/** "One segment was" where a participle follows, else "One segment". */
function countWords(count: string, text: Plain["text"]): string {
  const sample = text("#", 1);
  const takesVerb = /^# (lost|seen|sent|overtaken)/.test(sample);
  const plain = count.replace(/ (was|were)$/, "");
  const words = takesVerb ? count : plain;
  return sample.startsWith("#") ? words : words[0].toLowerCase() + words.slice(1);
}

function zeroWindows({ story }: Looked): Finding[] {
  return END_NAMES.flatMap((end: EndName) => {
    const all = story.notes.zeroWindows.filter((one) => one.end === end);
    if (all.length === 0) return [];
    const seen = story.span?.last.time ?? 0;
    const seconds = all.reduce((sum, { from, until }) => sum + ((until?.time ?? seen) - from.time), 0);
    const isOpen = all.some(({ until }) => until === null);
    const slow = seconds >= LONG_SECONDS ? `: the program there reads too slowly` : "";
    const still = isOpen ? " It was still shut when the capture ended." : "";
    const times = all.length === 1 ? "once" : `${all.length} times`;
    return [{
      kind: "zero-window",
      frames: all.flatMap(({ from, until }) => [from.number, ...(until === null ? [] : [until.number])]),
      confidence: "certain",
      text: `The ${end} (${story.endpoints[end]}) shut its window ${times}, for ${
        secondsText(seconds)
      } in all${slow}.${still}`,
      rfc: "RFC 9293 §3.8.6",
      tshark: "tcp.analysis.zero_window",
    }];
  });
}

function stalls({ story: { notes } }: Looked): Finding[] {
  const note = notes.get("stall");
  // Once is chance.
  if (note === null || note.count < 2) return [];
  const seconds = notes.stalls.reduce((sum, one) => sum + one.seconds, 0) / Math.max(1, notes.stalls.length);
  return [{
    kind: "nagle-delayed-ack",
    frames: notes.stalls.flatMap(({ data, ack, next }) => [data, ack, next]).slice(0, 21),
    confidence: "likely",
    text:
      `${note.count} times a small segment waited for an ACK that was delayed, ${
        secondsText(seconds)
      } each on ` +
      `average: Nagle's algorithm against delayed ACKs. TCP_NODELAY, or one write in place of two, ends that.`,
    rfc: "RFC 9293 §3.7.4, RFC 1122 §4.2.3.2",
  }];
}

function blackHoles({ story }: Looked): Finding[] {
  return END_NAMES.flatMap((end: EndName) => {
    const { length, times, numbers } = story.notes.blackHole[end];
    if (times < BLACK_HOLE_TIMES) return [];
    return [{
      kind: "mtu-black-hole",
      frames: numbers,
      confidence: "likely",
      text:
        `The ${end} sent a segment of ${length} octets ${times} times more and nothing ever answered, though smaller ` +
        `ones had passed: the path may carry no packets of that size and not say so.`,
      rfc: "RFC 2923 §2.1, RFC 4821 §7",
    }];
  });
}
