/**
 * `tcplab netstat --details --json` while a bulk transfer runs over a path of known delay and loss: every figure has a
 * value that this path can give.
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { ConnectionSnapshot } from "../../src/observe/server_snapshot.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";

/** Each way; two of them are the least round trip there can be. */
const DELAY_MS = 5;
const LEAST_ROUND_TRIP_US = 2 * DELAY_MS * 1000;
/** Queues and a busy machine add to it, but not so much. */
const MOST_ROUND_TRIP_US = 500_000;

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
  assertBetween(ssthresh, [2 * sendMss, 100_000_000], "ssthresh after losses");
  assertBetween(minRttUs, [LEAST_ROUND_TRIP_US, MOST_ROUND_TRIP_US], "least round trip");
  assertBetween(srttUs, [minRttUs ?? 0, MOST_ROUND_TRIP_US], "smoothed round trip");
  assertBetween(rttvarUs, [1, MOST_ROUND_TRIP_US], "variation of the round trip");
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
  const due = timers.rto ?? timers.tlp;
  assert(due !== undefined, `a sender waits for its time-out or its probe: ${JSON.stringify(timers)}`);
  assertLess(due, rtoUs + 1);
}

liveTest("netstat shows windows, round trips, losses and timers while they change", {
  needs: PEER_PROGRAMS,
  offloads: false,
}, async (lab) => {
  const fault = ["--fault", `drop=1%,delay=${DELAY_MS}ms,seed=5`];
  await using server = await ServeProcess.start(lab, { args: ["--app", "chargen", ...fault], quiet: true });
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "connect", port: 3333 });
  let reading = true;
  const read = (async () => {
    let bytes = 0;
    while (reading) bytes = (await peer.ask({ do: "pattern", bytes: bytes + 100_000 })).bytes ?? 0;
    return await peer.ask({ do: "pattern", bytes, toEnd: true });
  })();
  // Where a look fails, that is what the test has to say, and not that the peer was ended.
  read.catch(() => {});
  // The first loss is what sets ssthresh.
  await server.event("retransmit");
  const looks: ConnectionSnapshot[] = [];
  for (let look = 0; look < 3; look++) {
    const { connections } = await serverFigures(lab);
    assertEquals(connections.length, 1);
    assertPlausible(connections[0]);
    looks.push(connections[0]);
  }
  reading = false;
  const { wrongAt, received, expected } = await read;
  assertEquals([wrongAt, received], [null, expected]);
  const [first, , last] = looks;
  assertGreater(last.bytesOut, first.bytesOut);
  assertGreater(last.segmentsOut, first.segmentsOut);
  assertGreaterOrEqual(last.retransmits, first.retransmits);
  assertGreater(last.retransmits, 0);
  assertEquals((await server.event("closed")).reason, "normal");
});
