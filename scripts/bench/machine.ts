/**
 * Where and with what a benchmark runs.
 *
 * Owns: reading that from the system. Must not know: what is measured.
 */
import { pcapVersion } from "../../ffi/pcap_library.ts";
import { VERSION } from "../../src/cli/version.ts";
import type { Machine } from "./model.ts";

/** Describes this machine; `compiler` is what built the C programs. */
export async function describeMachine(compiler: string): Promise<Machine> {
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo");
  const commit = await firstLine("git", ["describe", "--always", "--dirty", "--abbrev=9"]);
  const lwip = await firstLine("pkg-config", ["--modversion", "lwip"]);
  return {
    cpu: /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    memoryGib: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    kernel: `Linux ${Deno.osRelease()}`,
    versions: {
      tcplab: commit === null ? VERSION : `${VERSION} (${commit})`,
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      libpcap: pcapVersion(),
      compiler,
      ...(lwip === null ? {} : { lwip }),
    },
  };
}

/** How many processes wanted a core, averaged over the last minute. */
export function loadAverage(): number {
  return Deno.loadavg()[0];
}

async function firstLine(program: string, args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null" })
      .output();
    const [line] = new TextDecoder().decode(stdout).split("\n");
    return success && line !== "" ? line : null;
  } catch {
    return null;
  }
}
