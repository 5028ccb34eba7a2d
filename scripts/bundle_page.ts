/**
 * Puts src/page together: one document with its style and script in it, that needs nothing else.
 *
 * Owns: how the bundler is called, and that the script names nothing that a browser has not. `bundle_page.ts` writes the
 * document to stdout, `bundle_page.ts FILE` to a file, `bundle_page.ts --check` looks only.
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

/** Makes the page of the sources. Throws where they cannot be read, or the script would not run in a browser. */
export async function bundlePage(entry = "src/page/live_main.ts"): Promise<PageParts> {
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
    banner: { js: `/* uPlot 1.6\n${chartLicence.trim()} */` },
  });
  const script = outputFiles[0].text.trim();
  const foreign = FOREIGN.exec(script);
  if (foreign !== null) {
    throw new Error(`The page's script names ${foreign[0]}, which a browser does not have`);
  }
  const { code: style } = await transform(`${chartStyle}\n${readProjectFile("src/page/page.css")}`, {
    loader: "css",
    minify: true,
  });
  const document = readProjectFile("src/page/page.html")
    .replace("/* STYLE */", () => style.trim())
    .replace("/* SCRIPT */", () => script);
  // Its child would keep the process alive.
  await stop();
  if (document.length > MOST_BYTES) {
    throw new Error(`The page has ${document.length} bytes, more than ${MOST_BYTES}`);
  }
  return { script, style, document };
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const { document, script } = await bundlePage();
    if (args[0] === "--check") console.error(`Page: ${document.length} bytes, script ${script.length}`);
    else if (args.length > 0) Deno.writeTextFileSync(args[0], document);
    else await new Blob([document]).stream().pipeTo(Deno.stdout.writable);
    return 0;
  } catch (error) {
    console.error(`page: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
