/**
 * TIME_WAIT: which segments are acknowledged, which begin 2 MSL anew, and which are met with silence (RFC 9293
 * §3.10.7.4, first, fifth, eighth).
 */
import { assertEquals } from "@std/assert";
import type { PeerSegment } from "./peer.ts";
import { ALL_OPTIONS, type FixtureOptions, reachClosing, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MSL_US = 30 * SECOND_US;

/** RCV.NXT is 2 (the FIN was number 1), SND.NXT is 2. */
const ANSWERED: Readonly<Record<string, PeerSegment>> = {
  "FIN,ACK at RCV.NXT - 1": { flags: "FIN ACK", seq: 1, ack: 2 },
  "FIN,ACK at RCV.NXT": { flags: "FIN ACK", seq: 2, ack: 2 },
  "FIN,ACK at RCV.NXT + 1": { flags: "FIN ACK", seq: 3, ack: 2 },
  "an empty ACK at RCV.NXT + 1": { flags: "ACK", seq: 3, ack: 2 },
  "an empty ACK at RCV.NXT - 1": { flags: "ACK", seq: 1, ack: 2 },
  "text at RCV.NXT": { flags: "ACK", seq: 2, ack: 2, data: "ghost" },
  "text beyond RCV.NXT": { flags: "ACK", seq: 10, ack: 2, data: "ghost" },
  "old text": { flags: "ACK", seq: -10, ack: 2, data: "ghost" },
};

const OFFERS: readonly FixtureOptions[] = [{}, { options: ALL_OPTIONS }, { role: "client" }];

for (const [name, segment] of Object.entries(ANSWERED)) {
  Deno.test(`TIME_WAIT: ${name} gets an ACK (RFC 9293 §3.10.7.4)`, () => {
    for (const offer of OFFERS) {
      const { lab, peer, app } = reachTimeWait({ ...offer, tcp: { mslUs: MSL_US } });
      lab.takeTransitions();
      for (let i = 0; i < 3; i++) {
        lab.pass(SECOND_US);
        peer.next = 2;
        peer.sends(segment);
        peer.expects({ flags: "ACK", seq: 2, ack: 2 });
        peer.expectsSilence();
      }
      assertEquals([app.state, app.text, app.peerClosed], ["TIME_WAIT", "", 1]);
    }
  });
}

Deno.test("TIME_WAIT: only the true FIN again begins 2 MSL anew (RFC 9293 §3.10.7.4, eighth)", () => {
  for (const [name, segment] of Object.entries(ANSWERED)) {
    const { lab, peer, app } = reachTimeWait({ tcp: { mslUs: MSL_US } });
    lab.pass(MSL_US);
    peer.sends(segment);
    peer.takeAll();
    lab.pass(MSL_US + SECOND_US);
    const isTrue = name === "FIN,ACK at RCV.NXT - 1";
    assertEquals(app.closed.length, isTrue ? 0 : 1, name);
    lab.pass(MSL_US);
    assertEquals(app.closed, ["normal"], name);
  }
});

Deno.test("TIME_WAIT: an empty ACK at RCV.NXT is met with silence (RFC 9293 §3.10.7.4, fifth)", () => {
  for (const offer of OFFERS) {
    for (const ack of [2, 1]) {
      const { lab, peer, app } = reachTimeWait({ ...offer, tcp: { mslUs: MSL_US } });
      lab.pass(SECOND_US);
      for (let i = 0; i < 5; i++) peer.sends({ flags: "ACK", seq: 2, ack });
      peer.expectsSilence();
      lab.pass(2 * MSL_US);
      assertEquals(app.closed, ["normal"], "2 MSL do not begin anew");
    }
  }
});

Deno.test("TIME_WAIT reached through CLOSING answers in the same way (RFC 9293 §3.10.7.4)", () => {
  for (const segment of Object.values(ANSWERED)) {
    const { lab, peer, app } = reachClosing();
    peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(app.state, "TIME_WAIT");
    lab.pass(SECOND_US);
    peer.sends(segment);
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
  }
});

Deno.test("TIME_WAIT of both ends: an ACK from one draws none from the other (RFC 9293 §3.5, figure 12)", () => {
  // After a simultaneous close both are in TIME_WAIT, and each has the other's numbers.
  const { lab, peer } = reachTimeWait();
  lab.pass(SECOND_US);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  const answer = peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  // The peer's own answer to that would be: the same from its side.
  peer.sends({ flags: "ACK", seq: answer.ack, ack: answer.seq });
  peer.expectsSilence();
});
