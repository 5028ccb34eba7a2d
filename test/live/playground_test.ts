/**
 * The playground in a real browser, from disk: a whole connection, a lost FIN, a rewind that takes another course, and nothing
 * asked of anybody.
 */
/// <reference lib="dom" />
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { bundlePage, PAGES } from "../../scripts/bundle_page.ts";
import { SCENARIOS } from "../../src/play/scenarios.ts";
import { setUpText } from "../../src/play/set_up.ts";
import { courseText } from "./course_probe.ts";
import { keepNotes, noBrowser, notesWith, PageBrowser } from "./page_browser.ts";

type BrowserPage = Awaited<ReturnType<PageBrowser["open"]>>;

/** Somewhere to put pictures for a person; null for none. */
const SHOTS = Deno.env.get("TCPLAB_SHOTS") ?? null;

/** A test with the page on disk and a browser, at whose end nobody has complained, and nothing but the file was asked for. */
function playTest(name: string, act: (page: Scene) => Promise<void>): void {
  Deno.test({
    name: noBrowser === null ? name : `${name} (${noBrowser})`,
    ignore: noBrowser !== null,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "tcplab-play-" });
      try {
        const { document } = await bundlePage(PAGES.play.entry);
        const file = join(folder, "play.html");
        await Deno.writeTextFile(file, document);
        const address = new URL(`file://${file}`).href;
        await using browser = await PageBrowser.startAlone();
        await act({ browser, address });
        assertEquals(browser.complaints, []);
        assertEquals(browser.requests.filter((url) => url.split("#")[0] !== address), []);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

interface Scene {
  readonly browser: PageBrowser;
  readonly address: string;
}

/** What stands at the edge of a course, from above. */
function states(page: BrowserPage, course: 1 | 2, end: "client" | "server"): Promise<string[]> {
  return page.locator(`[data-course="${course}"] [data-edge="${end}"]`).allTextContents();
}

/** The segments of a course: flags and fate. */
function wires(page: BrowserPage, course: 1 | 2): Promise<string[]> {
  return page.locator(`[data-course="${course}"] [data-wire]`).evaluateAll((all) =>
    all.map((one) => `${one.getAttribute("data-flags")} ${one.getAttribute("data-fate")}`)
  );
}

const press = (page: BrowserPage, name: string) => page.locator(`[data-play="${name}"]`).click();
const hash = (page: BrowserPage) => page.evaluate(() => location.hash.slice(1));

playTest(
  "from disk: a whole connection by hand, in steps, with both ends' states",
  async ({ browser, address }) => {
    const page = await browser.open(`${address}#s=empty`, { prepare: keepNotes });
    await page.locator('[data-play="server:listen"]').waitFor();
    await press(page, "server:listen");
    await press(page, "client:connect");
    assertEquals(await wires(page, 1), ["SYN under-way"]);
    await page.keyboard.press("s");
    await page.keyboard.press("s");
    await page.keyboard.press("s");
    assertEquals(await wires(page, 1), ["SYN arrived", "SYN,ACK arrived", "ACK arrived"]);
    await page.locator('[name="client-bytes"]').fill("3000");
    await press(page, "client:send");
    await press(page, "run");
    await press(page, "client:close");
    await press(page, "run");
    assertEquals(await states(page, 1, "client"), [
      "SYN_SENT",
      "ESTABLISHED",
      "FIN_WAIT_1",
      "FIN_WAIT_2",
      "TIME_WAIT",
    ]);
    assertEquals(await states(page, 1, "server"), [
      "LISTEN",
      "SYN_RCVD",
      "ESTABLISHED",
      "CLOSE_WAIT",
      "LAST_ACK",
      "CLOSED",
    ]);
    await page.getByText("nothing more happens by itself").waitFor();
    // The page's own panes know of it: the diagram is lit as the client's way, the table has both ends.
    const current = page.locator('svg[aria-label="State diagram"] [data-current="true"]');
    assertEquals(await current.getAttribute("data-state"), "TIME_WAIT");
    assertEquals(await page.locator("tr[data-connection]").count(), 2);
    await page.locator('[data-connection="2"] [data-column="out"]').getByText("3000", { exact: true })
      .waitFor();
    // A command that cannot be is told why.
    await press(page, "client:send");
    await notesWith(page, "The client has closed its direction already");
  },
);

playTest(
  "from disk: a lost FIN, and beside it the course in which it arrived",
  async ({ browser, address }) => {
    const page = await browser.open(address);
    await page.locator('[data-play="run"]').waitFor();
    await press(page, "run");
    const fin = page.locator('[data-course="1"] [data-wire="6"]');
    assertEquals(await fin.getAttribute("data-flags"), "FIN,ACK");
    for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowDown");
    assertEquals(await fin.getAttribute("aria-current"), "true");
    await page.locator(".chosen").getByText("300.000 ms").waitFor();
    await page.keyboard.press("x");
    await page.locator('[data-course="2"] [data-wire="6"][data-fate="lost"]').waitFor();
    assertEquals((await wires(page, 1))[5], "FIN,ACK arrived");
    const second = page.locator('[data-course="2"] [data-wire="7"]');
    assertEquals(await second.getAttribute("data-retransmission"), "true");
    assertEquals((await states(page, 2, "client")).at(-1), "TIME_WAIT");
    // What it takes is in the address; whoever opens that sees the same.
    // It is written a little later, once the second course has come to its end.
    await page.waitForFunction(() => location.hash.includes("lose=6&t=560."));
    const copy = await browser.open(`${address}#${await hash(page)}`);
    await copy.locator('[data-course="1"] [data-wire="6"][data-fate="lost"]').waitFor();
    await copy.locator('[data-course="1"] [data-wire="10"]').waitFor();
    assertEquals(await wires(copy, 1), await wires(page, 2));
  },
);

playTest("from disk: a segment under way is lost by a click", async ({ browser, address }) => {
  const page = await browser.open(`${address}#s=handshake`);
  await page.locator('[data-wire="1"][data-fate="under-way"]').waitFor();
  await page.locator('[data-label-of="1"]').click({ force: true });
  await press(page, "fate");
  await page.locator('[data-wire="1"][data-fate="lost"]').waitFor();
  assertEquals(await page.locator(".course-frame:visible").count(), 1);
  await page.keyboard.press("s");
  await page.locator('[data-wire="2"][data-retransmission="true"]').waitFor();
  await page.getByText("1000.000 ms").first().waitFor();
});

playTest(
  "from disk: two courses show what they have parted over, and are scrolled together",
  async ({ browser, address }) => {
    const page = await browser.open(`${address}#s=loss`, { width: 1280, height: 600 });
    await press(page, "run");
    await page.locator('[data-label-of="6"]').click();
    await page.keyboard.press("x");
    await page.locator('[data-course="2"] [data-wire="6"][data-fate="arrived"]').waitFor();
    const scrollers = page.locator(".course-scroll");
    const isSeen = (course: 1 | 2) =>
      page.locator(`[data-course="${course}"] [data-wire="6"] .line`).evaluate((line) => {
        const { top } = line.getBoundingClientRect();
        const seen = line.closest(".course-scroll")?.getBoundingClientRect();
        return seen !== undefined && top > seen.top && top < seen.top + seen.height / 2;
      });
    assertEquals([await isSeen(1), await isSeen(2)], [true, true]);
    for (const [index, by] of [[0, 60], [1, -40], [0, 5000], [1, -5000]] as const) {
      const before = await scrollers.nth(index).evaluate(({ scrollTop }) => scrollTop);
      await scrollers.nth(index).hover();
      await page.mouse.wheel(0, by);
      // The browser scrolls in its own time: first it has to be where the wheel leads.
      await page.waitForFunction(([index, wanted]) => {
        const both = [...document.querySelectorAll(".course-scroll")];
        const end = ({ scrollHeight, clientHeight }: Element) => scrollHeight - clientHeight;
        const [turned, other] = [both[index], both[1 - index]];
        if (Math.abs(turned.scrollTop - Math.max(0, Math.min(wanted, end(turned)))) > 1) return false;
        // The shorter one goes as far as it can.
        return Math.abs(other.scrollTop - Math.min(turned.scrollTop, end(other))) <= 1;
      }, [index, before + by]);
    }
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".course-scroll")].every(({ scrollTop }) => scrollTop === 0)
    );
  },
);

playTest(
  "from disk: the cross of a lost segment chooses it, whatever passes there",
  async ({ browser, address }) => {
    const page = await browser.open(`${address}#s=loss`);
    await press(page, "run");
    // Where the arrows of two others pass.
    await page.locator('[data-wire="6"] .cross').click();
    await page.locator(".chosen").getByText("Segment 6").waitFor();
    await page.locator('[data-label-of="9"]').click();
    await page.locator(".chosen").getByText("Segment 9").waitFor();
  },
);

playTest(
  "from disk: a rewind takes another course, and the first is still there",
  async ({ browser, address }) => {
    const page = await browser.open(address);
    await page.locator('[data-play="run"]').waitFor();
    await press(page, "run");
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
    await press(page, "rewind");
    await page.locator('[data-course="2"] [data-wire="4"][data-fate="under-way"]').waitFor();
    assertEquals((await wires(page, 2)).length, 4);
    await press(page, "server:abort");
    await press(page, "run");
    assertEquals((await states(page, 2, "server")).at(-1), "CLOSED");
    assertEquals((await states(page, 1, "server")).at(-1), "CLOSED");
    assert((await wires(page, 2)).includes("RST,ACK arrived"));
    assertEquals((await wires(page, 1)).some((wire) => wire.startsWith("RST")), false);
    // Back to the first, which goes on; then it alone.
    await press(page, "activate");
    await page.locator('[data-course="1"][data-active="true"]').waitFor();
    await page.locator('[data-play="close-other"]').click();
    assertEquals(await page.locator(".course-frame:visible").count(), 1);
    assertEquals((await states(page, 1, "client")).at(-1), "TIME_WAIT");
  },
);

playTest(
  "from disk: settings change the course; faults, languages and a damaged link",
  async ({ browser, address }) => {
    const page = await browser.open(`${address}#s=nagle-delayed-ack`, { prepare: keepNotes });
    await page.locator('[data-play="run"]').waitFor();
    await press(page, "run");
    await page.getByText("400.000 ms").first().waitFor();
    await page.keyboard.press("o");
    await page.locator('[name="client-nagle"]').selectOption("off");
    // The same commands and the same time, without Nagle: the second write leaves at once.
    const times = await page.locator('[data-wire="7"]').getAttribute("data-length");
    assertEquals(times, "100");
    await page.waitForFunction(() => location.hash.includes("a=nagle-off"));
    await page.keyboard.press("o");
    // The page's own panel of faults.
    await page.locator('[data-tab="faults"]').click();
    // What cannot be is not asked for: the browser says what can.
    const drop = page.locator('form.faults [name="drop"]');
    await drop.fill("101");
    await page.locator("form.faults [type=submit]").click();
    assertEquals(await drop.evaluate((field) => field.matches(":invalid")), true);
    await drop.fill("0.05");
    await page.locator("form.faults [type=submit]").click();
    await page.getByText("Now: in drop 0.05 %; out drop 0.05 %").waitFor();
    await page.locator("form.faults .buttons button").nth(1).click();
    await page.getByText("Nothing is done to frames").waitFor();
    await page.locator('[data-once="drop:data"]').click();
    await page.getByText("waits: drop:data").waitFor();
    await press(page, "client:send");
    await page.locator('[data-wire][data-fate="lost"]').waitFor();
    await page.keyboard.press("l");
    await page.getByRole("heading", { name: "过程" }).waitFor();
    assertEquals(await page.locator('[data-play="run"]').textContent(), "运行到底");
    await page.keyboard.press("l");
    await page.evaluate(() => location.hash = "#do=0q0");
    const cannotBe = "This link has a command that cannot be";
    assertEquals(await notesWith(page, cannotBe), 1);
    await page.evaluate(() => location.hash = "#s=<img src=x onerror=alert(1)>");
    await notesWith(page, 'names a scenario that cannot be: "<img src=x onerror=alert(1)>"');
    assertEquals(await page.locator("img").count(), 0);
    // Who looks at the address before the browser's word of it has come reads it, and nobody a second time.
    await page.evaluate(() => {
      const heard = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
      location.hash = "#do=0q0";
      document.querySelector<HTMLElement>('[data-play="link"]')?.click();
      return heard;
    });
    assertEquals(await notesWith(page, cannotBe), 2);
  },
);

playTest(
  "from disk: Back leads to the scenario before, a reload to the same step, and a link of another version to a line that says so",
  async ({ browser, address }) => {
    const page = await browser.open(`${address}#s=handshake`, { prepare: keepNotes });
    await page.locator('[data-play="run"]').waitFor();
    const scenario = page.locator('[name="scenario"]');
    await press(page, "run");
    await scenario.selectOption("loss");
    await page.waitForFunction(() => location.hash.startsWith("#s=loss"));
    await page.goBack();
    await page.getByText("60.000 ms").first().waitFor();
    assertEquals([await scenario.inputValue(), (await wires(page, 1)).length], ["handshake", 3]);
    await page.goForward();
    await page.locator('[data-course="1"] [data-wire="1"][data-fate="under-way"]').waitFor();
    assertEquals([await scenario.inputValue(), await hash(page)], [
      "loss",
      "s=loss&do=0l1_0c0_100s0!14600&lose=6",
    ]);
    // What was done just before is in the address already. By the page's own clock it has been quiet until then, for longer than
    // it waits between two addresses: a browser calls timers in the order of their times.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 400)));
    await press(page, "run");
    await page.reload();
    await page.getByText("180.004 ms").first().waitFor();
    await page.evaluate(() => location.hash = "#s=from-the-future");
    await notesWith(page, "This link's scenario is none of this playground: from-the-future");
    assertEquals(await scenario.inputValue(), "loss");
    // A fault of chance cannot be undone: neither button nor key does.
    await page.evaluate(() => location.hash = "#s=unanswered");
    await page.locator('[data-course="1"] [data-wire="1"][data-fate="lost"]').waitFor();
    await page.keyboard.press("ArrowDown");
    await page.locator(".chosen").getByText("Segment 1").waitFor();
    assertEquals(await page.locator('[data-play="fate"]').count(), 0);
    await page.keyboard.press("x");
    assertEquals(await page.locator(".course-frame:visible").count(), 1);
  },
);

playTest(
  "from disk: each pane alone has the window, and larger letters, whatever little there is in it",
  async ({ browser, address }) => {
    for (const [width, height] of [[1280, 720], [1920, 1080]]) {
      const page = await browser.open(`${address}#s=handshake`, { width, height });
      await page.locator('[data-play="run"]').waitFor();
      await press(page, "run");
      const size = (pane: string) =>
        page.locator(`section.pane.${pane}`).evaluate((one) => {
          const { width, height, bottom } = one.getBoundingClientRect();
          return { width, height, bottom, letters: parseFloat(getComputedStyle(one).fontSize) };
        });
      const { letters } = await size("courses");
      for (const [key, pane] of [["w", "courses"], ["d", "state"], ["q", "sequence"], ["c", "charts"]]) {
        await page.keyboard.press(key);
        const alone = await size(pane);
        assert(alone.width > width - 40 && alone.height > height * 0.7, `${pane}: ${JSON.stringify(alone)}`);
        assert(alone.bottom <= height && alone.letters >= letters, `${pane}: ${JSON.stringify(alone)}`);
        // Four charts, one above the other, need the height of a small window for themselves.
        const isLarger = alone.letters > letters * 1.3;
        assertEquals(isLarger, pane !== "charts" || height > 900, pane);
        if (pane === "charts" && isLarger) {
          // uPlot's axes are drawn with them: the place that they take grows.
          // The chart is drawn in its own time.
          await page.waitForFunction((least) => {
            const chart = document.querySelector('[aria-label="Sequence over time"] .u-over');
            return chart !== null && parseFloat(getComputedStyle(chart).left) > least;
          }, alone.letters * 3.5);
        }
        await page.keyboard.press("Escape");
        assertEquals((await size("courses")).letters, letters);
      }
      await page.close();
    }
  },
);

playTest(
  "from disk: in a narrow window, and in one that is enlarged to twice its size, nothing is beyond its edge or covers another text",
  async ({ browser, address }) => {
    for (const [width, height] of [[780, 900], [640, 360], [360, 640], [960, 540], [1280, 720]]) {
      const page = await browser.open(`${address}#s=loss`, { width, height });
      await page.locator('[data-play="run"]').waitFor();
      await press(page, "run");
      for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowDown");
      await page.keyboard.press("x");
      await page.locator('[data-course="2"] [data-wire="6"][data-fate="arrived"]').waitFor();
      const found = await page.evaluate(() => {
        const boxes = (selector: string) =>
          [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect());
        const [first, second] = boxes(".course-frame");
        const labels = [1, 2].map((course) => {
          // Where a label begins, and how its line runs: those of one end are parallel.
          const texts = [
            ...document.querySelectorAll<SVGTextElement>(`[data-course="${course}"] .wire-label`),
          ];
          return texts.map((one) => ({
            x: Number(one.getAttribute("x")),
            y: Number(one.getAttribute("y")),
            turn: Number(/rotate\((-?[\d.]+)/.exec(one.getAttribute("transform") ?? "")?.[1] ?? 0),
          }));
        });
        return {
          beyond: boxes("#bar button, .play button, .courses button, .tabs button, .clock, .look, .chosen p")
            .filter(({ right, width }) => width > 0 && right > innerWidth + 1).length,
          isBelow: second.top >= first.bottom,
          courseWidth: first.width,
          labels,
        };
      });
      assertEquals([width, found.beyond], [width, 0]);
      assertEquals(found.isBelow, width < 900, String(width));
      if (width < 900) assert(found.courseWidth > width - 40, `${width}: ${found.courseWidth}`);
      for (const labels of found.labels) {
        assert(labels.length > 5);
        for (const [at, one] of labels.entries()) {
          const next = labels.slice(at + 1).find(({ turn }) => Math.abs(turn - one.turn) < 3);
          if (next === undefined || Math.abs(next.x - one.x) > 30) continue;
          const apart = Math.abs(next.y - one.y) * Math.cos(one.turn * Math.PI / 180);
          assert(apart > 9, `${width}: ${JSON.stringify([one, next])}`);
        }
      }
      await page.close();
    }
  },
);

playTest(
  "the same set-up is the same course in the browser as in Deno, event by event",
  async ({ browser, address }) => {
    const { script } = await bundlePage("test/live/course_probe.ts");
    const page = await browser.open(address);
    // As the page's own script: its policy allows what stands in it.
    await page.addScriptTag({ content: script });
    const inBrowser = (setUp: string): Promise<string> =>
      page.evaluate((text) => {
        const found: unknown = Reflect.get(globalThis, "courseText");
        return typeof found === "function" ? String(found(text)) : "no probe";
      }, setUp);
    const bad = "do=0f1!drop%3D5%25%2Cdup%3D5%25%2Creorder%3D10%25%2Ccorrupt%3D2%25%2Cjitter%3D5ms" +
      "_0l1_0c0_100s0!60000_150s1!40000_3000e0";
    const setUps = [
      ...SCENARIOS.map(({ setUp }) => setUpText(setUp)),
      bad,
      `seed=99&a=cc-reno_sack-off&${bad}`,
    ];
    for (const setUp of setUps) {
      const here = courseText(setUp);
      assertEquals(await inBrowser(setUp) === here, true, setUp);
    }
    assert(courseText(bad).length > 100_000);
  },
);

if (SHOTS !== null) {
  playTest("pictures for a person", async ({ browser, address }) => {
    for (const [width, height] of [[1280, 720], [1920, 1080]]) {
      for (const isDark of [false, true]) {
        for (const locale of ["en-GB", "zh-CN"] as const) {
          const page = await browser.open(address, { width, height, isDark, locale });
          await page.locator('[data-play="run"]').waitFor();
          await press(page, "run");
          for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowDown");
          await page.keyboard.press("x");
          await page.screenshot({
            path: `${SHOTS}/play-${width}-${isDark ? "dark" : "light"}-${locale}.png`,
          });
          await page.close();
        }
      }
    }
  });
}
