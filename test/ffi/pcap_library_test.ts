/** Finding libpcap, and what is said when it cannot be found or used. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  PCAP_LIBRARY_VARIABLE,
  pcapLibrary,
  pcapLibraryNames,
  pcapStatusText,
  pcapVersion,
} from "../../ffi/pcap_library.ts";
import { PCAP_CODES } from "../../ffi/pcap_error.ts";
import { withoutLibpcap } from "./native_library.ts";

const MODULE = new URL("../../ffi/pcap_library.ts", import.meta.url).href;

/** Runs a program that asks for libpcap's version in a fresh process; returns what it prints. */
async function versionElsewhere(permissions: string[], library: string | null): Promise<string> {
  const code = `import { pcapVersion } from ${JSON.stringify(MODULE)};
    try { console.log(pcapVersion()); } catch (error) { console.log(error.name + ": " + error.message); }`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, code);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", ...permissions, file],
      env: library === null ? {} : { [PCAP_LIBRARY_VARIABLE]: library },
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("libpcap: every platform has names to try", () => {
  assertEquals(pcapLibraryNames("linux"), ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"]);
  assert(pcapLibraryNames("darwin").includes("libpcap.A.dylib"));
  assert(pcapLibraryNames("windows").includes("wpcap.dll"));
});

Deno.test("libpcap: the override is obeyed, and a missing file is explained in one line", async () => {
  const allowed = ["--allow-ffi", `--allow-env=${PCAP_LIBRARY_VARIABLE}`];
  const text = await versionElsewhere(allowed, "/nonexistent/libpcap.so");
  assertStringIncludes(text, "PcapError: libpcap could not be loaded (tried /nonexistent/libpcap.so)");
  assertStringIncludes(text, "No such file");
  assertStringIncludes(text, `${PCAP_LIBRARY_VARIABLE} names this file`);
  assert(!text.includes("\n"));
});

Deno.test(
  "libpcap: a library without its functions is refused",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const allowed = ["--allow-ffi", `--allow-env=${PCAP_LIBRARY_VARIABLE}`];
    assertStringIncludes(
      await versionElsewhere(allowed, "libc.so.6"),
      "PcapError: libpcap could not be loaded",
    );
  },
);

Deno.test("libpcap: without --allow-ffi the message says so", async () => {
  assertStringIncludes(await versionElsewhere([], null), "Run Deno with --allow-ffi");
});

Deno.test({
  name: `libpcap: without the environment permission the override is left aside${withoutLibpcap}`,
  ignore: withoutLibpcap !== "" || Deno.env.get(PCAP_LIBRARY_VARIABLE) !== undefined,
  async fn() {
    assertMatch(await versionElsewhere(["--allow-ffi"], "/nonexistent/libpcap.so"), /^libpcap version/);
  },
});

Deno.test({
  name: `libpcap: opened once, with a version and texts${withoutLibpcap}`,
  ignore: withoutLibpcap !== "",
  fn() {
    assert(pcapLibrary() === pcapLibrary());
    assertMatch(pcapVersion(), /libpcap/);
    assertMatch(pcapStatusText(PCAP_CODES.interfaceNotUp), /not up/);
  },
});
