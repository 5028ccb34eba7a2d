/**
 * Runs the public packetdrill suites and writes docs/packetdrill.md: `deno task packetdrill --suites DIR [--reference FILE] [--results FILE]
 * [--jobs N] [--dry]`.
 *
 * Owns: which suites there are, where they lie in DIR, and with which profile and defines each is run. Must not know: any script by its name,
 * how the page looks (packetdrill_page.ts). None of the suites is part of this repository; DIR holds a folder of each, and a file COMMITS
 * with a line `FOLDER COMMIT DATE` for each.
 *
 * `--reference`: what the original packetdrill gave on Linux 6.18, tab-separated, with a head: suite, script, kernel_v4, parse_google,
 * parse_nplab. `--results`: each script's verdict goes there. `--dry`: the page goes to standard output.
 */
import { parseArgs } from "@std/cli/parse-args";
import { relative } from "@std/path";
import { findScripts } from "../src/cli/run_files.ts";
import { runInProcesses } from "../src/cli/run_jobs.ts";
import type { RunSettings } from "../src/cli/run_options.ts";
import type { ScriptReport } from "../src/cli/run_report.ts";
import type { IpVersion } from "../src/script/kernel.ts";
import { PROFILES } from "../src/tcp/profiles.ts";
import type { ProfileName } from "../src/tcp/profile.ts";
import { type Reference, type SuiteResult, suitesPage } from "./packetdrill_page.ts";

const PAGE = new URL("../docs/packetdrill.md", import.meta.url);
/** Real time per script; none needs a hundredth of it. */
const TIMEOUT_MS = 60_000;

/** A part of a suite that is run in one way. */
interface SuitePart {
  /** In DIR. */
  readonly folder: string;
  readonly profile: ProfileName;
  /** What its own runner defines. */
  readonly defines?: ReadonlyMap<string, string>;
  /** With which version of IP, where that is not for the scripts to say. */
  readonly ipVersion?: IpVersion;
  /** Options that its runner gives, as at the head of a script. */
  readonly options?: ReadonlyMap<string, string>;
  /** Only these scripts, by the end of their names, or all but these. */
  readonly only?: RegExp;
  readonly leavesOut?: RegExp;
}

/** A suite. */
interface Suite {
  readonly name: string;
  /** In the reference. */
  readonly reference: string;
  /** Where the paths of the reference begin, in DIR. */
  readonly root: string;
  readonly about: string;
  readonly parts: readonly SuitePart[];
  /** The column of the reference. */
  readonly column?: "kernel_v4" | "kernel_v6";
}

/** What google's run_all.py gives its scripts over IPv4, and over IPv6. */
const IPV4_DEFINES: ReadonlyMap<string, string> = new Map([
  ["TFO_COOKIE", "3021b9d889017eeb"],
  ["CODE", "host_unreachable"],
  ["CMSG_LEVEL_IP", "SOL_IP"],
  ["CMSG_TYPE_RECVERR", "IP_RECVERR"],
]);
const IPV6_DEFINES: ReadonlyMap<string, string> = new Map([
  ["TFO_COOKIE", "c1d1e9742a47a9bc"],
  ["CMSG_LEVEL_IP", "SOL_IPV6"],
  ["CMSG_TYPE_RECVERR", "IPV6_RECVERR"],
]);
/** Of which its cookies are made. */
const IPV6_ENDS: ReadonlyMap<string, string> = new Map([
  ["local_ip", "fd3d:0a0b:17d6::1"],
  ["remote_ip", "fd3d:fa7b:d17d::1"],
]);

const GOOGLE = { reference: "google", root: "google/gtests/net/tcp" } as const;
const GOOGLE_PART = { folder: GOOGLE.root, profile: "linux" } as const;

const SUITES: readonly Suite[] = [
  {
    ...GOOGLE,
    name: "google",
    about:
      "google/packetdrill, `gtests/net/tcp`: Linux's TCP over IPv4, and what its runner plays over IPv6 alone",
    parts: [
      { ...GOOGLE_PART, defines: IPV4_DEFINES, leavesOut: /v6\.pkt$/ },
      { ...GOOGLE_PART, defines: IPV6_DEFINES, options: IPV6_ENDS, ipVersion: "ipv6", only: /v6\.pkt$/ },
    ],
  },
  {
    ...GOOGLE,
    name: "google, IPv6",
    about: "the same over IPv6",
    parts: [{
      ...GOOGLE_PART,
      defines: IPV6_DEFINES,
      options: IPV6_ENDS,
      ipVersion: "ipv6",
      leavesOut: /v4\.pkt$/,
    }],
    column: "kernel_v6",
  },
  {
    name: "linux",
    reference: "linux-6.12",
    root: "linux",
    about: "Linux's selftests, `tools/testing/selftests/net/packetdrill`",
    parts: [{ folder: "linux", profile: "linux", defines: IPV4_DEFINES }],
  },
  {
    name: "ligurio",
    reference: "ligurio",
    root: "ligurio",
    about: "ligurio/packetdrill-testcases: gathered since 2013, mostly google's older ones",
    parts: [{ folder: "ligurio/testcases", profile: "linux", defines: IPV4_DEFINES }],
  },
  {
    name: "freebsd",
    reference: "freebsd",
    root: "freebsd-net",
    about: "freebsd-net/tcp-testsuite: FreeBSD's TCP",
    parts: [{ folder: "freebsd-net", profile: "freebsd" }],
  },
  {
    name: "nplab",
    reference: "nplab-tcp",
    root: "nplab/gtests/net/packetdrill/tests",
    about: "nplab/packetdrill, its own tests, most of which are of SCTP",
    parts: [
      { folder: "nplab/gtests/net/packetdrill/tests/bsd", profile: "freebsd" },
      { folder: "nplab/gtests/net/packetdrill/tests/linux", profile: "linux" },
    ],
  },
];

async function runSuite(
  suite: Suite,
  about: { readonly dir: string; readonly jobs: number },
): Promise<ScriptReport[]> {
  const reports: ScriptReport[] = [];
  for (
    const { folder, profile, defines = new Map(), options = new Map(), ipVersion = null, only, leavesOut }
      of suite.parts
  ) {
    const path = `${about.dir}/${folder}`;
    if (!await exists(path)) continue;
    const scripts = (await findScripts([path]))
      .filter((script) => only?.test(script) !== false && leavesOut?.test(script) !== true);
    const settings: RunSettings = {
      profile: PROFILES[profile],
      defines,
      scriptOptions: options,
      ipVersion,
      isStrict: false,
      timeoutMs: TIMEOUT_MS,
      jobs: about.jobs,
      allowsShell: false,
      skipsUnsupported: false,
      isJson: true,
      isTap: false,
      junitFile: null,
      isTrace: false,
      writeFile: null,
      live: null,
    };
    await runInProcesses(scripts, { settings, onReport: (report) => void reports.push(report) });
  }
  return reports;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function readCommits(dir: string): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(`${dir}/COMMITS`).catch(() => "");
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/)).filter(([folder]) => folder !== "");
  return new Map(
    lines.map(([folder, commit, date = ""]) => [folder, `${commit}${date === "" ? "" : ` (${date})`}`]),
  );
}

/** A row of the reference. */
interface ReferenceRow {
  readonly kernel_v4: string;
  readonly kernel_v6: string;
  readonly isReadByOriginal: boolean;
}

function referenceOf(row: ReferenceRow | undefined, { column = "kernel_v4" }: Suite): Reference | null {
  return row === undefined ? null : { linux: row[column], isReadByOriginal: row.isReadByOriginal };
}

async function readReference(path: string | undefined): Promise<Map<string, ReferenceRow> | null> {
  if (path === undefined) return null;
  const lines = (await Deno.readTextFile(path)).split("\n").filter((line) =>
    line !== "" && !line.startsWith("#")
  );
  const names = lines[0].split("\t");
  const references = new Map<string, ReferenceRow>();
  for (const line of lines.slice(1)) {
    const cells = line.split("\t");
    const cell = (name: string) => cells[names.indexOf(name)] ?? "";
    references.set(`${cell("suite")}\t${cell("script")}`, {
      kernel_v4: cell("kernel_v4"),
      kernel_v6: cell("kernel_v6"),
      isReadByOriginal: cell("parse_google") === "ok" || cell("parse_nplab") === "ok",
    });
  }
  return references;
}

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["suites", "reference", "results", "jobs", "only"],
    boolean: ["dry"],
  });
  const given = (name: string) => typeof options[name] === "string" ? options[name] : undefined;
  const dir = given("suites");
  if (dir === undefined) {
    console.error(
      "packetdrill: --suites DIR is needed: a folder with google, freebsd-net, ...; see the head of this file",
    );
    Deno.exit(2);
  }
  const jobs = Number(given("jobs") ?? navigator.hardwareConcurrency);
  const commits = await readCommits(dir);
  const references = await readReference(given("reference"));
  const only = given("only");
  const results: SuiteResult[] = [];
  for (const suite of SUITES) {
    if (only !== undefined && only !== suite.name) continue;
    const reports = await runSuite(suite, { dir, jobs });
    if (reports.length === 0) continue;
    const scripts = reports.map((report) => {
      const script = relative(`${dir}/${suite.root}`, report.script);
      return {
        ...report,
        script,
        reference: referenceOf(references?.get(`${suite.reference}\t${script}`), suite),
      };
    });
    results.push({
      name: suite.name,
      about: suite.about,
      commit: commits.get(suite.parts[0].folder.split("/")[0]) ?? null,
      profiles: [...new Set(suite.parts.map(({ profile }) => profile))],
      scripts,
    });
    const counted = (verdict: string) => scripts.filter((script) => script.verdict === verdict).length;
    console.error(
      `${suite.name}: ${scripts.length} scripts, ${counted("pass")} passed, ${counted("fail")} failed, ${
        counted("unsupported")
      } unsupported, ${counted("error")} not readable`,
    );
  }
  const resultsFile = given("results");
  if (resultsFile !== undefined) await Deno.writeTextFile(resultsFile, resultLines(results));
  const page = suitesPage(results, { hasReference: references !== null });
  if (options.dry === true) console.log(page);
  else if (only === undefined) await Deno.writeTextFile(PAGE, page);
}

/** For whoever mends: suite, script, verdict, line, reason, expected, actual, rule. */
function resultLines(results: readonly SuiteResult[]): string {
  const lines = results.flatMap(({ name, scripts }) =>
    scripts.map(({ script, verdict, line, reason, expected, actual, rule, reference }) =>
      [name, script, verdict, line, reason, expected, actual, rule, reference?.linux]
        .map((cell) => String(cell ?? "").replace(/[\t\n]/g, " ")).join("\t")
    )
  );
  return `${lines.join("\n")}\n`;
}

if (import.meta.main) await main();
