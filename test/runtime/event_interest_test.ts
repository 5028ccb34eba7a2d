/** What an observer does not want is not made; what changes something it hears in any case. */
import { assert, assertEquals } from "@std/assert";
import type { EventInterest, TcpEvent } from "../../src/tcp/events.ts";
import { PageScene } from "../web/page_scene.ts";

const NOTHING: EventInterest = { segments: () => false, data: false, samples: () => false };

/** A segment's flags, a row, or the name of the event. */
function short(event: TcpEvent): string {
  if (event.event === "segment") return `${event.direction} ${event.flags.join(",")}`;
  return event.event === "transition" ? event.row : event.event;
}

/** Connects, sends 30 octets in three messages that come back, and ends. */
async function talkOn(on: PageScene): Promise<void> {
  const connection = await on.opens();
  for (let i = 0; i < 3; i++) await on.talks(connection, "0123456789");
  await on.get(connection.closeWrite());
  assertEquals(await on.get(connection.read(new Uint8Array(1))), null);
  await on.settle();
}

Deno.test("of the many events none is made that nobody wants; states, SYN and FIN are told as ever", async () => {
  await using on = new PageScene();
  const heard: TcpEvent[] = [];
  on.session.stack.observe((event) => void ("id" in event && heard.push(event)), NOTHING);
  await talkOn(on);
  assertEquals(heard.map(short), [
    "recv SYN",
    "listen.syn",
    "send SYN,ACK",
    // It changes the state.
    "recv ACK",
    "syn-rcvd.ack",
    "recv FIN,ACK",
    "established.fin",
    "close-wait.close",
    "send FIN,ACK",
    "recv ACK",
    "last-ack.ack",
    "closed",
  ]);
  // A transition and its segment name each other, and no number is there twice.
  const numbers = heard.flatMap((event) => event.event === "segment" ? [event.segment] : []);
  assertEquals(new Set(numbers).size, numbers.length);
  for (const event of heard) {
    if (event.event === "transition") assert(numbers.includes(event.segment), JSON.stringify(event));
  }
});

Deno.test("who wants all has all, beside one who wants nothing; without him it is as before", async () => {
  await using on = new PageScene();
  let [few, all] = [0, 0];
  on.session.stack.observe((event) => void (event.event === "segment" && few++), NOTHING);
  const leave = on.session.stack.observe((event) => void (event.event === "segment" && all++));
  await talkOn(on);
  assertEquals(few, all);
  const { segmentsIn, segmentsOut } = countsOf(on);
  assertEquals(all, segmentsIn + segmentsOut);
  leave();
  [few, all] = [0, 0];
  await talkOn(on);
  assertEquals([few, all], [6, 0]);
});

function countsOf(on: PageScene): { segmentsIn: number; segmentsOut: number } {
  const { "segments-in": segmentsIn, "segments-out": segmentsOut } = on.session.host.counters();
  return { segmentsIn, segmentsOut };
}

Deno.test("samples are told of the connections that they are wanted of, and a plain observer hears none before", async () => {
  await using on = new PageScene();
  const ids = new Set<number>();
  let plain = 0;
  const leave = on.session.stack.observe((event) => void (event.event === "sample" && plain++));
  await talkOn(on);
  assertEquals(plain, 0);
  leave();
  on.session.stack.observe(
    (event) => void (event.event === "sample" && event.id !== undefined && ids.add(event.id)),
    {
      ...NOTHING,
      samples: (id) => id === 3,
    },
  );
  await talkOn(on);
  await talkOn(on);
  assertEquals([...ids], [3]);
});

Deno.test("what is sent again is told, whoever wants it or not", async () => {
  await using on = new PageScene();
  const heard: TcpEvent[] = [];
  const connection = await on.opens();
  await on.talks(connection, "begin");
  on.session.stack.observe((event) => void ("id" in event && heard.push(event)), NOTHING);
  on.begins();
  assertEquals((await on.tells("/api/faults", { once: "out:drop:data" })).status, 200);
  assertEquals(await on.talks(connection, "again"), "again");
  const repeat = heard.find(({ event }) => event === "retransmit");
  assert(repeat?.event === "retransmit", heard.map(short).join(" "));
  assert(heard.some((event) => event.event === "segment" && event.segment === repeat.segment));
});
