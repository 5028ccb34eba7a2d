/** System calls of a script: arguments, results, errors and notes. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";
import type { CallEvent, Expression } from "../../src/script/values.ts";
import { withoutPlaces } from "./without_places.ts";

function call(text: string): CallEvent {
  const part = parseScript(`0 ${text}`, "t").steps[0];
  if (part.kind !== "step" || part.event.kind !== "call") throw new Error("no call");
  return part.event;
}

function argument(text: string): Expression {
  return call(`f(${text}) = 0`).args[0];
}

function stopsAt(text: string): string {
  return assertThrows(() => parseScript(`0 ${text}`, "t"), ScriptError).token;
}

const word = (name: string) => ({ kind: "word", name });
const number = (value: number, text = String(value)) => ({ kind: "number", value, text });
const string = (value: string, open = false) => ({ kind: "string", value, open });

Deno.test("call: name, arguments, result, error, notes", () => {
  const { name, args, result, errno, note, remark } = call(
    "connect(3, ..., X) = -1 EINPROGRESS (Operation now in  progress) (twice)",
  );
  assertEquals([name, errno, note, remark], ["connect", "EINPROGRESS", "Operation now in progress", "twice"]);
  assertEquals(withoutPlaces(args), [number(3), { kind: "ellipsis" }, word("X")]);
  assertEquals(withoutPlaces(result), number(-1));
  const bare = call("close()");
  assertEquals([bare.args, bare.result, bare.errno, bare.note], [[], null, null, null]);
  assertEquals(call("fcntl(3) = 0x02 (flags O_RDWR|O_NONBLOCK)").note, "flags O_RDWR|O_NONBLOCK");
});

Deno.test("call: a call in the next line is a step without its time, and no error of the call before", () => {
  const error = assertThrows(() => parseScript("0 close(3) = 0\nread(4, ..., 5) = 5\n", "t"), ScriptError);
  assertEquals([error.line, error.column, error.token], [2, 1, "read"]);
  assertEquals(error.expected, 'a step, which begins with its time: "+0.1", "0.1" or "*"');
  // An error may stand there.
  assertEquals(call("close(3) = -1\n  EBADF (Bad file descriptor)").errno, "EBADF");
  assertEquals(call("close(3) = -1 foo").errno, "foo");
});

Deno.test("call: numbers keep their spelling", () => {
  for (const text of ["0", "-1", "007", "0x1F", "1.5", "18446744073709551615"]) {
    assertEquals(withoutPlaces(argument(text)), number(Number(text), text));
  }
});

Deno.test("call: strings, one character an octet", () => {
  const value = (text: string) => withoutPlaces(argument(text));
  assertEquals(value('"a\\n\\x41\\\\\\""'), string('a\nA\\"'));
  assertEquals(value('"\\xff\\x00"'), string("\xff\x00"));
  assertEquals(value('"é"'), string("\xc3\xa9"));
  assertEquals(value('"a" "b"\n"c"'), string("abc"));
  assertEquals(value('"a"...'), string("a", true));
  assertEquals(value('""'), string(""));
  assertEquals(stopsAt('f("\\q") = 0'), '"\\q"');
  assertEquals(stopsAt('f("\\x1") = 0'), '"\\x1"');
  assertEquals(stopsAt('f("\\xg0") = 0'), '"\\xg0"');
});

Deno.test("call: operators, lists, structures, macros", () => {
  const value = (text: string) => withoutPlaces(argument(text));
  const or = (left: unknown, right: unknown) => ({ kind: "binary", operator: "|", left, right });
  assertEquals(value("A|B | C"), or(or(word("A"), word("B")), word("C")));
  assertEquals(value("a = B|C"), {
    kind: "binary",
    operator: "=",
    left: word("a"),
    right: or(word("B"), word("C")),
  });
  assertEquals(value("[]"), { kind: "array", items: [] });
  assertEquals(value("[1, [2]]"), {
    kind: "array",
    items: [number(1), { kind: "array", items: [number(2)] }],
  });
  const field = (name: string | null, of: unknown, count: unknown = null) => ({ name, count, value: of });
  assertEquals(value("{a=1, 2, b(3)=[4]}"), {
    kind: "struct",
    fields: [
      field("a", number(1)),
      field(null, number(2)),
      field("b", { kind: "array", items: [number(4)] }, number(3)),
    ],
  });
  assertEquals(value("{}"), { kind: "struct", fields: [] });
  assertEquals(value("{htons(1)}"), {
    kind: "struct",
    fields: [field(null, { kind: "macro", name: "htons", args: [number(1)] })],
  });
  assertEquals(value('inet_addr("192.0.2.1")'), {
    kind: "macro",
    name: "inet_addr",
    args: [string("192.0.2.1")],
  });
  assertEquals(value("{(label 1, ttl 2)}"), { kind: "words", text: "(label 1, ttl 2)" });
  assertEquals(value("{flags=1}"), { kind: "struct", fields: [field("flags", number(1))] });
});

Deno.test("call: every value has its place", () => {
  const { args, place } = call("f(1,\n  [A | {b=2}])");
  assertEquals([place, args[0].place], [{ line: 1, column: 3 }, { line: 1, column: 5 }]);
  const list = args[1];
  const or = list.kind === "array" ? list.items[0] : list;
  const struct = or.kind === "binary" ? or.right : or;
  const field = struct.kind === "struct" ? struct.fields[0] : null;
  assertEquals(
    [list.place, or.place, struct.place, field?.place, field?.value.place].map((at) => at?.column),
    [
      3,
      4,
      8,
      9,
      11,
    ],
  );
});

Deno.test("call: what is none stops at the word that is wrong", () => {
  assertEquals(stopsAt("f(1 2) = 0"), "2");
  assertEquals(stopsAt("f(,) = 0"), ",");
  assertEquals(stopsAt("f(1,) = 0"), ")");
  assertEquals(stopsAt("f([1}) = 0"), "}");
  assertEquals(stopsAt("f({a=}) = 0"), "}");
  assertEquals(stopsAt("f(A|) = 0"), ")");
  assertEquals(stopsAt("f(g(1)) = 0"), "(");
  assertEquals(stopsAt("f() = "), "");
  assertEquals(stopsAt("f() = -1 E ()"), ")");
  assertEquals(stopsAt("f() = -1 E (a"), "");
  assertEquals(stopsAt("f = 0"), "=");
});
