/**
 * CallArguments: the arguments of a system call as the script has them, read as numbers, buffers, addresses.
 *
 * Owns: what the forms of an argument mean, and the comparison of one that comes back. Must not know: any call, or any option.
 */
import { formatIpAddress, parseIpAddress } from "../../wire/address.ts";
import type { SystemHabits } from "../../tcp/profile.ts";
import { UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import { printExpression } from "../print_expression.ts";
import type { CallEvent, Expression } from "../values.ts";
import { constantNames, constantOf, messageFlagNames } from "./constants.ts";

/** Memory that a call is given: nothing (`NULL`), anything (`...`), or these octets. */
export type CallBuffer =
  | { readonly kind: "null" }
  | { readonly kind: "any" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** The address of an end; what the script leaves open is null. */
export interface CallAddress {
  readonly family: number | null;
  readonly address: Uint8Array | null;
  readonly port: number | null;
}

/** What came back otherwise than the script says. */
export interface Mismatch {
  readonly expected: string;
  readonly actual: string;
}

/** Of both families. */
const ADDRESS_MEMBERS = [
  "sa_family",
  "sin_family",
  "sin6_family",
  "sin_port",
  "sin6_port",
  "sin_addr",
  "sin6_addr",
  "sin6_flowinfo",
  "sin6_scope_id",
];

/** An argument list with the constants of a system. */
export class CallArguments {
  readonly call: CallEvent;
  readonly system: SystemHabits;

  constructor(call: CallEvent, system: SystemHabits) {
    this.call = call;
    this.system = system;
  }

  get count(): number {
    return this.call.args.length;
  }

  /** Demands that there are so many. */
  demand(least: number, most = least): void {
    const { count } = this;
    if (count >= least && count <= most) return;
    throw new UnsupportedConstruct(`${this.call.name}() with ${count} arguments`);
  }

  at(index: number): Expression {
    const expression = this.call.args[index];
    if (expression === undefined) {
      throw new UnsupportedConstruct(`${this.call.name}() without argument ${index + 1}`);
    }
    return expression;
  }

  isAny(index: number): boolean {
    return this.at(index).kind === "ellipsis";
  }

  /** A number; `...` is 0 where it is given. */
  number(index: number): number {
    const expression = this.at(index);
    return expression.kind === "ellipsis" ? 0 : this.valueOf(expression);
  }

  /** The word that stands there: an option's name. */
  word(index: number): string {
    const expression = this.at(index);
    if (expression.kind === "word") return expression.name;
    throw new UnsupportedConstruct(`${this.call.name}() with ${textOf(expression)} as argument ${index + 1}`);
  }

  buffer(index: number): CallBuffer {
    return bufferOf(this.at(index), this.call.name);
  }

  /** `[5]` or `5` as a number; null for `...`. */
  boxed(index: number): number | null {
    const inner = unboxed(this.at(index));
    return inner.kind === "ellipsis" ? null : this.valueOf(inner);
  }

  address(index: number): CallAddress {
    return this.addressOf(this.at(index));
  }

  /** A struct as its members, or null for `...` and `NULL`. */
  addressOf(expression: Expression): CallAddress {
    if (expression.kind === "ellipsis" || isNull(expression)) {
      return { family: null, address: null, port: null };
    }
    if (expression.kind === "word") {
      // `AF_UNSPEC` alone.
      return { family: this.valueOf(expression), address: null, port: null };
    }
    if (expression.kind !== "struct") throw this.unreadable(expression);
    let family: number | null = null;
    let address: Uint8Array | null = null;
    let port: number | null = null;
    for (const { name, value } of expression.fields) {
      if (value.kind === "ellipsis") continue;
      switch (name) {
        case "sa_family":
        case "sin_family":
        case "sin6_family":
          family = this.valueOf(value);
          break;
        case "sin_port":
        case "sin6_port":
          port = this.valueOf(value);
          break;
        case "sin_addr":
        case "sin6_addr":
          address = this.#ipOf(value);
          break;
        case "sin6_flowinfo":
        case "sin6_scope_id":
          break;
        default:
          throw new UnsupportedConstruct(
            name === null
              ? "a member without a name in an address"
              : `${name} in an address${meantText(name, ADDRESS_MEMBERS)}`,
          );
      }
    }
    return { family, address, port };
  }

  #ipOf(expression: Expression): Uint8Array {
    if (expression.kind === "macro" && /^inet6?_(addr|pton)$/.test(expression.name)) {
      const text = expression.args.find(({ kind }) => kind === "string");
      const parsed = text?.kind === "string" ? parseIpAddress(text.value) : null;
      if (parsed !== null) return parsed;
    }
    if (expression.kind === "word" && expression.name === "INADDR_ANY") return new Uint8Array(4);
    throw this.unreadable(expression);
  }

  /** The number that an expression means. Throws for a name that nobody knows. */
  valueOf(expression: Expression): number {
    switch (expression.kind) {
      case "number":
        return expression.value;
      case "word":
        return this.constant(expression.name);
      case "binary": {
        if (expression.operator !== "|") throw this.unreadable(expression);
        // Without the sign that 32 bits would give it (`EPOLLET`).
        return (this.valueOf(expression.left) | this.valueOf(expression.right)) >>> 0;
      }
      case "macro":
        if (/^hton[sl]$/.test(expression.name) && expression.args.length === 1) {
          return this.valueOf(expression.args[0]);
        }
        throw this.unreadable(expression);
      default:
        throw this.unreadable(expression);
    }
  }

  /** The number of a name. Throws for one that nobody knows. */
  constant(name: string): number {
    const value = constantOf(this.system, name);
    if (value === undefined) {
      throw new UnsupportedConstruct(`${name}${meantText(name, constantNames(this.system))}`);
    }
    return value;
  }

  /** Names of the flags that an expression is made of, each once. */
  flagNames(index: number): string[] {
    const names: string[] = [];
    const collect = (expression: Expression): void => {
      if (expression.kind === "binary") {
        collect(expression.left);
        collect(expression.right);
      } else if (expression.kind === "word") {
        names.push(expression.name);
      } else if (expression.kind !== "ellipsis") {
        names.push(...this.#messageFlags(expression));
      }
    };
    collect(this.at(index));
    return names;
  }

  /** Flags of a message that are written as a number. */
  #messageFlags(expression: Expression): string[] {
    let left = this.valueOf(expression);
    const names = messageFlagNames(this.system).filter((name) => {
      const bit = this.constant(name);
      if ((left & bit) === 0) return false;
      left &= ~bit;
      return true;
    });
    if (left !== 0) throw this.unreadable(expression);
    return names;
  }

  unreadable(expression: Expression): UnsupportedConstruct {
    return new UnsupportedConstruct(`${textOf(expression)} in ${this.call.name}()`);
  }

  /** Compares a value that came back with what the script says; `...` takes any. */
  compare(expected: Expression, actual: number): Mismatch | null {
    const inner = unboxed(expected);
    if (inner.kind === "ellipsis") return null;
    const wanted = this.valueOf(inner);
    // Signed or not, the 32 bits are the same.
    if (wanted === actual || (wanted | 0) === (actual | 0) && Math.abs(wanted - actual) === 0x1_0000_0000) {
      return null;
    }
    const isBoxed = expected !== inner;
    return {
      expected: textOf(expected),
      actual: isBoxed ? `[${this.actualText(inner, actual)}]` : this.actualText(inner, actual),
    };
  }

  /** A value in the notation that the script uses for what it expected. */
  actualText(expected: Expression, actual: number): string {
    if (expected.kind === "number" && expected.text.startsWith("0x")) return `0x${actual.toString(16)}`;
    return `${actual}`;
  }

  /** Compares an address that came back. */
  compareAddress(expected: Expression, actual: { address: Uint8Array; port: number }): Mismatch | null {
    if (expected.kind !== "struct") return null;
    const wanted = this.addressOf(expected);
    const isSame = (wanted.port === null || wanted.port === actual.port) &&
      (wanted.address === null || formatIpAddress(wanted.address) === formatIpAddress(actual.address));
    if (isSame) return null;
    return {
      expected: textOf(expected),
      actual: `{sin_port = htons(${actual.port}), sin_addr = inet_addr("${
        formatIpAddress(actual.address)
      }")}`,
    };
  }
}

/** Whether an expression is the null pointer. */
export function isNull(expression: Expression): boolean {
  return (expression.kind === "word" && expression.name === "NULL") ||
    (expression.kind === "number" && expression.value === 0);
}

/** What stands in `[ ]` of one, else the expression itself. */
export function unboxed(expression: Expression): Expression {
  return expression.kind === "array" && expression.items.length === 1 ? expression.items[0] : expression;
}

/** The memory that an expression means. */
export function bufferOf(expression: Expression, callName: string): CallBuffer {
  if (expression.kind === "ellipsis") return { kind: "any" };
  if (expression.kind === "string") {
    return {
      kind: "bytes",
      bytes: Uint8Array.from(expression.value, (character) => character.charCodeAt(0)),
    };
  }
  if (isNull(expression)) return { kind: "null" };
  throw new UnsupportedConstruct(`${textOf(expression)} as memory in ${callName}()`);
}

/** The member of a struct, or null. */
export function memberOf(expression: Expression, name: string): Expression | null {
  if (expression.kind !== "struct") return null;
  return expression.fields.find((field) => field.name === name)?.value ?? null;
}

/** An expression in the notation of a verdict. */
export function textOf(expression: Expression): string {
  return printExpression(expression, "wide");
}
