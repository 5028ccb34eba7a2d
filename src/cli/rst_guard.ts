/**
 * The guard against the kernel's RST, for an address that the kernel owns.
 *
 * Owns: one nftables table a server, whose only rule drops RST segments that the kernel sends from our address and port
 * (frames that we inject do not pass the output hook); its check and its removal. Linux only.
 * Must not know: sockets, frames, the server.
 *
 * The table has `flags owner`: it hangs on a socket of this process. The kernel removes it when that socket closes, by
 * `remove`, at the end of the process or by `kill -9`, and needs no rights of ours for that; nobody else can change or
 * remove it as long as we live. So there is nothing that another server would have to judge dead by a process number.
 */
import { type NftResult, type NftSession, openNftSession } from "../../ffi/nftables.ts";
import { CliError } from "./command.ts";

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
  /** Removes the table. Harmless when called twice. */
  remove(): void;
  [Symbol.dispose](): void;
}

/** How the kernel's nftables are reached; null where libnftables is not installed. */
type OpenSession = () => NftSession | null;

/** Process numbers repeat across PID namespaces, which one network namespace can see two of: the word makes the name one of a kind. */
export function guardTableName(pid: number, word: number): string {
  return `tcplab_${pid}_${word.toString(16).padStart(8, "0")}`;
}

/** The table as nft reads it; `create` refuses a name that is taken. */
export function guardRules(table: string, service: GuardedService): string {
  const addresses = [...new Set(service.addresses)].join(", ");
  const ports = [...new Set(service.ports)].join(", ");
  return `create table ip ${table} { flags owner; }
add chain ip ${table} output { type filter hook output priority 0; policy accept; }
add rule ip ${table} output ip saddr { ${addresses} } tcp sport { ${ports} } tcp flags & rst == rst drop
`;
}

/** True when nft's listing of the table holds the rule: every address, every port, RST, drop, in the output hook; and our hold on it. */
export function guardStands(listing: string, service: GuardedService): boolean {
  const rule = listing.split("\n").find((line) => line.includes("saddr") && line.includes("drop"));
  if (rule === undefined || !listing.includes("hook output")) return false;
  if (!/^\s*flags\b.*\bowner\b/m.test(listing)) return false;
  const words = new Set(rule.split(/[\s{},]+/));
  const wanted = [...service.addresses, ...service.ports.map(String), "rst"];
  return wanted.every((word) => words.has(word));
}

/** The guards that stand, in nft's list of tables, by the process numbers in their names. */
export function guardOwners(tables: string): number[] {
  return [...tables.matchAll(/^table ip tcplab_(\d+)_[0-9a-f]{8}\s*$/gm)].map((match) => Number(match[1]));
}

/** Tables of versions before the kernel kept them: nothing removes these. Their names. */
export function unownedGuards(tables: string): string[] {
  return [...tables.matchAll(/^table ip (tcplab_\d+)\s*$/gm)].map((match) => match[1]);
}

/** Sets the guard. Throws {@link CliError} when nftables is missing or refuses, or when the rule is not there afterwards. */
export function setRstGuard(service: GuardedService, open: OpenSession = openNftSession): RstGuard {
  const [word] = crypto.getRandomValues(new Uint32Array(1));
  const table = guardTableName(Deno.pid, word);
  const session = open();
  // Looked at over another socket: libnftables may open its own anew when it lists, and the table would go with the old one.
  const looking = open();
  if (session === null || looking === null) {
    throw new CliError(
      "nftables is not installed, and --rst-guard nft needs its library: install nftables (apt install nftables), " +
        "or use an address that the kernel does not own",
    );
  }
  try {
    const added = session.run(guardRules(table, service));
    if (!added.ok) throw new CliError(refusalLine(added));
    const listed = looking.run(`list table ip ${table}`);
    if (!listed.ok || !guardStands(listed.out, service)) {
      throw new CliError(
        "nftables took the rule that keeps the kernel's RST back, but does not list it: use an address that the kernel does not own",
      );
    }
  } catch (error) {
    session.close();
    throw error;
  } finally {
    looking.close();
  }
  const remove = () => session.close();
  return { table, remove, [Symbol.dispose]: remove };
}

function refusalLine({ error }: NftResult): string {
  const other = "use an address that the kernel does not own, which needs no guard";
  const rights = /not permitted|permission/i.test(error);
  // Kernels before 5.12 know no owner of a table; libnftables before 0.9.9 does not know the word.
  const tooOld = /not supported|flags|syntax error|owner/i.test(error);
  const remedy = rights
    ? `run with sudo (it needs CAP_NET_ADMIN), or ${other}`
    : tooOld
    ? `it takes Linux 5.12 and nftables 0.9.9; or ${other}`
    : other;
  return `nftables refused the rule that keeps the kernel's RST back (${error}): ${remedy}`;
}
