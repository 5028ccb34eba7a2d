/**
 * Two hosts of ours over a bad path, and a capture at some point of it: what was inferred there, and what was true.
 *
 * Owns: the driving. Must not know: what is expected.
 */
import { Host } from "../../src/host/host.ts";
import { faultLink } from "../../src/link/fault_link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { tapLink } from "../../src/link/tap.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { type ConnectionPlan, type Scenario, scenarioOf } from "../sim/scenario.ts";
import { Talker, type TalkerWorld } from "../sim/talker.ts";
import { FrameDissector } from "./frame_dissector.ts";
import { FAMILY } from "../tcp/family.ts";

const SERVER_PORT = 3333;
const FIRST_CLIENT_PORT = 40_000;
const ADDRESSES = [FAMILY.neighbor(2), FAMILY.neighbor(1)] as const;
const MOST_SECONDS = 7_200;

/** Where the capture is: at the caller's device, before the bad path; or at the called end, behind it. */
export type Vantage = "caller" | "called";

/** What came of it. */
export interface TwoEnds {
  readonly story: Story;
  /** Events of the caller and of the called. */
  readonly events: readonly [TcpEvent[], TcpEvent[]];
  readonly scenario: Scenario;
}

/** Runs the scenario of a seed. */
export function runTwoEnds(seed: number, vantage: Vantage, change: Partial<Scenario> = {}): TwoEnds {
  const scenario = { ...scenarioOf(seed), ...change };
  return new TwoEndsRun(scenario, vantage).run();
}

class TwoEndsRun {
  readonly #clock = new VirtualClock({ nowUs: 1_000_000, epochUs: 1_700_000_000_000_000 });
  readonly #network = new VirtualNetwork(this.#clock);
  readonly #hosts: readonly [Host, Host];
  readonly #events: [TcpEvent[], TcpEvent[]] = [[], []];
  readonly #story = new Story();
  readonly #scenario: Scenario;

  constructor(scenario: Scenario, vantage: Vantage) {
    this.#scenario = scenario;
    const { seed, faults, tcp } = scenario;
    const mtu = Math.max(scenario.mtu, FAMILY.leastMtu);
    const [callerLink, calledLink] = memoryPair({ mtu, queueFrames: 16_384 });
    const nowUs = () => this.#clock.nowUs();
    const bad = faultLink(callerLink, {
      faults,
      nowUs,
      observer: {
        isWatched: () => true,
        touched: (touched) => this.#hosts[0].faultObserver.touched(touched),
        handsUp: (number) => this.#hosts[0].faultObserver.handsUp(number),
      },
    });
    const packets = new PacketStory(this.#story);
    const dissector = new FrameDissector((segment) => packets.add(segment), () => this.#clock.nowUs() / 1e6);
    const links = vantage === "caller"
      ? [tapLink(bad, dissector.tap()), calledLink] as const
      : [bad, tapLink(calledLink, dissector.tap())] as const;
    const random = new SeededRandom(seed, 0x40);
    const makeHost = (side: 0 | 1) =>
      new Host({
        link: links[side],
        addresses: [{ address: ADDRESSES[side], prefixLength: FAMILY.prefixLength }],
        secret: Uint8Array.from({ length: 16 }, () => random.below(256)),
        epochUs: this.#clock.epochUs,
        nowUs: this.#clock.nowUs(),
        checksumPolicy: "strict",
        tcp: tcp[side],
      });
    this.#hosts = [makeHost(0), makeHost(1)];
    this.#hosts.forEach((host, side) => host.observer = (event) => this.#events[side].push(event));
    this.#network.join({ host: this.#hosts[0], link: links[0], nextDueUs: () => bad.nextDueUs() });
    this.#network.join({ host: this.#hosts[1], link: links[1] });
    this.#plan(random);
  }

  #plan(random: SeededRandom): void {
    const world: TalkerWorld = {
      clock: this.#clock,
      random,
      setNow: () => this.#hosts.forEach((host) => host.setNow(this.#clock.nowUs())),
    };
    const { connections } = this.#scenario;
    const talkers = connections.map(({ plans }, index) => new Talker(`client ${index}`, plans[0], world));
    const planOfPort = new Map<number, ConnectionPlan>();
    this.#hosts[1].listen({
      port: SERVER_PORT,
      accept: ({ peerPort }) => {
        const plan = planOfPort.get(peerPort) ?? connections[0];
        return new Talker("server", plan.plans[1], world);
      },
    });
    const open = (plan: ConnectionPlan, talker: Talker) =>
      this.#clock.after(plan.opensUs, () => {
        world.setNow();
        const callerPort = FIRST_CLIENT_PORT + plan.port;
        planOfPort.set(callerPort, plan);
        const calledPort = plan.isSimultaneous ? SERVER_PORT + 1 : SERVER_PORT;
        this.#hosts[0].connect({
          address: ADDRESSES[1],
          port: calledPort,
          localPort: callerPort,
          handler: talker,
        });
        if (!plan.isSimultaneous) return;
        this.#hosts[1].connect({
          address: ADDRESSES[0],
          port: callerPort,
          localPort: calledPort,
          handler: new Talker("server", plan.plans[1], world),
        });
      });
    for (const [index, plan] of connections.entries()) {
      if (plan.follows === undefined) open(plan, talkers[index]);
      else talkers[plan.follows].onGone = () => open(plan, talkers[index]);
    }
  }

  run(): TwoEnds {
    this.#clock.advance(0);
    const isOver = () => this.#network.nextDeadlineUs === Infinity;
    this.#network.advanceUntil(isOver, MOST_SECONDS * 1_000_000);
    return { story: this.#story, events: this.#events, scenario: this.#scenario };
  }
}
