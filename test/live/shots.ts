/**
 * Pictures of the page, as a person sees it, for the README and for looking at them one by one.
 *
 *     deno run -A test/live/shots.ts            docs/page.png, docs/page_zh.png, docs/page_story.png
 *     deno run -A test/live/shots.ts --all DIR  every size, theme and language
 *
 * A private lab, a server with the page, a Linux client whose data is lost once and sent again, and a story as one file. Needs
 * nc and chromium; Chinese needs a font that has it.
 */
import { selfCommand, selfFiles } from "../../src/cli/self_command.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { VERSION } from "../../src/cli/version.ts";
import { standalonePage } from "../../src/web/standalone_page.ts";
import { runTwoEnds } from "../story/two_ends.ts";
import { noBrowser, PageBrowser } from "./page_browser.ts";
import { waitFor } from "./wait_for.ts";

interface Look {
  readonly width: number;
  readonly height: number;
  readonly isDark: boolean;
  readonly locale: "en-GB" | "zh-CN";
}

/** What is done on a page before its picture is taken. */
type Page = Awaited<ReturnType<PageBrowser["open"]>>;

/** A size at which everything is beside everything, and still fit for a document. */
const README_SIZE = { width: 1680, height: 945 } as const;
const encoder = new TextEncoder();

if (noBrowser !== null) {
  console.error(`shots: ${noBrowser}`);
  Deno.exit(1);
}
const all = Deno.args[0] === "--all" ? Deno.args[1] ?? "." : null;
await using lab = await PrivateLab.open({ readable: selfFiles() });
const { devices, tcplabAddress } = lab.plan;
let said = "";
const server = lab.spawn({
  side: "server",
  words: [
    ...selfCommand(),
    "serve",
    ...["--iface", devices.server, "--ip", tcplabAddress, "--ui", "--log", "none"],
  ],
  onStderr: (line) => said += `${line}\n`,
});
await waitFor(() => said.includes("Live page: "), { what: "the page's address" });
const address = /Live page: (http:\S+)/.exec(said)?.[1] ?? "";
await using browser = await PageBrowser.start(lab);

// Somebody has to look before it begins, or nothing is kept of it.
const watcher = await browser.open(address, README_SIZE);
await watcher.locator('[data-status="live"]').waitFor();
await talk(watcher);
const story = await storyFile();
if (all === null) {
  const docs = new URL("../../docs/", import.meta.url).pathname;
  // It has seen all of it; who comes later is told the beginning and the end.
  await take(watcher, `${docs}page.png`, chooseRepair);
  await take(watcher, `${docs}page_zh.png`, async (page) => {
    await page.keyboard.press("l");
    await page.keyboard.press("t");
  });
  await shoot(story, { ...README_SIZE, isDark: false, locale: "en-GB" }, `${docs}page_story.png`);
} else await shootAll(all);
await server.stop();
if (browser.complaints.length > 0) throw new Error(browser.complaints.join("\n"));

async function shootAll(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [width, height] of [[1280, 720], [1920, 1080]]) {
    for (const isDark of [false, true]) {
      for (const locale of ["en-GB", "zh-CN"] as const) {
        const look = { width, height, isDark, locale };
        const name = `${folder}/${width}-${isDark ? "dark" : "light"}-${locale.slice(0, 2)}`;
        await shoot(address, look, `${name}-live.png`);
        await shoot(story, look, `${name}-story.png`);
        await shoot(address, look, `${name}-charts.png`, (page) => page.keyboard.press("c"));
      }
    }
  }
}

async function shoot(
  from: string,
  look: Look,
  path: string,
  prepare: (page: Page) => Promise<void> = chooseRepair,
): Promise<void> {
  const page = await browser.open(from, look);
  await page.locator("[data-segment]").first().waitFor();
  await page.locator('[aria-label="Sequence over time"] canvas').waitFor();
  await take(page, path, prepare);
  await page.close();
}

async function take(page: Page, path: string, prepare: (page: Page) => Promise<void>): Promise<void> {
  await prepare(page);
  // What is drawn is paced: a second at the most.
  await page.waitForTimeout(1300);
  await page.screenshot({ path });
  console.error(`shots: ${path}`);
}

/** A repetition, field by field; and what a row of the table means. */
async function chooseRepair(page: Page): Promise<void> {
  const repair = page.locator('[data-retransmission="true"]').first();
  await repair.scrollIntoViewIfNeeded();
  await repair.click();
  await page.locator('[data-row="listen.syn"]').click();
  await page.locator(".why .source").first().waitFor();
}

/** A Linux client: data over a path with some delay, once lost on purpose and sent again. */
async function talk(page: Page): Promise<void> {
  const client = lab.spawn({ side: "client", words: ["nc", tcplabAddress, "3333"], stdin: true });
  const bytesOut = page.locator('[data-connection="1"] [data-column="out"]');
  await client.write(encoder.encode("hello\n"));
  await bytesOut.getByText("6", { exact: true }).waitFor();
  await page.locator('[name="delay"]').fill("15");
  await page.locator("form.faults [type=submit]").click();
  await client.write(new Uint8Array(80_000).fill(97));
  await bytesOut.getByText("80.0 kB", { exact: true }).waitFor();
  await page.locator('[data-once="drop:data"]').click();
  await client.write(new Uint8Array(40_000).fill(98));
  await page.locator('[data-retransmission="true"]').first().waitFor();
  await bytesOut.getByText(/^120/).waitFor();
}

async function storyFile(): Promise<string> {
  const { story } = runTwoEnds(7, "caller");
  const text = await standalonePage({
    title: "capture.pcapng",
    version: VERSION,
    connections: story.connections(),
  });
  const path = await Deno.makeTempFile({ prefix: "tcplab-story-", suffix: ".html" });
  await Deno.writeTextFile(path, text);
  return `file://${path}`;
}
