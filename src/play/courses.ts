/**
 * Courses: the course that is played, and beside it the one from which it has parted.
 *
 * Owns: which of them goes on, and running it by itself. Must not know: what is shown, timers of a platform.
 */
import type { Command } from "./command.ts";
import { Course } from "./course.ts";
import type { SetUp } from "./set_up.ts";

/** What has changed: the course that is played went on, or it is another. */
export type CourseChange = "more" | "other";

/** What runs a function again and again; returns what ends that. */
export type Repeating = (act: () => void, ms: number) => () => void;

/** Local choice: slow enough to see each segment leave and arrive, and to stop it in time. */
const STEP_MS = 350;

/** See the head of this file. */
export class Courses {
  readonly #onChange: (change: CourseChange) => void;
  readonly #repeat: Repeating;
  #courses: readonly Course[];
  #active = 0;
  #stop: (() => void) | null = null;

  constructor(
    setUp: SetUp,
    about: { readonly onChange: (change: CourseChange) => void; readonly repeat: Repeating },
  ) {
    this.#courses = [new Course(setUp)];
    this.#onChange = about.onChange;
    this.#repeat = about.repeat;
  }

  /** One, or two side by side: the second parted from the first. */
  get all(): readonly Course[] {
    return this.#courses;
  }

  /** Which of them is played. */
  get activeIndex(): number {
    return this.#active;
  }

  /** The one that is played. */
  get active(): Course {
    return this.#courses[this.#active];
  }

  /** Whether it goes on by itself. */
  get isRunning(): boolean {
    return this.#stop !== null;
  }

  /** Begins anew with a set-up. */
  load(setUp: SetUp): void {
    this.pause();
    this.#courses = [new Course(setUp)];
    this.#active = 0;
    this.#onChange("other");
  }

  /** Does something now. A line that says why not, where it cannot be; null else. */
  perform(wish: Omit<Command, "atUs">): string | null {
    const problem = this.active.perform(wish);
    this.#onChange("more");
    return problem;
  }

  /** One thing more is to happen. False where nothing will. */
  step(): boolean {
    const hasStepped = this.active.step();
    if (!hasStepped) this.pause();
    this.#onChange("more");
    return hasStepped;
  }

  /** All that happens by itself. */
  run(): void {
    this.pause();
    this.active.run();
    this.#onChange("more");
  }

  /** Steps by itself, slowly. */
  play(): void {
    if (this.#stop !== null) return;
    this.#stop = this.#repeat(() => {
      if (this.active.isAtRest) this.pause();
      else this.step();
    }, STEP_MS);
    this.#onChange("more");
  }

  /** Stops playing. */
  pause(): void {
    if (this.#stop === null) return;
    this.#stop();
    this.#stop = null;
    this.#onChange("more");
  }

  /** Another course from the instant at which a segment of the one that is played leaves; both are kept. */
  rewind(number: number): void {
    this.#part(this.active.rewound(number));
  }

  /** Another course with the same commands, in which a segment is lost (or is not, where it was); both are kept. */
  turnFate(number: number): void {
    const { active } = this;
    const isUnderWay = active.segment(number).arrivals.length === 0 && active.segment(number).lostBy === null;
    const setUp = active.withFate(number);
    if (isUnderWay) {
      // Nothing has come of it yet: it is the same course.
      this.pause();
      this.#courses = this.#courses.with(this.#active, new Course(setUp));
      this.#onChange("other");
      return;
    }
    const isAtRest = active.isAtRest;
    this.#part(setUp);
    // What the first had time for, the other is given too.
    if (isAtRest) this.run();
  }

  /** The same once more from the beginning, step by step; the other course stays. */
  restart(): void {
    this.#replace(this.active.restarted());
  }

  /** The same with other settings, from the beginning to where it was. */
  change(settings: Partial<Pick<SetUp, "ends" | "seed" | "delayUs">>): void {
    this.#replace({ ...this.active.setUp, ...settings });
  }

  /** Plays the other course from now on. */
  activate(index: number): void {
    if (index === this.#active || this.#courses[index] === undefined) return;
    this.pause();
    this.#active = index;
    this.#onChange("other");
  }

  /** Leaves the course that is not played. */
  closeOther(): void {
    this.#courses = [this.active];
    this.#active = 0;
    this.#onChange("other");
  }

  #replace(setUp: SetUp): void {
    this.pause();
    this.#courses = this.#courses.with(this.#active, new Course(setUp));
    this.#onChange("other");
  }

  #part(setUp: SetUp): void {
    this.pause();
    this.#courses = [this.active, new Course(setUp)];
    this.#active = 1;
    this.#onChange("other");
  }
}
