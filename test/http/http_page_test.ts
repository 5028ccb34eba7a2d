/** docs/http.md says what the code does: every reason, limit and patience, with its default. */
import { assert, assertEquals } from "@std/assert";
import { HttpCounters } from "../../src/http/http_stats.ts";
import { limitsOf, patienceOf } from "../../src/http/http_options.ts";
import { REFUSAL_REASONS, sentenceOf, statusOf } from "../../src/http/refusals.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/http.md", import.meta.url));

/** Cells of the row that begins with a name. */
function row(name: string): string[] {
  const line = PAGE.split("\n").find((text) => text.startsWith(`| \`${name}\` `));
  assert(line !== undefined, `${name} is not in docs/http.md`);
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

Deno.test("docs/http.md: every reason for a refusal, its status and its sentence, and no other", () => {
  for (const reason of REFUSAL_REASONS) {
    const status = statusOf(reason);
    const expected = [`\`http-refused-${reason}\``, status === 0 ? "-" : `${status}`, sentenceOf(reason)];
    assertEquals(row(`http-refused-${reason}`), expected);
  }
  const rows = [...PAGE.matchAll(/^\| `http-refused-/gm)];
  assertEquals(rows.length, REFUSAL_REASONS.length);
});

Deno.test("docs/http.md: every limit and patience has its default", () => {
  for (const [name, value] of Object.entries(limitsOf({}))) {
    const said = row(name)[1];
    const [, number, unit] = /^([\d,]+) ?(KiB|MiB)?$/.exec(said) ?? [null, "Infinity", undefined];
    const factor = unit === "KiB" ? 1024 : unit === "MiB" ? 1024 ** 2 : 1;
    assertEquals(Number(number?.replace(",", "")) * factor, value, `${name}: ${said}`);
  }
  for (const [name, value] of Object.entries(patienceOf({}))) {
    assertEquals(Number(row(name)[1].replace(" s", "")) * 1000, value, name);
  }
});

Deno.test("docs/http.md: every figure that is counted, as the summary and Prometheus name it", () => {
  const { open: _, refused: __, ...figures } = new HttpCounters().snapshot(0);
  for (const name of Object.keys(figures)) {
    const counter = `http-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    assert(PAGE.includes(`\`${counter}\``), `${counter} is not in docs/http.md`);
  }
});
