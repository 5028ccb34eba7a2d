/** The guard against the kernel's RST, with an nft of our own; the real one is judged live. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CliError } from "../../src/cli/command.ts";
import {
  guardOwners,
  guardRules,
  guardStands,
  guardTableName,
  type NftResult,
  removeStaleGuards,
  setRstGuard,
} from "../../src/cli/rst_guard.ts";

const SERVICE = { addresses: ["10.0.0.1"], ports: [3333] };
const TABLE = guardTableName(Deno.pid);
/** What nft 1.0 lists for the rules; it writes `priority filter`, and a set of one without braces. */
const LISTING = `table ip ${TABLE} {
	chain output {
		type filter hook output priority filter; policy accept;
		ip saddr 10.0.0.1 tcp sport 3333 tcp flags & rst == rst drop
	}
}
`;

function fakeNft(answers: Record<string, NftResult>) {
  const calls: string[] = [];
  const run = (args: readonly string[]): NftResult => {
    const call = args.length === 1 ? "rules" : args.join(" ");
    calls.push(call);
    return answers[call] ?? { ok: true, out: "", error: "" };
  };
  return { calls, run };
}

Deno.test("the rules drop only RST from our address and port", () => {
  assertStringIncludes(
    guardRules(7, SERVICE),
    "ip saddr { 10.0.0.1 } tcp sport { 3333 } tcp flags & rst == rst drop",
  );
  assertStringIncludes(guardRules(7, SERVICE), "table ip tcplab_7 {");
});

Deno.test("a guard is set, checked and removed once", () => {
  const nft = fakeNft({ [`list table ip ${TABLE}`]: { ok: true, out: LISTING, error: "" } });
  const guard = setRstGuard(SERVICE, nft.run);
  assertEquals(guard.remove(), null);
  assertEquals(guard.remove(), null);
  guard[Symbol.dispose]();
  assertEquals(nft.calls, ["list tables ip", "rules", `list table ip ${TABLE}`, `delete table ip ${TABLE}`]);
});

Deno.test("a rule that is not there afterwards is an error, and the table goes", () => {
  const nft = fakeNft({});
  assertThrows(() => setRstGuard(SERVICE, nft.run), CliError, "does not list it");
  assert(nft.calls.includes(`delete table ip ${TABLE}`));
});

Deno.test("a refusal says what to do", () => {
  const nft = fakeNft({ rules: { ok: false, out: "", error: "Operation not permitted" } });
  assertThrows(() => setRstGuard(SERVICE, nft.run), CliError, "sudo");
});

Deno.test("the check wants every address and port as a word", () => {
  assert(guardStands(LISTING, SERVICE));
  assert(!guardStands(LISTING, { addresses: ["10.0.0.1"], ports: [333] }));
  assert(!guardStands(LISTING, { addresses: ["10.0.0.10"], ports: [3333] }));
  assert(!guardStands(LISTING.replace("hook output", "hook input"), SERVICE));
});

Deno.test("tables of dead processes are removed, others are left alone", () => {
  const tables = "table ip filter\ntable ip tcplab_11\ntable ip tcplab_12\ntable inet tcplab_13\n";
  assertEquals(guardOwners(tables), [11, 12]);
  const nft = fakeNft({ "list tables ip": { ok: true, out: tables, error: "" } });
  assertEquals(removeStaleGuards(nft.run, (pid) => pid === 12), ["tcplab_11"]);
  assertEquals(nft.calls, ["list tables ip", "delete table ip tcplab_11"]);
});
