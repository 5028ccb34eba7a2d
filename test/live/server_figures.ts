/**
 * What `tcplab netstat` says of the lab's server, asked by its command line as a person would; again, where somebody was too busy
 * to answer it.
 *
 * Owns: running the command and reading its JSON. Must not know: which figures a test expects.
 */
import { assert, assertEquals } from "@std/assert";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import type { ProcessResult } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { isServerSnapshot, type ServerSnapshot } from "../../src/observe/server_snapshot.ts";
import { waitFor } from "./wait_for.ts";

/** Local choice: who has not answered five times, each time for two seconds, does not answer. */
const MOST_TIMES = 5;
/** Who asks, and with which command line. */
interface Netstat {
  readonly side?: LabSide;
  readonly words: readonly string[];
}

/** Runs `netstat` in the lab, and again as long as it says that a server which it found is silent; gives the last result. */
export async function askNetstat(
  lab: PrivateLab,
  { side = "server", words }: Netstat,
): Promise<ProcessResult> {
  for (let times = 1;; times++) {
    const result = await lab.run({ side, words });
    const isHeard = !/ without an answer: /.test(`${result.stdout}${result.stderr}`);
    if (isHeard || times === MOST_TIMES) return result;
  }
}

/** The only running server of the lab, as `netstat --details --json` shows it; asked again where it was too busy to answer. */
export async function serverFigures(lab: PrivateLab): Promise<ServerSnapshot> {
  const words = [...selfCommand(), "netstat", "--details", "--json"];
  let servers: unknown;
  await waitFor(async () => {
    const { code, stdout, stderr } = await lab.run({ side: "server", words });
    assertEquals(code, 0, stderr);
    servers = JSON.parse(stdout);
    return Array.isArray(servers) && servers.length > 0;
  }, { what: "a server tells its figures" });
  assert(Array.isArray(servers) && servers.length === 1, JSON.stringify(servers));
  const server: unknown = servers[0];
  assert(isServerSnapshot(server), JSON.stringify(servers));
  return server;
}
