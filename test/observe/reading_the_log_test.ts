/**
 * docs/reading_the_log.md shows what the program writes: each block below a comment `log: ARGUMENTS` is what `serve` with
 * these arguments logs of one and the same connection. After a change on purpose, TCPLAB_WRITE_DOCS=1 writes them anew.
 */
import { assertEquals } from "@std/assert";
import { LOG_OPTIONS } from "../../src/cli/log_syntax.ts";
import { LOG_KINDS } from "../../src/observe/event_filter.ts";
import { toldStory } from "./told_story.ts";

const PAGE = new URL("../../docs/reading_the_log.md", import.meta.url);
const BLOCK = /(<!-- log(?: (\d+))?:(.*?) -->\n\n```text\n)(.*?)(\n```)/gs;

/** The arguments as a shell would part them. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

Deno.test("docs/reading_the_log.md shows what the program writes", async () => {
  const page = await Deno.readTextFile(PAGE);
  const blocks = [...page.matchAll(BLOCK)];
  let written = page;
  for (const [whole, before, width, args, shown, after] of blocks) {
    const text = await toldStory(wordsOf(args), width === undefined ? Infinity : Number(width));
    written = written.replace(whole, () => before + text + after);
    if (Deno.env.get("TCPLAB_WRITE_DOCS") !== "1") assertEquals([args, shown], [args, text]);
  }
  if (written !== page) await Deno.writeTextFile(PAGE, written);
  // A page without output, or with output that nobody holds, would pass.
  assertEquals(blocks.length, [...page.matchAll(/^```text$/gm)].length);
  assertEquals(blocks.length > 4, true);
});

Deno.test("docs/reading_the_log.md names every option of the log and every kind", async () => {
  const page = await Deno.readTextFile(PAGE);
  assertEquals(LOG_OPTIONS.filter(({ name }) => !page.includes(`\`--${name}`)).map(({ name }) => name), []);
  assertEquals(LOG_KINDS.filter((kind) => !page.includes(`\`${kind}\``)), []);
});
