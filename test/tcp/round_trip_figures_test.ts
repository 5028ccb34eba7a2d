/**
 * SRTT, RTTVAR and RTO after each measurement, against RFC 6298 §2 and §5, for round trips at random; what is no
 * measurement changes nothing (Karn, MUST-18).
 *
 * Owns: the RFC's formulas, written down once more. Must not know: how the machine computes them.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MS_US, PLAIN_OPTIONS, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import { type Fixture, reachSynRcvd } from "./states.ts";

const GRANULARITY_US = 1000;
const ALPHA = 1 / 8;
const BETA = 1 / 4;
const LEAST_US = 200 * MS_US;
const MOST_US = 60_000 * MS_US;

class Estimator {
  srtt = 0;
  rttvar = 0;
  least = Infinity;
  rto = 1_000_000;

  takes(us: number): void {
    if (this.srtt === 0) {
      this.srtt = Math.max(us, 1);
      this.rttvar = us / 2;
    } else {
      this.rttvar = (1 - BETA) * this.rttvar + BETA * Math.abs(this.srtt - us);
      this.srtt = (1 - ALPHA) * this.srtt + ALPHA * us;
    }
    this.least = Math.min(this.least, us);
    const rto = this.srtt + Math.max(GRANULARITY_US, 4 * this.rttvar);
    this.rto = Math.min(Math.max(rto, LEAST_US), MOST_US);
  }

  check({ app }: Fixture): void {
    const { srttUs, rttvarUs, rtoUs, minRttUs } = app.connection.info();
    const is = [srttUs, rttvarUs, rtoUs, minRttUs];
    const wanted = [this.srtt, this.rttvar, this.rto, this.least];
    assert(is.every((value, i) => Math.abs(value - wanted[i]) < 0.01), `${is} instead of ${wanted}`);
  }
}

const roundTrip = fc.oneof(
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 1000, max: 150_000 }),
  fc.integer({ min: 1000, max: 2_000_000 }),
);

for (
  const [name, options] of [["plain", PLAIN_OPTIONS], ["SACK", SACK_OPTIONS], [
    "timestamps",
    STAMPED_OPTIONS,
  ]] as const
) {
  Deno.test(`SRTT, RTTVAR and RTO follow each round trip, ${name} (MUST-18, RFC 6298 §2.2 to §2.5)`, () => {
    fc.assert(
      fc.property(roundTrip, fc.array(roundTrip, { minLength: 1, maxLength: 25 }), (first, others) => {
        const fixture = reachSynRcvd({ options });
        const { lab, peer, app } = fixture;
        peer.timestamps = options === STAMPED_OPTIONS;
        const estimator = new Estimator();
        lab.pass(Math.min(first, 900_000));
        peer.sends({ flags: "ACK", seq: 1, ack: 1 });
        estimator.takes(Math.min(first, 900_000));
        estimator.check(fixture);
        for (const us of others) {
          // No longer than until it would be sent again, as a probe or by the timer.
          app.write(1);
          const [timerUs] = Object.values(app.connection.info().timers);
          const taken = Math.min(us, timerUs - 1);
          lab.pass(taken);
          assertEquals(peer.takeAll().length, 1);
          peer.sends({ flags: "ACK", seq: 1 });
          estimator.takes(taken);
          estimator.check(fixture);
        }
      }),
      { numRuns: 120 },
    );
  });
}

Deno.test("what was sent twice gives no measurement, and the next one ends the back-off (MUST-18, RFC 6298 §3, §5.5 to §5.7)", () => {
  const fixture = reachSynRcvd({ options: PLAIN_OPTIONS });
  const { lab, peer, app } = fixture;
  const estimator = new Estimator();
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  estimator.takes(100 * MS_US);
  app.write(1);
  let rtoUs = estimator.rto;
  for (let timeouts = 1; timeouts <= 9; timeouts++) {
    lab.pass(rtoUs - 1);
    assertEquals(app.connection.info().backoff, timeouts - 1);
    lab.pass(1);
    rtoUs = Math.min(2 * rtoUs, MOST_US);
    assertEquals([app.connection.info().rtoUs, app.connection.info().backoff], [
      rtoUs,
      Math.min(timeouts, 8),
    ]);
  }
  assertEquals(peer.takeAll().length, 10);
  lab.pass(5 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals([app.connection.info().srttUs, app.connection.info().rtoUs], [100 * MS_US, MOST_US]);
  app.write(1);
  peer.takeAll();
  lab.pass(40 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  estimator.takes(40 * MS_US);
  estimator.check(fixture);
  assertEquals(app.connection.info().backoff, 0);
});

Deno.test("bounds of the RTO are those that are set (RFC 6298 §2.4, §2.5)", () => {
  for (
    const [rttMs, rtoMinUs, rtoMaxUs, wantedUs] of [[1, 5000, MOST_US, 5000], [100, 1000, 150_000, 150_000], [
      100,
      1000,
      MOST_US,
      300_000,
    ]]
  ) {
    const { lab, peer, app } = reachSynRcvd({ options: PLAIN_OPTIONS, tcp: { rtoMinUs, rtoMaxUs } });
    lab.pass(rttMs * MS_US);
    peer.takeAll();
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(app.connection.info().rtoUs, wantedUs);
  }
});

Deno.test("a round trip ends when the acknowledgment arrives, however late it is taken (RFC 6298 §2)", () => {
  const fixture = reachSynRcvd({ options: PLAIN_OPTIONS });
  const { lab, peer, app } = fixture;
  const estimator = new Estimator();
  lab.pass(100 * MS_US);
  lab.waitedUs = 30 * MS_US;
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  estimator.takes(70 * MS_US);
  estimator.check(fixture);
  app.write(1);
  lab.pass(20 * MS_US);
  lab.waitedUs = 5 * MS_US;
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  estimator.takes(15 * MS_US);
  estimator.check(fixture);
});

Deno.test("a round trip by an echoed timestamp is rounded, and so never the least one (RFC 7323 §4.1)", () => {
  const fixture = reachSynRcvd({ options: STAMPED_OPTIONS });
  const { lab, peer, app } = fixture;
  peer.timestamps = true;
  lab.pass(10 * MS_US + 900);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  const { minRttUs } = app.connection.info();
  assertEquals(minRttUs, 10 * MS_US + 900);
  app.write(1);
  // Until it is sent again: only the echo tells then which of both was acknowledged.
  lab.pass(app.connection.info().rtoUs);
  const copies = peer.takeAll().length;
  lab.pass(1 * MS_US + 900);
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals(copies >= 2, true);
  assertEquals(app.connection.info().srttUs < minRttUs, true);
  assertEquals(app.connection.info().minRttUs, minRttUs);
});

Deno.test("an acknowledgment that seems to have arrived before what it answers was sent measures nothing (RFC 6298 §2)", () => {
  const fixture = reachSynRcvd({ options: PLAIN_OPTIONS });
  const { lab, peer, app } = fixture;
  const estimator = new Estimator();
  const unmeasured = () => {
    const { srttUs, rttvarUs, rtoUs, minRttUs } = app.connection.info();
    return { srttUs, rttvarUs, rtoUs, minRttUs };
  };
  // The clock by which frames are captured was set back by a millisecond.
  lab.waitedUs = 1 * MS_US;
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(app.connection.info().state, "ESTABLISHED");
  assertEquals(unmeasured(), { srttUs: 0, rttvarUs: 0, rtoUs: 1_000_000, minRttUs: 0 });
  app.write(1);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals(unmeasured(), { srttUs: 0, rttvarUs: 0, rtoUs: 1_000_000, minRttUs: 0 });
  app.write(1);
  peer.takeAll();
  lab.pass(11 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  estimator.takes(10 * MS_US);
  estimator.check(fixture);
});
