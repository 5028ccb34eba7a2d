/**
 * What events say about segments: one rule for a segment and what it led to, numbers of connections and segments, figures
 * and deadlines where they are asked for.
 */
import { assertEquals } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { Lab } from "../tcp/harness.ts";
import { ALL_OPTIONS, reachEstablished, reachTimeWait } from "../tcp/states.ts";
import { HOST_PORT } from "../tcp/wire_ends.ts";

/** In short: kind, number of the connection, number of the segment, and what decided. */
function brief(events: readonly TcpEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.event === "segment") {
      const { id = "-", segment, direction, flags, rule } = event;
      return [`#${id} ${segment} ${direction} ${flags} ${rule}`];
    }
    if (event.event === "transition") {
      const { id = "-", segment = "-", row, rule } = event;
      return [`#${id} ${segment} ${row} ${rule}`];
    }
    if (event.event === "retransmit") {
      const { id, segment, kind, repeats = "-", relSeq } = event;
      return [`#${id} ${segment} retransmit ${kind} of ${repeats} at ${relSeq}`];
    }
    if (event.event === "drop") return [`#${event.id ?? "-"} ${event.segment ?? "-"} drop ${event.reason}`];
    if (event.event === "closed") return [`#${event.id} closed ${event.reason}`];
    return [];
  });
}

Deno.test("told: a whole connection: the ACK that establishes has one rule, every line its numbers", () => {
  const lab = new Lab();
  const [peer, stranger] = [lab.peer(), lab.peer()];
  const apps = lab.listen();
  peer.sends({ flags: "SYN", seq: 0 });
  stranger.sends({ flags: "ACK", seq: 5, ack: 5 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  apps[0].closeWrite();
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(brief(lab.events), [
    "#- - open.passive open.passive",
    "#1 1 recv SYN arrives.listen.syn",
    "#1 1 listen.syn arrives.listen.syn",
    "#1 2 send SYN,ACK arrives.listen.syn",
    "#- 3 recv ACK arrives.listen.ack",
    "#- 3 drop ack-in-listen",
    "#- 4 send RST arrives.listen.ack",
    "#1 5 recv ACK arrives.check5.syn-rcvd",
    "#1 5 syn-rcvd.ack arrives.check5.syn-rcvd",
    "#1 6 recv FIN,ACK arrives.check8.fin",
    "#1 6 established.fin arrives.check8.fin",
    "#1 7 send ACK ack.fin",
    "#1 8 close-wait.close close.fin",
    "#1 8 send FIN,ACK close.fin",
    "#1 9 recv ACK arrives.check5.fin-acknowledged",
    "#1 9 last-ack.ack arrives.check5.fin-acknowledged",
    "#1 closed normal",
  ]);
});

Deno.test("told: on an abort the RST is the last segment, and nothing is told of a connection behind its end", () => {
  const lab = new Lab();
  const peer = lab.peer();
  const apps = lab.listen();
  peer.sends({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  const before = lab.events.length;
  apps[0].connection.abort();
  assertEquals(brief(lab.events.slice(before)), [
    "#1 4 established.abort abort",
    "#1 4 send RST,ACK abort",
    "#1 closed reset-by-us",
  ]);
});

Deno.test("told: a segment that changes the state twice says both rules, and stands with the last", () => {
  const { lab, peer, app } = reachEstablished();
  app.closeWrite();
  lab.events.length = 0;
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  const [segment] = lab.events;
  assertEquals(segment.event === "segment" ? [segment.rule, segment.rules, segment.state] : null, [
    "arrives.check8.fin",
    ["arrives.check5.fin-acknowledged", "arrives.check8.fin"],
    "TIME_WAIT",
  ]);
});

Deno.test("told: a bare ACK in TIME_WAIT has a rule of its own, whatever came before on another connection", () => {
  const { lab, peer } = reachTimeWait();
  lab.peer().sends({ flags: "SYN", seq: 0 });
  lab.events.length = 0;
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(brief(lab.events).map((line) => line.replace(/^#1 \d+/, "#1")), [
    "#1 recv ACK arrives.time-wait.ack",
  ]);
});

Deno.test("told: a SYN that opens anew what is in TIME_WAIT is one segment, of two connections' rules", () => {
  const { lab, peer } = reachTimeWait();
  lab.events.length = 0;
  peer.sends({ flags: "SYN", seq: 1000 });
  const first = lab.events.find((event) => event.event === "segment");
  const number = first?.event === "segment" ? first.segment ?? 0 : 0;
  assertEquals(brief(lab.events), [
    `#1 ${number} time-wait.syn arrives.time-wait.new-syn`,
    "#1 closed normal",
    `#2 ${number} recv SYN arrives.listen.syn`,
    `#2 ${number} listen.syn arrives.listen.syn`,
    `#2 ${number + 1} send SYN,ACK arrives.listen.syn`,
  ]);
  assertEquals(first?.event === "segment" ? first.rules : null, [
    "arrives.time-wait.new-syn",
    "arrives.listen.syn",
  ]);
});

Deno.test("told: a SYN that gets a cookie stands with the options that it had, and uses up no number", () => {
  const lab = new Lab();
  lab.listen({ backlog: 1 });
  lab.peer().sends({ flags: "SYN", seq: 0 });
  lab.events.length = 0;
  const { timestamps: _none, ...options } = ALL_OPTIONS;
  const second = lab.peer();
  second.sends({ flags: "SYN ECE CWR", seq: 0, options });
  const [came, left] = lab.events.filter((event) => event.event === "segment");
  assertEquals([came.id, came.flags, came.rule, came.options], [
    undefined,
    ["SYN", "ECE", "CWR"],
    "arrives.listen.cookie-sent",
    { mss: 1460, windowScale: 7, sackPermitted: true },
  ]);
  assertEquals([left.id, left.flags, left.rule], [undefined, ["SYN", "ACK"], "arrives.listen.cookie-sent"]);
  lab.events.length = 0;
  second.takeAll();
  second.sends({ flags: "ACK", seq: 1, ack: 1 });
  const [answer] = lab.events.filter((event) => event.event === "segment");
  assertEquals([answer.id, answer.rules], [2, ["arrives.listen.cookie", "arrives.check5.syn-rcvd"]]);
});

Deno.test("told: an ACK for which there is no place is reset by its own rule, not by that of what came before", () => {
  const lab = new Lab({ maxConnections: 2, onFull: "refuse" });
  lab.listen({ backlog: 1 });
  lab.peer().sends({ flags: "SYN", seq: 0 });
  const second = lab.peer();
  second.sends({ flags: "SYN", seq: 0 });
  second.takeAll();
  lab.connect(lab.peer());
  lab.events.length = 0;
  second.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(brief(lab.events).map((line) => line.replace(/^#- \d+/, "#-")), [
    "#- recv ACK arrives.listen.ack",
    "#- send RST arrives.listen.ack",
  ]);
});

Deno.test("told: an ACK that waits for a place is counted from its own connection's SYN", () => {
  const lab = new Lab();
  const listener = lab.user(() => lab.host.listen({ port: HOST_PORT, backlog: 4, accept: () => ({}) }));
  const [first, other] = [lab.peer(), lab.peer()];
  for (const peer of [first, other]) peer.sends({ flags: "SYN", seq: 0 });
  other.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  listener.waiting = 5;
  other.sends({ flags: "ACK", seq: 4, ack: 1 });
  lab.events.length = 0;
  first.sends({ flags: "ACK", seq: 1, ack: 1 });
  const [event] = lab.events;
  assertEquals(event.event === "segment" ? [event.relSeq, event.relAck, event.rule] : null, [
    1,
    1,
    "arrives.listen.backlog-full",
  ]);
});

Deno.test("told: a retransmission names the segment that it repeats, and that is the last one, not the first", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("abc");
  app.write("defg");
  peer.takeAll();
  lab.events.length = 0;
  lab.pass(4_000_000);
  const lines = brief(lab.events);
  assertEquals(lines.length >= 4, true, lines.join("\n"));
  const first = Number(lines[1].split(" ")[1]);
  assertEquals(lines.slice(0, 4), [
    `#1 ${first} retransmit rto of 4 at 1`,
    `#1 ${first} send ACK retransmit.rto`,
    `#1 ${first + 1} retransmit rto of ${first} at 1`,
    `#1 ${first + 1} send ACK retransmit.rto`,
  ]);
});

Deno.test("told: who begins to observe anew hears of nothing that only the one before could know", () => {
  const { lab, peer, app } = reachEstablished();
  const observe = lab.host.observer;
  app.write("abc");
  peer.takeAll();
  lab.host.observer = null;
  lab.host.observer = observe;
  lab.events.length = 0;
  lab.pass(1_500_000);
  const [again] = lab.events;
  assertEquals(again.event === "retransmit" ? [again.kind, again.relSeq, again.repeats] : again, [
    "rto",
    1,
    undefined,
  ]);
});

Deno.test("told: who comes after one that has left between a transition and its segment hears no foreign rule", () => {
  const { lab, peer } = reachTimeWait();
  const { observer } = lab.host;
  lab.host.observer = (event) => {
    if (event.event === "transition") lab.host.observer = null;
  };
  peer.sends({ flags: "SYN", seq: 1000 });
  lab.host.observer = observer;
  lab.events.length = 0;
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1001, ack: 1 });
  const [event] = lab.events;
  assertEquals(event.event === "segment" ? [event.rule, event.rules] : event, [
    "arrives.check5.syn-rcvd",
    undefined,
  ]);
});
