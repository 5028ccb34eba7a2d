/**
 * The server closes first: FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT, and the end of TIME_WAIT after 2 MSL.
 */
import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const MSL_SECONDS = 0.5;

const ACTIVE_PATH: readonly TcpState[] = [
  "LISTEN",
  "SYN_RCVD",
  "ESTABLISHED",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "TIME_WAIT",
  "CLOSED",
];

liveTest("an active close passes through TIME_WAIT and leaves it after 2 MSL", {}, async (lab) => {
  const args = ["--app", "close", "--msl", String(MSL_SECONDS)];
  await using server = await ServeProcess.start(lab, { args });
  const words = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", "--sleep", "0.3"];
  const client = await lab.run({ side: "client", words });
  assertEquals(client.code, 0, client.stderr);

  const waiting = await server.event("transition", (event) => event.to === "TIME_WAIT");
  const over = await server.event("transition", (event) => event.from === "TIME_WAIT");
  assertEquals([over.to, over.cause, over.recv, over.send], ["CLOSED", "deadline", null, null]);
  const seconds = over.time - waiting.time;
  assertGreaterOrEqual(seconds, 2 * MSL_SECONDS);
  assertLess(seconds, 2 * MSL_SECONDS + 1);

  const closed = await server.event("closed");
  assertEquals(closed.reason, "normal");
  assertEquals(closed.states, ACTIVE_PATH);
  const path = server.all("transition").filter((event) => event.connection === closed.connection)
    .map(({ from, to, recv, send }) => `${from} ${to} ${(recv ?? []).join()} ${(send ?? []).join()}`);
  assertEquals(path.slice(2, 5), [
    "ESTABLISHED FIN_WAIT_1  FIN,ACK",
    "FIN_WAIT_1 FIN_WAIT_2 ACK ",
    "FIN_WAIT_2 TIME_WAIT FIN,ACK ACK",
  ]);
});
