/**
 * One connection out of several addresses: each is tried in turn, until one is open.
 *
 * Owns: the order in time, how long each is tried, and what is said of it. Must not know: TCP, where the addresses are from.
 *
 * RFC 8305 §5 in a simple form: the next address is tried when the one before has failed, not beside it, so that a person who
 * watches sees one thing at a time.
 */
import type { Clock } from "../runtime/clock.ts";
import { endpointText, formatIpAddress, type IpAddress } from "../wire/address.ts";
import { CliError, errorLine } from "./command.ts";

/** What is opened. */
interface Opening<Connection> {
  /** HOST as it was typed. */
  readonly host: string;
  readonly port: number;
  /** At least one; tried in this order. */
  readonly addresses: readonly IpAddress[];
  /** The device's name, for what is said. */
  readonly device: string;
  /** How long each address is tried, milliseconds; null: {@link NEXT_ADDRESS_MS}, the last as long as its SYN is. */
  readonly timeoutMs: number | null;
  readonly clock: Pick<Clock, "after">;
  /** Ends all of it. */
  readonly stop: AbortSignal;
  readonly connect: (address: IpAddress, signal: AbortSignal) => Promise<Connection>;
  /** Takes a line for each try that failed and for the one that did not, as `nc -v` says it; null where nobody wants them. */
  readonly tell: ((line: string) => void) | null;
}

/** Local choice: three SYNs (at 0, 1 and 3 s), after which few peers answer that would. */
const NEXT_ADDRESS_MS = 5000;
const US_PER_MS = 1000;

/** The first connection that opens. Throws {@link CliError}: one line that says of each address why it did not. */
export async function openFirst<Connection>(opening: Opening<Connection>): Promise<Connection> {
  const { host, port, addresses, stop, tell } = opening;
  const failures: { address: IpAddress; error: unknown }[] = [];
  for (const [position, address] of addresses.entries()) {
    const isLast = position === addresses.length - 1;
    const text = formatIpAddress(address);
    try {
      const connection = await tryOne(opening, {
        address,
        limitMs: opening.timeoutMs ?? (isLast ? null : NEXT_ADDRESS_MS),
      });
      const name = host === text || host.startsWith(`${text}%`) ? host : `${host} (${text})`;
      tell?.(`Connection to ${name} ${port} port [tcp] succeeded!`);
      return connection;
    } catch (error) {
      if (stop.aborted) throw new CliError(`Stopped before ${endpointText(host, port)} had answered`);
      tell?.(`connect to ${text} port ${port} (tcp) failed: ${shortReason(error)}`);
      failures.push({ address, error });
    }
  }
  const [{ address, error }] = failures;
  if (failures.length === 1) {
    throw new CliError(failureLine(error, { peer: endpointText(formatIpAddress(address), port), opening }));
  }
  const each = failures.map(({ address, error }) =>
    `${endpointText(formatIpAddress(address), port)} ${shortReason(error)}`
  );
  throw new CliError(`No connection to ${endpointText(host, port)}: ${each.join("; ")}`);
}

async function tryOne<Connection>(
  { clock, stop, connect }: Opening<Connection>,
  { address, limitMs }: { address: IpAddress; limitMs: number | null },
): Promise<Connection> {
  if (limitMs === null) return await connect(address, stop);
  const late = new AbortController();
  const cancel = clock.after(limitMs * US_PER_MS, () => late.abort(new TooLateError(limitMs)));
  try {
    return await connect(address, AbortSignal.any([stop, late.signal]));
  } finally {
    cancel();
  }
}

/** The time that one address has is over. */
class TooLateError extends Error {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`no answer within ${limitMs / 1000} s`);
    this.limitMs = limitMs;
  }
}

/** Nobody is there who would answer: the host says for which address, and by which protocol it has asked. */
function unansweredNeighbor(error: unknown): { protocol: string; hop: string } | null {
  const [, protocol, hop] = /nobody answers (.+?) for (\S+)/.exec(errorLine(error)) ?? [];
  return hop === undefined ? null : { protocol, hop };
}

/** The reason in the words of errno(3), as `nc` has it. */
function shortReason(error: unknown): string {
  if (error instanceof TooLateError || error instanceof Deno.errors.TimedOut) return "Connection timed out";
  if (error instanceof Deno.errors.ConnectionRefused) return "Connection refused";
  if (unansweredNeighbor(error) !== null) return "No route to host";
  return errorLine(error);
}

function failureLine(
  error: unknown,
  { peer, opening }: { peer: string; opening: Pick<Opening<unknown>, "device"> },
): string {
  if (error instanceof TooLateError) {
    return `${peer} does not answer the SYN within ${
      error.limitMs / 1000
    } s (--timeout): is the port filtered there? ` +
      "(tcplab why SYN_SENT)";
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `${peer} refuses the connection (RST): nothing listens on that port, or a firewall says so ` +
      "(tcplab why arrives.syn-sent.rst)";
  }
  if (error instanceof Deno.errors.TimedOut) {
    return `${peer} does not answer the SYN: is the port filtered there? (--syn-timeout sets how long to try; ` +
      "tcplab why SYN_SENT)";
  }
  const unanswered = unansweredNeighbor(error);
  if (unanswered !== null) {
    return `Nobody on ${opening.device} answers ${unanswered.protocol} for ${unanswered.hop} (three questions, a second apart): ` +
      "is that host up, and on this network?";
  }
  return `No connection to ${peer}: ${errorLine(error)}`;
}
