/**
 * One walk for each row of the transition table: the segments, calls or waiting that the row names.
 *
 * Owns: the walks; each ends with the row's transition. Must not know: the machine.
 */
import { Lab } from "./harness.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import {
  type Fixture,
  type FixtureOptions,
  reachCloseWait,
  reachClosing,
  reachEstablished,
  reachFinWait1,
  reachFinWait2,
  reachLastAck,
  reachSynRcvd,
  reachSynSent,
  reachTimeWait,
} from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Walks; returns the lab with its record of transitions. */
export type Walk = () => Lab;

const LONG_US = 1000 * SECOND_US;

function then(reach: (options?: FixtureOptions) => Fixture, act: (fixture: Fixture) => void): Walk {
  return () => {
    const fixture = reach();
    fixture.lab.takeTransitions();
    act(fixture);
    return fixture.lab;
  };
}

/** With three bytes unacknowledged, so that something can time out, or be quoted by ICMP. */
function withText(reach: (options?: FixtureOptions) => Fixture): (options?: FixtureOptions) => Fixture {
  return (options) => {
    const fixture = reach(options);
    fixture.app.write("abc");
    return fixture;
  };
}

/** Where an ICMP hard error ends a synchronized connection (RFC 9293 §3.9.2.2). */
function strict(reach: (options?: FixtureOptions) => Fixture): (options?: FixtureOptions) => Fixture {
  return (options) => reach({ ...options, tcp: { icmpHardErrors: "abort" } });
}

function hardError(seq: number): (fixture: Fixture) => void {
  return ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq });
}

function sends(segment: { flags: string; seq: number; ack?: number }): (fixture: Fixture) => void {
  return ({ peer }) => peer.sends(segment);
}

function waits({ lab }: Fixture): void {
  lab.pass(LONG_US);
}

function aborts({ app }: Fixture): void {
  app.abort();
}

function closes({ app }: Fixture): void {
  app.closeWrite();
}

/** The four ends of a synchronized state; `seq` is in flight, `rcv` is RCV.NXT. */
function ends(
  id: string,
  { reach, busy, seq, rcv }: {
    reach: (options?: FixtureOptions) => Fixture;
    busy: (options?: FixtureOptions) => Fixture;
    seq: number;
    rcv: number;
  },
): Record<string, Walk> {
  return {
    [`${id}.rst`]: then(reach, sends({ flags: "RST", seq: rcv })),
    [`${id}.abort`]: then(reach, aborts),
    [`${id}.timeout`]: then(busy, waits),
    // In FIN_WAIT_2 nothing is in flight that an error could be about (RFC 5927 §4.1).
    ...(id === "fin-wait-2" ? {} : { [`${id}.icmp`]: then(strict(busy), hardError(seq)) }),
  };
}

/** Nothing is in flight in FIN_WAIT_2: only a keep-alive that nobody answers can time out. */
function keptAlive(): Fixture {
  const fixture = reachFinWait2();
  const { lab, app } = fixture;
  lab.user(() => app.connection.setKeepAlive(true, SECOND_US, SECOND_US));
  return fixture;
}

/** Walks by the id of the row. */
export const TRANSITION_WALKS: Readonly<Record<string, Walk>> = {
  "open.passive": () => {
    const lab = new Lab();
    lab.listen();
    return lab;
  },
  "listen.syn": () => {
    const lab = new Lab();
    lab.listen();
    lab.takeTransitions();
    lab.peer().sends({ flags: "SYN", seq: 0 });
    return lab;
  },
  "listen.cookie": () => {
    const lab = new Lab();
    lab.listen({ backlog: 1 });
    lab.peer().sends({ flags: "SYN", seq: 0 });
    const second = lab.peer();
    second.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    second.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    lab.takeTransitions();
    second.sends({ flags: "ACK", seq: 1, ack: 1 });
    return lab;
  },
  "listen.close": () => {
    const lab = new Lab();
    const apps = lab.listen();
    lab.takeTransitions();
    apps.close();
    return lab;
  },
  "open.active": () => {
    const lab = new Lab();
    lab.connect(lab.peer());
    return lab;
  },
  "syn-sent.syn-ack": then(reachSynSent, sends({ flags: "SYN ACK", seq: 0, ack: 1 })),
  "syn-sent.syn": then(reachSynSent, sends({ flags: "SYN", seq: 0 })),
  "syn-sent.rst": then(reachSynSent, sends({ flags: "RST ACK", seq: 0, ack: 1 })),
  "syn-sent.close": then(reachSynSent, closes),
  "syn-sent.timeout": then(reachSynSent, waits),
  "syn-sent.icmp": then(reachSynSent, hardError(0)),
  "syn-rcvd.ack": then(reachSynRcvd, sends({ flags: "ACK", seq: 1, ack: 1 })),
  "syn-rcvd.close": then(reachSynRcvd, closes),
  "syn-rcvd.rst.passive": then(reachSynRcvd, sends({ flags: "RST", seq: 1 })),
  "syn-rcvd.rst.active": then(() => reachSynRcvd({ role: "client" }), sends({ flags: "RST", seq: 1 })),
  "syn-rcvd.syn": then(reachSynRcvd, sends({ flags: "SYN", seq: 5 })),
  "syn-rcvd.abort": then(reachSynRcvd, aborts),
  "syn-rcvd.timeout": then(reachSynRcvd, waits),
  "syn-rcvd.icmp": then(reachSynRcvd, hardError(0)),
  "established.fin": then(reachEstablished, sends({ flags: "FIN ACK", seq: 1, ack: 1 })),
  "established.close": then(reachEstablished, closes),
  "fin-wait-1.ack": then(reachFinWait1, sends({ flags: "ACK", seq: 1, ack: 2 })),
  "fin-wait-1.fin": then(reachFinWait1, sends({ flags: "FIN ACK", seq: 1, ack: 1 })),
  "fin-wait-2.fin": then(reachFinWait2, sends({ flags: "FIN ACK", seq: 1, ack: 2 })),
  "fin-wait-2.abandoned": then(reachFinWait2, (fixture) => {
    fixture.app.close();
    waits(fixture);
  }),
  "close-wait.close": then(reachCloseWait, closes),
  "closing.ack": then(reachClosing, sends({ flags: "ACK", seq: 2, ack: 2 })),
  "last-ack.ack": then(reachLastAck, sends({ flags: "ACK", seq: 2, ack: 2 })),
  "time-wait.timeout": then(reachTimeWait, waits),
  "time-wait.rst": then(reachTimeWait, sends({ flags: "RST", seq: 2 })),
  "time-wait.syn": then(reachTimeWait, sends({ flags: "SYN", seq: 1000 })),
  "time-wait.abort": then(reachTimeWait, aborts),
  ...ends("established", { reach: reachEstablished, busy: withText(reachEstablished), seq: 1, rcv: 1 }),
  ...ends("fin-wait-1", { reach: reachFinWait1, busy: reachFinWait1, seq: 1, rcv: 1 }),
  // No ICMP error there: nothing is in flight that one could be about (RFC 5927 §4.1).
  "fin-wait-2.rst": then(reachFinWait2, sends({ flags: "RST", seq: 1 })),
  "fin-wait-2.abort": then(reachFinWait2, aborts),
  "fin-wait-2.timeout": then(keptAlive, waits),
  ...ends("close-wait", { reach: reachCloseWait, busy: withText(reachCloseWait), seq: 1, rcv: 2 }),
  ...ends("closing", { reach: reachClosing, busy: reachClosing, seq: 1, rcv: 2 }),
  ...ends("last-ack", { reach: reachLastAck, busy: reachLastAck, seq: 1, rcv: 2 }),
};
