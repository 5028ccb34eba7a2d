/** What createLab makes of its options: dice, seeds, settings, limits, and what it waits for. */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { createHost } from "../../src/runtime/create_stack.ts";
import { createLab, type LabOptions } from "../../src/runtime/lab.ts";
import { Listener } from "../../src/runtime/listener.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";
import { seededSecret } from "../../src/runtime/secret.ts";
import { inTime } from "./in_time.ts";

const CLOSED_PORT = { hostname: "10.0.0.1", port: 9 };

/** When what was disturbed, while forty times somebody is refused: nothing of it hangs on secrets. */
async function disturbed(options: LabOptions): Promise<string> {
  await using lab = createLab(options);
  for (let i = 0; i < 40; i++) await lab.client.connect(CLOSED_PORT).catch(() => {});
  const faults = lab.events.filter(({ event }) => event === "fault");
  assert(faults.length > 10, String(faults.length));
  return faults.map(({ time }) => time).join();
}

inTime("the dice of faults are the lab's seed, unless the faults name their own", async () => {
  const faults = "drop=40%";
  const [one, again, other] = [
    await disturbed({ seed: 5, faults }),
    await disturbed({ seed: 5, faults }),
    await disturbed({ seed: 6, faults }),
  ];
  assertEquals(one, again);
  assertNotEquals(one, other);
  assertEquals(await disturbed({ seed: 6, faults: `${faults},seed=5` }), one);
  assertEquals(await disturbed({ seed: 6, faults: `seed=5,${faults}` }), one);
});

inTime("without a seed it is 1", async () => {
  const log = async (options: LabOptions) => {
    await using lab = createLab({ ...options, faults: "drop=30%" });
    await lab.client.connect(CLOSED_PORT).catch(() => {});
    return lab.log;
  };
  assertEquals(await log({}), await log({ seed: 1 }));
  assertNotEquals(await log({}), await log({ seed: 2 }));
});

inTime("no time passes while either link has frames that nobody has taken", async () => {
  for (const host of ["server", "client"] as const) {
    await using lab = createLab({ time: "manual" });
    let waiting = 1;
    Object.defineProperty(lab[host].link, "waitingFrames", { get: () => waiting });
    const passing = lab.advance(1);
    for (let i = 0; i < 40; i++) await visitEventLoop();
    assertEquals(lab.nowMs, 0, host);
    waiting = 0;
    await passing;
    assertEquals(lab.nowMs, 1);
  }
});

inTime("what one host is given comes before what both are, and the MTU is the link's", async () => {
  await using lab = createLab({
    mtu: 600,
    tcp: { receiveBufferBytes: 100_000, noDelay: true },
    server: { tcp: { receiveBufferBytes: 8192 } },
  });
  const accepting = lab.server.listen({ port: 7 }).accept();
  const far = await lab.client.connect({ hostname: "10.0.0.1", port: 7 });
  await accepting;
  // 600 less 20 of IPv4 and 20 of TCP (RFC 9293 §3.7.1).
  assertEquals(far.info().receiveMss, 560);
  assert(far.info().sndWnd <= 8192, String(far.info().sndWnd));
  assertEquals([lab.lostEvents, lab.events.length > 5], [0, true]);
});

inTime("a hundred thousand events are kept, unless it is told otherwise", async () => {
  await using lab = createLab();
  for (let i = 0; i < 300; i++) await lab.client.connect(CLOSED_PORT).catch(() => {});
  assert(lab.events.length > 1500, String(lab.events.length));
  assertEquals(lab.lostEvents, 0);
});

inTime("run waits as many milliseconds as it is told, an hour where it is told nothing", async () => {
  await using lab = createLab({ time: "manual" });
  const after = (ms: number) =>
    new Promise<string>((resolve) => lab.server.clock.after(ms * 1000, () => resolve("late")));
  assertEquals(await lab.run(after(3000), 3500), "late");
  await assertRejects(() => lab.run(after(3000), 2500), Error, "that was the limit");
  await lab.advance(10_000);
  assertEquals(await lab.run(after(3_599_000)), "late");
  await assertRejects(() => lab.run(after(3_601_000)), Error, "that was the limit");
});

inTime("in real time advance waits for it", async () => {
  await using lab = createLab({ time: "real" });
  const beganMs = lab.nowMs;
  await lab.advance(20);
  assert(lab.nowMs - beganMs >= 20, String(lab.nowMs - beganMs));
});

inTime("a lab that is disposed of has let go of its links", async () => {
  const lab = createLab();
  await lab[Symbol.asyncDispose]();
  for (const { link } of [lab.server, lab.client]) {
    assertThrows(() => link.receive(() => {}, 1), Error, "closed");
  }
});

inTime("connections that wait are accepted in the order in which they came", async () => {
  await using lab = createLab();
  const listener = lab.server.listen({ port: 7 });
  const ports: number[] = [];
  for (let i = 0; i < 4; i++) {
    ports.push((await lab.client.connect({ hostname: "10.0.0.1", port: 7 })).localAddr.port);
  }
  const accepted: number[] = [];
  for (let i = 0; i < 4; i++) accepted.push((await listener.accept()).remoteAddr.port);
  assertEquals(accepted, ports);
});

inTime("a listener that was closed before it was attached does not listen", async () => {
  await using lab = createLab();
  const listener = new Listener({ hostname: "0.0.0.0", port: 7 });
  listener.close();
  lab.server.attach(listener);
  assertEquals([listener.state, lab.server.host.listeners().length], ["CLOSED", 0]);
});

inTime("the smallest and the largest MTU that there are, and any whole seed; faults are words", async () => {
  for (const options of [{ mtu: 68 }, { mtu: 65_535 }, { seed: -5, faults: "drop=1%" }]) {
    await using lab = createLab(options);
    await assertRejects(() => lab.client.connect(CLOSED_PORT), Deno.errors.ConnectionRefused);
    assertEquals(lab.server.link.mtu, options.mtu ?? 1500);
  }
  for (const faults of ["", "  "]) assertThrows(() => createLab({ faults }), TypeError, "an empty part");
  const faults = "drop=40%";
  // A seed of faults is 32 bits: of one below 0 it is what those are.
  assertEquals(
    await disturbed({ seed: -5, faults }),
    await disturbed({ faults: `${faults}, seed=4294967291` }),
  );
});

inTime(
  "each host has a secret of its own, which hangs on the seed alone: ports and sequence numbers",
  async () => {
    const seed = 3;
    await using lab = createLab({ seed, time: "manual" });
    for (const [name, stream, own, other] of [["server", 0, 1, 2], ["client", 1, 2, 1]] as const) {
      const clock = new VirtualClock({ epochUs: lab.server.clock.epochUs });
      const alone = createHost({
        link: memoryPair()[0],
        addresses: `10.0.0.${own}/24`,
        clock,
        secret: seededSecret(seed, stream),
      });
      const [one, same] = [lab[name].host, alone].map((host) => {
        const connection = host.connect({ address: Uint8Array.of(10, 0, 0, other), port: 80, handler: {} });
        return [connection.info().iss, connection.localPort];
      });
      assertEquals(one, same, name);
    }
  },
);

inTime("faults are what the server receives and sends: its host tells of them", async () => {
  for (const faults of ["in:drop=100%", "out:drop=100%"]) {
    await using lab = createLab({ faults, time: "manual" });
    const connecting = assertRejects(() => lab.client.connect(CLOSED_PORT));
    await lab.advance(2000);
    const disturbed = lab.events.flatMap((event) => event.event === "fault" ? [event.host] : []);
    assertEquals(new Set(disturbed), new Set(["server"]), faults);
    lab.close();
    await connecting;
  }
});
