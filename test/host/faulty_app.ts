/**
 * Applications that throw, on connections that a test drives by hand.
 *
 * Owns: which of its calls an application throws in, and a record of those that it got. Must not know: what the host
 * does about it.
 */
import type { ConnectionHandler, HostConnection, HostListener, ListenOptions } from "../../src/host/api.ts";
import type { ApplicationErrorEvent } from "../../src/tcp/events.ts";
import type { Lab } from "../tcp/harness.ts";
import type { Peer } from "../tcp/peer.ts";
import { HOST_PORT } from "../tcp/wire_ends.ts";

/** The calls of a handler. */
const CALLS = [
  "onOpen",
  "onReadable",
  "onWritable",
  "onPeerClosed",
  "onUrgent",
  "onAdvice",
  "onClosed",
] as const;

export type Call = typeof CALLS[number];

/** An application that throws in some of its calls. */
interface FaultyApp {
  readonly handler: ConnectionHandler;
  /** In the order in which they came. */
  readonly calls: string[];
  /** Set when the connection is there. */
  connection: HostConnection | null;
}

/** What an application throws in `call`. */
function faultOf(call: string): Error {
  return new Error(`${call} is broken`);
}

/** An application that throws in each of `throwing`, and does what `act` says besides. */
export function faultyApp(
  throwing: readonly Call[],
  act: (call: Call, connection: HostConnection) => void = () => {},
): FaultyApp {
  const calls: string[] = [];
  const on = (call: Call) => (connection: HostConnection, reason?: string) => {
    calls.push(call === "onClosed" ? `${call} ${reason}` : call);
    act(call, connection);
    if (throwing.includes(call)) throw faultOf(call);
  };
  const handler = Object.fromEntries(CALLS.map((call) => [call, on(call)]));
  return { handler, calls, connection: null };
}

/** Listens with one application for each connection, in the order in which they come. */
export function listenWith(
  lab: Lab,
  make: (connection: HostConnection) => ConnectionHandler,
  options: Partial<Omit<ListenOptions, "accept">> = {},
): HostListener {
  const { port = HOST_PORT, backlog = 1024 } = options;
  return lab.user(() => lab.host.listen({ port, backlog, ...options, accept: make }));
}

/** An established connection whose application is `app`, of which `onOpen` may already have thrown. */
export function connect(lab: Lab): Peer {
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  return peer;
}

/** The events about applications that threw, so far. */
export function applicationErrors(lab: Lab): ApplicationErrorEvent[] {
  return lab.events.filter((event) => event.event === "application-error");
}
