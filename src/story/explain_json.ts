/**
 * A story as the JSON of `explain --json`.
 *
 * Owns: the shape, which is a contract: fields may be added, none renamed. Must not know: captures, text.
 */
import type { TcpState } from "../tcp/state.ts";
import { type CapturePoint, capturePointOf } from "./capture_point.ts";
import type { ConnectionStory } from "./connection_story.ts";
import type { Finding } from "./finding.ts";
import { findingsOf } from "./findings.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { Grade } from "./state_path.ts";
import type { EndName } from "./story_segment.ts";

/** One end. */
export interface ExplainedEnd {
  readonly states: readonly {
    readonly state: TcpState;
    /** Number of the segment with which it was entered. */
    readonly frame: number;
    readonly grade: Grade;
    /** The frame that proves it, where one does. */
    readonly provenBy?: number;
    /** Id of the row of `tcplab table` by which it was entered. */
    readonly row?: string;
  }[];
  readonly bytes: number;
  readonly segments: number;
  readonly retransmissions: number;
  readonly outOfOrder: number;
  readonly duplicateAcks: number;
  readonly zeroWindows: number;
  readonly mss: number | null;
  readonly windowScale: number | null;
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly rttMs: { readonly min: number; readonly median: number; readonly max: number } | null;
}

/** One connection. */
export interface ExplainedConnection {
  readonly id: number;
  readonly client: string;
  readonly server: string;
  /** VLAN ids, outermost first, with dots between; absent without tags. */
  readonly vlan?: string;
  readonly firstFrame: number;
  readonly lastFrame: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly zeek: { readonly state: string; readonly history: string };
  readonly ends: { readonly client: ExplainedEnd; readonly server: ExplainedEnd };
  readonly findings: readonly Finding[];
  /** Where on the way it was captured, as far as that can be told. */
  readonly capturedAt: CapturePoint;
  /** What the capture says about its packets, the first of it; absent where it says nothing. */
  readonly comments?: readonly { readonly frame: number; readonly text: string }[];
  /** How many more comments there were; absent where all are told. */
  readonly commentsLeftOut?: number;
}

/** What was read, beside the connections. */
export interface ExplainedFile {
  readonly file: string;
  readonly linkType: string;
  readonly frames: number;
  /** By reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Segments whose packet is shorter than its IP header says, though the capture calls it whole; absent without any. */
  readonly shortened?: number;
  /** Packets that the capture says it has lost; absent where it does not say. */
  readonly dropped?: number;
}

/** The whole of `explain --json`. */
export interface Explained extends ExplainedFile {
  readonly connections: readonly ExplainedConnection[];
}

/** One end of a connection. */
export function explainEnd(story: ConnectionStory, name: EndName): ExplainedEnd {
  const shadow = story.shadowOf(name);
  const { counts } = shadow;
  return {
    states: story.pathOf(name).map(({ state, number, grade, provenBy, row }) => ({
      state,
      frame: number,
      grade,
      ...(provenBy === null ? {} : { provenBy }),
      ...(row === null ? {} : { row }),
    })),
    bytes: counts.bytes,
    segments: counts.segments,
    retransmissions: counts.retransmissions,
    outOfOrder: counts.outOfOrder,
    duplicateAcks: counts.duplicateAcks,
    zeroWindows: counts.zeroWindows,
    mss: shadow.mss,
    windowScale: shadow.offeredShift,
    sack: shadow.sackPermitted,
    timestamps: shadow.hasTimestamps,
    rttMs: shadow.roundTrips.summaryMs(),
  };
}

/** One connection. */
export function explainConnection(story: ConnectionStory): ExplainedConnection {
  const { span, notes: { comments, commentCount } } = story;
  const { earliest, latest } = story.times;
  const first = span?.first;
  const last = span?.last;
  return {
    id: story.id,
    client: story.endpoints.client,
    server: story.endpoints.server,
    ...(story.realm === "" ? {} : { vlan: story.realm }),
    firstFrame: first?.number ?? 0,
    lastFrame: last?.number ?? 0,
    durationMs: Math.round((latest - earliest) * 1e6) / 1e3,
    outcome: outcomeOf(story),
    zeek: { state: story.zeek.state, history: story.zeek.history },
    ends: { client: explainEnd(story, "client"), server: explainEnd(story, "server") },
    findings: findingsOf(story),
    capturedAt: capturePoint(story),
    ...(comments.length === 0
      ? {}
      : { comments: comments.map(({ number, text }) => ({ frame: number, text })) }),
    ...(commentCount > comments.length ? { commentsLeftOut: commentCount - comments.length } : {}),
  };
}

function capturePoint(story: ConnectionStory): CapturePoint {
  const [client, server] = [story.shadowOf("client"), story.shadowOf("server")];
  const [syn, answer, ack] = [
    story.factsOf("client").syn,
    story.factsOf("server").synAck,
    story.factsOf("client").opened,
  ];
  const isPlain = syn !== null && answer !== null && ack !== null &&
    story.notes.syns.client.length === 1 &&
    syn.number < answer.number && answer.number < ack.number;
  return capturePointOf({
    partialSums: { client: client.counts.partialChecksums, server: server.counts.partialChecksums },
    judgedSums: { client: client.counts.judgedChecksums, server: server.counts.judgedChecksums },
    ttl: { client: client.ttl, server: server.ttl },
    halves: isPlain ? [answer.time - syn.time, ack.time - answer.time] : null,
  });
}
