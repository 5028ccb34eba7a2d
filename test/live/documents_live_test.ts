/**
 * The documents against the program: the picture of the demo, the tables of the lab, the recording that tshark reads.
 *
 * Owns: what may differ between two runs (times, ports, numbers, widths). Must not know: what is right, other than so.
 */
import { assertEquals } from "@std/assert";
import { textsOf } from "../../scripts/draw_terminal.ts";
import { readProjectFile } from "../../scripts/project_files.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { undisturbed } from "./sent_again.ts";

/** What is said of hardware addresses, on a line of its own: that has no fixed place, for it waits for time and chance. */
const OF_NEIGHBORS =
  / (?:arp (?:probe|request|reply|announcement)|ndp (?:probe|solicitation|advertisement|announcement)) /;

/** The kinds of such lines that every run has: an announcement comes seconds after the start, when a short run is over. */
function neighborKinds(page: string): string[] {
  const kinds = page.split("\n").flatMap((line) => OF_NEIGHBORS.exec(line)?.[0].trim() ?? []);
  return [...new Set(kinds)].filter((kind) => !kind.endsWith("announcement")).sort();
}

/** The words of a page, without what is another in each run. */
function wordsOf(page: string): string[] {
  // A long one goes on in the next line.
  const whole = page.replaceAll(/( (?:arp|ndp) \w+)\n +/g, "$1 ");
  const lines = whole.split("\n").filter((line) => !OF_NEIGHBORS.test(line));
  const text = lines.join(" ")
    .replaceAll(/[0-9a-f]{2}(?::[0-9a-f]{2}){5}/g, "MAC")
    .replaceAll(/\/\S*tcplab-demo-\w+/g, "FILE")
    .replaceAll(/\d+(?:\.\d+)? (?:us|ms|s|min)\b/g, "SPAN")
    .replaceAll(/\d+/g, "N");
  return text.split(/\s+/).filter((word) => word !== "");
}

/** The blocks of a document that hold such a word, without their fences. */
function blocksWith(document: string, word: string): string[] {
  const blocks = readProjectFile(document).matchAll(/^( *)```\w*\n([\s\S]*?)^\1```$/gm);
  return [...blocks].map(([, , text]) => text).filter((text) => text.includes(word));
}

async function outputOf(words: readonly string[]): Promise<string> {
  const [program, ...args] = words;
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}

liveTest("docs/demo.svg is what the demo shows", {}, async () => {
  await using file = await scratchFile(".pcapng");
  const page = await undisturbed(
    file.path,
    () => outputOf([...selfCommand(), "demo", "--write", file.path]),
  );
  const shown = page.replace(file.path, "/tmp/tcplab-demo-0.pcapng");
  // Each piece of the picture stands alone: those of one line are told apart from the next line's by their height.
  const rows = new Map<string, string[]>();
  const svg = readProjectFile("docs/demo.svg");
  const heights = [...svg.matchAll(/<text[^>]* y="(\d+)"/g)].map(([, y]) => y);
  textsOf(svg).forEach((text, at) => rows.set(heights[at], [...(rows.get(heights[at]) ?? []), text]));
  const [command, ...lines] = [...rows.values()].map((pieces) => pieces.join(" "));
  assertEquals(command, "$ deno task demo");
  // Pieces join without a space where the colour changes within a word, as before the colon.
  const tidy = (words: string[]) => words.join(" ").replaceAll(" : ", ": ").split(" ");
  const picture = lines.join("\n");
  assertEquals(tidy(wordsOf(shown)), tidy(wordsOf(picture)));
  assertEquals(neighborKinds(shown), neighborKinds(picture));
});

/**
 * The lab of the documents: one client that sleeps, looked at while it does and after, and the server's recording. The server is the
 * last to know that the connection stands.
 */
const LAB = `
tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 --log none --write "$0" & server=$!
until tcplab netstat 2>&1 | grep -q LISTEN; do sleep 0.05; done
tcplab client 10.33.0.3 3333 --until-input-ends <"$1" >/dev/null & client=$!
exec 3>"$1"
until tcplab lab netstat | grep -q "^tcplab.*ESTABLISHED"; do sleep 0.05; done
tcplab lab netstat
exec 3>&-
wait $client
until tcplab lab netstat | grep -q "kernel.*TIME_WAIT"; do sleep 0.05; done
tcplab lab netstat
kill -TERM $server
wait $server
tshark -r "$0" -Y tcp -T fields -e frame.number -e ip.src -e tcp.flags.str -e frame.comment 2>/dev/null
`;

liveTest(
  "README.md, docs/lab.md and docs/output.md show the lab as it is",
  { needs: ["tshark"] },
  async () => {
    await using recording = await scratchFile(".pcapng");
    await using pipe = await scratchFile(".pipe");
    await Deno.remove(pipe.path);
    await outputOf(["mkfifo", pipe.path]);
    const page = await outputOf([
      ...selfCommand(),
      "lab",
      "shell",
      "--",
      "sh",
      "-c",
      LAB,
      recording.path,
      pipe.path,
    ]);
    const lines = new Set(page.trimEnd().split("\n").map((line) => wordsOf(line).join(" ")));
    const tables = ["README.md", "docs/lab.md"].flatMap((name) => blocksWith(name, "the client's kernel"))
      .filter((table) => /ESTABLISHED|TIME_WAIT/.test(table));
    const frames = blocksWith("docs/output.md", "tshark -r lab.pcapng");
    assertEquals([tables.length >= 4, frames.length], [true, 1]);
    for (const block of [...tables, ...frames]) {
      const shown = block.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("$ "));
      const words = shown.map((line) => wordsOf(line).join(" "));
      assertEquals(words.filter((line) => !lines.has(line)), [], page);
    }
  },
);
