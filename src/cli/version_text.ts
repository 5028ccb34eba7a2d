/**
 * The text of `--version`: what one has to say when one reports a fault.
 *
 * Owns: its lines. Must not know: where the facts come from.
 */
import { pcapVersion } from "../../ffi/pcap_library.ts";
import type { BuildInfo } from "./build_info.ts";
import { VERSION } from "./version.ts";

/** Facts of this machine and this program. */
export interface VersionFacts {
  readonly build: BuildInfo | null;
  /** libpcap's own words; null where it cannot be had. */
  readonly pcap: string | null;
}

/** Four lines; the first is `tcplab 0.1.0 (Deno 2.9.6, linux x86_64)`. */
export function versionText({ build, pcap }: VersionFacts): string {
  const { deno, v8 } = Deno.version;
  const commit = build === null
    ? "unknown (no git, or not a checkout)"
    : `${build.commit} of ${build.date}${build.hasChanges ? ", with changes" : ""}`;
  return [
    `tcplab ${VERSION} (Deno ${deno}, ${Deno.build.os} ${Deno.build.arch})`,
    `commit   ${commit}`,
    `V8       ${v8}`,
    `libpcap  ${pcap?.replace(/^libpcap version /, "") ?? "not found (tcplab doctor says what to do)"}`,
    "",
  ].join("\n");
}

/** libpcap's version; null where it cannot be opened: the rest can be said all the same. */
export function pcapVersionOrNull(): string | null {
  try {
    return pcapVersion();
  } catch {
    return null;
  }
}
