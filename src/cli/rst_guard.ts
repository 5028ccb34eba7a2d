/**
 * The guard against the kernel's RST, for an address that the kernel owns.
 *
 * Owns: one nftables table per process, `tcplab_<pid>`, whose only rule drops RST segments that the kernel sends
 * from our address and port (frames that we inject do not pass the output hook); its check, its removal, and the
 * removal of tables that dead processes left behind. Linux only.
 * Must not know: sockets, frames, the server.
 */
import process from "node:process";
import { CliError } from "./command.ts";
import { labEnvironment } from "./private_lab.ts";

/** What the guard covers. */
interface GuardedService {
  /** IPv4 addresses as text. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

/** A guard that stands until it is disposed of. */
export interface RstGuard {
  /** Name of the table, for a notice. */
  readonly table: string;
  /** Removes the table; gives null, or a line saying why it is still there. Harmless when called twice. */
  remove(): string | null;
  [Symbol.dispose](): void;
}

/** Result of running nft. */
export interface NftResult {
  readonly ok: boolean;
  readonly out: string;
  readonly error: string;
}

/** Runs nft with arguments (a whole script may be one). Throws {@link CliError} when nft is not there. */
type RunNft = (args: readonly string[]) => NftResult;

/** The name of a process's table. */
export function guardTableName(pid: number): string {
  return `tcplab_${pid}`;
}

/** The rules as nft reads them; replaces a table of the same name, so that a reused pid does no harm. */
export function guardRules(pid: number, service: GuardedService): string {
  const table = `table ip ${guardTableName(pid)}`;
  const addresses = [...new Set(service.addresses)].join(", ");
  const ports = [...new Set(service.ports)].join(", ");
  return `${table}
delete ${table}
${table} {
  chain output {
    type filter hook output priority 0; policy accept;
    ip saddr { ${addresses} } tcp sport { ${ports} } tcp flags & rst == rst drop
  }
}
`;
}

/** True when nft's listing of the table holds the rule: every address, every port, RST, drop, in the output hook. */
export function guardStands(listing: string, service: GuardedService): boolean {
  const rule = listing.split("\n").find((line) => line.includes("saddr") && line.includes("drop"));
  if (rule === undefined || !listing.includes("hook output")) return false;
  const words = new Set(rule.split(/[\s{},]+/));
  const wanted = [...service.addresses, ...service.ports.map(String), "rst"];
  return wanted.every((word) => words.has(word));
}

/** Process ids whose tables stand in nft's list of tables. */
export function guardOwners(tables: string): number[] {
  return [...tables.matchAll(/^table ip tcplab_(\d+)\s*$/gm)].map((match) => Number(match[1]));
}

/** Sets the guard. Throws {@link CliError} when nft is missing or refuses, or when the rule is not there afterwards. */
export function setRstGuard(service: GuardedService, run: RunNft = runNft): RstGuard {
  const table = guardTableName(Deno.pid);
  removeStaleGuards(run);
  const added = run([guardRules(Deno.pid, service)]);
  if (!added.ok) throw new CliError(refusalLine(added.error));
  let standing = true;
  const remove = (): string | null => {
    if (!standing) return null;
    const removed = run(["delete", "table", "ip", table]);
    standing = false;
    if (removed.ok || /no such file/i.test(removed.error)) return null;
    return `The nft table ${table} could not be removed (${removed.error}): remove it with nft delete table ip ${table}`;
  };
  const listed = run(["list", "table", "ip", table]);
  if (!listed.ok || !guardStands(listed.out, service)) {
    remove();
    throw new CliError(
      "nft took the rule that keeps the kernel's RST back, but does not list it: use an address that the kernel does not own",
    );
  }
  return { table, remove, [Symbol.dispose]: () => void remove() };
}

/** Removes the tables of processes that are gone (a crash, `kill -9`); gives their names. */
export function removeStaleGuards(
  run: RunNft = runNft,
  isAlive: (pid: number) => boolean = processIsAlive,
): string[] {
  const listed = run(["list", "tables", "ip"]);
  if (!listed.ok) return [];
  const stale = guardOwners(listed.out).filter((pid) => pid !== Deno.pid && !isAlive(pid)).map(
    guardTableName,
  );
  return stale.filter((table) => run(["delete", "table", "ip", table]).ok);
}

function refusalLine(reason: string): string {
  const rights = /not permitted|permission/i.test(reason);
  const remedy = rights
    ? "run with sudo (it needs CAP_NET_ADMIN), or use an address that the kernel does not own"
    : "use an address that the kernel does not own, which needs no guard";
  return `nft refused the rule that keeps the kernel's RST back (${reason}): ${remedy}`;
}

/** True when a process with this id exists, also one of another user: signal 0 only asks (kill(2)). */
export function processIsAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Runs the real nft. */
function runNft(args: readonly string[]): NftResult {
  try {
    const command = new Deno.Command("nft", {
      args: [...args],
      env: labEnvironment(),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const result = command.outputSync();
    const decoder = new TextDecoder();
    const [complaint] = decoder.decode(result.stderr).split("\n");
    const error = complaint.replace(/^(\S+:\d+:\d+-\d+: )?(Error: )?/, "").trim();
    return { ok: result.success, out: decoder.decode(result.stdout), error };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CliError(
        "nft is not installed, and --rst-guard nft needs it: install nftables (apt install nftables), or use an " +
          "address that the kernel does not own",
      );
    }
    throw error;
  }
}
