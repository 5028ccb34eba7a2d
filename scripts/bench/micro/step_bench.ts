/**
 * Micro-benchmarks of the machine: one frame through a host that has one connection, as on the data path.
 */
import { findApplication } from "../../../src/app/applications.ts";
import { BenchPeer } from "./bench_peer.ts";

/** How many connections the second host has: the first one must not be a special case. */
const MANY = 10_000;

function peerOf(app: string, connections: number): BenchPeer {
  const application = findApplication(app);
  if (application === null) throw new Error(`no application ${app}`);
  return new BenchPeer({ accept: application.create({ nowEpochUs: () => 0 }), connections });
}

const alone = peerOf("discard", 1);
Deno.bench({ name: "what the benchmark itself costs: writing a frame", group: "step" }, () => {
  alone.rehearse(64);
});

const discard = peerOf("discard", 1);
Deno.bench({ name: "in-order segment of 1448 bytes, discarded", group: "step", baseline: true }, () => {
  discard.sendData(1448);
});

const discardSmall = peerOf("discard", 1);
Deno.bench({ name: "in-order segment of 64 bytes, discarded", group: "step" }, () => {
  discardSmall.sendData(64);
});

const echo = peerOf("echo", 1);
Deno.bench({ name: "in-order segment of 64 bytes, echoed, and the ACK for the echo", group: "step" }, () => {
  echo.sendData(64);
  echo.acknowledge();
});

const manyEchoes = peerOf("echo", MANY);
Deno.bench({ name: `the same on one of ${MANY} connections after another`, group: "step" }, () => {
  manyEchoes.nextConnection();
  manyEchoes.sendData(64);
  manyEchoes.acknowledge();
});

const opening = peerOf("discard", 1);
Deno.bench({ name: "a connection: SYN, ACK, FIN, last ACK", group: "step" }, () => {
  opening.openAndClose();
});

// A benchmark of segments that are dropped would look fast: this one fails instead.
Deno.bench({ name: "(whether the hosts took all of it)", group: "step", n: 1, warmup: 0 }, () => {
  for (const peer of [discard, discardSmall, echo, manyEchoes, opening]) peer.checkTaken();
});
