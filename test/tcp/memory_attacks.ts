/**
 * The ways in which a stranger who has done no more than a handshake makes a host hold memory for it.
 *
 * Owns: the segments of each. Must not know: what is demanded of the host (memory_bound_test.ts).
 */
import type { Crowd } from "./crowd.ts";
import type { Peer } from "./peer.ts";

/** One way. */
export interface Attack {
  readonly name: string;
  /** What runs on the port. */
  readonly app: string;
  /** How many strangers make a lot of trouble. */
  readonly strangers: number;
  /** A stranger comes, and does its worst. */
  comes(crowd: Crowd): Peer;
  /** What it does each second from then on. */
  everySecond?(peer: Peer): void;
}

const SEGMENT = 1460;

/** Sends text `[from, to)`, as far as it has been offered, in full segments. */
function fills(crowd: Crowd, peer: Peer, range: { from: number; to: number }): void {
  for (let seq = range.from; seq < range.to; seq += SEGMENT) {
    const count = Math.min(SEGMENT, range.to - seq);
    peer.sends({ flags: "ACK", seq, ack: 1, data: new Uint8Array(count).fill(0x61) });
    crowd.check();
  }
}

/** As many octets as a stranger bothers to send of what it was offered. */
const BOTHER = 60_000;

export const ATTACKS: readonly Attack[] = [
  {
    name: "silent",
    app: "echo",
    strangers: 6000,
    comes: (crowd) => crowd.join(),
  },
  {
    name: "zero window with chargen",
    app: "chargen",
    strangers: 3000,
    comes: (crowd) => crowd.join(undefined, 0),
  },
  {
    name: "unacknowledged data",
    app: "chargen",
    strangers: 1000,
    comes: (crowd) => crowd.join(),
  },
  {
    name: "acknowledges until much is in flight, then never again",
    app: "chargen",
    strangers: 60,
    comes: (crowd) => {
      const peer = crowd.join();
      for (let round = 0; round < 5; round++) {
        peer.takeAll();
        peer.sends({ flags: "ACK", seq: 1 });
        crowd.check();
      }
      return peer;
    },
  },
  {
    name: "shuts the window upon a full buffer",
    app: "chargen",
    strangers: 60,
    comes: (crowd) => {
      const peer = crowd.join();
      for (let round = 0; round < 5; round++) {
        peer.takeAll();
        peer.sends({ flags: "ACK", seq: 1 });
        crowd.check();
      }
      peer.sends({ flags: "ACK", seq: 1, window: 0 });
      peer.window = 0;
      crowd.check();
      return peer;
    },
  },
  {
    name: "one octet a second",
    app: "chargen",
    strangers: 1000,
    comes: (crowd) => crowd.join(undefined, 0),
    everySecond: (peer) => {
      // The window is scaled: the probe's octet is acknowledged, one at a time.
      peer.sends({ flags: "ACK", seq: 1 });
      peer.takeAll();
    },
  },
  {
    name: "unread echo",
    app: "echo",
    strangers: 150,
    comes: (crowd) => {
      const peer = crowd.join();
      peer.window = 0;
      fills(crowd, peer, { from: 1, to: Math.min(peer.hostRightEdge, BOTHER) });
      fills(crowd, peer, { from: peer.next, to: Math.min(peer.hostRightEdge, 2 * BOTHER) });
      return peer;
    },
  },
  {
    name: "never read",
    app: "hold",
    strangers: 150,
    comes: (crowd) => {
      const peer = crowd.join();
      fills(crowd, peer, { from: 1, to: Math.min(peer.hostRightEdge, BOTHER) });
      fills(crowd, peer, { from: peer.next, to: Math.min(peer.hostRightEdge, 2 * BOTHER) });
      return peer;
    },
  },
  {
    name: "one octet at the far end of the window",
    app: "echo",
    strangers: 2000,
    comes: (crowd) => {
      const peer = crowd.join();
      peer.sends({ flags: "ACK", seq: peer.hostRightEdge - 1, ack: 1, data: "x" });
      return peer;
    },
  },
  {
    name: "a hole before all the rest",
    app: "echo",
    strangers: 300,
    comes: (crowd) => {
      const peer = crowd.join();
      fills(crowd, peer, { from: 2, to: Math.min(peer.hostRightEdge, BOTHER) });
      return peer;
    },
  },
  {
    name: "crumbs 4 KiB apart",
    app: "echo",
    strangers: 400,
    comes: (crowd) => {
      const peer = crowd.join();
      for (let at = 0x1000; at < Math.min(peer.hostRightEdge, 0x100000); at += 0x1000) {
        peer.sends({ flags: "ACK", seq: at, ack: 1, data: "x" });
        crowd.check();
      }
      return peer;
    },
  },
  {
    name: "FIN never acknowledged",
    app: "echo",
    strangers: 3000,
    comes: (crowd) => {
      const peer = crowd.join();
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
      return peer;
    },
  },
  {
    name: "text and FIN never acknowledged",
    app: "echo",
    strangers: 1000,
    comes: (crowd) => {
      const peer = crowd.join();
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: SEGMENT });
      return peer;
    },
  },
  {
    name: "closed by us, never by them",
    app: "close",
    strangers: 3000,
    comes: (crowd) => {
      const peer = crowd.join();
      peer.sends({ flags: "ACK", seq: 1 });
      return peer;
    },
  },
];
