/**
 * Where an example runs, so that the examples need not say it six times: on its own with two hosts in memory, or as a
 * server on a network device of this machine.
 *
 * Nothing in here is about TCP; begin with one of the other files.
 */
import { createStack, type CreateStackOptions, type FrameLink, openDevice, type Stack } from "../mod.ts";

/** Ends the program: what was asked for is not understood. */
const EXIT_USAGE = 2;

/**
 * Reads `--name value` for each name in `known`, which also has what holds where an option is left out. All examples know
 * `device` and `ip`, which belong together: without them nothing but memory is used.
 */
export function readOptions<Name extends string>(
  known: Readonly<Record<Name, string>>,
  args: readonly string[] = Deno.args,
): Record<Name | "device" | "ip", string> {
  const options: Record<Name | "device" | "ip", string> = { device: "", ip: "", ...known };
  const isName = (name: string): name is Name | "device" | "ip" => Object.hasOwn(options, name);
  const names = Object.keys(options).map((name) => `[--${name} ${name.toUpperCase()}]`).join(" ");
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at].replace(/^--/, "");
    const value = args[at + 1];
    if (args[at] === `--${name}` && isName(name) && value !== undefined) options[name] = value;
    else endWith(`"${args.slice(at).join(" ")}" is not understood. Options: ${names}`);
  }
  if ((options.device === "") !== (options.ip === "")) {
    endWith("--device and --ip belong together: --device eth0 --ip 10.33.0.3/24, an address that nobody has");
  }
  return options;
}

/** The number of a port. */
export function portOf(text: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port < 1 || port > 65535) endWith(`"${text}" is no port: 1 to 65535`);
  return port;
}

/** Says what is wrong, and ends. */
export function endWith(message: string): never {
  console.error(message);
  Deno.exit(EXIT_USAGE);
}

/** A stack of our own on a device; `behind`, where given, is put on its link. Nothing arrives before `stack.pump.start()`. */
export async function openOnDevice(
  where: { readonly device: string; readonly ip: string },
  { behind = (link) => link, ...options }:
    & Omit<CreateStackOptions, "link" | "addresses" | "start">
    & { readonly behind?: (link: FrameLink) => FrameLink },
): Promise<Stack> {
  try {
    const link = behind(await openDevice({ device: where.device }));
    return createStack({ ...options, link, addresses: where.ip, start: false });
  } catch (error) {
    endWith(error instanceof Error ? error.message : String(error));
  }
}

/** Serves until Ctrl-C, then closes in order. */
export async function serveUntilInterrupted(stack: Stack, what: string): Promise<void> {
  const interrupted = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupted.resolve());
  }
  stack.pump.start();
  console.log(`${what}; Ctrl-C ends it`);
  await Promise.race([interrupted.promise, stack.done]);
  await stack.shutdown();
}

/** Calls back after some microseconds of the host's time, when the host may be used. */
export type After = (us: number, call: () => void) => void;

/** {@link After} for a stack: around each call from outside, its pump is told. What a call throws is told, and ends nothing. */
export function afterOn(stack: Stack): After {
  return (us, call) => {
    stack.clock.after(us, () => {
      stack.pump.enter();
      try {
        call();
      } catch (error) {
        console.error(error);
      } finally {
        stack.pump.leave();
      }
    });
  };
}
