/** Files that explain makes beside what it prints, the lines where it cannot, and about what is not in them; JSON with a choice of connections. */
import { basename } from "@std/path";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { CliError } from "../../src/cli/command.ts";
import { outputsWanted } from "../../src/cli/explain_outputs.ts";
import { parseSelection } from "../../src/cli/explain_selection.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { Story, type StoryOptions } from "../../src/story/story.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { pcapBytes } from "../wire/capture_writer.ts";

const CAPTURE = new URL("../wire/fixtures/tcp_bare.pcap", import.meta.url).pathname;

function explain(...options: readonly string[]): Promise<Explained> {
  return explainFile(CAPTURE, ...options);
}

interface Explained {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function explainFile(path: string, ...options: readonly string[]): Promise<Explained> {
  const [program, ...args] = [...selfCommand(), "explain", path, ...options];
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
    const said = "no connection is chosen, and nothing is written: see --connection and FILTER\n";
    assertEquals(none.stderr, `tcplab explain: --script: ${said}`);
    for (const option of ["--html", "--qlog", "--svg"]) {
      const empty = await explain(option, `${directory}/a`, "--show", "list", "dport", "=", ":1");
      assertEquals([empty.code, empty.stderr], [1, `tcplab explain: ${option}: ${said}`]);
    }
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

Deno.test("explain: no output takes the place of the capture or of another, by whatever name", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const capture = `${directory}/a.pcap`;
    const bytes = await Deno.readFile(CAPTURE);
    await Deno.writeFile(capture, bytes);
    await Deno.symlink(capture, `${directory}/link.pcap`);
    await Deno.link(capture, `${directory}/hard.pcap`);
    for (const name of ["a.pcap", "../" + basename(directory) + "/a.pcap", "link.pcap", "hard.pcap"]) {
      const path = `${directory}/${name}`;
      const { code, stdout, stderr } = await explainFile(capture, "-c", "1", "--qlog", path);
      assertEquals([code, stdout], [1, ""]);
      assertEquals(
        stderr,
        `tcplab explain: --qlog ${path} is the capture itself, which would be lost: give --qlog another file\n`,
      );
      assertEquals(await Deno.readFile(capture), bytes);
    }
    const out = `${directory}/out`;
    const both = await explainFile(capture, "-c", "1", "--qlog", out, "--svg", out);
    assertEquals([both.code, both.stdout], [1, ""]);
    assertEquals(
      both.stderr,
      `tcplab explain: --qlog ${out} is the file of --svg, which would be lost: give --qlog another file\n`,
    );
    assertEquals([...Deno.readDirSync(directory)].length, 3);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("explain: of a capture without TCP no file is made, and the status says so", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const capture = `${directory}/arp.pcap`;
    const data = new Uint8Array(60);
    data.set([0x08, 0x06], 12);
    await Deno.writeFile(
      capture,
      pcapBytes({ order: "little", records: [{ seconds: 1, fraction: 0, data }] }),
    );
    for (const form of [["--show", "list"], ["--json"]]) {
      const bare = await explainFile(capture, ...form);
      assertEquals([bare.code, bare.stderr.split("\n").length], [0, 2]);
      assertMatch(bare.stderr, /: no TCP in it \(1 packet: 1 [a-z-]+\)\n$/);
      for (const option of ["--html", "--qlog", "--svg", "--script"]) {
        const { code, stdout, stderr } = await explainFile(capture, ...form, option, `${directory}/out`);
        assertEquals([code, stdout], [1, bare.stdout], option);
        assertEquals(
          stderr,
          `${bare.stderr}tcplab explain: ${option}: no connection is chosen, and nothing is written: see --connection and FILTER\n`,
        );
      }
    }
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["arp.pcap"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** As many calls without an answer as there are segments in each; every connection is over when the next begins. */
function storyOf(calls: readonly number[], options: StoryOptions): Story {
  const story = new Story(options);
  let number = 0;
  for (const [at, segments] of calls.entries()) {
    for (let i = 0; i < segments; i++) {
      number++;
      story.add({
        number,
        time: number,
        source: `10.0.0.2:${2000 + at}`,
        destination: "10.0.0.1:80",
        flags: i === 0 ? FLAG.SYN : FLAG.ACK,
        seq: 100 + i,
        ack: 0,
        length: i === 0 ? 0 : 1,
        window: 1000,
        options: {},
      });
    }
  }
  return story;
}

async function written(
  name: string,
  { story, choice = [] }: { readonly story: Story; readonly choice?: readonly string[] },
): Promise<{ lines: readonly string[]; text: string }> {
  const path = await Deno.makeTempFile();
  try {
    const [output] = outputsWanted((option) => option === name ? path : undefined);
    const lines = await output.write({
      file: { file: "a.pcap", linkType: "Ethernet", frames: story.segments, skipped: {} },
      story,
      selection: parseSelection(choice, []),
      side: "server",
    });
    return { lines, text: await Deno.readTextFile(path) };
  } finally {
    await Deno.remove(path);
  }
}

function storedIn(text: string): { connections: unknown[]; leftOut: number } {
  return JSON.parse(/<script type="application\/json" id="story">(.*?)<\/script>/s.exec(text)?.[1] ?? "");
}

Deno.test("explain: connections of which no segments are kept are told, whatever the file", async () => {
  const story = storyOf([1, 1, 1, 1], { connections: 3 });
  const told = "1 of 4 connections left out, of which no segments are kept: choose by --connection N[,N...]";
  const qlog = await written("qlog", { story });
  assertEquals([qlog.lines, JSON.parse(qlog.text).traces.length], [[`--qlog: ${told}`], 3]);
  const html = await written("html", { story });
  const { connections, leftOut } = storedIn(html.text);
  assertEquals([html.lines, connections.length, leftOut], [[`--html: ${told}`], 3, 1]);
  // What is kept is not all that is chosen, so it is not the one that was meant.
  await assertRejects(
    () => written("svg", { story, choice: ["1,2"] }),
    CliError,
    "--svg is made of one connection, and 2 are chosen: add --connection 2, or another of them",
  );
  await assertRejects(
    () => written("svg", { story, choice: ["1"] }),
    CliError,
    "--svg: no segments are kept of what is chosen, and nothing is written: choose by --connection N",
  );
  assertEquals((await written("svg", { story, choice: ["2"] })).lines, []);
  assertEquals((await written("qlog", { story, choice: ["2,3,4"] })).lines, []);
});

Deno.test("explain: connections of which not even a summary is kept count, too", async () => {
  const story = storyOf([1, 1, 1, 1], { connections: 2, summaries: 1 });
  const told = "2 of 4 connections left out, of which no segments are kept: choose by --connection N[,N...]";
  assertEquals((await written("qlog", { story })).lines, [`--qlog: ${told}`]);
});

Deno.test("explain: segments that are not in a qlog are told, and how to have them", async () => {
  const rest =
    "the last 100000 of one are kept, fewer of many; choose fewer by --connection, or cut the capture (editcap -A, -B)";
  // The first 64 are kept besides.
  const one = storyOf([70, 74], { rows: 10 });
  const qlog = await written("qlog", { story: one, choice: ["1,2"] });
  assertEquals(qlog.lines, []);
  const { traces } = JSON.parse(qlog.text);
  assertEquals(traces.map(({ events }: { events: unknown[] }) => events.length), [70, 74]);
  const cut = storyOf([75, 3], { rows: 10 });
  assertEquals((await written("qlog", { story: cut })).lines, [
    `--qlog: 1 segment of connection #1 left out: ${rest}`,
  ]);
  const both = storyOf([75, 80], { rows: 10 });
  assertEquals((await written("qlog", { story: both })).lines, [
    `--qlog: 7 segments of 2 connections left out: ${rest}`,
  ]);
  await assertRejects(
    () => written("script", { story: cut, choice: ["1"] }),
    CliError,
    `--script: 1 segment of connection #1 missing: ${rest}`,
  );
});

Deno.test("explain: of more connections than a page holds the first are in it, and the others are told", async () => {
  const story = storyOf(Array.from({ length: 1002 }, () => 1), {});
  const { lines, text } = await written("html", { story });
  assertEquals(lines, ["--html: the first 1000 connections are in the page, 2 others left out"]);
  const { connections, leftOut } = storedIn(text);
  assertEquals([connections.length, leftOut], [1000, 2]);
  assertEquals((await written("html", { story, choice: ["1,2"] })).lines, []);
});
