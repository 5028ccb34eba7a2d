/**
 * Loss recovery on paths that lose at random: what must hold whatever is lost. RFC 6675 §5, RFC 8985 §6 and §7,
 * RFC 5681 §3 (MUST-19), RFC 6582 §3.2, RFC 2018 §8.
 *
 * The receiver SACKs as RFC 2018 and RFC 2883 say; no test looks at figures where bytes on the path tell.
 */
import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import {
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  STAMPED_PLAIN_OPTIONS,
} from "./bulk_sender.ts";
import { LossyPath, type PathOptions, type Transmission } from "./lossy_path.ts";
import { SECOND_US } from "./wire_ends.ts";

interface Weather extends Omit<PathOptions, "random" | "sack"> {
  readonly name: string;
}

const WEATHERS: readonly Weather[] = [
  { name: "2 % loss", dataLoss: 0.02, ackLoss: 0, oneWayUs: 25 * MS_US },
  { name: "10 % loss", dataLoss: 0.1, ackLoss: 0, oneWayUs: 25 * MS_US },
  { name: "30 % loss", dataLoss: 0.3, ackLoss: 0, oneWayUs: 10 * MS_US },
  { name: "5 % loss both ways", dataLoss: 0.05, ackLoss: 0.05, oneWayUs: 25 * MS_US },
  { name: "half of all ACKs lost", dataLoss: 0.01, ackLoss: 0.5, oneWayUs: 25 * MS_US },
  { name: "reordering", dataLoss: 0, ackLoss: 0, oneWayUs: 25 * MS_US, jitterUs: 10 * MS_US },
  {
    name: "reordering and 3 % loss",
    dataLoss: 0.03,
    ackLoss: 0.01,
    oneWayUs: 25 * MS_US,
    jitterUs: 10 * MS_US,
  },
];

const KINDS = [
  { name: "SACK", options: SACK_OPTIONS },
  { name: "no SACK", options: PLAIN_OPTIONS },
  { name: "SACK and timestamps", options: STAMPED_OPTIONS },
  { name: "timestamps alone", options: STAMPED_PLAIN_OPTIONS },
] as const;

const SEEDS = 6;

Deno.test("the sequence numbers of some of these runs pass zero (RFC 9293 §3.4)", () => {
  const { iss } = new BulkSender({ queued: 0, startUs: startForWrap() }).info;
  assert(iss > 0x1_0000_0000 - 30_000, `${iss}`);
});

interface Run {
  readonly bulk: BulkSender;
  readonly path: LossyPath;
  /** Bytes that were sent again though their last transmission had arrived or was on its way. */
  readonly needless: Transmission[];
}

function play(weather: Weather, kind: (typeof KINDS)[number], seed: number): Run {
  const random = new SeededRandom(seed, 77);
  const bytes = random.between(1, 80) * 1000 + random.below(1000);
  const bulk = new BulkSender({
    ...(seed % 3 === 0 ? { startUs: startForWrap() } : {}),
    options: kind.options,
    rttUs: 2 * weather.oneWayUs,
    queued: bytes,
    tcp: { congestionControl: seed % 2 === 0 ? "cubic" : "reno" },
  });
  if (random.chance(0.5)) bulk.app.closeWrite();
  const path = new LossyPath(bulk, { ...weather, random, sack: kind.name.startsWith("SACK") });
  const needless: Transmission[] = [];
  let highest = 1;
  let timeouts = 0;
  path.onSent = (sent) => {
    const where = `${weather.name}, ${kind.name}, seed ${seed}: ${sent.left} to ${sent.right}`;
    const expiries = bulk.resent().filter((word) => word === "rto").length;
    // A timeout may forget the scoreboard (RFC 6675 §5.1).
    if (expiries > timeouts) path.told.length = 0;
    timeouts = expiries;
    assert(sent.left <= highest, `no gap: ${where}`);
    if (sent.right > highest) {
      const { cwnd, inFlight, sendMss } = bulk.info;
      // Two by limited transmit, one as a probe.
      assert(inFlight <= cwnd + 3 * sendMss, `${inFlight} in flight, window ${cwnd}, ${where}`);
    }
    if (sent.left < highest) {
      const known = path.told.some(([left, right]) => left <= sent.left && sent.right <= right);
      assert(!known, `sent again, though it was SACKed: ${where}`);
      const last = path.transmissions.findLast(({ left, right }) => left < sent.right && sent.left < right);
      if (last !== undefined && !last.isLost) needless.push(sent);
    }
    highest = Math.max(highest, sent.right);
  };
  path.run(300 * SECOND_US);
  const { srttUs, minRttUs } = bulk.info;
  const shortestUs = 2 * weather.oneWayUs - MS_US;
  assert(
    minRttUs >= shortestUs && srttUs >= shortestUs,
    `no round trip is that short: ${minRttUs}, ${srttUs}, seed ${seed}`,
  );
  return { bulk, path, needless };
}

/** When the host must begin for its sequence numbers to pass zero after about 20,000 bytes (RFC 9293 §3.4.1: 4 us each). */
function startForWrap(): number {
  const { iss } = new BulkSender({ queued: 0, startUs: SECOND_US }).info;
  const missing = (0x1_0000_0000 - 20_000 - iss) % 0x1_0000_0000;
  return SECOND_US + 4 * missing;
}

function count(bulk: BulkSender, kind: string): number {
  return bulk.resent().filter((word) => word === kind).length;
}

for (const weather of WEATHERS) {
  for (const kind of KINDS) {
    Deno.test(`${weather.name}, ${kind.name}: all gets through, nothing SACKed is sent again, the window is kept (MUST-19, RFC 6675 §5, RFC 6582 §3.2)`, () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { bulk } = play(weather, kind, seed);
        assertEquals(bulk.info.unsent, 0);
        assertEquals(
          Object.keys(bulk.info.timers).filter((timer) => timer !== "fin-wait-2"),
          [],
          "no timer left",
        );
      }
    });
  }
}

Deno.test("with SACK, no reordering and all ACKs, nothing is sent again that had arrived, but by probes and timeouts (RFC 6675 §5, RFC 8985 §6, §7)", () => {
  for (const weather of WEATHERS.slice(0, 3)) {
    for (let seed = 20; seed < 20 + SEEDS; seed++) {
      const { bulk, needless } = play(weather, KINDS[0], seed);
      const allowed = count(bulk, "tlp") + count(bulk, "rto");
      assert(
        needless.length <= allowed,
        `${needless.length} needless, ${allowed} probes (${weather.name}, seed ${seed})`,
      );
    }
  }
});

Deno.test("timeouts are rare with SACK: lost tails and lost retransmissions are found without them (RFC 8985 §3)", () => {
  let timeouts = 0;
  let losses = 0;
  for (const weather of WEATHERS.slice(0, 2)) {
    for (let seed = 40; seed < 40 + 2 * SEEDS; seed++) {
      const { bulk, path } = play(weather, KINDS[0], seed);
      timeouts += count(bulk, "rto");
      losses += path.transmissions.filter(({ isLost }) => isLost).length;
    }
  }
  assert(losses > 40, `${losses}`);
  assert(timeouts <= losses / 8, `${timeouts} timeouts for ${losses} losses`);
});

Deno.test("mere reordering within a quarter of the round trip: with SACK hardly anything is sent again (RFC 8985 §6.2)", () => {
  let again = 0;
  let sent = 0;
  for (let seed = 60; seed < 60 + SEEDS; seed++) {
    const { bulk, path } = play(WEATHERS[5], KINDS[0], seed);
    again += count(bulk, "fast");
    sent += path.transmissions.length;
    assertEquals(count(bulk, "rto"), 0);
  }
  // The first may be taken for a loss: nothing has shown yet that this path reorders.
  assert(again <= 3 * SEEDS && again <= sent / 5, `${again} of ${sent}`);
});
