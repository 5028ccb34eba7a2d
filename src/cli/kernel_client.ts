/**
 * `tcplab client`: the lab's client over the kernel's own TCP. It connects, sleeps, closes.
 *
 * Owns: the options, and the life of its connections. `scripts/client.ts` runs the same for machines that have Deno and no
 * binary. Must not know: tcplab's own TCP, which is exactly what it is there to meet; the environment, which that script may
 * not read.
 */
import { writeAll } from "../runtime/write_all.ts";
import { delay } from "@std/async/delay";
import {
  CliError,
  type Command,
  errorLine,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_USAGE,
  UsageError,
} from "./command.ts";
import { parseCount, parseDurationUs } from "./option_values.ts";
import { parseOptions, type Syntax, usageText, wantsHelp } from "./options.ts";
import { KERNEL_CLIENT_COMMAND } from "./self_command.ts";

/** What the client is to do. */
export interface KernelClientOptions {
  readonly hostname: string;
  readonly port: number;
  /** Time between the opening (and the sending, where there is one) and the close. */
  readonly sleepMs: number;
  /** How long to wait for an answer to the SYN. */
  readonly timeoutMs: number;
  /** A line to send once connected; a newline is added. */
  readonly send?: string;
  /** How many connections. */
  readonly count: number;
  /** Time from one opening to the next; 0: all at once. */
  readonly intervalMs: number;
  /** Close when stdin ends, instead of after a time: for whoever wants to choose the moment. */
  readonly untilInputEnds: boolean;
  /** Close only the sending direction (SHUT_WR), then read until the server has closed its own. */
  readonly halfClose: boolean;
}

const DEFAULT_SLEEP = "5s";
/**
 * Local choice: Linux gives up after 127 s, and nobody in a lab waits that long; SYNs are repeated after 1, 3 and 7 s, so three
 * of four may be lost.
 */
const DEFAULT_TIMEOUT = "10s";
/** Local choice: a client that sleeps longer was forgotten; far below the 2^31 ms that a timer of the runtime can be set to. */
const MOST_US = 7 * 24 * 3_600_000_000;
/** From one address to one port there are no more, because ports have 16 bits. */
const MOST_CONNECTIONS = 0xffff;
/** Local choice: what a person can follow; with more connections only the sums are told. */
const MOST_TOLD = 20;

const SYNTAX = {
  command: KERNEL_CLIENT_COMMAND,
  synopsis: "HOST PORT [OPTIONS]",
  description: `The lab's client: connects with the kernel's own TCP, sleeps, closes. Needs no rights.
What the server sends goes to stdout. Status 0: connected and closed; 1: refused, unreachable, no answer, reset.`,
  options: [
    {
      name: "sleep",
      kind: "value",
      value: "SECONDS",
      help: "time between connecting and closing (default 5; 0.5, 200ms, 1m are fine too)",
    },
    { name: "send", kind: "value", value: "TEXT", help: "send TEXT and a newline once connected" },
    {
      name: "count",
      alias: "c",
      kind: "value",
      value: "N",
      help: "so many connections, all at once (default 1)",
    },
    {
      name: "interval",
      kind: "value",
      value: "SECONDS",
      help: "with --count: time from one opening to the next",
    },
    {
      name: "timeout",
      kind: "value",
      value: "SECONDS",
      help: "how long to wait for an answer to the SYN (default 10)",
    },
    {
      name: "half-close",
      kind: "flag",
      help: "close only the sending direction, and read until the server closes its own",
    },
    {
      name: "until-input-ends",
      kind: "flag",
      help: "close when stdin ends (Ctrl-D), instead of after a time",
    },
  ],
  positionals: { least: 2, most: 2, expected: "HOST PORT" },
  examples: [
    ["tcplab client 10.33.0.3 3333", "connect, sleep 5 s, close: the seven segments of the lab"],
    [
      "tcplab client 10.33.0.3 3333 --send hello --half-close",
      "send a line, and wait for its echo and the server's FIN",
    ],
    ["tcplab client 10.33.0.3 3333 --count 100 --interval 0.1", "a hundred, ten a second"],
  ],
} as const satisfies Syntax;

/** The command. */
export const command: Command = {
  name: KERNEL_CLIENT_COMMAND,
  summary: "the lab's client, over the kernel's own TCP: connects, sleeps, closes",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run: async (args) => {
    const options = parseKernelClientArgs(args);
    // Loaded here alone: the script has neither use nor permission for it.
    const { wayToClientSide } = await import("./own_lab.ts");
    const way = await wayToClientSide();
    if (way === null) return await runConnections(options);
    const { runAttached } = await import("./attached_process.ts");
    const { labEnvironment } = await import("./private_lab.ts");
    const { selfCommand } = await import("./self_command.ts");
    return await runAttached([...way, ...selfCommand(), KERNEL_CLIENT_COMMAND, ...args], {
      env: labEnvironment(),
    });
  },
};

/** Reads the client's arguments. Throws {@link UsageError}. */
export function parseKernelClientArgs(args: readonly string[]): KernelClientOptions {
  const parsed = parseOptions(args, SYNTAX);
  const [hostname, portText] = parsed.positionals;
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > 0xffff) {
    throw new UsageError(`"${portText}" is not a port: give a number from 1 to 65535`);
  }
  const ms = (option: "sleep" | "timeout" | "interval", otherwise: string, leastUs = 0) => {
    const text = parsed.value(option) ?? otherwise;
    return parseDurationUs({ option, text }, { leastUs, mostUs: MOST_US, bareUnit: "s" }) / 1000;
  };
  const send = parsed.value("send");
  const count = parsed.value("count");
  if (count === undefined && parsed.value("interval") !== undefined) {
    throw new UsageError("--interval is the time between connections: say how many with --count");
  }
  return {
    hostname,
    port,
    sleepMs: ms("sleep", DEFAULT_SLEEP),
    timeoutMs: ms("timeout", DEFAULT_TIMEOUT, 1000),
    ...(send === undefined ? {} : { send }),
    count: count === undefined
      ? 1
      : parseCount({ option: "count", text: count }, { least: 1, most: MOST_CONNECTIONS }),
    intervalMs: ms("interval", "0"),
    untilInputEnds: parsed.flag("until-input-ends"),
    halfClose: parsed.flag("half-close"),
  };
}

/** Runs the client as a program of its own; gives the exit status (0 done, 1 failed, 2 wrong usage). */
export async function runKernelClient(args: readonly string[]): Promise<number> {
  const usage = command.usage.replace("Usage: tcplab client", "Usage: deno task client");
  if (wantsHelp(args)) {
    console.log(usage.trimEnd());
    return EXIT_DONE;
  }
  try {
    return await runConnections(parseKernelClientArgs(args));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CliError)) throw error;
    console.error(`client: ${errorLine(error)}`);
    if (error instanceof CliError) return EXIT_FAILED;
    console.error(`\n${usage.trimEnd()}`);
    return EXIT_USAGE;
  }
}

/** Opens, keeps and closes all connections. Throws {@link CliError} with the first failure, once all have ended. */
async function runConnections(options: KernelClientOptions): Promise<number> {
  const { count, intervalMs, untilInputEnds } = options;
  // One stdin for all of them.
  const told = untilInputEnds ? inputEnd() : null;
  const sums = { open: 0, tried: 0 };
  const ended: Promise<unknown>[] = [];
  for (let number = 1; number <= count; number++) {
    if (number > 1 && intervalMs > 0) await delay(intervalMs);
    const tell = count > MOST_TOLD
      ? () => {}
      : (text: string) => console.error(`client: ${count === 1 ? "" : `#${number} `}${text}`);
    const opened = () => {
      sums.tried++;
      if (count > MOST_TOLD && sums.tried === count) {
        console.error(`client: ${sums.open} of ${count} connected`);
      }
    };
    ended.push(
      liveOnce(options, {
        tell,
        told,
        onOpen: (isOpen) => {
          if (isOpen) sums.open++;
          opened();
        },
      }).then(() => null, (error) => error),
    );
  }
  const failures = (await Promise.all(ended)).filter((error) => error !== null);
  if (failures.length === 0) {
    if (count > MOST_TOLD) console.error(`client: ${count} closed`);
    return EXIT_DONE;
  }
  const [first] = failures;
  if (!(first instanceof CliError)) throw first;
  throw count === 1
    ? first
    : new CliError(`${failures.length} of ${count} connections failed; the first: ${first.message}`);
}

/** How one connection is told of, and when it is to close. */
interface ConnectionStage {
  readonly tell: (text: string) => void;
  /** The end of stdin; null to sleep instead. */
  readonly told: Promise<void> | null;
  /** Called once: whether the connection came about. */
  readonly onOpen: (isOpen: boolean) => void;
}

async function liveOnce(options: KernelClientOptions, stage: ConnectionStage): Promise<void> {
  const { hostname, port, timeoutMs } = options;
  const patience = AbortSignal.timeout(timeoutMs);
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port, signal: patience });
  } catch (error) {
    stage.onOpen(false);
    throw new CliError(patience.aborted ? explainSilence(options) : explainConnectError(error, options));
  }
  stage.onOpen(true);
  const { localAddr, remoteAddr } = connection;
  stage.tell(
    `connected ${endpointText(localAddr)} -> ${endpointText(remoteAddr)}`,
  );
  try {
    await liveAndClose(connection, { options, stage });
  } catch (error) {
    throw new CliError(`The connection to ${hostname} port ${port} failed: ${explainEnd(error)}`);
  } finally {
    try {
      connection.close();
    } catch {
      // already closed on the ordinary path
    }
  }
}

/** An address with its port; one of IPv6 in brackets (RFC 3986 §3.2.2). */
function endpointText({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

async function liveAndClose(
  connection: Deno.TcpConn,
  { options, stage }: { options: KernelClientOptions; stage: ConnectionStage },
): Promise<void> {
  let closing = false;
  let failure: unknown;
  const reading = copyToStdout(connection).catch((error) => {
    if (!closing) failure = error;
  });
  if (options.send !== undefined) await writeAll(connection, new TextEncoder().encode(options.send + "\n"));

  const failed = new AbortController();
  const slept = stage.told ?? delay(options.sleepMs, { signal: failed.signal });
  const serverFirst = await Promise.race([slept.then(() => false), reading.then(() => true)]);
  if (failure !== undefined) {
    failed.abort();
    throw failure;
  }
  if (serverFirst) {
    // The lab's client sleeps its time all the same before it closes its own direction.
    stage.tell("the server closed its direction");
    await slept;
  }
  if (options.halfClose) {
    await connection.closeWrite();
    stage.tell("closed the sending direction");
    await reading;
    if (failure !== undefined) throw failure;
  }
  closing = true;
  connection.close();
  stage.tell("closed");
}

async function copyToStdout(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65536);
  let hasReader = true;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    if (!hasReader) continue;
    try {
      await writeAll(Deno.stdout, buffer.subarray(0, count));
    } catch (error) {
      // `| head`: the connection lives on, and is read on, or its close would be a reset.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      hasReader = false;
    }
  }
}

async function inputEnd(): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await Deno.stdin.read(buffer) !== null);
}

function whereTo({ hostname, port }: KernelClientOptions): string {
  return `Cannot connect to ${hostname} port ${port}`;
}

function explainSilence(options: KernelClientOptions): string {
  return `${whereTo(options)}: no answer to the SYN within ${
    options.timeoutMs / 1000
  } s: somebody has the address, or a ` +
    "router leads to it, but nothing comes back; check that the server runs, and what is dropped on the way (--timeout waits longer)";
}

/** Why there is no connection, from what the system says: what failed, why, what to do. */
export function explainConnectError(error: unknown, options: KernelClientOptions): string {
  const where = whereTo(options);
  const reason = reasonOf(error);
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `${where}: refused: nobody listens there, or a kernel that owns the address answered instead of tcplab; ` +
      "check the server's port and address (tcplab doctor on its machine)";
  }
  if (error instanceof Deno.errors.TimedOut) {
    return `${where}: no answer to the SYN: check that the server runs, and what is dropped on the way`;
  }
  if (/network is unreachable/i.test(reason)) {
    return `${where}: no route to that network from here: check the address, and "ip route" (in a lab: are you on the client's side?)`;
  }
  if (/unreachable|no route/i.test(reason)) {
    return `${where}: unreachable: nobody answers for that address (ARP, neighbour discovery); check that the server runs, on the right device`;
  }
  if (/lookup|name or service|resolve/i.test(reason)) {
    return `${where}: the name is not known (${reason}): give the address`;
  }
  if (/too many open files/i.test(reason)) {
    return `${where}: too many open files: raise the limit (ulimit -n) or take a smaller --count`;
  }
  if (/cannot assign requested address/i.test(reason)) {
    return `${where}: no free port is left on this side: wait for TIME_WAIT to pass, or take a smaller --count`;
  }
  return `${where}: ${reason}`;
}

function explainEnd(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionReset) return "reset by the server (RST)";
  return reasonOf(error);
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\(os error \d+\)/, "").replace(/\.$/, "");
}
