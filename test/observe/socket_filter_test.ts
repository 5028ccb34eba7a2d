/** The filter language of ss: each word, how words bind, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import { type FilteredRow, parseSocketFilter, SocketFilterError } from "../../src/observe/socket_filter.ts";

const ROWS: Readonly<Record<string, FilteredRow>> = {
  listener: { state: "LISTEN", local: "10.0.0.3:3333", peer: "*:*" },
  near: { state: "ESTABLISHED", local: "10.0.0.3:3333", peer: "10.0.0.2:50000" },
  far: { state: "TIME_WAIT", local: "10.0.0.3:80", peer: "192.168.7.7:1024" },
  opening: { state: "SYN_RCVD", local: "10.0.0.3:80", peer: "10.0.9.9:40000" },
  six: { state: "ESTABLISHED", local: "[fd00::3]:3333", peer: "[fd00::2]:50000" },
};
const ALL = Object.keys(ROWS);

function passes(text: string): string[] {
  const filter = parseSocketFilter(text.split(" ").filter((word) => word !== ""));
  return ALL.filter((name) => filter(ROWS[name]));
}

Deno.test("states: one, several as alternatives, all but one, ss's words for several, and our own names", () => {
  assertEquals(passes("state established"), ["near", "six"]);
  assertEquals(passes("state established state time-wait"), ["near", "far", "six"]);
  assertEquals(passes("exclude listening"), ["near", "far", "opening", "six"]);
  assertEquals(passes("state connected exclude time-wait"), ["near", "opening", "six"]);
  assertEquals(passes("state synchronized"), ["near", "far", "six"]);
  assertEquals(passes("state bucket"), ["far", "opening"]);
  assertEquals(passes("state big"), ["listener", "near", "six"]);
  assertEquals(passes("state all"), ALL);
  for (const name of ["SYN_RCVD", "syn_rcvd", "syn-rcvd", "syn-recv", "SYN-RECEIVED"]) {
    assertEquals(passes(`state ${name}`), ["opening"]);
  }
  assertEquals(passes("state LISTEN"), ["listener"]);
});

Deno.test("ports: each comparison by each of its names; a listener's other port is 0", () => {
  for (const equal of ["", "=", "==", "eq"]) assertEquals(passes(`sport ${equal} :80`), ["far", "opening"]);
  for (const port of ["80", "*:80", ":80"]) assertEquals(passes(`sport = ${port}`), ["far", "opening"]);
  for (const other of ["!=", "ne", "neq"]) {
    assertEquals(passes(`sport ${other} :80`), ["listener", "near", "six"]);
  }
  for (const more of [">", "gt"]) assertEquals(passes(`dport ${more} :40000`), ["near", "six"]);
  for (const more of [">=", "ge", "geq"]) {
    assertEquals(passes(`dport ${more} :40000`), ["near", "opening", "six"]);
  }
  for (const less of ["<", "lt"]) assertEquals(passes(`dport ${less} :1024`), ["listener"]);
  for (const less of ["<=", "le", "leq"]) assertEquals(passes(`dport ${less} :1024`), ["listener", "far"]);
  assertEquals(passes("dport=:1024"), ["far"]);
});

Deno.test("addresses: alone, with a prefix, with a port, a port alone, IPv6, and none of them", () => {
  assertEquals(passes("dst 10.0.0.2"), ["near"]);
  assertEquals(passes("dst = 10.0.0.2"), ["near"]);
  assertEquals(passes("dst 10.0.0.0/8"), ["near", "opening"]);
  assertEquals(passes("dst 10.0.0.0/16:40000"), ["opening"]);
  assertEquals(passes("dst 10.0.0.2:50000"), ["near"]);
  assertEquals(passes("dst 10.0.0.2:50001"), []);
  assertEquals(passes("dst :50000"), ["near", "six"]);
  assertEquals(passes("dst *:50000"), ["near", "six"]);
  assertEquals(passes("dst [fd00::2]:50000"), ["six"]);
  assertEquals(passes("dst fd00::2"), ["six"]);
  assertEquals(passes("dst [fd00::]/16"), ["six"]);
  assertEquals(passes("src 10.0.0.3"), ["listener", "near", "far", "opening"]);
  // As ss has it: the other end of a listener is 0.0.0.0 or ::.
  assertEquals(passes("dst 0.0.0.0/0"), ["listener", "near", "far", "opening"]);
  assertEquals(passes("dst != 10.0.0.2"), ["listener", "far", "opening", "six"]);
});

Deno.test("and binds closer than or and may be left out; not binds closest; parentheses need no spaces", () => {
  assertEquals(passes("sport = :80 and dport = :1024 or sport = :3333"), ["listener", "near", "far", "six"]);
  assertEquals(passes("sport = :80 and ( dport = :1024 or sport = :3333 )"), ["far"]);
  assertEquals(passes("sport = :80 dport = :1024"), ["far"]);
  assertEquals(passes("not sport = :80 dst 10.0.0.0/8"), ["near"]);
  assertEquals(passes("not (sport = :80 or dst 10.0.0.0/8)"), ["listener", "six"]);
  assertEquals(passes("!(sport=:80||dst 10.0.0.2)&&dport!=:0"), ["six"]);
  assertEquals(passes("! ! sport = :80"), ["far", "opening"]);
  assertEquals(passes("state established dst 10.0.0.0/8 and sport = :3333"), ["near"]);
  assertEquals(passes(""), ALL);
});

Deno.test("what is no filter is refused, with what is wrong in it", () => {
  for (
    const [text, words] of [
      ["state", "a state is missing at its end"],
      ["state open", '"open" is no state: expected established'],
      ["state toString", '"toString" is no state'],
      ["sport", "a port is missing"],
      ["sport = :http", '":http" is no port'],
      ["sport = :65536", '":65536" is no port'],
      ["dst 10.0.0.300", '"10.0.0.300" is no address'],
      ["dst 10.0.0.0/33", '"10.0.0.0/33" is no address'],
      ["dst 10.0.0.2:70000", "is no address"],
      ["dst example.org", "is no address"],
      ["( sport = :80", 'a ")" is missing'],
      ["sport = :80 )", '")" is one too many'],
      ["sport = :80 or", "a condition is missing"],
      ["sport = :80 state established", "state comes before everything else"],
      ["listening", '"listening" is not known'],
    ] as const
  ) {
    assertThrows(() => passes(text), SocketFilterError, words, text);
  }
});

Deno.test("a filter of a hundred levels is understood, a deeper one refused; one of many conditions is only long", () => {
  const nested = (levels: number) => "(".repeat(levels - 1) + "sport=:80" + ")".repeat(levels - 1);
  assertEquals(passes(nested(100)), ["far", "opening"]);
  assertEquals(passes("!".repeat(98) + "sport=:80"), ["far", "opening"]);
  for (const text of [nested(101), nested(100_000), "!".repeat(100_000) + "sport=:80"]) {
    assertThrows(() => passes(text), SocketFilterError, "it has more than 100 levels");
  }
  for (const word of [" and ", " or ", " "]) {
    assertEquals(
      passes(Array(50_000).fill("sport=:80").join(word)),
      ["far", "opening"],
      `many joined by "${word}"`,
    );
  }
});
