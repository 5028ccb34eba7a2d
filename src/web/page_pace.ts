/**
 * PagePace: the pause that was made from a page.
 *
 * Owns: that it does not outlive its page, and that whoever sits at the server hears of it: a server that takes nothing looks
 * like one that is broken. Must not know: how frames are held (link/fault_link.ts), HTTP.
 *
 * What a program has paused while no page was open stays so until a program goes on.
 */
import type { CommandAnswer } from "./page_commands.ts";
import { changePace } from "./page_commands.ts";
import type { Tell } from "./page_notices.ts";
import type { PageSubject } from "./page_subject.ts";

/** What a {@link PagePace} is made of. */
interface PagePaceParts {
  readonly subject: PageSubject;
  /** How many pages look on. */
  readonly pages: () => number;
  /** Counts as a page for a while: one that looks on in a moment. */
  readonly expect: () => void;
  readonly tell: Tell;
}

/** See the head of this file. */
export class PagePace {
  readonly #parts: PagePaceParts;
  /** Whether what is paused was paused while pages looked on. */
  #isOfPages = false;

  constructor(parts: PagePaceParts) {
    this.#parts = parts;
  }

  /** Does what is asked for; `isOfPage`: by a page, whose stream may be on its way still, or on its way back. */
  change(how: "pause" | "step" | "resume", isOfPage: boolean): CommandAnswer {
    const { subject, pages, expect, tell } = this.#parts;
    const wasPaused = subject.injector?.isPaused;
    const answer = changePace(subject, how);
    const isPaused = subject.injector?.isPaused;
    if (answer.status !== 200 || isPaused === wasPaused) return answer;
    // While no page is open it was a program, unless it says that it is a page.
    const isSeen = isOfPage || pages() > 0;
    this.#isOfPages = isPaused === true && isSeen;
    if (this.#isOfPages && pages() === 0) expect();
    const by = isSeen ? "from the live page" : "by POST";
    if (isPaused === false) tell("resumed", `Resumed ${by}: frames are taken again`);
    else {
      const until = this.#isOfPages
        ? "until it is resumed there, or the last page is closed"
        : "until POST /api/resume";
      tell(
        "paused",
        `Paused ${by}: no frame that comes in is taken, ARP and neighbour discovery excepted, ${until}`,
      );
    }
    return answer;
  }

  /** Somebody else may have resumed it; what is paused after that is theirs. */
  look(): void {
    if (this.#parts.subject.injector?.isPaused !== true) this.#isOfPages = false;
  }

  /** Nobody is there any more who could resume it; `why`: what has become of the page. */
  letGo(why: string): void {
    const { subject, tell } = this.#parts;
    this.look();
    if (!this.#isOfPages) return;
    this.#isOfPages = false;
    changePace(subject, "resume");
    tell("resumed", `Resumed: ${why}`);
  }
}
