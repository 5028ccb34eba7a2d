/**
 * System calls: `name(args) = result ERRNO (note) (remark)`.
 *
 * Owns: the grammar of a call. Must not know: which calls there are.
 */
import type { Token } from "./lexer.ts";
import { parseExpression, parseList } from "./parse_expression.ts";
import { placeOf, type TokenReader } from "./token_reader.ts";
import type { CallEvent, Expression } from "./values.ts";

/** A call; its name is the next word. */
export function parseCall(reader: TokenReader): CallEvent {
  const token = reader.expectWord("the name of a system call");
  reader.expect("(");
  const args = parseList(reader, { end: ")", depth: 0 });
  const result = reader.take("=") ? parseExpression(reader) : null;
  const errno = result !== null && isErrno(reader.peek(), result) ? reader.next().text : null;
  const note = result === null ? null : parseNote(reader);
  const remark = note === null ? null : parseNote(reader);
  return { kind: "call", place: placeOf(token), name: token.text, args, result, errno, note, remark };
}

/** In the next line the name of a call is no error, but a step of which the time is missing. */
function isErrno({ kind, text, line }: Token, result: Expression): boolean {
  return kind === "word" && (line === result.place.line || ERROR.test(text));
}

/** As both systems spell theirs. */
const ERROR = /^E[A-Z0-9]+$/;

function parseNote(reader: TokenReader): string | null {
  if (!reader.take("(")) return null;
  const note = reader.wordsUntil(")");
  if (note === "") reader.fail("words");
  reader.next();
  return note;
}
