/**
 * Pictures of what people see, for the README and for looking at them one by one.
 *
 *     deno run -A test/live/shots.ts            docs/page.png, page_zh.png, page_story.png, playground.png, tui.svg
 *     deno run -A test/live/shots.ts --all DIR  every size, theme and language
 *
 * A private lab, a server with the page, a Linux client whose data is lost and sent again, dumpcap beside it, and `explain` of
 * what it has captured; the playground from its file; the server on a terminal. Needs nc, dumpcap, tmux and chromium; Chinese
 * needs a font that has it.
 */
import { selfCommand, selfFiles } from "../../src/cli/self_command.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { terminalSvg } from "../../scripts/draw_terminal.ts";
import { LabScreen } from "./lab_screen.ts";
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
/** Of a terminal: the ladder has its options, and a document has it whole. */
const TERMINAL = { columns: 120, rows: 32 } as const;
const encoder = new TextEncoder();

if (noBrowser !== null) {
  console.error(`shots: ${noBrowser}`);
  Deno.exit(1);
}
const all = Deno.args[0] === "--all" ? Deno.args[1] ?? "." : null;
const docs = new URL("../../docs/", import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "tcplab-shots-" });
// dumpcap and the browser come through it as others than root.
await Deno.chmod(folder, 0o711);
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
const capture = await startCapture();
await using browser = await PageBrowser.start(lab);

// Somebody has to look before it begins, or nothing is kept of it.
const watcher = await browser.open(address, README_SIZE);
await watcher.locator('[data-status="live"]').waitFor();
await transfer(watcher);
await exchange(watcher);
const story = await storyFile(await capture());
const playground = `${folder}/playground.html`;
await tcplab("play", "--output", playground);
if (all === null) {
  const look = { ...README_SIZE, isDark: false, locale: "en-GB" } as const;
  await take(watcher, `${docs}page.png`, (page) => page.locator('[data-row="syn-rcvd.ack"]').click());
  await take(watcher, `${docs}page_zh.png`, async (page) => {
    await page.keyboard.press("l");
    await page.keyboard.press("t");
    await chooseRepair(page);
  });
  await shoot(`file://${story}`, look, `${docs}page_story.png`);
  await shoot(`file://${playground}#s=loss`, look, `${docs}playground.png`, twoCourses);
  await Deno.writeTextFile(`${docs}tui.svg`, await terminalPicture());
  console.error(`shots: ${docs}tui.svg`);
} else await shootAll(all);
await server.stop();
await Deno.remove(folder, { recursive: true });
if (browser.complaints.length > 0) throw new Error(browser.complaints.join("\n"));

async function shootAll(place: string): Promise<void> {
  await Deno.mkdir(place, { recursive: true });
  for (const [width, height] of [[1280, 720], [1920, 1080]]) {
    for (const isDark of [false, true]) {
      for (const locale of ["en-GB", "zh-CN"] as const) {
        const look = { width, height, isDark, locale };
        const name = `${place}/${width}-${isDark ? "dark" : "light"}-${locale.slice(0, 2)}`;
        await shoot(address, look, `${name}-live.png`);
        await shoot(`file://${story}`, look, `${name}-story.png`);
        await shoot(address, look, `${name}-charts.png`, (page) => page.keyboard.press("c"));
        await shoot(`file://${playground}#s=loss`, look, `${name}-play.png`, twoCourses);
      }
    }
  }
  await Deno.writeTextFile(`${place}/tui.svg`, await terminalPicture());
}

async function shoot(
  from: string,
  look: Look,
  path: string,
  prepare: (page: Page) => Promise<void> = chooseRepair,
): Promise<void> {
  const page = await browser.open(from, look);
  if (prepare !== twoCourses) {
    await page.locator("[data-segment]").first().waitFor();
    await page.locator('[aria-label="Sequence over time"] canvas').waitFor();
  }
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

/** The scenario to its end, and beside it the same in which the lost segment has arrived. */
async function twoCourses(page: Page): Promise<void> {
  await page.locator('[data-play="run"]').click();
  await page.locator(".wire-label.lost").first().click();
  await page.keyboard.press("x");
  // Where the keyboard's focus is, and the pointer, is nothing to look at.
  await page.locator(":focus").blur();
  await page.mouse.move(0, 0);
}

/** A Linux client: data over a path with some delay, once lost on purpose and sent again. */
async function transfer(page: Page): Promise<void> {
  const client = lab.spawn({ side: "client", words: ["nc", tcplabAddress, "3333"], stdin: true });
  const bytesOut = page.locator('[data-connection="1"] [data-column="out"]');
  await client.write(encoder.encode("hello\n"));
  await bytesOut.getByText("6", { exact: true }).waitFor();
  await page.locator('[name="delay"]').fill("15");
  await page.locator("form.faults [type=submit]").click();
  await page.getByText("Now: in delay 15 ms").waitFor();
  await client.write(new Uint8Array(80_000).fill(97));
  await bytesOut.getByText("80.0 kB", { exact: true }).waitFor();
  await page.locator('[data-once="drop:data"]').click();
  await page.getByText("waits: drop:data").waitFor();
  await client.write(new Uint8Array(40_000).fill(98));
  await page.locator('[data-retransmission="true"]').first().waitFor();
  await bytesOut.getByText(/^120/).waitFor();
}

/** Another: a whole life, short enough to be seen at once, in which one segment is lost and repaired. */
async function exchange(page: Page): Promise<void> {
  // It closes after what it is told twice.
  const talk = `dd bs=64 count=2 status=none | nc -N ${tcplabAddress} 3333`;
  const client = lab.spawn({ side: "client", words: ["sh", "-c", talk], stdin: true });
  const bytesOut = page.locator('[data-connection="2"] [data-column="out"]');
  await client.write(encoder.encode("hello\n"));
  await bytesOut.getByText("6", { exact: true }).waitFor();
  await page.locator('[data-once="drop:data"]').click();
  await page.getByText("waits: drop:data").waitFor();
  await client.write(encoder.encode("is anybody there?\n"));
  await bytesOut.getByText("24", { exact: true }).waitFor();
  await page.locator('[data-connection="2"][data-over="true"]').waitFor();
}

/** Captures on the client's device; what is returned ends it, and gives the file. */
async function startCapture(): Promise<() => Promise<string>> {
  const path = `${folder}/capture.pcapng`;
  await Deno.writeFile(path, new Uint8Array(0));
  await Deno.chmod(path, 0o666);
  let isReady = false;
  const process = lab.spawn({
    side: "client",
    words: ["dumpcap", "-q", "-i", devices.client, "-f", "tcp", "-w", path],
    onStderr: (line) => void (isReady ||= line.startsWith("File:")),
  });
  await waitFor(() => isReady || process.ended, { what: "dumpcap captures" });
  if (process.ended) throw new Error(process.stderr);
  return async () => {
    // A capture ring hands frames on in blocks, late.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await process.stop();
    return path;
  };
}

async function storyFile(path: string): Promise<string> {
  await tcplab("explain", path, "--html", `${folder}/story.html`);
  return `${folder}/story.html`;
}

async function tcplab(...words: string[]): Promise<void> {
  const [program, ...own] = selfCommand();
  const { success, stderr } = await new Deno.Command(program, { args: [...own, ...words], stdin: "null" })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The server on a terminal of its own, with one client that has gone and one that stays. */
async function terminalPicture(): Promise<string> {
  const script = `
    visit() { tcplab client 10.33.0.3 3333 "$@" >/dev/null 2>&1; }
    (until tcplab netstat 2>&1 | grep -q LISTEN; do sleep 0.05; done
     visit --send hello --sleep 0.3; visit --send hello --sleep 0.3; visit --send again --sleep 60) &
    exec tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 --log tui --fault in:drop=8%,seed=4`;
  const words = [...selfCommand(), "lab", "shell", "--", "sh", "-c", script];
  await using screen = await LabScreen.start(words, {
    ...TERMINAL,
    env: { LC_ALL: "C.UTF-8", TERM: "tmux-256color", NO_COLOR: "" },
  });
  await screen.see(/ 3 .*ESTABLISHED/, "the third connection is there");
  await screen.type("j");
  await screen.see(/> +2 /, "the second is chosen");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const page = await screen.coloured();
  await screen.type("q");
  return terminalSvg(page, { columns: TERMINAL.columns, label: "tcplab serve --log tui" });
}
