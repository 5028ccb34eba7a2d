/**
 * Course: what comes of a set-up. The same set-up is the same course, event by event, wherever it runs.
 *
 * Owns: carrying commands out at their times, the record of what happened, and the set-ups of other courses that share its
 * beginning: rewinding is running the commands again up to a segment. Must not know: what a browser is, how it is shown.
 */
import type { OnceFault } from "../link/fault_once.ts";
import { VirtualLab } from "../runtime/virtual_lab.ts";
import { type Command, MOST_US, problemOf, type Side } from "./command.ts";
import { tcpConfigOf } from "./end_settings.ts";
import { Performer } from "./performer.ts";
import { CourseRecord, type WireSegment } from "./course_record.ts";
import type { SetUp } from "./set_up.ts";

/** A command that was carried out. */
interface Performed {
  readonly command: Command;
  /** Segments that had left before it. */
  readonly segmentsBefore: number;
}

/** Local choice: longer than anybody scrolls; a course says so and stops. */
const MOST_SEGMENTS = 4000;
/** Local choice: {@link Course.run} stops after a minute in which nothing came to rest: a shut window is probed for ever. */
const MOST_RUN_US = 60_000_000;
/** Steps that change nothing anybody sees (a timer that is set anew); local choice: far more than there are in a row. */
const MOST_SILENT_STEPS = 10_000;
/** What goes on by itself, and for long: nobody waits for it. */
const PATIENT_TIMERS: ReadonlySet<string> = new Set(["time-wait", "fin-wait-2", "keepalive"]);
const SIDES: readonly Side[] = [0, 1];

/** See the head of this file. */
export class Course {
  readonly record: CourseRecord;
  readonly #setUp: SetUp;
  readonly #lab: VirtualLab;
  readonly #performer: Performer;
  readonly #performed: Performed[] = [];
  /** Of the set-up, not carried out yet. */
  readonly #script: Command[];

  /** Runs the set-up up to its time. What cannot be done any more, because the course is another, is left out. */
  constructor(setUp: SetUp) {
    this.#setUp = setUp;
    this.record = new CourseRecord(() => this.nowUs);
    const lost = new Set(setUp.lost);
    this.#lab = new VirtualLab({
      seed: setUp.seed,
      delayUs: setUp.delayUs,
      tcp: [tcpConfigOf(setUp.ends[0]), tcpConfigOf(setUp.ends[1])],
      observe: (side, event) => this.record.observe(side, event),
      watch: this.record,
      fateOf: (number) => lost.has(number) ? LOST : null,
    });
    this.#performer = new Performer(this.#lab, setUp);
    this.#script = [...setUp.commands];
    this.advanceTo(setUp.untilUs);
  }

  /** Microseconds since the beginning. */
  get nowUs(): number {
    return this.#lab?.nowUs ?? 0;
  }

  /** What it is made of, as far as it has gone. */
  get setUp(): SetUp {
    return {
      ...this.#setUp,
      commands: [...this.#performed.map(({ command }) => command), ...this.#script],
      untilUs: this.nowUs,
    };
  }

  /** Whether as many segments have left as a course holds. */
  get isFull(): boolean {
    return this.record.segments.length >= MOST_SEGMENTS;
  }

  /** Whether nothing will happen but what takes long by itself, unless somebody does something. */
  get isAtRest(): boolean {
    if (this.#script.length > 0 || this.#lab.cable.underWay > 0) return false;
    return SIDES.every((side) =>
      this.#lab.host(side).connections().every((connection) =>
        Object.keys(connection.info().timers).every((name) => PATIENT_TIMERS.has(name))
      )
    );
  }

  /** Whether what happens next lies beyond the day that a course has. */
  get isDayOver(): boolean {
    return !this.isAtRest && this.#nextUs > MOST_US;
  }

  /** Frames on the wire. */
  get underWay(): number {
    return this.#lab.cable.underWay;
  }

  /** What is done to frames, and the one-shot faults that wait. */
  get faults(): Pick<VirtualLab["cable"], "faults" | "pending"> {
    return this.#lab.cable;
  }

  /** A host, to look at. */
  host(side: Side): ReturnType<VirtualLab["host"]> {
    return this.#lab.host(side);
  }

  /** Does something now. A line that says why not, where it cannot be done; null else. */
  perform(wish: Omit<Command, "atUs">): string | null {
    const command = { ...wish, atUs: this.nowUs };
    return problemOf(command) ?? this.#perform(command);
  }

  /** Lets pass whatever time it takes until something is seen to happen. False where nothing will, or the course is full. */
  step(): boolean {
    return this.#stepUntil(Infinity);
  }

  /** Steps until it is at rest, for a minute at most. */
  run(): void {
    const untilUs = this.nowUs + MOST_RUN_US;
    while (!this.isAtRest) if (!this.#stepUntil(untilUs)) return;
  }

  /** Lets everything happen up to a time. */
  advanceTo(untilUs: number): void {
    while (this.#nextUs <= untilUs && !this.isFull) this.#goTo(this.#nextUs);
    if (!this.isFull) this.#lab.advanceTo(untilUs);
  }

  /** A segment by its number. Throws where there is none. */
  segment(number: number): WireSegment {
    const segment = this.record.segments[number - 1];
    if (segment === undefined) throw new RangeError(`There is no segment ${number} in this course`);
    return segment;
  }

  /** The beginning of this course up to the instant at which a segment leaves; what was done later is left out. */
  rewound(number: number): SetUp {
    return {
      ...this.setUp,
      commands: this.#before(number),
      lost: this.#setUp.lost.filter((lost) => lost < number),
      untilUs: this.segment(number).sentUs,
    };
  }

  /** The same commands, and a segment lost that was not; or the other way round. */
  withFate(number: number): SetUp {
    const { lost } = this.#setUp;
    const earlier = lost.filter((other) => other < number);
    return {
      ...this.setUp,
      lost: lost.includes(number) ? earlier : [...earlier, number],
      untilUs: Math.max(this.nowUs, this.segment(number).sentUs),
    };
  }

  /** The beginning: nothing has happened, and all that is to happen is still to come. */
  restarted(): SetUp {
    return { ...this.setUp, untilUs: 0 };
  }

  #stepUntil(untilUs: number): boolean {
    const before = this.record.happenings.length;
    for (let silent = 0; silent < MOST_SILENT_STEPS && !this.isFull; silent++) {
      const nextUs = this.#nextUs;
      if (nextUs > Math.min(untilUs, MOST_US)) return false;
      this.#goTo(nextUs);
      if (this.record.happenings.length > before) return true;
    }
    return false;
  }

  get #nextUs(): number {
    return Math.min(this.#lab.nextUs, this.#script[0]?.atUs ?? Infinity);
  }

  #goTo(us: number): void {
    this.#lab.advanceTo(us);
    while (this.#script.length > 0 && this.#script[0].atUs <= this.nowUs && !this.isFull) {
      const command = this.#script.shift();
      if (command !== undefined) this.#perform(command);
    }
  }

  #perform(command: Command): string | null {
    const segmentsBefore = this.record.segments.length;
    const mark = this.record.command(command);
    const problem = this.#performer.perform(command);
    if (command.kind === "restart") this.record.restarted(command.side);
    if (problem === null) this.#performed.push({ command, segmentsBefore });
    else this.record.takeBack(mark);
    this.#lab.settle();
    return problem;
  }

  #before(number: number): readonly Command[] {
    return this.#performed.filter(({ segmentsBefore }) => segmentsBefore < number).map(({ command }) =>
      command
    );
  }
}

const LOST: OnceFault = {
  text: "drop:any",
  direction: "either",
  action: "drop",
  target: "any",
  nth: 1,
  holdUs: 0,
};
