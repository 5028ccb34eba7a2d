/**
 * The orderly end of a host: nothing new is accepted, every connection is closed (with FIN; with RST where the application
 * leaves bytes unread, RFC 2525 §2.17), and what has not gone after a while is reset.
 *
 * Owns: the order and the patience. Must not know: signals, devices, what runs on the connections.
 */
import type { HostApi, HostConnection } from "../host/api.ts";
import type { Clock } from "./clock.ts";
import type { HostDriver } from "./connection.ts";

/** What {@link closeInOrder} works on. */
interface ShutdownOptions {
  readonly host: HostApi;
  readonly driver: HostDriver;
  readonly clock: Clock;
  /** How long FIN may take before RST, microseconds (2 s). */
  readonly graceUs?: number;
  /** Ends the patience early (a second Ctrl-C). */
  readonly signal?: AbortSignal;
  /** Told once how many connections are waited for, if it takes so long that somebody wonders. */
  readonly onWaiting?: (connections: number) => void;
}

/** What became of the connections. */
export interface ShutdownResult {
  /** Connections that ended otherwise, mostly in order (TIME_WAIT counts as ended: only time is still to pass). */
  readonly closed: number;
  /** Connections that we reset: bytes from the peer were left unread, or the time was up. */
  readonly reset: number;
}

/** Patience with FIN before RST; the contract of `serve`: 2 s. */
const SHUTDOWN_GRACE_US = 2_000_000;

/** Local choice: what ends sooner nobody has been waiting for. */
const WONDER_US = 300_000;

/** Local choice: so many are closed or reset in one turn, some milliseconds; frames are taken in between. */
const TURN_CONNECTIONS = 1024;

/** First and longest pause between two looks at what is left; local choice: a quick end is quick, a slow one costs nothing. */
const FIRST_PAUSE_US = 1000;
const LONGEST_PAUSE_US = 50_000;

/**
 * Local choice: between two looks there is a twentieth of a second. After a longer time than this we were held up ourselves, and the
 * FINs of those who ended meanwhile may lie there unread: they are taken before anybody is reset.
 */
const HELD_UP_US = 4 * LONGEST_PAUSE_US;

/** Closes all listeners and connections of a host; resolves when none is left. The pump must be running. */
export async function closeInOrder(options: ShutdownOptions): Promise<ShutdownResult> {
  const { host, driver, clock } = options;
  const beganUs = clock.nowUs();
  const endUs = beganUs + (options.graceUs ?? SHUTDOWN_GRACE_US);
  driver.enter();
  for (const listener of host.listeners()) listener.close();
  const open = host.connections().filter(isUnfinished);
  driver.leave();
  // To close so many takes longer than a person waits without a word.
  let isTold = open.length > TURN_CONNECTIONS;
  if (isTold) options.onWaiting?.(open.length);
  await inTurns(options, open, (connection) => connection.close());
  let left = open.filter(isUnfinished);
  let pauseUs = FIRST_PAUSE_US;
  let lookedUs = beganUs;
  let hasLookedAgain = false;
  while (left.length > 0) {
    const nowUs = clock.nowUs();
    if (options.signal?.aborted) break;
    if (nowUs >= endUs) {
      const wasHeldUp = nowUs - lookedUs > HELD_UP_US;
      if (!wasHeldUp || hasLookedAgain) break;
      hasLookedAgain = true;
    }
    lookedUs = nowUs;
    if (!isTold && nowUs - beganUs >= WONDER_US) {
      isTold = true;
      options.onWaiting?.(left.length);
    }
    await pause(clock, hasLookedAgain ? LONGEST_PAUSE_US : Math.min(pauseUs, endUs - nowUs));
    pauseUs = Math.min(pauseUs * 2, LONGEST_PAUSE_US);
    left = left.filter(isUnfinished);
  }
  await inTurns(options, left, (connection) => connection.abort());
  const late = new Set(left);
  const isReset = (connection: HostConnection) => late.has(connection) || connection.ended === "reset-by-us";
  const reset = open.filter(isReset).length;
  return { closed: open.length - reset, reset };
}

/** Does the same to each of many connections, so many a turn that nobody else has to wait for long. */
async function inTurns(
  { driver, clock }: ShutdownOptions,
  connections: readonly HostConnection[],
  act: (connection: HostConnection) => void,
): Promise<void> {
  for (let at = 0; at < connections.length; at += TURN_CONNECTIONS) {
    if (at > 0) await pause(clock, 0);
    driver.enter();
    for (const connection of connections.slice(at, at + TURN_CONNECTIONS)) {
      if (isUnfinished(connection)) act(connection);
    }
    driver.leave();
  }
}

function isUnfinished({ state }: HostConnection): boolean {
  return state !== "TIME_WAIT" && state !== "CLOSED";
}

function pause(clock: Clock, us: number): Promise<void> {
  return new Promise((resolve) => clock.after(us, resolve));
}
