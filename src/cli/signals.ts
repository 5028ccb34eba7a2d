/**
 * Ctrl-C and SIGTERM.
 *
 * Owns: the signal listeners of a running command. The first signal asks for a graceful end, the second for an end
 * at once. Must not know: what ends.
 */

/** Told to a command by the person or by the system. */
export interface StopSignals {
  /** Resolves with the signal's name at the first signal. */
  readonly graceful: Promise<string>;
  /** Resolves at the second. */
  readonly atOnce: Promise<void>;
  /** Stops listening: the signals have their usual effect again. */
  [Symbol.dispose](): void;
}

/** SIGHUP too: a terminal that is closed must not leave a server without a log behind. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Listens for the signals that end a command. */
export function listenForStop(): StopSignals {
  const graceful = Promise.withResolvers<string>();
  const atOnce = Promise.withResolvers<void>();
  let count = 0;
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => {
      count++;
      if (count === 1) graceful.resolve(signal);
      else atOnce.resolve();
    };
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });
  return {
    graceful: graceful.promise,
    atOnce: atOnce.promise,
    [Symbol.dispose]: () => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
