/** The manual page has all that the tables have, and groff takes it without a word. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DOCUMENTS } from "../../src/cli/documents.ts";
import { ENVIRONMENT_VARIABLES } from "../../src/cli/environment.ts";
import { loadCommands } from "../../src/cli/main.ts";
import { manPage } from "../../src/cli/man_page.ts";
import { allOptions } from "../../src/cli/options.ts";

const commands = await loadCommands();
const page = manPage(commands, "1.2.3");

function hasGroff(): boolean {
  try {
    return new Deno.Command("groff", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** The words of the page as a reader sees it; whatever is wrong with it is an error. */
async function rendered(): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, page);
    const { success, stdout, stderr } = await new Deno.Command("groff", {
      args: ["-man", "-Tutf8", "-P-c", "-ww", "-rLL=9000n", file],
    }).output();
    assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
    // What is bold is struck twice.
    return inOneLine(new TextDecoder().decode(stdout).replace(/.[\b]/gu, ""));
  } finally {
    await Deno.remove(file);
  }
}

const missing = hasGroff() ? "" : " (ignored: groff is not installed)";

Deno.test({
  name:
    `groff takes the page without a warning, and shows every command, option, variable and document${missing}`,
  ignore: missing !== "",
  fn: async () => {
    const text = await rendered();
    const shown = (words: string) => assertStringIncludes(text, ` ${inOneLine(words)} `);
    for (const { name, summary, syntax } of commands) {
      shown(`${name}: ${summary}`);
      shown(`tcplab ${name} ${syntax.synopsis}`.trimEnd());
      for (const option of allOptions(syntax)) {
        const letter = option.alias ?? option.letter?.name;
        const alias = letter === undefined ? "" : `, -${letter}`;
        const value = option.value === undefined ? "" : ` ${option.value}`;
        shown(`--${option.name}${alias}${value} ${option.help}`);
      }
      for (const [words, meaning] of syntax.examples ?? []) shown(`${words} ${meaning}`);
    }
    for (const [name, meaning] of [...ENVIRONMENT_VARIABLES, ...DOCUMENTS]) shown(`${name} ${meaning}`);
    shown("tcplab 1.2.3");
  },
});

Deno.test("text that looks like roff is text: requests, escapes, what is not ASCII", () => {
  const odd = manPage([{
    name: "odd",
    summary: "a \\fB summary",
    usage: "",
    syntax: {
      command: "odd",
      synopsis: ".FILE",
      description: ".so /etc/passwd\n'tis a line\n\n  kept as it is\nand § on",
      options: [],
    },
    run: () => Promise.resolve(0),
  }], "1");
  const lines = odd.split("\n");
  for (const line of ["\\&.FILE", "\\&.so /etc/passwd", "\\(aqtis a line", "and \\[u00A7] on"]) {
    assert(lines.includes(line), `${line} in\n${odd}`);
  }
  assertStringIncludes(odd, ".SS odd: a \\efB summary");
  assertStringIncludes(odd, ".nf\n  kept as it is\n.fi\n");
  assert(/^\p{ASCII}*$/u.test(odd));
});
