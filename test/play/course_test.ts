/** Courses: what comes of a set-up, going back in one, and going on otherwise. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Course } from "../../src/play/course.ts";
import type { Happening } from "../../src/play/course_record.ts";
import { parseSetUp, setUpText } from "../../src/play/set_up.ts";

const WHOLE = "do=0l1_0c0_100s0!1000_300e0";

function course(text: string): Course {
  return new Course(parseSetUp(text));
}

/** In words: `20 #1 > SYN`, `20 #1 x`, `20 server LISTEN>SYN_RCVD`, `100 client send`. */
function story({ record }: Course): string[] {
  return record.happenings.map((one: Happening) => {
    const ms = one.us / 1000;
    if (one.kind === "move") return `${ms} ${nameOf(one.side)} ${one.event.from}>${one.event.to}`;
    if (one.kind === "command") return `${ms} ${nameOf(one.command.side)} ${one.command.kind}`;
    const { number, from, flags } = one.segment;
    const way = one.kind === "lost" ? "x" : one.kind === "sent" ? "sent" : "there";
    return `${ms} #${number} ${nameOf(from)} ${flags.join()} ${way}`;
  });
}

function nameOf(side: 0 | 1): string {
  return side === 0 ? "client" : "server";
}

Deno.test("a whole connection, by steps: each step is the next thing that happens, and in the end nothing does", () => {
  const played = course(WHOLE);
  const times = [played.nowUs];
  while (played.step() && times.length < 50) times.push(played.nowUs);
  // TIME_WAIT is over after 2 MSL, a minute; then there is silence.
  assertEquals(times, [
    0,
    20_000,
    40_000,
    60_000,
    100_000,
    120_000,
    140_000,
    300_000,
    320_000,
    340_000,
    340_001,
    360_001,
    60_340_001,
  ]);
  assertEquals(story(played), [
    "0 server listen",
    "0 server CLOSED>LISTEN",
    "0 client connect",
    "0 client CLOSED>SYN_SENT",
    "0 #1 client SYN sent",
    "20 #1 client SYN there",
    "20 server LISTEN>SYN_RCVD",
    "20 #2 server SYN,ACK sent",
    "40 #2 server SYN,ACK there",
    "40 client SYN_SENT>ESTABLISHED",
    "40 #3 client ACK sent",
    "60 #3 client ACK there",
    "60 server SYN_RCVD>ESTABLISHED",
    "100 client send",
    "100 #4 client PSH,ACK sent",
    "120 #4 client PSH,ACK there",
    "120 #5 server ACK sent",
    "140 #5 server ACK there",
    "300 client close",
    "300 client ESTABLISHED>FIN_WAIT_1",
    "300 #6 client FIN,ACK sent",
    "320 #6 client FIN,ACK there",
    "320 server ESTABLISHED>CLOSE_WAIT",
    "320 #7 server ACK sent",
    "320 server CLOSE_WAIT>LAST_ACK",
    "320 #8 server FIN,ACK sent",
    "340 #7 server ACK there",
    "340 client FIN_WAIT_1>FIN_WAIT_2",
    "340.001 #8 server FIN,ACK there",
    "340.001 client FIN_WAIT_2>TIME_WAIT",
    "340.001 #9 client ACK sent",
    "360.001 #9 client ACK there",
    "360.001 server LAST_ACK>CLOSED",
    "60340.001 client TIME_WAIT>CLOSED",
  ]);
  assertEquals([played.step(), played.nowUs], [false, 60_340_001]);
});

Deno.test("both ends' events are joined to the segments on the cable", () => {
  const played = course(WHOLE);
  played.run();
  for (const { number, from, sent, arrivals } of played.record.segments) {
    assert(sent !== null && arrivals.length === 1, `${number}`);
    const [{ event }] = arrivals;
    assertEquals([sent.direction, event?.direction], ["send", "recv"]);
    assertEquals([sent.seq, sent.ack, sent.length], [event?.seq, event?.ack, event?.length], `${number}`);
    assertEquals(sent.connection.endsWith(from === 0 ? ":3333" : ":50000"), true);
  }
});

Deno.test("the same set-up is the same course, event by event; another seed is another", () => {
  const events = (text: string) => {
    const played = course(text);
    played.run();
    return JSON.stringify(played.record.events);
  };
  const bad = "do=0f1!drop%3D10%25%2Cdup%3D5%25%2Creorder%3D20%25_0l1_0c0_100s0!60000_100s1!30000_2000e0";
  assertEquals(events(bad), events(bad));
  assert(events(bad) !== events(`seed=2&${bad}`));
});

Deno.test("a course that was written down half-way goes on as if it had not been", () => {
  const first = course("do=0f1!drop%3D10%25_0l1_0c0_100s0!60000");
  for (let i = 0; i < 40; i++) first.step();
  const second = course(setUpText(first.setUp));
  assertEquals([second.nowUs, story(second)], [first.nowUs, story(first)]);
  first.run();
  second.run();
  assertEquals(JSON.stringify(second.record.events), JSON.stringify(first.record.events));
});

Deno.test("rewound to a segment, the beginning is the same, later commands are gone, and what is done now is another course", () => {
  const first = course(WHOLE);
  first.run();
  const second = new Course(first.rewound(4));
  assertEquals([second.nowUs, story(second)], [100_000, story(first).slice(0, 15)]);
  assertEquals(second.setUp.commands.map(({ kind }) => kind), ["listen", "connect", "send"]);
  assertEquals(second.perform({ kind: "abort", side: 0 }), null);
  second.run();
  assertEquals(story(second).slice(15), [
    "100 client abort",
    "100 client ESTABLISHED>CLOSED",
    "100 #5 client RST,ACK sent",
    "120 #4 client PSH,ACK there",
    "120 #6 server ACK sent",
    "120.001 #5 client RST,ACK there",
    "120.001 server ESTABLISHED>CLOSED",
    "140 #6 server ACK there",
    "140 #7 client RST sent",
    "160 #7 client RST there",
  ]);
  // The first has not heard of it.
  assertEquals(story(first).length, 33);
});

Deno.test("a lost FIN: the same commands, one segment otherwise; lost twice it arrives again", () => {
  const first = course(WHOLE);
  first.run();
  const second = new Course(first.withFate(6));
  second.run();
  assertEquals(story(second).slice(18, 27), [
    "300 client close",
    "300 client ESTABLISHED>FIN_WAIT_1",
    "300 #6 client FIN,ACK sent",
    "300 #6 client FIN,ACK x",
    "500 #7 client FIN,ACK sent",
    "520 #7 client FIN,ACK there",
    "520 server ESTABLISHED>CLOSE_WAIT",
    "520 #8 server ACK sent",
    "520 server CLOSE_WAIT>LAST_ACK",
  ]);
  const { lostBy, arrivals, faults } = second.segment(6);
  assertEquals([lostBy, arrivals, faults], ["once", [], ["drop"]]);
  assertEquals(second.segment(7).repeats, "tlp");
  const third = new Course(second.withFate(6));
  third.run();
  assertEquals(story(third), story(first));
});

Deno.test("later fates are forgotten when one before them changes: those numbers are other segments", () => {
  const played = course(`${WHOLE}&lose=5_6_9`);
  played.run();
  assertEquals(played.withFate(4).lost, [4]);
  assertEquals(played.withFate(6).lost, [5]);
  assertEquals(played.rewound(6).lost, [5]);
  assertThrows(() => played.rewound(99), RangeError, "There is no segment 99 in this course");
});

Deno.test("a host that was started anew counts its connections on, and answers what it does not know with RST", () => {
  const played = course("do=0l1_0c0_200k1_300l1_400s0!10_600c0");
  played.run();
  assertEquals(story(played).slice(13), [
    "200 server restart",
    "300 server listen",
    "300 server CLOSED>LISTEN",
    "400 client send",
    "400 #4 client PSH,ACK sent",
    "420 #4 client PSH,ACK there",
    "420 #5 server RST sent",
    "440 #5 server RST there",
    "440 client ESTABLISHED>CLOSED",
    "600 client connect",
    "600 client CLOSED>SYN_SENT",
    "600 #6 client SYN sent",
    "620 #6 client SYN there",
    "620 server LISTEN>SYN_RCVD",
    "620 #7 server SYN,ACK sent",
    "640 #7 server SYN,ACK there",
    "640 client SYN_SENT>ESTABLISHED",
    "640 #8 client ACK sent",
    "660 #8 client ACK there",
    "660 server SYN_RCVD>ESTABLISHED",
  ]);
  const ids = new Set(played.record.events[1].flatMap((event) => "id" in event ? event.id ?? [] : []));
  assertEquals([...ids], [1, 2]);
});

Deno.test("what cannot be done says why, and leaves no mark", () => {
  const played = course("");
  const refused = (wish: Parameters<Course["perform"]>[0]) => played.perform(wish);
  assertEquals(refused({ kind: "send", side: 0, amount: 10 }), "The client has no connection: connect first");
  assertEquals(refused({ kind: "unlisten", side: 1 }), "The server does not listen");
  assertEquals(
    refused({ kind: "send", side: 0, amount: 0 }),
    "send: expected a whole number from 1 to 1000000",
  );
  assertEquals(
    refused({ kind: "send", side: 0, amount: NaN }),
    "send: expected a whole number from 1 to 1000000",
  );
  assertEquals(
    refused({ kind: "once", side: 1, text: "drop:ether" })?.startsWith('"drop:ether": expected'),
    true,
  );
  assertEquals([played.record.happenings, played.setUp.commands], [[], []]);
  assertEquals(refused({ kind: "listen", side: 1 }), null);
  assertEquals(refused({ kind: "listen", side: 1 }), "The server listens already");
  assertEquals(refused({ kind: "connect", side: 0 }), null);
  assertEquals(
    refused({ kind: "connect", side: 0, amount: 1 }),
    "Port 50000 already has a connection to 10.0.0.2:3333",
  );
  played.run();
  assertEquals(refused({ kind: "close", side: 0 }), null);
  assertEquals(refused({ kind: "send", side: 0, amount: 1 }), "The client has closed its direction already");
  assertEquals(played.setUp.commands.length, 3);
});

Deno.test("a course holds so many segments and no more, and time does not run away either", () => {
  const played = course("a=iw-64&do=0l1_0c0" + "_100s0!1000000".repeat(9));
  for (let i = 0; i < 20; i++) played.run();
  assertEquals([played.isFull, played.record.segments.length >= 4000, played.step()], [true, true, false]);
  assertEquals(played.record.segments.length < 4200, true);
  const probing = course("b=app-hold_rcv-1&do=0l1_0c0_100s0!5000");
  probing.run();
  assertEquals([probing.isAtRest, probing.nowUs <= 60_000_000], [false, true]);
});

Deno.test("a window that stays shut is probed for a day, and then the course is over, and says so", () => {
  const shut = course("b=app-hold_rcv-1&do=0l1_0c0_100s0!20000");
  shut.run();
  assertEquals([shut.isAtRest, shut.isDayOver], [false, false]);
  const minutes = 24 * 60;
  let runs = 1;
  while (runs < 2 * minutes && !shut.isDayOver) {
    shut.run();
    runs++;
  }
  assert(shut.isDayOver && runs > minutes - 5 && shut.nowUs > 86_300_000_000, `${runs} ${shut.nowUs}`);
  // One probe and one answer a minute.
  assertEquals(shut.record.segments.length < 2 * minutes + 50, true);
  assertEquals([shut.step(), shut.isFull], [false, false]);
  // Who is only waiting in TIME_WAIT is at rest, whenever that ends.
  assertEquals(course("do=0l1_0c0&t=86400000").isDayOver, false);
});
