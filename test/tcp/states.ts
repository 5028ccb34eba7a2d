/**
 * How a test gets a connection into a state: by the segments and calls that lead there, never by setting fields.
 *
 * Owns: the ways. RFC 9293 §3.3.2, Figure 5. Must not know: what is tested then.
 */
import { assertEquals } from "@std/assert";
import type { TcpState } from "../../src/tcp/state.ts";
import type { AppLog } from "./app_log.ts";
import type { OptionValues } from "./frame_craft.ts";
import { Lab, type LabOptions } from "./harness.ts";
import type { Peer, PeerOptions } from "./peer.ts";

/** A connection in some state, with both its ends in the test's hands. */
export interface Fixture {
  readonly lab: Lab;
  readonly peer: Peer;
  readonly app: AppLog;
}

export interface FixtureOptions extends LabOptions {
  /** Who opens: `server` has the peer send the SYN (default), `client` the host. */
  readonly role?: "server" | "client";
  readonly autoRead?: boolean;
  readonly backlog?: number;
  readonly peer?: PeerOptions;
  /** Options of the peer's SYN; default an MSS of 1460 and nothing else. */
  readonly options?: OptionValues;
  /** In this lab instead of a new one. */
  readonly lab?: Lab;
}

/** What an ordinary client of today offers. */
export const ALL_OPTIONS: OptionValues = {
  mss: 1460,
  windowScale: 7,
  sackPermitted: true,
  timestamps: { value: 0x7fff_0000, echo: 0 },
};

const PLAIN_OPTIONS: OptionValues = { mss: 1460 };

/** Window field of the peer's SYN is never scaled. */
function synOptions(options: FixtureOptions): OptionValues {
  return options.options ?? PLAIN_OPTIONS;
}

/** CLOSED to SYN_SENT: the host's SYN is out, and was taken note of. */
export function reachSynSent(options: FixtureOptions = {}): Fixture {
  const lab = options.lab ?? new Lab(options);
  const peer = lab.peer(options.peer);
  const app = lab.connect(peer, appOptions(options));
  peer.expects({ flags: "SYN", seq: 0 });
  peer.expectsSilence();
  assertEquals(app.state, "SYN_SENT");
  return { lab, peer, app };
}

/** LISTEN to SYN_RCVD, or SYN_SENT to SYN_RCVD by a simultaneous open. */
export function reachSynRcvd(options: FixtureOptions = {}): Fixture {
  if (options.role === "client") {
    const fixture = reachSynSent(options);
    const { peer, app } = fixture;
    peer.sends({ flags: "SYN", seq: 0, options: synOptions(options) });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
    return fixture;
  }
  const lab = options.lab ?? new Lab(options);
  const apps = lab.listen({
    ...appOptions(options),
    ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
  });
  const peer = lab.peer(options.peer);
  peer.sends({ flags: "SYN", seq: 0, options: synOptions(options) });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  assertEquals(apps.length, 1);
  assertEquals(apps[0].state, "SYN_RCVD");
  return { lab, peer, app: apps[0] };
}

/** ESTABLISHED: relative numbers are 1 on both sides. */
export function reachEstablished(options: FixtureOptions = {}): Fixture {
  const stamped = synOptions(options).timestamps !== undefined && (options.tcp?.timestamps ?? true);
  if (options.role === "client") {
    const fixture = reachSynSent(options);
    const { peer, app } = fixture;
    const echo = peer.hostTimestamp;
    const given = synOptions(options);
    const stamps = given.timestamps === undefined ? {} : { timestamps: { ...given.timestamps, echo } };
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { ...given, ...stamps } });
    peer.timestamps = stamped;
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
    return fixture;
  }
  const fixture = reachSynRcvd(options);
  const { peer, app } = fixture;
  peer.timestamps = stamped;
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
  return fixture;
}

/** FIN_WAIT_1: our FIN is number 1, unacknowledged. */
export function reachFinWait1(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished(options);
  const { peer, app } = fixture;
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_1");
  return fixture;
}

/** FIN_WAIT_2: our FIN is acknowledged. */
export function reachFinWait2(options: FixtureOptions = {}): Fixture {
  const fixture = reachFinWait1(options);
  const { peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_2");
  return fixture;
}

/** CLOSE_WAIT: the peer's FIN was number 1. */
export function reachCloseWait(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished(options);
  const { peer, app } = fixture;
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSE_WAIT");
  return fixture;
}

/** CLOSING: both FINs were number 1, ours is unacknowledged. */
export function reachClosing(options: FixtureOptions = {}): Fixture {
  const fixture = reachFinWait1(options);
  const { peer, app } = fixture;
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSING");
  return fixture;
}

/** LAST_ACK: both FINs were number 1, ours is unacknowledged. */
export function reachLastAck(options: FixtureOptions = {}): Fixture {
  const fixture = reachCloseWait(options);
  const { peer, app } = fixture;
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "LAST_ACK");
  return fixture;
}

/** TIME_WAIT: both FINs were number 1 and are acknowledged. */
export function reachTimeWait(options: FixtureOptions = {}): Fixture {
  const fixture = reachFinWait2(options);
  const { peer, app } = fixture;
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "TIME_WAIT");
  return fixture;
}

/** The states in which there is a connection, each with its way. */
export const REACH: Readonly<
  Record<Exclude<TcpState, "CLOSED" | "LISTEN">, (options?: FixtureOptions) => Fixture>
> = {
  SYN_SENT: reachSynSent,
  SYN_RCVD: reachSynRcvd,
  ESTABLISHED: reachEstablished,
  FIN_WAIT_1: reachFinWait1,
  FIN_WAIT_2: reachFinWait2,
  CLOSE_WAIT: reachCloseWait,
  CLOSING: reachClosing,
  LAST_ACK: reachLastAck,
  TIME_WAIT: reachTimeWait,
};

function appOptions(options: FixtureOptions): { autoRead?: boolean } {
  return options.autoRead === undefined ? {} : { autoRead: options.autoRead };
}
