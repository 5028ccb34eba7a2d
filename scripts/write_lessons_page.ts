/**
 * Writes docs/lessons.md from the heads of our own scripts (lessons.ts); with `--check` says whether it is what they say.
 *
 * Owns: the page, and the order of its topics. Must not know: how a head is read, whether it is true.
 */
import { TRANSITIONS } from "../src/tcp/transitions.ts";
import { type Lesson, lessons } from "./lessons.ts";

const PAGE = new URL("../docs/lessons.md", import.meta.url);

/** A folder of scripts. */
interface Topic {
  readonly folder: string;
  readonly title: string;
  /** Those with which one begins; the others follow by name. */
  readonly first: readonly string[];
}

function topic(folder: string, title: string, ...first: readonly string[]): Topic {
  return { folder, title, first };
}

/** In the order in which they are best read. */
const TOPICS: readonly Topic[] = [
  topic("handshake", "Opening a connection", "passive", "active", "simultaneous", "refused", "syn_again"),
  topic("close", "Closing it", "passive", "active", "simultaneous", "half_close", "data_then_fin"),
  topic("time_wait", "TIME_WAIT", "ack", "rst", "reopened"),
  topic(
    "reset",
    "Resets and aborts",
    "closed_port",
    "listen",
    "established",
    "challenge",
    "abort_established",
  ),
  topic("segments", "Segments that arrive", "in_order", "out_of_order", "old", "beyond_window"),
  topic("acks", "Acknowledgements", "delayed", "every_second", "piggyback", "quick"),
  topic("window", "Windows", "update", "reopened", "zero_probe", "scale"),
  topic("sender", "What is sent, and when", "push", "mss", "nagle", "no_delay", "slow_start"),
  topic("options", "Options", "mss_in_syn_only", "timestamps", "paws"),
  topic("retransmit", "Sending again", "timeout", "backoff", "karn", "fast"),
  topic("timeout", "Giving up", "default_r2", "established"),
  topic("sack", "Selective acknowledgements", "receiver", "sender", "d_sack"),
  topic("recovery", "Loss recovery", "reordered", "tail_loss_probe", "two_losses"),
  topic("urgent", "Urgent data", "received", "sent"),
  topic("keepalive", "Keep-alive", "off", "answered", "dead"),
  topic("icmp", "ICMP", "soft", "hard_as_soft", "established", "too_big"),
  topic("ecn", "Explicit congestion notification", "passive", "marked", "echo"),
  topic("fast_open", "Fast Open", "client", "server_cookie", "server_data"),
];

/** The lessons of a topic. Throws where one is named that is not there. */
function lessonsOf({ folder, first }: Topic, all: readonly Lesson[]): Lesson[] {
  const those = all.filter((lesson) => lesson.topic === folder);
  const leading = first.map((name) => {
    const found = those.find(({ path }) => path.endsWith(`/${name}.pkt`));
    if (found === undefined) throw new Error(`There is no lesson ${folder}/${name}`);
    return found;
  });
  return [...leading, ...those.filter((lesson) => !leading.includes(lesson))];
}

const HEAD = `# Lessons

Made from the heads of the scripts by \`deno task lessons\`; edit those instead.

Each lesson is a script in the language of packetdrill ([how to run and read one](run.md)), which plays one side of TCP
against tcplab's stack on a virtual clock: what is given to it, and what it has to send, when. Read one, then watch it:

\`\`\`sh
tcplab run --trace test/scripts/close/passive.pkt   # every step, every segment, every state, and the rule behind it
tcplab why established.fin                          # what a row or a rule says, and which lesson shows it
tcplab run --strict test/scripts                    # all of them, in a second
\`\`\`

Then change a number in it and see where it fails. All of them are run with IPv4 and with IPv6 by the tests, where they
are not about one of the two alone; what each claims to show is held against what the stack did, and whatever a lesson
demands is changed once to see it fail.
`;

/** All lessons in the order of the page. Throws for a folder that has no place in it. */
export function lessonsInOrder(all: readonly Lesson[] = lessons()): Lesson[] {
  const homeless = all.find((lesson) => !TOPICS.some(({ folder }) => folder === lesson.topic));
  if (homeless !== undefined) throw new Error(`${homeless.path}: its folder belongs into TOPICS`);
  return TOPICS.flatMap((one) => lessonsOf(one, all));
}

/** The first sentence. */
function gist({ teaches }: Lesson): string {
  return /^.*?[.!?](?=\s|$)/.exec(teaches)?.[0] ?? teaches;
}

/** `close/passive`, with a link. */
function link({ path }: Lesson): string {
  return `[${path.replace(/^test\/scripts\/|\.pkt$/g, "")}](../${path})`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The whole page. */
export function lessonsPage(all: readonly Lesson[] = lessons()): string {
  const ordered = lessonsInOrder(all);
  const parts = [HEAD];
  for (const one of TOPICS) {
    const rows = ordered.filter((lesson) => lesson.topic === one.folder).map((lesson) => {
      const labels = lesson.shows.length === 0 ? "" : ` (${lesson.shows.join(", ")})`;
      return `| ${link(lesson)} | ${cell(gist(lesson))}${labels} |`;
    });
    parts.push([`## ${one.title}`, "", "| script | what it shows |", "|---|---|", ...rows, ""].join("\n"));
  }
  const rows = TRANSITIONS.map(({ id, from, event, to }) => {
    const those = ordered.filter((lesson) => lesson.rows.includes(id)).map(link);
    return `| \`${id}\` | ${from}, ${event}: ${to} | ${those.join(", ")} |`;
  });
  parts.push(
    ["## By rows of the transition table", "", "| row | | lessons |", "|---|---|---|", ...rows, ""].join(
      "\n",
    ),
  );
  return parts.join("\n");
}

/** Where the page is kept. */
export function lessonsPagePath(): URL {
  return PAGE;
}

if (import.meta.main) {
  const page = lessonsPage();
  const isCheck = Deno.args.includes("--check");
  const old = await Deno.readTextFile(PAGE).catch(() => "");
  if (old === page) {
    console.log("docs/lessons.md is what the scripts say");
  } else {
    if (!isCheck) await Deno.writeTextFile(PAGE, page);
    console.log(
      isCheck
        ? "docs/lessons.md is not what the scripts say: deno task lessons"
        : "docs/lessons.md is written",
    );
    if (isCheck) Deno.exitCode = 1;
  }
}
