/**
 * The seed's client: connect, sleep, close, over the kernel's own TCP.
 *
 * Owns: the options and the life of that one connection. It is what `scripts/client.ts` runs, and what the
 * binary runs as the other end of `demo`. Must not know: tcplab's own TCP, which is exactly what it is there to meet.
 */
import { type Command, errorLine, EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UsageError } from "./command.ts";
import { parseOptions, type Syntax, wantsHelp } from "./options.ts";
import { KERNEL_CLIENT_COMMAND } from "./self_command.ts";

/** What the client is to do. */
interface KernelClientOptions {
  readonly hostname: string;
  readonly port: number;
  /** Seconds between the opening (and the sending, where there is one) and the close. */
  readonly sleepSeconds: number;
  /** A line to send once connected; a newline is added. */
  readonly send?: string;
  /** Close when stdin ends, instead of after a time: for whoever wants to choose the moment. */
  readonly untilInputEnds: boolean;
  /** Close only the sending direction (SHUT_WR), then read until the server has closed its own. */
  readonly halfClose: boolean;
}

const SYNTAX = {
  command: KERNEL_CLIENT_COMMAND,
  synopsis: "HOST PORT [OPTIONS]",
  description: "Connects with the kernel's own TCP, sleeps, closes. What the server sends goes to stdout.",
  options: [
    {
      name: "sleep",
      kind: "value",
      value: "SECONDS",
      help: "time between connecting and closing (default 5)",
    },
    { name: "send", kind: "value", value: "TEXT", help: "send TEXT and a newline once connected" },
    { name: "until-input-ends", kind: "flag", help: "close when stdin ends, instead of after a time" },
    {
      name: "half-close",
      kind: "flag",
      help: "close only the sending direction, and read until the server closes its own",
    },
  ],
  positionals: { least: 2, most: 2, expected: "HOST PORT" },
} as const satisfies Syntax;

/** The client's usage, for `--help` and after a wrong argument; the words that start the client stand before it. */
const KERNEL_CLIENT_USAGE = `Usage: client ${SYNTAX.synopsis}

${SYNTAX.description}

  --sleep SECONDS     time between connecting and closing (default 5)
  --send TEXT         send TEXT and a newline once connected
  --until-input-ends  close when stdin ends, instead of after a time
  --half-close        close only the sending direction, and read until the server closes its own
`;

const DEFAULT_SLEEP_SECONDS = 5;

/** The binary's own copy of the client; not in the list of commands, because a binary's users have `nc`. */
export const command: Command = {
  name: KERNEL_CLIENT_COMMAND,
  summary: "the seed's client, over the kernel's own TCP",
  syntax: SYNTAX,
  usage: KERNEL_CLIENT_USAGE,
  run: (args) => connectSleepClose(parseKernelClientArgs(args)),
};

/** Reads the client's arguments. Throws {@link UsageError}. */
export function parseKernelClientArgs(args: readonly string[]): KernelClientOptions {
  const parsed = parseOptions(args, SYNTAX);
  const [hostname, portText] = parsed.positionals;
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > 0xffff) {
    throw new UsageError(`"${portText}" is not a port: give a number from 1 to 65535`);
  }
  const sleepText = parsed.value("sleep");
  const sleepSeconds = sleepText === undefined ? DEFAULT_SLEEP_SECONDS : Number(sleepText);
  if (!Number.isFinite(sleepSeconds) || sleepSeconds < 0) {
    throw new UsageError(`"${sleepText}" is not a time: give --sleep seconds, 0 or more`);
  }
  const send = parsed.value("send");
  return {
    hostname,
    port,
    sleepSeconds,
    ...(send === undefined ? {} : { send }),
    untilInputEnds: parsed.flag("until-input-ends"),
    halfClose: parsed.flag("half-close"),
  };
}

/** Runs the client as a program of its own; gives the exit status (0 done, 1 failed, 2 wrong usage). */
export async function runKernelClient(args: readonly string[]): Promise<number> {
  if (wantsHelp(args)) {
    console.log(KERNEL_CLIENT_USAGE);
    return EXIT_DONE;
  }
  try {
    return await connectSleepClose(parseKernelClientArgs(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`client: ${errorLine(error)}\n\n${KERNEL_CLIENT_USAGE}`);
    return EXIT_USAGE;
  }
}

async function connectSleepClose(options: KernelClientOptions): Promise<number> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: options.hostname, port: options.port });
  } catch (error) {
    console.error(explainConnectError(error, options));
    return EXIT_FAILED;
  }
  const { localAddr, remoteAddr } = connection;
  console.error(
    `client: connected ${localAddr.hostname}:${localAddr.port} -> ${remoteAddr.hostname}:${remoteAddr.port}`,
  );
  try {
    await liveAndClose(connection, options);
    return EXIT_DONE;
  } catch (error) {
    console.error(`The connection to ${options.hostname} port ${options.port} failed: ${reasonOf(error)}.`);
    return EXIT_FAILED;
  } finally {
    try {
      connection.close();
    } catch {
      // already closed on the ordinary path
    }
  }
}

async function liveAndClose(connection: Deno.TcpConn, options: KernelClientOptions): Promise<void> {
  let closing = false;
  let failure: unknown;
  const reading = copyToStdout(connection).catch((error) => {
    if (!closing) failure = error;
  });
  if (options.send !== undefined) await writeAll(connection, new TextEncoder().encode(options.send + "\n"));

  const failed = new AbortController();
  const slept = options.untilInputEnds ? inputEnd() : sleep(options.sleepSeconds * 1000, failed.signal);
  const serverFirst = await Promise.race([slept.then(() => false), reading.then(() => true)]);
  if (failure !== undefined) {
    failed.abort();
    throw failure;
  }
  if (serverFirst) {
    // The seed's client sleeps its time all the same before it closes its own direction.
    console.error("client: the server closed its direction");
    await slept;
  }
  if (options.halfClose) {
    await connection.closeWrite();
    console.error("client: closed the sending direction");
    await reading;
    if (failure !== undefined) throw failure;
  }
  closing = true;
  connection.close();
  console.error("client: closed");
}

async function copyToStdout(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    await writeAll(Deno.stdout, buffer.subarray(0, count));
  }
}

async function writeAll(to: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

async function inputEnd(): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await Deno.stdin.read(buffer) !== null);
}

function sleep(ms: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    end.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function explainConnectError(error: unknown, { hostname, port }: KernelClientOptions): string {
  const where = `Cannot connect to ${hostname} port ${port}`;
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `${where}: refused, so either nobody listens there or a kernel that owns the address answered for it; ` +
      "check the server, and `tcplab doctor` on its machine.";
  }
  if (error instanceof Deno.errors.TimedOut) {
    return `${where}: no answer to the SYN; check that the server runs and that both are on one network.`;
  }
  const reason = reasonOf(error);
  if (/unreachable|no route/i.test(reason)) {
    return `${where}: ${reason}: nobody answers ARP for that address; check that the server runs and uses the right device.`;
  }
  return `${where}: ${reason}.`;
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\(os error \d+\)/, "").replace(/\.$/, "");
}
