/** Captures made by hand and by Linux, read by us and by tshark: the same frames, times, lengths and fields. */
import { assertEquals, assertGreater } from "@std/assert";
import { HAS_TSHARK } from "../observe/capture_reading.ts";
import { SAMPLES } from "./capture_samples.ts";
import { assertReadAsTshark, editedCapture } from "./tshark_frames.ts";

const FORMATS = ["pcap", "nsecpcap", "modpcap", "pcapng"];
/** Captures of Linux, with what it does on a veth: partial checksums, segments of 64 KiB. */
const LINUX_CAPTURES = ["tcp_loss", "tcp_bare", "tcp_offload", "ipv6", "vlan", "icmp"];

async function withFile(file: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${directory}/capture`, file);
    await body(`${directory}/capture`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const { name, file, packets } of SAMPLES) {
  Deno.test({
    name: `tshark reads the same: ${name}`,
    ignore: !HAS_TSHARK,
    fn: () =>
      withFile(file, async (path) => {
        const { frames, segments } = await assertReadAsTshark(path);
        assertEquals([frames, segments], [packets, packets]);
      }),
  });
}

for (const name of LINUX_CAPTURES) {
  Deno.test({
    name: `tshark reads the same: ${name} as Linux sent it, in every format and cut`,
    ignore: !HAS_TSHARK,
    fn: () =>
      withFile(Deno.readFileSync(new URL(`fixtures/${name}.pcap`, import.meta.url)), async (path) => {
        const counts = await assertReadAsTshark(path);
        assertGreater(counts.frames, 0);
        if (name !== "icmp") assertGreater(counts.segments, 0);
        for (const format of FORMATS) {
          assertEquals(await assertReadAsTshark(await editedCapture(path, ["-F", format])), counts);
        }
        await assertReadAsTshark(await editedCapture(path, ["-F", "pcapng", "-s", "80"]));
      }),
  });
}
