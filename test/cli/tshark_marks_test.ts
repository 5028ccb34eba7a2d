/** Where tshark's expert and we differ on Linux's own frames, and why: the differences are known one by one. */
import { assertEquals } from "@std/assert";
import { compareMarks, judged } from "./tshark_marks.ts";

async function isInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("tshark", { args: ["--version"], stdout: "null", stderr: "null" })
      .output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "tshark's expert on frames of Linux: the same but for what SACK shows sooner",
  ignore: !await isInstalled(),
  fn: async () => {
    const told: unknown[] = [];
    let agreed = 0;
    for (const name of ["tcp_bare", "tcp_loss", "tcp_offload", "ipv6", "vlan"]) {
      const path = new URL(`../wire/fixtures/${name}.pcap`, import.meta.url).pathname;
      const comparison = await compareMarks(path);
      agreed += comparison.agreed;
      for (const difference of comparison.differences) {
        told.push([name, difference.frame, judged(difference)]);
      }
    }
    const why =
      "SACK shows the loss before there are three duplicate ACKs (RFC 6675, RFC 8985), or it goes on from one such";
    assertEquals(told, [["tcp_loss", 11, why], ["tcp_loss", 16, why], ["tcp_loss", 21, why]]);
    // Three duplicate ACKs, and a SYN sent again.
    assertEquals(agreed, 4);
  },
});
