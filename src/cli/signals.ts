/**
 * What signals mean to a running command.
 *
 * Owns: the signal listeners. Ctrl-C, SIGTERM and SIGHUP ask for a graceful end, the second of them for an end at once; what is sent
 * twice for one wish is one.
 * SIGQUIT (Ctrl-\) asks what there is to see, and does not end; without anything to show it is a fourth of the first kind.
 * SIGUSR1 and SIGUSR2 mean nothing here, and would end a process that does not listen. Must not know: what ends.
 */

/** Told to a command by the person or by the system. */
export interface StopSignals {
  /** Resolves with the signal's name at the first signal. */
  readonly graceful: Promise<string>;
  /** Resolves at the second. */
  readonly atOnce: Promise<void>;
  /** What SIGQUIT does from now on, instead of asking for an end. */
  onQuit(show: () => void): void;
  /** Stops listening: the signals have their usual effect again. */
  [Symbol.dispose](): void;
}

const isWindows = Deno.build.os === "windows";
/** SIGHUP too: a terminal that is closed must not leave a server without a log behind. */
const STOP_SIGNALS: readonly Deno.Signal[] = isWindows
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
const QUIT_SIGNALS: readonly Deno.Signal[] = isWindows ? [] : ["SIGQUIT"];
const IGNORED_SIGNALS: readonly Deno.Signal[] = isWindows ? [] : ["SIGUSR1", "SIGUSR2"];

/**
 * Some send a signal twice for one wish: timeout(1) to its program and then to its process group, of which that is one; of a terminal
 * that is closed both the shell and the kernel tell. Local choice, milliseconds: on a busy machine the two come that far apart, and
 * nobody asks for another end as soon. Keys are pressed again sooner.
 */
const SAME_MS = 500;
const SAME_KEY_MS = 50;
const KEY_SIGNALS: ReadonlySet<Deno.Signal> = new Set(["SIGINT", "SIGBREAK", "SIGQUIT"]);

/** Listens for the signals that end a command, and for those that must not. */
export function listenForStop(nowMs: () => number = () => performance.now()): StopSignals {
  const graceful = Promise.withResolvers<string>();
  const atOnce = Promise.withResolvers<void>();
  let first: { readonly signal: Deno.Signal; readonly atMs: number } | null = null;
  const stop = (signal: Deno.Signal) => {
    if (first === null) {
      first = { signal, atMs: nowMs() };
      graceful.resolve(signal);
      return;
    }
    const isSame = signal === first.signal &&
      nowMs() - first.atMs < (KEY_SIGNALS.has(signal) ? SAME_KEY_MS : SAME_MS);
    if (!isSame) atOnce.resolve();
  };
  let show: (() => void) | null = null;
  const quit = (signal: Deno.Signal) => show === null ? stop(signal) : show();
  const listeners = [
    ...STOP_SIGNALS.map((signal) => [signal, () => stop(signal)] as const),
    ...QUIT_SIGNALS.map((signal) => [signal, () => quit(signal)] as const),
    ...IGNORED_SIGNALS.map((signal) => [signal, () => {}] as const),
  ];
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    graceful: graceful.promise,
    atOnce: atOnce.promise,
    onQuit: (shown) => show = shown,
    [Symbol.dispose]: () => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
