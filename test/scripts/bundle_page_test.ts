/** The page, put together: one document that needs nothing else, and a script that names nothing that a browser has not. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { bundlePage } from "../../scripts/bundle_page.ts";

Deno.test("the page is one document with style and script in it, which loads nothing and is far below its bound", async () => {
  const { document, script, style } = await bundlePage();
  assert(document.includes(script) && document.includes(style));
  assertEquals([...document.matchAll(/nonce="([^"]*)"/g)].map(([, nonce]) => nonce), [
    "NONCE_OF_THIS_ANSWER",
    "NONCE_OF_THIS_ANSWER",
  ]);
  assertEquals([...document.matchAll(/<script|<\/script/g)].length, 2);
  assertEquals([...document.matchAll(/\b(?:src|href)="(?!data:)[^"]*"/g)].map(([found]) => found), []);
  assertEquals([...document.matchAll(/https?:\/\/[^"'` )]+/g)].map(([found]) => found), [
    "http://www.w3.org/2000/svg",
  ]);
  assert(document.length < 250_000, `${document.length}`);
});

Deno.test("nothing in the page makes markup or code of text: what a peer has sent stays text", async () => {
  const { script } = await bundlePage();
  const makers =
    /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|setHTML|\beval\b|\bFunction\(/;
  assertEquals(makers.exec(script), null);
});

Deno.test("a script that names Deno or node: is refused, with what it names", async () => {
  await assertRejects(() => bundlePage("scripts/check_files.ts"), Error, "which a browser does not have");
  await assertRejects(() => bundlePage("src/runtime/pump.ts"), Error, "node:timers");
});
