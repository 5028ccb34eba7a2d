/**
 * Pages of servers in a lab, for the browser of whoever made the lab.
 *
 * Owns: the directory in which both ends meet, its name in the environment, and that nothing of it is left behind. Must not
 * know: how bytes get from one namespace to the other (web/page_forward.ts).
 *
 * The directory is in TMPDIR, because a lab has a /run of its own.
 */
import { isForwarderAlive, isShortEnough, PageForward, PageForwarder } from "../web/page_forward.ts";
import { environmentVariable } from "./terminal.ts";

const PREFIX = "tcplab-pages-";
const FRESH_MS = 60_000;

/** What a command that makes or enters a lab gives to what runs in there. */
interface OpenForwarding extends Disposable {
  readonly env: Readonly<Record<string, string>>;
}

/** Opens the way for pages; where that cannot be, or one is open already, nothing: a lab is worth having without. */
export async function openPageForwarding(): Promise<OpenForwarding> {
  const parts = new DisposableStack();
  const nothing = { env: {}, [Symbol.dispose]: () => {} };
  if (environmentVariable("TCPLAB_PAGE_FORWARD") !== undefined) return nothing;
  const parent = temporaryDirectory();
  try {
    await sweep(parent);
    const directory = Deno.makeTempDirSync({ dir: parent, prefix: PREFIX });
    parts.defer(() => removeQuietly(directory));
    if (!isShortEnough(directory)) throw new Error("too long");
    parts.use(new PageForwarder(directory));
    return { env: { TCPLAB_PAGE_FORWARD: directory }, [Symbol.dispose]: () => parts.dispose() };
  } catch {
    parts.dispose();
    return nothing;
  }
}

/** A page's address for a person: outside of the lab in which it is served, where there is a way. */
export async function reachablePage(url: string): Promise<{ readonly url: string } & Disposable> {
  const directory = environmentVariable("TCPLAB_PAGE_FORWARD");
  const { hostname, port } = new URL(url);
  const page = { transport: "tcp", hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) } as const;
  const way = directory === undefined ? null : await PageForward.open(directory, page);
  if (way === null) return { url, [Symbol.dispose]: () => {} };
  const there = new URL(url);
  there.hostname = "127.0.0.1";
  there.port = String(way.port);
  return { url: String(there), [Symbol.dispose]: () => way[Symbol.dispose]() };
}

function temporaryDirectory(): string {
  return environmentVariable("TMPDIR") ?? "/tmp";
}

/** Removes what killed ones of the same user have left. */
async function sweep(parent: string): Promise<void> {
  for (const { name, isDirectory } of Deno.readDirSync(parent)) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    const directory = `${parent}/${name}`;
    try {
      const { uid, mtime } = Deno.lstatSync(directory);
      // A fresh one may be about to listen.
      const isFresh = Date.now() - (mtime?.getTime() ?? 0) < FRESH_MS;
      if (uid !== Deno.uid() || isFresh || await isForwarderAlive(directory)) continue;
      removeQuietly(directory);
    } catch {
      // Somebody else was faster.
    }
  }
}

function removeQuietly(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // A lab takes it along when it ends.
  }
}
