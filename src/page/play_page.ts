/**
 * The playground: the page of a server, with two hosts in it, a bar by which they are told what to do, and their course, or
 * two courses side by side.
 *
 * Owns: putting these together, which segment is chosen, the keys, and the set-up in the page's address. Must not know: how a
 * course runs (src/play), what the page's panes show (live_page.ts).
 */
/// <reference lib="dom" />
import { Courses } from "../play/courses.ts";
import type { CourseChange } from "../play/courses.ts";
import { findScenario, SCENARIOS } from "../play/scenarios.ts";
import { MOST_LINK_LETTERS, parseSetUp, type SetUp, SetUpError, setUpText } from "../play/set_up.ts";
import { CoursePane } from "./course_pane.ts";
import { byId, element, shortcutOf } from "./dom.ts";
import { LivePage } from "./live_page.ts";
import { PlayControls } from "./play_controls.ts";
import { PlaySettings } from "./play_settings.ts";
import { PlaySource } from "./play_source.ts";
import { SidePanes } from "./side_panes.ts";
import { currentLanguage, setLanguage, text } from "./words.ts";

/** Local choices: long enough to be read; seldom enough for a browser, which counts changes of its address. */
const NOTE_MS = 6000;
const ADDRESS_MS = 300;
/** What is there when the address says nothing: a whole connection, step by step. */
const FIRST = "connection";

/** See the head of this file. */
export class PlayPage {
  readonly #courses: Courses;
  readonly #source: PlaySource;
  readonly #page: LivePage;
  readonly #controls: PlayControls;
  readonly #settings: PlaySettings;
  readonly #pane: CoursePane;
  readonly #side: SidePanes;
  /** What stands behind # as far as we know. */
  #address = "";
  #addressTimer: ReturnType<typeof setTimeout> | null = null;
  /** Something has changed since it was written. */
  #hasMoved = false;
  /** What is played next is no step further, and Back leads from it to what was played before. */
  #isOther = false;

  constructor() {
    document.body.classList.add("play-body");
    this.#courses = new Courses(firstSetUp(), {
      onChange: (change) => this.#changed(change),
      repeat: (act, ms) => {
        const timer = setInterval(act, ms);
        return () => clearInterval(timer);
      },
    });
    this.#source = new PlaySource(this.#courses, "");
    this.#controls = new PlayControls({
      perform: (wish) => this.#say(this.#courses.perform(wish)),
      scenario: (name) => this.#loadScenario(name),
      step: () => this.#courses.step(),
      toggle: () => this.#toggle(),
      run: () => this.#courses.run(),
      restart: () => this.#courses.restart(),
      link: () => void this.#copyLink(),
      settings: () => this.#settings.toggle(),
    });
    this.#settings = new PlaySettings((change) => this.#courses.change(change));
    this.#pane = new CoursePane(this.#courses);
    this.#page = new LivePage(this.#source);
    byId("page").prepend(this.#pane.element);
    byId("page").before(this.#controls.element, this.#settings.element);
    this.#side = new SidePanes(byId("page"), this.#pane.element);
    document.addEventListener("keydown", (event) => this.#key(event));
    // The page has its own words for the language; ours follow it.
    new MutationObserver(() => this.#refresh()).observe(document.documentElement, {
      attributeFilter: ["lang"],
    });
    globalThis.addEventListener("hashchange", () => this.#addressChanged());
  }

  /** Begins. */
  start(): void {
    // What was made before it had a place has missed which language is shown.
    setLanguage(currentLanguage());
    this.#page.start();
    this.#readAddress();
    this.#refresh();
  }

  #changed(change: CourseChange): void {
    if (change === "other") this.#settings.show(this.#courses.active.setUp);
    this.#source.changed(change);
    this.#controls.show(this.#courses);
    this.#pane.show(change);
    this.#noteAddress();
  }

  /** At once, since somebody may reload; what follows soon after, a little later. */
  #noteAddress(): void {
    if (this.#addressTimer !== null) {
      this.#hasMoved = true;
      return;
    }
    this.#hasMoved = false;
    if (!this.#writeAddress()) return;
    this.#addressTimer = setTimeout(() => {
      this.#addressTimer = null;
      if (this.#hasMoved) this.#noteAddress();
    }, ADDRESS_MS);
  }

  #refresh(): void {
    this.#controls.refresh();
    this.#controls.show(this.#courses);
    this.#settings.show(this.#courses.active.setUp);
    this.#side.refresh();
    this.#pane.show("other");
  }

  #toggle(): void {
    if (this.#courses.isRunning) this.#courses.pause();
    else this.#courses.play();
  }

  #loadScenario(name: string): void {
    const found = findScenario(name);
    if (found === null) return;
    // How far the one before has gone is what Back leads to.
    this.#writeAddress();
    this.#isOther = true;
    this.#courses.load(found.setUp);
  }

  #say(line: string | null): void {
    if (line === null) return;
    const note = element("p", {}, line);
    byId("notes").append(note);
    setTimeout(() => note.remove(), NOTE_MS);
  }

  /** The browser's word of a change comes after the change; who looked between has read it already. False where it is as it was. */
  #addressChanged(): boolean {
    if (location.hash.slice(1) === this.#address) return false;
    this.#readAddress();
    return true;
  }

  #readAddress(): void {
    const given = location.hash.slice(1);
    this.#address = given;
    this.#isOther = false;
    if (given === "" || given === setUpText(this.#courses.active.setUp)) return;
    try {
      const setUp = parseSetUp(given);
      const isBare = setUp.commands.length === 0 && setUp.untilUs === 0;
      const scenario = findScenario(setUp.scenario);
      // With commands it says all by itself, whatever it is called.
      if (isBare && scenario === null && setUp.scenario !== "") {
        return this.#say(text("otherScenario", setUp.scenario));
      }
      this.#courses.load(isBare ? scenario?.setUp ?? setUp : setUp);
    } catch (error) {
      if (!(error instanceof SetUpError)) throw error;
      this.#say(error.message);
    }
  }

  /** Without an entry in the browser's history, or each step would be one; another scenario is one. False where all is as it was. */
  #writeAddress(): boolean {
    // Somebody has changed it meanwhile: that is a wish, not yet heard of.
    if (this.#addressChanged()) return false;
    const text = setUpText(this.#courses.active.setUp);
    // What nobody could read is not written: the last that could be stays.
    if (text.length > MOST_LINK_LETTERS || text === this.#address) return false;
    if (this.#isOther) history.pushState(null, "", `#${text}`);
    else history.replaceState(null, "", `#${text}`);
    this.#isOther = false;
    this.#address = location.hash.slice(1);
    return true;
  }

  async #copyLink(): Promise<void> {
    this.#writeAddress();
    if (setUpText(this.#courses.active.setUp).length > MOST_LINK_LETTERS) {
      return this.#say(text("linkTooLong"));
    }
    try {
      await navigator.clipboard.writeText(location.href);
      this.#say(text("linkCopied"));
    } catch {
      // A page from disk, or one that may not: then a person copies it.
      this.#say(text("linkShown"));
    }
  }

  #key(event: KeyboardEvent): void {
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (isTyping || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#keys.get(shortcutOf(event));
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  readonly #keys: ReadonlyMap<string, () => void> = new Map([
    ["e", () => this.#courses.run()],
    ["0", () => this.#courses.restart()],
    ["w", () => byId("page").querySelector<HTMLElement>('[data-enlarge="courses"]')?.click()],
    ["o", () => this.#settings.toggle()],
    ["b", () => this.#pane.rewind()],
    ["x", () => this.#pane.turnFate()],
    ["ArrowDown", () => this.#pane.move(1)],
    ["ArrowUp", () => this.#pane.move(-1)],
  ]);
}

function firstSetUp(): SetUp {
  return (findScenario(FIRST) ?? SCENARIOS[0]).setUp;
}
