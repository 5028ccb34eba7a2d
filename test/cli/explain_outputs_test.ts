/** Files that explain makes beside what it prints, and the lines where it cannot; JSON with a choice of connections. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";

const CAPTURE = new URL("../wire/fixtures/tcp_bare.pcap", import.meta.url).pathname;

async function explain(
  ...options: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...args] = [...selfCommand(), "explain", CAPTURE, ...options];
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("explain: one connection as picture, script and qlog, at once, beside the JSON of it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [svg, script, qlog] = ["a.svg", "a.pkt", "a.qlog"].map((name) => `${directory}/${name}`);
    const wanted = ["--svg", svg, "--script", script, "--qlog", qlog, "--side", "client"];
    const { code, stdout, stderr } = await explain("--json", "-c", "1", ...wanted);
    assertEquals([code, stderr], [0, ""]);
    const { file, frames, skipped, connections } = JSON.parse(stdout);
    assertEquals([file, frames, skipped], [CAPTURE, 12, {}]);
    assertEquals(connections.map(({ id, outcome }: { id: number; outcome: string }) => [id, outcome]), [[
      1,
      "closed",
    ]]);
    const picture = await Deno.readTextFile(svg);
    assertMatch(picture, /^<svg /);
    assertStringIncludes(picture, "tcp_bare.pcap, connection #1");
    assertMatch(
      await Deno.readTextFile(script),
      /^\/\/ tcp_bare\.pcap, connection #1: .*\n\/\/ The stack under test is the client/,
    );
    const { traces } = JSON.parse(await Deno.readTextFile(qlog));
    assertEquals(traces.map(({ vantage_point }: { vantage_point: { type: string } }) => vantage_point.type), [
      "client",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("explain: all connections, or those that are chosen, as one page that stands alone", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const storyIn = async (...options: readonly string[]) => {
      const path = `${directory}/a.html`;
      const { code, stderr } = await explain("--show", "list", "--html", path, ...options);
      assertEquals([code, stderr], [0, ""]);
      const text = await Deno.readTextFile(path);
      assertMatch(text, /^<!doctype html>/);
      assertStringIncludes(text, "default-src 'none'");
      return JSON.parse(/<script type="application\/json" id="story">(.*?)<\/script>/s.exec(text)?.[1] ?? "");
    };
    const ids = ({ connections }: { connections: { explained: { id: number } }[] }) =>
      connections.map(({ explained }) => explained.id);
    const all = await storyIn();
    assertEquals([all.title, ids(all), all.leftOut], ["tcp_bare.pcap", [1, 2], 0]);
    assertEquals(ids(await storyIn("-c", "2")), [2]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("explain: what no file can be made of, or where none can be written", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const several = await explain("--show", "list", "--svg", `${directory}/a.svg`);
    assertEquals([several.code, several.stderr], [
      1,
      "tcplab explain: --svg is made of one connection, and 2 are chosen: add --connection 1, or another of them\n",
    ]);
    const none = await explain("-c", "7", "--script", `${directory}/a.pkt`);
    assertEquals([none.code, none.stdout.split("\n").at(-2)], [1, "No connection of 2 is chosen."]);
    assertMatch(none.stderr, /^tcplab explain: --script: no connection is chosen/);
    const nowhere = await explain("-c", "1", "--qlog", `${directory}/none/a.qlog`);
    assertEquals(nowhere.code, 1);
    assertMatch(nowhere.stderr, /^tcplab explain: .*\/none\/a\.qlog cannot be written \(/);
    assertEquals([...Deno.readDirSync(directory)], []);
    const wrong = await explain("--side", "middle");
    assertEquals(wrong.code, 2);
    assertMatch(wrong.stderr, /^tcplab explain: --side middle: expected one of client, server\n/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
