/** The log on a terminal: as wide as its window, also when that becomes another; with `--wrap never` a line an event. */
import { assert, assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { LabScreen } from "./lab_screen.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const ON_A_SCREEN = { needs: ["tmux"] };
const WIDE = 200;
const NARROW = 80;

/** A server in the foreground, with the arguments given; a client visits when it listens, and one when a file is there. */
const LAB = `
visit() { tcplab client 10.33.0.3 3333 --sleep 0.2 >/dev/null 2>&1; }
again=$1; shift
(until tcplab netstat 2>&1 | grep -q LISTEN; do sleep 0.05; done; visit
until test -e "$again"; do sleep 0.05; done; visit) &
tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 "$@"`;

async function startLog(columns: number, options: { again: string; args: readonly string[] }) {
  const words = [...selfCommand(), "lab", "shell", "--", "sh", "-c", LAB, "sh", options.again];
  return await LabScreen.start([...words, ...options.args], { columns, rows: 100 });
}

/** The lines of a connection, from its first to the one that says how it ended. */
async function connectionLines(screen: LabScreen, id: number): Promise<string[]> {
  const isLast = (line: string) => line.includes(` #${id} `) && line.includes(" closed normal");
  let lines: string[] = [];
  await waitFor(async () => (lines = await screen.lines()).some(isLast), {
    what: `connection ${id} is told to its end`,
  });
  const first = lines.findIndex((line) => line.includes(` #${id} `));
  const last = lines.findIndex(isLast);
  // What neighbours ask each other meanwhile, and the listener's line, is not the connection's.
  return lines.slice(first, last + 1).filter((line) => !/ arp |listening/.test(line));
}

const isEvent = (line: string) => /^\d\d:/.test(line);
/** Seven segments, their five changes of state, and the end. */
const EVENTS = 13;

liveTest(
  "the log is as wide as its window, also when that becomes narrow meanwhile",
  ON_A_SCREEN,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "tcplab-live-" });
    try {
      const again = `${directory}/again`;
      await using screen = await startLog(WIDE, { again, args: [] });
      const wide = await connectionLines(screen, 1);
      assertEquals(wide.filter(isEvent).length, EVENTS, wide.join("\n"));
      assert(wide.every((line) => line.length <= WIDE), wide.join("\n"));
      assert(wide.some((line) => line.length > 2 * NARROW), wide.join("\n"));
      await screen.resize(NARROW);
      await Deno.writeTextFile(again, "");
      const narrow = await connectionLines(screen, 2);
      assertEquals(narrow.filter(isEvent).length, EVENTS, narrow.join("\n"));
      assert(narrow.every((line) => line.length <= NARROW), narrow.join("\n"));
      assert(narrow.length > wide.length, narrow.join("\n"));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

liveTest("with --wrap never an event is a line, however narrow the window is", ON_A_SCREEN, async () => {
  await using screen = await startLog(NARROW, { again: "/nonexistent", args: ["--wrap", "never"] });
  const lines = await connectionLines(screen, 1);
  assertEquals([lines.length, lines.filter(isEvent).length], [EVENTS, EVENTS], lines.join("\n"));
  assert(lines.some((line) => line.length > 2 * NARROW), lines.join("\n"));
});
