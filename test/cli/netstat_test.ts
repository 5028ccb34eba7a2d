/** What `netstat` puts together, and which running server is in a new one's way. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseKernelSockets } from "../../src/cli/kernel_sockets.ts";
import { jsonText, netstatText } from "../../src/cli/netstat.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { conflictLine } from "../../src/cli/server_control.ts";
import { isServerSnapshot, type ServerSnapshot } from "../../src/observe/server_snapshot.ts";

const SERVER: ServerSnapshot = {
  pid: 4711,
  device: "eth0",
  ip: ["10.0.0.3", "10.0.0.4"],
  mac: "02:00:00:00:00:01",
  startedAt: 100,
  listeners: [{ port: 3333, app: "echo", state: "LISTEN" }],
  connections: [],
  counters: {},
  figures: {},
};
const KERNEL = `
   1: 0221210A:A3F2 0321210A:0D05 06 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
`;

Deno.test("the kernel's sockets stand below ours, listeners first, or their absence is said", () => {
  const view = { details: false, color: false, now: 160 };
  const lines = netstatText([SERVER], { ...view, kernel: parseKernelSockets(KERNEL, true) }).split("\n");
  const kernel = lines.slice(lines.findIndex((line) => line.startsWith("the kernel's own")));
  assert(
    kernel[2].includes("0.0.0.0:22") && kernel[2].includes("*:*") && kernel[2].endsWith("LISTEN"),
    kernel[2],
  );
  assert(kernel[3].includes("10.33.33.2:41970") && kernel[3].endsWith("TIME_WAIT"), kernel[3]);
  assertStringIncludes(netstatText([SERVER], { ...view, kernel: [] }), "no TCP sockets");
  assert(!netstatText([SERVER], { ...view, kernel: null }).includes("kernel"));
});

Deno.test("a server on the same address is in the way, one on another is not", () => {
  const line = (args: string) => conflictLine(parseServeOptions(args.split(" ")), [SERVER]);
  assertStringIncludes(line("--ip 10.0.0.4") ?? "", "10.0.0.4:3333 is served already by process 4711");
  assertStringIncludes(line("--ip 10.0.0.4 --port 80") ?? "", "10.0.0.4 is served already by process 4711");
  assertEquals(line("--ip 10.0.0.5"), null);
});

Deno.test("behind the guard only a common port is in the way", () => {
  const line = (args: string) =>
    conflictLine(parseServeOptions([...args.split(" "), "--rst-guard", "nft"]), [SERVER]);
  assertEquals(line("--ip 10.0.0.3 --port 80"), null);
  assertStringIncludes(line("--ip 10.0.0.3 --serve 80=echo,3333=hold") ?? "", "10.0.0.3:3333");
});

Deno.test("JSON of another process's words has no control characters in it", () => {
  assertEquals(jsonText({ device: "\x1b[2J\x7f\x9b2Jä" }, 0), '{"device":"\\u001b[2J\\u007f\\u009b2Jä"}');
  assertEquals(JSON.parse(jsonText("\x9b", 0)), "\x9b");
});

Deno.test("a server that names no process of its own is none: nobody is told to end all", () => {
  assert(isServerSnapshot(SERVER));
  for (const pid of [-1, 0, 1.5, -4711]) assert(!isServerSnapshot({ ...SERVER, pid }));
});
