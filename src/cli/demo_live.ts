/**
 * The demo on a wire: a private lab, `tcplab serve` on one side, the kernel's own TCP on the other.
 *
 * Owns: the order of the story. Must not know: TCP (the server's event log tells), how a lab is made.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { renderTransitions } from "../observe/transition_table.ts";
import { Patience } from "../runtime/patience.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { CliError } from "./command.ts";
import type { DemoScreen } from "./demo_screen.ts";
import { type KernelSocket, parseKernelSockets } from "./kernel_sockets.ts";
import type { LabSide } from "./lab_plan.ts";
import type { LabProcess } from "./lab_process.ts";
import type { PrivateLab } from "./private_lab.ts";
import { LAB_ROWS, seenRows } from "./seen_transitions.ts";
import { kernelClientCommand, selfCommand } from "./self_command.ts";

/** What the demo is told. */
export interface DemoOptions {
  /** The line that the client sends. */
  readonly text: string;
  /** How long the client sleeps at least, seconds. */
  readonly sleepSeconds: number;
  /** Where the recording goes. */
  readonly recording: string;
}

/** The lab's port. */
const PORT = 3333;
/** Local choice: the whole demo has 20 s, and each step takes a fraction of a second. */
const STEP_TIMEOUT_MS = 8_000;

/**
 * Plays the demo in the lab, over IPv4 and then in short over IPv6; gives the server's events. Throws {@link CliError} when a step
 * does not happen.
 */
export async function playLiveDemo(
  lab: PrivateLab,
  stage: { screen: DemoScreen; options: DemoOptions },
): Promise<TcpEvent[]> {
  const { screen, options } = stage;
  const { tcplabAddress, tcplabAddress6, devices } = lab.plan;
  const story = new LiveStory(lab, screen);
  const overIpv6 = lab.hasIpv6;
  const ip = overIpv6 ? `${tcplabAddress},${tcplabAddress6}` : tcplabAddress;

  screen.step(`The server: tcplab serve --iface ${devices.server} --ip ${ip} --app echo`);
  const server = story.startServer({ ip, recording: options.recording });
  await story.until(
    (event) => event.event === "transition" && event.to === "LISTEN",
    "The server does not listen",
  );

  screen.step(`The client: the kernel's own TCP connects, sends "${options.text}", and sleeps`);
  const client = await story.startClient(tcplabAddress, options);

  screen.step("Who knows of the connection?");
  await story.showKernel("server");
  screen.check("the server's kernel knows of no connection", (await story.sockets("server")).length === 0);
  await story.showOwnTable();
  await story.showKernel("client");
  const isOpen = (await story.sockets("client")).some((socket) => socket.state === "ESTABLISHED");
  screen.check("the client's kernel has it ESTABLISHED", isOpen);

  screen.step("The client wakes and closes");
  await client.slept;
  await story.closeClient(client.process);
  await story.showKernel("client");
  const isWaiting = (await story.sockets("client")).some((socket) => socket.state === "TIME_WAIT");
  screen.check("the client's kernel keeps it in TIME_WAIT, as the side that closed first does", isWaiting);

  if (overIpv6) await playOverIpv6(story, { lab, screen, options });
  else screen.say("\nThis kernel has no IPv6: the same over IPv6 is left out.");

  screen.step("The server ends");
  await server.stop(STEP_TIMEOUT_MS);
  return story.events;
}

/** The same once more to the server's IPv6 address, without a pause; what the table says of it follows at once. */
async function playOverIpv6(
  story: LiveStory,
  { lab, screen, options }: { lab: PrivateLab; screen: DemoScreen; options: DemoOptions },
): Promise<void> {
  const { tcplabAddress6 } = lab.plan;
  screen.step(`The same over IPv6: the client connects to ${tcplabAddress6}, sends a line, and closes`);
  const before = story.events.length;
  story.begin();
  const client = await story.startClient(tcplabAddress6, { ...options, sleepSeconds: 0 });
  await story.showOwnTable();
  await story.showKernel("client");
  const isOpen = (await story.sockets("client"))
    .some(({ peerAddress, state }) => peerAddress.length === 16 && state === "ESTABLISHED");
  screen.check("the client's kernel has it ESTABLISHED, between two IPv6 addresses", isOpen);
  await story.closeClient(client.process);
  const seen = seenRows(story.events.slice(before));
  // The listener is the same: it has been in the table already.
  const rows = LAB_ROWS.filter(({ to }) => to !== "LISTEN");
  screen.say("");
  screen.block(renderTransitions(rows, { format: "text", seen, color: getColorEnabled() }));
  screen.check("over IPv6 the rows of the table are the same", rows.every((row) => seen.has(row.id)));
}

/** Whether the client has acknowledged so many bytes with this segment (its acknowledgement counts our SYN too). */
function isAcknowledgement(event: TcpEvent, bytes: number): boolean {
  return event.event === "segment" && event.direction === "recv" && event.relAck > bytes;
}

/** The cast of one demo, and what has happened so far. */
class LiveStory {
  readonly events: TcpEvent[] = [];
  readonly #lab: PrivateLab;
  readonly #screen: DemoScreen;
  #server: LabProcess | null = null;
  #since = 0;
  #onEvent: (event: TcpEvent) => void = () => {};

  constructor(lab: PrivateLab, screen: DemoScreen) {
    this.#lab = lab;
    this.#screen = screen;
  }

  /** From here on {@link until} waits for what has not happened yet. */
  begin(): void {
    this.#since = this.events.length;
  }

  startServer({ ip, recording }: { ip: string; recording: string }): LabProcess {
    const { devices } = this.#lab.plan;
    const options = [
      "--iface",
      devices.server,
      "--ip",
      ip,
      "--port",
      String(PORT),
      "--app",
      "echo",
    ];
    const server = this.#lab.spawn({
      side: "server",
      words: [...selfCommand(), "serve", ...options, "--log", "json", "--write", recording],
      onStdout: (line) => this.#take(JSON.parse(line)),
    });
    this.#server = server;
    return server;
  }

  /** A client that has its line back, and stays; `slept` is when it has slept for as long as it is told. */
  async startClient(
    address: string,
    { text, sleepSeconds }: Pick<DemoOptions, "text" | "sleepSeconds">,
  ): Promise<{ process: LabProcess; slept: Promise<unknown> }> {
    const echoed = Promise.withResolvers<void>();
    const words = [...kernelClientCommand(), address, String(PORT), "--send", text, "--until-input-ends"];
    const process = this.#lab.spawn({
      side: "client",
      words,
      stdin: true,
      onStdout: (line) => line === text && echoed.resolve(),
    });
    const slept = new Promise((resolve) => setTimeout(resolve, sleepSeconds * 1000));
    await this.within(echoed.promise, { what: "The client's line does not come back", by: [process] });
    // The log is written when the server is about to sleep: the page waits for what it shows next.
    const bytes = new TextEncoder().encode(text + "\n").length;
    await this.until((event) => isAcknowledgement(event, bytes), "The client does not acknowledge its echo");
    this.#screen.check("the line came back", true);
    return { process, slept };
  }

  /** Lets a client close, and waits for the end of its connection. */
  async closeClient(client: LabProcess): Promise<void> {
    await client.closeInput();
    await this.until((event) => event.event === "closed", "The connection does not close");
    await this.within(client.result, { what: "The client does not end", by: [] });
  }

  /** Shows tcplab's own netstat. */
  async showOwnTable(): Promise<void> {
    const netstat = await this.#lab.run({ side: "server", words: [...selfCommand(), "netstat"] });
    this.#screen.output("tcplab netstat", netstat.code === 0 ? netstat.stdout : netstat.stderr);
    this.#screen.check("tcplab's own netstat has it ESTABLISHED", /\bESTABLISHED\b/.test(netstat.stdout));
  }

  #take(event: TcpEvent): void {
    this.events.push(event);
    if (event.event !== "data" && event.event !== "summary") this.#screen.event(event);
    this.#onEvent(event);
  }

  /** Waits for an event, past or to come. */
  async until(condition: (event: TcpEvent) => boolean, otherwise: string): Promise<void> {
    if (this.events.slice(this.#since).some(condition)) return;
    const seen = new Promise<void>((resolve) => this.#onEvent = (event) => condition(event) && resolve());
    await this.within(seen, { what: otherwise, by: [] });
  }

  /** Waits for something that must happen soon, and before the server or any of these processes ends. */
  async within(
    wanted: Promise<unknown>,
    otherwise: { what: string; by: readonly LabProcess[] },
  ): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<string>();
    using _patience = new Patience(
      STEP_TIMEOUT_MS,
      () => resolve(`nothing for ${STEP_TIMEOUT_MS / 1000} s`),
    );
    const processes = this.#server === null ? otherwise.by : [...otherwise.by, this.#server];
    const ends = processes.map(async (process) => {
      const { code, stderr } = await process.result;
      return stderr.trim().split("\n")[0] || `it ended with status ${code}`;
    });
    const reason = await Promise.race([wanted.then(() => null), late, ...ends]);
    if (reason !== null) throw new CliError(`${otherwise.what}: ${reason}`);
  }

  /** Shows what the kernel of one side says of its TCP connections. */
  async showKernel(side: LabSide): Promise<void> {
    const where = `ip netns exec ${this.#lab.plan.namespaces[side]}`;
    const { code, stdout } = await this.#lab.run({
      side,
      words: ["sh", "-c", "command -v ss >/dev/null && ss -tan"],
    });
    // The last column is for `ss -p`, and runs into the one before it where there is no terminal.
    if (code === 0) this.#screen.output(`${where} ss -tan`, stdout.replace(/ *Process *$/m, ""));
    else this.#screen.output(`${where} cat /proc/net/tcp /proc/net/tcp6`, await this.#procNetTcp(side));
  }

  /** The TCP sockets of one side's kernel. */
  async sockets(side: LabSide): Promise<KernelSocket[]> {
    // Without IPv6 there is no second file, and what `cat` says of that goes elsewhere.
    return parseKernelSockets(await this.#procNetTcp(side));
  }

  async #procNetTcp(side: LabSide): Promise<string> {
    return (await this.#lab.run({ side, words: ["cat", "/proc/net/tcp", "/proc/net/tcp6"] })).stdout;
  }
}
