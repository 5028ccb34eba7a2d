/**
 * `tcplab connect`: the active side, on a device.
 *
 * Owns: putting the parts together, what an end means for the exit status, and taking the parts apart again. Must not
 * know: TCP.
 *
 * Status 0: the connection was opened and closed in order, or Ctrl-C or `--duration` ended it. Status 1: it was refused,
 * reset or timed out, the device or the output failed, or the log or the recording is not whole.
 */
import { listInterfaces } from "../../ffi/interfaces.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { DEFAULT_TCP_CONFIG } from "../tcp/config.ts";
import { endpointText, type IpAddress } from "../wire/address.ts";
import type { ZonedAddress } from "./address_request.ts";
import { Client, type ClientEnd } from "./client.ts";
import { AddressLostError } from "./address_claim.ts";
import { CliError, type Command, errorLine, EXIT_DONE } from "./command.ts";
import { CONNECT_SYNTAX, type ConnectConfig, parseConnectOptions } from "./connect_options.ts";
import { deviceFor, reachableTargets, resolveTargets } from "./connect_targets.ts";
import { type ByteOutput, OutputError, readFirst, receiveOutput, sendInput } from "./dialogue.ts";
import { cookieText } from "./fast_open_options.ts";
import { openFirst } from "./opening.ts";
import { usageText } from "./options.ts";
import { endInOrder } from "./ordered_end.ts";
import { futureUser, giveUpRights } from "./privileges.ts";
import { openOutputFile } from "./output_file.ts";
import {
  connectionsText,
  openServerControl,
  refuseTakenAddresses,
  type ServerControlParts,
} from "./server_control.ts";
import { openReaders } from "./session_readers.ts";
import { openGround } from "./server_ground.ts";
import { watchCarrier } from "./device_notices.ts";
import { namedOutputs, READS_NONE, refuseSameFiles } from "./same_files.ts";
import { listenForStop, type StopSignals } from "./signals.ts";
import { OutputClosedError, pageWidth, printAside, printError } from "./terminal.ts";

const notice = (line: string) => printError(`tcplab connect: ${line}`);

async function run(args: string[]): Promise<number> {
  const config = parseConnectOptions(args);
  const { output, ground } = config;
  refuseSameFiles(
    READS_NONE,
    namedOutputs({ "--output": output, "--write": ground.write, "--log-file": ground.logStyle.file }),
  );
  // From here on a signal asks for an end, so that nothing that is set up below can be left behind.
  using signals = listenForStop();
  const targets = await Promise.race([resolveTargets(config), signals.graceful.then(() => null)]);
  if (targets === null) throw new CliError(`Stopped before the resolver had answered for ${config.host}`);
  await refuseTakenAddresses(config.ground);
  await connect(config, { targets, signals });
  return EXIT_DONE;
}

/** Opens the connection and stays until it has ended. Throws when that is a failure, with everything taken apart. */
async function connect(
  config: ConnectConfig,
  { targets, signals }: { readonly targets: readonly ZonedAddress[]; readonly signals: StopSignals },
): Promise<void> {
  const user = futureUser(config.ground.user);
  const clock = systemClock();
  using parts = new DisposableStack();
  const devices = listInterfaces();
  const device = deviceFor({ host: config.host, device: config.ground.device }, { targets, devices });
  const wishes = { ...config.ground, device };
  const ground = await openGround({ ...wishes, command: `connect ${config.host} ${config.port}` }, clock);
  parts.defer(() => ground.link.close());
  parts.defer(() => ground.guard?.remove());
  for (const remark of ground.remarks) notice(remark);
  const { host: name } = config;
  const addresses = reachableTargets(targets, { host: name, ground, devices, acceptRa: wishes.acceptRa });
  const output = openOutput(config);
  parts.defer(() => output?.close());
  const spoken: ServerControlParts = { config: wishes, ground, notice, server: null };
  const host = () => spoken.server?.host ?? null;
  const { log, recording } = openReaders(wishes, { ground, clock, notice, host });
  parts.use(log);
  parts.defer(() => recording?.finish());
  const control = await openServerControl(spoken);
  parts.defer(() => control?.close());
  // The last that takes rights is done.
  await using _rights = giveUpRights({ user, socketPath: control?.path ?? null, notice });
  recording?.demandRights();
  const client = new Client({ config, ground, clock, log, recording, notice, onState: tellHalfClosed });
  parts.defer(() => client.stack.close());
  spoken.server = client;
  signals.onQuit(() => printAside(connectionsText(spoken, { width: pageWidth() })));
  parts.use(watchCarrier({ link: ground.link, clock, host: client.host, notice, flush: () => log.flush() }));

  const stop = new AbortController();
  const stopped = whenStopped(config, signals).then(() => stop.abort());
  let failure: unknown = null;
  try {
    await Promise.race([
      converse(client, { config, addresses, clock, output: output?.sink ?? null, stop: stop.signal }),
      stopped,
      client.stack.done,
      log.readerGone,
      client.addressLost,
    ]);
  } catch (error) {
    failure = error;
  }
  const atEnd = await endInOrder(client, { signals, atOnce: failure instanceof AddressLostError });
  failure ??= atEnd;
  recording?.finish();
  await recording?.ended();
  const isLogWhole = await log.end(client.summary());
  if (!isLogWhole && log.failure === null) {
    notice("The log's reader has not taken the end of it, which is lost");
  }
  failure ??= recording?.failure ?? log.failure;
  if (failure !== null) throw failure;
}

/** The whole life of the connection. Throws one line when it does not end in order. */
async function converse(
  client: Client,
  how: {
    config: ConnectConfig;
    addresses: readonly IpAddress[];
    clock: Clock;
    output: ByteOutput | null;
    stop: AbortSignal;
  },
): Promise<void> {
  const { config, addresses, clock, output, stop } = how;
  const { host, port, timeoutMs } = config;
  const peer = endpointText(host, port);
  const first = config.fastOpen === null ? null : await readFirst(Deno.stdin);
  const connection = await openFirst({
    host,
    port,
    addresses,
    device: client.stack.link.name,
    timeoutMs,
    clock,
    stop,
    connect: (address, signal) => client.open(address, { signal, first }),
    tell: config.isVerbose ? printError : null,
  });
  const cookie = client.newCookie;
  if (cookie !== null) notice(`${peer} has given a cookie: --fast-open ${cookieText(cookie)}`);
  const receiving = receiveOutput(connection, output).catch((error) => {
    throw outputFailure(config, error);
  });
  sendInput(connection, { input: Deno.stdin, sleepMs: config.sleepMs });
  const [end] = await Promise.all([client.ended, receiving]);
  const failure = endFailure(peer, end);
  if (failure !== null) throw new CliError(failure);
  if (end === "TIME_WAIT") notice(timeWaitNotice(config));
}

/** What a person is told of an end that is none in order; null for one in order. */
function endFailure(peer: string, end: ClientEnd): string | null {
  switch (end) {
    case "normal":
    case "TIME_WAIT":
      return null;
    case "reset-by-peer":
      return `${peer} has reset the connection (RST): what was under way is lost (tcplab why arrives.check2.rst)`;
    case "timeout":
      return `${peer} does not answer any more: what was under way is lost (--user-timeout sets how long to try; ` +
        "tcplab why retransmit.r2)";
    case "refused":
    case "reset-by-us":
      return `The connection to ${peer} was ended on this side (RST)`;
  }
}

function timeWaitNotice({ ground: { profile, tcp } }: ConnectConfig): string {
  const { mslUs, timeWaitUs } = { ...DEFAULT_TCP_CONFIG, ...profile.tcp, ...tcp };
  const seconds = (timeWaitUs > 0 ? timeWaitUs : 2 * mslUs) / 1e6;
  return `Left TIME_WAIT early, which lasts ${seconds} s (--wait-time-wait stays)`;
}

/** On a terminal somebody may wonder why nothing happens any more. */
function tellHalfClosed(state: string): void {
  if (state !== "CLOSE_WAIT" || !Deno.stdin.isTerminal()) return;
  notice("The peer has closed its direction; Ctrl-D closes ours");
}

interface OpenOutput {
  readonly sink: ByteOutput;
  close(): void;
}

function openOutput({ output, isStdoutFree }: ConnectConfig): OpenOutput | null {
  if (output === null) return isStdoutFree ? { sink: Deno.stdout, close: () => {} } : null;
  const file = openOutputFile(output, { option: "--output" });
  return { sink: file, close: () => file.close() };
}

function outputFailure({ output }: ConnectConfig, error: unknown): unknown {
  if (!(error instanceof OutputError)) return error;
  if (output === null && error.cause instanceof Deno.errors.BrokenPipe) {
    return new OutputClosedError("The reader of stdout has gone");
  }
  return new CliError(`${output ?? "stdout"} takes no more (${errorLine(error.cause)}): tcplab has stopped`);
}

async function whenStopped({ ground: { durationMs } }: ConnectConfig, signals: StopSignals): Promise<void> {
  const elapsed = durationMs === null ? [] : [new Promise((resolve) => setTimeout(resolve, durationMs))];
  await Promise.race([signals.graceful, ...elapsed]);
}

/** The command. */
export const command: Command = {
  name: "connect",
  summary: "the active side: opens a connection from a device, and shows the client's states",
  syntax: CONNECT_SYNTAX,
  usage: usageText(CONNECT_SYNTAX),
  run,
};
