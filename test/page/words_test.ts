/** The page's words: each is used, each is there in both languages, and none is another's. */
import { assertEquals } from "@std/assert";
import { END_SETTINGS, SETTING_NAMES } from "../../src/play/end_settings.ts";
import { PLAY_WORDS } from "../../src/page/play_words.ts";
import { PAGE_WORDS, text } from "../../src/page/words.ts";

const FOLDER = new URL("../../src/page/", import.meta.url);

/** All of the page's code but for the words themselves. */
async function pageCode(): Promise<string> {
  const parts: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (!name.endsWith(".ts") || /^(play_)?words\.ts$/.test(name)) continue;
    parts.push(await Deno.readTextFile(new URL(name, FOLDER)));
  }
  return parts.join("\n");
}

Deno.test("every word of the page is shown somewhere", async () => {
  const code = await pageCode();
  const words = [...Object.keys(PAGE_WORDS), ...Object.keys(PLAY_WORDS)];
  const choices = Object.values(END_SETTINGS).flatMap((about) =>
    about.kind === "choice" ? about.choices : []
  );
  const made = [
    ...SETTING_NAMES.map((name) => `set_${name}`),
    ...choices.map((name) => `val_${name}`),
    // A finding's or a mark's confidence is the word.
    ...(/text\((mark\.)?confidence\)/.test(code) ? ["certain", "likely"] : []),
  ];
  const isUsed = (word: string) => made.includes(word) || code.includes(`"${word}"`);
  assertEquals(words.filter((word) => !isUsed(word)), []);
});

Deno.test("no word of the page is one of the playground's, and each takes in both languages what it takes in one", () => {
  assertEquals(Object.keys(PAGE_WORDS).filter((word) => Object.hasOwn(PLAY_WORDS, word)), []);
  for (const [word, [english, chinese]] of Object.entries({ ...PAGE_WORDS, ...PLAY_WORDS })) {
    assertEquals(english.includes("{}"), chinese.includes("{}"), word);
  }
  assertEquals(text("earlier", "7"), "7 lines before these: show more");
  assertEquals(text("notDrawn", "7"), "7 earlier segments are not drawn");
});
