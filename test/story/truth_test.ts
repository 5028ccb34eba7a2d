/**
 * What a capture in the middle lets infer, held against what the two hosts say themselves: states of both ends, why
 * something was sent again, what never arrived.
 *
 * TCPLAB_STORY_SEEDS sets how many seeds; the usual number keeps the suite short.
 */
import { assert, assertEquals } from "@std/assert";
import { otherEnd } from "../../src/story/story_segment.ts";
import { comparePaths, newPathMeasure, type PathMeasure, TimedKeys } from "./true_path.ts";
import { runTwoEnds, type TwoEnds, type Vantage } from "./two_ends.ts";
import { formatEndpoint } from "../../src/wire/address.ts";
import { FAMILY } from "../tcp/family.ts";

const SEEDS = Number(Deno.env.get("TCPLAB_STORY_SEEDS") ?? 200);
/** What the ends of the two hosts begin with: address and colon. */
const CALLER = formatEndpoint(FAMILY.neighbor(2), 0).slice(0, -1);
const CALLED = formatEndpoint(FAMILY.neighbor(1), 0).slice(0, -1);

/** Whether an end is one of the two hosts. */
function isHost(endpoint: string): boolean {
  return endpoint.startsWith(CALLER) || endpoint.startsWith(CALLED);
}

/** All that is measured: each run is driven once, and forgotten. */
interface Measured {
  readonly paths: PathMeasure;
  readonly pathFaults: string[];
  readonly resent: { told: number; found: number; rightKind: number; invented: number };
  readonly lost: { certain: number; likely: number; likelyRight: number };
  readonly lostFaults: string[];
}

interface Run {
  readonly name: string;
  readonly vantage: Vantage;
  readonly ends: TwoEnds;
}

let measured: Measured | null = null;

/** The bad path lies before the caller's capture, and behind the called end's: each seed is seen from both. */
function measureAll(): Measured {
  if (measured !== null) return measured;
  measured = {
    paths: newPathMeasure(),
    pathFaults: [],
    resent: { told: 0, found: 0, rightKind: 0, invented: 0 },
    lost: { certain: 0, likely: 0, likelyRight: 0 },
    lostFaults: [],
  };
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const vantage of ["caller", "called"] as const) {
      const run = { name: `seed ${seed}, ${vantage}`, vantage, ends: runTwoEnds(seed, vantage) };
      measurePaths(run, measured);
      measureResent(run, measured);
      if (vantage === "caller") measureLost(run, measured);
    }
  }
  return measured;
}

function measurePaths({ name, ends: { story, events } }: Run, { paths, pathFaults }: Measured): void {
  const eventsOf = (endpoint: string) => events[endpoint.startsWith(CALLER) ? 0 : 1];
  for (const connection of story.connections()) {
    // No sum guards a header of IPv6: a damaged address makes up a host. What never had a right sum is taken for one that
    // leaves sums to its device (from_packets.ts), so such a host has a path, of which there is no truth.
    if (!Object.values(connection.endpoints).every(isHost)) continue;
    const found = comparePaths(connection, { eventsOf, measure: paths });
    pathFaults.push(...found.map((fault) => `${name}: ${fault}`));
  }
}

const TIMER_KINDS = ["rto", "syn", "syn-ack", "fin"];

function measureResent({ vantage, ends: { story, events } }: Run, { resent }: Measured): void {
  const side = vantage === "caller" ? 0 : 1;
  const told = new TimedKeys<string>();
  for (const event of events[side]) {
    if (event.event !== "retransmit") continue;
    told.add(`${event.connection} ${event.seq}`, { time: event.time, value: event.kind });
  }
  for (const connection of story.connections()) {
    // From the end: on a virtual clock the first sending may be of the same moment as the second.
    for (const { segment, marks } of connection.segmentRows().toReversed()) {
      const own = connection.endpoints[segment.from];
      if (own.startsWith(CALLER) !== (side === 0)) continue;
      const other = connection.endpoints[otherEnd(segment.from)];
      const kind = told.take(`${own}-${other} ${segment.seq}`, segment.time);
      const mark = marks.find((one) => one.kind.startsWith("retransmission-"));
      if (kind === undefined && mark !== undefined) resent.invented++;
      if (kind === undefined || kind === "probe" || kind === "keepalive") continue;
      resent.told++;
      if (mark === undefined) continue;
      resent.found++;
      const isRight = TIMER_KINDS.includes(kind)
        ? mark.kind === "retransmission-timeout"
        : mark.kind === `retransmission-${kind === "tlp" ? "tail-probe" : kind}`;
      if (isRight) resent.rightKind++;
    }
  }
}

function measureLost({ name, ends: { story, events } }: Run, { lost, lostFaults }: Measured): void {
  const dropped = new TimedKeys<true>();
  for (const event of events[0]) {
    if (event.event !== "fault" || event.direction !== "send") continue;
    // What stepped back behind its own repeat came too late; the answer is the same as for what is lost.
    if (event.kind !== "drop" && event.kind !== "corrupt" && event.kind !== "reorder") continue;
    dropped.add(`${event.connection} ${event.seq}`, { time: event.time, value: true });
  }
  for (const connection of story.connections()) {
    for (const { segment, marks } of connection.segmentRows()) {
      const own = connection.endpoints[segment.from];
      const mark = marks.find(({ kind }) => kind === "never-arrived");
      if (mark === undefined || !own.startsWith(CALLER)) continue;
      const key = `${own}-${connection.endpoints[otherEnd(segment.from)]} ${segment.seq}`;
      const isLost = dropped.at(key, segment.time) === true;
      if (mark.confidence === "certain") {
        lost.certain++;
        if (!isLost) lostFaults.push(`${name}: #${segment.number} ${mark.text}`);
      } else {
        lost.likely++;
        if (isLost) lost.likelyRight++;
      }
    }
  }
}

Deno.test(`story truth: a proven state is never wrong, on ${SEEDS} seeds seen from both sides`, () => {
  const { paths, pathFaults } = measureAll();
  assertEquals(pathFaults, []);
  // Most is proven, and of what is implied little is wrong.
  assert(paths.proven > 3 * paths.implied, JSON.stringify(paths));
  assert(paths.impliedWrong * 20 < paths.implied, JSON.stringify(paths));
});

Deno.test(`story truth: what is sent again is found, and why mostly, on ${SEEDS} seeds`, () => {
  const { resent } = measureAll();
  assert(resent.told >= 5 * SEEDS, JSON.stringify(resent));
  assert(resent.found >= 0.99 * resent.told, JSON.stringify(resent));
  assert(resent.rightKind >= 0.85 * resent.found, JSON.stringify(resent));
  assert(resent.invented <= 0.01 * resent.told, JSON.stringify(resent));
});

Deno.test(`story truth: what certainly never arrived was lost or held back by the injector, on ${SEEDS} seeds`, () => {
  const { lost, lostFaults } = measureAll();
  assertEquals(lostFaults, []);
  assert(lost.certain >= 2 * SEEDS, JSON.stringify(lost));
  assert(lost.likelyRight >= 0.6 * lost.likely, JSON.stringify(lost));
});
