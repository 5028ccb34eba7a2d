/** The page as one file, opened from the disk in a real browser: a story without a server. */
/// <reference lib="dom" />
import { assert, assertEquals } from "@std/assert";
import { standalonePage } from "../../src/web/standalone_page.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { runTwoEnds } from "../story/two_ends.ts";
import { noBrowser, PageBrowser } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";

liveTest(
  "a story as one file: both ends' ways are lit, a finding leads to its segment, and nothing is asked for",
  {
    missing: noBrowser,
    pcap: false,
  },
  async (lab) => {
    const { story } = runTwoEnds(7, "caller");
    const title = "</script><b>a.pcap</b>";
    const text = await standalonePage({ title, version: "1", connections: story.connections() });
    const path = await Deno.makeTempFile({ prefix: "tcplab-story-", suffix: ".html" });
    await Deno.writeTextFile(path, text);
    await using browser = await PageBrowser.start(lab);
    const page = await browser.open(`file://${path}`);
    await page.locator('[data-status="recorded"]').waitFor();
    assertEquals(await page.locator("#bar .server").textContent(), title);
    const row = page.locator('[role="row"][data-connection="1"]');
    assertEquals(await row.getAttribute("aria-selected"), "true");
    // Client and server, each on its way.
    for (const state of ["SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1", "LAST_ACK", "TIME_WAIT"]) {
      const lit = page.locator(
        `svg[aria-label="State diagram"] [data-state="${state}"][data-visited="true"]`,
      );
      await lit.waitFor();
    }
    const first = page.locator('[aria-label="Sequence diagram"] [data-segment]').first();
    assertEquals(
      [await first.getAttribute("data-flags"), await first.getAttribute("data-direction")],
      ["SYN", "send"],
    );
    await page.locator('[aria-label="Sequence over time"] canvas').waitFor();
    // What only the sender knows is not shown, and nothing can be done to what is over.
    await page.locator('[aria-label="Congestion window"]').waitFor({ state: "hidden" });
    assertEquals(await page.locator("[data-once], [data-pace]:visible").count(), 0);
    // A finding, and the segment that shows it.
    await page.locator('[data-finding="retransmission-fast"] [data-frame]').first().click();
    const fields = page.getByRole("region", { name: "Segment" });
    await fields.locator('[data-field="sequence"]').waitFor();
    assertEquals(
      await page.locator('[data-segment][aria-current="true"]').getAttribute("data-retransmission"),
      "true",
    );
    // Nothing that is said of a segment is cut.
    const cut = await page.locator(".ladder .said, .ladder .said > *").evaluateAll((all) =>
      all.filter((one) => one.scrollWidth > one.clientWidth + 1).map(({ textContent }) => textContent)
    );
    assertEquals(cut, []);
    // One that is chosen at the lower edge stays in view above its own header.
    await page.keyboard.press("Escape");
    await fields.waitFor({ state: "hidden" });
    const lowest = await page.evaluate(() => {
      const edge = document.querySelector(".ladder-scroll")?.getBoundingClientRect().bottom ?? 0;
      const lines = [...document.querySelectorAll<HTMLElement>("li[data-segment]")];
      return lines.findLast((line) => line.getBoundingClientRect().bottom < edge)?.dataset.segment ?? "";
    });
    await page.locator(`li[data-segment="${lowest}"]`).click();
    await fields.locator('[data-field="sequence"]').waitFor();
    await page.waitForFunction(() => {
      const line = document.querySelector("li[aria-current]")?.getBoundingClientRect();
      const seen = document.querySelector(".ladder-scroll")?.getBoundingClientRect();
      return line !== undefined && seen !== undefined && line.top >= seen.top && line.bottom <= seen.bottom;
    });
    // Every flag has room for its name, in the smallest window that is meant.
    assertEquals(page.viewportSize(), { width: 1280, height: 720 });
    const flags = await fields.locator(".flag").evaluateAll((all) =>
      all.map((one) => {
        const box = one.getBoundingClientRect();
        return { name: one.textContent, box, isCut: one.scrollWidth > one.clientWidth };
      })
    );
    assertEquals(flags.map(({ name }) => name), ["CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"]);
    for (const [at, { name, box, isCut }] of flags.entries()) {
      const next = flags[at + 1]?.box;
      const isClear = next === undefined || next.left >= box.right || next.top >= box.bottom;
      assert(!isCut && isClear && box.width > box.height, `${name}: ${JSON.stringify([box, next])}`);
    }
    // By keys alone: a run is gone to and opened, and Caps Lock changes no shortcut.
    const ladder = page.getByRole("region", { name: "Sequence diagram" });
    const runs = ladder.locator("[data-opens]");
    const before = await runs.count();
    assert(before > 0, "nothing is folded");
    await ladder.focus();
    for (
      let step = 0;
      step < 400 && await ladder.locator("[data-opens][aria-current]").count() === 0;
      step++
    ) {
      await page.keyboard.press("ArrowUp");
    }
    const opened = await ladder.locator("[data-opens][aria-current]").getAttribute("data-run");
    await page.keyboard.press("Enter");
    await ladder.locator(`[data-segment="${opened?.split("-")[0]}"][aria-current="true"]`).waitFor();
    assertEquals(await runs.count(), before - 1);
    await page.keyboard.press("Q");
    await page.locator('#page[data-enlarged="sequence"]').waitFor();
    await page.keyboard.press("q");
    // In Chinese all that the story says is Chinese, but for names.
    await page.keyboard.press("l");
    const finding = page.locator('[data-finding="retransmission-fast"]');
    await finding.getByText("快速重传", { exact: true }).waitFor();
    await finding.getByText("因确认显示丢失而立即重传").waitFor();
    for (const line of await page.locator("[data-finding], .mark").allTextContents()) {
      const words = line.replace(
        /\b(Nagle|TCP_NODELAY|RFC|SACK|ACK|TIME_WAIT|Linux|MSL|CLOSED|RST|FIN|SYN|ECN|ms)\b/g,
        "",
      );
      assertEquals(words.replace(/tcp\.analysis\.\w+/, "").match(/[A-Za-z]{3,}/), null, line);
    }
    await page.keyboard.press("l");
    // What a row means is in the file, too.
    await page.locator('[data-row="listen.syn"]').click();
    await page.locator(".why").getByText("RFC 9293 §3.10.7.2").waitFor();
    assertEquals(browser.complaints, []);
    assert(
      browser.requests.every((url) => url.startsWith("file:") || url.startsWith("data:")),
      `${browser.requests}`,
    );
    await Deno.remove(path);
  },
);

liveTest("a file that has not all connections of the capture says how many are missing", {
  missing: noBrowser,
  pcap: false,
}, async (lab) => {
  const story = new Story();
  const packets = new PacketStory(story);
  for (let number = 1; number <= 1003; number++) {
    packets.add({
      ...{ number, time: number, source: `10.0.0.2:${number}`, destination: "10.0.0.1:80", options: {} },
      ...{ flags: FLAG.SYN, seq: number, ack: 0, window: 1000, length: 0 },
    });
  }
  const text = await standalonePage({ title: "a", version: "1", connections: story.connections() });
  const path = await Deno.makeTempFile({ prefix: "tcplab-story-", suffix: ".html" });
  await Deno.writeTextFile(path, text);
  await using browser = await PageBrowser.start(lab);
  const page = await browser.open(`file://${path}`);
  await page.locator('.connections [data-beyond="3"]').getByText("3 more are not in this file").waitFor();
  assertEquals(browser.complaints, []);
  await Deno.remove(path);
});
