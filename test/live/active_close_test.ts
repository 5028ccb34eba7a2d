/**
 * The server closes first: FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT, and the end of TIME_WAIT after 2 MSL.
 */
import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import type { TcpState } from "../../src/tcp/state.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const MSL_SECONDS = 0.5;
const MOST_TIMES = 5;

const ACTIVE_PATH: readonly TcpState[] = [
  "LISTEN",
  "SYN_RCVD",
  "ESTABLISHED",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "TIME_WAIT",
  "CLOSED",
];

/** A connection from its opening to the end of TIME_WAIT; the seconds that it was in that state. */
async function secondsInTimeWait(server: ServeProcess, peer: KernelPeer): Promise<number> {
  const { localPort } = await peer.ask({ do: "connect", port: 3333 });
  const isOurs = ({ connection }: { readonly connection: string }) => connection.endsWith(`:${localPort}`);
  // The kernel's ACK may come late, and with its FIN there would be no FIN_WAIT_2.
  await server.event("transition", (event) => isOurs(event) && event.to === "FIN_WAIT_2");
  await peer.ask({ do: "close" });

  const waiting = await server.event("transition", (event) => isOurs(event) && event.to === "TIME_WAIT");
  const over = await server.event("transition", (event) => isOurs(event) && event.from === "TIME_WAIT");
  assertEquals([over.to, over.cause, over.recv, over.send], ["CLOSED", "deadline", null, null]);

  const closed = await server.event("closed", isOurs);
  assertEquals(closed.reason, "normal");
  assertEquals(closed.states, ACTIVE_PATH);
  const path = server.all("transition").filter(isOurs)
    .map(({ from, to, recv, send }) => `${from} ${to} ${(recv ?? []).join()} ${(send ?? []).join()}`);
  assertEquals(path.slice(-4, -1), [
    "ESTABLISHED FIN_WAIT_1  FIN,ACK",
    "FIN_WAIT_1 FIN_WAIT_2 ACK ",
    "FIN_WAIT_2 TIME_WAIT FIN,ACK ACK",
  ]);
  return over.time - waiting.time;
}

liveTest("an active close passes through TIME_WAIT and leaves it after 2 MSL", {
  needs: PEER_PROGRAMS,
}, async (lab) => {
  const args = ["--app", "close", "--msl", String(MSL_SECONDS)];
  await using server = await ServeProcess.start(lab, { args });
  await using peer = new KernelPeer(lab);
  const all: number[] = [];
  // A machine that is held up when the time is over makes it longer: not each time.
  do all.push(await secondsInTimeWait(server, peer)); while (
    Math.min(...all) >= 2 * MSL_SECONDS + 1 && all.length < MOST_TIMES
  );
  assertGreaterOrEqual(Math.min(...all), 2 * MSL_SECONDS);
  assertLess(Math.min(...all), 2 * MSL_SECONDS + 1, `${all}`);
});
