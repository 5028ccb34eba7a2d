/**
 * What a capture in the middle lets infer, held against what the two hosts say themselves: states of both ends, why
 * something was sent again, what never arrived.
 *
 * TCPLAB_STORY_SEEDS sets how many seeds; the usual number keeps the suite short.
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { comparePaths, newPathMeasure, TimedKeys } from "./true_path.ts";
import { runTwoEnds, type TwoEnds, type Vantage } from "./two_ends.ts";

const SEEDS = Number(Deno.env.get("TCPLAB_STORY_SEEDS") ?? 200);
const CALLER = "10.0.0.2:";

const runs: { seed: number; vantage: Vantage; ends: TwoEnds }[] = [];

/** Runs are used by all tests of this file; half of the captures are before the bad path, half behind it. */
function* eachRun() {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const vantage = seed % 2 === 0 ? "caller" : "called";
    const kept = runs.find((run) => run.seed === seed);
    const run = kept ?? { seed, vantage, ends: runTwoEnds(seed, vantage) } as const;
    if (kept === undefined && SEEDS <= 200) runs.push(run);
    yield run;
  }
}

Deno.test(`story truth: a proven state is never wrong, on ${SEEDS} seeds`, () => {
  const measure = newPathMeasure();
  const faults: string[] = [];
  for (const { seed, vantage, ends: { story, events } } of eachRun()) {
    const eventsOf = (endpoint: string) => events[endpoint.startsWith(CALLER) ? 0 : 1];
    for (const connection of story.connections()) {
      const found = comparePaths(connection, { eventsOf, measure });
      faults.push(...found.map((fault) => `seed ${seed}, ${vantage}: ${fault}`));
    }
  }
  assertEquals(faults, []);
  // Most is proven, and of what is implied little is wrong.
  assert(measure.proven > 3 * measure.implied, JSON.stringify(measure));
  assert(measure.impliedWrong * 20 < measure.implied, JSON.stringify(measure));
});

/** Retransmissions of a host as it tells them, by time, connection and number. */
function toldRetransmissions(events: readonly TcpEvent[]): TimedKeys<string> {
  const told = new TimedKeys<string>();
  for (const event of events) {
    if (event.event !== "retransmit") continue;
    told.add(`${event.connection} ${event.seq}`, { time: event.time, value: event.kind });
  }
  return told;
}

const TIMER_KINDS = ["rto", "syn", "syn-ack", "fin"];

Deno.test(`story truth: what is sent again is found, and why mostly, on ${SEEDS} seeds`, () => {
  const counts = { told: 0, found: 0, rightKind: 0, invented: 0, segments: 0 };
  for (const { vantage, ends: { story, events } } of eachRun()) {
    const side = vantage === "caller" ? 0 : 1;
    const told = toldRetransmissions(events[side]);
    for (const connection of story.connections()) {
      // From the end: on a virtual clock the first sending may be of the same moment as the second.
      for (const { segment, marks } of connection.segmentRows().toReversed()) {
        const own = connection.endpoints[segment.from];
        if (own.startsWith(CALLER) !== (side === 0)) continue;
        const other = connection.endpoints[segment.from === "client" ? "server" : "client"];
        const kind = told.take(`${own}-${other} ${segment.seq}`, segment.time);
        const isProbe = kind === "probe" || kind === "keepalive";
        const mark = marks.find((one) => one.kind.startsWith("retransmission-"));
        counts.segments++;
        if (kind === undefined && mark !== undefined) counts.invented++;
        if (kind === undefined || isProbe) continue;
        counts.told++;
        if (mark === undefined) continue;
        counts.found++;
        const isRight = TIMER_KINDS.includes(kind)
          ? mark.kind === "retransmission-timeout"
          : mark.kind === `retransmission-${kind === "tlp" ? "tail-probe" : kind}`;
        if (isRight) counts.rightKind++;
      }
    }
  }
  assert(counts.told >= 100, JSON.stringify(counts));
  assert(counts.found >= 0.99 * counts.told, JSON.stringify(counts));
  assert(counts.rightKind >= 0.9 * counts.found, JSON.stringify(counts));
  assert(counts.invented <= 0.01 * counts.told, JSON.stringify(counts));
});

Deno.test(`story truth: what certainly never arrived was dropped by the injector, on ${SEEDS} seeds`, () => {
  const counts = { certain: 0, likely: 0, likelyRight: 0 };
  const wrong: string[] = [];
  for (const { seed, vantage, ends: { story, events } } of eachRun()) {
    if (vantage !== "caller") continue;
    const lost = new TimedKeys<true>();
    for (const event of events[0]) {
      if (event.event !== "fault" || event.direction !== "send") continue;
      if (event.kind !== "drop" && event.kind !== "corrupt") continue;
      lost.add(`${event.connection} ${event.seq}`, { time: event.time, value: true });
    }
    for (const connection of story.connections()) {
      for (const { segment, marks } of connection.segmentRows()) {
        const own = connection.endpoints[segment.from];
        if (!own.startsWith(CALLER)) continue;
        const other = connection.endpoints[segment.from === "client" ? "server" : "client"];
        const isLost = lost.at(`${own}-${other} ${segment.seq}`, segment.time) === true;
        const mark = marks.find(({ kind }) => kind === "never-arrived");
        if (mark === undefined) continue;
        if (mark.confidence === "certain") {
          counts.certain++;
          if (!isLost) wrong.push(`seed ${seed}: #${segment.number} ${mark.text}`);
        } else {
          counts.likely++;
          if (isLost) counts.likelyRight++;
        }
      }
    }
  }
  assertEquals(wrong, []);
  assert(counts.certain >= 10, JSON.stringify(counts));
  assert(counts.likelyRight >= 0.6 * counts.likely, JSON.stringify(counts));
});
