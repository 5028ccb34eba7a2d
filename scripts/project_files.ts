/**
 * The files of the project, for the scripts that check them.
 *
 * Owns: which folders count, and how paths are written (relative to the project's folder, with `/`).
 * Must not know: what is checked.
 */

/** The project's folder, as a file URL that ends in `/`. */
export const PROJECT_URL = new URL("..", import.meta.url);

/** Folders that hold nothing of ours: made by tools, or belonging to git. */
const FOREIGN_FOLDERS: ReadonlySet<string> = new Set([".git", "node_modules", "dist", "cov", "work"]);

/** Every file below `folder` (empty for the whole project), sorted, as paths like `src/wire/tcp.ts`. */
export function projectFiles(folder = "", root: URL = PROJECT_URL): string[] {
  const found: string[] = [];
  function visit(path: string): void {
    for (const entry of Deno.readDirSync(new URL(path === "" ? "." : path, root))) {
      if (entry.isDirectory && !FOREIGN_FOLDERS.has(entry.name)) visit(`${path}${entry.name}/`);
      else if (entry.isFile) found.push(path + entry.name);
    }
  }
  visit(folder === "" || folder.endsWith("/") ? folder : `${folder}/`);
  return found.sort();
}

/** The text of a file of the project. */
export function readProjectFile(path: string, root: URL = PROJECT_URL): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** One broken rule: where, and what is wrong. */
export interface Finding {
  readonly path: string;
  /** From 1; 0 where the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

/** Prints the findings, one a line, and gives the exit status: 1 when there are any. */
export function reportFindings(what: string, findings: readonly Finding[]): number {
  for (const { path, line, message } of findings) {
    console.error(`${path}${line > 0 ? `:${line}` : ""}: ${message}`);
  }
  if (findings.length > 0) console.error(`${what}: ${findings.length} to mend`);
  return findings.length > 0 ? 1 : 0;
}

/** The line, from 1, of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
