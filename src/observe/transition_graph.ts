/**
 * The transition table as a graph for programs that draw: Mermaid and Graphviz.
 *
 * Owns: the two notations. Must not know: where states lie on the page; those programs decide that.
 */
import type { TcpState } from "../tcp/state.ts";
import type { Transition } from "../tcp/transitions.ts";
import { edgeLabel, isEnd, isLeftOut, pathOf } from "../story/transition_paths.ts";

type Seen = ReadonlyMap<string, number> | undefined;

/** A Mermaid state diagram; rows between the same two states share an arrow, early ends are left out. */
export function transitionsToMermaid(rows: readonly Transition[], seen?: Seen): string {
  const drawn = rows.filter((row) => !isLeftOut(row));
  const lines = ["stateDiagram-v2"];
  for (const group of groupByEnds(drawn)) {
    const label = group.map((row) =>
      edgeLabel(row).filter((part) => part !== "").join(" / ") + tick(row, seen)
    );
    lines.push(`    ${group[0].from} --> ${group[0].to} : ${label.join("<br/>")}`);
  }
  if (seen !== undefined) {
    const visited = statesOf(rows.filter((row) => (seen.get(row.id) ?? 0) > 0));
    lines.push("    classDef seen fill:#d7f0dd,stroke:#1a7f37,color:#000");
    if (visited.length > 0) lines.push(`    class ${visited.join(",")} seen`);
  }
  return lines.join("\n");
}

/** How Graphviz draws each way: solid for the server, dashed for the client, thin for the rest. */
const DOT_STYLES = {
  server: 'style=solid penwidth=2.4 color="#1a7f37"',
  client: 'style=dashed penwidth=2.4 color="#0550ae"',
  other: 'style=solid penwidth=1 color="#6e7781"',
} as const;

/** A Graphviz digraph; early ends are gathered in one thin arrow a state. */
export function transitionsToDot(rows: readonly Transition[], seen?: Seen): string {
  const lines = [
    "digraph tcp {",
    '  graph [rankdir=TB fontname="sans-serif" nodesep=0.8 ranksep=0.6]',
    '  node [shape=box style="rounded" fontname="sans-serif"]',
    '  edge [fontname="sans-serif" fontsize=10]',
  ];
  for (const state of statesOf(rows)) lines.push(`  ${state}`);
  // CLOSED once more, as in the RFC's figure: arrows back to the top would cross everything.
  if (rows.some(isEnd)) lines.push('  END [label="CLOSED"]');
  for (const row of rows) {
    if (isLeftOut(row)) continue;
    const label = edgeLabel(row).filter((part) => part !== "").join("\\n") + tick(row, seen);
    lines.push(
      `  ${row.from} -> ${isEnd(row) ? "END" : row.to} [label="${label}" ${DOT_STYLES[pathOf(row)]}]`,
    );
  }
  for (const group of groupByEnds(rows.filter(isLeftOut))) {
    const label = group.map((row) => row.event + tick(row, seen)).join("\\n");
    lines.push(
      `  ${group[0].from} -> ${
        isEnd(group[0]) ? "END" : group[0].to
      } [label="${label}" style=dotted fontsize=8 color="#8c959f" constraint=false]`,
    );
  }
  lines.push("}");
  return lines.join("\n");
}

function tick(row: Transition, seen: Seen): string {
  return seen !== undefined && (seen.get(row.id) ?? 0) > 0 ? " ✓" : "";
}

function groupByEnds(rows: readonly Transition[]): Transition[][] {
  const groups = new Map<string, Transition[]>();
  for (const row of rows) {
    const ends = `${row.from} ${row.to}`;
    const group = groups.get(ends);
    if (group === undefined) groups.set(ends, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function statesOf(rows: readonly Transition[]): TcpState[] {
  return [...new Set(rows.flatMap((row) => [row.from, row.to]))];
}
