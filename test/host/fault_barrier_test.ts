/**
 * An application that throws ends its own connection, and nothing else (the fault barrier).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { LAB_CONNECTION } from "../tcp/family.ts";
import { Lab } from "../tcp/harness.ts";
import type { Peer } from "../tcp/peer.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";
import { applicationErrors, type Call, connect, faultyApp, listenWith } from "./faulty_app.ts";

const echo: ConnectionHandler = {
  onReadable: (connection) => {
    connection.echo();
  },
};

/** The host still serves: a new connection is opened, echoes, and closes. */
function assertServes(lab: Lab, peer: Peer = connect(lab)): void {
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "still there?" });
  peer.expects({ flags: "ACK", seq: 1, ack: 13, data: "still there?" });
  peer.expectsSilence();
}

/** RST, and silence; what the segment deserved as ACK may come before. */
function expectsReset(peer: Peer): void {
  const seen = peer.takeAll();
  assertEquals(seen.at(-1)?.flags, "RST ACK");
  assert(seen.slice(0, -1).every(({ flags, data }) => flags === "ACK" && data.length === 0));
  assert(seen.length <= 2);
}

/** How each call is brought about on an established connection, and what the peer sees before the reset. */
const PROVOKED: Readonly<Record<Exclude<Call, "onOpen" | "onClosed">, (peer: Peer) => void>> = {
  onReadable: (peer) => peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" }),
  onPeerClosed: (peer) => peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 }),
  onUrgent: (peer) => peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "text", urgentPointer: 4 }),
  onWritable: (peer) => {
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
    peer.sends({ flags: "ACK", seq: 1, ack: 6 });
  },
  onAdvice: (peer) => {
    // R1: told, but not given up.
    peer.lab.pass(20 * SECOND_US);
    const seen = peer.takeAll();
    assert(seen.slice(0, -1).every(({ data }) => data.length === 5));
    assertEquals(seen.at(-1)?.flags, "RST ACK");
  },
};

for (const call of ["onReadable", "onPeerClosed", "onUrgent", "onWritable", "onAdvice"] as const) {
  Deno.test(`${call} that throws: RST, application-error, onClosed, and nothing else is called`, () => {
    const lab = new Lab({ expectsFaults: true });
    const app = faultyApp([call]);
    const writes = call === "onWritable" || call === "onAdvice";
    listenWith(lab, (connection) => {
      if (connection.peerPort !== 40_000) return echo;
      app.connection = connection;
      return {
        ...app.handler,
        onOpen: () => {
          if (writes) connection.write(new TextEncoder().encode("hello"));
        },
      };
    });
    const peer = connect(lab);
    PROVOKED[call](peer);
    if (call !== "onAdvice") expectsReset(peer);
    peer.expectsSilence();
    assertEquals(app.calls.slice(-2), [call, "onClosed reset-by-us"]);
    assertEquals(app.connection?.state, "CLOSED");
    assertEquals(lab.host.connections(), []);
    assertEquals(
      applicationErrors(lab).map(({ connection, message }) => [connection, message]),
      [[LAB_CONNECTION, `Error: ${call} is broken`]],
    );
    const closed = lab.events.filter((event) => event.event === "closed");
    assertEquals(closed.map(({ reason }) => reason), ["reset-by-us"]);
    assertEquals(lab.host.counters()["application-errors"], 1);
    assertServes(lab);
    // Nothing is left that a deadline could find.
    lab.pass(600 * SECOND_US);
    peer.expectsSilence();
    assertEquals(app.calls.filter((name) => name === call).length, 1);
  });
}

Deno.test("onOpen that throws: RST at once", () => {
  const lab = new Lab({ expectsFaults: true });
  const app = faultyApp(["onOpen"]);
  listenWith(lab, (connection) => connection.peerPort === 40_000 ? app.handler : echo);
  const peer = connect(lab);
  peer.expects({ flags: "RST ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.calls, ["onOpen", "onClosed reset-by-us"]);
  assertEquals(lab.host.connections(), []);
  assertServes(lab);
});

Deno.test("onReadable that throws, with text and FIN in one segment: gone, not in CLOSE_WAIT for good", () => {
  const lab = new Lab({ expectsFaults: true });
  const app = faultyApp(["onReadable"]);
  listenWith(lab, () => app.handler);
  const peer = connect(lab);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: "text" });
  expectsReset(peer);
  peer.expectsSilence();
  // That the peer closed is not told to an application that has failed.
  assertEquals(app.calls, ["onOpen", "onReadable", "onClosed reset-by-us"]);
  assertEquals(lab.host.connections(), []);
  assertEquals(lab.takeTransitions().slice(-2), ["ESTABLISHED>CLOSE_WAIT", "CLOSE_WAIT>CLOSED"]);
});

Deno.test("onClosed that throws, by whomever the connection was ended: contained", () => {
  const lab = new Lab({ expectsFaults: true });
  const apps = [faultyApp(["onClosed"]), faultyApp(["onClosed"])];
  const rest = [...apps];
  listenWith(lab, (connection) => {
    const app = rest.shift();
    if (app === undefined) return echo;
    app.connection = connection;
    return app.handler;
  });
  const resetter = connect(lab);
  resetter.sends({ flags: "RST", seq: 1 });
  resetter.expectsSilence();
  assertEquals(apps[0].calls, ["onOpen", "onClosed reset-by-peer"]);
  const victim = connect(lab);
  // A user call from outside: what the handler throws is not the caller's.
  lab.user(() => apps[1].connection?.abort());
  victim.expects({ flags: "RST ACK", seq: 1, ack: 1 });
  victim.expectsSilence();
  assertEquals(apps[1].calls, ["onOpen", "onClosed reset-by-us"]);
  assertEquals(lab.host.counters()["application-errors"], 2);
  assertEquals(lab.events.filter((event) => event.event === "closed").length, 2);
  assertServes(lab);
});

Deno.test("a handler that throws, and then again in onClosed: two errors, one end", () => {
  const lab = new Lab({ expectsFaults: true });
  const app = faultyApp(["onReadable", "onClosed"]);
  listenWith(lab, (connection) => connection.peerPort === 40_000 ? app.handler : echo);
  const peer = connect(lab);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  peer.expects({ flags: "RST ACK", seq: 1 });
  peer.expectsSilence();
  assertEquals(app.calls, ["onOpen", "onReadable", "onClosed reset-by-us"]);
  assertEquals(applicationErrors(lab).map(({ message }) => message), [
    "Error: onReadable is broken",
    "Error: onClosed is broken",
  ]);
  assertEquals(lab.events.filter((event) => event.event === "closed").length, 1);
  assertServes(lab);
});

Deno.test("accept that throws: reset and forgotten, and the backlog is as it was", () => {
  const lab = new Lab({ expectsFaults: true });
  let broken = true;
  listenWith(lab, () => {
    if (broken) throw new Error("no application today");
    return echo;
  }, { backlog: 2 });
  for (let i = 0; i < 5; i++) {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    const flags = peer.takeAll().map((seen) => seen.flags);
    assertEquals(flags.at(-1), "RST ACK");
    assertEquals(lab.host.connections(), []);
    lab.pass(SECOND_US);
    peer.expectsSilence();
  }
  assertEquals(applicationErrors(lab).length, 5);
  assertEquals(lab.host.counters()["syn-cookies-sent"], undefined);
  broken = false;
  assertServes(lab, connect(lab));
  // Both places of the backlog are free: two half-open connections, neither a cookie.
  for (let i = 0; i < 2; i++) lab.peer().sends({ flags: "SYN", seq: 0 });
  assertEquals(lab.host.connections().map(({ state }) => state), ["ESTABLISHED", "SYN_RCVD", "SYN_RCVD"]);
  assertEquals(lab.host.counters()["syn-cookies-sent"], undefined);
});

Deno.test("accept that throws for the ACK of a cookie: reset and forgotten", () => {
  const lab = new Lab({ expectsFaults: true });
  let calls = 0;
  listenWith(lab, () => {
    if (++calls > 1) throw new Error("one is enough");
    return echo;
  }, { backlog: 1 });
  const first = lab.peer();
  first.sends({ flags: "SYN", seq: 0 });
  first.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  const second = lab.peer();
  second.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  second.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(lab.host.counters()["syn-cookies-sent"], 1);
  second.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  second.expects({ flags: "RST ACK", seq: 1 });
  second.expectsSilence();
  assertEquals(lab.host.connections().length, 1);
  assertEquals(applicationErrors(lab).length, 1);
});

Deno.test("accept may close, abort and write: the connection is in SYN_RCVD by then", () => {
  const lab = new Lab({ expectsFaults: true });
  const acts: ((connection: HostConnection) => void)[] = [
    (connection) => connection.abort(),
    (connection) => connection.write(new TextEncoder().encode("early")),
  ];
  const states: string[] = [];
  listenWith(lab, (connection) => {
    states.push(connection.state);
    acts.shift()?.(connection);
    return {};
  });
  const refused = lab.peer();
  refused.sends({ flags: "SYN", seq: 0 });
  assertEquals(refused.takeAll().at(-1)?.flags, "RST ACK");
  const greeted = lab.peer();
  greeted.sends({ flags: "SYN", seq: 0 });
  greeted.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  greeted.expectsSilence();
  greeted.sends({ flags: "ACK", seq: 1, ack: 1 });
  greeted.expects({ flags: "ACK", seq: 1, ack: 1, data: "early" });
  greeted.expectsSilence();
  assertEquals(states, ["SYN_RCVD", "SYN_RCVD"]);
  assertEquals(applicationErrors(lab), []);
});

Deno.test("a user call that throws inside a callback ends the connection whose callback it is", () => {
  const lab = new Lab({ expectsFaults: true });
  const opened: HostConnection[] = [];
  listenWith(lab, (connection) => {
    opened.push(connection);
    return {
      onReadable: () => {
        connection.skip(Infinity);
        // The other one is closed for sending.
        if (connection === opened[0]) opened[1].write(Uint8Array.of(1));
      },
    };
  });
  const first = connect(lab);
  const second = connect(lab);
  lab.user(() => opened[1].closeWrite());
  second.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  second.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertThrows(() => lab.user(() => opened[1].write(Uint8Array.of(1))), Error, "closed for sending");
  first.sends({ flags: "ACK", seq: 1, ack: 1, data: "go" });
  first.expects({ flags: "RST ACK", seq: 1 });
  first.expectsSilence();
  second.expectsSilence();
  assertEquals(opened.map(({ state }) => state), ["CLOSED", "FIN_WAIT_2"]);
  assertEquals(applicationErrors(lab).map(({ connection }) => connection), [opened[0].name]);
  assert(applicationErrors(lab)[0].message.includes("closed for sending"));
  // The other one goes on.
  second.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  second.expects({ flags: "ACK", seq: 2, ack: 2 });
});

Deno.test("what a callback did before it threw is done: its bytes are lost with the reset, others' are not", () => {
  const lab = new Lab({ expectsFaults: true });
  const opened: HostConnection[] = [];
  listenWith(lab, (connection) => {
    opened.push(connection);
    return {
      onReadable: () => {
        if (connection !== opened[0]) return;
        opened[1].write(new TextEncoder().encode("for you"));
        throw new Error("after");
      },
    };
  });
  const first = connect(lab);
  const second = connect(lab);
  first.sends({ flags: "ACK", seq: 1, ack: 1, data: "go" });
  second.expects({ flags: "ACK", seq: 1, ack: 1, data: "for you" });
  second.expectsSilence();
  first.expects({ flags: "RST ACK", seq: 1 });
  first.expectsSilence();
});

Deno.test("300 connections, each third application throws: the others are served as if nothing were", () => {
  const lab = new Lab({ expectsFaults: true });
  listenWith(lab, (connection) => {
    if (connection.peerPort % 3 !== 0) return echo;
    return {
      onReadable: () => {
        throw new Error(`no text on ${connection.peerPort}`);
      },
    };
  });
  const peers = Array.from({ length: 300 }, () => connect(lab));
  for (const peer of peers) peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  for (const peer of peers) {
    if (peer.port % 3 === 0) peer.expects({ flags: "RST ACK", seq: 1 });
    else peer.expects({ flags: "ACK", seq: 1, ack: 5, data: "text" });
    peer.expectsSilence();
  }
  assertEquals(lab.host.connections().length, 200);
  assertEquals(lab.host.counters()["application-errors"], 100);
  assertEquals(
    applicationErrors(lab).map(({ message }) => message),
    peers.filter(({ port }) => port % 3 === 0).map(({ port }) => `Error: no text on ${port}`),
  );
  // And they end in order.
  for (const peer of peers) {
    if (peer.port % 3 === 0) continue;
    peer.sends({ flags: "FIN ACK", seq: 5, ack: 5 });
    peer.expects({ flags: "ACK", seq: 5, ack: 6 });
    peer.expectsSilence();
  }
});

Deno.test("300 connections time out at once, and each application throws in onClosed: tick goes through", () => {
  const lab = new Lab({ tcp: { r2Us: 30 * SECOND_US }, expectsFaults: true });
  const app = faultyApp(["onClosed"], (call, connection) => {
    if (call === "onOpen") connection.write(Uint8Array.of(1));
  });
  listenWith(lab, () => app.handler);
  for (let i = 0; i < 300; i++) connect(lab).takeAll();
  assertEquals(lab.host.connections().length, 300);
  lab.pass(200 * SECOND_US);
  assertEquals(lab.host.connections(), []);
  assertEquals(app.calls.filter((call) => call === "onClosed timeout").length, 300);
  assertEquals(lab.host.counters()["application-errors"], 300);
  assertEquals(lab.host.nextDeadlineUs(), Infinity);
});

for (
  const [name, thrown, message] of [
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["a text", "just text", "just text"],
    ["what has no text", {
      toString() {
        throw new Error("no text");
      },
    }, "something that has no text"],
    [
      "an error whose message throws",
      Object.defineProperty(new Error(), "message", {
        get() {
          throw new Error("no message");
        },
      }),
      "something that has no text",
    ],
    ["a very long text", "x".repeat(10_000), "x".repeat(300)],
  ] as const
) {
  Deno.test(`an application may throw anything: ${name}`, () => {
    const lab = new Lab({ expectsFaults: true });
    listenWith(lab, () => ({
      onReadable: () => {
        throw thrown;
      },
    }));
    const peer = connect(lab);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
    peer.expects({ flags: "RST ACK", seq: 1 });
    peer.expectsSilence();
    assertEquals(applicationErrors(lab).map((event) => event.message), [message]);
  });
}
