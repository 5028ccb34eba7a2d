/**
 * KeptRows: the connections that the table shows, alive and over.
 *
 * Owns: which are kept, within bounds, as the messages of a source come. Must not know: the document, their order.
 */
import type { BatchMessage, ConnectionRow } from "../story/page_messages.ts";
import type { ClosedEvent } from "../tcp/events.ts";

/** Local choice: as many as a server tells of (src/web/stream_hub.ts); a person reads fewer. */
const MOST_LIVING = 300;
/** Local choice: those that are over are kept for a look back; a person remembers fewer. */
const MOST_OVER = 50;

/** A row, and whether its connection has ended. */
export interface KeptRow {
  readonly row: ConnectionRow;
  readonly isOver: boolean;
}

/** See the head of this file. */
export class KeptRows {
  readonly #kept = new Map<number, KeptRow>();
  #selected: number | null = null;
  /** The one that is looked at, once nothing more is told of it: it goes when another is looked at. */
  #left: number | null = null;

  get(id: number): KeptRow | null {
    return this.#kept.get(id) ?? null;
  }

  all(): KeptRow[] {
    return [...this.#kept.values()];
  }

  /**
   * Forgets all, and keeps these: however many they are, a file's are told once, and whole. Of those that have ended meanwhile
   * what was known stays, where it is the same connection: numbers may be another server's.
   */
  begin(rows: readonly ConnectionRow[], ended: readonly ClosedEvent[] = []): void {
    const before = new Map(this.#kept);
    this.#kept.clear();
    this.#left = null;
    for (const row of rows) this.#kept.set(row.id, { row, isOver: false });
    for (const event of ended) {
      const known = before.get(event.id ?? 0)?.row ?? null;
      const row = rowOfEnded(event, known?.name === event.connection ? known : null);
      this.#kept.set(row.id, { row, isOver: true });
    }
  }

  /** What a batch tells. Gives the numbers of those that are new, have changed, or have gone. */
  take({ rows, ended, gone }: Pick<BatchMessage, "rows" | "ended" | "gone">): number[] {
    const touched = new Set<number>();
    for (const row of rows) {
      touched.add(row.id);
      this.#kept.set(row.id, { row, isOver: false });
    }
    for (const event of ended) {
      const row = rowOfEnded(event, this.get(event.id ?? 0)?.row ?? null);
      touched.add(row.id);
      this.#kept.set(row.id, { row, isOver: true });
      if (this.#left === row.id) this.#left = null;
    }
    for (const id of gone) {
      if (id === this.#selected) this.#left = id;
      else if (this.#kept.delete(id)) touched.add(id);
    }
    for (const id of [...this.#beyond(true, MOST_OVER), ...this.#beyond(false, MOST_LIVING)]) {
      this.#kept.delete(id);
      touched.add(id);
    }
    return [...touched];
  }

  /** Another one is looked at. Gives the number of the one that goes by that, if there is one. */
  select(id: number | null): number[] {
    this.#selected = id;
    const left = this.#left;
    if (left === null || left === id) return [];
    this.#left = null;
    this.#kept.delete(left);
    return [left];
  }

  /** Of those that are over, or that live, the oldest beyond a bound; never the one that is looked at. */
  #beyond(areOver: boolean, most: number): number[] {
    const ids = [...this.#kept].flatMap(([id, { isOver }]) => isOver === areOver ? [id] : []).sort((a, b) =>
      a - b
    );
    return ids.slice(0, Math.max(0, ids.length - most)).filter((id) => id !== this.#selected);
  }
}

/** What is shown of a connection that is over: its last row, or what its end tells. */
function rowOfEnded(event: ClosedEvent, last: ConnectionRow | null): ConnectionRow {
  const [local = "", peer = ""] = event.connection.split("-");
  const { bytesIn, bytesOut, states } = event;
  const unknown = { segmentsIn: 0, segmentsOut: 0, retransmits: 0, srttUs: 0, rtoUs: 0, cwnd: 0 };
  const role = states.includes("SYN_SENT") ? "client" as const : "server" as const;
  const known = last ?? { ...unknown, app: "", role, local, peer, name: event.connection, id: event.id ?? 0 };
  return { ...known, state: "CLOSED", states, bytesIn, bytesOut };
}
