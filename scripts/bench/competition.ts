/**
 * The rounds: every server has its turn, in every setting, as often as there are rounds.
 *
 * Owns: the order (A B A B: a drift of the machine meets all alike), and that one failure spoils one figure only.
 * Must not know: how a figure is measured (scenarios.ts), what becomes of the samples.
 */
import { BenchFailure, BenchLab } from "./bench_lab.ts";
import type { BenchOptions } from "./bench_options.ts";
import type { Contestant } from "./contestants.ts";
import { loadAverage } from "./machine.ts";
import { type Failure, type FigureId, JUDGED, type Offloads, type Sample } from "./model.ts";
import type { NativePrograms } from "./native_programs.ts";
import { median } from "./statistics.ts";
import { QUIET_CORES, waitForQuiet } from "./quiet.ts";
import { measureReflection } from "./reflection.ts";
import {
  GROWTH,
  IDLE,
  LOG_FILE,
  LOGGED,
  type Measured,
  MEMORY,
  type Scenario,
  TRAFFIC,
} from "./scenarios.ts";

/** What the rounds gave. */
interface Outcome {
  readonly samples: Sample[];
  readonly failures: Failure[];
  readonly loadAverages: number[];
}

/** What a competition is made of. */
interface CompetitionParts {
  readonly options: BenchOptions;
  readonly programs: NativePrograms;
  readonly contestants: readonly Contestant[];
  /** Takes a line about what is going on. */
  readonly tell: (line: string) => void;
}

interface Turn {
  readonly round: number;
  readonly offloads: Offloads;
  readonly contestant: Contestant;
}

/** Runs all rounds. */
export async function compete(parts: CompetitionParts): Promise<Outcome> {
  const competition = new Competition(parts);
  await competition.run();
  return competition.outcome;
}

class Competition {
  readonly outcome: Outcome = { samples: [], failures: [], loadAverages: [] };
  readonly #parts: CompetitionParts;

  constructor(parts: CompetitionParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { options, contestants, tell } = this.#parts;
    for (let round = 1; round <= options.rounds; round++) {
      this.outcome.loadAverages.push(loadAverage());
      tell(`round ${round} of ${options.rounds}, load average ${loadAverage().toFixed(2)}`);
      if (this.#wants("reflect")) await this.#reflect(round);
      for (const offloads of options.offloads) {
        for (const contestant of contestants) {
          if (!contestant.offloads.includes(offloads)) continue;
          await this.#takeTurn({ round, offloads, contestant });
        }
      }
    }
  }

  async #takeTurn(turn: Turn): Promise<void> {
    const { contestant, offloads } = turn;
    const traffic = TRAFFIC.filter(({ name }) =>
      this.#wants(name) && (!contestant.isEchoOnly || name === "echo")
    );
    if (traffic.length > 0) await this.#inOneServer(turn, traffic);
    // What does not hang on off-loads is measured in one setting.
    if (offloads !== this.#parts.options.offloads[0] || contestant.isEchoOnly) return;
    // The swarm speaks IPv4 alone.
    if (
      this.#wants("growth") && contestant.family === 4 && (contestant.isTcplab || contestant.name === "c")
    ) {
      await this.#inOneServer(turn, [GROWTH]);
    }
    if (!contestant.isTcplab) return;
    if (this.#wants("memory")) await this.#inOneServer(turn, [MEMORY]);
    if (this.#wants("idle")) await this.#inOneServer(turn, [IDLE]);
    if (this.#wants("start")) await this.#start(turn);
    if (this.#wants("log") && contestant.name === JUDGED) await this.#log(turn);
  }

  /** All scenarios against one server, one after another; with a log to a file where `logged`. */
  async #inOneServer(
    turn: Turn,
    scenarios: readonly Scenario[],
    log: "none" | "json" | null = null,
  ): Promise<void> {
    await this.#guarded(turn, "set-up", async () => {
      await using lab = await BenchLab.open(turn.contestant, { ...turn, programs: this.#parts.programs });
      if (log === "json") await lab.serve(["--log", "json"], LOG_FILE);
      else await lab.serve();
      for (const scenario of scenarios) {
        await this.#guarded(turn, scenario.name, async () => {
          this.#add(turn, await this.#undisturbed(() => scenario.run(lab, this.#parts.options.timing)), log);
        });
      }
    });
  }

  /** Measures when the machine is quiet; what was disturbed all the same is measured again, and the best of it kept. */
  async #undisturbed(measure: () => Promise<Measured[]>): Promise<Measured[]> {
    const { patienceMs, repeats } = this.#parts.options;
    let best: Measured[] = [];
    let least = Infinity;
    for (let attempt = 0; attempt <= repeats && least > QUIET_CORES; attempt++) {
      await waitForQuiet(patienceMs);
      const measured = await measure();
      const foreign = Math.max(...measured.map(({ detail }) => detail?.foreignCores ?? 0));
      if (foreign >= least) continue;
      best = measured;
      least = foreign;
    }
    return best;
  }

  async #start(turn: Turn): Promise<void> {
    await this.#guarded(turn, "start", async () => {
      await using lab = await BenchLab.open(turn.contestant, { ...turn, programs: this.#parts.programs });
      this.#add(
        turn,
        await this.#undisturbed(async () => {
          // Three, of which the middle counts: the first one may read the disk.
          const times = [await lab.startMs(), await lab.startMs(), await lab.startMs()];
          return [{ figure: "start", value: median(times) }];
        }),
      );
    });
  }

  async #log(turn: Turn): Promise<void> {
    const scenarios = LOGGED.filter(({ name }) =>
      this.#wants(name) || this.#parts.options.scenarios.includes("log")
    );
    for (const log of ["none", "json"] as const) await this.#inOneServer(turn, scenarios, log);
  }

  async #reflect(round: number): Promise<void> {
    const { contestants, programs } = this.#parts;
    for (const name of ["c", JUDGED] as const) {
      const contestant = contestants.find((candidate) => candidate.name === name);
      if (contestant === undefined) continue;
      const turn: Turn = { round, offloads: "off", contestant };
      await this.#guarded(turn, "reflect", async () => {
        await using lab = await BenchLab.open(contestant, { ...turn, programs });
        const seconds = this.#parts.options.timing.seconds;
        const measure = () => measureReflection(lab.lab, { programs, by: name, seconds });
        this.#add(turn, await this.#undisturbed(measure));
      });
    }
  }

  #wants(scenario: string): boolean {
    const { scenarios } = this.#parts.options;
    return scenarios.length === 0 || scenarios.includes(scenario);
  }

  #add(turn: Turn, measured: readonly Measured[], log: "none" | "json" | null = null): void {
    for (const { figure, value, detail } of measured) {
      if (!Number.isFinite(value)) throw new BenchFailure(`${figure} is not a number`);
      const sample: Sample = {
        round: turn.round,
        offloads: turn.offloads,
        contestant: turn.contestant.name,
        figure: log === null ? figure : loggedFigure(figure, log),
        value,
        ...(detail === undefined ? {} : { detail }),
      };
      this.outcome.samples.push(sample);
      const name = turn.contestant.name.padEnd(8);
      const foreign = detail?.foreignCores ?? 0;
      const noise = foreign > QUIET_CORES ? `   disturbed: others took ${foreign.toFixed(2)} cores` : "";
      this.#parts.tell(
        `  ${turn.offloads}  ${name} ${sample.figure.padEnd(20)} ${value.toPrecision(5)}${noise}`,
      );
    }
  }

  async #guarded(turn: Turn, what: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof BenchFailure)) throw error;
      const contestant = turn.contestant.name;
      this.outcome.failures.push({ ...turn, contestant, what, reason: error.message });
      this.#parts.tell(`  ${turn.offloads}  ${contestant.padEnd(8)} ${what}: ${error.message}`);
    }
  }
}

function loggedFigure(figure: FigureId, log: "none" | "json"): FigureId {
  for (const name of ["connections", "messages", "upload", "download"] as const) {
    if (figure === name) return `log-${log}-${name}`;
  }
  throw new BenchFailure(`${figure} is not measured with a log`);
}
