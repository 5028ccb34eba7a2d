/**
 * The values of the code in a script, and what operators and functions make of them.
 *
 * Owns: arithmetic as Python has it, comparison, `%` on strings, the few functions. Must not know: text, names, statements.
 * What it cannot do exactly it refuses by name ({@link UnsupportedCode}); what Python refuses is a {@link CodeFault}.
 */

/** A list or a tuple; a tuple where `isTuple`. */
export interface CodeList {
  readonly items: readonly CodeValue[];
  readonly isTuple: boolean;
  /** Values in it and in the lists in it. */
  readonly weight: number;
}

/** What an expression can be. Numbers are whole or not as JavaScript has them: `4 / 2` is 2. */
export type CodeValue = number | string | boolean | null | CodeList;

/** Names a construct that the language of scripts does not have here. */
export class UnsupportedCode extends Error {
  override readonly name = "UnsupportedCode";
}

/** Python would stop here: a division by zero, a string compared with a number. */
export class CodeFault extends Error {
  override readonly name = "CodeFault";
}

/** Local choice: characters of a string, and values in a list: what one step may cost. */
const MOST_SIZE = 0x1000;
/** Local choice: a number is not shifted by more, since nothing beyond 2^53 is exact here. */
const MOST_SHIFT = 64;

function isList(value: CodeValue): value is CodeList {
  return typeof value === "object" && value !== null;
}

/** The type's name as Python has it. */
function typeName(value: CodeValue): string {
  if (value === null) return "NoneType";
  if (isList(value)) return value.isTuple ? "tuple" : "list";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return typeof value === "string" ? "str" : "bool";
}

/** What counts as true. */
export function isTrue(value: CodeValue): boolean {
  return isList(value) ? value.items.length > 0 : Boolean(value);
}

/** As `print` writes it; `repr` as within a list. */
export function show(value: CodeValue, form: "str" | "repr" = "str"): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return form === "str" ? value : `'${value.replace(/[\\']/g, "\\$&")}'`;
  const items = value.items.map((item) => show(item, "repr")).join(", ");
  if (!value.isTuple) return `[${items}]`;
  return value.items.length === 1 ? `(${items},)` : `(${items})`;
}

/** A number, of which True and False are two. */
function toNumber(value: CodeValue, what: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  throw new CodeFault(`${what} is not for a value of type ${typeName(value)}`);
}

function toInteger(value: CodeValue, what: string): bigint {
  const number = toNumber(value, what);
  if (!Number.isInteger(number)) throw new CodeFault(`${what} is not for a value of type float`);
  return BigInt(number);
}

function exact(value: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new UnsupportedCode("a number beyond 2^53");
  }
  return value;
}

function bounded(text: string): string {
  if (text.length > MOST_SIZE) throw new UnsupportedCode(`a string of more than ${MOST_SIZE} characters`);
  return text;
}

/** A list, or a tuple. */
export function listOf(items: readonly CodeValue[], { isTuple }: { readonly isTuple: boolean }): CodeList {
  const weight = items.reduce((sum: number, item) => sum + (isList(item) ? item.weight : 1), 1);
  if (weight > MOST_SIZE) throw new UnsupportedCode(`a list of more than ${MOST_SIZE} values`);
  return { items, isTuple, weight };
}

/** `-x`, `+x`, `~x`. */
export function applyUnary(operator: string, operand: CodeValue): CodeValue {
  if (operator === "~") return Number(~toInteger(operand, "~"));
  const value = toNumber(operand, operator);
  return operator === "-" ? 0 - value : value;
}

/** An operator with two operands, comparisons excepted. */
export function applyBinary(operator: string, [left, right]: readonly [CodeValue, CodeValue]): CodeValue {
  if (operator === "%" && typeof left === "string") return bounded(format(left, right));
  if (operator === "+" && typeof left === "string" && typeof right === "string") return bounded(left + right);
  if (operator === "+" && isList(left) && isList(right) && left.isTuple === right.isTuple) {
    return listOf([...left.items, ...right.items], left);
  }
  if (operator === "*" && (isMany(left) || isMany(right))) throw new UnsupportedCode("repetition with *");
  if ("|&^<<>>".includes(operator)) return bitwise(operator, [left, right]);
  const a = toNumber(left, operator);
  const b = toNumber(right, operator);
  switch (operator) {
    case "+":
      return exact(a + b);
    case "-":
      return exact(a - b);
    case "*":
      return exact(a * b);
    case "**":
      return exact(a ** b);
  }
  if (b === 0) throw new CodeFault("division by zero");
  switch (operator) {
    case "/":
      return exact(a / b);
    case "//":
      return exact(Math.floor(a / b));
    case "%":
      return exact(a - b * Math.floor(a / b));
  }
  throw new UnsupportedCode(`the operator ${operator}`);
}

function isMany(value: CodeValue): boolean {
  return typeof value === "string" || isList(value);
}

function bitwise(operator: string, [left, right]: readonly [CodeValue, CodeValue]): number {
  const a = toInteger(left, operator);
  const b = toInteger(right, operator);
  switch (operator) {
    case "|":
      return exact(Number(a | b));
    case "&":
      return exact(Number(a & b));
    case "^":
      return exact(Number(a ^ b));
  }
  if (b < 0n) throw new CodeFault("a shift by less than nothing");
  if (b > BigInt(MOST_SHIFT)) throw new UnsupportedCode(`a shift by more than ${MOST_SHIFT}`);
  return exact(Number(operator === "<<" ? a << b : a >> b));
}

/** `==`, `<`, `in` and so on. */
export function compare(operator: string, [left, right]: readonly [CodeValue, CodeValue]): boolean {
  switch (operator) {
    case "==":
      return isEqual(left, right);
    case "!=":
      return !isEqual(left, right);
    case "in":
      return isIn(left, right);
    case "not in":
      return !isIn(left, right);
    case "is":
    case "is not":
      if (left !== null && right !== null) throw new UnsupportedCode(`"${operator}" with anything but None`);
      return (left === right) === (operator === "is");
  }
  const order = inOrder(left, right, operator);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
  throw new UnsupportedCode(`the operator ${operator}`);
}

function isEqual(left: CodeValue, right: CodeValue): boolean {
  if (isList(left) && isList(right)) {
    return left.isTuple === right.isTuple && left.items.length === right.items.length &&
      left.items.every((item, i) => isEqual(item, right.items[i]));
  }
  const plain = (value: CodeValue) => typeof value === "boolean" ? Number(value) : value;
  return plain(left) === plain(right);
}

function isIn(item: CodeValue, container: CodeValue): boolean {
  if (isList(container)) return container.items.some((one) => isEqual(item, one));
  if (typeof container === "string" && typeof item === "string") return container.includes(item);
  throw new CodeFault(`"in" is not for a value of type ${typeName(container)}`);
}

/** Negative, 0 or positive. */
function inOrder(left: CodeValue, right: CodeValue, operator: string): number {
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
  if (isList(left) && isList(right)) throw new UnsupportedCode(`lists compared with ${operator}`);
  const what = `${operator} between ${typeName(left)} and ${typeName(right)}`;
  return toNumber(left, what) - toNumber(right, what);
}

const CONVERSION = /%(?:%|([-0+ ]*)([0-9]{0,3})(?:\.([0-9]{1,2}))?([A-Za-z]))/g;

/** `'cwnd=%d' % cwnd`: d, i, u, s, r, x, X, f with flags, width and precision. */
function format(pattern: string, operand: CodeValue): string {
  const values = isList(operand) && operand.isTuple ? [...operand.items] : [operand];
  if (pattern.replace(CONVERSION, "").includes("%")) {
    throw new UnsupportedCode(`the format ${show(pattern, "repr")}`);
  }
  const text = pattern.replace(CONVERSION, (all, flags, width, precision, conversion) => {
    if (all === "%%") return "%";
    const value = values.shift();
    if (value === undefined) throw new CodeFault("not enough arguments for the format string");
    return padded(converted(value, { conversion, precision }), { flags, width: Number(width) });
  });
  if (values.length > 0) throw new CodeFault("not all arguments converted by the format string");
  return text;
}

function converted(
  value: CodeValue,
  { conversion, precision }: { conversion: string; precision: string | undefined },
): string {
  switch (conversion) {
    case "s":
      return show(value);
    case "r":
      return show(value, "repr");
    case "f":
      return toNumber(value, "%f").toFixed(precision === undefined ? 6 : Number(precision));
    case "d":
    case "i":
    case "u":
      return String(Math.trunc(toNumber(value, "%d")));
    case "x":
      return toInteger(value, "%x").toString(16);
    case "X":
      return toInteger(value, "%X").toString(16).toUpperCase();
  }
  throw new UnsupportedCode(`the conversion %${conversion}`);
}

function padded(text: string, { flags, width }: { flags: string; width: number }): string {
  const isNumber = /^-?[0-9]/.test(text);
  const signed = isNumber && flags.includes("+") && !text.startsWith("-") ? `+${text}` : text;
  if (flags.includes("-")) return signed.padEnd(width);
  if (!flags.includes("0") || !isNumber) return signed.padStart(width);
  const sign = /^[-+]/.exec(signed)?.[0] ?? "";
  return sign + signed.slice(sign.length).padStart(width - sign.length, "0");
}

/** `list[1]`, `list[-1]`. */
export function itemAt(container: CodeValue, index: CodeValue): CodeValue {
  const at = Number(toInteger(index, "an index"));
  if (typeof container !== "string" && !isList(container)) {
    throw new CodeFault(`a value of type ${typeName(container)} has no items`);
  }
  const items = typeof container === "string" ? [...container] : container.items;
  const item = items.at(at);
  if (item === undefined) throw new CodeFault(`there is no item ${at}`);
  return item;
}

/** What a `for` goes through. */
export function itemsOf(value: CodeValue): readonly CodeValue[] {
  if (typeof value === "string") return [...value];
  if (isList(value)) return value.items;
  throw new CodeFault(`a value of type ${typeName(value)} has no items`);
}

/** A function by name; undefined where there is none. */
export function functionNamed(name: string): ((args: readonly CodeValue[]) => CodeValue) | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
}

/** Names of all functions. */
export function functionNames(): readonly string[] {
  return Object.keys(FUNCTIONS);
}

const FUNCTIONS: Readonly<Record<string, (args: readonly CodeValue[]) => CodeValue>> = {
  min: (args) => extreme(args, "<"),
  max: (args) => extreme(args, ">"),
  abs: (args) => Math.abs(toNumber(only(args), "abs()")),
  len: (args) => itemsOf(only(args)).length,
  sum: (args) => itemsOf(only(args)).reduce((total: CodeValue, item) => applyBinary("+", [total, item]), 0),
  any: (args) => itemsOf(only(args)).some(isTrue),
  all: (args) => itemsOf(only(args)).every(isTrue),
  str: (args) => show(only(args)),
  int: (args) => Math.trunc(toNumber(only(args), "int()")),
  range: (args) => range(args.map((arg) => Number(toInteger(arg, "range()")))),
};

function only(args: readonly CodeValue[]): CodeValue {
  if (args.length !== 1) throw new CodeFault(`one argument is needed, not ${args.length}`);
  return args[0];
}

function extreme(args: readonly CodeValue[], operator: "<" | ">"): CodeValue {
  const items = args.length === 1 ? itemsOf(args[0]) : args;
  if (items.length === 0) throw new CodeFault("the least or greatest of nothing");
  return items.reduce((best, item) => compare(operator, [item, best]) ? item : best);
}

function range(numbers: readonly number[]): CodeValue {
  if (numbers.length < 1 || numbers.length > 3) throw new CodeFault("range() takes one to three arguments");
  const [from, to] = numbers.length === 1 ? [0, numbers[0]] : numbers;
  const step = numbers[2] ?? 1;
  if (step === 0) throw new CodeFault("range() with a step of 0");
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > MOST_SIZE) throw new UnsupportedCode(`a range of more than ${MOST_SIZE} numbers`);
  return listOf(Array.from({ length: count }, (_, i) => from + i * step), { isTuple: false });
}
