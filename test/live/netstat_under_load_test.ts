/**
 * `tcplab netstat --details --json` while a bulk transfer runs over a path of known delay and loss: every figure has a
 * value that this path can give.
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { ConnectionSnapshot } from "../../src/observe/server_snapshot.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";

/** Each way. */
const DELAY_MS = 5;
/** Two delays: what is sent is timed before it leaves, and what comes when it comes, so a busy machine only adds to it. */
const LEAST_ROUND_TRIP_US = 2 * DELAY_MS * 1000;
/** Queues add to it, but not so much; a machine that stands still does, and then the next looks are of the path again. */
const MOST_ROUND_TRIP_US = 500_000;
/** So large that the client's window does not shut when its reading has to wait for a core, for seconds: what it has, and at the most. */
const CLIENT_BUFFER = "4096 33554432 67108864";

function assertBetween(value: number | null, [least, most]: readonly [number, number], what: string): void {
  assert(value !== null && value >= least && value <= most, `${what}: ${value}, not ${least} to ${most}`);
}

/** What must hold of a sender in the middle of a transfer, whatever happened to it. */
function assertPlausible(connection: ConnectionSnapshot): void {
  const { cwnd, ssthresh, srttUs, rttvarUs, rtoUs, minRttUs, timers, sendMss } = connection;
  assertEquals([connection.state, connection.app], ["ESTABLISHED", "chargen"]);
  assertEquals([connection.sackPermitted, connection.timestamps], [true, true]);
  assertEquals(connection.congestionControl, "cubic");
  assertEquals(sendMss, 1448);
  assertBetween(cwnd, [sendMss, 100_000_000], "cwnd");
  // None at first, and again after a reduction that was taken back, because what seemed lost was only late.
  if (ssthresh !== null) assertBetween(ssthresh, [2 * sendMss, 100_000_000], "ssthresh");
  assertBetween(minRttUs, [LEAST_ROUND_TRIP_US, Infinity], "least round trip");
  assertBetween(srttUs, [minRttUs ?? 0, Infinity], "smoothed round trip");
  assertBetween(rttvarUs, [1, Infinity], "variation of the round trip");
  assertBetween(rtoUs, [200_000, 60_000_000], "retransmission time-out");
  assertGreaterOrEqual(rtoUs, srttUs);
  assertGreater(connection.sndWnd, 0);
  // Figures of one moment: what is sent and not acknowledged is within the peer's window, and all of it in the buffer.
  const outstanding = (connection.sndNxt - connection.sndUna) >>> 0;
  assertGreater(outstanding, 0, "something is under way");
  assertGreaterOrEqual(connection.sndWnd, outstanding);
  assertEquals(connection.sendQueue, outstanding + connection.unsent);
  const { sackedBytes, lostBytes, resentBytes } = connection;
  assertEquals(connection.inFlight, outstanding - sackedBytes - lostBytes + resentBytes);
  assert(["open", "disorder", "recovery", "loss"].includes(connection.recovery));
  const due = timers.rto ?? timers.tlp ?? timers.rack;
  assert(due !== undefined, `a sender waits for its time-out or its probe: ${JSON.stringify(timers)}`);
  // Set when the last new acknowledgment came; a shorter round trip since then does not set it anew.
  assertLess(due, 2 * rtoUs);
}

/** Whether round trips are those of the path, and not of a machine that stood still. */
function isOfPath({ minRttUs, srttUs, rttvarUs }: ConnectionSnapshot): boolean {
  return [minRttUs, srttUs, rttvarUs].every((us) => us !== null && us <= MOST_ROUND_TRIP_US);
}

/** Looks at the only connection until a look has the path's times and fulfils the condition; each look must be plausible. Gives that one. */
async function lookUntil(
  lab: PrivateLab,
  what: string,
  condition: (connection: ConnectionSnapshot) => boolean,
): Promise<ConnectionSnapshot> {
  const looks: ConnectionSnapshot[] = [];
  await waitFor(async () => {
    const { connections } = await serverFigures(lab);
    assertEquals(connections.length, 1);
    assertPlausible(connections[0]);
    looks.push(connections[0]);
    return isOfPath(connections[0]) && condition(connections[0]);
  }, { what });
  return looks[looks.length - 1];
}

liveTest("netstat shows windows, round trips, losses and timers while they change", {
  needs: PEER_PROGRAMS,
  offloads: false,
}, async (lab) => {
  const fault = ["--fault", `drop=1%,delay=${DELAY_MS}ms,seed=5`];
  await using server = await ServeProcess.start(lab, { args: ["--app", "chargen", ...fault], quiet: true });
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "kernel", settings: { tcp_rmem: CLIENT_BUFFER } });
  await peer.ask({ do: "connect", port: 3333 });
  await peer.ask({ do: "readAside" });
  const first = await lookUntil(lab, "a loss has set ssthresh", ({ ssthresh }) => ssthresh !== null);
  const last = await lookUntil(
    lab,
    "the figures go on",
    ({ bytesOut, segmentsOut, retransmits }) =>
      bytesOut > first.bytesOut && segmentsOut > first.segmentsOut && retransmits > first.retransmits,
  );
  const { wrongAt, received, expected, bytes } = await peer.ask({ do: "endAside" });
  assertEquals([wrongAt, received], [null, expected]);
  assertGreaterOrEqual(bytes ?? 0, last.bytesOut);
  assertEquals((await server.event("closed")).reason, "normal");
});
