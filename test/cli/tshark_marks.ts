/**
 * What tshark's expert and we say about the segments of a capture, frame by frame, in tshark's names.
 *
 * Owns: both tellings, their differences, and the judgement on each kind of difference.
 */
import { readCapture } from "../../src/cli/capture_input.ts";
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { otherEnd, type SegmentRow } from "../../src/story/story_segment.ts";
import { FLAG } from "../../src/wire/tcp.ts";

/** The names that are compared, without `tcp.analysis.`. */
export const COMPARED = [
  "retransmission",
  "fast_retransmission",
  "spurious_retransmission",
  "out_of_order",
  "lost_segment",
  "duplicate_ack",
  "zero_window",
  "window_update",
  "window_full",
  "zero_window_probe",
  "zero_window_probe_ack",
  "keep_alive",
  "keep_alive_ack",
  "reused_ports",
] as const;
/** One of them. */
export type AnalysisName = typeof COMPARED[number];

/** A frame about which the two differ. */
export interface MarkDifference {
  readonly frame: number;
  readonly tshark: readonly AnalysisName[];
  readonly ours: readonly AnalysisName[];
  readonly row: SegmentRow;
  readonly about: FrameFacts;
}

/** What a difference may be due to, beside the marks themselves. */
interface FrameFacts {
  /** Another connection has the same addresses and ports, on another VLAN. */
  readonly isOnSeveralVlans: boolean;
  /** This frame, or one before it in the connection: tshark reads another length, or its sum is wrong and we do not count it. */
  readonly isReadOtherwise: boolean;
  /** Nothing of this end was seen before. */
  readonly isFirstOfSender: boolean;
  /** Text of this end from before it was not acknowledged yet. */
  readonly isOutstanding: boolean;
}

/** What was compared. */
export interface MarkComparison {
  readonly segments: number;
  /** Frames about which both say the same, and more than nothing. */
  readonly agreed: number;
  readonly differences: readonly MarkDifference[];
}

/** Compares the two. */
export async function compareMarks(path: string): Promise<MarkComparison> {
  const theirs = await tsharkFrames(path);
  const connections = [...(await ourStory(path)).connections()];
  const places = new Map<string, Set<string>>();
  for (const { endpoints: { client, server }, realm } of connections) {
    const key = [client, server].toSorted().join(" ");
    places.set(key, (places.get(key) ?? new Set()).add(realm));
  }
  let agreed = 0;
  let segments = 0;
  const differences: MarkDifference[] = [];
  for (const connection of connections) {
    const { client, server } = connection.endpoints;
    const isOnSeveralVlans = (places.get([client, server].toSorted().join(" "))?.size ?? 0) > 1;
    let isReadOtherwise = false;
    const sent = { client: -Infinity, server: -Infinity };
    const acknowledged = { client: -Infinity, server: -Infinity };
    for (const row of connection.segmentRows()) {
      const { number: frame, length, checksum, from } = row.segment;
      const told = theirs.get(frame);
      const isFirstOfSender = sent[from] === -Infinity;
      const isOutstanding = sent[from] > acknowledged[from];
      const other = otherEnd(from);
      sent[from] = Math.max(sent[from], row.relSeq + length);
      acknowledged[other] = Math.max(acknowledged[other], row.relAck);
      isReadOtherwise ||= told?.length !== length || checksum === "wrong";
      segments++;
      const tshark = told?.names ?? [];
      const ours = namesOf(row);
      if (tshark.join() !== ours.join()) {
        const about = { isOnSeveralVlans, isReadOtherwise, isFirstOfSender, isOutstanding };
        differences.push({ frame, tshark, ours, row, about });
      } else if (tshark.length > 0) agreed++;
    }
  }
  return { segments, agreed, differences: differences.toSorted((a, b) => a.frame - b.frame) };
}

async function ourStory(path: string): Promise<Story> {
  const reader = new SegmentReader();
  const story = new Story({ rows: 100_000, allRows: 1_000_000 });
  const packets = new PacketStory(story);
  await readCapture(path, {
    onPacket: (packet) => {
      const segment = reader.take(packet);
      if (segment !== null) packets.add(segment);
    },
  });
  return story;
}

/** tshark says of a fast retransmission, and of a spurious one, that it is a retransmission too. */
function namesOf({ marks }: SegmentRow): AnalysisName[] {
  const names = new Set(marks.flatMap(({ tshark }) => tshark === undefined ? [] : [tshark.slice(13)]));
  if (names.has("fast_retransmission") || names.has("spurious_retransmission")) names.add("retransmission");
  return COMPARED.filter((name) => names.has(name));
}

/** What tshark reads in a frame. */
interface TsharkFrame {
  readonly length: number;
  readonly names: readonly AnalysisName[];
}

/** Of tunnels the innermost segment. */
async function tsharkFrames(path: string): Promise<ReadonlyMap<number, TsharkFrame>> {
  const fields = ["frame.number", "tcp.len", ...COMPARED.map((name) => `tcp.analysis.${name}`)];
  const { stdout, stderr, success } = await new Deno.Command("tshark", {
    args: [
      "-n",
      "-r",
      path,
      "-Y",
      "tcp",
      "-T",
      "fields",
      ...fields.flatMap((name) => ["-e", name]),
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => {
    const [number, lengths, ...cells] = line.split("\t");
    const names = COMPARED.filter((_, i) => (cells[i] ?? "") !== "");
    return [Number(number), { length: Number(lengths.split(",").at(-1)), names }];
  }));
}

/** A kind of difference: what tshark alone says, what we alone say, and why we stay with it. */
interface Judgement {
  readonly tsharkAlone: readonly AnalysisName[];
  readonly oursAlone: readonly AnalysisName[];
  readonly why: string;
  /** What must be true of our row. */
  readonly holds?: (difference: MarkDifference) => boolean;
}

const isMarked = (...kinds: readonly string[]) => ({ row }: MarkDifference) =>
  row.marks.some(({ kind }) => kinds.includes(kind));

const JUDGEMENTS: readonly Judgement[] = [
  {
    tsharkAlone: ["duplicate_ack"],
    oursAlone: [],
    why:
      "the same frame again, by IPv4's identification or a TTL that was counted down: nobody sent it twice",
    holds: isMarked("duplicate"),
  },
  {
    tsharkAlone: ["retransmission"],
    oursAlone: [],
    why: "the SYN, ACK of a simultaneous open carries the SYN again because it must",
    holds: ({ row: { segment: { flags } }, about }) =>
      (flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK) && !about.isOnSeveralVlans,
  },
  {
    tsharkAlone: ["keep_alive"],
    oursAlone: ["zero_window_probe"],
    why: "the window is shut: what asks at an old number is Linux's probe of it (RFC 9293 §3.8.6.1)",
    holds: isMarked("zero-window-probe"),
  },
  {
    tsharkAlone: [],
    oursAlone: ["zero_window_probe_ack"],
    why: "the window is shut: what asks at an old number is Linux's probe of it (RFC 9293 §3.8.6.1)",
    holds: isMarked("zero-window-probe-ack"),
  },
  {
    tsharkAlone: ["duplicate_ack"],
    oursAlone: [],
    why: "nothing was outstanding: no duplicate ACK (RFC 5681 §2)",
    holds: ({ row }) => row.segment.length === 0,
  },
  {
    tsharkAlone: [],
    oursAlone: ["duplicate_ack"],
    why:
      "the same ACK, the same window, with data outstanding (RFC 5681 §2), or with news in a SACK (RFC 6675 §2)",
  },
  {
    tsharkAlone: ["window_update"],
    oursAlone: ["duplicate_ack"],
    why: "it brings news in a SACK (RFC 6675 §2)",
    holds: isMarked("sack"),
  },
  {
    tsharkAlone: ["window_update"],
    oursAlone: [],
    why:
      "the window is smaller than before, or there was none before: no update that lets more be sent (RFC 9293 §3.8.6)",
    holds: ({ row }) => row.segment.length === 0,
  },
  {
    tsharkAlone: [],
    oursAlone: ["fast_retransmission"],
    why:
      "SACK shows the loss before there are three duplicate ACKs (RFC 6675, RFC 8985), or it goes on from one such",
    holds: isMarked("retransmission-fast"),
  },
  {
    tsharkAlone: ["fast_retransmission"],
    oursAlone: [],
    why:
      "the acknowledgments before it were of other data, or it is a copy: why it was sent again cannot be seen",
    holds: isMarked(
      "retransmission-unknown",
      "retransmission-timeout",
      "retransmission-tail-probe",
      "duplicate",
    ),
  },
  {
    tsharkAlone: ["out_of_order"],
    oursAlone: ["retransmission", "fast_retransmission"],
    why: "it fills a hole that acknowledgments had shown, later than a round trip: sent again",
    holds: isMarked("retransmission-fast"),
  },
  {
    tsharkAlone: ["out_of_order"],
    oursAlone: ["retransmission"],
    why: "its octets had passed before: sent again, or a copy",
    holds: isMarked(
      "retransmission-unknown",
      "retransmission-timeout",
      "retransmission-tail-probe",
      "duplicate",
    ),
  },
  {
    tsharkAlone: ["retransmission", "fast_retransmission"],
    oursAlone: ["out_of_order"],
    why: "its timestamp is older than that of what came before it: overtaken, not sent again (RFC 7323 §4)",
    holds: isMarked("out-of-order"),
  },
  {
    tsharkAlone: ["retransmission"],
    oursAlone: ["out_of_order"],
    why: "its timestamp is older than that of what came before it: overtaken, not sent again (RFC 7323 §4)",
    holds: isMarked("out-of-order"),
  },
  {
    tsharkAlone: ["spurious_retransmission"],
    oursAlone: [],
    why: "the second copy of a frame that the network doubled",
    holds: isMarked("duplicate"),
  },
  {
    tsharkAlone: ["retransmission", "spurious_retransmission"],
    oursAlone: [],
    why: "the capture has data after its acknowledgment: not seen before, so not sent again",
    holds: ({ row }) => row.marks.every(({ kind }) => kind === "partial-checksum"),
  },
  ...[[], ["retransmission"]].map((oursAlone): Judgement => ({
    tsharkAlone: ["keep_alive"],
    oursAlone: COMPARED.filter((name) => oursAlone.includes(name)),
    why:
      "text before it was not acknowledged: one octet sent again, or an ACK that was overtaken; a keep-alive leaves when nothing is out (RFC 9293 §3.8.4)",
    holds: ({ about }) => about.isOutstanding && !about.isOnSeveralVlans,
  })),
  ...[["retransmission"], ["keep_alive"]].map((tsharkAlone): Judgement => ({
    tsharkAlone: COMPARED.filter((name) => tsharkAlone.includes(name)),
    oursAlone: [],
    why: "the same addresses on two VLANs are two connections",
    holds: ({ about }) => about.isOnSeveralVlans,
  })),
  ...[
    [["lost_segment"], []],
    [["lost_segment"], ["retransmission"]],
    [["retransmission", "spurious_retransmission", "lost_segment"], []],
    [[], ["lost_segment"]],
    [[], ["retransmission"]],
    [[], ["retransmission", "spurious_retransmission"]],
  ].map(([tsharkAlone, oursAlone]): Judgement => ({
    tsharkAlone: COMPARED.filter((name) => tsharkAlone.includes(name)),
    oursAlone: COMPARED.filter((name) => oursAlone.includes(name)),
    why:
      "a frame before it is read otherwise: IP's length, which the checksum confirms or only damage contradicts, not that of the link; and a wrong sum is not counted",
    holds: ({ about }) => about.isReadOtherwise,
  })),
  {
    tsharkAlone: [],
    oursAlone: ["lost_segment"],
    why:
      "the other end's acknowledgment tells where these numbers stood, before anything of this end was seen",
    holds: ({ about }) => about.isFirstOfSender,
  },
  {
    tsharkAlone: ["reused_ports"],
    oursAlone: [],
    why: "the SYN, ACK answers the SYN from before the RST, which was forged",
  },
  {
    tsharkAlone: ["window_full"],
    oursAlone: [],
    why:
      "the window that counts is the furthest right edge so far: one that shrank does not count (RFC 9293 §3.8.6)",
  },
  {
    tsharkAlone: [],
    oursAlone: ["window_full"],
    why: "tshark knows no scale here, or takes the window of the last segment for the edge",
  },
];

const SPURIOUS =
  "timestamps or a D-SACK that came later tell it (RFC 3522, RFC 3708); tshark looks back only";

/** Why we differ; null where nothing says so. That something was sent for nothing is judged by itself, beside all else. */
export function judged(difference: MarkDifference): string | null {
  const { tshark, ours } = difference;
  const isSpurious = ours.includes("spurious_retransmission") && !tshark.includes("spurious_retransmission");
  const tsharkAlone = tshark.filter((name) => !ours.includes(name)).join();
  const oursAlone = ours.filter((name) =>
    !tshark.includes(name) && !(isSpurious && name === "spurious_retransmission")
  )
    .join();
  if (isSpurious && tsharkAlone === "" && oursAlone === "") return SPURIOUS;
  const found = JUDGEMENTS.find((one) =>
    one.tsharkAlone.join() === tsharkAlone && one.oursAlone.join() === oursAlone &&
    (one.holds?.(difference) ?? true)
  );
  if (found === undefined) return null;
  return isSpurious ? `${found.why}; ${SPURIOUS}` : found.why;
}
