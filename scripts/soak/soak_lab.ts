/**
 * A private lab for a soak run: `serve` with every application, the kernel's clients, and a look at the server now and then.
 *
 * Owns: starting and ending both, and taking samples, cheaply: two short processes a sample. Must not know: how long a run
 * lasts, what is too much (soak_figures.ts).
 */
import { fromFileUrl } from "@std/path";
import type { LabProcess, ProcessResult } from "../../src/cli/lab_process.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { ENGINE_FLAGS, selfCommand, selfFiles } from "../../src/cli/self_command.ts";
import { isServerSnapshot, type ServerSnapshot } from "../../src/observe/server_snapshot.ts";
import type { ClientFigures, Sample } from "./soak_figures.ts";

/** As in soak_clients.py. */
const SERVICES = "7001=echo,7002=discard,7003=chargen,7004=close,7005=hold,7006=daytime";
const VANISHING_PORTS = "61000-64999";
const CLIENTS = fromFileUrl(new URL("soak_clients.py", import.meta.url));
/** Addresses of the clients: many, because TIME_WAIT keeps a port of one. */
const CLIENT_PREFIX = "10.33.0.128/25";
const CLIENT_SOURCES = "10.33.0.129+100";
/** A server gives up an answer after two seconds, and two cores may be busy for so long; local choice for very busy ones. */
const NETSTAT_MS = 60_000;
/** A connection that is silent for so long has failed: R2 apart, no loss of a few per cent explains it. */
const PATIENCE_SECONDS = 120;
const LISTEN_TIMEOUT_MS = 60_000;
/** V8's options that make it say what its heap holds after each collection. */
const TRACE_GC = "--trace-gc";

/** Lets only the lines about full collections through, and is the process that gets the signals. */
const WITH_HEAP_LINES = `
mkfifo /run/heap.$$
grep --line-buffered -e Mark-Compact <"/run/heap.$$" &
exec "$@" >"/run/heap.$$"`;

/** The FINs and RSTs of clients that vanish do not leave: nobody hears of them again. */
const VANISHING_RULES = `
table ip vanishing {
  chain output {
    type filter hook output priority 0; policy accept;
    tcp sport ${VANISHING_PORTS} tcp flags & (fin | rst) != 0 drop
  }
}`;

/** Fields of /proc/PID/stat after the closing bracket of the name (proc_pid_stat(5)). */
const STAT_FIELD = { userTicks: 11, systemTicks: 12 } as const;
const TICKS_PER_SECOND = 100;

const NO_CLIENTS: ClientFigures = {
  begun: {},
  done: {},
  failed: {},
  words: {},
  bytesIn: 0,
  bytesOut: 0,
  open: 0,
  cpuSeconds: 0,
};

/** A soak run that cannot be had or has come to nothing; one line. */
export class SoakFailure extends Error {
  override name = "SoakFailure";
}

/** Which clients come, and how many. */
interface ClientLoad {
  /** Connections a second, all kinds together. */
  readonly rate: number;
  /** Some of soak_clients.py, with commas; null for all. */
  readonly kinds: string | null;
  readonly patienceSeconds?: number;
}

/** A lab with a server under load. */
export class SoakLab implements AsyncDisposable {
  readonly #lab: PrivateLab;
  readonly #program: readonly string[];
  readonly #server: LabProcess;
  #clients: LabProcess | null = null;
  #pid = 0;
  #heapMib: number | null = null;
  #figures = NO_CLIENTS;
  #areEnding = false;

  private constructor(parts: { lab: PrivateLab; program: readonly string[]; args: readonly string[] }) {
    this.#lab = parts.lab;
    this.#program = parts.program;
    const { devices, tcplabAddress } = parts.lab.plan;
    const words = parts.program.map((word) => word === ENGINE_FLAGS ? `${word},${TRACE_GC}` : word);
    const fixed = [
      "serve",
      "--iface",
      devices.server,
      "--ip",
      tcplabAddress,
      "--serve",
      SERVICES,
      "--log",
      "none",
    ];
    this.#server = parts.lab.spawn({
      side: "server",
      words: ["sh", "-c", WITH_HEAP_LINES, "sh", ...words, ...fixed, ...parts.args],
      // For the compiled program, which takes no options of V8 on its command line.
      env: { DENO_V8_FLAGS: TRACE_GC },
      onStdout: (line) => this.#takeHeap(line),
    });
  }

  /** Makes the lab, and starts `serve` in it; `binary` is a compiled program instead of the checkout's. */
  static async open(options: { binary: string | null; args: readonly string[] }): Promise<SoakLab> {
    const { binary, args } = options;
    const lab = await PrivateLab.open({ readable: [...(binary === null ? selfFiles() : [binary]), CLIENTS] });
    const soak = new SoakLab({ lab, program: binary === null ? selfCommand() : [binary], args });
    try {
      await soak.#setUp();
      return soak;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  async #setUp(): Promise<void> {
    const { client } = this.#lab.plan.devices;
    await this.#must(["ip", "route", "add", "local", CLIENT_PREFIX, "dev", client]);
    // Enough ports below those of the clients that vanish.
    await this.#must(["sh", "-c", "echo 10000 60999 >/proc/sys/net/ipv4/ip_local_port_range"]);
    await this.#must(["nft", VANISHING_RULES]);
    const deadline = performance.now() + LISTEN_TIMEOUT_MS;
    while (!/listening/i.test(this.#server.stderr)) {
      if (this.#server.ended) {
        throw new SoakFailure(`The server ended at once: ${this.#server.stderr.trim()}`);
      }
      if (performance.now() > deadline) throw new SoakFailure("The server does not listen");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#pid = await this.#server.insidePid() ?? 0;
  }

  async #must(words: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#lab.run({ side: "client", words });
    if (code !== 0) throw new SoakFailure(`${words[0]}: ${stderr.trim()}`);
  }

  /** Lets clients come. */
  startClients(load: ClientLoad): void {
    const { rate, kinds, patienceSeconds = PATIENCE_SECONDS } = load;
    const args = [this.#lab.plan.tcplabAddress, rate, CLIENT_SOURCES, kinds ?? "all", patienceSeconds].map(
      String,
    );
    this.#clients = this.#lab.spawn({
      side: "client",
      words: ["python3", CLIENTS, ...args],
      stdin: true,
      onStdout: (line) => this.#figures = JSON.parse(line),
    });
  }

  /** Has the clients say how far they are, which {@link SoakLab.clients} has soon; by themselves they say it now and then. */
  async askClients(): Promise<void> {
    await this.#clients?.write(new TextEncoder().encode("\n"));
  }

  /** Lets the clients come to their ends. */
  async endClients(): Promise<void> {
    this.#areEnding = true;
    await this.#clients?.closeInput();
    const result = await this.#clients?.result;
    if (result !== undefined && result.code !== 0) {
      throw new SoakFailure(`The clients failed: ${result.stderr.trim()}`);
    }
  }

  /** What the clients have said last. */
  get clients(): ClientFigures {
    return this.#figures;
  }

  /** Throws when server or clients are gone. */
  demandAlive(): void {
    if (this.#server.ended) throw new SoakFailure(`The server ended: ${this.#server.stderr.trim()}`);
    if (this.#clients?.ended && !this.#areEnding) {
      throw new SoakFailure(`The clients ended: ${this.#clients.stderr.trim()}`);
    }
  }

  /** The server as it is now. */
  async sample(phase: string, at: number): Promise<Sample> {
    const proc = await this.#readProc();
    const snapshot = await this.#snapshot();
    const states: Record<string, number> = {};
    let timers = 0;
    for (const connection of snapshot?.connections ?? []) {
      states[connection.state] = (states[connection.state] ?? 0) + 1;
      timers += Object.keys(connection.timers).length;
    }
    return {
      phase,
      at,
      ...proc,
      heapMib: this.#heapMib,
      isAnswered: snapshot !== null,
      connections: snapshot?.connections.length ?? 0,
      states,
      timers,
      counters: snapshot?.counters ?? {},
      clients: this.#figures,
    };
  }

  /** Ends the server in order. */
  async stopServer(): Promise<ProcessResult> {
    return await this.#server.stop();
  }

  async #readProc(): Promise<
    Pick<Sample, "rssMib" | "anonymousMib" | "descriptors" | "threads" | "cpuSeconds">
  > {
    const directory = `/proc/${this.#pid}`;
    const script =
      `cat ${directory}/smaps_rollup ${directory}/status ${directory}/stat; echo "fds $(ls ${directory}/fd | wc -l)"`;
    const { stdout } = await this.#lab.run({ side: "server", words: ["sh", "-c", script] });
    const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? NaN);
    const fields = (/^\d+ \(.*\) (.*)$/m.exec(stdout)?.[1] ?? "").split(" ");
    const ticks = Number(fields[STAT_FIELD.userTicks]) + Number(fields[STAT_FIELD.systemTicks]);
    return {
      rssMib: number(/^Rss:\s+(\d+) kB$/m) / 1024,
      anonymousMib: number(/^Anonymous:\s+(\d+) kB$/m) / 1024,
      descriptors: number(/^fds (\d+)$/m),
      threads: number(/^Threads:\s+(\d+)$/m),
      cpuSeconds: ticks / TICKS_PER_SECOND,
    };
  }

  /** What netstat says of the server; null when it says nothing for so long that something is wrong. */
  async #snapshot(): Promise<ServerSnapshot | null> {
    for (const until = performance.now() + NETSTAT_MS; performance.now() < until;) {
      const words = [...this.#program, "netstat", "--json"];
      const { code, stdout } = await this.#lab.run({ side: "server", words });
      const servers: unknown = code === 0 ? JSON.parse(stdout) : null;
      const found = Array.isArray(servers) ? servers.find(isServerSnapshot) : undefined;
      if (found !== undefined) return found;
      this.demandAlive();
    }
    return null;
  }

  #takeHeap(line: string): void {
    const match = /Mark-Compact.*? -> ([\d.]+) \(/.exec(line);
    if (match !== null) this.#heapMib = Number(match[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
  }
}
