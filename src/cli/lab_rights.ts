/**
 * Whether this process may make, enter and remove named namespaces; asked before anything is touched.
 *
 * Owns: the rights that it takes, and the line for who lacks them. Must not know: what is to be done with them.
 */
import { CliError } from "./command.ts";
import { readProcText } from "./proc_files.ts";
import { programName } from "./self_command.ts";

/** Numbers of include/uapi/linux/capability.h: one makes devices, the other mounts the names and enters namespaces. */
const NEEDED = [{ name: "CAP_NET_ADMIN", bit: 12n }, { name: "CAP_SYS_ADMIN", bit: 21n }];

/** What is known of this process; the real thing by default. */
interface Standing {
  readonly uid: number | null;
  /** The text of /proc/self/status; null where it is not to be read. */
  readonly status: string | null;
}

/** Throws {@link CliError} when `lab VERB` cannot work here. */
export function demandLabRights(
  verb: string,
  { uid, status }: Standing = { uid: Deno.uid(), status: readProcText("/proc/self/status") },
): void {
  if (Deno.build.os !== "linux") throw new CliError(`lab ${verb}: network namespaces exist on Linux only`);
  const instead = `"${programName()} lab shell", which needs no rights`;
  // The names are files below /run/netns, which is root's.
  if (uid !== 0) {
    throw new CliError(
      `lab ${verb} needs root, for namespaces with names: run it with sudo, or use ${instead}`,
    );
  }
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  const missing = held === undefined
    ? []
    : NEEDED.filter(({ bit }) => (BigInt(`0x${held}`) >> bit & 1n) === 0n);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(" and ");
  throw new CliError(
    `lab ${verb}: this root lacks ${names}, as in a container: start that with more rights, or use ${instead} where user namespaces are allowed`,
  );
}
