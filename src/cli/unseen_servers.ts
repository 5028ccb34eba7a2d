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
import { counted } from "../observe/text_layout.ts";
import { UNNAMED_SUFFIX } from "../runtime/control_client.ts";
import { boundedText } from "./tool_output.ts";

/** Local choice: a process lists thousands of others in a tenth of that. */
const PATIENCE_MS = 2_000;
/** A number. */
const MOST_BYTES = 32;

/** The tables of all processes; those of one network namespace share one, which has an inode of its own. */
const TABLES = "/proc/[0-9]*/net/unix";

/**
 * A line of a table for a control socket on which somebody listens, by its flags (the kernel's __SO_ACCEPTCON, 0x10000) and
 * its name. Fields: address, references, protocol, flags, type, state, inode, path.
 */
const LISTENING = "^[^ ]+ [0-9A-F]+ [0-9A-F]+ [0-9A-F]{3}[13579BDF][0-9A-F]{4} [0-9A-F]+ [0-9A-F]+ +[0-9]+ " +
  `.*/\\.[0-9a-f]{8}\\${UNNAMED_SUFFIX}$`;

/**
 * Counts in the table of every network namespace once. A shell reads them, because the compiled binary may not open files
 * below /proc itself; and it counts, because anybody may have bound any number of sockets to such names, and to names that
 * are no text, which in another locale end grep's list of lines. A process may have ended since it was listed: then the next of its
 * namespace has the table (grep's status is 2 where it could read none).
 */
const COUNT = `export LC_ALL=C; known=; stat -L -c '%i %n' $1 2>/dev/null | sort -n -k1,1 |
while read -r inode table; do
  test "$inode" = "$known" && continue
  grep -h -E "$2" "$table" 2>/dev/null
  test $? -eq 2 || known=$inode
done | wc -l`;

/** How many control sockets there are on which a server listens; null where the system does not tell, or not in time. */
export async function countListeningServers(
  tables = TABLES,
  patienceMs = PATIENCE_MS,
): Promise<number | null> {
  if (Deno.build.os !== "linux") return null;
  const text = await boundedText("sh", {
    args: ["-c", COUNT, "sh", tables, LISTENING],
    patienceMs,
    mostBytes: MOST_BYTES,
  });
  return text !== null && /^\d+\n$/.test(text) ? Number(text) : null;
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
