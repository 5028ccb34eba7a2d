/**
 * Micro-benchmarks of the machine: one frame through a host that has one connection, as on the data path, over either version
 * of IP.
 */
import { findApplication } from "../../../src/app/applications.ts";
import { BenchPeer, FAMILIES, type Family, FULL_SEGMENT } from "./bench_peer.ts";

/** How many connections the second host has: the first one must not be a special case. */
const MANY = 10_000;

const peers: BenchPeer[] = [];

function peerOf(app: string, options: { family: Family; connections?: number }): BenchPeer {
  const application = findApplication(app);
  if (application === null) throw new Error(`no application ${app}`);
  const { family, connections = 1 } = options;
  const peer = new BenchPeer({ accept: application.create({ nowEpochUs: () => 0 }), connections, family });
  peers.push(peer);
  return peer;
}

for (const family of FAMILIES) {
  const group = "step";
  const over = `IPv${family}: `;
  const full = FULL_SEGMENT[family];

  const alone = peerOf("discard", { family });
  Deno.bench({ name: `${over}what the benchmark itself costs: writing a frame`, group }, () => {
    alone.rehearse(64);
  });

  const discard = peerOf("discard", { family });
  const baseline = family === 4;
  Deno.bench({ name: `${over}in-order segment of ${full} bytes, discarded`, group, baseline }, () => {
    discard.sendData(full);
  });

  const discardSmall = peerOf("discard", { family });
  Deno.bench({ name: `${over}in-order segment of 64 bytes, discarded`, group }, () => {
    discardSmall.sendData(64);
  });

  const echo = peerOf("echo", { family });
  Deno.bench({ name: `${over}in-order segment of 64 bytes, echoed, and the ACK for the echo`, group }, () => {
    echo.sendData(64);
    echo.acknowledge();
  });

  const manyEchoes = peerOf("echo", { family, connections: MANY });
  Deno.bench({ name: `${over}the same on one of ${MANY} connections after another`, group }, () => {
    manyEchoes.nextConnection();
    manyEchoes.sendData(64);
    manyEchoes.acknowledge();
  });

  const opening = peerOf("discard", { family });
  Deno.bench({ name: `${over}a connection: SYN, ACK, FIN, last ACK`, group }, () => {
    opening.openAndClose();
  });
}

// A benchmark of segments that are dropped would look fast: this one fails instead.
Deno.bench({ name: "(whether the hosts took all of it)", group: "step", n: 1, warmup: 0 }, () => {
  for (const peer of peers) peer.checkTaken();
});
