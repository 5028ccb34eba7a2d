/**
 * A real browser, headless, in the server's namespace of a lab: what a person sees of the live page.
 *
 * Owns: starting it, and everything that a page complains of, says in notes or asks for. Must not know: what a test looks for.
 *
 * The browser is told what to do through two pipes, so that nobody needs to reach it over the lab's network.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { SegmentEvent } from "../../src/tcp/events.ts";
import { linkLocalAddress } from "./address_families.ts";
import type { ServeProcess } from "./serve_process.ts";
import { waitFor, WITHIN_MS } from "./wait_for.ts";

const CHROMIUM = "/usr/bin/chromium";

/** Why there is no browser here, for the name of a test that is ignored; null where there is one. */
export const noBrowser: string | null = isFile(CHROMIUM) ? null : `not installed: chromium`;

/** The address that a server has printed. */
export async function pageAddress(server: { readonly stderr: string }): Promise<string> {
  await waitFor(() => server.stderr.includes("Live page: "), { what: "the page's address" });
  return /Live page: (http:\S+)/.exec(server.stderr)?.[1] ?? "";
}

/**
 * Waits until the chart of what the client has sent has all that has come of it so far, and at least so many segments: what takes
 * place in the stream, also what a client sends again that was not answered in time.
 */
export async function chartHas(page: Page, { server, least }: ChartContents): Promise<void> {
  const chart = page.locator('[aria-label="Sequence over time"]');
  await waitFor(async () => {
    const shown = Number(await chart.getAttribute("data-segments"));
    const counted = ({ direction, length, flags }: SegmentEvent) =>
      direction === "recv" && (length > 0 || flags.includes("SYN") || flags.includes("FIN"));
    return shown >= least && shown === server.all("segment").filter(counted).length;
  }, { what: `a chart of ${least} segments` });
}
interface ChartContents {
  /** With one connection. */
  readonly server: ServeProcess;
  readonly least: number;
}

/** In the browser: every note that the page has shown. A note goes by itself after some seconds, whoever has not looked by then. */
const KEEP_NOTES = `{
  globalThis.keptNotes = [];
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if (target.id === "notes") for (const note of addedNodes) keptNotes.push(note.textContent);
    }
  }).observe(document, { childList: true, subtree: true });
}`;

/** Has a page keep its notes from the beginning on, for {@link notesWith}. */
export async function keepNotes(page: Page): Promise<void> {
  await page.addInitScript({ content: KEEP_NOTES });
}

/** Waits until the page has shown a note with these words, there still or not; how many such notes it has shown. */
export async function notesWith(page: Page, words: string): Promise<number> {
  const text = JSON.stringify(words);
  await page.waitForFunction(`keptNotes.some((note) => note.includes(${text}))`);
  return Number(await page.evaluate(`keptNotes.filter((note) => note.includes(${text})).length`));
}

/** Inside of a user namespace it cannot make its own, nor as root. */
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];

/** How a page is looked at. */
interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly isDark?: boolean;
  readonly locale?: "en-GB" | "zh-CN";
  /** What is done to the window before it asks for anything. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** A browser in a lab; its pages are closed with it. */
export class PageBrowser implements AsyncDisposable {
  /** What pages have written to the console as errors or warnings, and what they have thrown. */
  readonly complaints: string[] = [];
  /** Every address that pages have asked for. */
  readonly requests: string[] = [];
  readonly #browser: Browser;
  readonly #script: string | null;

  private constructor(browser: Browser, script: string | null) {
    this.#browser = browser;
    this.#script = script;
  }

  /** Starts it by itself, for pages from disk. */
  static async startAlone(): Promise<PageBrowser> {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS, timeout: WITHIN_MS });
    return new PageBrowser(browser, null);
  }

  /** Starts it beside the server, or at the other end of the wire. */
  static async start(lab: PrivateLab, side: "server" | "client" = "server"): Promise<PageBrowser> {
    // An address that comes to be while the browser loads something breaks that off (ERR_NETWORK_CHANGED).
    if (lab.hasIpv6) await linkLocalAddress(lab, side);
    const script = await Deno.makeTempFile({ prefix: "tcplab-browser-", suffix: ".sh" });
    const quoted = lab.enter([CHROMIUM], side).map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(script, `#!/bin/sh\nexec ${quoted} "$@"\n`);
    await Deno.chmod(script, 0o700);
    const browser = await chromium.launch({
      executablePath: script,
      args: ARGUMENTS,
      timeout: WITHIN_MS,
      env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin", HOME: "/tmp" },
    });
    return new PageBrowser(browser, script);
  }

  /** Opens an address in a window of its own. */
  async open(address: string, look: Look = {}): Promise<Page> {
    const { width = 1280, height = 720, isDark = false, locale = "en-GB", prepare } = look;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: isDark ? "dark" : "light",
      locale,
    });
    // Its own is half of what everything else in these tests is given.
    context.setDefaultTimeout(WITHIN_MS);
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (socket) => this.requests.push(socket.url()));
    await prepare?.(page);
    await page.goto(address);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    if (this.#script !== null) await Deno.remove(this.#script);
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
