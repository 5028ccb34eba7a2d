/** runScriptFile on a wire: what is recorded is in the file while the script waits, not only when it has ended. */
import { assert, assertEquals } from "@std/assert";
import { parseOptions } from "../../src/cli/options.ts";
import { RUN_OPTIONS, runSettings } from "../../src/cli/run_options.ts";
import { runScriptFile } from "../../src/cli/run_script.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { HOST_MAC } from "../../src/script/router_end.ts";

const SCRIPT = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 1000
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 1000
`;

Deno.test("whoever breaks off a script on a wire has its recording up to there", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [script, recording] = [`${directory}/s.pkt`, `${directory}/s.pcapng`];
    await Deno.writeTextFile(script, SCRIPT);
    const args = ["--live", "--iface", "memory", "--ip", "10.9.0.2/24", "--write", recording];
    const syntax = { command: "run", synopsis: "", description: "", options: RUN_OPTIONS, examples: [] };
    const settings = runSettings(parseOptions(args, syntax));
    const [link] = memoryPair({ macA: HOST_MAC });
    let nowUs = 0;
    const sizes: { readonly atUs: number; readonly bytes: number }[] = [];
    const wire = {
      link,
      nowUs: () => nowUs += 1,
      sleep: (us: number) => {
        sizes.push({ atUs: nowUs, bytes: Deno.statSync(recording).size });
        nowUs += us;
      },
    };
    const { verdict, reason } = await runScriptFile(script, { settings, wire });
    assertEquals([verdict, reason], ["pass", null]);
    const beforeSyn = sizes.find(({ atUs }) => atUs < 100_000);
    const behindSyn = sizes.findLast(({ atUs }) => atUs > 100_000 && atUs < 200_000);
    assert(beforeSyn !== undefined && behindSyn !== undefined, JSON.stringify(sizes));
    // SYN, SYN,ACK and their transitions.
    assert(behindSyn.bytes >= beforeSyn.bytes + 200, JSON.stringify([beforeSyn, behindSyn]));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
