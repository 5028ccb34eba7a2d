/**
 * The C programs of the benchmark: built anew for each run, into a folder of their own.
 *
 * Owns: compiler, libraries, and what is left out where one is missing. Must not know: what the programs do.
 *
 * Needs a C compiler (Debian: gcc, libc6-dev) and libpcap's shared library (libpcap0.8); lwIP's server needs
 * liblwip-dev and is left out without it.
 */
import { fromFileUrl } from "@std/path";

/** The folder with the built programs, gone when it is disposed of. */
export interface NativePrograms extends AsyncDisposable {
  readonly reflector: string;
  readonly toyTcp: string;
  readonly kernelServer: string;
  readonly load: string;
  readonly swarm: string;
  /** Null where lwIP is not installed. */
  readonly lwipServer: string | null;
  readonly compiler: string;
  readonly skipped: readonly string[];
}

/** The names under which libpcap is found; the development package has the last. */
const LIBPCAP_NAMES = ["-l:libpcap.so.0.8", "-l:libpcap.so.1", "-lpcap"] as const;
const FLAGS = ["-O2", "-Wall", "-Wextra"] as const;

/** Builds all programs. Throws an Error with one line for a person where that cannot be. */
export async function buildNativePrograms(): Promise<NativePrograms> {
  const compiler = await findCompiler();
  const folder = await Deno.makeTempDir({ prefix: "tcplab-bench-" });
  // A lab's processes may belong to another user.
  await Deno.chmod(folder, 0o755);
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const build = (name: string, sources: readonly string[], libraries: readonly string[] = []) =>
      compile(compiler.name, { output: `${folder}/${name}`, sources, libraries });
    const pcap = await findLibpcap(compiler.name, folder);
    const [reflector, toyTcp, kernelServer, load, swarm] = await Promise.all([
      build("reflector", ["reference/reflector.c"], [pcap]),
      build("toy_tcp", ["reference/toy_tcp.c"], [pcap]),
      build("kernel_server", ["reference/kernel_server.c"]),
      build("load", ["load/load.c", "load/connections.c", "load/traffic.c"]),
      build("swarm", ["load/swarm.c"], [pcap]),
    ]);
    const lwip = await buildLwip(build, pcap);
    return {
      reflector,
      toyTcp,
      kernelServer,
      load,
      swarm,
      lwipServer: lwip.path,
      compiler: compiler.version,
      skipped: lwip.path === null ? [`lwip: ${lwip.reason}`] : [],
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Builds the one program of very many clients; the folder it lies in goes with it. Throws as {@link buildNativePrograms}. */
export async function buildSwarm(): Promise<AsyncDisposable & { readonly path: string }> {
  const compiler = await findCompiler();
  const folder = await Deno.makeTempDir({ prefix: "tcplab-swarm-" });
  await Deno.chmod(folder, 0o755);
  const libraries = [await findLibpcap(compiler.name, folder)];
  const path = await compile(compiler.name, {
    output: `${folder}/swarm`,
    sources: ["load/swarm.c"],
    libraries,
  });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** The C compiler of this machine. Throws an Error with one line for a person where there is none. */
export async function findCompiler(): Promise<{ name: string; version: string }> {
  for (const name of ["gcc", "cc", "clang"]) {
    const output = await runQuietly(name, ["--version"]);
    if (output?.success) return { name, version: output.stdout.split("\n")[0] };
  }
  throw new Error(
    "There is no C compiler: install gcc and libc6-dev (Debian: apt-get install gcc libc6-dev)",
  );
}

async function findLibpcap(compiler: string, folder: string): Promise<string> {
  const source = `${folder}/probe.c`;
  await Deno.writeTextFile(
    source,
    "const char *pcap_lib_version(void); int main(void) { return !pcap_lib_version(); }\n",
  );
  for (const name of LIBPCAP_NAMES) {
    if ((await runQuietly(compiler, ["-o", `${folder}/probe`, source, name]))?.success) return name;
  }
  throw new Error("libpcap could not be linked: install it (Debian: apt-get install libpcap0.8)");
}

async function buildLwip(
  build: (name: string, sources: readonly string[], libraries: readonly string[]) => Promise<string>,
  pcap: string,
): Promise<{ path: string | null; reason: string }> {
  const found = await runQuietly("pkg-config", ["--cflags", "--libs", "lwip"]);
  // Without pkg-config: where Debian puts it.
  const flags = found?.success ? found.stdout.trim().split(/\s+/) : ["-I/usr/include/lwip", "-llwip"];
  if (!found?.success && !(await exists("/usr/include/lwip/lwip/init.h"))) {
    return { path: null, reason: "not installed (Debian: apt-get install liblwip-dev)" };
  }
  try {
    return { path: await build("lwip_server", ["reference/lwip_server.c"], [...flags, pcap]), reason: "" };
  } catch (error) {
    return { path: null, reason: error instanceof Error ? error.message.split("\n")[0] : String(error) };
  }
}

/** Builds one program from sources named beside this file, or by their URLs. Throws an Error with what the compiler said. */
export async function compile(
  compiler: string,
  program: { output: string; sources: readonly string[]; libraries: readonly string[] },
): Promise<string> {
  const sources = program.sources.map((name) => fromFileUrl(new URL(name, import.meta.url)));
  const args = [...FLAGS, "-o", program.output, ...sources, ...program.libraries];
  const output = await runQuietly(compiler, args);
  if (output?.success) return program.output;
  throw new Error(
    `${compiler} could not build ${program.sources[0]}: ${output?.stderr.trim() ?? "it does not run"}`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function runQuietly(
  program: string,
  args: string[],
): Promise<{ success: boolean; stdout: string; stderr: string } | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    const text = new TextDecoder();
    return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
