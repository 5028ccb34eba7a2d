/** What the tests of ffi/ share: whether libpcap is here, and files that vanish with their test. */

import { libc } from "../../ffi/libc.ts";
import { pcapLibrary } from "../../ffi/pcap_library.ts";

function reasonToSkip(): string {
  try {
    // Both are opened here, outside any test, for a test that leaves a library open counts as leaking.
    pcapLibrary();
    if (Deno.build.os !== "windows") libc();
    return "";
  } catch (error) {
    return ` (skipped: ${error instanceof Error ? error.message.split(":")[0] : "no libpcap"})`;
  }
}

/** The end of a test's name that says why it is skipped; empty where libpcap can be used. */
export const withoutLibpcap: string = reasonToSkip();

/** A file with `bytes` that is removed at the end of its block. */
export async function temporaryFile(bytes: Uint8Array): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ prefix: "tcplab-", suffix: ".pcap" });
  await Deno.writeFile(path, bytes);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
