/**
 * Which sockets `netstat` shows: the filter language of ss(8), as far as it speaks of TCP sockets.
 *
 * Owns: the words, their grammar, and the judgement on a row. Must not know: where rows come from.
 *
 *     { state STATE | exclude STATE }  [ EXPRESSION ]
 *     EXPRESSION: dst|src [=|!=] ADDR[/LEN][:PORT]   dport|sport [OP] [:]PORT   ( )   not  and  or
 *
 * As in ss: several states are alternatives, `and` binds closer than `or` and may be left out, and a listener's other end is
 * address 0 and port 0.
 */
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { inPrefix, type IpAddress, parseIpAddress, parsePrefix } from "../wire/address.ts";
import { MOST_DEPTH } from "./event_expression.ts";
import { stateNamed } from "./state_names.ts";

/** What a filter looks at. */
export interface FilteredRow {
  readonly state: string;
  /** `IP:PORT`, IPv6 in brackets. */
  readonly local: string;
  /** The same, or `*:*` for a listener. */
  readonly peer: string;
}

/** True for a row that is to be shown. */
export type SocketFilter = (row: FilteredRow) => boolean;

/** The words are no filter; the message is one line for a person. */
export class SocketFilterError extends Error {
  override name = "SocketFilterError";
}

/** Names of ss for states, as a person is told of them. */
const SS_NAMES: readonly string[] = [
  ...["established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "closed", "close-wait"],
  ...["last-ack", "listening", "closing"],
];
/** Its words for several. */
const STATE_GROUPS: Readonly<Record<string, readonly TcpState[]>> = {
  "all": TCP_STATES,
  "connected": TCP_STATES.filter((state) => state !== "LISTEN" && state !== "CLOSED"),
  "synchronized": TCP_STATES.filter((state) =>
    state !== "LISTEN" && state !== "CLOSED" && state !== "SYN_SENT" && state !== "SYN_RCVD"
  ),
  // What ss keeps as a small socket of its own.
  "bucket": ["TIME_WAIT", "SYN_RCVD"],
  "big": TCP_STATES.filter((state) => state !== "TIME_WAIT" && state !== "SYN_RCVD"),
};

type Compare = (port: number, wanted: number) => boolean;

const EQUAL: Compare = (port, wanted) => port === wanted;
const COMPARISONS: readonly (readonly [words: readonly string[], compare: Compare])[] = [
  [["=", "==", "eq"], EQUAL],
  [["!=", "ne", "neq"], (port, wanted) => port !== wanted],
  [[">=", "ge", "geq"], (port, wanted) => port >= wanted],
  [["<=", "le", "leq"], (port, wanted) => port <= wanted],
  [[">", "gt"], (port, wanted) => port > wanted],
  [["<", "lt"], (port, wanted) => port < wanted],
];
const AND: readonly string[] = ["and", "&", "&&"];
const OR: readonly string[] = ["or", "|", "||"];
const NOT: readonly string[] = ["not", "!"];

const PORT_BITS = 16;
const FORM =
  "expected state STATE, sport = :PORT, dport = :PORT, src ADDR[/LEN][:PORT], dst ADDR[/LEN][:PORT], and, or, not, ( )";

/** Makes a filter of a command's words; one that shows all of no words. Throws {@link SocketFilterError}. */
export function parseSocketFilter(words: readonly string[]): SocketFilter {
  const parser = new FilterParser(wordsOf(words.join(" ")));
  return parser.parse();
}

/** Operators need no spaces around them: `dport=:80`, `(sport = :1)`. */
function wordsOf(text: string): string[] {
  return text.match(/&&|\|\||[!<>=]=|[()!&|<>=]|[^\s()!&|<>=]+/g) ?? [];
}

class FilterParser {
  readonly #words: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  parse(): SocketFilter {
    const states = this.#parseStates();
    const rest = this.#at < this.#words.length ? this.#parseOr() : null;
    if (this.#at < this.#words.length) this.#refuse(`"${this.#words[this.#at]}" is one too many`);
    return (row) => (states === null || states.has(row.state)) && (rest === null || rest(row));
  }

  /** Null where none are named. */
  #parseStates(): ReadonlySet<string> | null {
    let chosen: ReadonlySet<string> | null = null;
    for (;;) {
      const isChosen = this.#takes(["state"]);
      if (!isChosen && !this.#takes(["exclude", "excl"])) return chosen;
      const named: ReadonlySet<string> = new Set(statesNamed(this.#next("a state")));
      const before: readonly string[] = chosen === null ? (isChosen ? [] : TCP_STATES) : [...chosen];
      chosen = new Set(isChosen ? [...before, ...named] : before.filter((state) => !named.has(state)));
    }
  }

  #parseOr(): SocketFilter {
    const parts = [this.#parseAnd()];
    while (this.#takes(OR)) parts.push(this.#parseAnd());
    return parts.length === 1 ? parts[0] : (row) => parts.some((part) => part(row));
  }

  #parseAnd(): SocketFilter {
    const parts = [this.#parseTerm()];
    while (this.#takes(AND) || this.#beginsTerm()) parts.push(this.#parseTerm());
    return parts.length === 1 ? parts[0] : (row) => parts.every((part) => part(row));
  }

  #beginsTerm(): boolean {
    const word = this.#words[this.#at];
    return word !== undefined && word !== ")" && !OR.includes(word);
  }

  #parseTerm(): SocketFilter {
    if (++this.#depth > MOST_DEPTH) this.#refuse(`it has more than ${MOST_DEPTH} levels`);
    try {
      return this.#parseOne();
    } finally {
      this.#depth--;
    }
  }

  #parseOne(): SocketFilter {
    if (this.#takes(NOT)) {
      const term = this.#parseTerm();
      return (row) => !term(row);
    }
    if (this.#takes(["("])) {
      const inner = this.#parseOr();
      if (!this.#takes([")"])) this.#refuse('a ")" is missing');
      return inner;
    }
    const word = this.#next("a condition");
    switch (word) {
      case "sport":
        return this.#parsePortTerm("local");
      case "dport":
        return this.#parsePortTerm("peer");
      case "src":
        return this.#parseHostTerm("local");
      case "dst":
        return this.#parseHostTerm("peer");
      case "state":
      case "exclude":
      case "excl":
        return this.#refuse(`${word} comes before everything else, as in ss`);
      default:
        return this.#refuse(`"${word}" is not known`);
    }
  }

  #parsePortTerm(end: "local" | "peer"): SocketFilter {
    const compare = COMPARISONS.find(([words]) => this.#takes(words))?.[1] ?? EQUAL;
    const wanted = parsePortWord(this.#next("a port"));
    return (row) => compare(endOf(row, end).port, wanted);
  }

  #parseHostTerm(end: "local" | "peer"): SocketFilter {
    const isNegated = this.#takes(["!=", "ne", "neq"]);
    if (!isNegated) this.#takes(["=", "==", "eq"]);
    const wanted = parseHostWord(this.#next("an address"));
    return (row) => isHost(endOf(row, end), wanted) !== isNegated;
  }

  #takes(words: readonly string[]): boolean {
    const isNext = words.includes(this.#words[this.#at]?.toLowerCase());
    if (isNext) this.#at++;
    return isNext;
  }

  #next(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined) return this.#refuse(`${what} is missing at its end`);
    this.#at++;
    return word;
  }

  #refuse(why: string): never {
    throw new SocketFilterError(`The filter cannot be understood, ${why}: ${FORM}`);
  }
}

function statesNamed(word: string): readonly TcpState[] {
  const group = word.toLowerCase();
  if (Object.hasOwn(STATE_GROUPS, group)) return STATE_GROUPS[group];
  const state = stateNamed(word);
  if (state !== null) return [state];
  const known = [...SS_NAMES, ...Object.keys(STATE_GROUPS)].join(", ");
  throw new SocketFilterError(`"${word}" is no state: expected ${known}, or a name of tcplab table`);
}

function parsePortWord(word: string): number {
  const port = /^(?:\*?:)?(\d{1,5})$/.exec(word)?.[1];
  if (port !== undefined && Number(port) < 1 << PORT_BITS) return Number(port);
  throw new SocketFilterError(`"${word}" is no port: expected a number from 0 to 65535, as in :3333`);
}

/** Either part may be open. */
interface WantedHost {
  readonly prefix: ReturnType<typeof parsePrefix>;
  readonly port: number | null;
}

function parseHostWord(word: string): WantedHost {
  const bracketed = /^\[([^\]]*)\](\/\d{1,3})?(?::(\d{1,5}|\*))?$/.exec(word);
  const plain = /^([^:]*)()(?::(\d{1,5}|\*))?$/.exec(word);
  // Two colons or more and no brackets: IPv6 without a port.
  const [, address = word, length = "", port = "*"] = bracketed ?? plain ?? [];
  const prefix = address === "" || address === "*" ? null : parsePrefix(address + length);
  const isAddress = prefix !== null || address === "" || address === "*";
  if (isAddress && (port === "*" || Number(port) < 1 << PORT_BITS)) {
    return { prefix, port: port === "*" ? null : Number(port) };
  }
  throw new SocketFilterError(
    `"${word}" is no address: expected one as 10.0.0.2, 10.0.0.0/8, 10.0.0.2:3333, :3333, [fd00::2]:3333`,
  );
}

/** One end of a connection; no address where it is open. */
interface SocketEnd {
  readonly address: IpAddress | null;
  readonly port: number;
}

function endOf(row: FilteredRow, end: "local" | "peer"): SocketEnd {
  const text = row[end];
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  return {
    address: parseIpAddress(text.slice(0, colon).replace(/^\[|\]$/g, "")),
    port: Number.isInteger(port) ? port : 0,
  };
}

function isHost(end: SocketEnd, wanted: WantedHost): boolean {
  if (wanted.port !== null && wanted.port !== end.port) return false;
  if (wanted.prefix === null) return true;
  const { address, prefixLength } = wanted.prefix;
  const found = end.address ?? new Uint8Array(address.length);
  return found.length === address.length && inPrefix(found, address, prefixLength ?? address.length * 8);
}
