/**
 * A private lab: namespaces for its sides that have no name on the host and vanish with their last process.
 *
 * A holder process lives in user, network, mount and PID namespaces of its own and has made the lab's network
 * namespaces inside of them; every other process enters through it. The holder reads our end of a pipe: when this
 * program ends, however it ends, the holder asks all processes of the lab to end, and ends itself a second later, and with the
 * first process of a PID namespace go all others of it. So neither Ctrl-C nor `kill -9` leaves a namespace, a device, a rule or a process on the host.
 *
 * Owns: the holder, and how processes enter. Must not know: what they are to do there.
 */
import { Patience } from "../runtime/patience.ts";
import { killQuietly, LabProcess, type LineHandler, type ProcessResult } from "./lab_process.ts";
import { labConfigureSteps, labCreateSteps, labOffloadSteps, labSteps6, shellLine } from "./lab_network.ts";
import { type LabOptions, type LabPlace, type LabPlan, planLab } from "./lab_plan.ts";
import { environmentVariable } from "./terminal.ts";

/** Whose rights a private lab rests on: those of a user namespace, or root's own. */
type LabRights = "user" | "root";

/** What a private lab can be told. */
interface PrivateLabOptions extends LabOptions {
  /** Files that processes of the lab will read; rights that cannot read them are passed over. */
  readonly readable?: readonly string[];
  /** Directories outside that are of no use without the lab: they go with it, also when this program is killed. */
  readonly scratch?: readonly string[];
  /** Only these; the best that there are when absent. */
  readonly rights?: LabRights;
}

/** How a process of the lab is started. */
interface LabCommand {
  /** Where: a side, the switch or the router; the lab's own namespaces when absent. */
  readonly side?: LabPlace;
  readonly words: readonly string[];
  readonly stdin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly onStdout?: LineHandler;
  readonly onStderr?: LineHandler;
}

/** The kernel, the container or the rights do not allow a private lab; the message says why, for each way tried. */
export class LabRefused extends Error {
  override name = "LabRefused";
}

/** A holder that is ready. */
interface Opened {
  readonly holder: Deno.ChildProcess;
  /** The number by which the host knows it. */
  readonly holderPid: number;
  readonly hasIpv6: boolean;
}

const BEST_RIGHTS: readonly LabRights[] = ["user", "root"];
const NAMESPACES = ["--net", "--mount", "--pid"];
/** In the tmpfs that a lab has for its /run: gone with the lab, and never on the host. */
export const HOLDER_DIRECTORY = "/run/tcplab-lab";
/** A lab is up in about 0.1 s; local choice for a machine that is as busy as can be, where a lab of many hosts starts a hundred programs. */
const OPEN_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 3_000;
/** How often the holder looks whether those that it asked to end have ended, every 50 ms: a second. Local choice. */
const END_LOOKS = 20;
/** Five seconds at the least: a signal to a process that a busy machine has not started yet is not to be lost. Local choice. */
const PID_LOOKS = 200;
const PID_LOOK_MS = 25;

/** A lab that is up. Close it, or let the program end. */
export class PrivateLab {
  readonly plan: LabPlan;
  readonly rights: LabRights;
  /** Whether the IPv6 addresses are there: the kernel may have none of it, and a device below 1280 bytes neither. */
  readonly hasIpv6: boolean;
  readonly #holder: Deno.ChildProcess;
  readonly #holderPid: number;
  /** What was started and has not ended: outside, each has a process that waits for it. */
  readonly #entered = new Set<LabProcess>();
  #started = 0;
  #closing: Promise<void> | null = null;

  private constructor(
    parts: { plan: LabPlan; rights: LabRights } & Opened,
  ) {
    this.plan = parts.plan;
    this.rights = parts.rights;
    this.#holder = parts.holder;
    this.#holderPid = parts.holderPid;
    this.hasIpv6 = parts.hasIpv6;
  }

  /**
   * Makes a lab: with user namespaces, else with root's rights. Throws {@link LabRefused} where neither is to be
   * had.
   */
  static async open(options: PrivateLabOptions = {}): Promise<PrivateLab> {
    if (Deno.build.os !== "linux") throw new LabRefused("network namespaces exist on Linux only");
    const plan = planLab(options);
    const script = holderScript(plan, options);
    const reasons: string[] = [];
    for (const rights of options.rights === undefined ? BEST_RIGHTS : [options.rights]) {
      if (rights === "root" && Deno.uid() !== 0) {
        reasons.push("root's namespaces: this user is not root");
        continue;
      }
      const opened = await startHolder(rights, script);
      if (typeof opened !== "string") return new PrivateLab({ plan, rights, ...opened });
      reasons.push(`${rights === "user" ? "user" : "root's"} namespaces: ${opened}`);
    }
    throw new LabRefused(reasons.join("; "));
  }

  /** The command line that, typed on the host as this user, runs `words` inside the lab. */
  enter(words: readonly string[], side?: LabPlace): string[] {
    const user = this.rights === "user" ? ["--user", "--preserve-credentials"] : [];
    const enter = ["nsenter", "--target", String(this.#holderPid), ...user, ...NAMESPACES, "--"];
    const inside = side === undefined ? [] : ["ip", "netns", "exec", this.plan.namespaces[side]];
    return [...enter, ...inside, ...words];
  }

  /** Starts a process in the lab, in the current directory. */
  spawn(command: LabCommand): LabProcess {
    const pidFile = `${HOLDER_DIRECTORY}/${++this.#started}.pid`;
    const script = `echo $$ >${pidFile}; cd "$0" 2>/dev/null; exec "$@"`;
    const words = this.enter(["sh", "-c", script, Deno.cwd(), ...command.words], command.side);
    const process = new LabProcess({
      ...command,
      words,
      env: { ...privateLabEnvironment(), ...command.env },
      insidePid: () => this.#readPid(pidFile),
      signal: async (name) => {
        const pid = await this.#readPid(pidFile);
        if (pid !== null) await capture(this.enter(["kill", `-${name.slice("SIG".length)}`, String(pid)]));
      },
    });
    this.#entered.add(process);
    const left = () => void this.#entered.delete(process);
    process.result.then(left, left);
    return process;
  }

  /** Runs a process in the lab to its end. */
  async run(command: LabCommand): Promise<ProcessResult> {
    return await this.spawn(command).result;
  }

  /** A process that was started just now has not told its number yet: look a few times. */
  async #readPid(pidFile: string): Promise<number | null> {
    for (let look = 0; look < PID_LOOKS; look++) {
      const pid = Number(await capture(this.enter(["cat", pidFile])));
      if (pid > 0) return pid;
      await new Promise((resolve) => setTimeout(resolve, PID_LOOK_MS));
    }
    return null;
  }

  /** Ends every process of the lab, and with them the lab; then nothing of it is left outside either. Who comes second waits as well. */
  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  async #end(): Promise<void> {
    await endHolder(this.#holder);
    await Promise.allSettled([...this.#entered].map((process) => process.leave(CLOSE_TIMEOUT_MS)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Why there can be no private lab here, or null when there can. */
export async function privateLabRefusal(options: PrivateLabOptions = {}): Promise<string | null> {
  try {
    const lab = await PrivateLab.open(options);
    await lab.close();
    return null;
  } catch (error) {
    if (error instanceof LabRefused) return error.message;
    throw error;
  }
}

/** The search path of a user who is not root often lacks the directories in which `ip` and `nft` are. */
export function labEnvironment(): Record<string, string> {
  const path = environmentVariable("PATH") ?? "/usr/bin:/bin";
  return { PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin` };
}

/** The same for processes of a private lab: servers there keep their control sockets in the lab's own /run. */
export function privateLabEnvironment(): Record<string, string> {
  return { ...labEnvironment(), TCPLAB_RUN_DIR: "/run/tcplab" };
}

function holderScript(plan: LabPlan, { readable = [], scratch = [] }: PrivateLabOptions): string {
  const optional = (words: string[]) => `${shellLine(words)} 2>/dev/null || :`;
  return [
    "set -e",
    // Read before /proc is ours: the number by which the host knows this process.
    "read pid rest </proc/self/stat",
    "mount -t tmpfs -o mode=0755 tmpfs /run",
    `mkdir ${HOLDER_DIRECTORY}`,
    // Container runtimes may mask these two; the lab works without, /sys/class/net is then the host's.
    "mount -t proc proc /proc 2>/dev/null || :",
    "mount -t sysfs sysfs /sys 2>/dev/null || :",
    ...readable.map((file) =>
      `test -r ${shellLine([file])} || { echo ${shellLine([`cannot read ${file}`])} >&2; exit 1; }`
    ),
    ...labCreateSteps(plan).map(shellLine),
    ...labConfigureSteps(plan).map(shellLine),
    // The first that fails is the last: the lab then has IPv4 alone.
    `if ${
      labSteps6(plan).map(shellLine).join(" && ")
    }; then families=both; else families=ipv4; fi 2>/dev/null`,
    ...(plan.offloads ? [] : labOffloadSteps(plan).map(shellLine)),
    'echo "ready $pid $families"',
    // Until this program ends, or closes the lab.
    "cat >/dev/null",
    ...(scratch.length === 0 ? [] : [optional(["rm", "-r", ...scratch])]),
    // Whoever is left is asked to end, so that tmux gives the terminal back and a server says goodbye; then all go at once,
    // with this first process of the PID namespace. Never outside of one: there -1 means everybody.
    "test $$ -eq 1 && kill -TERM -1 2>/dev/null || exit 0",
    `looks=0; while kill -0 -1 2>/dev/null && test $((looks += 1)) -le ${END_LOOKS}; do sleep 0.05; done`,
  ].join("\n");
}

async function startHolder(
  rights: LabRights,
  script: string,
): Promise<Opened | string> {
  const user = rights === "user" ? ["--user", "--map-root-user"] : [];
  let holder: Deno.ChildProcess;
  try {
    // In a session of its own: Ctrl-C and a terminal that closes are for what runs in the lab, and not for its holder.
    holder = new Deno.Command("setsid", {
      args: ["unshare", ...user, ...NAMESPACES, "--fork", "--kill-child", "--", "sh", "-c", script],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: labEnvironment(),
      // The folder in which we stand may be one that this user cannot enter.
      cwd: "/",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no `setsid` program (package util-linux)";
    throw error;
  }
  const complaints = new Response(holder.stderr).text();
  const patience = new Patience(OPEN_TIMEOUT_MS, () => killQuietly(holder));
  const ready = await readyHolder(holder.stdout);
  patience[Symbol.dispose]();
  if (ready !== null) {
    complaints.catch(() => {});
    return { holder, ...ready };
  }
  await endHolder(holder);
  const [first] = (await complaints).trim().split("\n");
  return first || `no lab within ${OPEN_TIMEOUT_MS / 1000} s`;
}

/** Reads until the holder says that it is ready, and lets go of its output. */
async function readyHolder(stdout: ReadableStream<Uint8Array>): Promise<Omit<Opened, "holder"> | null> {
  const reader = stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return null;
    text += decoder.decode(value, { stream: true });
    const ready = /^ready (\d+) (\w+)$/m.exec(text);
    if (ready === null) continue;
    await reader.cancel();
    return { holderPid: Number(ready[1]), hasIpv6: ready[2] === "both" };
  }
}

async function endHolder(holder: Deno.ChildProcess): Promise<void> {
  await holder.stdin.close().catch(() => {});
  using _patience = new Patience(CLOSE_TIMEOUT_MS, () => killQuietly(holder));
  await holder.status;
}

/** Runs a command line to its end; gives its stdout, whatever its status. */
async function capture(words: readonly string[]): Promise<string> {
  const [program, ...args] = words;
  const env = labEnvironment();
  const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null", env }).output();
  return new TextDecoder().decode(stdout);
}
