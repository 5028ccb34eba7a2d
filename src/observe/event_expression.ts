/**
 * The language of `--only`: which connections a log is about.
 *
 *     expression = and-part { "or" and-part }      and-part = not-part { "and" not-part }
 *     not-part   = [ "not" ] ( "(" expression ")" | test )
 *     test       = "state" STATE | "port" N | "peer" ADDR[/LEN] | "id" N
 *
 * As in pcap-filter(7), `&&`, `||` and `!` mean the same as the words. Owns: the grammar, and the place of what is wrong in
 * it. Must not know: events (event_filter.ts); a test sees only a {@link Subject}.
 */
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { inPrefix, type IpAddress, parsePrefix } from "../wire/address.ts";
import { stateNamed } from "./state_names.ts";

/** What an expression is asked about. A figure that is absent matches no test. */
export interface Subject {
  readonly states: readonly TcpState[];
  readonly localPort: number | undefined;
  readonly peerPort: number | undefined;
  readonly peer: IpAddress | null;
  readonly id: number | undefined;
}

/** An expression, understood. */
export interface EventExpression {
  /** Whether states are asked for, which not every event has by itself. */
  readonly asksState: boolean;
  holds(subject: Subject): boolean;
}

/** What is wrong with an expression. The message is one line, in which `>>>` and `<<<` stand around the place. */
export class ExpressionError extends Error {
  override name = "ExpressionError";

  constructor(
    expected: string,
    place: { readonly text: string; readonly from: number; readonly to: number },
  ) {
    const { text, from, to } = place;
    const marked = `${text.slice(0, from)}>>>${text.slice(from, to)}<<<${text.slice(to)}`;
    super(`expected ${expected} at character ${from + 1}: ${marked}`);
  }
}

/**
 * Levels of an expression, also of one of socket_filter.ts. Local choice: more than anybody types, and far from what the
 * call stack bears.
 */
export const MOST_DEPTH = 100;

type Test = (subject: Subject) => boolean;

/** Understands an expression. Throws {@link ExpressionError}. */
export function parseExpression(text: string): EventExpression {
  const parser = new Parser(text);
  const holds = parser.whole();
  return { asksState: parser.asksState, holds };
}

interface Token {
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

const OPERATORS: Readonly<Record<string, string>> = { "&&": "and", "||": "or", "!": "not" };
const TESTS = "state, port, peer, id, not or (";

class Parser {
  asksState = false;
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = [...text.matchAll(/&&|\|\||[!()]|[^\s()!&|]+|[&|]/g)].map(({ 0: word, index }) => ({
      word: OPERATORS[word] ?? word,
      from: index,
      to: index + word.length,
    }));
  }

  whole(): Test {
    const test = this.#either();
    if (this.#next < this.#tokens.length) throw this.#wrong('"and", "or" or the end');
    return test;
  }

  #either(): Test {
    const parts = [this.#all()];
    while (this.#takes("or")) parts.push(this.#all());
    return parts.length === 1 ? parts[0] : (subject) => parts.some((part) => part(subject));
  }

  #all(): Test {
    const parts = [this.#one()];
    while (this.#takes("and")) parts.push(this.#one());
    return parts.length === 1 ? parts[0] : (subject) => parts.every((part) => part(subject));
  }

  #one(): Test {
    if (++this.#depth > MOST_DEPTH) throw this.#wrong(`at most ${MOST_DEPTH} levels`);
    try {
      if (this.#takes("not")) {
        const test = this.#one();
        return (subject) => !test(subject);
      }
      if (!this.#takes("(")) return this.#test();
      const test = this.#either();
      if (!this.#takes(")")) throw this.#wrong('"and", "or" or ")"');
      return test;
    } finally {
      this.#depth--;
    }
  }

  #test(): Test {
    if (this.#takes("state")) return this.#state();
    if (this.#takes("port")) {
      const port = this.#number("a port, 1 to 65535", 0xffff);
      return ({ localPort, peerPort }) => localPort === port || peerPort === port;
    }
    if (this.#takes("peer")) return this.#peer();
    if (this.#takes("id")) {
      const id = this.#number("a connection's number, from 1 on", Number.MAX_SAFE_INTEGER);
      return (subject) => subject.id === id;
    }
    throw this.#wrong(TESTS);
  }

  #state(): Test {
    const state = stateNamed(this.#word());
    if (state === null) throw this.#wrong(`a state (${TCP_STATES.join(", ")})`);
    this.#next++;
    this.asksState = true;
    return ({ states }) => states.includes(state);
  }

  #peer(): Test {
    const prefix = parsePrefix(this.#word().replace(/^\[(.*)\]/, "$1"));
    if (prefix === null) throw this.#wrong("an address, as 10.0.0.2 or 10.0.0.0/8");
    this.#next++;
    const { address, prefixLength } = prefix;
    const length = prefixLength ?? address.length * 8;
    return ({ peer }) => peer !== null && peer.length === address.length && inPrefix(peer, address, length);
  }

  #number(what: string, most: number): number {
    const word = this.#word();
    const value = /^\d{1,16}$/.test(word) ? Number(word) : 0;
    if (value < 1 || value > most) throw this.#wrong(what);
    this.#next++;
    return value;
  }

  /** The word that comes next, empty at the end. */
  #word(): string {
    return this.#tokens[this.#next]?.word ?? "";
  }

  #takes(word: string): boolean {
    if (this.#word().toLowerCase() !== word) return false;
    this.#next++;
    return true;
  }

  #wrong(expected: string): ExpressionError {
    const end = this.#text.length;
    const { from, to } = this.#tokens[this.#next] ?? { from: end, to: end };
    return new ExpressionError(expected, { text: this.#text, from, to });
  }
}
