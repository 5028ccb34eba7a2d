/** docs/operations.md explains every counter that a summary can print, and no other. */
import { assert, assertEquals } from "@std/assert";
import { faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { emptyLinkStats } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { faultCounters, summaryEvent } from "../../src/runtime/summary.ts";
import { createHost } from "../../src/runtime/create_stack.ts";
import { DROP_REASONS } from "../../src/wire/drop_reason.ts";

const ROOT = new URL("../../", import.meta.url);

/** Where a name is handed on that stands elsewhere: whoever adds such a place has to add its names here. */
const HANDED_ON: Readonly<Record<string, readonly string[]>> = {
  // HostCounters itself, and those who are given its method.
  "src/host/host_counters.ts: name": [],
  "src/host/host.ts: name": [],
  "src/host/connections.ts: name": [],
  "src/host/frame_input.ts: name": [],
  "src/host/internet.ts: name": [],
  "src/host/neighbors.ts: name": [],
  "src/host/path_mtu_cache.ts: name": [],
  "src/host/neighbor_cache.ts: name": [],
  "src/host/address_claims.ts: name": [],
  "src/host/arp_input.ts: name": [],
  "src/host/default_routers.ts: name": [],
  "src/host/advertised_prefixes.ts: name": [],
  "src/host/autoconfiguration.ts: name": [],
  "src/host/router_discovery.ts: name": [],
  "src/host/listener_reports.ts: name": [],
  "src/host/multicast_groups.ts: name": [],
  "src/host/reassembly.ts: name": [],
  "src/host/reassembly.ts: counter": ["reassembly-overlap", "reassembly-too-many-parts"],
  "src/host/ndp_input.ts: name": [],
  "src/host/ip_output.ts: name": [],
  "src/host/ipv6_interface.ts: name": [],
  "src/host/room_maker.ts: about": ["evicted-silent", "evicted-idle", "evicted-for-memory"],
  "src/host/fault_barrier.ts: counter": ["application-errors", "observer-errors"],
  "src/host/overload.ts: counter": ["overload-opens", "overload-segments", "overload-answers"],
  "src/host/connection_requests.ts: reason": ["accept-queue-full"],
};

function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap((entry) =>
    entry.isDirectory ? sourceFiles(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]
  );
}

/** The names that the code counts by: literals in calls of `count`, and those of {@link HANDED_ON}. */
function countedByName(): string[] {
  const names: string[] = [];
  for (const file of ["src/host", "src/runtime"].flatMap(sourceFiles)) {
    const text = Deno.readTextFileSync(new URL(file, ROOT));
    for (const [, literal, variable] of text.matchAll(/\bcount\((?:"([^"]+)"|([^")]\w*))/g)) {
      if (literal !== undefined) {
        names.push(literal);
        continue;
      }
      const passed = HANDED_ON[`${file}: ${variable}`];
      assert(passed !== undefined, `${file} counts by "${variable}": add it to HANDED_ON with its names`);
      names.push(...passed);
    }
  }
  return names;
}

/** Every name that a summary can have. */
function allCounters(): Set<string> {
  const [link] = memoryPair();
  const host = createHost({ link, addresses: "10.0.0.1/24" });
  const faults = faultLink(link, { faults: parseFaultSpec("drop=1%"), nowUs: () => 0 }).faultCounts();
  const { counters } = summaryEvent({
    time: 0,
    durationMs: 0,
    counters: host.counters(),
    link: emptyLinkStats(),
    lostLines: 1,
  });
  return new Set([
    ...Object.keys(counters),
    ...DROP_REASONS.map((reason) => `drop-${reason}`),
    ...Object.keys(faultCounters(faults)),
    ...countedByName(),
  ]);
}

/** The first column of the table of counters, each row with what it says. */
function explained(): Map<string, string> {
  const page = Deno.readTextFileSync(new URL("docs/operations.md", ROOT));
  const [, table] = page.split("\n## The counters\n");
  const rows = new Map<string, string>();
  for (const [, names, meaning] of table.matchAll(/^\| (`.*?`) +\| (.*?) +\|/gm)) {
    for (const [, name] of names.matchAll(/`([^`]+)`/g)) {
      assert(!rows.has(name), `${name} is there twice`);
      rows.set(name, meaning);
    }
  }
  return rows;
}

Deno.test("docs/operations.md: every counter of the code is explained, and every row is a counter of the code", () => {
  const rows = explained();
  const counters = allCounters();
  assertEquals([...counters].filter((name) => !rows.has(name)), [], "not explained");
  assertEquals([...rows.keys()].filter((name) => !counters.has(name)), [], "explained, and not in the code");
  for (const [name, meaning] of rows) assert(meaning.trim().length > 6, `${name}: ${meaning}`);
  assert(counters.size > 60, `${counters.size}`);
});

Deno.test("docs/operations.md: every link leads somewhere", () => {
  const page = Deno.readTextFileSync(new URL("docs/operations.md", ROOT));
  const anchors = [...page.matchAll(/^##+ (.*)$/gm)].map(([, title]) =>
    title.toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-")
  );
  for (const [, target] of page.matchAll(/\]\(#([^)]+)\)/g)) {
    assert(anchors.includes(target), `#${target} of ${anchors.join(", ")}`);
  }
});
