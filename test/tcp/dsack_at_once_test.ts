/**
 * D-SACK leaves at once, also with the ACK of text in order that would else be delayed (RFC 2883 §4; RFC 5681 §4.2).
 */
import { assertEquals } from "@std/assert";
import type { OptionValues } from "./frame_craft.ts";
import { ALL_OPTIONS, type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const SACK_ONLY: OptionValues = { mss: 1460, sackPermitted: true };

/** Established with SACK; 500 octets are here and acknowledged; nothing is acknowledged quickly any more. */
function heard(options: OptionValues): Fixture {
  const fixture = reachEstablished({ options, tcp: { quickAcks: 0, receiveBufferBytes: 0x8000 } });
  const { lab, peer } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  peer.expectsSilence();
  lab.pass(SECOND_US / 2);
  peer.expects({ flags: "ACK", ack: 501, sack: [] });
  peer.expectsSilence();
  return fixture;
}

for (const [name, options] of [["SACK", SACK_ONLY], ["all options", ALL_OPTIONS]] as const) {
  Deno.test(`text in order alone waits for its delayed ACK (${name}) (RFC 5681 §4.2)`, () => {
    const { lab, peer } = heard(options);
    peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 100 });
    peer.expectsSilence();
    lab.pass(SECOND_US / 2);
    peer.expects({ flags: "ACK", ack: 601, sack: [] });
    peer.expectsSilence();
  });

  for (const [seq, length] of [[251, 500], [1, 501], [500, 2], [1, 1400], [401, 101]]) {
    Deno.test(`text from ${seq} to ${seq + length - 1} where 501 is next: ACK and D-SACK at once (${name}) (RFC 2883 §4.2)`, () => {
      const { lab, peer, app } = heard(options);
      peer.sends({ flags: "ACK", seq, ack: 1, data: length });
      peer.expects({ flags: "ACK", seq: 1, ack: seq + length, sack: [[seq, 501]] });
      peer.expectsSilence();
      assertEquals(app.bytesRead.length, seq + length - 1);
      // Told once, and nothing is owed any more.
      lab.pass(SECOND_US);
      peer.expectsSilence();
      peer.sends({ flags: "ACK", seq: seq + length, ack: 1, data: 100 });
      lab.pass(SECOND_US / 2);
      peer.expects({ flags: "ACK", ack: seq + length + 100, sack: [] });
    });
  }

  Deno.test(`new text that overlaps, and FIN with it: one ACK with D-SACK (${name}) (RFC 2883 §4.2)`, () => {
    const { peer, app } = heard(options);
    peer.sends({ flags: "FIN ACK", seq: 401, ack: 1, data: 200 });
    peer.expects({ flags: "ACK", seq: 1, ack: 602, sack: [[401, 501]] });
    peer.expectsSilence();
    assertEquals(app.state, "CLOSE_WAIT");
  });

  Deno.test(`an overlap on the left that reaches a block above: the hole is filled, told at once with its D-SACK (${name}) (RFC 2883 §4.2)`, () => {
    const { peer } = heard(options);
    peer.sends({ flags: "ACK", seq: 701, ack: 1, data: 100 });
    peer.expects({ flags: "ACK", ack: 501, sack: [[701, 801]] });
    peer.sends({ flags: "ACK", seq: 451, ack: 1, data: 250 });
    peer.expects({ flags: "ACK", ack: 801, sack: [[451, 501]] });
    peer.expectsSilence();
  });

  Deno.test(`D-SACK leaves with the answer's text, if the application answers at once (${name}) (RFC 2883 §4, RFC 9293 §3.8.6.3)`, () => {
    const { lab, peer, app } = heard(options);
    let isDone = false;
    lab.user(() => {
      app.connection.handler = {
        onReadable: (connection) => {
          connection.read(new Uint8Array(1000));
          if (!isDone) connection.write(Uint8Array.of(33));
          isDone = true;
        },
      };
    });
    peer.sends({ flags: "ACK", seq: 251, ack: 1, data: 500 });
    const told = peer.takeAll().filter((seen) => JSON.stringify(peer.sackOf(seen)) === "[[251,501]]");
    assertEquals(told.length, 1, "told once, and at once");
    assertEquals(told[0].ack, 751);
    lab.pass(SECOND_US / 10);
    peer.expectsSilence();
  });
}
