/**
 * Two figures of a live server: the round trip of an echoed message, and the CPU time of a server at rest.
 *
 *     deno run -A scripts/measure_live.ts [COUNT] [IDLE_SECONDS]
 *
 * A private lab, `tcplab serve` on one side (the program that TCPLAB_BINARY names, else the checkout), a client in C
 * over the kernel's own TCP on the other, and a plain echo server over the kernel's TCP for comparison. Needs cc.
 */
import { fromFileUrl } from "@std/path";
import type { LabProcess } from "../src/cli/lab_process.ts";
import { PrivateLab } from "../src/cli/private_lab.ts";
import { selfCommand, selfFiles } from "../src/cli/self_command.ts";

const MESSAGE_BYTES = 64;
const TCPLAB_PORT = 3333;
const KERNEL_PORT = 4444;
/** Fields of /proc/PID/stat after the closing bracket of the name (proc_pid_stat(5)). */
const STAT_FIELD = { userTicks: 11, systemTicks: 12 } as const;
const TICKS_PER_SECOND = 100;

interface RoundTrips {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
  readonly count: number;
}

const count = Number(Deno.args[0] ?? 20_000);
const idleSeconds = Number(Deno.args[1] ?? 10);
const binary = Deno.env.get("TCPLAB_BINARY");
const program = binary === undefined ? selfCommand() : [binary];

const native = await Deno.makeTempFile({ prefix: "tcplab-round-trip-" });
try {
  await compileNative();
  await using lab = await PrivateLab.open({ readable: selfFiles() });
  const server = await startTcplab(lab);
  const atRest = await idleShare(lab, server);
  const tcplab = await roundTrips(lab, lab.plan.tcplabAddress, TCPLAB_PORT);
  const afterwards = await idleShare(lab, server);
  const kernelServer = await startKernelEcho(lab);
  const kernel = await roundTrips(lab, lab.plan.addresses.server, KERNEL_PORT);
  await kernelServer.stop();
  await server.stop();

  console.log(
    `${MESSAGE_BYTES}-byte message, echoed; microseconds, ${count} round trips, server: ${program.join(" ")}`,
  );
  console.log("           p50      p90      p99      max");
  for (const [name, trips] of [["tcplab", tcplab], ["kernel", kernel]] as const) {
    const figures = [trips.p50, trips.p90, trips.p99, trips.max].map((figure) =>
      figure.toFixed(1).padStart(8)
    );
    console.log(`${name.padEnd(7)}${figures.join(" ")}`);
  }
  console.log(
    `CPU of the server at rest, over ${idleSeconds} s: ${percent(atRest)} before, ${
      percent(afterwards)
    } after the traffic`,
  );
} finally {
  await Deno.remove(native);
}

async function compileNative(): Promise<void> {
  const source = fromFileUrl(new URL("native/round_trip.c", import.meta.url));
  const { code, stderr } = await new Deno.Command("cc", { args: ["-O2", "-o", native, source] }).output();
  if (code !== 0) throw new Error(`cc failed: ${new TextDecoder().decode(stderr)}`);
}

async function startTcplab(lab: PrivateLab): Promise<LabProcess> {
  const { devices, tcplabAddress } = lab.plan;
  const options = [
    "--iface",
    devices.server,
    "--ip",
    tcplabAddress,
    "--port",
    String(TCPLAB_PORT),
    "--log",
    "none",
  ];
  const server = lab.spawn({ side: "server", words: [...program, "serve", ...options] });
  // Without a log nothing tells that it listens: the first connection that is answered does.
  const words = ["sh", "-c", `until nc -z -w 1 ${tcplabAddress} ${TCPLAB_PORT}; do sleep 0.1; done`];
  const answered = lab.run({ side: "client", words });
  await Promise.race([answered, server.result]);
  if (server.ended) throw new Error(`The server ended: ${server.stderr}`);
  return server;
}

async function startKernelEcho(lab: PrivateLab): Promise<LabProcess> {
  const listening = Promise.withResolvers<void>();
  const words = [native, "server", String(KERNEL_PORT)];
  const server = lab.spawn({ side: "server", words, onStdout: () => listening.resolve() });
  await Promise.race([listening.promise, server.result]);
  return server;
}

async function roundTrips(lab: PrivateLab, address: string, port: number): Promise<RoundTrips> {
  const words = [native, "client", address, String(port), String(MESSAGE_BYTES), String(count)];
  const { code, stdout, stderr } = await lab.run({ side: "client", words });
  if (code !== 0) throw new Error(`The client failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** The share of one core that the process uses while nothing happens. */
async function idleShare(lab: PrivateLab, process: LabProcess): Promise<number> {
  // What start-up or traffic left to do (compiling, collecting garbage) is not rest.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = await cpuSeconds(lab, process);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  return (await cpuSeconds(lab, process) - before) / idleSeconds;
}

async function cpuSeconds(lab: PrivateLab, process: LabProcess): Promise<number> {
  const { stdout } = await lab.run({ words: ["cat", `/proc/${await process.insidePid()}/stat`] });
  const fields = stdout.slice(stdout.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[STAT_FIELD.userTicks]) + Number(fields[STAT_FIELD.systemTicks])) / TICKS_PER_SECOND;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} % of a core`;
}
