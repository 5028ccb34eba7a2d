/**
 * A recording becomes a test: connections of two hosts of ours are captured at one of them, told as scripts, and played against our stack.
 *
 * Connections that both ends open at once are left out where all are to pass: such a capture lies before the path's delay, and the other's
 * SYN seems to come before the application called.
 */
import { assert, assertEquals } from "@std/assert";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { runScript, type Verdict } from "../../src/script/runner.ts";
import { packetdrillScript } from "../../src/script/script_of_connection.ts";
import { createKernel } from "../../src/script/sockets/create_kernel.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import type { EndName } from "../../src/story/story_segment.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import type { Scenario } from "../sim/scenario.ts";
import { runTwoEnds } from "../story/two_ends.ts";

const { SYN, ACK } = FLAG;
const SEEDS = 25;
/** The end at which the capture is. */
const SIDES = { caller: "client", called: "server" } as const;

interface Played {
  readonly name: string;
  readonly text: string;
  readonly verdict: Verdict;
}

function playConnection(connection: ConnectionStory, side: EndName): Omit<Played, "name"> {
  const text = packetdrillScript(connection, { side, source: "memory" });
  const { verdict } = runScript(parseScript(text, "memory.pkt"), {
    profile: PROFILES.rfc,
    kernel: createKernel,
  });
  return { text, verdict };
}

/** Each connection of the courses of many seeds, at both ends. */
function* played(change: Partial<Scenario>): Generator<Played & { readonly connection: ConnectionStory }> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const vantage of ["caller", "called"] as const) {
      const { story } = runTwoEnds(seed, vantage, { tcp: [{}, {}], mtu: 1500, ...change });
      for (const connection of story.connections()) {
        const name = `seed ${seed}, ${vantage}, #${connection.id}`;
        yield { name, connection, ...playConnection(connection, SIDES[vantage]) };
      }
    }
  }
}

function opensAtOnce(connection: ConnectionStory): boolean {
  const asking = connection.segmentRows().filter(({ segment }) => (segment.flags & (SYN | ACK)) === SYN);
  return new Set(asking.map(({ segment }) => segment.from)).size > 1;
}

function reasonOf(verdict: Verdict): string {
  return verdict.kind === "fail"
    ? `line ${verdict.place.line}: ${verdict.what}\n  ${verdict.expected}\n  ${verdict.actual}`
    : JSON.stringify(verdict);
}

Deno.test("what two hosts of ours did over a path that only delays is done again, at either end", () => {
  let count = 0;
  for (const { name, connection, verdict } of played({ faults: parseFaultSpec("delay=5ms") })) {
    if (opensAtOnce(connection)) continue;
    count++;
    assertEquals(verdict.kind, "pass", `${name}: ${reasonOf(verdict)}`);
  }
  assert(count > 50, `${count} connections`);
});

Deno.test("over bad paths what is told of nearly all connections is done again; none is unreadable, or asks for what is not there", () => {
  let count = 0;
  const failed: string[] = [];
  for (const { name, verdict } of played({})) {
    count++;
    if (verdict.kind === "pass") continue;
    // A capture does not show what a fault took before it, nor which segments a device gave up together.
    assertEquals(verdict.kind, "fail", name);
    failed.push(`${name}: ${reasonOf(verdict)}`);
  }
  assert(failed.length <= count / 10, `${failed.length} of ${count}:\n${failed.join("\n")}`);
});

Deno.test("a script of a recording fails where the stack does something else", () => {
  const { story } = runTwoEnds(1, "called", {
    tcp: [{}, {}],
    mtu: 1500,
    faults: parseFaultSpec("delay=5ms"),
  });
  const [connection] = story.connections();
  const text = packetdrillScript(connection, { side: "server", source: "memory" });
  const lines = text.split("\n");
  let changed = 0;
  for (const [index, line] of lines.entries()) {
    const found = /^(\S+ > \S+ \d+:\d+\(\d+\) ack )(\d+)(.*)$/.exec(line);
    if (found === null) continue;
    const [, before, ack, after] = found;
    const other = lines.with(index, `${before}${Number(ack) + 1}${after}`).join("\n");
    const { verdict } = runScript(parseScript(other, "memory.pkt"), {
      profile: PROFILES.rfc,
      kernel: createKernel,
    });
    assert(verdict.kind === "fail", line);
    assertEquals([verdict.place.line, verdict.what], [index + 1, "acknowledgment"]);
    changed++;
  }
  assert(changed > 3, `${changed} lines`);
});
