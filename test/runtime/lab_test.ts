/** A lab in one call: time that passes by itself, and the same course for the same seed. */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { createLab, type Lab, type LabOptions } from "../../src/runtime/lab.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";
import { writeAll } from "../../src/runtime/write_all.ts";
import { inTime } from "./in_time.ts";

const SERVER = { hostname: "10.0.0.1", port: 7 };
/** Enough for windows to fill, segments to be lost and sent again. */
const BYTES = 200_000;

function noise(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
}

/** Two connections at once, each with an echo of what it sends; what came back. */
async function twoEchoes(lab: Lab): Promise<Uint8Array[]> {
  const listener = lab.server.listen({ port: 7 });
  const serving = (async () => {
    for await (const connection of listener) {
      void connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const echoes = await Promise.all([1, 2].map(async (nth) => {
    const connection = await lab.client.connect(SERVER);
    const sending = writeAll(connection, noise(BYTES / nth)).then(() => connection.closeWrite());
    const back = new Uint8Array(await new Response(connection.readable).arrayBuffer());
    await sending;
    connection.close();
    return back;
  }));
  listener.close();
  await serving;
  return echoes;
}

async function course(options: LabOptions): Promise<{ log: string; nowMs: number; echoes: Uint8Array[] }> {
  await using lab = createLab({ ...options, faults: "drop=2%,dup=1%,reorder=2%,delay=10ms,jitter=3ms" });
  const echoes = await twoEchoes(lab);
  return { log: lab.log, nowMs: lab.nowMs, echoes };
}

inTime(
  "the same seed gives the same course to the octet, another seed another one, and all bytes arrive",
  async () => {
    const [one, again, other] = [
      await course({ seed: 3 }),
      await course({ seed: 3 }),
      await course({ seed: 4 }),
    ];
    assert(one.log.includes('"event":"fault"') && one.log.includes('"event":"retransmit"'));
    assertEquals(one.log.length, again.log.length);
    assert(one.log === again.log);
    assertEquals(one.nowMs, again.nowMs);
    assertNotEquals(one.log, other.log);
    for (const { echoes } of [one, again, other]) {
      assertEquals(echoes, [noise(BYTES), noise(BYTES / 2)]);
    }
  },
);

inTime("time passes by itself while somebody waits: three minutes of silence are over at once", async () => {
  await using lab = createLab({ faults: "in:drop=100%" });
  lab.server.listen({ port: 7 });
  const error = await assertRejects(() => lab.client.connect(SERVER), Deno.errors.TimedOut);
  assert(error.message.includes("10.0.0.1:7"), error.message);
  // RFC 9293 §3.8.3, MUST-23: three minutes at least for a SYN.
  assert(lab.nowMs >= 180_000, String(lab.nowMs));
});

inTime(
  "by hand time passes only when it is told to: a SYN goes again after 1 s and after 3 s (RFC 6298 §2, §5.5)",
  async () => {
    await using lab = createLab({ time: "manual", faults: "in:drop=100%" });
    lab.server.listen({ port: 7 });
    const connecting = assertRejects(() => lab.client.connect(SERVER));
    const syns = () =>
      lab.events.filter(({ event, host }) => host === "client" && event === "retransmit").length;
    for (let i = 0; i < 50; i++) await visitEventLoop();
    assertEquals([lab.nowMs, syns()], [0, 0]);
    await lab.advance(999.999);
    assertEquals([lab.nowMs, syns()], [999.999, 0]);
    await lab.advance(0.001);
    assertEquals([lab.nowMs, syns()], [1000, 1]);
    await lab.advance(1999);
    assertEquals(syns(), 1);
    await lab.advance(1);
    assertEquals(syns(), 2);
    lab.close();
    await connecting;
  },
);

inTime("run gives the value and lets just as much time pass, for several at once too", async () => {
  await using lab = createLab({ time: "manual", faults: "delay=50ms" });
  const listener = lab.server.listen({ port: 7 });
  const [far, near] = await lab.run(Promise.all([lab.client.connect(SERVER), listener.accept()]));
  // SYN, SYN-ACK, ACK: 50 ms each.
  assertEquals(lab.nowMs, 150);
  await near.write(Uint8Array.of(1));
  await far.write(Uint8Array.of(2));
  const into = new Uint8Array(9);
  const reads = [lab.run(far.read(into)), lab.run(near.read(new Uint8Array(9)))];
  assertEquals(await Promise.all(reads), [1, 1]);
  assertEquals(lab.nowMs, 200);
});

inTime(
  "run says so when nothing is left that could happen, or the limit is reached; what was waited for is not lost",
  async () => {
    await using lab = createLab({ time: "manual" });
    const listener = lab.server.listen({ port: 7 });
    const accepting = listener.accept();
    await assertRejects(() => lab.run(accepting), Error, "nothing is left that could happen");
    const connecting = lab.client.connect({ hostname: "10.0.0.99", port: 7 });
    await assertRejects(() => lab.run(connecting, 100), Error, "after 0 ms: that was the limit");
    await assertRejects(() => lab.run(connecting), Error, "No route to host");
    await lab.run(lab.client.connect(SERVER));
    assertEquals((await accepting).localAddr.port, 7);
  },
);

inTime("settings are for both hosts or for one; the hosts have IPv6 where that is asked for", async () => {
  await using lab = createLab({
    ipv6: true,
    tcp: { noDelay: true },
    server: { tcp: { receiveBufferBytes: 8192 } },
  });
  const listener = lab.server.listen({ port: 7 });
  const accepting = listener.accept();
  const far = await lab.client.connect({ hostname: "fd00::1", port: 7 });
  assertEquals((await accepting).remoteAddr.hostname, "fd00::2");
  assert(far.info().sndWnd <= 8192);
  for (const side of [lab.server, lab.client]) assertEquals(side.connections.length, 1);
});

inTime("each host can be of another profile: Linux on one side, FreeBSD on the other", async () => {
  await using lab = createLab({ profile: "linux", client: { profile: "freebsd" } });
  const accepting = lab.server.listen({ port: 7 }).accept();
  await lab.client.connect(SERVER);
  await accepting;
  const syns = lab.events.flatMap((event) =>
    event.event === "segment" && event.direction === "send" && event.flags.includes("SYN")
      ? [[event.host, event.window, event.options.windowScale]]
      : []
  );
  // What the two say in a SYN and a SYN-ACK on Ethernet.
  assertEquals(syns, [["client", 65535, 6], ["server", 65160, 10]]);
});

inTime("the log keeps as many events as it is told to, and counts what it lost", async () => {
  await using lab = createLab({ keepEvents: 10, faults: "delay=1ms" });
  await twoEchoes(lab);
  assertEquals(lab.events.length, 10);
  assert(lab.lostEvents > 100, String(lab.lostEvents));
  assertEquals(lab.log.trim().split("\n").length, 10);
});

inTime("in real time the same program runs, and nothing is hurried", async () => {
  await using lab = createLab({ time: "real", faults: "delay=5ms" });
  const listener = lab.server.listen({ port: 7 });
  const [far] = await Promise.all([lab.client.connect(SERVER), listener.accept()]);
  assertEquals(far.state, "ESTABLISHED");
  // Two of the three segments of the handshake at least: nothing was hurried.
  const { events } = lab;
  assert(events[events.length - 1].time - events[0].time >= 0.01);
});

inTime("bad faults and bad seeds are refused with a reason", () => {
  assertThrows(() => createLab({ faults: "drop=200%" }), TypeError, "faults");
  assertThrows(() => createLab({ seed: 1.5 }), RangeError, "whole number as seed");
});

inTime("numbers that are none are refused, and no event is kept where none is wanted", async () => {
  for (const keepEvents of [-1, 2.5, NaN, Infinity]) {
    assertThrows(() => createLab({ keepEvents }), RangeError, "events to keep");
  }
  for (const mtu of [0, 67, 65_536, 1000.5, NaN]) assertThrows(() => createLab({ mtu }), RangeError, "MTU");
  await using lab = createLab({ keepEvents: 0, time: "manual" });
  const accepting = lab.server.listen({ port: 7 }).accept();
  await lab.run(Promise.all([lab.client.connect(SERVER), accepting]));
  assertEquals([lab.events.length, lab.log], [0, ""]);
  assert(lab.lostEvents > 10, String(lab.lostEvents));
  for (const ms of [-1, NaN, Infinity]) {
    await assertRejects(() => lab.advance(ms), RangeError, "milliseconds");
  }
  for (const limit of [-1, NaN]) {
    await assertRejects(() => lab.run(accepting, limit), RangeError, "limit");
  }
});

inTime("run without a limit ends, too, when nothing is left that could happen", async () => {
  await using lab = createLab({ time: "manual" });
  const accepting = lab.server.listen({ port: 7 }).accept();
  accepting.catch(() => {});
  await assertRejects(() => lab.run(accepting, Infinity), Error, "nothing is left that could happen");
});
