/**
 * `serve --app http` beyond 2^32 octets: ranges of a file, a whole answer, a whole upload.
 *
 * Files are sparse, with a word across each border. TCPLAB_LONG=1 also carries five gigabytes each way.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
const MISSING = { missing: IS_LONG ? null : "takes minutes, TCPLAB_LONG=1 runs it" };
/** Octets of the file. */
const SIZE = 5_000_000_000;
/** Words, and where each begins: before 2^31, before 2^32, and at the end. */
const WORDS: readonly (readonly [word: string, at: number])[] = [
  ["second", 2 ** 31 - 3],
  ["fourth", 2 ** 32 - 3],
  ["end", SIZE - 3],
];

interface FarFile extends AsyncDisposable {
  readonly directory: string;
}

async function farFile(): Promise<FarFile> {
  const directory = await Deno.makeTempDir({ prefix: "tcplab-far-" });
  await Deno.chmod(directory, 0o755);
  using file = await Deno.open(`${directory}/far.bin`, { create: true, write: true });
  await file.truncate(SIZE);
  for (const [word, at] of WORDS) {
    await file.seek(at, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(word));
  }
  return { directory, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
}

/** What curl says on the client's side; fails with its own words. */
async function curl(lab: PrivateLab, script: string): Promise<string> {
  const words = ["sh", "-c", `U=http://${lab.plan.tcplabAddress}; ${script}`];
  const { code, stdout, stderr } = await lab.run({ side: "client", words });
  assertEquals(code, 0, `${script}\n${stderr}`);
  return stdout;
}

liveTest("HTTP: a file of five gigabytes is told with its length and given in ranges beyond 2^31 and 2^32", {
  needs: ["curl"],
}, async (lab) => {
  await using file = await farFile();
  const args = ["--app", "http", "--port", "80", "--www", file.directory];
  await using server = await ServeProcess.start(lab, { args, quiet: true });
  const head = await curl(lab, "curl -sSI $U/far.bin");
  assertEquals(/^content-length: (\d+)/im.exec(head)?.[1], String(SIZE), head);
  for (const [word, at] of WORDS) {
    const range = `${at}-${at + word.length - 1}`;
    const answer = await curl(lab, `curl -sS -D /dev/stderr -r ${range} $U/far.bin 2>&1`);
    assertEquals(/^content-range: (.*?)\r?$/im.exec(answer)?.[1], `bytes ${range}/${SIZE}`, answer);
    assertEquals(answer.slice(-word.length), word);
  }
  assertEquals(await curl(lab, "curl -sS -r -3 $U/far.bin"), "end");
  const lastMillion = await curl(lab, `curl -sS -r ${SIZE - 1_000_000}- $U/far.bin | wc -c`);
  assertEquals(lastMillion.trim(), "1000000");
  const beyond = `curl -sS -o /dev/null -w "%{http_code}" -r ${SIZE}- $U/far.bin`;
  assertEquals(await curl(lab, beyond), "416");
  assertEquals((await server.stop()).code, 0);
});

liveTest("HTTP: five gigabytes down and up, by length and in chunks", {
  ...MISSING,
  needs: ["curl", "sha256sum"],
}, async (lab) => {
  await using file = await farFile();
  const path = `${file.directory}/far.bin`;
  const args = ["--app", "http", "--port", "80", "--www", file.directory];
  const sum = (await curl(lab, `sha256sum < ${path}`)).slice(0, 64);
  {
    await using server = await ServeProcess.start(lab, { args, quiet: true });
    assertEquals((await curl(lab, "curl -sS $U/far.bin | sha256sum")).slice(0, 64), sum);
    assertEquals((await server.stop()).code, 0);
  }
  // The status page, which counts uploads, is what is served without a directory.
  await using server = await ServeProcess.start(lab, { args: args.slice(0, -2), quiet: true });
  for (const how of ["", `-H "Transfer-Encoding: chunked"`]) {
    const answer = await curl(lab, `curl -sS ${how} -T ${path} $U/upload`);
    const said: { bytes: number; sha256: string } = JSON.parse(answer);
    assertEquals([said.bytes, said.sha256], [SIZE, sum], how);
  }
  assertEquals((await server.stop()).code, 0);
});
