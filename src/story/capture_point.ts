/**
 * Where on the way a capture was made: at the client, at the server, or between them. An estimate, with what it rests on.
 *
 * Owns: the signs and their weight. Must not know: files, how it is shown.
 *
 * Signs, the surest first. A sum that is left to a device is seen on the machine that sends alone. A TTL that no router has counted down is that of a
 * neighbour, or of the machine itself: of the starting values of common systems (64, 128, 255) the next one is taken. And of the handshake
 * the half towards the nearer end takes less time.
 */
import { END_NAMES, type EndName } from "./story_segment.ts";

/** What a connection shows of it. */
export interface CapturePointFacts {
  /** Segments of each end with a sum that a device was to finish, and all of which the sum was looked at. */
  readonly partialSums: Readonly<Record<EndName, number>>;
  readonly judgedSums: Readonly<Record<EndName, number>>;
  /** TTL or hop limit of each end's first segment; null where it was not seen. */
  readonly ttl: Readonly<Record<EndName, number | null>>;
  /** Seconds from SYN to SYN, ACK, and from there to the ACK; null where one of them is not there, or was sent again. */
  readonly halves: readonly [server: number, client: number] | null;
}

/** The estimate. */
export interface CapturePoint {
  readonly at: EndName | "both" | "between" | "unknown";
  readonly confidence: "certain" | "likely";
  /** What it rests on, in plain words. */
  readonly text: string;
}

const STARTS: readonly number[] = [64, 128, 255];
/** Local choice: an end that answers in a twentieth of the time that the other takes is where the capture was made. */
const NEAR = 0.05;

/** Where it was made. */
export function capturePointOf(facts: CapturePointFacts): CapturePoint {
  const bySums = ofSums(facts);
  if (bySums !== null) return bySums;
  const hops = { client: hopsOf(facts.ttl.client), server: hopsOf(facts.ttl.server) };
  const routers = END_NAMES.filter((end) => (hops[end] ?? 0) > 0);
  const near = nearerEnd(facts.halves);
  const counted = END_NAMES.filter((end) => hops[end] !== null)
    .map((end) => `${hopsText(hops[end] ?? 0)} from the ${end}`);
  if (routers.length === 2) {
    return { at: "between", confidence: "likely", text: `by TTL it is ${counted.join(" and ")}` };
  }
  if (routers.length === 1 && counted.length === 2) {
    const at = routers[0] === "client" ? "server" : "client";
    const also = near === at ? `, and the ${at} answers at once` : "";
    return { at, confidence: "likely", text: `by TTL it is ${counted.join(" and ")}${also}` };
  }
  if (near !== null) {
    return { at: near, confidence: "likely", text: `in the handshake the ${near} takes next to no time` };
  }
  const text = counted.length === 2
    ? "by TTL no router is between the two ends"
    : "nothing tells the two ends apart";
  return { at: "unknown", confidence: "likely", text };
}

/** Both ends' sums are left to devices on one machine, and between virtual ones. */
function ofSums({ partialSums, judgedSums }: CapturePointFacts): CapturePoint | null {
  const ends = END_NAMES.filter((end) => partialSums[end] > 0 && partialSums[end] * 2 > judgedSums[end]);
  if (ends.length === 0) return null;
  const text = "sums are left to a device, which is seen on the machine that sends";
  if (ends.length === 2) {
    return { at: "both", confidence: "certain", text: `${text}: both ends are on one machine` };
  }
  return { at: ends[0], confidence: "certain", text };
}

/** Routers between an end and the capture; null where no TTL is known. */
function hopsOf(ttl: number | null): number | null {
  const start = STARTS.find((one) => ttl !== null && ttl <= one);
  return ttl === null || start === undefined ? null : start - ttl;
}

function hopsText(hops: number): string {
  return hops === 0 ? "no router away" : `${hops} router${hops === 1 ? "" : "s"}`;
}

function nearerEnd(halves: CapturePointFacts["halves"]): EndName | null {
  if (halves === null) return null;
  const [server, client] = halves;
  if (client <= server * NEAR) return "client";
  return server <= client * NEAR ? "server" : null;
}
