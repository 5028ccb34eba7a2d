/**
 * `serve --log tui` in a real terminal: what is seen of a kernel's connection, the window's size, and that the terminal is as
 * it was however the server ends.
 */
import { assert, assertMatch } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { LabScreen } from "./lab_screen.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const ON_A_SCREEN = { needs: ["tmux"] };

/**
 * A server in the foreground, told by its process number in the file $1; meanwhile the words of $2 in the lab, once it
 * listens.
 */
const LAB = `
file=$1; meanwhile=$2; shift 2
visit() { tcplab client 10.33.0.3 3333 "$@" >/dev/null 2>&1; }
(until tcplab netstat 2>&1 | grep -q LISTEN; do sleep 0.05; done; eval "$meanwhile") &
tcplab lab exec server -- sh -c 'echo $$ >"$0"; exec "$@"' "$file" tcplab serve --iface veth-server --ip 10.33.0.3 "$@"`;

/** The variable that marks the processes of one server's lab. */
const MARK = "TCPLAB_TEST_SCREEN";

/** A server on a screen of 80 x 24. */
class ServerOnScreen implements AsyncDisposable {
  readonly screen: LabScreen;
  readonly #directory: string;

  private constructor(screen: LabScreen, directory: string) {
    this.screen = screen;
    this.#directory = directory;
  }

  static async start(
    meanwhile: string,
    options: { args?: readonly string[]; env?: Record<string, string> } = {},
  ): Promise<ServerOnScreen> {
    const { args = ["--log", "tui"], env = { LC_ALL: "C.UTF-8" } } = options;
    const directory = await Deno.makeTempDir({ prefix: "tcplab-live-" });
    const words = [
      ...selfCommand(),
      "lab",
      "shell",
      "--",
      "sh",
      "-c",
      LAB,
      "sh",
      `${directory}/pid`,
      meanwhile,
    ];
    const size = { columns: 80, rows: 24, env: { ...env, [MARK]: directory } };
    const screen = await LabScreen.start([...words, ...args], size);
    return new ServerOnScreen(screen, directory);
  }

  /** Sends a signal to the server, from within the lab: its number is of the lab's processes. */
  async kill(signal: string): Promise<void> {
    const pid = (await Deno.readTextFile(`${this.#directory}/pid`)).trim();
    await this.screen.see(/q quit|Frames|Listening/, "the server is there");
    const outer = await outerProcesses(pid, `${MARK}=${this.#directory}`);
    assert(outer.length === 1, `the server is one process: ${outer}`);
    new Deno.Command("kill", { args: [`-${signal}`, outer[0]] }).outputSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** Waits for a screen on which all of this is. */
function seeAll(screen: LabScreen, what: string, wanted: readonly RegExp[]): Promise<string> {
  return screen.see((text) => wanted.every((one) => one.test(text)), what);
}

/** The numbers here of the processes that have this number in a lab, and this mark: another lab may have the same number. */
async function outerProcesses(inner: string, mark: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = await Deno.readTextFile(`/proc/${name}/status`);
      const variables = (await Deno.readTextFile(`/proc/${name}/environ`)).split("\0");
      const numbers = /^NSpid:\s+(.*)$/m.exec(status)?.[1].split(/\s+/) ?? [];
      if (numbers.length > 1 && numbers.at(-1) === inner && variables.includes(mark)) found.push(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

liveTest(
  "the screen shows a kernel's connection, follows its window, and gives it back on q",
  ON_A_SCREEN,
  async () => {
    await using server = await ServerOnScreen.start("visit --sleep 0.3; visit --sleep 600");
    const { screen } = server;
    // A look may come upon a screen that is drawn in part.
    await seeAll(screen, "the second connection is chosen", [
      /^tcplab \d+ on veth-server {2}10\.33\.0\.3 {2}1 connection\n/,
      / 1 .* CLOSED +echo/,
      /> +2 .*ESTABLISHED/,
      /SYN_SENT +│── SYN {2}seq 0 .*►│ SYN_RCVD\n/,
      /ESTABLISHED {2}│◄─ SYN,ACK {2}seq 0 {2}ack 1 /,
    ]);
    await screen.type("j");
    await seeAll(screen, "the first connection is chosen", [
      /> +1 .*CLOSED/,
      /FIN_WAIT_1 +│── FIN,ACK .*►│ CLOSE_WAIT\n/,
      /TIME_WAIT +│◄─ FIN,ACK .*─│ LAST_ACK\n/,
    ]);
    await screen.resize(130, 40);
    const wide = await seeAll(screen, "the options have room, and the screen is filled", [
      /ts \d+\/\d+/,
      /^(?:.*\n){39}.+\n*$/,
    ]);
    assert(wide.split("\n").every((line) => line.length <= 130));
    await screen.resize(70, 20);
    await screen.see(/^.{0,70}\n(?:.{0,70}\n){19}$/, "no line is wider than the window");
    // It stands there for six seconds.
    const written = await screen.keep();
    await screen.type("k", "a");
    await waitFor(async () => /#2 aborted: RST sent/.test(await written()), {
      what: "the second one is aborted",
    });
    await screen.see(/RST(?:,ACK)? [\s\S]*CLOSED\? +CLOSED/, "its RST is in the ladder");
    await screen.type("q");
    const after = await screen.see(/ended with 0/, "the server has ended");
    assertMatch(after, /tcplab serve: Listening on veth-server, 10\.33\.0\.3:3333 \(echo\)/);
    assert(!await screen.isTaken());
  },
);

for (const signal of ["INT", "TERM", "HUP"]) {
  liveTest(`the terminal is as it was after SIG${signal}`, ON_A_SCREEN, async () => {
    await using server = await ServerOnScreen.start("visit --sleep 600");
    const { screen } = server;
    await screen.see(/> +1 .*ESTABLISHED/, "a connection is there");
    assert(await screen.isTaken());
    await server.kill(signal);
    await screen.see(/ended with 0/, "the server has ended");
    assert(!await screen.isTaken());
  });
}

liveTest(
  "the terminal is as it was when the device vanishes, and the reason can be read",
  ON_A_SCREEN,
  async () => {
    await using server = await ServerOnScreen.start(
      "sleep 1; tcplab lab exec server -- ip link del veth-server",
    );
    await server.screen.see(/ended with 1/, "the server has failed");
    assertMatch(await server.screen.text(), /^tcplab serve: .*veth-server/m);
    assert(!await server.screen.isTaken());
  },
);

liveTest(
  "without a terminal, or on a dumb one, the log is plain text, and a line says so",
  ON_A_SCREEN,
  async () => {
    await using server = await ServerOnScreen.start("visit --sleep 0", { env: { TERM: "dumb" } });
    const { screen } = server;
    await screen.see(/SYN_RCVD -> ESTABLISHED/, "the log is text");
    const text = (await screen.history()).replaceAll("\n", "");
    assertMatch(
      text,
      /--log tui needs a terminal on stdin and stdout, and TERM not dumb: the log is plain text/,
    );
    assert(!await screen.isTaken());
  },
);

liveTest("an upload of 100 MB freezes neither the screen nor the server", ON_A_SCREEN, async () => {
  const talk =
    'import socket, time; s = socket.create_connection(("10.33.0.3", 3333)); b = bytes(1000000)\n' +
    "for _ in range(100): s.sendall(b)\ntime.sleep(3)";
  const meanwhile = `tcplab lab exec client -- python3 -c '${talk}' >/dev/null 2>&1`;
  await using server = await ServerOnScreen.start(meanwhile, {
    args: ["--log", "tui", "--app", "discard"],
  });
  const { screen } = server;
  await screen.see(/══ \d+ segments/, "a run is shown");
  // It answers keys meanwhile.
  await screen.type("r");
  await screen.see(/#▲/, "the order is the other one");
  await waitFor(async () => /100\.0 MB|LAST_ACK|CLOSED/.test(await screen.text()), { what: "all has come" });
  await screen.type("q");
  await screen.see(/ended with 0/, "the server has ended");
  assert(!await screen.isTaken());
});
