/**
 * A directory as a page.
 *
 * Owns: the page, and that names in it are nothing but names. Must not know: files.
 */
import type { DirectoryEntry } from "./file_tree.ts";

/** Letters that mean something in HTML, in text and in quoted attributes. */
const MEANINGFUL: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => MEANINGFUL[letter]);
}

/** What a page of ours may do: show itself. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2024;--soft:#60646c;--line:#e0e3e7;--paper:#fcfcfd;--link:#0b68cb}
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--soft:#9aa0a8;--line:#2e3135;--paper:#111214;--link:#70b8ff}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem}
h1{font-size:1.25rem;font-weight:600;margin:0 0 1.25rem;overflow-wrap:anywhere}
ul{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
li{border-bottom:1px solid var(--line)}
a{display:block;padding:.5rem .25rem;color:var(--link);text-decoration:none;overflow-wrap:anywhere}
a:hover,a:focus-visible{text-decoration:underline}
p{color:var(--soft);font-size:.875rem}`;

/** The page of a directory; `path` as names from the top down, `isCut` where there are more entries than these. */
export function directoryPage(
  path: readonly string[],
  { entries, isCut }: { readonly entries: readonly DirectoryEntry[]; readonly isCut: boolean },
): string {
  const title = escapeHtml(`/${path.join("/")}`);
  const up = path.length === 0 ? "" : '<li><a href="../">../</a></li>';
  const rows = entries.toSorted(byKindAndName).map(({ name, isDirectory }) => {
    const end = isDirectory ? "/" : "";
    return `<li><a href="./${encodeURIComponent(name)}${end}">${escapeHtml(name)}${end}</a></li>`;
  });
  const more = isCut ? "<p>There is more than is shown here.</p>" : "";
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${title}</title><style>${STYLE}</style><main><h1>${title}</h1><ul>${up}${
      rows.join("")
    }</ul>${more}` +
    `<p>tcplab</p></main></html>\n`;
}

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  if (a.isDirectory !== b.isDirectory) return a.isDirectory ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
