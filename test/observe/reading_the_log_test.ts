/**
 * docs/reading_the_log.md and docs/output.md show what the program writes: each block below a comment `log: ARGUMENTS` is what `serve` with
 * these arguments logs of one and the same connection; below `ladder:` stands that connection's ladder. After a change on purpose, TCPLAB_WRITE_DOCS=1 writes them anew.
 */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { LOG_OPTIONS } from "../../src/cli/log_syntax.ts";
import { LOG_KINDS } from "../../src/observe/event_filter.ts";
import { ladderText } from "../../src/observe/ladder_text.ts";
import { EventStory } from "../../src/story/from_events.ts";
import { ladderOf } from "../../src/story/ladder.ts";
import { Story } from "../../src/story/story.ts";
import { toldStory } from "./told_story.ts";

const DOCS = new URL("../../docs/", import.meta.url);
const BLOCK = /(<!-- (log|ladder)(?: (\d+))?:(.*?) -->\n\n```text\n)(.*?)(\n?```)/gs;

/** The ladder of the connection, as `serve --log tui` and `explain` draw it. */
async function toldLadder(width: number): Promise<string> {
  const source = new EventStory(new Story());
  for (const line of (await toldStory(["--log", "json"])).split("\n")) source.observe(JSON.parse(line));
  const [connection] = source.story.connections();
  const { head, body, legend } = ladderText(ladderOf(connection), { width, color: false, isUtf8: true });
  return [...head, ...body, ...legend].join("\n");
}

/** The arguments as a shell would part them. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

for (const [path, least] of [["reading_the_log.md", 5], ["output.md", 1]] as const) {
  Deno.test(`docs/${path} shows what the program writes`, async () => {
    const url = new URL(path, DOCS);
    const page = await Deno.readTextFile(url);
    const blocks = [...page.matchAll(BLOCK)];
    let written = page;
    for (const [whole, before, form, width, args, shown, after] of blocks) {
      const columns = width === undefined ? Infinity : Number(width);
      const text = form === "ladder" ? await toldLadder(columns) : await toldStory(wordsOf(args), columns);
      written = written.replace(whole, () => before + text + "\n" + after.trimStart());
      if (Deno.env.get("TCPLAB_WRITE_DOCS") !== "1") assertEquals([args, shown], [args, text]);
    }
    if (written !== page) await Deno.writeTextFile(url, written);
    // A page without output, or with output that nobody holds, would pass.
    assertEquals(blocks.length, [...page.matchAll(/^```text$/gm)].length);
    assertGreaterOrEqual(blocks.length, least);
  });
}

Deno.test("docs/reading_the_log.md names every option of the log and every kind", async () => {
  const page = await Deno.readTextFile(new URL("reading_the_log.md", DOCS));
  assertEquals(LOG_OPTIONS.filter(({ name }) => !page.includes(`\`--${name}`)).map(({ name }) => name), []);
  assertEquals(LOG_KINDS.filter((kind) => !page.includes(`\`${kind}\``)), []);
});
