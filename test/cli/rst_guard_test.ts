/** The guard against the kernel's RST, with nftables of our own; the real ones are judged live. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { type NftResult } from "../../ffi/nftables.ts";
import { CliError } from "../../src/cli/command.ts";
import {
  guardOwners,
  guardRules,
  guardStands,
  guardTableName,
  setRstGuard,
  unownedGuards,
} from "../../src/cli/rst_guard.ts";

const SERVICE = { addresses: ["10.0.0.1"], ports: [3333] };
/** What nft 1.0 lists for the rules; it writes `priority filter`, and a set of one without braces. */
const LISTING = `table inet tcplab_7_00c0ffee { # progname tcplab
	flags owner

	chain output {
		type filter hook output priority filter; policy accept;
		ip saddr 10.0.0.1 tcp sport 3333 tcp flags & rst == rst drop
	}
}
`;
const DONE: NftResult = { ok: true, out: "", error: "" };

/** Sessions that write down what is asked of which; `answer` answers. */
function fakeNftables(answer: (commands: string) => NftResult) {
  const calls: string[] = [];
  let opened = 0;
  const open = () => {
    const session = ++opened;
    let closed = false;
    return {
      run: (commands: string) => {
        assert(!closed);
        calls.push(`${session} ${commands.split(" ", 2).join(" ")}`);
        return answer(commands);
      },
      close: () => {
        if (closed) return;
        closed = true;
        calls.push(`${session} closed`);
      },
    };
  };
  return { calls, open };
}

Deno.test("the rules drop only RST from our address and port, in a table that hangs on our socket", () => {
  const table = guardTableName(7, 0xc0ffee);
  assertEquals(table, "tcplab_7_00c0ffee");
  const rules = guardRules(table, SERVICE);
  assertStringIncludes(rules, "ip saddr { 10.0.0.1 } tcp sport { 3333 } tcp flags & rst == rst drop");
  assertMatch(rules, /^create table inet tcplab_7_00c0ffee \{ flags owner; \}/);
});

Deno.test("a guard is set over one socket, looked at over another, and goes once with the first", () => {
  const nftables = fakeNftables((commands) => commands.startsWith("list") ? { ...DONE, out: LISTING } : DONE);
  const guard = setRstGuard(SERVICE, nftables.open);
  assertEquals(nftables.calls, ["1 create table", "2 list table", "2 closed"]);
  guard.remove();
  guard.remove();
  guard[Symbol.dispose]();
  assertEquals(nftables.calls.slice(3), ["1 closed"]);
});

Deno.test("two guards of one process number have different names", () => {
  const nftables = fakeNftables((commands) => commands.startsWith("list") ? { ...DONE, out: LISTING } : DONE);
  using one = setRstGuard(SERVICE, nftables.open);
  using other = setRstGuard(SERVICE, nftables.open);
  assert(one.table !== other.table);
});

Deno.test("a rule that is not there afterwards is an error, and the table goes", () => {
  const nftables = fakeNftables(() => DONE);
  assertThrows(() => setRstGuard(SERVICE, nftables.open), CliError, "does not list it");
  assertEquals(nftables.calls.toSorted().slice(-2), ["2 closed", "2 list table"]);
  assert(nftables.calls.includes("1 closed"));
});

Deno.test("a refusal says what to do: rights, age, or nftables itself", () => {
  const refusing = (error: string) => fakeNftables(() => ({ ok: false, out: "", error })).open;
  assertThrows(() => setRstGuard(SERVICE, refusing("Operation not permitted")), CliError, "sudo");
  assertThrows(() => setRstGuard(SERVICE, refusing("Operation not supported")), CliError, "Linux 5.12");
  assertThrows(() => setRstGuard(SERVICE, () => null), CliError, "apt install nftables");
});

Deno.test("the check wants every address and port as a word, and the owner", () => {
  assert(guardStands(LISTING, SERVICE));
  assert(!guardStands(LISTING, { addresses: ["10.0.0.1"], ports: [333] }));
  assert(!guardStands(LISTING, { addresses: ["10.0.0.10"], ports: [3333] }));
  assert(!guardStands(LISTING.replace("hook output", "hook input"), SERVICE));
  assert(!guardStands(LISTING.replace("flags owner", "flags dormant"), SERVICE));
});

Deno.test("guards are told from other tables, and from those that nothing removes", () => {
  const tables =
    "table ip filter\ntable inet tcplab_11_0000beef\ntable ip tcplab_12\ntable ip tcplab_13_0000beef\ntable inet tcplab_14\n";
  assertEquals(guardOwners(tables), [11, 13]);
  assertEquals(unownedGuards(tables), ["tcplab_12"]);
});

const BOTH = { addresses: ["10.0.0.1", "fd00::1", "fe80::1"], ports: [3333, 80] };
const BOTH_LISTED = LISTING.replace(
  "ip saddr 10.0.0.1 tcp sport 3333 tcp",
  "ip saddr 10.0.0.1 tcp sport { 80, 3333 } tcp",
).replace(
  "rst drop\n",
  "rst drop\n\t\tip6 saddr { fd00::1, fe80::1 } tcp sport { 80, 3333 } tcp flags & rst == rst drop\n",
);

Deno.test("each version of IP has a rule of its own, and both have to stand", () => {
  const rules = guardRules("t", BOTH).split("\n").filter((line) => line.startsWith("add rule"));
  assertEquals(rules, [
    "add rule inet t output ip saddr { 10.0.0.1 } tcp sport { 3333, 80 } tcp flags & rst == rst drop",
    "add rule inet t output ip6 saddr { fd00::1, fe80::1 } tcp sport { 3333, 80 } tcp flags & rst == rst drop",
  ]);
  assert(guardStands(BOTH_LISTED, BOTH));
  assert(!guardStands(LISTING, { ...SERVICE, addresses: ["10.0.0.1", "fd00::1"] }));
  assert(!guardStands(BOTH_LISTED.replace("fe80::1", "fe80::2"), BOTH));
  assert(!guardStands(BOTH_LISTED.replace("ip saddr 10.0.0.1", "ip saddr 10.0.0.2"), BOTH));
  const only = guardRules("t", { addresses: ["fd00::1"], ports: [1] });
  assert(!only.includes(" ip saddr"));
});
