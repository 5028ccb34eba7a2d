/**
 * Far into a connection: more bytes than there are sequence numbers, each compared, over a good path and over one that
 * loses a little.
 *
 * Marks that are kept for the life of a connection and compared modulo 2^32 go wrong from 2^31 octets on; here both
 * directions pass 2^32. Takes minutes, so only with TCPLAB_LONG=1 (`deno task test:long`). The server is asked for its
 * figures: a log of gigabytes cannot be read without loss.
 */
import { assertEquals, assertGreater } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { ConnectionSnapshot, ServerSnapshot } from "../../src/observe/server_snapshot.ts";
import { filterAtClient } from "./client_conditions.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";

const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
const MISSING = { missing: IS_LONG ? null : "takes minutes, TCPLAB_LONG=1 runs it" };
const NEEDS = { needs: PEER_PROGRAMS, ...MISSING };
/** Every frame that is lost is one segment. */
const LOSSY_NEEDS = { ...NEEDS, needs: [...PEER_PROGRAMS, "ethtool", "nft"], offloads: false };

const GIGABYTE = 1_000_000_000;
/** Passes 2^33. */
const FAR = 9 * GIGABYTE;
/** Passes 2^32: of some 350 losses each way, 50 are beyond it. */
const LOSSY = 5 * GIGABYTE;
const LOSS = "drop=0.01%,seed=21";
const ALL_NUMBERS = 2 ** 32;
/** What passes 2^32 at a tenth of the speed of this machine has this time. */
const PATIENCE_MS = 600_000;

/**
 * One segment suffers, then none for more than half of all numbers, then one again: what is remembered of the first is
 * then as far behind as it can be, and yet the same number does not come again.
 */
const APART = 2.4 * GIGABYTE;
const TIMES = 3;
/** A rule for the next segment of the chargen port that comes to the client, and no other. */
const NEXT_SEGMENT = "input tcp sport 5002 limit rate 1/hour burst 1 packets";

type Counters = ServerSnapshot["counters"];

function startServer(lab: PrivateLab, args: readonly string[]): Promise<ServeProcess> {
  const services = ["--serve", "3333=echo,5001=discard,5002=chargen"];
  return ServeProcess.start(lab, { args: [...services, ...args], quiet: true });
}

/** Waits until the only connection is as wanted; gives the server's counters then. */
async function countersWhen(
  lab: PrivateLab,
  what: string,
  isAsWanted: (connection: ConnectionSnapshot) => boolean,
): Promise<Counters> {
  let counters: Counters = {};
  await waitFor(async () => {
    const server = await serverFigures(lab);
    counters = server.counters;
    return server.connections.length === 1 && isAsWanted(server.connections[0]);
  }, { what, withinMs: PATIENCE_MS });
  return counters;
}

/** The counters as soon as what the server sends has passed 2^32. */
function countersBeyond(lab: PrivateLab): Promise<Counters> {
  return countersWhen(lab, "the server has sent 2^32 octets", ({ bytesOut }) => bytesOut > ALL_NUMBERS);
}

/** Sends all, compares what comes back, and ends; the server must have counted each byte, and ended too. */
async function sendAll(
  lab: PrivateLab,
  transfer: { readonly port: number; readonly bytes: number; readonly back: number },
): Promise<void> {
  const { port, bytes, back } = transfer;
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "connect", port });
  const came = await peer.ask({ do: "farTransfer", bytes, back });
  assertEquals([came.bytes, came.wrongAt], [back, null]);
  await countersWhen(
    lab,
    "the server has counted all",
    ({ bytesIn, bytesOut }) => bytesIn === bytes && bytesOut === back,
  );
  await peer.ask({ do: "shutdown" });
  assertEquals((await peer.ask({ do: "receiveToEnd" })).bytes, 0);
  await waitFor(async () => (await serverFigures(lab)).connections.length === 0, {
    what: "the server has closed",
  });
}

/** Reads RFC 864's pattern and compares it. */
async function readAll(lab: PrivateLab, { port, bytes }: { port: number; bytes: number }): Promise<void> {
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("chargen_client.ts")];
  const { code, stdout, stderr } = await lab.run({
    side: "client",
    words: [...words, lab.plan.tcplabAddress, String(port), String(bytes)],
  });
  assertEquals(code, 0, stderr);
  const came = JSON.parse(stdout);
  assertEquals(came.wrongAt, -1, `${came.bytes} bytes came`);
  assertGreater(came.bytes, bytes - 1);
}

/** A download in which now and then one segment suffers by this rule; each must be counted as this, and no time-out. */
async function sufferFarApart(
  lab: PrivateLab,
  { verdict, counter }: { readonly verdict: string; readonly counter: string },
): Promise<void> {
  const reading = readAll(lab, { port: 5002, bytes: FAR });
  const tooEarly = reading.then(() => {
    throw new Error("The client has read all, and the server has not noticed each");
  });
  tooEarly.catch(() => {});
  const suffer = async () => {
    let last = 0;
    for (let time = 1; time <= TIMES; time++) {
      const what = `${APART} octets more have been sent`;
      const before = await countersWhen(lab, what, ({ bytesOut }) => bytesOut > last + APART);
      await filterAtClient(lab, [`${NEXT_SEGMENT} ${verdict}`]);
      let after: Counters = {};
      await waitFor(async () => {
        const server = await serverFigures(lab);
        after = server.counters;
        last = server.connections[0].bytesOut;
        return after[counter] > before[counter] || after.timeouts > before.timeouts;
      }, { what: `time ${time}: a segment has suffered` });
      assertGreater(
        after[counter],
        before[counter],
        `time ${time}, ${last} octets far: ${JSON.stringify(after)}`,
      );
    }
  };
  await Promise.race([suffer(), tooEarly]);
  await reading;
}

/** Losses beyond 2^32 are mended as those at first: at once, and seldom by a time-out. */
function assertMendedAtOnce(counters: { readonly beyond: Counters; readonly end: Counters }): void {
  const since = (name: string) => counters.end[name] - counters.beyond[name];
  const found = JSON.stringify(counters);
  assertGreater(since("fast-recoveries"), 10, found);
  assertGreater(since("fast-recoveries"), 5 * since("timeouts"), found);
}

liveTest("9 GB are echoed, each byte compared", NEEDS, async (lab) => {
  await using _server = await startServer(lab, []);
  await sendAll(lab, { port: 3333, bytes: FAR, back: FAR });
});

liveTest("9 GB up, then 9 GB down", NEEDS, async (lab) => {
  await using _server = await startServer(lab, []);
  await sendAll(lab, { port: 5001, bytes: FAR, back: 0 });
  await readAll(lab, { port: 5002, bytes: FAR });
});

liveTest("9 GB down with marks far apart: each halves the window", LOSSY_NEEDS, async (lab) => {
  await using _server = await startServer(lab, []);
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "kernel", settings: { tcp_ecn: 1 } });
  await sufferFarApart(lab, { verdict: "ip ecn set ce", counter: "ecn-reductions" });
});

for (const [name, args] of [["with SACK", []], ["without SACK", ["--no-sack"]]] as const) {
  liveTest(`9 GB down with losses far apart, ${name}: each is mended at once`, LOSSY_NEEDS, async (lab) => {
    await using _server = await startServer(lab, args);
    await sufferFarApart(lab, { verdict: "drop", counter: "fast-recoveries" });
  });

  liveTest(`5 GB are echoed over a path that loses, ${name}`, LOSSY_NEEDS, async (lab) => {
    await using _server = await startServer(lab, [...args, "--fault", LOSS]);
    await sendAll(lab, { port: 3333, bytes: LOSSY, back: LOSSY });
    assertGreater((await serverFigures(lab)).counters.retransmits, 300);
  });

  liveTest(
    `5 GB down over a path that loses, ${name}: mended at once to the end`,
    LOSSY_NEEDS,
    async (lab) => {
      await using _server = await startServer(lab, [...args, "--fault", `out:${LOSS}`]);
      const reading = readAll(lab, { port: 5002, bytes: LOSSY });
      const beyond = await Promise.race([countersBeyond(lab), reading.then(() => null)]);
      if (beyond === null) throw new Error("The client has read all before the server had sent 2^32 octets");
      await reading;
      assertMendedAtOnce({ beyond, end: (await serverFigures(lab)).counters });
    },
  );
}
