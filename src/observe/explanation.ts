/**
 * What a rule, a row of the table or a state means, and where it is done and tested: the answer to "why?".
 *
 * Owns: joining rules, rows, states and their places (rule_places.json, which is made from the sources: the binary has no
 * checkout), and finding what a person names. Must not know: how it is shown (explanation_text.ts).
 */
import { RULES } from "../tcp/rules.ts";
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { type Transition, TRANSITIONS } from "../tcp/transitions.ts";
import places from "./rule_places.json" with { type: "json" };
import { STATE_MEANINGS } from "./state_meanings.ts";
import { stateNamed } from "./state_names.ts";

/** A test, as `deno test --filter` finds it. */
interface TestPlace {
  /** `test/tcp/rule_walks.ts:120`; a file alone where the whole of it is meant. */
  readonly place: string;
  /** The test's name; null where the whole file is meant. */
  readonly name: string | null;
}

/** A rule of the machine. */
export interface RuleExplanation {
  readonly kind: "rule";
  readonly name: string;
  readonly text: string;
  /** `RFC 9293 §3.10.7.2`; null for a local choice. */
  readonly rfc: string | null;
  /** Rows that it decides; none where it changes no state. */
  readonly rows: readonly string[];
  /** Lines that apply it, `src/tcp/arrives.ts:73`, the one that decides first. */
  readonly source: readonly string[];
  readonly test: TestPlace;
  /** The script that teaches it, `test/scripts/close/passive.pkt`; null where there is none. */
  readonly lesson: string | null;
}

/** A row of the transition table. */
export interface RowExplanation {
  readonly kind: "row";
  readonly name: string;
  readonly row: Transition;
  /** Rules that decide it. */
  readonly rules: readonly string[];
  /** Lines that take it. */
  readonly source: readonly string[];
  readonly test: TestPlace;
  /** As of a rule. */
  readonly lesson: string | null;
}

/** A state. */
export interface StateExplanation {
  readonly kind: "state";
  readonly name: TcpState;
  readonly text: string;
  readonly rfc: string;
  /** Rows that lead into it, and out of it. */
  readonly reachedBy: readonly string[];
  readonly leftBy: readonly string[];
  readonly test: TestPlace;
}

/** Anything that can be asked about. */
export type Explanation = RuleExplanation | RowExplanation | StateExplanation;

interface RulePlaces {
  readonly source: readonly string[];
  readonly test: string;
  /** `close/passive`. */
  readonly lesson: string | null;
  readonly rows: readonly string[];
}

const RULE_PLACES: Readonly<Record<string, RulePlaces>> = places.rules;
const ROW_PLACES: Readonly<Record<string, Omit<RulePlaces, "rows">>> = places.rows;
const STATE_PLACES: Readonly<Record<string, Pick<RulePlaces, "test">>> = places.states;
/** The rule that stands for no rule. */
const NO_RULE = "none";
const NOWHERE = { source: [], test: "", lesson: null } as const;

function lessonPath(lesson: string | null): string | null {
  return lesson === null ? null : `test/scripts/${lesson}.pkt`;
}

/** All rules, in the order of the list. */
export const RULE_EXPLANATIONS: readonly RuleExplanation[] = Object.entries(RULES)
  .filter(([id]) => id !== NO_RULE)
  .map(([id, { rfc, text }]) => {
    const { source, rows, test, lesson } = RULE_PLACES[id] ?? { ...NOWHERE, rows: [] };
    const name = `rule ${id} is hit`;
    return {
      kind: "rule",
      name: id,
      text,
      rfc: rfc === "-" ? null : rfc,
      rows,
      source,
      test: { place: test, name },
      lesson: lessonPath(lesson),
    };
  });

/** All rows, in the order of the table. */
export const ROW_EXPLANATIONS: readonly RowExplanation[] = TRANSITIONS.map((row) => {
  const { source, test, lesson } = ROW_PLACES[row.id] ?? NOWHERE;
  const rules = RULE_EXPLANATIONS.filter(({ rows }) => rows.includes(row.id)).map((rule) => rule.name);
  return {
    kind: "row",
    name: row.id,
    row,
    rules,
    source,
    test: { place: test, name: `row ${row.id}:` },
    lesson: lessonPath(lesson),
  };
});

/** All states, in the order of the RFC. */
export const STATE_EXPLANATIONS: readonly StateExplanation[] = TCP_STATES.map((state) => ({
  kind: "state",
  name: state,
  text: STATE_MEANINGS[state],
  rfc: "RFC 9293 §3.3.2",
  reachedBy: TRANSITIONS.filter(({ to }) => to === state).map(({ id }) => id),
  leftBy: TRANSITIONS.filter(({ from }) => from === state).map(({ id }) => id),
  test: { place: STATE_PLACES[state]?.test ?? "", name: null },
}));

/** Everything, states first, since a person begins with them. */
export const EXPLANATIONS: readonly Explanation[] = [
  ...STATE_EXPLANATIONS,
  ...ROW_EXPLANATIONS,
  ...RULE_EXPLANATIONS,
];

/**
 * What a person means by a name: the rule, row or state that is called so (a rule and its row may share a name); else all
 * whose name begins with it up to a dot (`arrives.check5`), else all whose name ends with it after one (`ack-nothing-new`).
 * Capital letters do not count; a state may be called as in {@link stateNamed}. Empty when nothing is meant.
 */
export function findExplanations(name: string): readonly Explanation[] {
  const wanted = name.toLowerCase();
  const state = stateNamed(name);
  const tries: readonly ((one: Explanation) => boolean)[] = [
    (one) => one.name === (one.kind === "state" ? state : wanted),
    (one) => one.kind !== "state" && one.name.startsWith(`${wanted}.`),
    (one) => one.kind !== "state" && one.name.endsWith(`.${wanted}`),
  ];
  for (const matches of tries) {
    const found = EXPLANATIONS.filter(matches);
    if (found.length > 0) return found;
  }
  return [];
}
