/**
 * Unpacks a page's script, and runs it where this one stands.
 *
 * Owns: that, and the line for a browser that cannot. Must not know: what the script does. The bundler puts the packed text in
 * place of its name (scripts/bundle_page.ts).
 */
/// <reference lib="dom" />

const place = document.currentScript;

async function unpack(): Promise<void> {
  const bytes = Uint8Array.from(atob("PACKED_SCRIPT"), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  if (place instanceof HTMLScriptElement) script.nonce = place.nonce;
  script.textContent = await new Response(stream).text();
  document.body.append(script);
}

unpack().catch((error) => {
  const why = error instanceof Error ? error.message : String(error);
  document.getElementById("notes")?.append(`This page needs a browser of 2023 or later (${why})`);
});
