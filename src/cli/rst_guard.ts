/**
 * The guard against the kernel's RST, for an address that the kernel owns.
 *
 * Owns: one nftables table a server, whose only rules (one for each version of IP) drop RST segments that the kernel sends from our address and port
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
  /** Addresses of both families as text. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

/** A guard that stands until it is disposed of. */
export interface RstGuard {
  /** The table with its family, as nft names it, for a notice. */
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

/** The table's family: it takes packets of both versions of IP. */
const FAMILY = "inet";

/** The addresses of each version that is there, under the word that nft has for it. */
function byVersion(
  addresses: readonly string[],
): readonly (readonly [version: string, addresses: readonly string[]])[] {
  const distinct = [...new Set(addresses)];
  const isIpv6 = (text: string) => text.includes(":");
  return ([["ip", distinct.filter((text) => !isIpv6(text))], ["ip6", distinct.filter(isIpv6)]] as const)
    .filter(([, ofVersion]) => ofVersion.length > 0);
}

/** The table as nft reads it; `create` refuses a name that is taken. */
export function guardRules(table: string, service: GuardedService): string {
  const ports = [...new Set(service.ports)].join(", ");
  const rules = byVersion(service.addresses).map(([version, addresses]) =>
    `add rule ${FAMILY} ${table} output ${version} saddr { ${
      addresses.join(", ")
    } } tcp sport { ${ports} } ` +
    "tcp flags & rst == rst drop\n"
  );
  return `create table ${FAMILY} ${table} { flags owner; }
add chain ${FAMILY} ${table} output { type filter hook output priority 0; policy accept; }
${rules.join("")}`;
}

/**
 * True when nft's listing of the table holds a rule for each version: every address, every port, RST, drop, in the output
 * hook; and our hold on it.
 */
export function guardStands(listing: string, service: GuardedService): boolean {
  if (!listing.includes("hook output")) return false;
  if (!/^\s*flags\b.*\bowner\b/m.test(listing)) return false;
  const rules = listing.split("\n").map((line) => line.trim());
  return byVersion(service.addresses).every(([version, addresses]) => {
    const rule = rules.find((line) => line.startsWith(`${version} saddr`) && line.endsWith("drop"));
    const words = new Set(rule?.split(/[\s{},]+/));
    return [...addresses, ...service.ports.map(String), "rst"].every((word) => words.has(word));
  });
}

/** The guards that stand, in nft's list of tables, by the process numbers in their names. */
export function guardOwners(tables: string): number[] {
  const guards = tables.matchAll(/^table (?:ip|inet) tcplab_(\d+)_[0-9a-f]{8}\s*$/gm);
  return [...guards].map((match) => Number(match[1]));
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
    const listed = looking.run(`list table ${FAMILY} ${table}`);
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
  return { table: `${FAMILY} ${table}`, remove, [Symbol.dispose]: remove };
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
