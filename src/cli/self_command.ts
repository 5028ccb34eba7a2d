/**
 * How the program starts itself again: as the compiled binary, or as Deno with the entry of the checkout.
 *
 * Owns: the first words of such a command line. Must not know: what the new process is to do.
 */
import { basename, fromFileUrl } from "@std/path";

/** The command of the lab's client over the kernel's own TCP (see kernel_client.ts). */
export const KERNEL_CLIENT_COMMAND = "client";

/**
 * For V8: more of the functions that a segment passes are compiled into one. The bound is meant for pages that compile
 * much and run it once; measured, from 920 bytes (V8's own bound) to 2,500: a segment of an upload 670 and 610 ns, a message that is
 * echoed and acknowledged 1,760 and 1,520 ns. The binary carries it, `deno task tcplab` and the benchmark give it.
 */
export const ENGINE_FLAGS = "--v8-flags=--max-inlined-bytecode-size-cumulative=2500";

/** The words that start this program again, to be followed by a command and its arguments. */
export function selfCommand(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  // Only what is cached: in a network namespace of our own there is no registry to ask.
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--cached-only",
    "--allow-all",
    ENGINE_FLAGS,
    entryPath("main.ts"),
  ];
}

/** The words that start the lab's client: the script of the checkout, or the binary's command. */
export function kernelClientCommand(): string[] {
  if (Deno.build.standalone) return [Deno.execPath(), KERNEL_CLIENT_COMMAND];
  const script = entryPath("../../scripts/client.ts");
  return [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-net", script];
}

/** Files that such a process must be able to read, to be checked before it is started as another user. */
export function selfFiles(): string[] {
  return Deno.build.standalone ? [Deno.execPath()] : [Deno.execPath(), entryPath("main.ts")];
}

function entryPath(relative: string): string {
  return fromFileUrl(new URL(relative, import.meta.url));
}

/** What a person types to start this program, for advice. */
export function programName(): string {
  return Deno.build.standalone ? basename(Deno.execPath()) : "deno task tcplab";
}
