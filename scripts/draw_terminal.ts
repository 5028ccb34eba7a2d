/**
 * A page of a terminal as an SVG picture: `deno task picture` draws what `deno task demo` shows, into docs/demo.svg.
 *
 * Owns: which codes of ECMA-48 become which colours, and where each piece of text stands. Must not know: what is shown.
 */

/** Of a monospaced font of 12 px: a cell, pixels. */
const CELL = { width: 7.2, height: 16 } as const;
const MARGIN = 16;

/** Classes of the style sheet by the numbers of SGR: bold, faint, the colours and their bright forms. */
const CLASSES: ReadonlyMap<number, string> = new Map([
  [1, "s"],
  [2, "d"],
  [31, "r"],
  [32, "g"],
  [33, "y"],
  [34, "b"],
  [35, "m"],
  [36, "c"],
  [90, "d"],
  [91, "r"],
  [92, "g"],
  [93, "y"],
  [94, "b"],
  [95, "m"],
  [96, "c"],
]);
/** What a number takes back: the weight, or the colour. */
const RESETS: ReadonlyMap<number, RegExp> = new Map([[0, /./g], [22, /[sd]/g], [39, /[^s]/g]]);
const STYLE = 'text{font:12px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;fill:#c9d1d9;' +
  "white-space:pre}.s{font-weight:700}.g{fill:#3fb950}.r{fill:#ff7b72}.y{fill:#d29922}.b{fill:#58a6ff}.m{fill:#bc8cff}" +
  ".c{fill:#39c5cf}.d{fill:#8b949e}";

/** A piece of a line in one colour. */
interface Piece {
  readonly text: string;
  readonly classes: string;
}

/** The pieces of a line that begins in the colours of `classes`; gives those in which it ends. */
function piecesOf(line: string, classes: string): { pieces: Piece[]; classes: string } {
  const pieces: Piece[] = [];
  // deno-lint-ignore no-control-regex
  for (const part of line.split(/(\x1b\[[0-9;]*[A-Za-z])/)) {
    // deno-lint-ignore no-control-regex
    const numbers = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1];
    if (numbers === undefined) {
      if (part !== "" && !part.startsWith("\x1b")) pieces.push({ text: part, classes });
      continue;
    }
    for (const number of numbers.split(";").map(Number)) {
      const reset = RESETS.get(number);
      if (reset !== undefined) classes = classes.replaceAll(reset, "");
      else classes += CLASSES.get(number) ?? "";
    }
  }
  return { pieces, classes };
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character]);
}

/** The page as a picture, `columns` wide; `label` is for those who cannot see it. */
export function terminalSvg(page: string, { columns, label }: { columns: number; label: string }): string {
  const lines = page.replaceAll("\r", "").trimEnd().split("\n");
  const texts: string[] = [];
  let open = "";
  lines.forEach((line, row) => {
    const { pieces, classes } = piecesOf(line, open);
    open = classes;
    let column = 0;
    for (const piece of pieces) {
      const leading = piece.text.length - piece.text.trimStart().length;
      const text = piece.text.trim();
      if (text !== "") {
        const x = (MARGIN + (column + leading) * CELL.width).toFixed(1);
        const y = MARGIN + 14 + row * CELL.height;
        const length = (text.length * CELL.width).toFixed(1);
        const words = [...new Set(piece.classes)].map((name) => name).join(" ");
        texts.push(
          `<text${words === "" ? "" : ` class="${words}"`} x="${x}" y="${y}" textLength="${length}">${
            escape(text)
          }</text>`,
        );
      }
      column += piece.text.length;
    }
  });
  const width = Math.round(2 * MARGIN + columns * CELL.width);
  const height = 2 * MARGIN + lines.length * CELL.height + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escape(label)}">`,
    `<style>${STYLE}</style>`,
    '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
    ...texts,
    "</svg>",
    "",
  ].join("\n");
}

/** The texts of such a picture, a piece a line, as they were before they were drawn. */
export function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) =>
    text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&")
  );
}

/** Draws the demo on a terminal of its own, which script(1) gives. */
async function drawDemo(): Promise<void> {
  const columns = 120;
  const { success, stdout } = await new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns}; deno task -q demo`, "/dev/null"],
    stdin: "null",
    env: { NO_COLOR: "", TERM: "xterm-256color" },
  }).output();
  const page = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`The demo has failed:\n${page}`);
  const picture = terminalSvg(`\x1b[2m$\x1b[0m \x1b[1mdeno task demo\x1b[0m\n${page}`, {
    columns,
    label: "What deno task demo shows",
  });
  await Deno.writeTextFile(new URL("../docs/demo.svg", import.meta.url), picture);
}

if (import.meta.main) await drawDemo();
