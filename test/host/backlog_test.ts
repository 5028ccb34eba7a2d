/**
 * A listener's backlog: half-open connections and those that wait to be accepted (`ListenOptions.backlog`).
 */
import { assertEquals } from "@std/assert";
import type { HostConnection, HostListener } from "../../src/host/api.ts";
import { Lab, type LabOptions } from "../tcp/harness.ts";
import type { Peer } from "../tcp/peer.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";
import { listenWith } from "./faulty_app.ts";

/** A listener whose connections wait in a queue until the test accepts them, as the library's do. */
interface Queue {
  readonly lab: Lab;
  readonly listener: HostListener;
  readonly waiting: HostConnection[];
  accept(): HostConnection | undefined;
  counter(name: string): number;
}

function queue(backlog: number, options: LabOptions = {}): Queue {
  const lab = new Lab(options);
  const waiting: HostConnection[] = [];
  const count = () => {
    listener.waiting = waiting.length;
  };
  const listener: HostListener = listenWith(lab, () => ({
    onOpen: (connection) => {
      waiting.push(connection);
      count();
    },
  }), { backlog });
  return {
    lab,
    listener,
    waiting,
    accept() {
      const first = waiting.shift();
      count();
      return first;
    },
    counter: (name) => lab.host.counters()[name] ?? 0,
  };
}

/** A SYN that is answered. */
function open(lab: Lab): Peer {
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  return peer;
}

function acknowledge(peer: Peer): Peer {
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  return peer;
}

Deno.test("those who wait to be accepted fill the backlog: the next SYN gets no answer, and no cookie", () => {
  const { lab, waiting, counter, ...on } = queue(3);
  const early = [open(lab), open(lab), open(lab)];
  early.forEach(acknowledge);
  assertEquals(waiting.length, 3);
  // Those who wait are connections like others.
  early[0].sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  early[0].expects({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals(waiting[0].readableBytes, 4);
  const late = lab.peer();
  late.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  late.expectsSilence();
  assertEquals([counter("syn-cookies-sent"), counter("syn-dropped"), counter("accept-queue-full")], [
    0,
    1,
    1,
  ]);
  assertEquals(lab.events.filter((event) => event.event === "drop").map(({ reason }) => reason), [
    "accept-queue-full",
  ]);
  // One is taken: the client's next try finds room.
  on.accept();
  late.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  late.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  acknowledge(late);
  assertEquals(waiting.length, 3);
  assertEquals(counter("syn-cookies-sent"), 0);
});

Deno.test("half-open and waiting ones share the bound: beyond their sum a cookie", () => {
  const { lab, listener, counter } = queue(3);
  acknowledge(open(lab));
  const halfOpen = [open(lab), open(lab)];
  assertEquals(counter("syn-cookies-sent"), 0);
  assertEquals(listener.waiting, 1);
  const cookie = open(lab);
  assertEquals(counter("syn-cookies-sent"), 1);
  // The handshakes under way end, and the cookie's too late: three wait by then.
  halfOpen.forEach(acknowledge);
  assertEquals(listener.waiting, 3);
  cookie.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  cookie.expectsSilence();
  assertEquals([listener.waiting, counter("syn-cookies-good"), counter("accept-queue-full")], [3, 0, 1]);
});

Deno.test("with cookies off, the sum of half-open and waiting ones is the bound", () => {
  const { lab, waiting, counter } = queue(2, { tcp: { synCookies: false } });
  acknowledge(open(lab));
  open(lab);
  const late = lab.peer();
  late.sends({ flags: "SYN", seq: 0 });
  late.expectsSilence();
  assertEquals([waiting.length, counter("syn-dropped"), counter("accept-queue-full")], [1, 1, 0]);
});

Deno.test("the ACK of a cookie may come back as long as those who wait leave room, whatever is half-open", () => {
  const { lab, waiting, counter, ...on } = queue(2);
  // A flood: two that never answer.
  open(lab);
  open(lab);
  const honest = [open(lab), open(lab), open(lab)];
  assertEquals(counter("syn-cookies-sent"), 3);
  acknowledge(honest[0]);
  acknowledge(honest[1]);
  assertEquals(waiting.length, 2);
  honest[2].sends({ flags: "ACK", seq: 1, ack: 1 });
  honest[2].expectsSilence();
  assertEquals(waiting.length, 2);
  // Its text is the next try, and there is room now.
  on.accept();
  honest[2].sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  honest[2].expects({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals(waiting.length, 2);
});

Deno.test("the last ACK of a handshake is ignored while too many wait; SYN-ACK again, and the next ACK finds room", () => {
  const { lab, waiting, counter, ...on } = queue(2);
  const [first, second] = [open(lab), open(lab)];
  // Two more with cookies: they are faster, and fill the queue.
  const fast = [open(lab), open(lab)];
  fast.forEach(acknowledge);
  assertEquals(waiting.length, 2);
  const before = lab.host.connections().map(({ state }) => state);
  assertEquals(before, ["SYN_RCVD", "SYN_RCVD", "ESTABLISHED", "ESTABLISHED"]);
  acknowledge(first);
  first.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  first.expectsSilence();
  second.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  second.expectsSilence();
  assertEquals(lab.host.connections().map(({ state }) => state), before);
  assertEquals([waiting.length, counter("accept-queue-full")], [2, 3]);
  const drops = lab.events.filter((event) => event.event === "drop");
  assertEquals(drops.map(({ reason }) => reason), new Array(3).fill("accept-queue-full"));
  // RST and a SYN again are not held up.
  first.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  first.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  second.sends({ flags: "RST ACK", seq: 1, ack: 1 });
  second.expectsSilence();
  assertEquals(lab.host.connections().length, 3);
  lab.pass(1.5 * SECOND_US);
  first.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  first.expectsSilence();
  on.accept();
  first.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  first.expects({ flags: "ACK", seq: 1, ack: 5 });
  first.expectsSilence();
  assertEquals([waiting.length, waiting[1].readableBytes], [2, 4]);
});

Deno.test("what ends in SYN_RCVD gives its place back: reset, timed out, or aborted", () => {
  const { lab, counter } = queue(2, { tcp: { synCookies: false } });
  const isOpen = () => {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0 });
    const answers = peer.takeAll();
    return answers.length === 1 ? peer : null;
  };
  const first = isOpen();
  isOpen();
  assertEquals(isOpen(), null);
  first?.sends({ flags: "RST", seq: 1 });
  const third = isOpen();
  assertEquals([third !== null, isOpen()], [true, null]);
  lab.user(() => lab.host.connections().at(-1)?.abort());
  assertEquals([isOpen() !== null, isOpen()], [true, null]);
  lab.pass(600 * SECOND_US);
  assertEquals([isOpen() !== null, isOpen() !== null, isOpen()], [true, true, null]);
  assertEquals(counter("syn-dropped"), 4);
});

Deno.test("applications that serve at once never fill the backlog, however many are open", () => {
  const lab = new Lab();
  const apps = lab.listen({ backlog: 2 });
  for (let i = 0; i < 300; i++) acknowledge(open(lab));
  assertEquals(apps.length, 300);
  assertEquals(apps.every(({ state }) => state === "ESTABLISHED"), true);
  assertEquals(lab.host.counters()["syn-cookies-sent"], undefined);
  assertEquals(lab.host.listeners()[0].waiting, 0);
});

Deno.test("a listener that is closed with a full queue: its handshakes are ignored no longer than they live", () => {
  const { lab, listener, waiting } = queue(1);
  const early = open(lab);
  const fast = open(lab);
  acknowledge(fast);
  assertEquals(waiting.length, 1);
  acknowledge(early);
  lab.user(() => listener.close());
  // Whoever queued them lets go of them.
  listener.waiting = 0;
  acknowledge(early);
  assertEquals(waiting.length, 2);
});
