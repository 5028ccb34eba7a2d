/**
 * The servers that other users run, for root's netstat.
 *
 * Owns: finding the users, and asking their servers with their rights and not root's: by this program again, as that user.
 * So a name that the user has pointed elsewhere leads where that user may go, and what the servers say is bounded in size
 * and time. Must not know: how a server is asked (runtime/control_client.ts).
 *
 * What comes back is a stranger's word: to be shown, escaped, and for nothing else.
 */
import { join } from "@std/path";
import { labEnvironment } from "./private_lab.ts";
import { selfCommand } from "./self_command.ts";
import { isLocatedSnapshot, type LocatedSnapshot } from "./server_control.ts";
import { boundedText } from "./tool_output.ts";

/** A user whose directory holds sockets. */
interface UserWithServers {
  readonly uid: number;
  readonly gid: number;
  readonly directory: string;
}

/** What was heard, and of whom nothing could be heard. */
interface OthersAnswers {
  readonly servers: readonly LocatedSnapshot[];
  readonly silent: readonly number[];
}

/** A process is started for each; local choice: more users than a lab machine has at work. */
const MOST_USERS = 16;
/**
 * Local choice: a process is there in a tenth of a second, and waits up to two for a server that is silent, for all at once.
 * One that tells slowly takes longer, and is not waited for here.
 */
const ANSWER_MS = 5_000;
/** Local choice: some thousand connections of one user. */
const MOST_ANSWER_BYTES = 0x80_0000;

/** Where the directories of users are: a parent, and how the user's number stands in the name below it. */
const PLACES: readonly { readonly parent: string; readonly name: RegExp; readonly below: string }[] = [
  { parent: "/run/user", name: /^(\d{1,10})$/, below: "tcplab" },
  { parent: "/tmp", name: /^tcplab-(\d{1,10})$/, below: "" },
];

/** Asks the servers of all other users. For root; anybody else has nobody to ask. */
export async function askOtherUsersServers(): Promise<OthersAnswers> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return { servers: [], silent: [] };
  const users = usersWithServers();
  const answers = await Promise.all(users.map(askAs));
  const servers = answers.flatMap((answer) => answer ?? []);
  return { servers, silent: users.filter((_, position) => answers[position] === null).map(({ uid }) => uid) };
}

/** Users in whose own directory there are sockets: the number in the name is that of the owner, so each has one at each place. */
export function usersWithServers(places: typeof PLACES = PLACES): UserWithServers[] {
  const users: UserWithServers[] = [];
  for (const { parent, name, below } of places) {
    for (const entry of namesIn(parent)) {
      const uid = Number(name.exec(entry)?.[1] ?? 0);
      if (uid === 0 || users.length >= MOST_USERS) continue;
      const directory = join(parent, entry, below);
      const gid = ownGroup(directory, uid);
      if (gid !== null && namesIn(directory).some((file) => file.endsWith(".sock"))) {
        users.push({ uid, gid, directory });
      }
    }
  }
  return users;
}

function ownGroup(directory: string, uid: number): number | null {
  try {
    const found = Deno.lstatSync(directory);
    return found.isDirectory && found.uid === uid ? found.gid : null;
  } catch {
    return null;
  }
}

function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** What the user's own netstat says; null when there is no answer. */
async function askAs({ uid, gid, directory }: UserWithServers): Promise<LocatedSnapshot[] | null> {
  const [program, ...args] = selfCommand();
  const text = await boundedText(program, {
    args: [...args, "netstat", "--json"],
    uid,
    gid,
    clearEnv: true,
    env: { ...labEnvironment(), TCPLAB_RUN_DIR: directory },
    cwd: "/",
    patienceMs: ANSWER_MS,
    mostBytes: MOST_ANSWER_BYTES,
  });
  try {
    const value: unknown = JSON.parse(text ?? "");
    return Array.isArray(value) ? value.filter(isLocatedSnapshot) : null;
  } catch {
    return null;
  }
}
