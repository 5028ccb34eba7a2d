/**
 * `lab netstat`: who knows of the connections in a lab: tcplab, the server's kernel, the clients' kernels.
 *
 * Owns: the one table. Must not know: how a server is asked, how the kernel's sockets are written.
 */
import { getColorEnabled } from "@std/fmt/colors";
import type { ServerSnapshot } from "../observe/server_snapshot.ts";
import { layTable, paletteFor, printable } from "../observe/text_layout.ts";
import { type KernelSocket, kernelSocketRow, parseKernelSockets } from "./kernel_sockets.ts";
import type { LabPlan, LabSide } from "./lab_plan.ts";
import { labEnvironment } from "./private_lab.ts";
import { runningServers } from "./server_control.ts";
import { printLine } from "./terminal.ts";
import { watchPage } from "./watch_page.ts";

/** What was found in the lab. */
interface LabSockets {
  readonly servers: readonly ServerSnapshot[];
  readonly kernels: readonly { readonly side: LabSide; readonly sockets: readonly KernelSocket[] }[];
}

/** Prints the table, once or every second until Ctrl-C. */
export async function labNetstat(plan: LabPlan, { watch }: { watch: boolean }): Promise<void> {
  const text = async () => labSocketsText(await findSockets(plan), { color: getColorEnabled() });
  if (!watch) return printLine(await text());
  await watchPage(text, { isPage: true });
}

/** The table: a row for each socket, and one for each kernel, or ours, that knows of none. */
export function labSocketsText({ servers, kernels }: LabSockets, { color }: { color: boolean }): string {
  const palette = paletteFor(color);
  const ours = servers.flatMap((server) => [
    ...server.listeners.flatMap((listener) =>
      server.ip.map((
        ip,
      ) => ["tcplab", `${ip.includes(":") ? `[${ip}]` : ip}:${listener.port}`, "*:*", listener.state])
    ),
    ...server.connections.map(({ local, peer, state }) => ["tcplab", local, peer, state]),
  ]);
  const rows = [
    ...(ours.length > 0 ? ours : [["tcplab", "no server is running", "", ""]]),
    ...kernels.flatMap(({ side, sockets }) => {
      const who = `the ${side}'s kernel`;
      const found = sockets.map((socket) => [who, ...kernelCells(socket)]);
      return found.length > 0 ? found : [[who, "no TCP sockets", "", ""]];
    }),
  ];
  const columns = ["Who knows", "Local Address", "Foreign Address", "State"].map((title) => ({ title }));
  const table = layTable(columns, rows.map((row) => row.map(printable)), {
    palette,
    paintCell: (padded, row) => rows[row][3] === "" ? palette.quiet(padded) : padded,
  });
  return table.split("\n").map((line) => line.trimEnd()).join("\n");
}

function kernelCells(socket: KernelSocket): string[] {
  const { local, peer, state } = kernelSocketRow(socket);
  return [local, peer, state];
}

async function findSockets(plan: LabPlan): Promise<LabSockets> {
  const devices: ReadonlySet<string> = new Set(Object.values(plan.devices));
  const [{ servers }, kernels] = await Promise.all([
    runningServers(),
    Promise.all(plan.sides.map(async (side) => ({
      side,
      sockets: await kernelSockets(plan.namespaces[side]),
    }))),
  ]);
  return {
    servers: servers.filter(({ device }) => devices.has(device)),
    kernels,
  };
}

async function kernelSockets(namespace: string): Promise<KernelSocket[]> {
  // Without IPv6 there is no second file, and `cat` says so with its status.
  const { stdout } = await new Deno.Command("ip", {
    args: ["netns", "exec", namespace, "cat", "/proc/net/tcp", "/proc/net/tcp6"],
    stdin: "null",
    stderr: "null",
    env: labEnvironment(),
    // Ctrl-C is for us: a kernel that is not asked to the end would be told as one that knows of nothing.
    detached: true,
  }).output();
  return parseKernelSockets(new TextDecoder().decode(stdout));
}
