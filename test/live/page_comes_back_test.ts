/** A page whose stream breaks while it is open: it comes back by itself, and shows what it would show if nothing had been. */
import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { chartHas, noBrowser, pageAddress, PageBrowser } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

/** Local choice: a page's time goes on by itself up to where it is to stand; nobody is held up for so long. */
const HOUR_MS = 3_600_000;

/** In the browser, before the page's own script: its streams are where a test can reach them. */
const KEEP_STREAMS = `{
  const Native = WebSocket;
  globalThis.streams = [];
  globalThis.WebSocket = class extends Native {
    constructor(address) {
      super(address);
      globalThis.streams.push(this);
    }
  };
}`;

liveTest(
  "a page alone whose stream breaks shows each segment once when it is back, and what ended meanwhile",
  {
    missing: noBrowser,
    needs: ["nc"],
  },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--ui"] });
    await using browser = await PageBrowser.start(lab);
    const address = await pageAddress(server);
    const page = await browser.open(address, {
      prepare: async (opened) => {
        await opened.clock.install({ time: 0 });
        await opened.addInitScript({ content: KEEP_STREAMS });
      },
    });
    await page.locator('[data-status="live"]').waitFor();
    const client = lab.spawn({ side: "client", words: ["nc", lab.plan.tcplabAddress, "3333"], stdin: true });
    const encoder = new TextEncoder();
    const received = (count: string) =>
      page.locator('[data-connection="1"] [data-column="in"]').getByText(count, { exact: true }).waitFor();
    await client.write(encoder.encode("hello\n"));
    await received("6");
    const before = await segmentsOf(page);
    await breaksFor(page, () => Promise.resolve());
    await client.write(encoder.encode("again\n"));
    await received("12");
    await chartHas(page, { server, least: 3 });
    // As a page shows it that was opened just now.
    const fresh = await browser.open(address);
    await chartHas(fresh, { server, least: 3 });
    let after: string[] = [];
    // A segment that is told twice would be marked as one that was sent again; a busy machine has some that are.
    await waitFor(async () => {
      after = await segmentsOf(page);
      const shown = [...after, ...await marksOf(page)].join();
      return shown === [...await segmentsOf(fresh), ...await marksOf(fresh)].join();
    }, { what: "the same segments and marks in both pages" });
    assertEquals(after.slice(0, before.length), before);
    // It breaks once more, and the connection ends before it is back.
    await fresh.close();
    const segments = after.length;
    await breaksFor(page, async () => {
      await waitFor(() => client.stdout.endsWith("again\n"), { what: "the echo, at the client" });
      assertEquals((await client.stop(2000)).stdout, "hello\nagain\n");
      await server.event("closed");
    });
    await page.locator('[data-connection="1"][data-over="true"][aria-selected="true"]').waitFor();
    await page.locator('[aria-label="Sequence diagram"] [data-flags*="FIN"]').first().waitFor();
    const last = await segmentsOf(page);
    assertEquals(last.slice(0, segments), after);
    // Another begins before it is back, of which another page has heard all: it is the newest, which the page follows.
    const other = await browser.open(address);
    await other.locator('[data-status="live"]').waitFor();
    await breaksFor(page, async () => {
      lab.spawn({ side: "client", words: ["nc", lab.plan.tcplabAddress, "3333"], stdin: true });
      await other.locator('[data-connection="2"][aria-selected="true"]').waitFor();
    });
    await page.locator('[data-connection="2"][aria-selected="true"]').waitFor();
    assertEquals(await page.evaluate("streams.length"), 4);
    assertEquals(browser.complaints, []);
  },
);

/** Breaks its stream; its time stands until `act` is done, and it tries again only then, however long that takes. */
async function breaksFor(page: Page, act: () => Promise<void>): Promise<void> {
  await page.clock.pauseAt(await page.evaluate(() => Date.now()) + HOUR_MS);
  await page.evaluate("streams.at(-1).close()");
  await page.locator('[data-status="trying"]').waitFor();
  await act();
  await page.clock.resume();
  await page.locator('[data-status="live"]').waitFor();
}

/** Of the ladder: what is remarkable in it. */
function marksOf(page: Page): Promise<(string | null)[]> {
  return page.locator("[data-mark]").evaluateAll((all) => all.map((one) => one.getAttribute("data-mark")));
}

/** Of the ladder: each segment's number and flags. */
function segmentsOf(page: Page): Promise<string[]> {
  return page.locator('[aria-label="Sequence diagram"] [data-segment]').evaluateAll((all) =>
    all.map((one) => `${one.getAttribute("data-segment")} ${one.getAttribute("data-flags")}`)
  );
}
