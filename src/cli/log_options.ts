/**
 * The arguments about the log as a typed configuration.
 *
 * Owns: what each value means, which of them exclude each other, and every line that says what is wrong with them. Must
 * not know: the terminal and the files that it will meet (serve_log.ts).
 */
import { type EventExpression, ExpressionError, parseExpression } from "../observe/event_expression.ts";
import { LOG_KINDS, type LogKind, USUAL_KINDS } from "../observe/event_filter.ts";
import { TIME_FORMS, type TimeForm } from "../observe/log_time.ts";
import { PAYLOAD_FORMS, type PayloadForm } from "../observe/payload_text.ts";
import { UsageError } from "./command.ts";
import type { LOG_OPTIONS } from "./log_syntax.ts";
import { type GivenValue, parseChoice, parseFileName, parseSizeBytes } from "./option_values.ts";
import type { ParsedOptions } from "./options.ts";
import { given } from "./tcp_options.ts";

/** How the log is to look, and what it is to tell. */
export interface LogStyle {
  /** Null: stdout. */
  readonly file: string | null;
  readonly kinds: readonly LogKind[];
  readonly only: EventExpression | null;
  readonly time: TimeForm;
  readonly payload: PayloadForm;
  readonly wrap: "auto" | "never";
  readonly color: "auto" | "always" | "never";
}

/** What the options about the log say. */
export interface LogSettings {
  readonly log: "text" | "json" | "tui" | "none";
  /** Null: without bound. */
  readonly logLimitBytes: number | null;
  /** Whether data events carry bytes; in which form, the style says. */
  readonly payload: boolean;
  readonly logStyle: LogStyle;
}

type LogOption = typeof LOG_OPTIONS[number]["name"];
type Options = ParsedOptions<LogOption>;

/** Local choice: from what a start and an end take with some room, up to what no disk holds. */
const LOG_LIMIT = { least: 0x1000, most: 2 ** 50 };

/** Reads the options about the log. Throws {@link UsageError}: one line that names option, value and what was expected. */
export function parseLogOptions(options: Options): LogSettings {
  const choice = <Choice extends string>(name: LogOption, choices: readonly Choice[]) =>
    given(options, name, (value) => parseChoice(value, choices)) ?? choices[0];
  const log = choice("log", ["text", "json", "tui", "none"]);
  if (log === "none") refuseWithoutLog(options);
  if (log === "tui") refuseWithScreen(options);
  const time = choice("time", TIME_FORMS);
  if (log === "json" && options.value("time") !== undefined) {
    throw new UsageError("--time is for --log text: in JSON every event has its time, seconds since 1970");
  }
  const payload = choice("payload", PAYLOAD_FORMS);
  return {
    log,
    logLimitBytes: given(options, "log-limit", (value) => parseSizeBytes(value, LOG_LIMIT)) ?? null,
    payload: payload !== "none",
    logStyle: {
      file: given(options, "log-file", parseFileName) ?? null,
      kinds: parseKinds(options),
      only: given(options, "only", parseOnly) ?? null,
      time,
      payload,
      wrap: choice("wrap", ["auto", "never"]),
      color: choice("color", ["auto", "always", "never"]),
    },
  };
}

const NEED_A_LOG = [
  "payload",
  "log-limit",
  "log-file",
  "show",
  "hide",
  "quiet",
  "verbose",
  "only",
  "time",
  "wrap",
  "color",
] as const satisfies readonly LogOption[];

function refuseWithoutLog(options: Options): void {
  const without = NEED_A_LOG.find((name) => options.list(name).length > 0);
  if (without !== undefined) throw new UsageError(`--${without} needs a log: --log none has none`);
}

/** What of these a screen has no use for. */
function refuseWithScreen(options: Options): void {
  const without = NEED_A_LOG.find((name) =>
    name !== "only" && name !== "color" && options.list(name).length > 0
  );
  if (without !== undefined) throw new UsageError(`--${without} is for a log of lines: --log tui has none`);
}

function parseKinds(options: Options): readonly LogKind[] {
  const isQuiet = options.flag("quiet");
  const isVerbose = options.flag("verbose");
  if (isQuiet && isVerbose) throw new UsageError("--quiet and --verbose exclude each other: leave one out");
  const shown = parseKindList(options, "show");
  const hidden = parseKindList(options, "hide");
  const both = shown.find((kind) => hidden.includes(kind));
  if (both !== undefined) throw new UsageError(`--show and --hide both name ${both}: leave one out`);
  const base = isQuiet
    ? ["transitions"]
    : isVerbose
    ? LOG_KINDS.filter((kind) => kind !== "samples")
    : USUAL_KINDS;
  return LOG_KINDS.filter((kind) => (base.includes(kind) || shown.includes(kind)) && !hidden.includes(kind));
}

function parseKindList(options: Options, option: "show" | "hide"): readonly LogKind[] {
  return options.list(option).flatMap((list) => list.split(","))
    .map((text) => parseChoice({ option, text }, LOG_KINDS));
}

function parseOnly({ option, text }: GivenValue): EventExpression {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) throw new UsageError(`--${option}: ${error.message}`);
    throw error;
  }
}
