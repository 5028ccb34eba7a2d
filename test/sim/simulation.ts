/**
 * A simulation: two hosts over a bad path, on a virtual clock, from the first SYN until nothing is left of anything.
 *
 * Owns: how a scenario is run and what must hold at its end. Must not know: which scenarios there are.
 */
import { Host } from "../../src/host/host.ts";
import type { FaultCounts } from "../../src/link/fault_path.ts";
import { faultLink } from "../../src/link/fault_link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { tapLink } from "../../src/link/tap.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import type { Observer } from "../../src/tcp/events.ts";
import { FAMILY, type Family } from "../tcp/family.ts";
import { ThrownFaults } from "../tcp/thrown_faults.ts";
import { mostPayloadBytes, mostSegments, mostTransferSeconds } from "./effort.ts";
import type { ConnectionPlan, Scenario } from "./scenario.ts";
import { SimulationFailure, Talker, type TalkerWorld } from "./talker.ts";
import { WireJudge } from "./wire_judge.ts";

const SERVER_PORT = 3333;
const FIRST_CLIENT_PORT = 40_000;

/** Nothing may take longer than this in virtual time, whatever it is; effort.ts says more about transfers. */
const MOST_SECONDS = 7_200;

/** What came of a simulation. */
export interface SimulationReport {
  /** When the last byte of all was there, seconds. */
  readonly transferSeconds: number;
  /** When nothing was left, TIME_WAIT included. */
  readonly totalSeconds: number;
  readonly segments: number;
  readonly payloadBytes: number;
  readonly streamBytes: number;
  readonly connections: number;
  readonly faults: { readonly in: FaultCounts | null; readonly out: FaultCounts | null };
}

/** Over which version, that of this run when absent; and who listens in, for reproducing. */
interface SimulationWatch {
  readonly family?: Family;
  readonly observers?: readonly [Observer | null, Observer | null];
}

/** Runs a scenario to its end. Throws {@link SimulationFailure}, or what the stack threw. */
export function simulate(scenario: Scenario, watch: SimulationWatch = {}): SimulationReport {
  const { family = FAMILY } = watch;
  return new Simulation({ ...scenario, mtu: Math.max(scenario.mtu, family.leastMtu) }, { ...watch, family })
    .run();
}

interface Pair {
  readonly plan: ConnectionPlan;
  readonly calling: Talker;
  /** Those that the called end made; more than one when an old SYN knocks again. */
  readonly called: Talker[];
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #family: Family;
  /** Of the caller and the called. */
  readonly #addresses: readonly [Uint8Array, Uint8Array];
  readonly #clock = new VirtualClock({ nowUs: 1_000_000, epochUs: 1_700_000_000_000_000 });
  readonly #network = new VirtualNetwork(this.#clock);
  readonly #hosts: readonly [Host, Host];
  readonly #judge: WireJudge;
  readonly #pairs: Pair[];
  /** The pair whose turn it is, by the caller's port. */
  readonly #pairOfPort = new Map<number, Pair>();
  /** What talkers threw: a byte that is wrong, a call that must not be. */
  readonly #thrown = new ThrownFaults();
  readonly #faultCounts: () => SimulationReport["faults"];

  constructor(scenario: Scenario, watch: SimulationWatch & { readonly family: Family }) {
    const { family } = watch;
    this.#scenario = scenario;
    this.#family = family;
    this.#addresses = [family.neighbor(2), family.neighbor(1)];
    const { seed, mtu, faults, cutsLarge = false } = scenario;
    const maxPacketBytes = cutsLarge ? 0xffff : mtu;
    const [callerLink, calledLink] = memoryPair({ mtu, maxPacketBytes, queueFrames: 16_384 });
    // The bad path is the caller's link: `out` is what it sends.
    const nowUs = () => this.#clock.nowUs();
    const bad = faultLink(callerLink, {
      faults,
      nowUs,
      observer: {
        isWatched: () => this.#hosts[0].faultObserver.isWatched(),
        touched: (touched) => this.#hosts[0].faultObserver.touched(touched),
        handsUp: (number) => this.#hosts[0].faultObserver.handsUp(number),
      },
    });
    this.#faultCounts = () => bad.faultCounts();
    this.#judge = new WireJudge({
      mtu,
      isDamaging: faults.in.corrupt > 0 || faults.out.corrupt > 0,
      saltOf: (source, destination) => this.#saltOf(source, destination),
    });
    const links = [tapLink(bad, this.#judge.tap()), tapLink(calledLink, this.#judge.tap())] as const;
    const random = new SeededRandom(seed, 0x40);
    const makeHost = (side: 0 | 1) =>
      new Host({
        link: links[side],
        addresses: [{ address: this.#addresses[side], prefixLength: family.prefixLength }],
        secret: Uint8Array.from({ length: 16 }, () => random.below(256)),
        epochUs: this.#clock.epochUs,
        nowUs: this.#clock.nowUs(),
        // A partial sum lets one damaged segment in 65,536 pass; only who cuts large segments leaves any unfinished.
        checksumPolicy: cutsLarge ? "partial" : "strict",
        tcp: scenario.tcp[side],
        onFault: this.#thrown.hook,
      });
    this.#hosts = [makeHost(0), makeHost(1)];
    this.#hosts.forEach((host, side) => host.observer = watch.observers?.[side] ?? null);
    this.#network.join({ host: this.#hosts[0], link: links[0], nextDueUs: () => bad.nextDueUs() });
    this.#network.join({ host: this.#hosts[1], link: links[1] });
    const world: TalkerWorld = {
      clock: this.#clock,
      random,
      setNow: () => {
        for (const host of this.#hosts) host.setNow(this.#clock.nowUs());
      },
    };
    this.#pairs = scenario.connections.map((plan, index) => ({
      plan,
      calling: new Talker(`client ${index}`, plan.plans[0], world),
      called: [],
    }));
    this.#listen(world);
    for (const pair of this.#pairs) this.#openInTime(pair, world);
  }

  run(): SimulationReport {
    this.#clock.advance(0);
    const limitUs = MOST_SECONDS * 1_000_000;
    const isOver = () => this.#thrown.any || this.#network.nextDeadlineUs === Infinity;
    const isInTime = this.#network.advanceUntil(isOver, limitUs);
    this.#thrown.rethrow();
    if (!isInTime) this.#fail(`is not over after ${MOST_SECONDS} s`);
    for (const pair of this.#pairs) this.#checkPair(pair);
    this.#checkHosts();
    return this.#report();
  }

  #listen(world: TalkerWorld): void {
    this.#hosts[1].listen({
      port: SERVER_PORT,
      accept: ({ peerPort }) => {
        const pair = this.#pairOfPort.get(peerPort);
        if (pair === undefined) throw new SimulationFailure(`a stranger calls from port ${peerPort}`);
        const talker = new Talker(pair.calling.name.replace("client", "server"), pair.plan.plans[1], world);
        pair.called.push(talker);
        return talker;
      },
    });
  }

  /** Opens a connection when its time has come, or when the one before it on the same port is gone. */
  #openInTime(pair: Pair, world: TalkerWorld): void {
    const { plan } = pair;
    const open = () =>
      this.#clock.after(plan.opensUs, () => {
        world.setNow();
        this.#open(pair, world);
      });
    if (plan.follows === undefined) open();
    else this.#pairs[plan.follows].calling.onGone = open;
  }

  #open(pair: Pair, world: TalkerWorld): void {
    const { plan, calling } = pair;
    const callerPort = FIRST_CLIENT_PORT + plan.port;
    this.#pairOfPort.set(callerPort, pair);
    const calledPort = plan.isSimultaneous ? SERVER_PORT + 1 : SERVER_PORT;
    this.#hosts[0].connect({
      address: this.#addresses[1],
      port: calledPort,
      localPort: callerPort,
      handler: calling,
    });
    if (!plan.isSimultaneous) return;
    const called = new Talker(calling.name.replace("client", "server"), plan.plans[1], world);
    pair.called.push(called);
    this.#hosts[1].connect({
      address: this.#addresses[0],
      port: callerPort,
      localPort: calledPort,
      handler: called,
    });
  }

  #saltOf(source: number, destination: number): number | null {
    const [port, side] = source >= FIRST_CLIENT_PORT ? [source, 0] : [destination, 1];
    return this.#pairOfPort.get(port)?.plan.plans[side].sendSalt ?? null;
  }

  #checkPair({ calling, called }: Pair): void {
    const opened = called.filter((talker) => talker.opened > 0);
    const talkers = [calling, ...called];
    for (const talker of talkers) {
      if (talker.closed === null) this.#fail(`${talker.name} is never closed (${talker.connection?.state})`);
    }
    if (opened.length > 1) this.#fail(`${opened[0].name} was opened ${opened.length} times`);
    if (this.#scenario.mayAbort) return;
    if (opened.length === 0) this.#fail(`${calling.name} never reached the other side`);
    for (const talker of [calling, ...opened]) {
      const { plan, name, closed, receivedBytes } = talker;
      if (receivedBytes !== plan.expectBytes) {
        this.#fail(`${name} got ${receivedBytes} of ${plan.expectBytes} bytes (closed: ${closed})`);
      }
      if (!talker.peerClosed) this.#fail(`${name} never heard that its peer closed (closed: ${closed})`);
      if (closed !== "normal") this.#fail(`${name} ended as ${closed}`);
    }
  }

  #checkHosts(): void {
    for (const [side, host] of this.#hosts.entries()) {
      const left = host.connections();
      if (left.length > 0) {
        this.#fail(
          `host ${side} still holds ${left.map(({ name, state }) => `${name} ${state}`).join(", ")}`,
        );
      }
    }
    const report = this.#report();
    const { segments, payloadBytes, transferSeconds } = report;
    const most = mostSegments(this.#scenario, { seconds: transferSeconds, family: this.#family });
    if (segments > most) this.#fail(`took ${segments} segments, above ${most}: a storm`);
    const mostBytes = mostPayloadBytes(this.#scenario);
    if (payloadBytes > mostBytes) {
      this.#fail(`sent ${payloadBytes} bytes of payload, above ${mostBytes}: too much of it again`);
    }
    const mostSeconds = mostTransferSeconds(this.#scenario, this.#family);
    if (transferSeconds > mostSeconds) this.#fail(`took ${transferSeconds} s, above ${mostSeconds}`);
  }

  #report(): SimulationReport {
    const talkers = this.#pairs.flatMap(({ calling, called }) => [calling, ...called]);
    const { segments, payloadBytes } = this.#judge.totals;
    const beganUs = 1_000_000;
    return {
      transferSeconds: (Math.max(beganUs, ...talkers.map(({ doneUs }) => doneUs)) - beganUs) / 1e6,
      totalSeconds: (this.#clock.nowUs() - beganUs) / 1e6,
      segments,
      payloadBytes,
      streamBytes: talkers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
      connections: this.#pairs.length,
      faults: this.#faultCounts(),
    };
  }

  #fail(what: string): never {
    const { shape, weather } = this.#scenario;
    throw new SimulationFailure(`${what} [${shape}, ${weather}]`);
  }
}
