/**
 * The living connections that pass a filter, the newest first, without looking at all of a host's each time.
 *
 * Owns: when it has to be looked again, and how far. Must not know: the filter, events, what is shown.
 */
import type { HostConnection } from "../host/api.ts";

/** Where they are looked for. */
interface ConnectionSource<Living> {
  newestConnections(): Iterable<Living>;
}

/** See the head of this file. */
export class PassingConnections<Living extends Pick<HostConnection, "id" | "ended">> {
  readonly #most: number;
  /** The newest first. */
  #found: readonly Living[] = [];
  #ids: ReadonlySet<number> = new Set();
  /** All with a number up to this were looked at. */
  #lookedTo = 0;
  #due: "nothing" | "new ones" | "all" = "nothing";

  /** Finds `most`, the newest of them. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Something of this connection has passed. */
  passed(id: number): void {
    if (this.#ids.has(id)) return;
    if (id > this.#lookedTo) {
      if (this.#due === "nothing") this.#due = "new ones";
      return;
    }
    // Whoever is older than all that have room in the list is not looked for.
    const isTooOld = this.#isFull && id < this.#found[this.#found.length - 1].id;
    if (!isTooOld) this.#due = "all";
  }

  /** Those that live, of which `passes` says that they pass. */
  newest(source: ConnectionSource<Living>, passes: (id: number) => boolean): readonly Living[] {
    const before = this.#found.filter(({ ended }) => ended === null);
    // Those that had no room may have it now.
    if (this.#isFull && before.length < this.#most) this.#due = "all";
    if (this.#due === "nothing") {
      return before.length === this.#found.length ? this.#found : this.#keep(before);
    }
    const least = this.#due === "all" ? 0 : this.#lookedTo;
    const found: Living[] = [];
    let highest = this.#lookedTo;
    for (const connection of source.newestConnections()) {
      if (connection.id <= least || found.length === this.#most) break;
      highest = Math.max(highest, connection.id);
      if (passes(connection.id)) found.push(connection);
    }
    this.#lookedTo = highest;
    this.#due = "nothing";
    return this.#keep(least === 0 ? found : [...found, ...before].slice(0, this.#most));
  }

  get #isFull(): boolean {
    return this.#found.length === this.#most;
  }

  #keep(found: readonly Living[]): readonly Living[] {
    this.#found = found;
    this.#ids = new Set(found.map(({ id }) => id));
    return found;
  }
}
