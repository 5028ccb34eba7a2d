/**
 * Floods that hold connections, and one of SYNs, beside an honest client: memory has its bound, everybody honest is served.
 *
 * The figures of `deno task floods` are for a machine of its own; here only what holds however slow the machine is.
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { FloodLab } from "../../scripts/floods/flood_lab.ts";
import { type Flood, FLOOD_MODES } from "../../scripts/floods/flood_modes.ts";
import { type FloodMeasurement, runFlood } from "../../scripts/floods/flood_run.ts";
import { OVERHEAD_MIB } from "../../scripts/floods/flood_verdict.ts";
import { buildFloodPrograms } from "../../scripts/floods/native_floods.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest } from "./private_lab.ts";

const MEMORY_MIB = 64;
const CONNECTIONS = 2_000;
/** A server that takes more is killed, and the test fails. */
const LIMIT_MIB = 1_500;

/** Runs a flood and demands what every one of them must leave whole. */
function floodTest(name: string, load: Omit<Flood, "mode" | "dwellMs">): void {
  const mode = FLOOD_MODES.find((candidate) => candidate.name === name);
  assert(mode !== undefined, name);
  liveTest(`an honest client in a flood: ${mode.what}`, { needs: ["gcc"] }, async (plain) => {
    await using programs = await buildFloodPrograms();
    const lab = await FloodLab.madeOf(plain, programs);
    const measured = await runFlood(lab, { ...load, mode, dwellMs: 1_000 }, {
      defender: "tcplab",
      program: selfCommand(),
      args: ["--log", "none", "--memory", `${MEMORY_MIB}M`, ...load.args],
      limitMib: LIMIT_MIB,
      baselineMs: 500,
    });
    assertHeld(measured);
    if (load.connections > 0) {
      // A flood that never came about would have proved nothing.
      assertGreater(measured.open + measured.resets, load.connections / 2, measured.said);
    } else {
      assertGreater(measured.rate, load.rate / 20);
    }
  });
}

function assertHeld(measured: FloodMeasurement): void {
  const { during, netstat, said } = measured;
  assert(measured.survived, said);
  assertLess(measured.rssMaxMib - measured.rssBeforeMib, MEMORY_MIB + OVERHEAD_MIB);
  assertEquals(during.refused + during.givenUp, 0, "an honest client was turned away");
  assertGreater(during.served, 0);
  assertLess(during.p50, 1_000);
  assert(netstat !== null && netstat.ms !== null, "netstat has no answer");
  assertEquals(netstat.visits.refused + netstat.visits.givenUp, 0, "turned away while netstat looked");
  assertEquals(netstat.visits.kept, "kept", "an honest connection was ended");
  assert(measured.exitMs !== null, `SIGTERM did not end it: ${said}`);
}

const clients = { rate: 100_000, connections: CONNECTIONS, sources: 50, args: [] };

// Twice as many as the table takes: somebody has to go, and it is nobody honest.
floodTest("silent", { ...clients, sources: 2, args: ["--max-connections", String(CONNECTIONS / 2)] });
floodTest("zero-window", clients);
floodTest("far-octet", clients);
floodTest("syn", { rate: 50_000, connections: 0, sources: 16_000, args: [] });
