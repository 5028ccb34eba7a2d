/**
 * Floods, and what log and recording make of them: the log stays small, tells all by number, and tells an honest client's
 * connection whole.
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";

const SECONDS = 3;
const MOST_TIMES = 5;
/** Of a flood. */
const LEAST_FRAMES = 3000;
/** Of each kind in a second; `FOLD_AFTER` of the program, and the one that tells the rest. */
const MOST_A_SECOND = 101;
const BACKLOG = 8;

/** What the events stand for. */
function total(events: readonly TcpEvent[], isMeant: (event: TcpEvent) => boolean): number {
  return events.filter(isMeant).reduce((sum, event) => {
    const count = event.event === "drop" || event.event === "segment" ? event.count : undefined;
    return sum + (count ?? 1);
  }, 0);
}

/** Whether the flood has come to the server, all that waits before it included. */
async function hasArrived(lab: PrivateLab): Promise<boolean> {
  return (await serverFigures(lab)).counters["frames-in"] > LEAST_FRAMES;
}

const KINDS = [
  { name: "SYNs for a closed port", words: ["-S", "-p", "9"] },
  { name: "SYNs for a full backlog", words: ["-S", "-p", "3333"] },
  { name: "ACKs of no connection", words: ["-A", "-p", "3333"] },
  { name: "wrong checksums", words: ["-S", "-p", "3333", "-b"] },
] as const;

for (const { name, words } of KINDS) {
  liveTest(`a flood of ${name} leaves a short log with all of it in numbers`, {
    needs: [...PEER_PROGRAMS, "hping3"],
    offloads: false,
  }, async (lab) => {
    const args = ["--backlog", String(BACKLOG), "--port", "3333,3334", "--checksum", "strict"];
    const server = await ServeProcess.start(lab, { args });
    await using peer = new KernelPeer(lab);
    const flood = () =>
      lab.run({
        side: "client",
        words: [
          "timeout",
          String(SECONDS),
          "hping3",
          "-q",
          "-n",
          "--flood",
          ...words,
          lab.plan.tcplabAddress,
        ],
      });
    const first = flood();
    await peer.ask({ do: "connect", port: 3334 });
    await peer.ask({ do: "transfer", bytes: 1000 });
    await peer.ask({ do: "close" });
    await first;
    // On a machine that stood still meanwhile its time is over before it has begun.
    for (let times = 1; times < MOST_TIMES && !await hasArrived(lab); times++) await flood();
    await server.event("closed", ({ connection }) => connection.includes(":3334-"));
    const began = performance.now();
    const { code } = await server.stop();
    const endMs = performance.now() - began;
    assertEquals(code, 0);
    const { events } = server;
    const summary = events.at(-1);
    if (summary?.event !== "summary") throw new Error(server.tail());
    const { counters } = summary;
    const frames = counters["frames-in"];
    console.log({
      name,
      frames,
      lines: events.length,
      endMs: Math.round(endMs),
      ring: counters["link-dropped-by-ring"],
    });
    assertGreater(frames, LEAST_FRAMES);
    // Half-open connections are told each by itself, and are as many as the backlog takes.
    const own = events.filter((event) =>
      event.event === "segment" && event.state !== "LISTEN" && event.state !== "CLOSED" ||
      event.event === "transition"
    );
    // A busy machine is a while about what the flood has left in the ring.
    const lasted = Math.ceil(summary.time - events[0].time) + 1;
    assertLess(events.length - own.length, lasted * 6 * MOST_A_SECOND);
    const drops = (reason: string) =>
      total(events, (event) => event.event === "drop" && event.reason === reason);
    assertEquals(drops("no-listener"), counters["no-listener"]);
    assertEquals(drops("checksum"), counters["drop-checksum"] ?? 0);
    const strangers = total(events, (event) => event.event === "segment" && event.direction === "recv");
    // What the host left alone when too much arrived is told as that, and in no other way.
    const left = ["opens", "segments", "answers"].reduce(
      (sum, what) => sum + (counters[`overload-${what}`] ?? 0),
      0,
    );
    assertEquals(drops("overload"), left);
    assertEquals(strangers + left, counters["segments-in"]);
    assertEquals(
      total(events, (event) => event.event === "segment" && event.direction === "send"),
      counters["segments-out"],
    );
    // The honest client's story is there from its SYN to its end.
    const honest = events.filter((event) =>
      event.event === "transition" && event.connection.includes(":3334-10")
    );
    assertEquals(honest.map((event) => event.event === "transition" && event.to), [
      "SYN_RCVD",
      "ESTABLISHED",
      "CLOSE_WAIT",
      "LAST_ACK",
      "CLOSED",
    ]);
  });
}
