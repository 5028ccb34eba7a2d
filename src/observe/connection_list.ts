/**
 * Connections as a list that can be sorted by any of its columns, in the manner of netstat's table.
 *
 * Owns: the columns, their order, which of them give way on a narrow page. Must not know: where rows come from, keys.
 */
import type { TcpState } from "../tcp/state.ts";
import { bytesText, durationText, type Palette, printable } from "./text_layout.ts";
import { statePaint } from "./text_page.ts";

/** One connection. */
export interface ListedConnection {
  /** The number that the host gave it. */
  readonly id: number;
  /** `IP:PORT`. */
  readonly local: string;
  readonly peer: string;
  readonly state: TcpState;
  readonly app: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retransmits: number;
  /** Null where nothing was measured. */
  readonly srttUs: number | null;
}

interface ListColumn {
  readonly key: string;
  readonly title: string;
  readonly alignRight?: boolean;
  /** Columns with a higher number give way first. */
  readonly rank: number;
  readonly text: (row: ListedConnection) => string;
  readonly compare: (a: ListedConnection, b: ListedConnection) => number;
}

function column(
  key: string,
  about: Pick<ListColumn, "title" | "rank" | "alignRight"> & {
    readonly of: (row: ListedConnection) => number | string;
    readonly text?: (row: ListedConnection) => string;
  },
): ListColumn {
  const { of, text = (row) => printable(String(of(row))), ...rest } = about;
  const compare = (a: ListedConnection, b: ListedConnection) => {
    const [one, other] = [of(a), of(b)];
    if (typeof one === "number" && typeof other === "number") return one - other;
    return collator.compare(String(one), String(other));
  };
  return { key, ...rest, text, compare };
}

/** `10.0.0.9` comes before `10.0.0.10`. */
const collator = new Intl.Collator("en", { numeric: true });

const COLUMNS: readonly ListColumn[] = [
  column("id", { title: "#", rank: 0, alignRight: true, of: ({ id }) => id }),
  column("recv-q", { title: "Recv-Q", rank: 5, alignRight: true, of: ({ receiveQueue }) => receiveQueue }),
  column("send-q", { title: "Send-Q", rank: 5, alignRight: true, of: ({ sendQueue }) => sendQueue }),
  column("local", { title: "Local Address", rank: 2, of: ({ local }) => local }),
  column("peer", { title: "Foreign Address", rank: 0, of: ({ peer }) => peer }),
  column("state", { title: "State", rank: 0, of: ({ state }) => state }),
  column("app", { title: "App", rank: 3, of: ({ app }) => app }),
  column("in", {
    title: "In",
    rank: 6,
    alignRight: true,
    of: ({ bytesIn }) => bytesIn,
    text: ({ bytesIn }) => bytesText(bytesIn),
  }),
  column("out", {
    title: "Out",
    rank: 6,
    alignRight: true,
    of: ({ bytesOut }) => bytesOut,
    text: ({ bytesOut }) => bytesText(bytesOut),
  }),
  column("retrans", { title: "Retrans", rank: 4, alignRight: true, of: ({ retransmits }) => retransmits }),
  column("srtt", {
    title: "Round trip",
    rank: 7,
    alignRight: true,
    of: ({ srttUs }) => srttUs ?? -1,
    text: ({ srttUs }) => srttUs === null ? "-" : durationText(srttUs / 1000),
  }),
];

/** By what the list can be sorted, in the order of its columns. */
export const SORT_KEYS: readonly string[] = COLUMNS.map(({ key }) => key);

/** In which order connections stand. */
export interface ListOrder {
  /** One of {@link SORT_KEYS}. */
  readonly key: string;
  readonly isReversed: boolean;
}

/** The rows in that order; of what is alike the connection that began first comes first. */
export function sortedConnections(rows: readonly ListedConnection[], order: ListOrder): ListedConnection[] {
  const by = COLUMNS.find(({ key }) => key === order.key) ?? COLUMNS[0];
  const sign = order.isReversed ? -1 : 1;
  return rows.toSorted((a, b) => sign * by.compare(a, b) || a.id - b.id);
}

/** How a list is set. */
interface ListPage {
  readonly width: number;
  readonly palette: Palette;
  readonly order: ListOrder;
  /** The number of the connection that is pointed at. */
  readonly selected: number | null;
  readonly isUtf8: boolean;
}

/** `> ` or two spaces. */
const POINTER_CHARS = 2;

/** A line of titles, and a line for each row, none wider than the page. */
export function connectionList(rows: readonly ListedConnection[], page: ListPage): string[] {
  const { palette, order, selected } = page;
  const arrow = page.isUtf8 ? (order.isReversed ? "▼" : "▲") : order.isReversed ? "v" : "^";
  const titles = COLUMNS.map(({ key, title }) => key === order.key ? title + arrow : title);
  const cells = rows.map((row) => COLUMNS.map(({ text }) => text(row)));
  const widths = COLUMNS.map((_, i) =>
    cells.reduce((width, line) => Math.max(width, line[i].length), titles[i].length)
  );
  const shown = shownColumns(widths, page.width);
  const line = (texts: readonly string[], paint: (text: string, column: number) => string) =>
    shown.map((i) => {
      const padded = COLUMNS[i].alignRight === true
        ? texts[i].padStart(widths[i])
        : texts[i].padEnd(widths[i]);
      return paint(padded, i);
    }).join("  ").trimEnd();
  return [
    " ".repeat(POINTER_CHARS) + line(titles, (text) => palette.strong(text)),
    ...rows.map((row, r) => {
      const isSelected = row.id === selected;
      const paint = (text: string, i: number) =>
        COLUMNS[i].key === "state"
          ? statePaint(row.state, palette)(text)
          : isSelected
          ? palette.strong(text)
          : row.state === "CLOSED"
          ? palette.quiet(text)
          : text;
      return (isSelected ? palette.strong("> ") : "  ") + line(cells[r], paint);
    }),
  ];
}

/** The columns that have room, those that may give way left out from the highest rank down. */
function shownColumns(widths: readonly number[], width: number): number[] {
  let shown = COLUMNS.map((_, i) => i);
  const needed = () => shown.reduce((sum, i) => sum + widths[i] + 2, POINTER_CHARS - 2);
  while (needed() > width) {
    const highest = Math.max(...shown.map((i) => COLUMNS[i].rank));
    if (highest === 0) break;
    const last = shown.findLast((i) => COLUMNS[i].rank === highest);
    shown = shown.filter((i) => i !== last);
  }
  return shown;
}
