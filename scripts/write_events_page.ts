/**
 * Writes docs/events.md from the schema of the events (src/tcp/event_fields.ts); with `--check` says whether it is what
 * the schema says.
 *
 * Owns: the page. Must not know: what the fields mean; the schema tells.
 */
import { EVENT_FIELDS } from "../src/tcp/event_fields.ts";

const PAGE = new URL("../docs/events.md", import.meta.url);

const HEAD = `# Events

Made from the schema of the program (\`src/tcp/event_fields.ts\`) by \`deno task events\`; do not edit it by hand.

\`tcplab serve --log json\` writes one JSON object a line. Each begins with \`event\`, the kind, and \`time\`, seconds since
1970 with microseconds. The other fields stand on the line in the order of the tables below; one that is optional is left
out where there is nothing to say. Fields may be added at any time, so a reader has to pass over those that it does not know.

**How events are joined.** A connection has a number, \`id\`, and a segment has one, \`segment\`. What belongs to a segment
names it: the transition that it caused or that it leaves with, the retransmission that it carries, the drop, the fault.
Most of them follow their segment; a retransmission, and a transition that a user or a deadline caused, come just before
it, and a fault on the way in comes when the frame came. \`row\` of a transition is the id of a row of
\`tcplab table --format json\`, and \`rule\` is the name of the rule that decided.

**What is told with measure.** Of events that a stranger can cause without end (drops, segments of no connection, notices,
ARP, NDP, ICMP), 100 of a kind are told by themselves in a second, and those that follow as one, with \`count\`.
`;

/** The whole page. */
export function eventsPage(): string {
  const parts = [HEAD];
  for (const [kind, { text, fields }] of Object.entries(EVENT_FIELDS)) {
    parts.push(`## ${kind}\n\n${text}\n`);
    const about = new Map<string, { type: string; optional: boolean; text: string }>(Object.entries(fields));
    const rows = [...about].map(([name, field]) =>
      `| \`${name}\` | ${field.type}${field.optional ? ", optional" : ""} | ${field.text} |`
    );
    parts.push(["| field | value | meaning |", "|---|---|---|", ...rows, ""].join("\n"));
  }
  return parts.join("\n");
}

/** The whole page, where it is kept. */
export function eventsPagePath(): URL {
  return PAGE;
}

if (import.meta.main) {
  const page = eventsPage();
  const isCheck = Deno.args.includes("--check");
  const old = await Deno.readTextFile(PAGE).catch(() => "");
  if (old === page) {
    console.log("docs/events.md is what the schema says");
  } else {
    if (!isCheck) await Deno.writeTextFile(PAGE, page);
    console.log(
      isCheck ? "docs/events.md is not what the schema says: deno task events" : "docs/events.md is written",
    );
    if (isCheck) Deno.exitCode = 1;
  }
}
