/**
 * The options that say what the log tells and how, as a table that `serve` and `connect` share.
 *
 * Owns: names, placeholders and help. Must not know: what is done with them (log_options.ts).
 */
import { LOG_KINDS } from "../observe/event_filter.ts";
import { TIME_FORMS } from "../observe/log_time.ts";
import { PAYLOAD_FORMS } from "../observe/payload_text.ts";
import type { OptionSpec } from "./options.ts";

const LOG = "Log";

/** Every option of the log. */
export const LOG_OPTIONS = [
  {
    name: "log",
    kind: "value",
    value: "text|json|tui|none",
    group: LOG,
    help:
      "text (default) for people, json one event a line, tui (serve) connections and the ladder of one on the whole " +
      "terminal, none nothing",
  },
  {
    name: "log-file",
    kind: "value",
    value: "FILE",
    group: LOG,
    help: "where the log goes, instead of stdout",
  },
  {
    name: "log-limit",
    kind: "value",
    value: "SIZE",
    group: LOG,
    help:
      "end the log there (100M, 1G), with a line that says so; the summary follows all the same, and counts the " +
      "lines that are left out",
  },
  {
    name: "show",
    kind: "list",
    value: "KIND[,...]",
    choices: LOG_KINDS,
    group: LOG,
    help: `tell these too: ${LOG_KINDS.join(", ")}. Without being asked, all but timers and samples are told`,
  },
  {
    name: "hide",
    kind: "list",
    value: "KIND[,...]",
    choices: LOG_KINDS,
    group: LOG,
    help: "do not tell these; how connections end, and the summary, are always told",
  },
  {
    name: "quiet",
    alias: "q",
    kind: "flag",
    group: LOG,
    help: "transitions and ends only; --show adds to it",
  },
  { name: "verbose", alias: "v", kind: "flag", group: LOG, help: "everything but samples" },
  {
    name: "only",
    kind: "value",
    value: "EXPR",
    group: LOG,
    help:
      "only connections for which EXPR holds: state NAME, port N, peer ADDR[/LEN], id N, with and, or, not and " +
      "parentheses ('peer 10.0.0.2 and not port 5000')",
  },
  {
    name: "time",
    kind: "value",
    value: TIME_FORMS.join("|"),
    letter: { name: "t", values: TIME_FORMS.slice(1) },
    group: LOG,
    help:
      "the time column: of day (clock, default), none (-t), seconds since 1970 (epoch, -tt), since the line before " +
      "(delta, -ttt), with the day (date, -tttt), since the first line (relative, -ttttt)",
  },
  {
    name: "payload",
    kind: "value",
    value: PAYLOAD_FORMS.join("|"),
    alone: { value: "base64", unlessNext: PAYLOAD_FORMS },
    group: LOG,
    help:
      "contents of data events: none (default), text with escapes, hex, base64 (also --payload by itself)",
  },
  {
    name: "wrap",
    kind: "value",
    value: "auto|never",
    group: LOG,
    help:
      "auto (default): as wide as the terminal, also when it changes; never, and where there is none: a line an event",
  },
  {
    name: "color",
    kind: "value",
    value: "auto|always|never",
    group: LOG,
    help: "auto (default): on a terminal, unless NO_COLOR is set or TERM is dumb",
  },
] as const satisfies readonly OptionSpec[];
