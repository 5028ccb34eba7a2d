/**
 * Which commit this program is of.
 *
 * Owns: asking git in a checkout, and the file that a binary carries instead (scripts/compile.ts writes it). Must not
 * know: who shows it.
 */
import { fromFileUrl } from "@std/path";

/** The commit that a program was made of. */
export interface BuildInfo {
  /** Twelve digits of its name. */
  readonly commit: string;
  /** Its day, `2026-11-28`. */
  readonly date: string;
  /** Whether files of the checkout differed from it. */
  readonly hasChanges: boolean;
}

/** Where the file is, from the project's folder; `deno compile` keeps the folders. */
export const BUILD_INFO_PATH = "dist/build.json";

const PROJECT = new URL("../../", import.meta.url);

/** The commit of this program; null where nobody can say (no git, no checkout, a binary made by hand). */
export function buildInfo(): BuildInfo | null {
  return Deno.build.standalone ? carriedInfo() : checkoutInfo();
}

/** The commit of the checkout that this file is in; null where git cannot say. */
export function checkoutInfo(project: URL = PROJECT): BuildInfo | null {
  // A copy inside somebody else's repository is not of their commit: the folder itself has to be the checkout's.
  if (git(project, ["rev-parse", "--show-prefix"])?.trim() !== "") return null;
  const log = git(project, ["log", "-1", "--format=%h %cs", "--abbrev=12"]);
  const status = git(project, ["status", "--porcelain", "--untracked-files=no"]);
  const match = /^([0-9a-f]{12,}) (\d{4}-\d{2}-\d{2})$/.exec(log?.trim() ?? "");
  return match === null || status === null
    ? null
    : { commit: match[1], date: match[2], hasChanges: status.trim() !== "" };
}

/** What git says; null where it says nothing. */
function git(project: URL, words: readonly string[]): string | null {
  try {
    const { success, stdout } = new Deno.Command("git", {
      args: ["--no-optional-locks", "-C", fromFileUrl(project), ...words],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    // No git here.
    return null;
  }
}

function carriedInfo(): BuildInfo | null {
  try {
    return parseBuildInfo(Deno.readTextFileSync(new URL(BUILD_INFO_PATH, PROJECT)));
  } catch {
    return null;
  }
}

/** The contents of the file; null where it says nothing. */
export function parseBuildInfo(text: string): BuildInfo | null {
  const value: Partial<BuildInfo> | null = JSON.parse(text);
  const { commit, date, hasChanges } = value ?? {};
  return commit === undefined || date === undefined
    ? null
    : { commit, date, hasChanges: hasChanges === true };
}
