/** More pages than a server tells: the one too many says why it is empty, and asks seldom until there is room. */
import { assertEquals } from "@std/assert";
import { noBrowser, pageAddress, PageBrowser } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

/** In the browser: as many streams as other tabs would have, besides the page's own. */
const FIFTEEN_MORE = `(async () => {
  const address = "ws://" + location.host + "/api/stream" + location.search;
  globalThis.streams = Array.from({ length: 15 }, () => new WebSocket(address));
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.onmessage = resolve)));
})()`;

/** In the browser: how many pages the server counts. */
const PAGES = `fetch("/metrics" + location.search).then((answer) => answer.text())
  .then((text) => /^tcplab_pages (\\d+)/m.exec(text)[1])`;

liveTest(
  "the seventeenth page is told that there are too many, in its language, and comes in when one has gone",
  {
    missing: noBrowser,
  },
  async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--ui"] });
    await using browser = await PageBrowser.start(lab);
    const address = await pageAddress(server);
    const first = await browser.open(address);
    await first.locator('[data-status="live"]').waitFor();
    await first.evaluate(FIFTEEN_MORE);
    let streams = 0;
    const late = await browser.open(address, {
      prepare: async (page) => {
        page.on("websocket", () => streams++);
        // Its time stands, however long the browser takes for a step.
        await page.clock.install({ time: 0 });
        await page.clock.pauseAt(1000);
      },
    });
    const status = late.locator("[data-status]");
    await status.getByText("too many pages look on: close one").waitFor();
    assertEquals(await status.getAttribute("data-status"), "full");
    await late.keyboard.press("l");
    await status.getByText("打开的页面太多").waitFor();
    await first.evaluate("streams.pop().close()");
    // Before the server has heard that it is gone there is no room.
    await waitFor(async () => Number(await first.evaluate(PAGES)) === 15, { what: "fifteen pages" });
    // Half a minute is not over, then it is.
    await late.clock.runFor(29_000);
    assertEquals([await status.getAttribute("data-status"), streams], ["full", 1]);
    await late.clock.runFor(2_000);
    await late.locator('[data-status="live"]').waitFor();
    assertEquals(streams, 2);
    assertEquals(browser.complaints, []);
    assertEquals((await server.stop()).code, 0);
  },
);
