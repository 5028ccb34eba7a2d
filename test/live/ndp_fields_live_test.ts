/**
 * What Linux says over ICMPv6 today, read by us and by tshark, field by field: neighbours, duplicate addresses, routers, groups, echo,
 * fragments, redirects and errors, as fixtures/ndp_capture.sh of the wire's tests provokes them.
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Fields } from "../wire/field_words.ts";
import { assertReadAs } from "../wire/frame_fields.ts";
import { assertLinuxAgrees, assertSaysAll } from "../wire/ndp_capture.ts";
import { readFrames } from "../wire/pcap_file.ts";
import { liveTest } from "./private_lab.ts";

const FIXTURES = fromFileUrl(new URL("../wire/fixtures/", import.meta.url));
const NEEDS = ["python3", "ping", "tshark", "dumpcap"];

/** Gone when it is disposed of. */
async function scratchDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "tcplab-live-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

liveTest(
  "each ICMPv6 message of Linux reads as tshark reads it, and Linux complains of what we refuse, as we would",
  { needs: NEEDS, pcap: false },
  async (lab) => {
    await using directory = await scratchDirectory();
    const capture = `${directory.path}/ndp.pcap`;
    // The lab's own namespaces have room for three hosts more.
    for (
      const words of [["sh", `${FIXTURES}ndp_capture.sh`, "inside", capture], [
        "python3",
        `${FIXTURES}describe.py`,
        capture,
      ]]
    ) {
      const { code, stderr } = await lab.run({ words });
      assertEquals(code, 0, stderr);
    }
    const frames = readFrames(new URL(`file://${capture}`));
    const said: Fields[] = JSON.parse(await Deno.readTextFile(`${directory.path}/ndp.json`));
    assertReadAs(frames, said);
    assertSaysAll(frames);
    assertLinuxAgrees(frames);
  },
);
