/**
 * A private lab with one server in it, and loads that run against it.
 *
 * Owns: set-up, bounded runs, and that nothing outlives its lab. Must not know: what is measured.
 */
import type { LabProcess } from "../../src/cli/lab_process.ts";
import { shellLine } from "../../src/cli/lab_network.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfFiles } from "../../src/cli/self_command.ts";
import type { Contestant } from "./contestants.ts";
import type { Offloads } from "./model.ts";
import type { NativePrograms } from "./native_programs.ts";

/** Addresses from which clients connect: many, because each has but 64,512 ports, and TIME_WAIT keeps them. */
const CLIENT_SOURCES = { 4: "10.33.0.129+100", 6: "fd33::1:0+100" } as const;
/** Where those of IPv4 are. */
const CLIENT_PREFIX = "10.33.0.128/25";
/** Gives the device `$1` those of IPv6, one by one: of a whole prefix the kernel would answer no solicitation. */
const ADD_CLIENT_ADDRESSES = `for i in $(seq 0 99); do
  printf 'addr add fd33::1:%x/64 dev %s nodad\\n' $i $1
done | ip -6 -batch -`;
/** The first of the addresses that belong to the swarm and to no kernel. */
const SWARM_SOURCE = "10.33.0.100";
const LISTEN_TIMEOUT_MS = 20_000;
/** What a load may take beyond the time that it was told to take. */
const GRACE_MS = 15_000;

/** Fields of /proc/PID/stat after the closing bracket of the name (proc_pid_stat(5)). */
const STAT_FIELD = { userTicks: 11, systemTicks: 12 } as const;
const TICKS_PER_SECOND = 100;

/** A measurement that came to nothing; the message says why in one line. */
export class BenchFailure extends Error {
  override name = "BenchFailure";
}

/** How a load is run. */
interface LoadOptions {
  readonly port?: number;
  readonly seconds?: number;
  readonly warm?: number;
  /** More options of the load, `connections=64`. */
  readonly more?: readonly string[];
}

/** A lab, and the server that runs in it. */
export class BenchLab implements AsyncDisposable {
  readonly lab: PrivateLab;
  readonly #programs: NativePrograms;
  readonly #contestant: Contestant;
  #server: LabProcess | null = null;
  #serverPid = 0;

  private constructor(parts: { lab: PrivateLab; programs: NativePrograms; contestant: Contestant }) {
    this.lab = parts.lab;
    this.#programs = parts.programs;
    this.#contestant = parts.contestant;
  }

  /** Makes a lab for a server; start it with {@link BenchLab.serve}. */
  static async open(
    contestant: Contestant,
    options: { programs: NativePrograms; offloads: Offloads },
  ): Promise<BenchLab> {
    const readable = [...selfFiles(), options.programs.load, ...contestant.files ?? []];
    const lab = await PrivateLab.open({ readable });
    const made = new BenchLab({ lab, programs: options.programs, contestant });
    try {
      await made.#setUp(options.offloads);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return made;
  }

  async #setUp(offloads: Offloads): Promise<void> {
    const { devices } = this.lab.plan;
    if (offloads === "off") {
      for (const side of ["server", "client"] as const) {
        const features = ["tx", "off", "tso", "off", "gso", "off", "gro", "off"];
        await this.#must({ side, words: ["ethtool", "-K", devices[side], ...features] });
      }
    }
    // Every address of the prefix is the client's own, without being listed.
    const words = ["ip", "route", "add", "local", CLIENT_PREFIX, "dev", devices.client];
    await this.#must({ side: "client", words });
    if (this.#contestant.family === 4) return;
    if (!this.lab.hasIpv6) throw new BenchFailure("the kernel has no IPv6");
    await this.#must({ side: "client", words: ["sh", "-c", ADD_CLIENT_ADDRESSES, "sh", devices.client] });
  }

  get #sources(): string {
    return CLIENT_SOURCES[this.#contestant.family];
  }

  async #must(command: { side: "server" | "client"; words: string[] }): Promise<void> {
    const { code, stderr } = await this.lab.run(command);
    if (code !== 0) throw new BenchFailure(`${command.words.join(" ")}: ${stderr.trim()}`);
  }

  /** Starts the server and waits until it listens. `more` and `into` (a file for its stdout) go to tcplab only. */
  async serve(more?: readonly string[], into?: string): Promise<void> {
    const listening = Promise.withResolvers<void>();
    const look = (line: string) => {
      if (/listening/i.test(line)) listening.resolve();
    };
    const plain = this.#contestant.words(this.lab.plan, more);
    const words = into === undefined ? plain : ["sh", "-c", `exec ${shellLine(plain)} >${into}`];
    const server = this.lab.spawn({
      side: "server",
      words,
      onStdout: look,
      onStderr: look,
      ...(this.#contestant.env === undefined ? {} : { env: this.#contestant.env }),
    });
    this.#server = server;
    if (into !== undefined) this.#watchFile(into, listening.resolve);
    const timer = setTimeout(
      () => listening.reject(new BenchFailure(`does not listen: ${server.stderr.trim()}`)),
      LISTEN_TIMEOUT_MS,
    );
    try {
      await Promise.race([listening.promise, server.result]);
    } finally {
      clearTimeout(timer);
    }
    if (server.ended) throw new BenchFailure(`ended at once: ${server.stderr.trim().split("\n")[0]}`);
    this.#serverPid = await server.insidePid() ?? 0;
  }

  /** A server whose log goes to a file listens when the file says so. */
  #watchFile(path: string, found: () => void): void {
    const words = ["sh", "-c", `until grep -q listening ${path} 2>/dev/null; do sleep 0.05; done`];
    this.lab.run({ side: "server", words }).then(found);
  }

  /** The server's number inside of the lab. */
  get serverPid(): number {
    return this.#serverPid;
  }

  /** Runs a load against the server; gives what it measured. Throws {@link BenchFailure}. */
  async load(mode: string, options: LoadOptions = {}): Promise<Record<string, number>> {
    const { port = 0, seconds = 2, warm = 0.5, more = [] } = options;
    const address = this.#contestant.address(this.lab.plan);
    const fixed = [
      `seconds=${seconds}`,
      `warm=${warm}`,
      `sources=${this.#sources}`,
      `pid=${this.#serverPid}`,
    ];
    const words = [this.#programs.load, mode, address, String(port), ...fixed, ...more];
    return numbersOf(await this.#bounded(words, (seconds + warm) * 1000));
  }

  /** Milliseconds until a server that is started now listens. */
  async startMs(): Promise<number> {
    const words = [this.#programs.load, "start", ...this.#contestant.words(this.lab.plan, ["--log", "json"])];
    return numbersOf(await this.#bounded(words, LISTEN_TIMEOUT_MS, "server")).startMs;
  }

  /** Holds idle connections while `look` looks; tells it how many there are. */
  async hold(connections: number, port: number, look: (held: number) => Promise<void>): Promise<void> {
    const address = this.#contestant.address(this.lab.plan);
    const more = [`connections=${connections}`, `sources=${this.#sources}`];
    const words = [this.#programs.load, "hold", address, String(port), ...more];
    await this.#whileHeld(words, /^held (\d+)$/, async (match) => await look(Number(match[1])));
  }

  /** The cost of a segment with ever more connections: one record a step. */
  async swarm(
    steps: readonly number[],
    options: { port: number; seconds: number },
  ): Promise<Record<string, number>[]> {
    const address = this.#contestant.address(this.lab.plan);
    const fixed = [this.lab.plan.devices.client, address, String(options.port), SWARM_SOURCE];
    const words = [this.#programs.swarm, ...fixed, String(options.seconds), String(this.#serverPid)];
    const lines: Record<string, number>[] = [];
    await this.#whileHeld([...words, ...steps.map(String)], /^held$/, (_match, said) => {
      for (const line of said.split("\n")) if (line.startsWith("{")) lines.push(numbersOf(line));
      return Promise.resolve();
    });
    return lines;
  }

  async #whileHeld(
    words: readonly string[],
    held: RegExp,
    look: (match: RegExpExecArray, said: string) => Promise<void>,
  ): Promise<void> {
    const found = Promise.withResolvers<RegExpExecArray>();
    const process = this.lab.spawn({
      side: "client",
      words,
      stdin: true,
      onStdout: (line) => {
        const match = held.exec(line);
        if (match !== null) found.resolve(match);
      },
    });
    const timer = setTimeout(
      () => found.reject(new BenchFailure("the connections do not come about")),
      60_000,
    );
    try {
      const ended = process.result.then(() => null);
      const match = await Promise.race([found.promise, ended]);
      if (match === null) throw new BenchFailure(process.stderr.trim());
      await look(match, process.stdout);
    } finally {
      clearTimeout(timer);
      await process.closeInput();
      // It takes leave of the server by itself.
      if (!await process.endsWithin(GRACE_MS)) await process.stop();
    }
  }

  /** CPU time that the server has used, in user space and in the kernel, seconds. */
  async serverCpuSeconds(): Promise<number> {
    const { stdout } = await this.lab.run({ words: ["cat", `/proc/${this.#serverPid}/stat`] });
    const fields = stdout.slice(stdout.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[STAT_FIELD.userTicks]) + Number(fields[STAT_FIELD.systemTicks])) / TICKS_PER_SECOND;
  }

  /** Memory of the server that is in RAM, KiB. */
  async serverRssKib(): Promise<number> {
    const { stdout } = await this.lab.run({ words: ["cat", `/proc/${this.#serverPid}/status`] });
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(stdout)?.[1] ?? NaN);
  }

  /** Runs a program to its end, on the client's side; ends it when it takes too long. */
  async #bounded(
    words: readonly string[],
    expectedMs: number,
    side: "client" | "server" = "client",
  ): Promise<string> {
    const process = this.lab.spawn({ side, words });
    if (!await process.endsWithin(expectedMs + GRACE_MS)) {
      await process.stop();
      throw new BenchFailure(`not done within ${(expectedMs + GRACE_MS) / 1000} s`);
    }
    const { code, stdout, stderr } = await process.result;
    if (code !== 0) throw new BenchFailure(stderr.trim().split("\n").pop() ?? `exit status ${code}`);
    if (this.#server?.ended) throw new BenchFailure(`the server ended: ${this.#server.stderr.trim()}`);
    return stdout;
  }

  /** Ends the server in order, within that time. */
  async stopServer(graceMs: number): Promise<void> {
    await this.#server?.stop(graceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.signal("SIGKILL");
    await this.lab.close();
  }
}

/** A JSON object of numbers, as the loads print it. Throws {@link BenchFailure} when it is none. */
export function numbersOf(text: string): Record<string, number> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new BenchFailure(`no figures: ${text}`);
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(parsed)) if (typeof value === "number") numbers[name] = value;
  return numbers;
}
