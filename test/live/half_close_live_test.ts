/**
 * One direction ends before the other, both at once, and a port that comes back while the server is in TIME_WAIT: with
 * the kernel's own TCP on the other end.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { ClosedEvent } from "../../src/tcp/events.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import { filterAtClient } from "./client_conditions.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const MEGABYTE = 1_000_000;
const OPENED: readonly TcpState[] = ["LISTEN", "SYN_RCVD", "ESTABLISHED"];

/** The parties of a scenario. */
interface Parties {
  readonly lab: PrivateLab;
  readonly server: ServeProcess;
  readonly peer: KernelPeer;
}

/** The closed event of the connection from this port of the client. */
function closedFrom(server: ServeProcess, localPort = 0): Promise<ClosedEvent> {
  return server.event("closed", ({ connection }) => connection.endsWith(`:${localPort}`));
}

/** All that was under way when the client's direction ended still comes. */
async function clientEndsFirst({ server, peer }: Parties): Promise<void> {
  const echo = await peer.ask({ do: "connect", port: 3333 });
  const echoed = await peer.ask({ do: "transfer", bytes: MEGABYTE });
  assertEquals([echoed.bytes, echoed.received], [MEGABYTE, echoed.sent]);
  const echoClosed = await closedFrom(server, echo.localPort);
  assertEquals([echoClosed.reason, echoClosed.bytesIn, echoClosed.bytesOut], ["normal", MEGABYTE, MEGABYTE]);

  const chargen = await peer.ask({ do: "connect", port: 5002, receiveBuffer: 4096 });
  // What the server had in its buffer when the FIN came is sent before its own FIN.
  const read = await peer.ask({ do: "pattern", bytes: 50_000, toEnd: true });
  assertEquals([read.wrongAt, read.received], [null, read.expected]);
  const chargenClosed = await closedFrom(server, chargen.localPort);
  assertEquals([chargenClosed.reason, chargenClosed.bytesOut], ["normal", read.bytes]);
}

/** CLOSE_WAIT in the kernel, FIN_WAIT_2 here: a megabyte goes the way that is still open. */
async function serverEndsFirst({ server, peer }: Parties): Promise<void> {
  const { localPort } = await peer.ask({ do: "connect", port: 5003 });
  await server.event("transition", (event) => event.to === "FIN_WAIT_2");
  assertEquals((await peer.ask({ do: "receiveToEnd" })).bytes, 0);
  assertEquals((await peer.ask({ do: "push", bytes: MEGABYTE, withinMs: 60_000 })).bytes, MEGABYTE);
  await peer.ask({ do: "close" });
  const closed = await closedFrom(server, localPort);
  assertEquals([closed.reason, closed.bytesIn], ["normal", MEGABYTE]);
  assertEquals(closed.states, [...OPENED, "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED"]);
}

/** The ways out of FIN_WAIT_1: which one a race takes is the race's, but it is one of them. */
const WAYS_OUT: readonly string[] = ["FIN_WAIT_2,TIME_WAIT", "CLOSING,TIME_WAIT", "TIME_WAIT"];

/** The client's FIN follows its handshake's ACK without a pause, as the server's does. */
async function bothEndAtOnce({ server, peer }: Parties): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const { localPort } = await peer.ask({ do: "openAndClose", port: 5003 });
    const closed = await closedFrom(server, localPort);
    assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 0, 0]);
    assertEquals(closed.states.slice(0, 4), [...OPENED, "FIN_WAIT_1"]);
    assert(WAYS_OUT.includes(closed.states.slice(4, -1).join()), closed.states.join());
  }
}

/**
 * The server's FIN is lost until the client has sent its own, however long that takes: CLOSING for certain. How many were lost.
 */
async function finsCross({ lab, server, peer }: Parties): Promise<number> {
  const fin = "tcp flags & (syn | ack | fin | rst) == (fin | ack)";
  await filterAtClient(lab, [`input tcp sport 5003 ${fin} counter drop`]);
  const { localPort } = await peer.ask({ do: "openAndClose", port: 5003 });
  const nft = async (line: string) => {
    const { code, stdout, stderr } = await lab.run({ side: "client", words: ["nft", line] });
    assertEquals(code, 0, stderr);
    return stdout;
  };
  await nft("insert rule ip bad input accept");
  const lost = Number(/counter packets (\d+)/.exec(await nft("list chain ip bad input"))?.[1]);
  const closed = await closedFrom(server, localPort);
  assertEquals(closed.reason, "normal");
  assertEquals(closed.states, [...OPENED, "FIN_WAIT_1", "CLOSING", "TIME_WAIT", "CLOSED"]);
  const again = server.all("retransmit").filter(({ connection }) => connection === closed.connection);
  assertEquals(again.map(({ length }) => length), Array(lost).fill(0), "the FIN alone is sent again");
  return lost;
}

liveTest("half-close both ways, and closing at once", {
  needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS, "nft"],
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  const services = ["--serve", "3333=echo,5002=chargen,5003=close", "--time-wait", "0.1"];
  await using server = await ServeProcess.start(lab, { args: services, quiet: true });
  await using peer = new KernelPeer(lab);
  const recording = await WireRecording.start(lab, file.path);
  await clientEndsFirst({ lab, server, peer });
  await serverEndsFirst({ lab, server, peer });
  await bothEndAtOnce({ lab, server, peer });
  const lost = await finsCross({ lab, server, peer });
  const frames = await recording.judge();
  // What is lost on purpose is sent again. The log is read last: whatever was captured is told in it by then.
  const sentAgain = { told: server.all("retransmit"), lost };
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress, sentAgain });
});

/** How many SYNs came for each opening; not those that a client sent again meanwhile, since a busy server had not looked. */
function synsOfOpenings(server: ServeProcess): number[] {
  const openings: number[] = [];
  let came = 0;
  for (const event of server.events) {
    if (event.event === "segment" && event.flags.join() === "SYN") came++;
    if (event.event !== "transition") continue;
    if (event.to === "SYN_RCVD") openings.push(came);
    if (event.to === "ESTABLISHED") came = 0;
  }
  return openings;
}

liveTest("a port that comes back is let into TIME_WAIT", { needs: PEER_PROGRAMS }, async (lab) => {
  // The default TIME_WAIT lasts a minute: only a newer timestamp or a larger number (MAY-2, RFC 6191) ends it before.
  await using server = await ServeProcess.start(lab, { args: ["--app", "close"] });
  await using peer = new KernelPeer(lab);
  for (const timestamps of [1, 0]) {
    await peer.ask({ do: "kernel", settings: { tcp_timestamps: timestamps } });
    const before = server.all("closed").length;
    const waiting = () => server.all("transition").filter(({ to }) => to === "TIME_WAIT").length;
    const waitingBefore = waiting();
    const visit = async (port: number) => {
      const { localPort = 0 } = await peer.ask({ do: "connect", port: 3333, localPort: port });
      assertEquals((await peer.ask({ do: "receiveToEnd" })).bytes, 0);
      await peer.ask({ do: "close" });
      return localPort;
    };
    const localPort = await visit(0);
    let seen = waitingBefore;
    await server.event("transition", ({ to }) => to === "TIME_WAIT" && --seen < 0);
    assertEquals(await visit(localPort), localPort);
    await server.count("closed", before + 1);
    const closed = server.all("closed")[before];
    assertEquals([closed.reason, closed.connection.endsWith(`:${localPort}`)], ["normal", true]);
    seen = waitingBefore + 1;
    await server.event("transition", ({ to }) => to === "TIME_WAIT" && --seen < 0);
  }
  assertEquals(synsOfOpenings(server), [1, 1, 1, 1], "no SYN had to be sent twice");
});
