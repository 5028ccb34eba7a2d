/**
 * Each input of the corpus, alone and many times over, with nothing and with data in flight: no exception, few answers,
 * and the connection goes on as before.
 */
import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "../tcp/app_log.ts";
import { ipv4Test } from "../tcp/family.ts";
import type { Seen } from "../tcp/peer.ts";
import { ALL_OPTIONS, type Fixture, reachEstablished } from "../tcp/states.ts";
import { NAMED_INPUTS } from "./named_inputs.ts";

const OPTIONS = {
  "": { mss: 1460 },
  ", with SACK": { mss: 1460, sackPermitted: true },
  ", with all options": ALL_OPTIONS,
} as const;
/** Six full segments, within the initial window of ten. */
const FLIGHT_BYTES = 8760;

/** The connection carries bytes both ways. */
function assertAlive({ lab, peer, app }: Fixture): void {
  peer.takeAll();
  const before = app.bytesRead.length;
  peer.sends({ flags: "ACK", seq: 1 + before, ack: peer.seen, data: 10 });
  assertEquals(app.bytesRead.length, before + 10, "bytes to the host");
  lab.pass(1_000_000);
  peer.takeAll();
  const { seen } = peer;
  app.write(10);
  lab.pass(5_000_000);
  assert(peer.takeAll().some(({ seq, data }) => seq === seen && data.length === 10), "bytes from the host");
}

/** The peer, honest from now on, gets every byte of the flight, of which `arrived` is there already. */
function assertGetsThrough({ lab, peer, app }: Fixture, arrived: readonly Seen[]): void {
  const text = new Map<number, number>();
  const take = (segments: readonly Seen[]) => {
    for (const { seq, data } of segments) data.forEach((byte, index) => text.set(seq + index, byte));
  };
  take(arrived);
  let ack = 1;
  for (let rounds = 0; app.connection.info().sendQueue > 0; rounds++) {
    assert(rounds < 100, `the flight gets through; the peer has it up to ${ack}`);
    lab.pass(200_000);
    take(peer.takeAll());
    while (text.has(ack)) ack++;
    peer.sends({ flags: "ACK", seq: 1, ack });
  }
  assertEquals(ack, 1 + FLIGHT_BYTES);
  assertEquals(
    Uint8Array.from({ length: FLIGHT_BYTES }, (_, i) => text.get(1 + i) ?? -1),
    bytesOf(FLIGHT_BYTES),
  );
}

/** The host's flight leaves. */
function takesFlight({ peer, app }: Fixture): Seen[] {
  app.write(FLIGHT_BYTES);
  const flight = peer.takeAll();
  assertEquals(flight.reduce((sum, { data }) => sum + data.length, 0), FLIGHT_BYTES);
  return flight;
}

for (const input of NAMED_INPUTS) {
  const { name, known, send, answers = 1, survives = true } = input;
  const test = input.isIpv4 === true ? ipv4Test : Deno.test;
  for (const [words, options] of Object.entries(OPTIONS)) {
    test(`corpus: ${name} (${known})${words}`, () => {
      const fixture = reachEstablished({ options });
      const { lab, peer, app } = fixture;
      send(fixture);
      const given = peer.takeAll().length + lab.strays.splice(0).length;
      assert(given <= answers, `${given} answers`);
      if (!survives) {
        assertEquals(lab.host.connections(), []);
        return;
      }
      assertEquals(app.state, "ESTABLISHED");
      assertAlive(fixture);
    });

    test(`corpus: ${name} (${known})${words}, while data is in flight`, () => {
      const fixture = reachEstablished({ options, tcp: { noDelay: true } });
      const { lab, peer, app } = fixture;
      const flight = takesFlight(fixture);
      send(fixture);
      const again = peer.takeAll();
      const given = again.length + lab.strays.splice(0).length;
      assert(given <= (input.answersInFlight ?? answers), `${given} answers`);
      if (!survives) {
        assertEquals(lab.host.connections(), []);
        return;
      }
      assertEquals(app.state, "ESTABLISHED");
      assertGetsThrough(fixture, [...flight.slice(1), ...again]);
      assertAlive(fixture);
    });
  }
}

for (const { name, reaches, send, isIpv4 = false } of NAMED_INPUTS) {
  const test = isIpv4 ? ipv4Test : Deno.test;
  test(`corpus: ${name}: read by ${reaches ?? "the host alone"}`, () => {
    const rules = Object.values(OPTIONS).flatMap((options) => {
      const fixture = reachEstablished({ options, tcp: { noDelay: true } });
      takesFlight(fixture);
      fixture.lab.takeRules();
      send(fixture);
      return fixture.lab.takeRules();
    });
    const seen = [...new Set(rules)];
    if (reaches === null) assertEquals(seen, []);
    else assert(seen.includes(reaches), `only ${seen.join(", ")}`);
  });
}

Deno.test("corpus: all inputs one after the other, three times", () => {
  const fixture = reachEstablished();
  for (let round = 0; round < 3; round++) {
    for (const { send, survives = true } of NAMED_INPUTS) if (survives) send(fixture);
    fixture.lab.pass(2_000_000);
  }
  fixture.lab.strays.splice(0);
  assertEquals(fixture.app.state, "ESTABLISHED");
});

Deno.test("corpus: names are told apart", () => {
  assertEquals(new Set(NAMED_INPUTS.map(({ name }) => name)).size, NAMED_INPUTS.length);
});
