/** Where everything of a course stands. */
import { assert, assertEquals } from "@std/assert";
import { layOut } from "../../src/page/course_layout.ts";
import { Course } from "../../src/play/course.ts";
import { SCENARIOS } from "../../src/play/scenarios.ts";
import { parseSetUp } from "../../src/play/set_up.ts";

Deno.test("time goes down: an arrow never rises, nothing is above what was before it, and texts have room", () => {
  for (const { setUp, name } of SCENARIOS) {
    const course = new Course(setUp);
    course.run();
    const { segments, notes, height } = layOut(course.record);
    for (const { segment, fromY, toY } of segments) {
      assert(toY.every((y) => y > fromY && y < height), `${name} ${segment.number}`);
    }
    for (const side of [0, 1] as const) {
      const sent = segments.filter(({ segment }) => segment.from === side);
      for (const [at, { fromY }] of sent.entries()) {
        assert(at === 0 || fromY - sent[at - 1].fromY >= 15, `${name}: segments of ${side}`);
      }
      const beside = notes.filter((note) => note.side === side);
      for (const [at, { y }] of beside.entries()) {
        assert(at === 0 || y - beside[at - 1].y >= 15, `${name}: notes of ${side}`);
        assert(y < height);
      }
    }
  }
});

Deno.test("long waits are folded, and said once each", () => {
  const course = new Course(parseSetUp("do=0f0!in%3Adrop%3D100%25_0l1_0c0"));
  course.run();
  const { waits, segments, height } = layOut(course.record);
  assertEquals(waits.map(({ us }) => us / 1e6), [1, 2, 4, 8, 16]);
  assertEquals(segments.length, 6);
  assert(height < 400, `${height}`);
  // A wait stands between the cross of one and the beginning of the next.
  for (const [at, { y }] of waits.entries()) {
    assert(y > segments[at].toY[0] && y < segments[at + 1].fromY);
  }
});

Deno.test("of a long course the end is drawn, and how many are above it is said", () => {
  const course = new Course(parseSetUp("do=0l1_0c0_100s0!900000"));
  course.run();
  const { segments, earlier } = layOut(course.record);
  assertEquals(segments.length + earlier, course.record.segments.length);
  assertEquals(segments.length, 300);
  assertEquals(segments[0].segment.number, earlier + 1);
});

Deno.test("states and commands stand at their end, in order; only waits that are long are said", () => {
  const course = new Course(parseSetUp("do=0l1_0c0_100s0!1000_300e0"));
  course.run();
  const { notes, waits } = layOut(course.record);
  const words = (side: 0 | 1) =>
    notes.filter((note) => note.side === side).map(({ note }) =>
      note.kind === "state" ? note.text : `(${note.command.kind})`
    ).join(" ");
  assertEquals(words(0), "(connect) SYN_SENT ESTABLISHED (send) (close) FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  assertEquals(words(1), "(listen) LISTEN SYN_RCVD ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  assertEquals(waits.map(({ us }) => us), [160_000]);
});

Deno.test("an arrow tells how near the next one of its end is: a burst's are crowded, those of a handshake are not", () => {
  const course = new Course(parseSetUp("do=0l1_0c0_100s0!5000"));
  course.run();
  const rooms = layOut(course.record).segments.map(({ segment, room }) =>
    [segment.number, room > 20] as const
  );
  assertEquals(rooms.filter(([, isRoomy]) => !isRoomy).map(([number]) => number), [4, 5, 6, 7, 8, 9, 10, 11]);
  const alone = new Course(parseSetUp("do=0c0_50r0"));
  assertEquals(layOut(alone.record).segments.map(({ room }) => room), [Infinity]);
});
