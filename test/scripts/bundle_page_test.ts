/** The page, put together: one document that needs nothing else, and a script that names nothing that a browser has not. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { bundlePage, PAGES } from "../../scripts/bundle_page.ts";

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

Deno.test("the playground is one file of less than 400 kB, the machine in it, that may ask nobody for anything", async () => {
  const { document, script } = await bundlePage(PAGES.play.entry);
  const size = new TextEncoder().encode(document).length;
  assert(size < 400_000, `${size}`);
  assertEquals([...document.matchAll(/\b(?:src|href)="(?!data:)[^"]*"/g)].map(([found]) => found), []);
  assertStringIncludes(
    document,
    `content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; `,
  );
  assertEquals(document.includes("/* SCRIPT */") || document.includes("PACKED_SCRIPT"), false);
  // What is carried is the script, and others' licence is read without unpacking it.
  const letters = /atob\("([A-Za-z0-9+/=]+)"\)/.exec(document)?.[1] ?? "";
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(unpacked).text(), script);
  assertStringIncludes(document, "The MIT License");
});

for (const { entry } of Object.values(PAGES)) {
  Deno.test(`nothing in a page makes markup or code of text, what a peer has sent stays text: ${entry}`, async () => {
    const { script } = await bundlePage(entry);
    const makers =
      /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|setHTML|\beval\b|\bFunction\(/;
    assertEquals(makers.exec(script), null);
  });
}

Deno.test("a script that names Deno or node: is refused, with what it names", async () => {
  await assertRejects(() => bundlePage("scripts/check_files.ts"), Error, "which a browser does not have");
  await assertRejects(() => bundlePage("src/runtime/pump.ts"), Error, "node:timers");
});
