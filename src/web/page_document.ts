/**
 * The page as one document: markup, style and script together.
 *
 * Owns: where it comes from. A binary carries it; a checkout makes it of src/page whenever a server with a page starts, so
 * that what is shown is what is there. Must not know: what is in it.
 *
 * A process of its own makes it: the bundler is no part of the program, and of no binary.
 */
import { fromFileUrl } from "@std/path";

/** Where `deno compile` finds the document, from the project's folder; it keeps the folders. */
export const PAGE_DOCUMENT_PATH = "dist/page.html";
/** What writes the document to stdout. */
const BUNDLER = "scripts/bundle_page.ts";

const PROJECT = new URL("../../", import.meta.url);

/** The page cannot be made; the message is one line for a person. */
export class PageDocumentError extends Error {
  override name = "PageServerError";
}

/** The document. Throws {@link PageDocumentError}. */
export async function findPageDocument(): Promise<string> {
  if (Deno.build.standalone) return carriedDocument();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-prompt", fromFileUrl(new URL(BUNDLER, PROJECT))],
    cwd: fromFileUrl(PROJECT),
    stdin: "null",
  }).output();
  if (code === 0) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim().split("\n")[0];
  throw new PageDocumentError(
    `The live page could not be made (${said}): deno task page says more; without --ui the server needs it not`,
  );
}

function carriedDocument(): string {
  try {
    return Deno.readTextFileSync(new URL(PAGE_DOCUMENT_PATH, PROJECT));
  } catch {
    throw new PageDocumentError(
      "This binary carries no live page: make it with deno task compile, or leave --ui out",
    );
  }
}
