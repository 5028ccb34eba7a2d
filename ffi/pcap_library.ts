/**
 * libpcap itself: found, opened on the first request, shared by everyone after that.
 *
 * Owns: the names under which the library may be found, the environment override, and the message
 * when it is missing. Must not know: devices, frames.
 *
 * Needs `--allow-ffi`; with `--allow-env=TCPLAB_PCAP_LIBRARY` the override works too.
 */

import { readCString } from "./native_memory.ts";
import { PCAP_CODES, PcapError } from "./pcap_error.ts";
import { PCAP_SYMBOLS, type PcapSymbols } from "./pcap_symbols.ts";
import { hasRightsOfItsFile } from "./secure_execution.ts";

/** The environment variable that names another library file. */
export const PCAP_LIBRARY_VARIABLE = "TCPLAB_PCAP_LIBRARY";

/** The names of libpcap on a platform (named as in `Deno.build.os`), most likely first. */
export function pcapLibraryNames(os: string): readonly string[] {
  switch (os) {
    case "windows":
      // Npcap installs beside the system's libraries, not among them.
      return ["C:\\Windows\\System32\\Npcap\\wpcap.dll", "wpcap.dll"];
    case "darwin":
      return ["libpcap.A.dylib", "/usr/lib/libpcap.A.dylib", "libpcap.dylib"];
    default:
      // Upstream calls it .so.1; Debian and its kin kept the old .so.0.8.
      return ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];
  }
}

let shared: PcapSymbols | null = null;

/** libpcap's functions; opens the library at the first call. Throws {@link PcapError} when it cannot. */
export function pcapLibrary(): PcapSymbols {
  return shared ??= openPcapLibrary();
}

/** libpcap's own words about its version, as "libpcap version 1.10.3 (with TPACKET_V3)". */
export function pcapVersion(): string {
  return readCString(pcapLibrary().pcap_lib_version()) ?? "libpcap of unknown version";
}

/** libpcap's text for a result code. */
export function pcapStatusText(code: number): string {
  return readCString(pcapLibrary().pcap_statustostr(code)) ?? `error ${code}`;
}

/** libpcap's text for the last error on an open handle. */
export function pcapHandleText(handle: Deno.PointerObject): string {
  return readCString(pcapLibrary().pcap_geterr(handle)) ?? "";
}

/** The code hidden in the text of a function that returns only text: libpcap puts its status text into it. */
export function pcapCodeInText(text: string): number {
  const told: readonly number[] = [
    PCAP_CODES.promiscPermissionDenied,
    PCAP_CODES.permissionDenied,
    PCAP_CODES.noSuchDevice,
    PCAP_CODES.interfaceNotUp,
    PCAP_CODES.captureNotSupported,
  ];
  return told.find((code) => text.includes(pcapStatusText(code))) ?? PCAP_CODES.error;
}

function openPcapLibrary(): PcapSymbols {
  const override = environmentOverride();
  const names = override === null ? pcapLibraryNames(Deno.build.os) : [override];
  let first: unknown = null;
  for (const name of names) {
    try {
      return Deno.dlopen(name, PCAP_SYMBOLS).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw notAllowed(error);
      first ??= error;
    }
  }
  throw new PcapError({
    operation: "dlopen",
    code: PCAP_CODES.error,
    what: `libpcap could not be loaded (tried ${names.join(", ")})`,
    detail: loaderText(first),
    remedy: override === null
      ? `Install it: ${installHint(Deno.build.os)}; or set ${PCAP_LIBRARY_VARIABLE} to the library's file`
      : `${PCAP_LIBRARY_VARIABLE} names this file: correct it, or unset it to use the system's library`,
  });
}

/**
 * The override, or null; asks nobody for a permission that was not given. Whoever starts a program that has rights by
 * its file (`setcap`) must not choose the code that runs with them, as the system's loader ignores LD_LIBRARY_PATH there.
 */
function environmentOverride(): string | null {
  const granted =
    Deno.permissions.querySync({ name: "env", variable: PCAP_LIBRARY_VARIABLE }).state === "granted";
  if (!granted || hasRightsOfItsFile()) return null;
  const value = Deno.env.get(PCAP_LIBRARY_VARIABLE);
  return value === undefined || value === "" ? null : value;
}

function notAllowed(error: Error): PcapError {
  return new PcapError({
    operation: "dlopen",
    code: PCAP_CODES.permissionDenied,
    what: "libpcap could not be loaded",
    detail: error.message,
    remedy: "Run Deno with --allow-ffi",
  });
}

function loaderText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^Could not open library: /, "");
}

function installHint(os: string): string {
  switch (os) {
    case "windows":
      return "Npcap from https://npcap.com";
    case "darwin":
      return "it is part of macOS; or `brew install libpcap`";
    default:
      return "`sudo apt-get install libpcap0.8` (Debian, Ubuntu; libpcap0.8t64 on the newest), " +
        "`sudo dnf install libpcap` (Fedora), `sudo apk add libpcap` (Alpine)";
  }
}
