/**
 * What `explain` prints for people: what the capture is, then its connections, as a list, as paragraphs, or with their ladders.
 *
 * Owns: which of these suits how many, and what is said about the capture as a whole. Must not know: how a connection is put in words.
 */
import { explainedList, explainedText } from "../observe/explain_text.ts";
import { type LadderPage, ladderText } from "../observe/ladder_text.ts";
import { counted, layCells, paletteFor, printable } from "../observe/text_layout.ts";
import type { ExplainedConnection, ExplainedFile } from "../story/explain_json.ts";
import { ladderOf } from "../story/ladder.ts";
import type { Story } from "../story/story.ts";
import { named } from "./capture_input.ts";
import type { Selection } from "./explain_selection.ts";

/** How a connection is shown. */
export const SHOWN = ["list", "story", "ladder"] as const;
/** One of these. */
export type Shown = typeof SHOWN[number];

/** Local choice: so many ladders are still read one after the other. */
export const MOST_LADDERS = 3;
/** Local choice: about four pages of paragraphs. */
const MOST_STORIES = 20;
/** Local choice: more lines are for programs, which take `--json`; who wants them says `--show list`. */
const MOST_LINES = 200;

/** What is to be printed. */
interface Explanation {
  readonly file: ExplainedFile;
  readonly story: Story;
  readonly selection: Selection;
  /** Null where it is to follow from how many connections there are. */
  readonly shown: Shown | null;
  readonly page: LadderPage;
}

/** The whole text, part by part; a part may have several lines. */
export function* explanationLines({ file, story, selection, shown, page }: Explanation): Generator<string> {
  const all = story.explained();
  const chosen = selection.isAll ? all : all.filter((one) => selection.has(one));
  yield* headLines({ file, story, all }, page);
  if (chosen.length === 0) {
    yield `No connection of ${all.length} is chosen.`;
    return;
  }
  const form = shown ?? formFor(chosen.length);
  if (form === "list") {
    yield "";
    yield* listLines(chosen, { shown, page });
    return;
  }
  for (const one of chosen) {
    yield "";
    yield explainedText(one, page);
    const connection = form === "ladder" ? story.connection(one.id) : null;
    if (connection === null) continue;
    const { head, body, legend } = ladderText(ladderOf(connection), page);
    yield "";
    yield* head;
    yield* body;
    yield* legend;
  }
}

function formFor(count: number): Shown {
  return count <= MOST_LADDERS ? "ladder" : count <= MOST_STORIES ? "story" : "list";
}

function* headLines(
  { file, story, all }: { file: ExplainedFile; story: Story; all: readonly ExplainedConnection[] },
  { width, color }: Explanation["page"],
): Generator<string> {
  const palette = paletteFor(color);
  const outcomes = countsOf(all.map(({ outcome }) => outcome));
  const said = outcomes.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  yield layCells([
    { text: printable(named(file.file)), paint: palette.strong },
    { text: `${counted(file.frames, "frame")} of ${file.linkType}` },
    { text: `${counted(story.count, "connection")}: ${said}` },
  ], { width, indent: 4 });
  const skipped = Object.entries(file.skipped).map(([reason, count]) => `${reason} ${count}`);
  if (skipped.length > 0) yield palette.quiet(`skipped: ${skipped.join(", ")}`);
  if ((file.dropped ?? 0) > 0) {
    yield palette.bad(
      `${
        counted(file.dropped ?? 0, "packet")
      } lost by the capture itself: what is missing here may have been on the wire`,
    );
  }
  const { forgotten } = story.givenUp;
  if (forgotten > 0) yield palette.notice(`${counted(forgotten, "connection")} beyond these, not told`);
}

function* listLines(
  chosen: readonly ExplainedConnection[],
  { shown, page }: Pick<Explanation, "shown" | "page">,
): Generator<string> {
  const most = shown === "list" ? chosen.length : MOST_LINES;
  // In parts: a hundred thousand lines need not be one string.
  for (let at = 0; at < Math.min(most, chosen.length); at += LIST_PART) {
    const text = explainedList(chosen.slice(at, Math.min(most, at + LIST_PART)), page);
    yield at === 0 ? text : text.slice(text.indexOf("\n") + 1);
  }
  if (chosen.length > most) {
    yield `and ${
      counted(chosen.length - most, "connection")
    } more: --show list shows all, a filter or --connection N some`;
  }
  yield "";
  for (
    const [kind, count] of countsOf(
      chosen.flatMap(({ findings }) => [...new Set(findings.map((f) => f.kind))]),
    )
  ) {
    const [first] = chosen.filter(({ findings }) => findings.some((finding) => finding.kind === kind));
    yield `${kind}: ${counted(count, "connection")}, the first is #${first.id}`;
  }
}

/** Local choice: columns are as wide as the widest of so many lines. */
const LIST_PART = 1000;

/** How often each is there, the most frequent first. */
function countsOf<Key>(keys: readonly Key[]): [Key, number][] {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}
