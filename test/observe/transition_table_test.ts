/**
 * The transition table on paper, in every form.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isLeftOut, pathOf } from "../../src/story/transition_paths.ts";
import { renderTransitions, TABLE_FORMATS, transitionsFor } from "../../src/observe/transition_table.ts";
import { TCP_STATES } from "../../src/tcp/state.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";

const LAB = TRANSITIONS.filter((row) => row.labStep !== undefined);

Deno.test("table: the lab's rows as text", () => {
  assertEquals(
    "\n" + renderTransitions(LAB, { format: "text" }),
    `
From         To           Receives    Sends       RFC                 Event
CLOSED       LISTEN       -           -           RFC 9293 §3.10.1    passive OPEN
LISTEN       SYN_RCVD     [SYN]       [SYN, ACK]  RFC 9293 §3.10.7.2  SYN arrives
SYN_RCVD     ESTABLISHED  [ACK]       -           RFC 9293 §3.10.7.4  ACK of SYN arrives
ESTABLISHED  CLOSE_WAIT   [FIN, ACK]  [ACK]       RFC 9293 §3.10.7.4  FIN arrives
CLOSE_WAIT   LAST_ACK     -           [FIN, ACK]  RFC 9293 §3.10.4    CLOSE
LAST_ACK     CLOSED       [ACK]       -           RFC 9293 §3.10.7.4  ACK of FIN arrives`,
  );
});

Deno.test("table: rows that were seen are ticked, with how often", () => {
  const seen = new Map([["open.passive", 1], ["listen.syn", 12]]);
  assertEquals(
    "\n" + renderTransitions(LAB.slice(0, 3), { format: "text", seen }),
    `
Seen    From      To           Receives  Sends       RFC                 Event
[x]     CLOSED    LISTEN       -         -           RFC 9293 §3.10.1    passive OPEN
[x] 12  LISTEN    SYN_RCVD     [SYN]     [SYN, ACK]  RFC 9293 §3.10.7.2  SYN arrives
[ ]     SYN_RCVD  ESTABLISHED  [ACK]     -           RFC 9293 §3.10.7.4  ACK of SYN arrives`,
  );
});

Deno.test("table: the text fits a page of 120 columns", () => {
  const lines = renderTransitions(TRANSITIONS, { format: "text" }).split("\n");
  assertEquals(lines.length, TRANSITIONS.length + 1);
  assert(lines.every((line) => line.length <= 120));
});

Deno.test("table: Markdown", () => {
  assertEquals(
    "\n" + renderTransitions(LAB.slice(0, 2), { format: "markdown", seen: new Map([["listen.syn", 2]]) }),
    `
| Seen | From | To | Receives | Sends | RFC | Event |
| --- | --- | --- | --- | --- | --- | --- |
|  | CLOSED | LISTEN | - | - | RFC 9293 §3.10.1 | passive OPEN |
| ✓ | LISTEN | SYN_RCVD | [SYN] | [SYN, ACK] | RFC 9293 §3.10.7.2 | SYN arrives |`,
  );
});

Deno.test("table: JSON is the rows themselves", () => {
  assertEquals(
    JSON.parse(renderTransitions(TRANSITIONS, { format: "json" })),
    JSON.parse(JSON.stringify(TRANSITIONS)),
  );
  const [row] = JSON.parse(renderTransitions(LAB, { format: "json", seen: new Map([["open.passive", 3]]) }));
  assertEquals(row.seen, 3);
  assertEquals(renderTransitions([], { format: "json" }), "[]");
});

Deno.test("table: a role has its own rows and those of both, all has all", () => {
  const ids = (role: "server" | "client" | "all"): readonly string[] =>
    transitionsFor(TRANSITIONS, role).map((row) => row.id);
  assertEquals(ids("all").length, TRANSITIONS.length);
  assertEquals(new Set([...ids("server"), ...ids("client")]).size, new Set(ids("all")).size);
  assert(!ids("server").includes("open.active"));
  assert(!ids("client").includes("listen.syn"));
  assert(LAB.every((row) => ids("server").includes(row.id)));
  assert(wayOf("client").every((row) => ids("client").includes(row.id)));
});

Deno.test("table: each form of each role names each state of its rows", () => {
  for (const format of TABLE_FORMATS) {
    for (const role of ["server", "client", "all"] as const) {
      const text = renderTransitions(TRANSITIONS, { format, role });
      const states = new Set(transitionsFor(TRANSITIONS, role).flatMap((row) => [row.from, row.to]));
      for (const state of states) assertStringIncludes(text, state, `${format} ${role}`);
    }
  }
});

Deno.test("paths: both lead from CLOSED to CLOSED without a gap", () => {
  for (const way of ["server", "client"] as const) {
    const left = new Set(wayOf(way));
    let state = "CLOSED";
    while (left.size > 0) {
      const next = [...left].filter(({ from }) => from === state);
      assertEquals(next.length, 1, `${way}: ${state}`);
      left.delete(next[0]);
      state = next[0].to;
    }
    assertEquals(state, "CLOSED");
  }
});

/** The rows of a way, in no order. */
function wayOf(way: "server" | "client") {
  return TRANSITIONS.filter((row) => pathOf(row) === way);
}

Deno.test("mermaid: one arrow between two states, early ends left out, seen states marked", () => {
  const text = renderTransitions(TRANSITIONS, { format: "mermaid", seen: new Map([["listen.syn", 1]]) });
  assertStringIncludes(text, "stateDiagram-v2\n    CLOSED --> LISTEN : passive OPEN\n");
  assertStringIncludes(text, "    LISTEN --> SYN_RCVD : SYN arrives / send SYN, ACK ✓\n");
  assertStringIncludes(text, "\n    class LISTEN,SYN_RCVD seen");
  const arrows = text.split("\n").filter((line) => line.includes("-->")).map((line) => line.split(" : ")[0]);
  assertEquals(new Set(arrows).size, arrows.length);
  assert(!text.includes("ABORT /"));
});

Deno.test("dot: every state, both ways in their line style", () => {
  const text = renderTransitions(TRANSITIONS, { format: "dot" });
  for (const state of TCP_STATES) assertStringIncludes(text, `\n  ${state}\n`);
  const styles = (style: string) =>
    text.split("\n").filter((line) => line.includes(`style=${style} penwidth=2.4`)).length;
  assertEquals([styles("solid"), styles("dashed")], [6, 6]);
  assertEquals(text.split("{").length, text.split("}").length);
});

Deno.test("svg: every row that is not left out has its arrow, every state its box", () => {
  const svg = renderTransitions(TRANSITIONS, { format: "svg" });
  for (const state of TCP_STATES) assertStringIncludes(svg, `<g id="state-${state}" class="state">`);
  for (const row of TRANSITIONS.filter((row) => !isLeftOut(row))) {
    assertStringIncludes(svg, `${row.from} -&gt; ${row.to}: ${row.event} (${row.rfc})`);
  }
  const count = (name: string) => svg.split(`class="edge ${name}"><title>`).length - 1;
  assertEquals([count("server"), count("client")], [6, 6]);
  assertEquals(TRANSITIONS.filter((row) => pathOf(row) === "client").length, 6);
});

Deno.test("svg: what was seen is ticked, the rest is pale", () => {
  const svg = renderTransitions(TRANSITIONS, {
    format: "svg",
    role: "server",
    seen: new Map([["listen.syn", 1], ["established.rst", 2]]),
  });
  assertStringIncludes(svg, '<g id="edge-listen.syn" class="edge server seen">');
  assertStringIncludes(svg, "✓ SYN arrives");
  assertStringIncludes(svg, '<g id="edge-last-ack.ack" class="edge server unseen">');
  assertStringIncludes(svg, '<g id="state-LISTEN" class="state seen">');
  assertStringIncludes(svg, "end a connection early; 1 of them seen");
});

Deno.test("svg: tags are closed and nothing lies outside the page", () => {
  const svg = renderTransitions(TRANSITIONS, { format: "svg" });
  const open: string[] = [];
  for (const [, slash, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)([^>]*)>/g)) {
    if (slash === "/") assertEquals(open.pop(), name);
    else if (!rest.endsWith("/")) open.push(name);
  }
  assertEquals(open, []);
  const texts = svg.matchAll(/<text[^>]* x="([\d.]+)" y="([\d.]+)"(?: text-anchor="(\w+)")?[^>]*>([^<]*)/g);
  for (const [, x, y, anchor, words] of texts) {
    // A generous guess at 13 px sans-serif.
    const width = 7 * words.length;
    const left = Number(x) - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
    assert(left > 0 && left + width < 1180 && Number(y) > 0 && Number(y) < 1070, words);
  }
});
