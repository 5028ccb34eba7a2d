/**
 * The frame of every live test: a private lab, programs that must be there, and names that say why a test is
 * ignored.
 *
 * Owns: registering live tests, the lab's life around a test. Must not know: what a test looks for.
 */
import { fromFileUrl } from "@std/path";
import { pcapVersion } from "../../ffi/pcap_library.ts";
import { LabRefused, PrivateLab } from "../../src/cli/private_lab.ts";
import { selfFiles } from "../../src/cli/self_command.ts";
import type { LabOptions } from "../../src/cli/lab_plan.ts";

/** What a live test asks for. */
export interface LiveTestOptions extends LabOptions {
  /** Programs that must be on the search path. */
  readonly needs?: readonly string[];
  /** False for a test that opens no device, and so does without libpcap. */
  readonly pcap?: boolean;
  /** Root's own rights, and not those of a user namespace. */
  readonly rights?: "root";
  /** A kernel with IPv6: both families are in the lab. */
  readonly ipv6?: boolean;
  /** Any other reason for which the test cannot run here. */
  readonly missing?: string | null;
}

const HERE = fromFileUrl(new URL(".", import.meta.url));
const asRoot = await tryLab("root");
const { refusal, restsOnUserNamespaces, hasIpv6 } = await tryLab();
const withoutBridge = await refusalOf("ip link add name probe type bridge", {
  why: "this kernel has no bridge",
});
const pcapRefusal = refuseWithoutPcap();

/** Registers a test that runs in a lab of its own; where that cannot be, the test's name says what is missing. */
export function liveTest(
  name: string,
  options: LiveTestOptions,
  body: (lab: PrivateLab) => Promise<void>,
): void {
  const reason = reasonToIgnore(options);
  Deno.test({
    name: reason === null ? `live: ${name}` : `live: ${name} (ignored: ${reason})`,
    ignore: reason !== null,
    // The lab's processes are watched until they end; what a test leaves open ends with the lab.
    fn: async () => {
      await cacheProgram();
      await using lab = await PrivateLab.open({ ...options, readable: [...selfFiles(), HERE] });
      await body(lab);
    },
  });
}

function reasonToIgnore(options: LiveTestOptions): string | null {
  const { needs, missing, pcap, rights, bridge, ipv6 } = options;
  if (rights === "root" && asRoot.refusal !== null) return `no lab of root's: ${asRoot.refusal}`;
  if (refusal !== null) return `no private lab: ${refusal}`;
  if (pcap !== false && pcapRefusal !== null) return `no libpcap: ${pcapRefusal}`;
  if (bridge && withoutBridge !== null) return withoutBridge;
  if (ipv6 && !hasIpv6) return "no IPv6 in this kernel";
  if (missing) return missing;
  const absent = (needs ?? []).filter((program) => !isInstalled(program));
  return absent.length === 0 ? null : `not installed: ${absent.join(", ")}`;
}

/** What labs are like here. */
interface LabTrial {
  readonly refusal: string | null;
  readonly restsOnUserNamespaces: boolean;
  readonly hasIpv6: boolean;
}

/** Opens a lab as every test will, once: why that cannot be, or whose rights it rests on. */
async function tryLab(rights?: "root"): Promise<LabTrial> {
  try {
    const readable = [...selfFiles(), HERE];
    await using lab = await PrivateLab.open(rights === undefined ? { readable } : { readable, rights });
    return { refusal: null, restsOnUserNamespaces: lab.rights === "user", hasIpv6: lab.hasIpv6 };
  } catch (error) {
    if (error instanceof LabRefused) {
      return { refusal: error.message, restsOnUserNamespaces: false, hasIpv6: false };
    }
    throw error;
  }
}

/** Why labs here do not rest on user namespaces, or null: what a test has to say that wants to take these away. */
export const rootsLab: string | null = restsOnUserNamespaces ? null : "the lab rests on root's own rights";

/** Why a shell script fails in an empty network namespace of its own, in the words given, or null. */
export async function refusalOf(script: string, { why }: { why: string }): Promise<string | null> {
  for (const options of [["--user", "--map-root-user", "--net"], ["--net"]]) {
    try {
      const args = [...options, "sh", "-c", script];
      const probe = new Deno.Command("unshare", { args, stdin: "null", stdout: "null", stderr: "null" });
      if ((await probe.output()).success) return null;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return why;
}

function refuseWithoutPcap(): string | null {
  try {
    pcapVersion();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether a program is on the search path, the directories of the system's own programs included. */
function isInstalled(program: string): boolean {
  const directories = `${Deno.env.get("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`.split(":");
  return directories.some((directory) => {
    try {
      return Deno.statSync(`${directory}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** A path beside the live tests. */
export function besideTests(name: string): string {
  return HERE + name;
}

/** A file for one test, gone when it is disposed of. */
export async function scratchFile(suffix: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempFile({ prefix: "tcplab-live-", suffix });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

let cached: Promise<unknown> | null = null;

/** Fills Deno's cache for the programs of the lab, once: inside there is no registry to ask. */
function cacheProgram(): Promise<unknown> {
  if (Deno.build.standalone) return Promise.resolve();
  // The second puts the live page together.
  const programs = ["../../src/cli/main.ts", "../../scripts/bundle_page.ts"].map((path) =>
    fromFileUrl(new URL(path, import.meta.url))
  );
  cached ??= new Deno.Command(Deno.execPath(), { args: ["cache", "--quiet", ...programs], stdin: "null" })
    .output();
  return cached;
}

/** The compiled program: the one that TCPLAB_BINARY names, else the checkout's dist/tcplab, else null. */
export function compiledBinary(): string | null {
  const path = Deno.env.get("TCPLAB_BINARY") ?? fromFileUrl(new URL("../../dist/tcplab", import.meta.url));
  try {
    return Deno.statSync(path).isFile ? path : null;
  } catch {
    return null;
  }
}
