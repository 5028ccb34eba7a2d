/**
 * Each input of the corpus, alone and many times over: no exception, few answers, and the connection goes on as before.
 */
import { assert, assertEquals } from "@std/assert";
import { ALL_OPTIONS, type Fixture, reachEstablished } from "../tcp/states.ts";
import { NAMED_INPUTS } from "./named_inputs.ts";

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

for (const { name, known, send, answers = 1, survives = true } of NAMED_INPUTS) {
  for (const hasOptions of [false, true]) {
    Deno.test(`corpus: ${name} (${known})${hasOptions ? ", with all options" : ""}`, () => {
      const fixture = reachEstablished(hasOptions ? { options: ALL_OPTIONS } : {});
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
  }
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
