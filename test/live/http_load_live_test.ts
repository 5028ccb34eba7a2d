/**
 * `serve --app http` under load and over a bad path: wrk with a thousand connections, curl with much to carry.
 *
 * TCPLAB_LONG=1 takes the full forms: a minute, and a gigabyte each way.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { createHash } from "node:crypto";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const isLong = Deno.env.get("TCPLAB_LONG") === "1";
const SECONDS = isLong ? 60 : 5;
const BYTES = isLong ? 1_000_000_000 : 64_000_000;
const HTTP = ["--app", "http", "--port", "80"];

liveTest(`wrk with 1,000 connections for ${SECONDS} s: not one error`, { needs: ["wrk"] }, async (lab) => {
  await using server = await ServeProcess.start(lab, {
    args: [...HTTP, "--hide", "segments,transitions,data,retransmits,drops"],
    quiet: true,
  });
  const url = `http://${lab.plan.tcplabAddress}/time`;
  const words = ["wrk", "-t1", "-c1000", `-d${SECONDS}s`, "--timeout", "10s", url];
  const { stdout, stderr, code } = await lab.run({ side: "client", words });
  console.log(stdout);
  assertEquals(code, 0, stderr);
  assert(!/Socket errors|Non-2xx/.test(stdout), stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  // That something was asked at all: 720 in five seconds on two cores that twenty programs wanted. How many is no matter of this test.
  assertGreater(requests, 100, stdout);
  assertEquals((await server.stop()).code, 0);
  const [{ counters }] = server.all("summary");
  assert((counters["http-responses"] ?? 0) >= requests);
  assert(!Object.keys(counters).some((name) => name.startsWith("http-refused")), JSON.stringify(counters));
  assertEquals(counters["http-failures"], undefined);
});

liveTest(
  `curl carries ${BYTES / 1e6} MB down and up with the right sum, though 1 % of all frames are lost`,
  { needs: ["curl", "sha256sum"] },
  async (lab) => {
    await using server = await ServeProcess.start(lab, {
      args: [...HTTP, "--fault", "drop=1%,seed=13"],
      quiet: true,
    });
    const url = `http://${lab.plan.tcplabAddress}`;
    await using file = await scratchFile(".bin");
    const patience = ["--max-time", "900", "-sS", "-w", "%{speed_download} %{speed_upload}\n"];
    const down = await lab.run({
      side: "client",
      words: ["curl", ...patience, "-o", file.path, `${url}/bytes/${BYTES}`],
    });
    assertEquals(down.code, 0, down.stderr);
    const sum = (await lab.run({ side: "client", words: ["sha256sum", file.path] })).stdout.slice(0, 64);
    assertEquals(sum, patternSum());
    const up = await lab.run({
      side: "client",
      words: ["curl", ...patience, "-T", file.path, `${url}/upload`],
    });
    assertEquals(up.code, 0, up.stderr);
    const said: { bytes: number; sha256: string } = JSON.parse(
      up.stdout.slice(0, up.stdout.indexOf("}") + 1),
    );
    assertEquals([said.bytes, said.sha256], [BYTES, sum]);
    console.log(
      `bytes a second: down ${down.stdout.trim()}, up ${up.stdout.slice(up.stdout.indexOf("}") + 1).trim()}`,
    );
    assertEquals((await server.stop()).code, 0);
    const [{ counters }] = server.all("summary");
    assertGreater(counters["fault-out-dropped"] ?? 0, BYTES / 1460 / 500, JSON.stringify(counters));
  },
);

/** The sum of what `/bytes/N` has: 0 to 255 again and again. */
function patternSum(): string {
  const pattern = Uint8Array.from({ length: 256_000 }, (_, at) => at & 0xff);
  const hash = createHash("sha256");
  for (let left = BYTES; left > 0; left -= pattern.length) {
    hash.update(pattern.subarray(0, Math.min(left, pattern.length)));
  }
  return hash.digest("hex");
}
