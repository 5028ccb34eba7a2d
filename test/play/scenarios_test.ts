/** The scenarios: each does what its sentence says. */
import { assert, assertEquals } from "@std/assert";
import { Course } from "../../src/play/course.ts";
import type { WireSegment } from "../../src/play/course_record.ts";
import { findScenario, SCENARIOS } from "../../src/play/scenarios.ts";

/** Path of each end's states, segments by number, and the course. */
interface Played {
  readonly course: Course;
  readonly client: string;
  readonly server: string;
  readonly segments: readonly WireSegment[];
}

function play(name: string, change: { readonly cookies?: "off"; readonly nagle?: "off" } = {}): Played {
  const scenario = findScenario(name);
  assert(scenario !== null, name);
  const { setUp } = scenario;
  const [client, server] = setUp.ends;
  const course = new Course({
    ...setUp,
    ends: [
      change.nagle === undefined ? client : { ...client, nagle: "off" },
      change.cookies === undefined ? server : { ...server, cookies: "off" },
    ],
  });
  course.run();
  const path = (side: 0 | 1) =>
    course.record.happenings.flatMap((one) => one.kind === "move" && one.side === side ? one.event.to : [])
      .join(" ");
  return { course, client: path(0), server: path(1), segments: course.record.segments };
}

function flagsOf({ segments }: Played): string[] {
  return segments.map(({ flags }) => flags.join());
}

const repeated = ({ segments }: Played) => segments.flatMap(({ repeats }) => repeats ?? []);
const OPEN = ["SYN", "SYN,ACK", "ACK"];

/** One for each scenario, by its name. */
const JUDGES: Readonly<Record<string, () => void>> = {
  empty: () => {
    const { course, segments } = play("empty");
    assertEquals([segments, course.record.happenings, course.step()], [[], [], false]);
  },
  handshake: () => {
    const played = play("handshake");
    assertEquals(flagsOf(played), OPEN);
    assertEquals([played.client, played.server], [
      "SYN_SENT ESTABLISHED",
      "LISTEN SYN_RCVD ESTABLISHED",
    ]);
  },
  connection: () => {
    const played = play("connection");
    assertEquals(flagsOf(played), [...OPEN, "PSH,ACK", "ACK", "FIN,ACK", "ACK", "FIN,ACK", "ACK"]);
    assertEquals(played.client, "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
    assertEquals(played.server, "LISTEN SYN_RCVD ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  },
  "lost-syn-ack": () => {
    const played = play("lost-syn-ack");
    assertEquals(repeated(played), ["syn", "syn-ack", "syn-ack"]);
    assertEquals(played.client, "SYN_SENT ESTABLISHED");
  },
  loss: () => {
    const played = play("loss");
    assertEquals(repeated(played), ["fast"]);
    const resent = played.segments.find(({ repeats }) => repeats !== null);
    // In less than a round trip after the first duplicate.
    assertEquals(resent?.sentUs, 140_004);
    assert(played.segments.filter(({ sent }) => sent?.options.sack !== undefined).length >= 3);
  },
  "tail-loss": () => {
    const played = play("tail-loss");
    assertEquals(repeated(played)[0], "tlp");
    assertEquals(played.segments.find(({ repeats }) => repeats === "tlp")?.sentUs, 220_003);
  },
  "lost-fin": () => {
    const played = play("lost-fin");
    // The first time as the probe of the tail, which takes the place of a time-out as short as this one (RFC 8985 §7.2).
    assertEquals(repeated(played), ["tlp"]);
    // Lost by choice, as in every scenario of one loss: so it can be asked what if it had arrived.
    const other = new Course(played.course.withFate(4));
    assertEquals([played.segments[3].lostBy, other.record.segments[3].lostBy], ["once", null]);
    assertEquals(played.client, "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  },
  reordering: () => {
    const played = play("reordering");
    assertEquals(repeated(played), []);
    const late = played.segments.find(({ faults }) => faults.includes("delay"));
    const overtakers = played.segments.filter(({ number, arrivals }) =>
      number > (late?.number ?? 0) && arrivals[0].us < (late?.arrivals[0].us ?? 0)
    );
    assertEquals(overtakers.filter(({ from }) => from === 0).length, 2);
    assert(played.segments.some(({ sent }) => sent?.options.sack !== undefined));
  },
  duplicate: () => {
    const played = play("duplicate");
    const copied = played.segments.filter(({ arrivals }) => arrivals.length === 2);
    assertEquals(copied.length, 1);
    const told = played.segments.filter(({ sent }) => sent?.options.sack !== undefined);
    assertEquals(told.length, 1);
    const [[left]] = told[0].sent?.options.sack ?? [[NaN]];
    // RFC 2883 §4: what was there twice lies below the acknowledgment.
    assertEquals((left - (copied[0].sent?.seq ?? 0)) | 0, 0);
  },
  "zero-window": () => {
    const played = play("zero-window");
    assert(repeated(played).filter((kind) => kind === "probe").length >= 2);
    assert(played.segments.some(({ sent }) => sent?.windowBytes === 0));
    const update = played.segments.find(({ sentUs }) => sentUs === 3_000_000);
    assertEquals([update?.from, update?.sent?.windowBytes, update?.length], [1, 8192, 0]);
    assertEquals(played.course.host(0).connections()[0].unackedBytes, 0);
  },
  "nagle-delayed-ack": () => {
    const second = ({ segments }: Played) => segments.filter(({ length }) => length > 0).at(-1)?.sentUs;
    assertEquals(second(play("nagle-delayed-ack")), 350_000);
    assertEquals(second(play("nagle-delayed-ack", { nagle: "off" })), 301_000);
  },
  "half-close": () => {
    const played = play("half-close");
    assertEquals(played.server, "LISTEN SYN_RCVD ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
    const fin = played.segments.findIndex(({ flags }) => flags.includes("FIN"));
    const late = played.segments.slice(fin).filter(({ from, length }) => from === 1 && length > 0);
    assertEquals(late.reduce((bytes, { length }) => bytes + length, 0), 3000);
  },
  "simultaneous-open": () => {
    const played = play("simultaneous-open");
    const path = "SYN_SENT SYN_RCVD ESTABLISHED";
    assertEquals([played.client, played.server], [path, path]);
  },
  "simultaneous-close": () => {
    const played = play("simultaneous-close");
    const path = "ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT";
    assertEquals([played.client, played.server], [`SYN_SENT ${path}`, `LISTEN SYN_RCVD ${path}`]);
  },
  "half-open": () => {
    const played = play("half-open");
    assertEquals(flagsOf(played), [...OPEN, "PSH,ACK", "RST"]);
    assertEquals(played.client, "SYN_SENT ESTABLISHED CLOSED");
  },
  "time-wait": () => {
    const played = play("time-wait");
    assert(played.server.endsWith("FIN_WAIT_2 TIME_WAIT CLOSED SYN_RCVD ESTABLISHED"), played.server);
    assertEquals(flagsOf(played).slice(-3), OPEN);
  },
  "syn-flood": () => {
    const withCookies = play("syn-flood");
    assertEquals(withCookies.client, "SYN_SENT ESTABLISHED");
    assert(withCookies.server.endsWith("ESTABLISHED"));
    const answers = (played: Played) =>
      played.segments.filter(({ from, sentUs }) => from === 1 && sentUs < 100_000).length;
    assertEquals(answers(withCookies), 8);
    const without = play("syn-flood", { cookies: "off" });
    assertEquals(answers(without), 4);
    // Its SYN is dropped as long as the backlog is full.
    assert(
      without.segments.filter(({ from, flags, number }) => from === 0 && number > 8 && flags.join() === "SYN")
        .length > 1,
    );
  },
  refused: () => {
    const played = play("refused");
    assertEquals(flagsOf(played), ["SYN", "RST,ACK"]);
    assertEquals(played.client, "SYN_SENT CLOSED");
    const [syn, rst] = played.segments;
    assertEquals(rst.sent?.ack, ((syn.sent?.seq ?? 0) + 1) >>> 0);
  },
  unanswered: () => {
    const { segments } = play("unanswered");
    assertEquals(segments.map(({ sentUs }) => sentUs / 1e6), [0, 1, 3, 7, 15, 31]);
    assertEquals(segments.every(({ lostBy }) => lostBy === "chance"), true);
  },
  "slow-start": () => {
    const { course, segments } = play("slow-start");
    assert(segments.some(({ lostBy }) => lostBy === "queue-full"));
    const figures = course.record.events[0].flatMap((event) => event.event === "sample" ? event.cwnd : []);
    const most = Math.max(...figures);
    const after = figures.slice(figures.indexOf(most));
    assert(most > 4 * figures[0] && Math.min(...after) < most * 0.75, `${figures[0]} ${most}`);
    // All that was sent again was lost: no reduction was for nothing, and none is taken back.
    assertEquals(Math.max(...after.slice(after.findIndex((cwnd) => cwnd < most * 0.75))) < most * 0.75, true);
    assertEquals([course.host(0).counters().undone, course.host(1).counters().duplicates], [0, 0]);
    assertEquals(course.host(1).connections()[0].info().bytesIn, 300_000);
  },
  abort: () => {
    const played = play("abort");
    assertEquals(played.client, "SYN_SENT ESTABLISHED CLOSED");
    assertEquals(played.server, "LISTEN SYN_RCVD ESTABLISHED CLOSED");
    assertEquals(played.segments.some(({ flags }) => flags.includes("FIN")), false);
  },
};

for (const { name, title, look } of SCENARIOS) {
  Deno.test(`scenario ${name}: ${look[0].split(/[.?:]/)[0]}`, () => {
    assert(title.every((text) => text !== "") && look.every((text) => text !== ""));
    const judge = JUDGES[name];
    assert(judge !== undefined, `nobody judges ${name}`);
    judge();
  });
}
