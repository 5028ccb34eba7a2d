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

/** First and longest pause between two looks at what is left; local choice: a quick end is quick, a slow one costs nothing. */
const FIRST_PAUSE_US = 1000;
const LONGEST_PAUSE_US = 50_000;

/** Closes all listeners and connections of a host; resolves when none is left. The pump must be running. */
export async function closeInOrder(options: ShutdownOptions): Promise<ShutdownResult> {
  const { host, driver, clock } = options;
  const endUs = clock.nowUs() + (options.graceUs ?? SHUTDOWN_GRACE_US);
  driver.enter();
  for (const listener of host.listeners()) listener.close();
  const open = unfinished(host);
  for (const connection of open) connection.close();
  driver.leave();
  let pauseUs = FIRST_PAUSE_US;
  while (unfinished(host).length > 0) {
    const leftUs = endUs - clock.nowUs();
    if (leftUs <= 0 || options.signal?.aborted) break;
    await pause(clock, Math.min(pauseUs, leftUs));
    pauseUs = Math.min(pauseUs * 2, LONGEST_PAUSE_US);
  }
  driver.enter();
  const late = new Set(unfinished(host));
  for (const connection of late) connection.abort();
  driver.leave();
  const isReset = (connection: HostConnection) => late.has(connection) || connection.ended === "reset-by-us";
  const reset = open.filter(isReset).length;
  return { closed: open.length - reset, reset };
}

function unfinished(host: HostApi): HostConnection[] {
  return host.connections().filter(({ state }) => state !== "TIME_WAIT" && state !== "CLOSED");
}

function pause(clock: Clock, us: number): Promise<void> {
  return new Promise((resolve) => clock.after(us, resolve));
}
