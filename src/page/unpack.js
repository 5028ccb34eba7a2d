// Unpacks the page's script, and runs it where this one stands: the whole machine is in it, a third of its size.
(async () => {
  const place = document.currentScript;
  try {
    const bytes = Uint8Array.from(atob("PACKED_SCRIPT"), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.nonce = place.nonce;
    script.textContent = await new Response(stream).text();
    place.after(script);
  } catch (error) {
    document.getElementById("notes").textContent = `This page needs a browser of 2023 or later (${
      error instanceof Error ? error.message : error
    })`;
  }
})();
