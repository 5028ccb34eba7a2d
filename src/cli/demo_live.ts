/**
 * The demo on a wire: a private lab, `tcplab serve` on one side, the kernel's own TCP on the other.
 *
 * Owns: the order of the story. Must not know: TCP (the server's event log tells), how a lab is made.
 */
import type { TcpEvent } from "../tcp/events.ts";
import { CliError } from "./command.ts";
import type { DemoScreen } from "./demo_screen.ts";
import { type KernelSocket, parseKernelSockets } from "./kernel_sockets.ts";
import type { LabSide } from "./lab_plan.ts";
import type { LabProcess } from "./lab_process.ts";
import type { PrivateLab } from "./private_lab.ts";
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

/** Plays the demo in the lab; gives the server's events. Throws {@link CliError} when a step does not happen. */
export async function playLiveDemo(
  lab: PrivateLab,
  stage: { screen: DemoScreen; options: DemoOptions },
): Promise<TcpEvent[]> {
  const { screen, options } = stage;
  const { tcplabAddress, devices } = lab.plan;
  const story = new LiveStory(lab, screen);

  screen.step(`The server: tcplab serve --iface ${devices.server} --ip ${tcplabAddress} --app echo`);
  const server = story.startServer(options.recording);
  await story.until(
    (event) => event.event === "transition" && event.to === "LISTEN",
    "The server does not listen",
  );

  screen.step(`The client: the kernel's own TCP connects, sends "${options.text}", and sleeps`);
  const echoed = Promise.withResolvers<void>();
  const client = lab.spawn({
    side: "client",
    words: [
      ...kernelClientCommand(),
      tcplabAddress,
      String(PORT),
      "--send",
      options.text,
      "--until-input-ends",
    ],
    stdin: true,
    onStdout: (line) => line === options.text && echoed.resolve(),
  });
  const slept = new Promise((resolve) => setTimeout(resolve, options.sleepSeconds * 1000));
  await story.within(echoed.promise, { what: "The client's line does not come back", by: [client, server] });
  // The log is written when the server is about to sleep: the page waits for what it shows next.
  const bytes = new TextEncoder().encode(options.text + "\n").length;
  await story.until((event) => isAcknowledgement(event, bytes), "The client does not acknowledge its echo");
  screen.check("the line came back", true);

  screen.step("Who knows of the connection?");
  await story.showKernel("server");
  screen.check("the server's kernel knows of no connection", (await story.sockets("server")).length === 0);
  const netstat = await lab.run({ side: "server", words: [...selfCommand(), "netstat"] });
  screen.output("tcplab netstat", netstat.code === 0 ? netstat.stdout : netstat.stderr);
  screen.check("tcplab's own netstat has it ESTABLISHED", /\bESTABLISHED\b/.test(netstat.stdout));
  await story.showKernel("client");
  const isOpen = (await story.sockets("client")).some((socket) => socket.state === "ESTABLISHED");
  screen.check("the client's kernel has it ESTABLISHED", isOpen);

  screen.step("The client wakes and closes");
  await slept;
  await client.closeInput();
  await story.until((event) => event.event === "closed", "The connection does not close");
  await story.within(client.result, { what: "The client does not end", by: [server] });
  await story.showKernel("client");
  const isWaiting = (await story.sockets("client")).some((socket) => socket.state === "TIME_WAIT");
  screen.check("the client's kernel keeps it in TIME_WAIT, as the side that closed first does", isWaiting);

  screen.step("The server ends");
  await server.stop();
  return story.events;
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
  #onEvent: (event: TcpEvent) => void = () => {};

  constructor(lab: PrivateLab, screen: DemoScreen) {
    this.#lab = lab;
    this.#screen = screen;
  }

  startServer(recording: string): LabProcess {
    const { devices, tcplabAddress } = this.#lab.plan;
    const options = [
      "--iface",
      devices.server,
      "--ip",
      tcplabAddress,
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

  #take(event: TcpEvent): void {
    this.events.push(event);
    if (event.event !== "data" && event.event !== "summary") this.#screen.event(event);
    this.#onEvent(event);
  }

  /** Waits for an event, past or to come. */
  async until(condition: (event: TcpEvent) => boolean, otherwise: string): Promise<void> {
    if (this.events.some(condition)) return;
    const seen = new Promise<void>((resolve) => this.#onEvent = (event) => condition(event) && resolve());
    await this.within(seen, { what: otherwise, by: this.#server === null ? [] : [this.#server] });
  }

  /** Waits for something that must happen soon, and before any of the processes ends. */
  async within(
    wanted: Promise<unknown>,
    otherwise: { what: string; by: readonly LabProcess[] },
  ): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`nothing for ${STEP_TIMEOUT_MS / 1000} s`), STEP_TIMEOUT_MS);
    });
    const ends = otherwise.by.map(async (process) => {
      const { code, stderr } = await process.result;
      return stderr.trim().split("\n")[0] || `it ended with status ${code}`;
    });
    const reason = await Promise.race([wanted.then(() => null), late, ...ends]);
    clearTimeout(timer);
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
    else this.#screen.output(`${where} cat /proc/net/tcp`, await this.#procNetTcp(side));
  }

  /** The TCP sockets of one side's kernel. */
  async sockets(side: LabSide): Promise<KernelSocket[]> {
    return parseKernelSockets(await this.#procNetTcp(side));
  }

  async #procNetTcp(side: LabSide): Promise<string> {
    return (await this.#lab.run({ side, words: ["cat", "/proc/net/tcp"] })).stdout;
  }
}
