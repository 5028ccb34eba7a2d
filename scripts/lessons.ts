/**
 * Lessons: our own scripts of the language of packetdrill (test/scripts), and what each says at its head that it shows.
 *
 * Owns: finding them, and reading their heads. Must not know: how a script is run, whether what it says is true
 * (test/script/lessons_test.ts).
 *
 * A head is a comment: what the script teaches, in a few lines, and below them what it claims, each with a list behind it. `Rows:` of the
 * transition table, `Rules:` of the machine, `Shows:` requirements of RFC 9293, and `Only: ipv4`, or `ipv6`, where it is about
 * one version of IP alone.
 */
import { projectFiles, readProjectFile } from "./project_files.ts";

/** The folder of the lessons. */
export const LESSONS_FOLDER = "test/scripts/";

/** One lesson. */
export interface Lesson {
  /** Project path. */
  readonly path: string;
  /** Its folder below {@link LESSONS_FOLDER}: `handshake`. */
  readonly topic: string;
  /** What it teaches, in words. */
  readonly teaches: string;
  readonly rows: readonly string[];
  readonly rules: readonly string[];
  readonly shows: readonly string[];
  /** The versions of IP that it is played with. */
  readonly versions: readonly ("ipv4" | "ipv6")[];
  /** The whole script. */
  readonly text: string;
}

const CLAIMS = ["Rows", "Rules", "Shows", "Only"] as const;
type Claim = typeof CLAIMS[number];
const CLAIM = new RegExp(`^(${CLAIMS.join("|")}): (.*)$`);

/** Reads a script's head. Throws where it has none. */
export function readLesson(path: string, text: string): Lesson {
  const head = /^(?:\/\/[^\n]*\n)+/.exec(text)?.[0];
  if (head === undefined) throw new Error(`${path} does not begin with a comment that says what it teaches`);
  const words: string[] = [];
  const claims = new Map<Claim, string[]>();
  for (const line of head.split("\n").map((one) => one.replace(/^\/\/ ?/, "").trim())) {
    const match = CLAIM.exec(line);
    if (match === null) words.push(line);
    else claims.set(CLAIMS.find((claim) => claim === match[1]) ?? "Rows", match[2].split(", "));
  }
  const only = claims.get("Only")?.[0];
  return {
    path,
    topic: path.slice(LESSONS_FOLDER.length).split("/")[0],
    teaches: words.join(" ").replace(/\s+/g, " ").trim(),
    rows: claims.get("Rows") ?? [],
    rules: claims.get("Rules") ?? [],
    shows: claims.get("Shows") ?? [],
    versions: only === "ipv4" || only === "ipv6" ? [only] : ["ipv4", "ipv6"],
    text,
  };
}

/** All lessons, by their paths. */
export function lessons(): Lesson[] {
  return projectFiles(LESSONS_FOLDER).filter((path) => path.endsWith(".pkt"))
    .map((path) => readLesson(path, readProjectFile(path)));
}

/** The first lesson of `ordered` that claims a row or a rule, as `close/passive`; null without one. */
export function lessonAbout(
  { kind, name }: { readonly kind: "rows" | "rules"; readonly name: string },
  ordered: readonly Lesson[],
): string | null {
  const first = ordered.find((lesson) => lesson[kind].includes(name));
  return first?.path.slice(LESSONS_FOLDER.length).replace(/\.pkt$/, "") ?? null;
}
