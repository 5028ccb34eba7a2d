/**
 * Header prediction changes nothing but the time that a segment takes: the same segments and calls, to a host with it and
 * to one without, have the same answers, events, rules and figures.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { flagNames } from "../../src/wire/tcp.ts";
import { randomSegment, sendRandom } from "../fuzz/random_segments.ts";
import { Lab } from "./harness.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";

const RUNS = 300;
const WINDOW = 0x4000;

/** One thing that happens to both hosts. */
type Step = (fixture: Fixture) => void;

/** Text in order with nothing new about it, or with one thing that prediction must not overlook. */
const nearlyExpected: fc.Arbitrary<Step> = fc.record({
  bytes: fc.constantFrom(0, 1, 64, 1448, 1448, 1448, 4096, 9000),
  flags: fc.constantFrom(0x10, 0x10, 0x18, 0x18, 0x11, 0x30, 0x50, 0x90, 0x14, 0x00, 0x12),
  window: fc.constantFrom(WINDOW, WINDOW, WINDOW, 0, 1, WINDOW + 1),
  seqOffset: fc.constantFrom(0, 0, 0, 0, 0, -1, 1, 1448, -1448),
  ackOffset: fc.constantFrom(0, 0, 0, 0, 0, -1, 1, -536),
  stamp: fc.constantFrom("now", "now", "now", "old", "none"),
  sack: fc.boolean(),
  ecn: fc.constantFrom(0, 0, 2, 3),
  pauseUs: fc.constantFrom(0, 0, 3, 1000, 50_000, 3_000_000),
}).map((what) => (fixture) => {
  const { lab, peer, app } = fixture;
  lab.pass(what.pauseUs);
  const info = app.connection.info();
  const value = 0x7fff_0000 + Math.floor(lab.nowUs / 1000) - (what.stamp === "old" ? 5000 : 0);
  const options = {
    ...(info.timestamps && what.stamp !== "none" ? { timestamps: { value: value >>> 0, echo: 0 } } : {}),
    ...(what.sack && info.sackPermitted && info.unsent > 0 ? { sack: [peer.hostBlock(1, 2)] } : {}),
  };
  peer.sends({
    flags: flagNames(what.flags).join(" "),
    seq: (info.rcvNxt - peer.iss + what.seqOffset) | 0,
    ack: (info.sndNxt - peer.hostIss + what.ackOffset) | 0,
    window: what.window,
    data: what.bytes,
    ecn: what.ecn,
    options,
  });
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: nearlyExpected, weight: 12 },
  { arbitrary: randomSegment.map((segment): Step => (fixture) => sendRandom(fixture, segment)), weight: 1 },
  {
    arbitrary: fc.nat(3000).map((bytes): Step => ({ app }) => {
      if (app.connection.writableBytes > 0) app.write(bytes);
    }),
    weight: 2,
  },
  {
    arbitrary: fc.nat(6000).map((bytes): Step => ({ lab, app }) =>
      lab.user(() => {
        app.connection.skip(bytes);
      })
    ),
    weight: 2,
  },
  { arbitrary: fc.constant<Step>(({ lab, app }) => lab.user(() => app.connection.closeWrite())), weight: 1 },
  {
    arbitrary: fc.boolean().map((on): Step => ({ lab, app }) =>
      lab.user(() => app.connection.setKeepAlive(on))
    ),
    weight: 1,
  },
);

/** All that can be seen of a host from outside. */
function seen({ lab, peer, app }: Fixture): unknown {
  return {
    answers: peer.takeAll(),
    events: lab.events.splice(0),
    rules: lab.rules.splice(0),
    info: app.connection.info(),
    counters: lab.host.counters(),
    deadline: lab.host.nextDeadlineUs(),
  };
}

type Reach = (options: FixtureOptions) => Fixture;

/** ESTABLISHED, with ECN agreed. */
function reachEstablishedWithEcn(options: FixtureOptions): Fixture {
  const lab = new Lab(options);
  const apps = lab.listen(options.autoRead === undefined ? {} : { autoRead: options.autoRead });
  const peer = lab.peer();
  peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK ECE", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  return { lab, peer, app: apps[0] };
}

function compare(reach: Reach, options: FixtureOptions, steps: readonly Step[]): void {
  const predicting = reach({ ...options, headerPrediction: true });
  const plain = reach({ ...options, headerPrediction: false });
  assertEquals(seen(predicting), seen(plain));
  for (const take of steps) {
    take(predicting);
    take(plain);
    assertEquals(seen(predicting), seen(plain));
  }
}

const KINDS: readonly (readonly [name: string, reach: Reach, options: FixtureOptions])[] = [
  ["without options", reachEstablished, {}],
  ["with all options", reachEstablished, { options: ALL_OPTIONS }],
  ["with ECN", reachEstablishedWithEcn, {}],
];

for (const [name, reach, options] of KINDS) {
  for (const isReading of [true, false]) {
    const who = isReading ? "the application reads" : "nobody reads";
    Deno.test(`header prediction: the same with it and without, ${name}, ${who}`, () => {
      const tcp = { receiveBufferBytes: 32_768, ecn: "accept" } as const;
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
          compare(reach, { ...options, autoRead: isReading, tcp }, steps);
        }),
        { numRuns: RUNS },
      );
    });
  }
}
