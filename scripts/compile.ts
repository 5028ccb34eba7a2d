/**
 * Makes dist/tcplab: the program and its runtime in one file, by `deno compile`.
 *
 * Owns: the permissions that the binary has for good, what is put into it besides code, and that an earlier binary stays
 * until there is a new one: it is made beside it, tried, and then renamed. Other arguments
 * (`--target aarch64-unknown-linux-gnu`, `--output FILE`) pass through to `deno compile`.
 *
 * The base of the binary comes from Deno's own server. Where that cannot be reached, the environment variable
 * DENORT_BIN names a local one; it has to fit the Deno that runs this script (a 2.7 base needs Deno 2.8 or older).
 */
import { basename, dirname, fromFileUrl, join, relative, resolve } from "@std/path";
import { BUILD_INFO_PATH, checkoutInfo } from "../src/cli/build_info.ts";
import { ENGINE_FLAGS } from "../src/cli/self_command.ts";
import { PAGE_DOCUMENT_PATHS } from "../src/web/page_document.ts";
import { bundlePage, PAGES } from "./bundle_page.ts";
import { PROJECT_URL, projectFiles } from "./project_files.ts";

const ENTRY = "src/cli/main.ts";
const OUTPUT = "dist/tcplab";

/** The environment variables that the program may read; everything else there is none of its business. */
export const ENVIRONMENT: readonly string[] = [
  "NO_COLOR",
  "TERM",
  // Whether a ladder may be drawn with more than ASCII.
  "LC_ALL",
  "LC_CTYPE",
  "LANG",
  // Where programs of the system are, and which shell a person likes.
  "PATH",
  "SHELL",
  // Whose files and rights are meant where root was got by sudo.
  "SUDO_UID",
  "SUDO_GID",
  // Where the control sockets of running servers are.
  "XDG_RUNTIME_DIR",
  "TMPDIR",
  // Settings of its own.
  "TCPLAB_*",
];

/** What the binary may do, each with the reason why it can be no less (docs/binary.md tells what was tried). */
export const PERMISSIONS: readonly string[] = [
  // libpcap and libc by their bare names: Deno takes a name in a list for a file of the current directory, and
  // then loads that.
  "--allow-ffi",
  // The run directory of a user is wherever the environment says.
  "--allow-read",
  // Recordings wherever a person wants them; control sockets in the run directory.
  "--allow-write",
  // The lab's client connects to whatever host a person names.
  "--allow-net",
  // ip, ethtool, unshare, nsenter, setpriv; these start whatever command a person names in a lab. A list would be looked up
  // along the PATH of the start, which for an ordinary user lacks the directories of some.
  "--allow-run",
  // The user whose run directory it is, and the name that the stable MAC is made from.
  "--allow-sys=uid,hostname",
  `--allow-env=${ENVIRONMENT.join(",")}`,
  // All code is in the file.
  "--deny-import",
  // Nobody is asked for more: what is not granted here is refused.
  "--no-prompt",
];

/** Files below src/ that are no code: the program reads them through `import.meta.url`, so they must come along. */
function dataFiles(): string[] {
  // What the page is made of is in its document.
  return projectFiles("src").filter((path) => !/\.tsx?$/.test(path) && !path.startsWith("src/page/"));
}

/** The arguments of `deno`; `passed` are those that this script was given. */
export function compileArguments(passed: readonly string[]): string[] {
  const hasOutput = passed.some((word) => /^(?:-o|--output)(?:=|$)/.test(word));
  return [
    "compile",
    "--quiet",
    // `deno task check` and the tests check the types.
    "--no-check",
    // Deno would keep compiled code in a file of a known name in /tmp, and run what it finds there: whoever writes
    // it first decides what root runs. A start takes no longer without it.
    "--no-code-cache",
    // The bundler and what only tests use would be 27 MB.
    "--exclude-unused-npm",
    ENGINE_FLAGS,
    ...PERMISSIONS,
    ...[...dataFiles(), BUILD_INFO_PATH, ...Object.values(PAGE_DOCUMENT_PATHS)].map((path) =>
      `--include=${path}`
    ),
    ...(hasOutput ? [] : [`--output=${OUTPUT}`]),
    ...passed,
    ENTRY,
  ];
}

/** One line about the finished file, or what is wrong with it. Only our own platform's can be tried. */
async function tryOut(path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(path, { args: ["--version"] }).output();
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim();
    throw new Error(
      `${path} does not start (${said}); if DENORT_BIN is set, does it fit Deno ${Deno.version.deno}?`,
    );
  }
  return new TextDecoder().decode(stdout).trim();
}

/** Where the binary goes, and the arguments that say nothing of it. */
export function separateOutput(passed: readonly string[]): { output: string; rest: string[] } {
  const rest: string[] = [];
  let output = OUTPUT;
  for (let i = 0; i < passed.length; i++) {
    const joined = /^(?:-o=?|--output=)(.+)$/.exec(passed[i])?.[1];
    if (joined !== undefined) output = joined;
    else if (passed[i] === "-o" || passed[i] === "--output") output = passed[++i] ?? OUTPUT;
    else rest.push(passed[i]);
  }
  return { output, rest };
}

/** A folder of a run that was killed; local choice: no run that is still at work is as old. */
const LEFT_MS = 3_600_000;
const FOLDER_PREFIX = ".compile-";

/** Removes what runs have left that were killed: a hundred megabytes each. */
export function removeLeftFolders(directory: string, nowMs: number): void {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = join(directory, name);
    if (!isDirectory || !name.startsWith(FOLDER_PREFIX)) continue;
    try {
      const { mtime } = Deno.lstatSync(path);
      if (mtime !== null && nowMs - mtime.getTime() > LEFT_MS) Deno.removeSync(path, { recursive: true });
    } catch (error) {
      // Another run was faster, or has ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function main(passed: readonly string[]): Promise<number> {
  const { output, rest } = separateOutput(passed);
  const cwd = fromFileUrl(PROJECT_URL);
  const target = resolve(cwd, output);
  try {
    const dist = resolve(cwd, "dist");
    Deno.mkdirSync(dist, { recursive: true });
    removeLeftFolders(dist, Date.now());
    // Which commit it is of: the binary has no checkout to ask.
    Deno.writeTextFileSync(new URL(BUILD_INFO_PATH, PROJECT_URL), JSON.stringify(checkoutInfo()) + "\n");
    // The pages, put together: the binary has no bundler.
    for (const name of ["live", "play"] as const) {
      const { document } = await bundlePage(PAGES[name].entry);
      Deno.writeTextFileSync(new URL(PAGE_DOCUMENT_PATHS[name], PROJECT_URL), document);
    }
    Deno.mkdirSync(dirname(target), { recursive: true });
    // In the same folder, so that it needs only be renamed; a folder of its own, because the name may get an ending.
    const folder = Deno.makeTempDirSync({ dir: dirname(target), prefix: FOLDER_PREFIX });
    try {
      return await compileInto(folder, { target, rest, cwd });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  } catch (error) {
    console.error(`compile: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

async function compileInto(
  folder: string,
  what: { readonly target: string; readonly rest: readonly string[]; readonly cwd: string },
): Promise<number> {
  const { target, rest, cwd } = what;
  const args = compileArguments([...rest, `--output=${join(folder, basename(target))}`]);
  const status = await new Deno.Command(Deno.execPath(), { args, cwd, stdin: "null" }).spawn().status;
  if (!status.success) {
    console.error(
      "compile: deno compile failed, see above, and an earlier binary is as it was; where its server cannot be reached, " +
        "DENORT_BIN names a local base (docs/binary.md)",
    );
    return status.code;
  }
  const made = [...Deno.readDirSync(folder)].map(({ name }) => name);
  // Of another platform it cannot be tried.
  const version = rest.some((word) => word.startsWith("--target"))
    ? "not tried"
    : (await tryOut(join(folder, made[0]))).split("\n")[0];
  for (const name of made) Deno.renameSync(join(folder, name), join(dirname(target), name));
  const path = join(dirname(target), made[0]);
  const megabytes = (Deno.statSync(path).size / 1e6).toFixed(0);
  console.error(`compile: ${relative(cwd, path)}, ${megabytes} MB: ${version}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
