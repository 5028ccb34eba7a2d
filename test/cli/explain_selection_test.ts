/** Which connections are told of: by number, by filter, by both; and words that are neither. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseSelection } from "../../src/cli/explain_selection.ts";
import { UsageError } from "../../src/cli/command.ts";
import { explainConnection } from "../../src/story/explain_json.ts";
import { FULL_HANDSHAKE, tell } from "../story/written_story.ts";

const ONE = explainConnection(tell(`${FULL_HANDSHAKE}\nC FA 1 1 ts=3/501\nS A 1 2 ts=504/3`).connection);

Deno.test("a connection is chosen by its number, the client's and the server's address, or the last state of either end", () => {
  const has = (numbers: readonly string[], filter = "") =>
    parseSelection(numbers, filter.split(" ").filter((word) => word !== "")).has(ONE);
  assertEquals([has([]), has(["1"]), has(["2,#1"]), has(["2"]), has(["2", "1"])], [
    true,
    true,
    true,
    false,
    true,
  ]);
  assertEquals([has([], "dport = :80"), has([], "sport = :80"), has([], "src 10.0.0.2")], [
    true,
    false,
    true,
  ]);
  assertEquals([has([], "state fin-wait-2"), has([], "state close-wait")], [true, true]);
  assertEquals([has([], "state established"), has(["2"], "dport = :80")], [false, false]);
  assertEquals(parseSelection([], []).isAll, true);
  assertEquals(parseSelection(["1"], []).isAll, false);
});

Deno.test("what is no number and no filter is told in one line", () => {
  for (const text of ["0", "x", "1,,2", "-1", "1.5"]) {
    assertThrows(
      () => parseSelection([text], []),
      UsageError,
      `--connection ${text}: expected numbers of connections from 1, with commas between`,
    );
  }
  assertThrows(() => parseSelection([], ["port", "80"]), UsageError);
});
