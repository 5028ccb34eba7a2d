/**
 * Puts src/page together: one document with its style and script in it, that needs nothing else.
 *
 * Owns: how the bundler is called, and that the script names nothing that a browser has not. `bundle_page.ts` writes the
 * live page's document to stdout, `bundle_page.ts FILE` to a file, `bundle_page.ts --play [FILE]` the playground's, and
 * `bundle_page.ts --check` looks at both only.
 */
import { build, type Plugin, stop, transform } from "esbuild";
import { fromFileUrl } from "@std/path";
import chartLicence from "uplot/LICENSE" with { type: "text" };
import chartScript from "uplot/dist/uPlot.esm.js" with { type: "text" };
import chartStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { PROJECT_URL, readProjectFile } from "./project_files.ts";

/** Local choice: browsers of the last three years. */
const TARGET = "es2022";
/** What only a server's runtime has. */
const FOREIGN = /\bDeno\b|["'`]node:|\bBuffer\.|\bprocess\.|\bimport\.meta\b/;
/** Local choice: room for the playground, which carries the whole machine. */
const MOST_BYTES = 400_000;

/** Of what comes from others. */
const LICENCE = `/* uPlot 1.6\n${chartLicence.trim()} */`;

/** Where packages lie is Deno's business, which the bundler does not know: it is given their text. */
const packages: Plugin = {
  name: "packages",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^uplot$/ }, () => ({ path: "uplot", namespace: "package" }));
    onLoad({ filter: /.*/, namespace: "package" }, () => ({ contents: chartScript, loader: "js" }));
  },
};

/** The page's parts, put together. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
  readonly document: string;
}

/** What a page is made of. */
interface PagePlan {
  readonly entry: string;
  readonly styles: readonly string[];
  /** The script is carried compressed: the whole machine and its page are larger than a file that is handed around. */
  readonly isPacked: boolean;
  /** What the document says of itself: it may ask nobody for anything. */
  readonly policy?: string;
}

/** Of a document that stands alone, wherever it is opened from. */
const ALONE =
  `    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; ` +
  `style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">`;

/** The pages. */
export const PAGES = {
  live: { entry: "src/page/live_main.ts", styles: ["src/page/page.css"], isPacked: false },
  play: {
    entry: "src/page/play_main.ts",
    styles: ["src/page/page.css", "src/page/play.css"],
    isPacked: true,
    policy: ALONE,
  },
} as const satisfies Readonly<Record<string, PagePlan>>;

/** A page's script before it is packed, its style and the document. Throws where they cannot be made, or would not run in a browser. */
export async function bundlePage(entry: string = PAGES.live.entry): Promise<PageParts> {
  const plan: PagePlan = Object.values(PAGES).find((page) => page.entry === entry) ?? PAGES.live;
  const { outputFiles } = await build({
    entryPoints: [fromFileUrl(new URL(entry, PROJECT_URL))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: TARGET,
    minify: true,
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
    absWorkingDir: fromFileUrl(PROJECT_URL),
    plugins: [packages],
    // The licence of what is in it goes with it wherever it goes.
    banner: { js: LICENCE },
  });
  const script = outputFiles[0].text.trim();
  const foreign = FOREIGN.exec(script);
  if (foreign !== null) {
    throw new Error(`The page's script names ${foreign[0]}, which a browser does not have`);
  }
  const styles = [chartStyle, ...plan.styles.map((path) => readProjectFile(path))];
  const { code: style } = await transform(styles.join("\n"), { loader: "css", minify: true });
  const carried = plan.isPacked ? await packed(script) : script;
  const document = readProjectFile("src/page/page.html")
    .replace(
      '<meta charset="utf-8">',
      (found) => plan.policy === undefined ? found : `${found}\n${plan.policy}`,
    )
    .replace("/* STYLE */", () => style.trim())
    .replace("/* SCRIPT */", () => carried);
  // Its child would keep the process alive.
  await stop();
  if (document.length > MOST_BYTES) {
    throw new Error(`The page has ${document.length} bytes, more than ${MOST_BYTES}`);
  }
  return { script, style, document };
}

/** A script that unpacks another, and runs it in its own place. */
async function packed(script: string): Promise<string> {
  const stream = new Blob([script]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  const { code } = await transform(readProjectFile("src/page/unpack_main.ts"), {
    loader: "ts",
    minify: true,
    format: "iife",
    target: TARGET,
  });
  return `${LICENCE}\n${code.trim().replace("PACKED_SCRIPT", () => btoa(letters))}`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    if (args[0] === "--check") {
      for (const [name, { entry }] of Object.entries(PAGES)) {
        const { document, script } = await bundlePage(entry);
        console.error(`Page ${name}: ${document.length} bytes, script ${script.length}`);
      }
      return 0;
    }
    const isPlay = args[0] === "--play";
    const { document } = await bundlePage((isPlay ? PAGES.play : PAGES.live).entry);
    const file = args[isPlay ? 1 : 0];
    if (file !== undefined) Deno.writeTextFileSync(file, document);
    else await new Blob([document]).stream().pipeTo(Deno.stdout.writable);
    return 0;
  } catch (error) {
    console.error(`page: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
