/**
 * Checks what concerns files of every kind: nothing names a path of one machine, a package registry's host or a
 * folder outside the project, and no conflict marker is left behind.
 *
 * Owns: these text rules. `deno task check` runs it. The rules for TypeScript alone are in lint_house_rules.ts.
 */
import { type Finding, lineAt, projectFiles, readProjectFile, reportFindings } from "./project_files.ts";

/** One pattern that no text may contain. */
interface TextRule {
  readonly pattern: RegExp;
  readonly message: string;
  /** Project paths that may contain it, with good reason. */
  readonly except?: readonly string[];
}

/** The patterns are put together from pieces, so that this file does not break its own rules. */
const RULES: readonly TextRule[] = [
  {
    pattern: new RegExp(
      `(?<![\\w.~-])/(?:${["root", "home", "work", "opt", "Users", "mnt"].join("|")})/[\\w.]`,
      "g",
    ),
    message: "a path of one machine",
  },
  {
    pattern: new RegExp(
      `\\b(?:${["registry", "mirrors?", "artifactory", "nexus"].join("|")})\\.[a-z0-9-]+\\.[a-z]`,
      "g",
    ),
    message: "a package registry's host",
  },
  {
    pattern: new RegExp(`\\.\\.${"/shared"}\\b`, "g"),
    message: "a folder outside the project",
    except: [".ci/run"],
  },
  { pattern: /^(?:<{7} |>{7} |={7}$)/gm, message: "a conflict marker" },
];

/** Files whose bytes are not text of ours. */
const NOT_TEXT = /\.(?:pcap|pcapng|png|ico|bin|hex)$/;

/** What is wrong with one file. */
export function checkText(path: string, text: string): Finding[] {
  return RULES.filter((rule) => !rule.except?.includes(path)).flatMap((rule) =>
    [...text.matchAll(rule.pattern)].map((match) => ({
      path,
      line: lineAt(text, match.index),
      message: `names ${rule.message}: ${match[0].trim()}`,
    }))
  );
}

if (import.meta.main) {
  const findings = projectFiles()
    .filter((path) => !NOT_TEXT.test(path))
    .flatMap((path) => checkText(path, readProjectFile(path)));
  Deno.exit(reportFindings("Files", findings));
}
