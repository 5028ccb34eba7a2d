/**
 * What `tcplab netstat` says of the lab's server, asked by its command line as a person would.
 *
 * Owns: running the command and reading its JSON. Must not know: which figures a test expects.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { isServerSnapshot, type ServerSnapshot } from "../../src/observe/server_snapshot.ts";
import { waitFor } from "./wait_for.ts";

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
