/**
 * The page as one document: markup, style and script together.
 *
 * Owns: where it comes from. A binary carries it; a checkout makes it of src/page whenever a server with a page starts, so
 * that what is shown is what is there. Must not know: what is in it.
 *
 * A process of its own makes it: the bundler is no part of the program, and of no binary.
 */
import { fromFileUrl } from "@std/path";

/** The pages that there are: a server's, and the playground. */
export type PageName = keyof typeof PAGE_DOCUMENT_PATHS;

/** Where `deno compile` finds the documents, from the project's folder; it keeps the folders. */
export const PAGE_DOCUMENT_PATHS = { live: "dist/page.html", play: "dist/play.html" } as const;
/** What writes the document to stdout. */
const BUNDLER = "scripts/bundle_page.ts";

const PROJECT = new URL("../../", import.meta.url);

/** The page cannot be made; the message is one line for a person. */
export class PageDocumentError extends Error {
  override name = "PageServerError";
}

/** What else a person can do. */
const WITHOUT: Readonly<Record<PageName, string>> = {
  live: "without --ui the server needs it not",
  play: "a checkout has all of it",
};

/** The document. Throws {@link PageDocumentError}. */
export async function findPageDocument(name: PageName = "live"): Promise<string> {
  if (Deno.build.standalone) return carriedDocument(name);
  const which = name === "play" ? ["--play"] : [];
  const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-prompt", fromFileUrl(new URL(BUNDLER, PROJECT)), ...which],
    cwd: fromFileUrl(PROJECT),
    stdin: "null",
  }).output();
  if (code === 0) return new TextDecoder().decode(stdout);
  // Ctrl-C goes to all that a terminal has started, and says nothing.
  const silent = signal === null ? `status ${code}` : `ended by ${signal}`;
  const said = new TextDecoder().decode(stderr).trim().split("\n")[0] || silent;
  throw new PageDocumentError(
    `The page could not be made (${said}): deno task page says more; ${WITHOUT[name]}`,
  );
}

function carriedDocument(name: PageName): string {
  try {
    return Deno.readTextFileSync(new URL(PAGE_DOCUMENT_PATHS[name], PROJECT));
  } catch {
    throw new PageDocumentError(
      `This binary does not carry the page: make it with deno task compile; ${WITHOUT[name]}`,
    );
  }
}
