/**
 * The page as one file that stands alone: over stories that are in it, without a server.
 *
 * Owns: what is put into the document, and that it stays data whatever a peer has sent. Must not know: where stories come from,
 * where the file goes, what the page shows.
 */
import { findExplanations } from "../observe/explanation.ts";
import type { ConnectionStory } from "../story/connection_story.ts";
import type { StoredPage } from "../story/page_messages.ts";
import { storeStory } from "../story/stored_story.ts";
import { TCP_STATES } from "../tcp/state.ts";
import { TRANSITIONS } from "../tcp/transitions.ts";
import { newToken } from "./page_access.ts";
import { findPageDocument } from "./page_document.ts";

/** Local choice: about ten megabytes, which a browser opens in a second. */
const MOST_ROWS = 25_000;
/** Local choice: more connections than a table is read of. */
export const MOST_CONNECTIONS = 1000;
/** Local choice: of one connection as many as a story keeps. */
const MOST_ROWS_OF_ONE = 4160;
/** Where page.html wants the story. */
const PLACE = "<!-- STORY -->";
const NONCE = "NONCE_OF_THIS_ANSWER";

/** What is to be shown. */
interface StandaloneParts {
  /** What it is of: a file's name. */
  readonly title: string;
  readonly version: string;
  readonly connections: Iterable<ConnectionStory>;
  /** How many more there are, of which nothing is kept that could be shown; none when absent. */
  readonly unkept?: number;
  /** The document; the program's own when absent. */
  readonly document?: () => Promise<string>;
}

/**
 * The file's text: of very many connections the first thousand, of very many rows the first of each connection and its last.
 * Throws `PageDocumentError` where the page cannot be made.
 */
export async function standalonePage(parts: StandaloneParts): Promise<string> {
  const { document = findPageDocument } = parts;
  const page = storedPage(parts);
  const nonce = newToken();
  const policy =
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'";
  const text = await document();
  if (!text.includes(PLACE)) throw new Error("The page's document has no place for a story: a defect");
  return text
    .replace("<head>", () => `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replace(PLACE, () => `<script type="application/json" id="story">${jsonForMarkup(page)}</script>`)
    .replaceAll(NONCE, nonce);
}

function storedPage(
  { title, version, connections, unkept = 0 }: StandaloneParts,
): StoredPage {
  const stories = [...connections];
  const told = stories.slice(0, MOST_CONNECTIONS);
  let left = MOST_ROWS;
  const stored = told.map((story, at) => {
    // Those that come later have their part, too.
    const share = Math.max(Math.ceil(left / (told.length - at)), Math.min(left, 64));
    const one = storeStory(story, Math.min(MOST_ROWS_OF_ONE, Math.max(share, 0)));
    left -= one.first.length + one.last.length;
    return one;
  });
  const names = [...TCP_STATES, ...TRANSITIONS.map(({ id }) => id), ...rulesOf(stored)];
  return {
    title,
    version,
    connections: stored,
    leftOut: stories.length - told.length + unkept,
    why: Object.fromEntries([...new Set(names)].map((name) => [name, findExplanations(name)])),
  };
}

/** Rules that rows of our own recordings name. */
function rulesOf(stored: StoredPage["connections"]): string[] {
  return stored.flatMap(({ first, last }) =>
    [...first, ...last].flatMap(({ segment }) => segment.truth === undefined ? [] : [segment.truth.rule])
  );
}

/** JSON in which nothing can end the element that holds it, or begin another: `<` is written as JavaScript escapes it. */
export function jsonForMarkup(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll(
    "\u2029",
    "\\u2029",
  );
}
