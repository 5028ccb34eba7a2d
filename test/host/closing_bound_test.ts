/**
 * Connections whose application has gone, and whose peer's part of the end is awaited: bounded, and let go after RFC 9293's
 * R2 (SHLD-11).
 *
 * Owns: the demands for each state in which a peer can leave a connection waiting. Must not know: how they are kept.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { TcpState } from "../../src/tcp/state.ts";
import type { AppLog } from "../tcp/app_log.ts";
import { FAMILY } from "../tcp/family.ts";
import { Lab, type LabOptions } from "../tcp/harness.ts";
import type { Peer } from "../tcp/peer.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const BOUND = 20;
const MANY = 60;
const ORPHAN_R2_US = 100 * SECOND_US;
/** While text is still to be delivered: the user timeout, as while the application was there. */
const TEXT_R2_US = 300 * SECOND_US;

interface Left {
  readonly state: TcpState;
  readonly name: string;
  /** Whether the peer hears that it was ended: not where both FINs are out (RFC 9293 §3.10.5). */
  readonly isTold: boolean;
  leave(peer: Peer, app: AppLog): void;
}

const LEFT: readonly Left[] = [
  {
    state: "LAST_ACK",
    name: "FIN never acknowledged",
    isTold: false,
    leave: (peer, app) => {
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
      app.close();
    },
  },
  {
    state: "LAST_ACK",
    name: "text and FIN never acknowledged",
    isTold: false,
    leave: (peer, app) => {
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
      app.write(1000);
      app.close();
    },
  },
  {
    state: "FIN_WAIT_1",
    name: "our FIN never acknowledged",
    isTold: true,
    leave: (_peer, app) => app.close(),
  },
  {
    state: "CLOSING",
    name: "FINs crossed, ours never acknowledged",
    isTold: false,
    leave: (peer, app) => {
      app.close();
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    },
  },
  {
    state: "FIN_WAIT_2",
    name: "our FIN acknowledged, theirs never sent",
    isTold: true,
    leave: (peer, app) => {
      app.close();
      peer.sends({ flags: "ACK", seq: 1, ack: 2 });
    },
  },
  {
    state: "FIN_WAIT_2",
    name: "closed for sending first, then altogether",
    isTold: true,
    leave: (peer, app) => {
      app.closeWrite();
      peer.sends({ flags: "ACK", seq: 1, ack: 2 });
      app.close();
    },
  },
  {
    state: "ESTABLISHED",
    name: "closed with text that a shut window keeps back",
    isTold: true,
    leave: (peer, app) => {
      peer.window = 0;
      peer.sends({ flags: "ACK", seq: 1, ack: 1 });
      app.write(1000);
      app.close();
    },
  },
  {
    state: "CLOSE_WAIT",
    name: "both closed, with text that a shut window keeps back",
    isTold: true,
    leave: (peer, app) => {
      peer.window = 0;
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
      app.write(1000);
      app.close();
    },
  },
];

interface One {
  readonly peer: Peer;
  readonly app: AppLog;
}

/** Connections that have been left waiting, one a millisecond. */
function leaveMany(left: Left, count: number, options: LabOptions): { lab: Lab; all: One[] } {
  const lab = new Lab(options);
  const apps = lab.listen();
  const all = Array.from({ length: count }, (_, i) => {
    const peer = lab.peer({ address: FAMILY.stranger(i) });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    const app = apps[i];
    left.leave(peer, app);
    assertEquals(app.state, left.state);
    lab.pass(1000);
    return { peer, app };
  });
  return { lab, all };
}

for (const left of LEFT) {
  Deno.test(`${left.state} (${left.name}): no more than so many, the oldest gives way and is counted`, () => {
    const { lab, all } = leaveMany(left, MANY, { maxClosing: BOUND });
    assertEquals(lab.host.connections().length, BOUND);
    assertEquals(lab.host.counters()["evicted-closing"], MANY - BOUND);
    for (const [i, { peer, app }] of all.entries()) {
      const isGone = i < MANY - BOUND;
      assertEquals(app.closed.length, isGone ? 1 : 0, `number ${i}`);
      const resets = peer.takeAll().filter(({ flags }) => flags.includes("RST"));
      assertEquals(resets.length, isGone && left.isTold ? 1 : 0, `resets to number ${i}`);
    }
    const closed = lab.events.filter((event) => event.event === "closed");
    assertEquals(closed.length, MANY - BOUND);
    assertEquals(lab.unlisted, []);
  });

  Deno.test(`${left.state} (${left.name}): let go after R2 at the latest, by nobody's doing`, () => {
    const { lab, all } = leaveMany(left, 5, { tcp: { rtoMaxUs: 10 * SECOND_US } });
    const beganUs = lab.nowUs;
    assertEquals(all.filter(({ app }) => app.closed.length > 0), []);
    const r2Us = left.name.includes("text") ? TEXT_R2_US : ORPHAN_R2_US;
    const earliestUs = left.state === "FIN_WAIT_2" ? 60 * SECOND_US : r2Us;
    lab.pass(earliestUs - 2 * SECOND_US);
    assertEquals(all.filter(({ app }) => app.closed.length > 0), [], "not before its time (SHLD-11)");
    lab.pass(15 * SECOND_US);
    assertEquals(lab.host.connections().length, 0);
    for (const { app } of all) assertEquals(app.closed, ["timeout"]);
    assertEquals(lab.host.memory().usedBytes, 0);
    assertGreaterOrEqual(lab.nowUs - beganUs, 60 * SECOND_US);
  });
}

Deno.test("who is in use, or closed by the peer alone, does not count among those that only wait for the end", () => {
  const lab = new Lab({ maxClosing: 5 });
  const apps = lab.listen();
  for (let i = 0; i < 30; i++) {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    if (i % 3 === 0) peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    // Half closed by us: the application still reads.
    if (i % 3 === 1) apps[i].closeWrite();
  }
  assertEquals(lab.host.connections().length, 30);
  assertEquals(lab.host.counters()["evicted-closing"] ?? 0, 0);
});

Deno.test("TIME_WAIT does not count among them, and ends that come make room", () => {
  const lab = new Lab({ maxClosing: 5 });
  const apps = lab.listen();
  for (let i = 0; i < 40; i++) {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    apps[i].close();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
    assertEquals(apps[i].state, "TIME_WAIT");
  }
  assertEquals(lab.host.counters()["evicted-closing"] ?? 0, 0);
  assertEquals(lab.host.connections().length, 40);
  assert(lab.host.memory().usedBytes > 0);
  lab.pass(61 * SECOND_US);
  assertLessOrEqual(lab.host.memory().usedBytes, 0);
});

Deno.test("many that are left in one event are each counted once", () => {
  const lab = new Lab({ maxClosing: 3 });
  const apps = lab.listen();
  const peers = Array.from({ length: 20 }, () => {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.takeAll();
    return peer;
  });
  // One application closes all of them out of a call that it gets.
  const onReadable = apps[0].onReadable.bind(apps[0]);
  apps[0].onReadable = () => {
    onReadable();
    for (const app of apps) app.connection.close();
  };
  peers[0].sends({ flags: "ACK", seq: 1, ack: 1, data: "x" });
  assertEquals(lab.host.connections().length, 3);
  assertEquals(lab.host.counters()["evicted-closing"], 17);
  assertEquals(lab.unlisted, []);
  assertEquals(apps.slice(0, 17).map(({ closed }) => closed), Array(17).fill(["reset-by-us"]));
});
