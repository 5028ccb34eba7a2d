/**
 * Breaks the code a little, again and again, and tells which breakages no test notices: `deno task test:mutants FILE...`.
 *
 * Owns: which changes are tried, which tests are asked and in which order, and the report. Must not know: which changes
 * there are (mutants_changes.ts), how tests are run (mutants_runs.ts).
 *
 * A survivor is a question: is this line needed, and which test says so? Some change nothing that could be seen.
 */
import { parseArgs } from "@std/cli/parse-args";
import { SeededRandom } from "../src/link/seeded_random.ts";
import { applyChange, type Change } from "./mutants_changes.ts";
import { WorkingCopy } from "./mutants_runs.ts";
import { lineAt, PROJECT_URL } from "./project_files.ts";

const USAGE = `usage: deno task test:mutants [options] FILE...

Changes each source file a little, many times, one change at a time, and runs the tests that matter for it.
Prints the changes that no test notices. The checkout itself is not changed.

  --sample N|all     changes a file (40)
  --seed N           which ones (1)
  --jobs N           copies that work at the same time (one a core)
  --tests PATH,...   test files or folders, in place of those that belong to the file's folder
  --time-limit S     seconds that the tests may take with a change (four times what they take without, 20 at least)`;

/** What is asked of a survey. */
interface SurveyOptions {
  /** Project path of the source file. */
  readonly path: string;
  /** Changes at most; Infinity for all. */
  readonly sample: number;
  readonly seed: number;
  readonly jobs: number;
  /** Project paths of test files or folders; those that belong to the file's folder where it is empty. */
  readonly tests: readonly string[];
  /** Seconds; 0 for a limit that follows from a run without a change. */
  readonly timeLimit: number;
  /** Takes each line of the report. */
  readonly print: (line: string) => void;
}

/** What a survey of one file came to. */
interface Tally {
  readonly mutants: number;
  readonly noticed: number;
  readonly survived: number;
}

/** Folders of tests for a layer, where they are not the folder of the same name alone. */
const TESTS_OF: Readonly<Record<string, readonly string[]>> = {
  "src/tcp/": ["test/tcp", "test/host", "test/fuzz", "test/sim"],
  "src/host/": ["test/host", "test/tcp", "test/fuzz", "test/sim"],
};
/** Local choice: as many as a morning bears. */
const DEFAULT_SAMPLE = 40;
const LEAST_LIMIT_SECONDS = 20;
const TIMES_AS_LONG = 4;

/** Test files that matter for a source file, from all paths of the project. */
export function testsFor(
  path: string,
  about: { paths: readonly string[]; asked: readonly string[] },
): string[] {
  const layer = Object.keys(TESTS_OF).find((folder) => path.startsWith(folder));
  const places = about.asked.length > 0
    ? about.asked
    : layer === undefined
    ? [path.replace(/^src\//, "test/").replace(/\/[^/]*$/, "")]
    : TESTS_OF[layer];
  const isAsked = (test: string) =>
    places.some((place) => test === place || test.startsWith(place.endsWith("/") ? place : `${place}/`));
  return about.paths.filter((test) => test.endsWith("_test.ts") && isAsked(test));
}

/** How much a test file looks like the one for a source file: words that their names share, then whether it imports it. */
function nearness(path: string, test: { readonly path: string; readonly text: string }): number {
  const words = (name: string) => name.replace(/^.*\//, "").replace(/(?:_test)?\.ts$/, "").split("_");
  const own = new Set(words(path));
  const shared = words(test.path).filter((word) => own.has(word)).length;
  return shared * 2 + (test.text.includes(`/${path}"`) ? 1 : 0);
}

/** The items in an order that hangs on the seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = new SeededRandom(seed);
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [left[i], left[j]] = [left[j], left[i]];
  }
  return left;
}

/** Up to `count` of the changes that compile, chosen by the seed. */
async function choose(copy: WorkingCopy, options: SurveyOptions): Promise<Change[]> {
  const waiting = shuffled(await copy.changes(options.path), options.seed);
  const chosen: Change[] = [];
  while (chosen.length < options.sample && waiting.length > 0) {
    // A third or so does not compile.
    const batch = waiting.splice(0, Math.min(100, Math.ceil((options.sample - chosen.length) * 1.5)));
    chosen.push(...await copy.compiling(options.path, batch));
  }
  return chosen.slice(0, options.sample).sort((a, b) => a.start - b.start);
}

/** The lines that a change touches, before and after, for a person. */
export function describeChange(path: string, text: string, change: Change): string[] {
  const line = lineAt(text, change.start);
  const changed = applyChange(text, change);
  const lines = (of: string, end: number) => {
    const from = of.lastIndexOf("\n", change.start - 1) + 1;
    const to = of.indexOf("\n", end);
    return of.slice(from, to === -1 ? of.length : to).split("\n").map((one) => one.trim()).join(" ");
  };
  return [
    `${path}:${line}  ${change.what}`,
    `  - ${lines(text, change.end)}`,
    `  + ${lines(changed, change.start + change.text.length)}`,
  ];
}

/** Tries the changes of one file in copies of the project, all at the same time. */
export async function survey(options: SurveyOptions, copies: readonly WorkingCopy[]): Promise<Tally> {
  const { path, print } = options;
  // The copy is what is asked about, whatever becomes of the checkout meanwhile.
  const order = testsFor(path, { paths: copies[0].files("test/"), asked: options.tests });
  if (order.length === 0) throw new Error(`no tests for ${path}; name them: --tests PATH,...`);
  const text = copies[0].read(path);
  const near = new Map(
    order.map((test) => [test, nearness(path, { path: test, text: copies[0].read(test) })]),
  );
  /** How often a test file was the first to notice; those that notice much run first. */
  const noticedBy = new Map<string, number>();
  const rank = (test: string) => (noticedBy.get(test) ?? 0) * 10 + (near.get(test) ?? 0);
  const sound = await copies[0].test(order, Infinity);
  if (sound.outcome !== "passed") throw new Error(`the tests fail without any change:\n${sound.output}`);
  const limit = options.timeLimit > 0
    ? options.timeLimit
    : Math.max(LEAST_LIMIT_SECONDS, sound.seconds * TIMES_AS_LONG * copies.length);
  const changes = await choose(copies[0], options);
  let noticed = 0;
  let next = 0;
  await Promise.all(copies.map(async (copy) => {
    while (next < changes.length) {
      const change = changes[next++];
      copy.write(path, applyChange(text, change));
      const run = await copy.test(order.toSorted((a, b) => rank(b) - rank(a)), limit);
      if (run.outcome === "passed") {
        for (const line of describeChange(path, text, change)) print(line);
        continue;
      }
      noticed++;
      if (run.failedFile !== "") noticedBy.set(run.failedFile, (noticedBy.get(run.failedFile) ?? 0) + 1);
    }
    copy.write(path, text);
  }));
  return { mutants: changes.length, noticed, survived: changes.length - noticed };
}

function countOf(tally: Tally): string {
  return `${tally.mutants} mutants, ${tally.noticed} noticed, ${tally.survived} survived`;
}

async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], {
    string: ["sample", "seed", "jobs", "tests", "time-limit"],
    boolean: ["help"],
    default: {
      sample: `${DEFAULT_SAMPLE}`,
      seed: "1",
      jobs: `${navigator.hardwareConcurrency}`,
      "time-limit": "0",
    },
    unknown: (name) => {
      if (!name.startsWith("-")) return true;
      console.error(`there is no option ${name}\n\n${USAGE}`);
      Deno.exit(2);
    },
  });
  const paths = flags._.map(String).map((path) => path.replace(/^\.\//, ""));
  const numbers = {
    sample: flags.sample === "all" ? Infinity : Number(flags.sample),
    seed: Number(flags.seed),
    jobs: Number(flags.jobs),
    timeLimit: Number(flags["time-limit"]),
  };
  const isWrong = paths.length === 0 || Object.values(numbers).some((value) => !(value >= 0)) ||
    numbers.jobs < 1;
  if (flags.help || isWrong) {
    (flags.help ? console.log : console.error)(USAGE);
    return flags.help ? 0 : 2;
  }
  const copies = Array.from({ length: numbers.jobs }, () => new WorkingCopy(PROJECT_URL));
  const leave = () => {
    for (const copy of copies) copy[Symbol.dispose]();
    Deno.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, leave);
  try {
    const tests = typeof flags.tests === "string" ? flags.tests.split(",") : [];
    const sum = { mutants: 0, noticed: 0, survived: 0 };
    for (const path of paths) {
      const tally = await survey({ path, tests, ...numbers, print: console.log }, copies);
      if (paths.length > 1) console.log(`${path}: ${countOf(tally)}`);
      for (const name of ["mutants", "noticed", "survived"] as const) sum[name] += tally[name];
    }
    console.log(countOf(sum));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    for (const copy of copies) copy[Symbol.dispose]();
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
