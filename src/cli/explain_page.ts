/**
 * What `explain` prints for people: what the capture is, then its connections, as a list, as paragraphs, or with their ladders.
 *
 * Owns: which of these suits how many, and what is said about the capture as a whole. Must not know: how a connection is put in words.
 */
import { explainedList } from "../observe/explain_list.ts";
import { explainedText } from "../observe/explain_text.ts";
import { type LadderPage, ladderText } from "../observe/ladder_text.ts";
import { counted, layCells, listed, paletteFor, printable } from "../observe/text_layout.ts";
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
  /** `listWidth`: for lines that programs may read, which on a terminal is its width. */
  readonly page: LadderPage & { readonly listWidth: number };
}

/** The whole text, part by part; a part may have several lines. */
export function* explanationLines(explanation: Explanation): Generator<string> {
  const { story, selection, shown, page } = explanation;
  const survey = surveyOf(story, selection);
  yield* headLines(explanation, survey);
  if (survey.count === 0) {
    yield `No connection of ${story.count} is chosen.`;
    return;
  }
  const form = shown ?? formFor(survey.count);
  if (form === "list") {
    yield "";
    yield* listLines(explanation, survey);
    return;
  }
  for (const one of story.explanations()) {
    if (!selection.has(one)) continue;
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

/** What there is, before any of it is shown: connections are made one after the other, and none is kept. */
interface Survey {
  /** How many are chosen. */
  readonly count: number;
  /** Of all connections. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Of the chosen ones: how many have it, and the first of them. */
  readonly findings: ReadonlyMap<string, { readonly count: number; readonly first: number }>;
}

function surveyOf(story: Story, selection: Selection): Survey {
  const outcomes = new Map<string, number>();
  const findings = new Map<string, { count: number; first: number }>();
  let count = 0;
  for (const one of story.explanations()) {
    outcomes.set(one.outcome, (outcomes.get(one.outcome) ?? 0) + 1);
    if (!selection.has(one)) continue;
    count++;
    for (const kind of new Set(one.findings.map((finding) => finding.kind))) {
      const known = findings.get(kind);
      if (known === undefined) findings.set(kind, { count: 1, first: one.id });
      else known.count++;
    }
  }
  return { count, outcomes, findings };
}

function formFor(count: number): Shown {
  return count <= MOST_LADDERS ? "ladder" : count <= MOST_STORIES ? "story" : "list";
}

function* headLines(
  { file, story, page: { width, color } }: Explanation,
  { outcomes }: Survey,
): Generator<string> {
  const palette = paletteFor(color);
  const sorted = [...outcomes].toSorted(([, a], [, b]) => b - a);
  const said = sorted.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  yield layCells([
    { text: printable(named(file.file)), paint: palette.strong },
    { text: `${counted(file.frames, "frame")} of ${file.linkType}` },
    { text: `${counted(story.count, "connection")}: ${said}` },
  ], { width, indent: 4 });
  const skipped = Object.entries(file.skipped).map(([reason, count]) => `${reason} ${count}`);
  if (skipped.length > 0) yield palette.quiet(`skipped: ${listed(skipped)}`);
  const { shortened = 0 } = file;
  if (shortened > 0) {
    yield palette.notice(
      `${counted(shortened, "packet")} shorter than the IP header says, though the capture calls ` +
        `${shortened === 1 ? "it" : "them"} whole: told is what the header says`,
    );
  }
  if ((file.dropped ?? 0) > 0) {
    yield palette.bad(
      `${
        counted(file.dropped ?? 0, "packet")
      } lost by the capture itself: what is missing here may have been on the wire`,
    );
  }
  const { forgotten, unjudged } = story.givenUp;
  if (forgotten > 0) yield palette.notice(`${counted(forgotten, "connection")} beyond these, not told`);
  if (unjudged > 0) {
    yield palette.notice(
      `of ${counted(unjudged, "connection")} what was not acknowledged had to be forgotten: ` +
        "what was sent again may have no mark there",
    );
  }
}

function* listLines({ story, selection, shown, page }: Explanation, survey: Survey): Generator<string> {
  const most = shown === "list" ? survey.count : Math.min(survey.count, MOST_LINES);
  let part: ExplainedConnection[] = [];
  let told = 0;
  for (const one of story.explanations()) {
    if (told + part.length === most) break;
    if (!selection.has(one)) continue;
    part.push(one);
    if (part.length < LIST_PART && told + part.length < most) continue;
    const text = explainedList(part, { ...page, width: page.listWidth });
    yield told === 0 ? text : text.slice(text.indexOf("\n") + 1);
    told += part.length;
    part = [];
  }
  if (survey.count > most) {
    const more = counted(survey.count - most, "connection");
    yield `and ${more} more: --show list shows all, a filter or --connection N some`;
  }
  yield "";
  const findings = [...survey.findings].toSorted(([, a], [, b]) => b.count - a.count);
  for (const [kind, { count, first }] of findings) {
    yield `${kind}: ${counted(count, "connection")}, the first is #${first}`;
  }
}

/** Local choice: columns are as wide as the widest of so many lines. */
const LIST_PART = 1000;
