/** The one place where the event stream forks: who hears of what, and what is thrown there. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { createHost } from "../../src/runtime/create_stack.ts";
import { EventHub } from "../../src/runtime/event_hub.ts";
import type { SegmentEvent, TcpEvent } from "../../src/tcp/events.ts";
import { sampleSegment } from "../observe/sample_events.ts";
import { FakeHost } from "./fake_host.ts";

const DROP: TcpEvent = { event: "drop", time: 0, reason: "test" };

Deno.test("each hears of each event, those who hear it at once first, in the order in which they came", () => {
  const host = new FakeHost();
  const hub = new EventHub(host);
  const heard: string[] = [];
  for (const who of ["a", "b"]) hub.subscribe(() => heard.push(who));
  for (const who of ["c", "d"]) hub.subscribeAtOnce(() => heard.push(who));
  host.emit(DROP);
  assertEquals(heard, ["c", "d", "a", "b"]);
});

Deno.test("whoever throws keeps the event from nobody, and each is counted each time", () => {
  const [link] = memoryPair();
  const faults: string[] = [];
  const onFault = (error: unknown, where: string) =>
    faults.push(`${where}: ${error instanceof Error ? error.message : error}`);
  const host = createHost({ link, addresses: "10.0.0.1/24", onFault });
  const hub = new EventHub(host);
  const heard: string[] = [];
  const throws = (who: string) => () => {
    heard.push(who);
    throw new Error(who);
  };
  const leave = [
    hub.subscribe(throws("a")),
    hub.subscribe(throws("b")),
    hub.subscribeAtOnce(throws("c")),
    hub.subscribe(() => heard.push("d")),
  ];
  host.emit(DROP);
  assertEquals(heard.splice(0), ["c", "a", "b", "d"]);
  assertEquals(faults.splice(0), ["observer: c", "observer: a", "observer: b"]);
  assertEquals(host.counters()["observer-errors"], 3);
  leave[1]();
  leave[2]();
  host.emit(DROP);
  assertEquals(heard.splice(0), ["a", "d"]);
  assertEquals([faults, host.counters()["observer-errors"]], [["observer: a"], 4]);
  leave[0]();
  leave[3]();
  host.emit(DROP);
  assertEquals(heard, []);
  assertStrictEquals(host.observer, null);
});

Deno.test("leaving twice is leaving once, though another subscribes with the same function", () => {
  const host = new FakeHost();
  const hub = new EventHub(host);
  let heard = 0;
  const observer = () => void heard++;
  const leave = hub.subscribeAtOnce(observer);
  hub.subscribeAtOnce(observer);
  leave();
  leave();
  host.emit(DROP);
  assertEquals(heard, 1);
});

Deno.test("what was held back for a connection's reader who has left is not told to the next", () => {
  const host = new FakeHost();
  const hub = new EventHub(host, { epochUs: 0, onOrders: () => {} });
  const sent: SegmentEvent = { ...sampleSegment(), direction: "send" };
  const leave = hub.subscribe(() => {}, { connection: sent.connection });
  host.emit(sent);
  leave();
  const heard: TcpEvent[] = [];
  hub.subscribe((event) => void heard.push(event))();
  assertEquals(heard, []);
});
