/** What is found under a name, and how it is set. */
import { assert, assertEquals } from "@std/assert";
import { projectFiles, readProjectFile } from "../../scripts/project_files.ts";
import { EXPLANATIONS, findExplanations } from "../../src/observe/explanation.ts";
import {
  clauseAddress,
  explanationListToText,
  explanationsToText,
  headingOf,
} from "../../src/observe/explanation_text.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";

function found(name: string): string[] {
  return findExplanations(name).map((one) => `${one.kind} ${one.name}`);
}

Deno.test("everything has a sentence, a clause or none by choice, a line and a test that are there", () => {
  for (const one of EXPLANATIONS) {
    if (one.kind !== "row") assert(one.text.length > 0, one.name);
    const rfc = one.kind === "row" ? one.row.rfc : one.rfc;
    for (const clause of rfc?.split(", ") ?? []) {
      assert(clauseAddress(clause) !== "", `${one.name}: ${clause}`);
    }
    const places = one.kind === "state" ? [one.test.place] : [...one.source, one.test.place];
    if (one.kind !== "state" && one.lesson !== null) places.push(one.lesson);
    assert(places.length > (one.kind === "state" ? 0 : 1), one.name);
    for (const place of places) {
      const [path, line = "1"] = place.split(":");
      const text = readProjectFile(path).split("\n")[Number(line) - 1];
      assert(text !== undefined && text.trim() !== "", `${one.name}: ${place}`);
    }
    if (one.kind === "rule") {
      for (const place of one.source) {
        const [path, line] = place.split(":");
        const text = readProjectFile(path).split("\n")[Number(line) - 1];
        assert(text.includes(`"${one.name}"`), `${place} is not of ${one.name}: ${text}`);
      }
    }
    if (one.kind === "row") assert(one.rules.length > 0, `${one.name}: no rule decides it`);
    if (one.kind === "rule") assert(headingOf(one) !== "Rules", `${one.name} has no heading`);
  }
});

Deno.test("a name: of a rule, a row, both, a state however it is spelled; beginnings and ends", () => {
  assertEquals(found("arrives.listen.syn"), ["rule arrives.listen.syn"]);
  assertEquals(found("listen.syn"), ["row listen.syn"]);
  assertEquals(found("open.passive"), ["row open.passive", "rule open.passive"]);
  for (const name of ["SYN_RCVD", "syn-rcvd", "SYN-RECEIVED", "syn_recv"]) {
    assertEquals(found(name), ["state SYN_RCVD"], name);
  }
  assertEquals(found("ESTAB"), ["state ESTABLISHED"]);
  assertEquals(found("arrives.check2"), [
    "rule arrives.check2.rst",
    "rule arrives.check2.rst-challenge",
    "rule arrives.check2.rst-in-window",
    "rule arrives.check2.rst-syn-rcvd",
  ]);
  assertEquals(found("ack-nothing-new"), ["rule arrives.check5.ack-nothing-new"]);
  assertEquals(found("abort"), ["rule abort"]);
  for (const name of ["", "none", "arrives.", "nothing", "__proto__", "constructor", "ack-nothing"]) {
    assertEquals(found(name), [], name);
  }
});

Deno.test("every row leads out of one state and into one, which say so; and no state names another", () => {
  const named = { out: 0, into: 0 };
  for (const { name: state, ...one } of EXPLANATIONS) {
    if (one.kind !== "state") continue;
    for (const { id, from, to } of TRANSITIONS) {
      assertEquals(one.leftBy.includes(id), from === state, `${id} out of ${state}`);
      assertEquals(one.reachedBy.includes(id), to === state, `${id} into ${state}`);
    }
    named.out += one.leftBy.length;
    named.into += one.reachedBy.length;
  }
  assertEquals(named, { out: TRANSITIONS.length, into: TRANSITIONS.length });
});

Deno.test("names that messages tell people to ask for are there", () => {
  const told = projectFiles("src").filter((path) => path.endsWith(".ts")).flatMap((path) =>
    [...readProjectFile(path).matchAll(/tcplab why ([\w.-]+\w)/g)].map((match) => match[1])
  ).filter((name) => !["NAME", "RULE", "lists"].includes(name));
  assert(told.length > 3, "the search finds nothing any more");
  for (const name of told) assert(findExplanations(name).length > 0, name);
});

Deno.test("a rule in full", () => {
  const lines = explanationsToText(findExplanations("arrives.listen.syn"), { width: 120 }).split("\n");
  const [source] = lines.filter((line) => line.includes("arrives_listen.ts"));
  assert(/^ {4}source {5}src\/tcp\/arrives_listen\.ts:\d+$/.test(source), source);
  assertEquals(lines.filter((line) => !/\.ts:\d+$/.test(line)), [
    "arrives.listen.syn  rule",
    "    a SYN in LISTEN: answer SYN, ACK",
    "    clause     RFC 9293 §3.10.7.2  https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2",
    "    rows       listen.syn  LISTEN -> SYN_RCVD  SYN arrives",
    '               deno test -A test/tcp/rules_coverage_test.ts --filter "rule arrives.listen.syn is hit"',
    "    lesson     tcplab run --trace test/scripts/handshake/passive.pkt",
  ]);
});

Deno.test("a row and a state in full", () => {
  const lines = explanationsToText([...findExplanations("listen.syn"), ...findExplanations("LAST_ACK")], {
    width: 120,
  }).split("\n");
  assertEquals(lines.filter((line) => !/\.ts(?::\d+)?$|deno test/.test(line)), [
    "listen.syn  row",
    "    LISTEN -> SYN_RCVD: SYN arrives",
    "    received   [SYN]",
    "    sent       [SYN, ACK]",
    "    role       server",
    "    clause     RFC 9293 §3.10.7.2  https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2",
    "    rules      arrives.listen.syn  a SYN in LISTEN: answer SYN, ACK",
    "    lesson     tcplab run --trace test/scripts/handshake/passive.pkt",
    "",
    "LAST_ACK  state",
    "    both sides have closed, the other one first; what is missing is the ACK of our FIN",
    "    clause     RFC 9293 §3.3.2  https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2",
    "    into it    close-wait.close  CLOSE_WAIT -> LAST_ACK  CLOSE",
    "    out of it  last-ack.ack      LAST_ACK -> CLOSED  ACK of FIN arrives",
    "               last-ack.rst      LAST_ACK -> CLOSED  RST arrives",
    "               last-ack.abort    LAST_ACK -> CLOSED  ABORT",
    "               last-ack.timeout  LAST_ACK -> CLOSED  user timeout",
    "               last-ack.icmp     LAST_ACK -> CLOSED  ICMP hard error",
  ]);
});

Deno.test("on a narrow page what does not fit goes on below itself", () => {
  const lines = explanationsToText(findExplanations("LISTEN"), { width: 80 }).split("\n");
  assertEquals(lines.slice(2, 9), [
    "    clause     RFC 9293 §3.3.2",
    "               https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2",
    "    into it    open.passive          CLOSED -> LISTEN    passive OPEN",
    "               syn-rcvd.rst.passive  SYN_RCVD -> LISTEN",
    "               RST arrives, opened by a listener",
    "               syn-rcvd.syn          SYN_RCVD -> LISTEN",
    "               SYN in the window, opened by a listener",
  ]);
});

Deno.test("a list, grouped, within its width but for what is one word", () => {
  const text = explanationListToText(findExplanations("arrives.check2"), { width: 100 });
  assertEquals(text.split("\n"), [
    "Rules: second, RST",
    "  arrives.check2.rst            RST exactly at RCV.NXT: the connection is reset  RFC 9293 §3.10.7.4",
    "  arrives.check2.rst-challenge  RST in the window but not at RCV.NXT: challenge ACK  RFC 5961 §3.2",
    "  arrives.check2.rst-in-window  RST anywhere in the window: the connection is reset (by switch)",
    "      RFC 793 §3.9",
    "  arrives.check2.rst-syn-rcvd   RST in SYN_RCVD: back to LISTEN, or refused  RFC 9293 §3.10.7.4",
  ]);
  const whole = explanationListToText(EXPLANATIONS, { width: 110 });
  for (const { name } of EXPLANATIONS) assert(whole.includes(`  ${name}`), name);
  for (const line of whole.split("\n")) assert(line.length <= 110, line);
});
