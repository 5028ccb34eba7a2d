/**
 * What a rule, a row of the transition table or a state means: the answers of `tcplab why`.
 *
 * Owns: finding what a word names, and telling it as text or as a value. Must not know: the command line.
 */
import { type RuleId, RULES } from "../tcp/rules.ts";
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { type Transition, TRANSITIONS } from "../tcp/transitions.ts";
import { RULE_SOURCES, type RuleSource } from "./rule_sources.ts";
import { flagsInBrackets, type Palette } from "./text_layout.ts";

type NamedRule = Exclude<RuleId, "none">;

/** A rule with all that is known of it. */
export interface RuleAnswer extends RuleSource {
  readonly kind: "rule";
  readonly rule: NamedRule;
  readonly text: string;
  readonly rfc: string;
}

/** A row of the table, and the rules that decide it. */
export interface RowAnswer {
  readonly kind: "row";
  readonly row: string;
  readonly from: TcpState;
  readonly to: TcpState;
  readonly text: string;
  readonly recv: readonly string[] | null;
  readonly send: readonly string[] | null;
  readonly rfc: string;
  readonly rules: readonly NamedRule[];
}

/** A state, and the rows that lead to it and from it. */
export interface StateAnswer {
  readonly kind: "state";
  readonly state: TcpState;
  readonly text: string;
  readonly rfc: string;
  readonly into: readonly string[];
  readonly outOf: readonly string[];
}

/** What a word may name; one word may name a rule and a row at once. */
export type WhyAnswer = RuleAnswer | RowAnswer | StateAnswer;

/** Each state in our own words. */
const STATES: Readonly<Record<TcpState, string>> = {
  CLOSED: "no connection: nothing is kept about it",
  LISTEN: "a server waits for a SYN from anybody",
  SYN_SENT: "a client has sent its SYN, and waits for the answer to it",
  SYN_RCVD: "a SYN has been received and answered; the last ACK of the handshake is missing",
  ESTABLISHED: "open: data flows both ways",
  FIN_WAIT_1: "we have closed first: our FIN is not acknowledged yet, and the peer has not closed",
  FIN_WAIT_2: "our FIN is acknowledged; the peer may go on sending until it closes too",
  CLOSE_WAIT: "the peer has closed; our application may go on sending until it closes too",
  CLOSING: "both have closed at the same time: the acknowledgment of our FIN is missing",
  LAST_ACK: "the peer has closed first, then we: the acknowledgment of our FIN is missing",
  TIME_WAIT:
    "closed both ways: whoever closed first waits twice the life of a segment (2 MSL), so that late ones disturb nobody",
};
const STATES_RFC = "RFC 9293 §3.3.2";

const RULE_NAMES = Object.keys(RULES).filter((id): id is NamedRule => id !== "none");

/** Everything that can be asked for. */
export function whyNames(): {
  rules: readonly NamedRule[];
  rows: readonly string[];
  states: readonly TcpState[];
} {
  return { rules: RULE_NAMES, rows: TRANSITIONS.map(({ id }) => id), states: TCP_STATES };
}

/** What a word names, by its whole name; states in any case, with `-` for `_`. Empty when it names nothing. */
export function whyAnswers(word: string): WhyAnswer[] {
  const answers: WhyAnswer[] = [];
  const state = TCP_STATES.find((name) => name === word.toUpperCase().replaceAll("-", "_"));
  if (state !== undefined) answers.push(stateAnswer(state));
  const rule = RULE_NAMES.find((name) => name === word);
  if (rule !== undefined) answers.push({ kind: "rule", rule, ...RULES[rule], ...RULE_SOURCES[rule] });
  const row = TRANSITIONS.find(({ id }) => id === word);
  if (row !== undefined) answers.push(rowAnswer(row));
  return answers;
}

/** Names that begin with the word, or hold it. */
export function whyNear(word: string): string[] {
  const { rules, rows, states } = whyNames();
  const wanted = word.toLowerCase();
  const names = [...new Set<string>([...rules, ...rows, ...states])];
  const begin = names.filter((name) => name.toLowerCase().startsWith(wanted));
  return begin.length > 0 ? begin : names.filter((name) => name.toLowerCase().includes(wanted));
}

function rowAnswer(row: Transition): RowAnswer {
  const { id, from, to, event, recv, send, rfc } = row;
  const rules = RULE_NAMES.filter((rule) => RULE_SOURCES[rule].rows.includes(id));
  return { kind: "row", row: id, from, to, text: event, recv, send, rfc, rules };
}

function stateAnswer(state: TcpState): StateAnswer {
  const into = TRANSITIONS.filter(({ to }) => to === state).map(({ id }) => id);
  const outOf = TRANSITIONS.filter(({ from }) => from === state).map(({ id }) => id);
  return { kind: "state", state, text: STATES[state], rfc: STATES_RFC, into, outOf };
}

/** An answer as lines for people. */
export function whyText(answer: WhyAnswer, palette: Palette): string {
  const named = (name: string, value: string) => `  ${palette.quiet(name.padEnd(8))}${value}`;
  const lines = (name: string, values: readonly string[]) =>
    values.map((value, i) => named(i === 0 ? name : "", value));
  switch (answer.kind) {
    case "rule":
      return [
        `${palette.strong(answer.rule)}  ${answer.rfc === "-" ? "local choice" : answer.rfc}`,
        `  ${answer.text}`,
        ...lines("rows", answer.rows.flatMap(rowLine)),
        ...lines("source", answer.code),
        named("test", `${answer.walk}  "rule ${answer.rule} is hit"`),
      ].join("\n");
    case "row":
      return [
        `${palette.strong(`row ${answer.row}`)}  ${answer.rfc}`,
        `  ${answer.from} -> ${answer.to}  recv ${flagsInBrackets(answer.recv)}  send ${
          flagsInBrackets(answer.send)
        }`,
        `  ${answer.text}`,
        ...lines("rules", answer.rules),
      ].join("\n");
    case "state":
      return [
        `${palette.strong(answer.state)}  ${answer.rfc}`,
        `  ${answer.text}`,
        ...lines("into", answer.into.flatMap(rowLine)),
        ...lines("out of", answer.outOf.flatMap(rowLine)),
      ].join("\n");
  }
}

function rowLine(id: string): string[] {
  const row = TRANSITIONS.find((one) => one.id === id);
  if (row === undefined) return [];
  const { from, to, recv, send } = row;
  return [
    `${id.padEnd(26)}${`${from} -> ${to}`.padEnd(28)}recv ${flagsInBrackets(recv)}  send ${
      flagsInBrackets(send)
    }`,
  ];
}

/** The list of all rules, each with its sentence, and the names of rows and states. */
export function whyList(palette: Palette): string {
  const width = Math.max(...RULE_NAMES.map(({ length }) => length)) + 2;
  const { rows, states } = whyNames();
  return [
    palette.strong("States"),
    `  ${states.join(" ")}`,
    palette.strong("Rows of the table (tcplab table)"),
    ...rows.map((id) => `  ${rowLine(id).join("")}`),
    palette.strong("Rules"),
    ...RULE_NAMES.map((rule) =>
      `  ${rule.padEnd(width)}${RULES[rule].text}  ${palette.quiet(RULES[rule].rfc)}`
    ),
  ].join("\n");
}
