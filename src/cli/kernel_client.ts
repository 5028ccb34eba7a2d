/**
 * The seed's client: connect, sleep, close, over the kernel's own TCP.
 *
 * Owns: the options and the life of that one connection. It is what `scripts/client.ts` runs, and what the
 * binary runs as the other end of `demo`. Must not know: tcplab's own TCP, which is exactly what it is there to meet.
 */
import { parseArgs } from "@std/cli/parse-args";

/** What the client is to do. */
export interface KernelClientOptions {
  readonly hostname: string;
  readonly port: number;
  /** Seconds between the opening (and the sending, where there is one) and the close. */
  readonly sleepSeconds: number;
  /** A line to send once connected; a newline is added. */
  readonly send?: string;
  /** Close only the sending direction (SHUT_WR), then read until the server has closed its own. */
  readonly halfClose: boolean;
}

/** The client's usage, for `--help` and after a wrong argument. */
export const KERNEL_CLIENT_USAGE = `usage: client HOST PORT [--sleep SECONDS] [--send TEXT] [--half-close]

Connects to HOST PORT with the kernel's own TCP, sleeps, closes. What the server sends goes to stdout.

  --sleep SECONDS   time between connecting and closing (default 5)
  --send TEXT       send TEXT and a newline once connected
  --half-close      close only the sending direction, and read until the server closes its own`;

const DEFAULT_SLEEP_SECONDS = 5;

/** Reads the client's arguments; a string is what is wrong with them. */
export function parseKernelClientArgs(args: readonly string[]): KernelClientOptions | string {
  let unknown: string | undefined;
  const parsed = parseArgs(args, {
    string: ["sleep", "send", "_"],
    boolean: ["half-close"],
    unknown: (arg, key) => {
      if (key === undefined) return true;
      unknown ??= arg;
      return false;
    },
  });
  if (unknown !== undefined) return `The client has no option ${unknown}.`;
  const [hostname, portText, ...rest] = parsed._.map(String);
  if (hostname === undefined || portText === undefined) return "The client needs a HOST and a PORT.";
  if (rest.length > 0) return `The client takes one HOST and one PORT, but there is also "${rest[0]}".`;
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > 0xffff) {
    return `"${portText}" is not a port: give a number from 1 to 65535.`;
  }
  const sleepText = parsed["sleep"];
  let sleepSeconds = DEFAULT_SLEEP_SECONDS;
  if (typeof sleepText === "string") {
    sleepSeconds = Number(sleepText);
    if (sleepText.trim() === "" || !Number.isFinite(sleepSeconds) || sleepSeconds < 0) {
      return `"${sleepText}" is not a time: give --sleep seconds, 0 or more.`;
    }
  }
  const send = parsed["send"];
  return {
    hostname,
    port,
    sleepSeconds,
    ...(typeof send === "string" ? { send } : {}),
    halfClose: parsed["half-close"] === true,
  };
}

/** Runs the client from its command line; returns the exit status (0 done, 1 failed, 2 wrong usage). */
export async function runKernelClient(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(KERNEL_CLIENT_USAGE);
    return 0;
  }
  const options = parseKernelClientArgs(args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${KERNEL_CLIENT_USAGE}`);
    return 2;
  }
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: options.hostname, port: options.port });
  } catch (error) {
    console.error(explainConnectError(error, options));
    return 1;
  }
  const { localAddr, remoteAddr } = connection;
  console.error(
    `client: connected ${localAddr.hostname}:${localAddr.port} -> ${remoteAddr.hostname}:${remoteAddr.port}`,
  );
  try {
    return await liveAndClose(connection, options);
  } catch (error) {
    console.error(`The connection to ${options.hostname} port ${options.port} failed: ${reasonOf(error)}.`);
    return 1;
  } finally {
    try {
      connection.close();
    } catch {
      // already closed on the ordinary path
    }
  }
}

async function liveAndClose(connection: Deno.TcpConn, options: KernelClientOptions): Promise<number> {
  let closing = false;
  let failure: unknown;
  const reading = copyToStdout(connection).catch((error) => {
    if (!closing) failure = error;
  });
  if (options.send !== undefined) await writeAll(connection, new TextEncoder().encode(options.send + "\n"));

  const failed = new AbortController();
  const slept = sleep(options.sleepSeconds * 1000, failed.signal);
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
  return 0;
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
