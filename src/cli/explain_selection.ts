/**
 * Which connections of a capture `explain` tells of.
 *
 * Owns: numbers and filters, as a person types them. Must not know: captures, what is told.
 */
import { parseSocketFilter, type SocketFilter, SocketFilterError } from "../observe/socket_filter.ts";
import type { ExplainedConnection } from "../story/explain_json.ts";
import { END_NAMES } from "../story/story_segment.ts";
import { UsageError } from "./command.ts";
import { badValue } from "./option_values.ts";

/** A choice of connections. */
export interface Selection {
  /** Their numbers, where they are chosen by number; null where any may be meant. */
  readonly numbers: ReadonlySet<number> | null;
  /** Whether it is every connection. */
  readonly isAll: boolean;
  has(connection: ExplainedConnection): boolean;
}

/** Makes one of the values of `--connection` and of the words of a filter. Throws {@link UsageError}. */
export function parseSelection(
  numbers: readonly string[],
  filterWords: readonly string[],
): Selection {
  const chosen = numbers.length === 0 ? null : new Set(numbers.flatMap(numbersOf));
  const filter = filterWords.length === 0 ? null : filterOf(filterWords);
  return {
    numbers: chosen,
    isAll: chosen === null && filter === null,
    has: (one) => (chosen === null || chosen.has(one.id)) && (filter === null || passes(one, filter)),
  };
}

function numbersOf(text: string): number[] {
  return text.split(",").map((word) => {
    if (/^#?[1-9]\d{0,14}$/.test(word)) return Number(word.replace("#", ""));
    throw badValue({ option: "connection", text }, "numbers of connections from 1, with commas between");
  });
}

function filterOf(words: readonly string[]): SocketFilter {
  try {
    return parseSocketFilter(words);
  } catch (error) {
    throw error instanceof SocketFilterError ? new UsageError(error.message) : error;
  }
}

/** The client is the source; a state is that of either end at the end of the capture. */
function passes({ client, server, ends }: ExplainedConnection, filter: SocketFilter): boolean {
  return END_NAMES.some((name) =>
    filter({ state: ends[name].states.at(-1)?.state ?? "CLOSED", local: client, peer: server })
  );
}
