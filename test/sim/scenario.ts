/**
 * Scenarios: from a seed to everything that is varied: the weather on the path, the settings of both ends, and the
 * shape of the traffic.
 *
 * Owns: what is tried, and how often. Must not know: how it is run (simulation.ts).
 */
import { type FaultDirection, type FaultSpec, NO_FAULTS } from "../../src/link/fault_spec.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TalkPlan } from "./talker.ts";

/** The plans of the two ends of one connection; `side` 0 is the one that calls. */
export interface ConnectionPlan {
  readonly plans: readonly [TalkPlan, TalkPlan];
  /** When it is opened, microseconds from the beginning, or from the end of the connection that it follows. */
  readonly opensUs: number;
  /** The caller's port, counted from the first. */
  readonly port: number;
  /** Index of the connection that has to be gone first. */
  readonly follows?: number;
  /** Both ends call each other at once. */
  readonly isSimultaneous: boolean;
}

/** One simulation. */
export interface Scenario {
  readonly seed: number;
  readonly shape: string;
  readonly weather: string;
  readonly mtu: number;
  /** The called end's link takes large segments and cuts them itself, as a device with off-loads does. */
  readonly cutsLarge?: boolean;
  readonly faults: FaultSpec;
  /** Settings of the caller and of the called. */
  readonly tcp: readonly [Partial<TcpConfig>, Partial<TcpConfig>];
  readonly connections: readonly ConnectionPlan[];
  /** Some end may vanish on purpose: closing for other reasons than the normal one is right. */
  readonly mayAbort: boolean;
}

type Shape = (random: SeededRandom) => {
  readonly plans: (index: number) => readonly [Partial<TalkPlan>, Partial<TalkPlan>];
  readonly connections?: number;
  readonly tcp?: Partial<TcpConfig>;
  readonly isSimultaneous?: boolean;
  /** One after the other, from the same port. */
  readonly isSerial?: boolean;
  readonly mayAbort?: boolean;
};

const bulk = (random: SeededRandom, most = 150_000) =>
  random.pick([1, 1000, 1460, 20_000, random.between(1, most), random.between(1, most), 4 * most]);

/** The shapes of traffic by name. */
const SHAPES: Readonly<Record<string, Shape>> = {
  "bulk-to-server": (random) => ({ plans: () => [{ sendBytes: bulk(random) }, { closes: "after-peer" }] }),
  "bulk-to-client": (random) => ({ plans: () => [{ closes: "after-peer" }, { sendBytes: bulk(random) }] }),
  "bulk-both-ways": (random) => ({ plans: () => [{ sendBytes: bulk(random) }, { sendBytes: bulk(random) }] }),
  "echo": (random) => ({ plans: () => [{ sendBytes: bulk(random, 80_000) }, { echoes: true }] }),
  "ping-pong": (random) => {
    const message = random.pick([1, 10, 512, 3000]);
    const sendBytes = message * random.between(5, 40);
    return {
      plans: () => [{ sendBytes, aheadBytes: message, writeBytes: [message, message] }, { echoes: true }],
    };
  },
  "many-small-writes": (random) => {
    const writePauseUs = random.pick([0, 200, 5_000, 50_000]);
    const writer = { sendBytes: random.between(200, 3000), writeBytes: [1, 40] as const, writePauseUs };
    return { plans: () => [writer, random.chance(0.5) ? writer : { closes: "after-peer" }] };
  },
  "half-close": (random) => ({
    plans: () => [{ sendBytes: random.between(0, 500) }, { sendBytes: bulk(random), waitsForEnd: true }],
  }),
  "half-close-by-server": (random) => ({
    plans: () => [{ sendBytes: bulk(random), waitsForEnd: true }, { sendBytes: random.between(0, 500) }],
  }),
  "close-at-once": () => ({ plans: () => [{}, {}] }),
  "tiny-windows": (random) => ({
    tcp: { receiveBufferBytes: random.pick([600, 1500, 3000, 5000]), mss: random.pick([0, 88, 536]) },
    plans: () => [{ sendBytes: bulk(random, 40_000) }, { sendBytes: bulk(random, 20_000) }],
  }),
  "slow-reader": (random) => {
    const sendBytes = random.between(5_000, 60_000);
    return {
      tcp: { receiveBufferBytes: random.pick([2000, 4096, 16_384]) },
      plans: () => [{ sendBytes }, {
        closes: "after-peer",
        readBytes: Math.ceil(sendBytes / random.between(5, 20)),
        readPauseUs: random.pick([20_000, 300_000, 3_000_000]),
      }],
    };
  },
  "twenty-connections": (random) => ({
    connections: 20,
    plans: () =>
      random.pick<readonly [Partial<TalkPlan>, Partial<TalkPlan>]>([
        [{ sendBytes: random.between(0, 8000) }, { echoes: true }],
        [{ sendBytes: random.between(0, 8000) }, { sendBytes: random.between(0, 8000) }],
        [{ closes: "after-peer" }, { sendBytes: random.between(0, 8000) }],
      ]),
  }),
  "simultaneous-open": (random) => ({
    isSimultaneous: true,
    plans: () => [{ sendBytes: bulk(random, 30_000) }, { sendBytes: bulk(random, 30_000) }],
  }),
  // The server closes first: a new SYN meets its TIME_WAIT (MAY-2, RFC 6191).
  "same-port-again": (random) => ({
    isSerial: true,
    connections: 4,
    plans: () => [{ sendBytes: random.between(0, 5000), closes: "after-peer" }, {
      sendBytes: bulk(random, 20_000),
    }],
  }),
  "abort-in-the-middle": (random) => {
    const sendBytes = random.between(1000, 60_000);
    const abort = { abortAtBytes: random.between(1, sendBytes), keepAlive: true };
    const other = { sendBytes: random.pick([0, sendBytes]), closes: "after-peer" as const, keepAlive: true };
    return {
      mayAbort: true,
      plans: () =>
        random.chance(0.5) ? [{ sendBytes, ...abort }, other] : [{ sendBytes, keepAlive: true }, {
          ...other,
          ...abort,
        }],
    };
  },
};

const CALM: FaultDirection = NO_FAULTS;

/** The weathers by name; what is not said comes from the climate (delay, rate). */
const WEATHERS: Readonly<Record<string, (random: SeededRandom) => Partial<FaultDirection>>> = {
  calm: () => ({}),
  "light-loss": () => ({ drop: 0.01 }),
  loss: () => ({ drop: 0.05 }),
  "heavy-loss": () => ({ drop: 0.12 }),
  duplication: () => ({ duplicate: 0.15 }),
  disorder: () => ({ reorder: 0.1 }),
  corruption: () => ({ corrupt: 0.04 }),
  congestion: () => ({ mark: 0.1, drop: 0.005 }),
  "all-at-once": (random) => ({
    drop: random.fraction() * 0.05,
    duplicate: random.fraction() * 0.05,
    reorder: random.fraction() * 0.1,
    corrupt: random.fraction() * 0.02,
    mark: random.fraction() * 0.05,
  }),
};

/** The scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new SeededRandom(seed, 0x5ce);
  const shape = random.pick(Object.keys(SHAPES));
  const weather = random.pick(Object.keys(WEATHERS));
  const climate = {
    delayUs: random.pick([0, 50, 1_000, 10_000, 80_000]),
    jitterUs: random.pick([0, 0, 300, 5_000]),
    rateBitsPerSecond: random.pick([Infinity, Infinity, 100e6, 10e6, 1e6]),
  };
  const stormy = { ...CALM, ...climate, ...WEATHERS[weather](random) };
  const faults: FaultSpec = {
    seed,
    in: stormy,
    // Often only one way is bad: lost data and lost acknowledgments are different matters.
    out: random.chance(0.3) ? { ...CALM, ...climate } : stormy,
  };
  const mtu = random.pick([1500, 1500, 576, 9000]);
  const about = SHAPES[shape](random);
  const { plans, connections = 1, tcp = {}, isSimultaneous = false, isSerial = false, mayAbort = false } =
    about;
  return {
    seed,
    shape,
    weather,
    mtu,
    faults: random.chance(0.5) ? faults : { ...faults, in: faults.out, out: faults.in },
    tcp: [{ ...settings(random), ...tcp }, { ...settings(random), ...tcp }],
    connections: Array.from({ length: connections }, (_, index) => ({
      plans: complete(plans(index), index),
      opensUs: index === 0 ? 0 : random.below(200_000),
      isSimultaneous,
      port: isSerial ? 0 : index,
      ...(isSerial && index > 0 ? { follows: index - 1 } : {}),
    })),
    mayAbort,
    // Drawn last, so that what is drawn before keeps its meaning.
    cutsLarge: random.chance(0.3),
  };
}

function settings(random: SeededRandom): Partial<TcpConfig> {
  return {
    sack: random.chance(0.75),
    timestamps: random.chance(0.75),
    windowScaling: random.chance(0.75),
    ecn: random.pick(["off", "accept", "request"]),
    congestionControl: random.pick(["cubic", "reno"]),
    noDelay: random.chance(0.3),
    mss: random.pick([0, 0, 0, 88, 536, 1200]),
    receiveBufferBytes: random.pick([8192, 65_535, 0x100000]),
    sendBufferBytes: random.pick([4096, 65_536, 0x100000]),
    quickAcks: random.pick([0, 2, 10]),
    rtoMinUs: random.pick([200_000, 200_000, 1_000_000]),
    missingTimestamp: random.pick(["drop", "accept"]),
    duplicateSyn: random.pick(["repeat-syn-ack", "repeat-syn-ack", "rfc9293"]),
  };
}

/** Fills in what both ends expect of each other. */
function complete(
  [calling, called]: readonly [Partial<TalkPlan>, Partial<TalkPlan>],
  index: number,
): readonly [TalkPlan, TalkPlan] {
  const callingSalt = 2 * index + 1;
  const calledSalt = called.echoes === true ? callingSalt : 2 * index + 2;
  const callingBytes = calling.sendBytes ?? 0;
  const calledBytes = called.echoes === true ? callingBytes : called.sendBytes ?? 0;
  return [
    {
      ...calling,
      sendBytes: callingBytes,
      expectBytes: calledBytes,
      sendSalt: callingSalt,
      expectSalt: calledSalt,
    },
    {
      ...called,
      sendBytes: calledBytes,
      expectBytes: callingBytes,
      sendSalt: calledSalt,
      expectSalt: callingSalt,
    },
  ];
}
