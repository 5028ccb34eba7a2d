/**
 * The ways in which `serve` ends as it should: status 0, a summary last, nothing left behind.
 */
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand, selfCommand } from "../../src/cli/self_command.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { askNetstat } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";

/** How long `serve` waits for the FIN of a peer before it resets, seconds; and what a second signal has to be quicker than. */
const PATIENCE_S = 2;
const WITHOUT_PATIENCE_S = 1.9;
/** Local choice: a client that takes longer five times in a row is not held up by its machine. */
const MOST_TIMES = 5;

/** Nothing, or that a client is waited for which wakes late, or which has much to read. */
const MAY_WAIT = /^(?:tcplab serve: Waiting for \d connections? to end, [^\n]*\n)?$/;

function client(lab: PrivateLab, ...more: string[]) {
  return lab.spawn({
    side: "client",
    words: [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", ...more],
  });
}

/**
 * Plays a course, and again where its last connection took so long from our FIN to its end: then a machine held up the client, or
 * who sends the signals, for longer than `serve` waits. Gives what came of the last.
 */
async function unhurried<Course extends { readonly server: ServeProcess }>(
  withinS: number,
  play: () => Promise<Course>,
): Promise<Course> {
  for (let times = 1;; times++) {
    const course = await play();
    const { server } = course;
    const began = server.all("transition").find(({ to }) => to === "FIN_WAIT_1")?.time ?? 0;
    const isLate = (server.all("closed").at(-1)?.time ?? 0) - began >= withinS;
    if (times === MOST_TIMES || !isLate) return course;
  }
}

async function assertGone(lab: PrivateLab, server: ServeProcess): Promise<void> {
  assertEquals(server.events.at(-1)?.event, "summary");
  const sockets = await lab.run({ side: "server", words: ["sh", "-c", "ls /run/tcplab"] });
  assertEquals(sockets.stdout, "");
}

liveTest("SIGTERM closes what is open, with FIN and in order", {}, async (lab) => {
  const { server, ended, peer } = await unhurried(PATIENCE_S, async () => {
    const server = await ServeProcess.start(lab);
    const peer = client(lab, "--sleep", "0.3");
    await server.event("transition", (event) => event.to === "ESTABLISHED");
    return { server, ended: await server.stop(), peer: await peer.result };
  });
  assertEquals(ended.code, 0, ended.stderr);
  assertMatch(ended.stderr, MAY_WAIT);
  assertEquals(peer.code, 0);
  assert(server.all("transition").some((event) => event.to === "FIN_WAIT_1"));
  assertEquals(server.all("segment").filter((event) => event.flags.includes("RST")).length, 0);
  await assertGone(lab, server);
});

liveTest("SIGTERM while chargen is in full flow: what was sent arrives, then FIN", {}, async (lab) => {
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("chargen_client.ts")];
  const { server, ended, readers } = await unhurried(PATIENCE_S, async () => {
    const server = await ServeProcess.start(lab, { args: ["--app", "chargen"], quiet: true });
    const readers = Array.from(
      { length: 3 },
      () => lab.spawn({ side: "client", words: [...words, lab.plan.tcplabAddress, "3333", "1e12"] }),
    );
    await server.count("transition", 1 + 2 * readers.length);
    const ended = await server.stop();
    return { server, ended, readers: await Promise.all(readers.map(({ result }) => result)) };
  });
  assertEquals(ended.code, 0, ended.stderr);
  assertMatch(ended.stderr, MAY_WAIT);
  for (const { stdout } of readers) {
    const { bytes, wrongAt } = JSON.parse(stdout);
    assertEquals(wrongAt, -1);
    assert(bytes > 0);
  }
  assertEquals(server.all("application-error"), []);
  // Each in order, by its own FIN: nothing was reset.
  assertEquals(server.all("transition").filter(({ to }) => to === "TIME_WAIT").length, readers.length);
  assertEquals(server.all("closed"), []);
  await assertGone(lab, server);
});

liveTest("a second signal does not wait for the peer", {}, async (lab) => {
  const { server, ended } = await unhurried(WITHOUT_PATIENCE_S, async () => {
    const server = await ServeProcess.start(lab);
    const peer = client(lab, "--sleep", "20");
    await server.event("transition", (event) => event.to === "ESTABLISHED");
    await server.signal("SIGINT");
    await server.event("transition", (event) => event.to === "FIN_WAIT_2");
    const ended = await server.stop();
    await peer.stop();
    return { server, ended };
  });
  assertEquals(ended.code, 0);
  const closing = await server.event("transition", (event) => event.to === "FIN_WAIT_1");
  const closed = await server.event("closed");
  assertEquals(closed.reason, "reset-by-us");
  // The patience with FIN, which begins with the first signal, would be two seconds.
  assertLess(closed.time - closing.time, WITHOUT_PATIENCE_S);
  await assertGone(lab, server);
});

liveTest("SIGQUIT shows the connections and goes on, SIGUSR1 and SIGUSR2 do nothing", {}, async (lab) => {
  const server = await ServeProcess.start(lab);
  const peer = client(lab, "--sleep", "20");
  await server.event("transition", (event) => event.to === "ESTABLISHED");
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGQUIT"] as const) await server.signal(signal);
  const shown = /10\.33\.0\.3:3333 +10\.33\.0\.2:\d+ +ESTABLISHED +echo/;
  await waitFor(() => shown.test(server.stderr), { what: "the connections on stderr" });
  assertEquals((await server.stop()).code, 0);
  await peer.stop();
  await assertGone(lab, server);
});

liveTest("SIGHUP ends as SIGTERM does", {}, async (lab) => {
  const server = await ServeProcess.start(lab);
  await server.signal("SIGHUP");
  assertEquals((await server.ended()).code, 0);
  assertEquals(server.all("summary").length, 1);
  await assertGone(lab, server);
});

liveTest("--once leaves after the first connection, --duration after that time", {}, async (lab) => {
  const once = await ServeProcess.start(lab, { args: ["--once"] });
  await client(lab, "--sleep", "0").result;
  assertEquals((await once.ended()).code, 0);
  assertEquals(once.all("summary").length, 1);
  const limited = await ServeProcess.start(lab, { args: ["--duration", "200ms"] });
  assertEquals((await limited.ended()).code, 0);
  assertEquals(limited.all("summary").length, 1);
  await assertGone(lab, limited);
});

liveTest("netstat shows the server and its connection, the kernel's knows nothing of it", {}, async (lab) => {
  const server = await ServeProcess.start(lab);
  const peer = client(lab, "--sleep", "20");
  await server.event("transition", (event) => event.to === "ESTABLISHED");
  const netstat = await askNetstat(lab, { words: [...selfCommand(), "netstat", "--kernel"] });
  assertEquals(netstat.code, 0, netstat.stderr);
  assertStringIncludes(netstat.stdout, "10.33.0.3:3333  *:*");
  assert(/10\.33\.0\.3:3333 +10\.33\.0\.2:\d+ +ESTABLISHED +echo/.test(netstat.stdout), netstat.stdout);
  assertStringIncludes(netstat.stdout, "no TCP sockets in this network namespace");
  const words = [...selfCommand(), "netstat", "--kernel", "--json"];
  const json = await askNetstat(lab, { side: "client", words });
  const view: { servers: { connections: { state: string }[] }[]; kernel: { state: string }[] } = JSON.parse(
    json.stdout,
  );
  assertEquals(view.servers[0].connections[0].state, "ESTABLISHED");
  assertEquals(view.kernel[0].state, "ESTABLISHED");
  await peer.stop();
  await server.stop();
  await assertGone(lab, server);
});
