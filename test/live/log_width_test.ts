/** The log on a terminal: as wide as its window, also when that becomes another; with `--wrap never` a line an event. */
import { assert, assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { LabScreen } from "./lab_screen.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const ON_A_SCREEN = { needs: ["tmux"] };
const WIDE = 200;
const NARROW = 80;

/** A server in the foreground, with the arguments given; a client visits whenever a file is there, and takes that away. */
const LAB = `
again=$1; shift
(until tcplab netstat 2>&1 | grep -q LISTEN; do sleep 0.05; done
while :; do
  until test -e "$again"; do sleep 0.05; done; rm "$again"
  tcplab client 10.33.0.3 3333 --sleep 0.2 >/dev/null 2>&1
done) &
tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 "$@"`;

/** Local choice: a machine of which one visit in three suffers spoils all in one test of 240. */
const MOST_VISITS = 5;

/** A log on a screen, and who visits its server. */
class LogScreen implements AsyncDisposable {
  readonly screen: LabScreen;
  readonly #directory: string;
  #visits = 0;

  private constructor(screen: LabScreen, directory: string) {
    this.screen = screen;
    this.#directory = directory;
  }

  static async start(columns: number, ...args: readonly string[]): Promise<LogScreen> {
    const directory = await Deno.makeTempDir({ prefix: "tcplab-live-" });
    const words = [...selfCommand(), "lab", "shell", "--", "sh", "-c", LAB, "sh", `${directory}/again`];
    // All visits that there may be have room on it.
    const screen = await LabScreen.start([...words, ...args], { columns, rows: 600 });
    return new LogScreen(screen, directory);
  }

  /**
   * The lines of a visit, which is made again where one does not fit: nothing is lost in a lab, and yet a client sends again what a
   * server that is held up has not answered, and a window's new width is told by a signal, which comes as the visit does.
   */
  async visit(fits: (lines: readonly string[]) => boolean): Promise<string[]> {
    for (let times = 1;; times++) {
      await Deno.writeTextFile(`${this.#directory}/again`, "");
      const lines = await connectionLines(this.screen, ++this.#visits);
      if (times === MOST_VISITS || fits(lines)) return lines;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
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

const isUndisturbed = (lines: readonly string[]) => lines.filter(isEvent).length === EVENTS;

liveTest(
  "the log is as wide as its window, also when that becomes narrow meanwhile",
  ON_A_SCREEN,
  async () => {
    await using log = await LogScreen.start(WIDE);
    const wide = await log.visit(isUndisturbed);
    assertEquals(wide.filter(isEvent).length, EVENTS, wide.join("\n"));
    assert(wide.every((line) => line.length <= WIDE), wide.join("\n"));
    assert(wide.some((line) => line.length > 2 * NARROW), wide.join("\n"));
    await log.screen.resize(NARROW);
    const isNarrow = (lines: readonly string[]) => lines.every((line) => line.length <= NARROW);
    const narrow = await log.visit((lines) => isUndisturbed(lines) && isNarrow(lines));
    assertEquals(narrow.filter(isEvent).length, EVENTS, narrow.join("\n"));
    assert(isNarrow(narrow), narrow.join("\n"));
    assert(narrow.length > wide.length, narrow.join("\n"));
  },
);

liveTest("with --wrap never an event is a line, however narrow the window is", ON_A_SCREEN, async () => {
  await using log = await LogScreen.start(NARROW, "--wrap", "never");
  const lines = await log.visit(isUndisturbed);
  assertEquals([lines.length, lines.filter(isEvent).length], [EVENTS, EVENTS], lines.join("\n"));
  assert(lines.some((line) => line.length > 2 * NARROW), lines.join("\n"));
});
