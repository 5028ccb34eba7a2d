/**
 * Servers that run somewhere on this host and cannot be asked from here: other users' (whose directories are closed), and
 * those in labs and containers, which have a /run of their own.
 *
 * Owns: counting them. The kernel lists the unix sockets of each network namespace for everybody, with the name that they
 * were bound to (proc_pid_net(5)), and that of a control socket is like no other; so `netstat` need not say that nobody
 * runs where it only may not look. Must not know: what a server says.
 *
 * What the list says can be anybody's invention: it is counted, and never followed.
 */
import { UNNAMED_SUFFIX } from "../runtime/control_client.ts";

/** Local choice: a process lists thousands of others in a tenth of that. */
const PATIENCE_MS = 2_000;

/**
 * The table of every network namespace once (each has an inode of its own), of sockets that are control sockets by their name.
 * A shell reads them, because the compiled binary may not open files below /proc itself.
 */
const LIST = `stat -L -c '%i %n' /proc/[0-9]*/net/unix 2>/dev/null | sort -u -n -k1,1 |
while read -r inode table; do grep -h -F '${UNNAMED_SUFFIX}' "$table" 2>/dev/null; done; exit 0`;

/** Of the flags in the table: somebody listens (the kernel's __SO_ACCEPTCON). */
const LISTENS = 0x10000;
/** Fields of a line, counted from zero: address, references, protocol, flags, type, state, inode, path. */
const FIELD = { flags: 3, inode: 6, path: 7 } as const;

/** How many control sockets there are on which a server listens; null where the system does not tell. */
export async function countListeningServers(): Promise<number | null> {
  if (Deno.build.os !== "linux") return null;
  try {
    const { success, stdout } = await new Deno.Command("sh", {
      args: ["-c", LIST],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).output();
    return success ? countControlSockets(new TextDecoder().decode(stdout)) : null;
  } catch {
    return null;
  }
}

/** Counts in the lines of one or several tables of unix sockets. */
export function countControlSockets(text: string): number {
  const name = new RegExp(`/\\.[0-9a-f]{8}\\${UNNAMED_SUFFIX}$`);
  const inodes = new Set<string>();
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const path = fields.slice(FIELD.path).join(" ");
    if (!name.test(path) || (parseInt(fields[FIELD.flags], 16) & LISTENS) === 0) continue;
    inodes.add(fields[FIELD.inode]);
  }
  return inodes.size;
}

/** What is known of servers that are not shown. */
export interface UnseenServers {
  /** Files of other users' servers that can be seen and not asked. */
  readonly closed: number;
  /** Servers that are not shown for whatever reason, these included; null where nobody knows. */
  readonly elsewhere: number | null;
  /** Process numbers of this user's servers that are there and say nothing. */
  readonly silent: readonly string[];
  /** Users whose servers did not answer root. */
  readonly silentUsers: readonly number[];
  readonly isRoot: boolean;
}

/** What a person should know who does not see everything, a line each. */
export function unseenLines({ closed, elsewhere, silent, silentUsers, isRoot }: UnseenServers): string[] {
  const lines: string[] = [];
  if (silent.length > 0) {
    const who = silent.length === 1 ? `process ${silent[0]} does` : `processes ${silent.join(", ")} do`;
    lines.push(
      `${counted(silent.length, "server")} of yours without an answer: ${who} not speak (stopped, or busy)`,
    );
  }
  if (silentUsers.length > 0) {
    const who = [...new Set(silentUsers)].map((uid) => `user ${uid}`).join(", ");
    lines.push(`Servers of ${who} cannot be asked from here: tcplab netstat as that user shows them`);
  }
  const others = Math.max(closed, (elsewhere ?? 0) - silent.length);
  if (others > 0 && !isRoot) {
    lines.push(
      `${
        others === 1 ? "1 server of another user" : `${others} servers of other users`
      }: sudo tcplab netstat`,
    );
  } else if (others > 0 && silentUsers.length === 0) {
    const it = others === 1 ? "it" : "them";
    lines.push(
      `${counted(others, "server")} in other labs or containers: tcplab netstat in there shows ${it}`,
    );
  }
  return lines;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
