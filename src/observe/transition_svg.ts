/**
 * The state diagram as SVG, on paper.
 *
 * Owns: how states and arrows look. Must not know: where they lie (story/state_layout.ts), the rows' contents; an arrow is
 * drawn only where the table has its row, so a role's diagram shows that role's rows.
 *
 * Every state is a group with the id `state-NAME`, every arrow one with the id `edge-ROW`, for pages that bring the
 * picture to life.
 */
import {
  ARROWS,
  DIAGRAM_PAGE as PAGE,
  type DiagramArrow,
  STATE_BOX as BOX,
  STATE_PLACES as PLACES,
} from "../story/state_layout.ts";
import { svgText } from "./svg_text.ts";
import { edgeLabel, pathOf } from "../story/transition_paths.ts";
import type { Transition } from "../tcp/transitions.ts";

const LINE_HEIGHT = 16;

/** Colours of the three kinds of arrow; with `seen`, those not seen are pale. */
const STYLE = `
  text { font: 13px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 18px; font-weight: 600; }
  .note { font-size: 12px; fill: #57606a; }
  .state rect { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5; }
  .state text { font-weight: 600; text-anchor: middle; }
  .edge path { fill: none; }
  .edge text { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
  .edge .sends { fill: #57606a; }
  .server path { stroke: #1a7f37; stroke-width: 3; }
  .client path { stroke: #0550ae; stroke-width: 3; stroke-dasharray: 9 5; }
  .other path { stroke: #8c959f; stroke-width: 1.4; }
  .unseen { opacity: 0.3; }
  .seen text { font-weight: 600; }
  .state.seen rect { fill: #d7f0dd; stroke: #1a7f37; stroke-width: 2.5; }`;

/** The diagram of these rows; `seen` makes what was not seen pale, and ticks the rest. */
export function transitionsToSvg(rows: readonly Transition[], seen?: ReadonlyMap<string, number>): string {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const arrows = ARROWS.flatMap((arrow) => {
    const drawn = arrow.rows.flatMap((id) => byId.get(id) ?? []);
    return drawn.length === 0 ? [] : [{ arrow, drawn }];
  });
  const drawnRows = arrows.flatMap(({ drawn }) => drawn);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PAGE.width} ${PAGE.height}" ` +
    `width="${PAGE.width}" height="${PAGE.height}" role="img" aria-label="TCP state diagram">`,
    `<style>${STYLE}\n</style>`,
    `<defs>${["server", "client", "other"].map(arrowHead).join("")}</defs>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text class="title" x="24" y="36">TCP connection states, RFC 9293 Figure 5</text>`,
    ...arrows.map(({ arrow, drawn }) => arrowGroup(arrow, drawn, seen)),
    ...stateGroups(drawnRows, seen),
    ...legend(rows.filter((row) => !drawnRows.includes(row)), seen),
    "</svg>",
  ];
  return parts.join("\n");
}

const HEAD_COLOURS: Readonly<Record<string, string>> = {
  server: "#1a7f37",
  client: "#0550ae",
  other: "#8c959f",
};

function arrowHead(kind: string): string {
  return `<marker id="head-${kind}" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="13" markerHeight="13" ` +
    `markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="${
      HEAD_COLOURS[kind]
    }"/></marker>`;
}

function arrowGroup(
  arrow: DiagramArrow,
  drawn: readonly Transition[],
  seen?: ReadonlyMap<string, number>,
): string {
  const kind = pathOf(drawn[0]);
  const times = (row: Transition) => seen?.get(row.id) ?? 0;
  const mark = seen === undefined ? "" : drawn.some((row) => times(row) > 0) ? " seen" : " unseen";
  const lines: { text: string; sends: boolean }[] = [];
  for (const row of drawn) {
    const [event, sends] = edgeLabel(row);
    const tick = times(row) > 0 ? "✓ " : "";
    if (arrow.oneLine === true || drawn.length > 1) {
      lines.push({ text: tick + event + (sends === "" ? "" : `, ${sends}`), sends: false });
    } else {
      lines.push({ text: tick + event, sends: false });
      if (sends !== "") lines.push({ text: sends, sends: true });
    }
  }
  const { x, y, anchor } = arrow.label;
  const texts = lines.map(({ text, sends }, i) =>
    `<text x="${x}" y="${y + i * LINE_HEIGHT}" text-anchor="${anchor}"${sends ? ' class="sends"' : ""}>` +
    `${svgText(text)}</text>`
  );
  const title = drawn.map((row) => `${row.from} -> ${row.to}: ${row.event} (${row.rfc})`).join("\n");
  return `<g id="edge-${drawn[0].id}" class="edge ${kind}${mark}"><title>${svgText(title)}</title>` +
    `<path d="${arrow.path}" marker-end="url(#head-${kind})"/>${texts.join("")}</g>`;
}

function stateGroups(drawn: readonly Transition[], seen?: ReadonlyMap<string, number>): string[] {
  const shown = new Set<string>();
  const visited = new Set<string>();
  for (const row of drawn) {
    // The lower CLOSED is where the two usual ways end.
    const to = row.to === "CLOSED" && pathOf(row) !== "other" ? "END" : row.to;
    for (const place of [row.from, to]) {
      shown.add(place);
      if ((seen?.get(row.id) ?? 0) > 0) visited.add(place);
    }
  }
  return Object.entries(PLACES).filter(([place]) => shown.has(place)).map(([place, [x, y]]) => {
    const mark = seen === undefined ? "" : visited.has(place) ? " seen" : " unseen";
    return `<g id="state-${place}" class="state${mark}"><rect x="${x - BOX.width / 2}" y="${
      y - BOX.height / 2
    }" ` +
      `width="${BOX.width}" height="${BOX.height}" rx="9"/>` +
      `<text x="${x}" y="${y + 5}">${place === "END" ? "CLOSED" : place}</text></g>`;
  });
}

function legend(undrawn: readonly Transition[], seen?: ReadonlyMap<string, number>): string[] {
  const y = 1026;
  const sample = (x: number, kind: string, text: string) =>
    `<g class="edge ${kind}"><path d="M${x} ${y - 4}h44" marker-end="url(#head-${kind})"/>` +
    `<text class="note" x="${x + 58}" y="${y}">${text}</text></g>`;
  const samples = [
    sample(24, "server", "the server's usual way"),
    sample(252, "client", "the client's usual way"),
    sample(480, "other", "other ways"),
  ];
  if (undrawn.length === 0) return samples;
  const seenCount = undrawn.filter((row) => (seen?.get(row.id) ?? 0) > 0).length;
  const note =
    `Not drawn: ${undrawn.length} rows: SYN cookies, and RST, ABORT, time-outs and ICMP errors that end a connection early` +
    (seenCount === 0 ? "" : `; ${seenCount} of them seen`);
  return [...samples, `<text class="note" x="24" y="${y + 24}">${note}</text>`];
}
