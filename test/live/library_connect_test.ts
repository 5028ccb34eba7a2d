/**
 * The library's `listen` and `connect` on a device, with kernels on the other side: a free port, errors by class and code, and a
 * process that ends by itself when all is closed.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const MODULE = fromFileUrl(new URL("../../mod.ts", import.meta.url));

/** Serves one connection on a free port, then connects where nobody listens, where nobody is, and to where no host can be. */
const PROGRAM = `
const { connect, listen } = await import("${MODULE}");
const tcp = { timeWaitUs: 200_000 };
const listener = listen({ device: "veth-server", ip: "10.33.0.3/24", tcp });
const told = setInterval(() => listener.state === "LISTEN" && (console.log("port", listener.addr.port), clearInterval(told)), 10);
for await (const connection of listener) {
  await connection.readable.pipeTo(connection.writable);
  break;
}
await listener.accept().catch((error) => console.log(error.name, error.message));
for (const hostname of ["10.33.0.2", "10.33.0.99", "10.33.0.4", "127.0.0.1"]) {
  const options = { device: "veth-server", ip: "10.33.0.4/24", tcp, hostname, port: 9 };
  await connect(options).catch((error) => console.log(error.constructor.name, error.code, error.message));
}
console.log("the end");
`;

liveTest(
  "listen and connect of the library on a device: a free port, errors as Deno's, and the process ends",
  {},
  async (lab) => {
    await using file = await scratchFile(".ts");
    await Deno.writeTextFile(file.path, PROGRAM);
    const words = [Deno.execPath(), "run", "--quiet", "--cached-only", "--no-check", "-A", file.path];
    const server = lab.spawn({ side: "server", words });
    await waitFor(() => /port \d+/.test(server.stdout) || server.ended, { what: "a free port" });
    const port = /port (\d+)/.exec(server.stdout)?.[1] ?? "none";
    assertMatch(port, /^(49[1-9]|[56])\d+$/);
    const client = await lab.run({
      side: "client",
      words: [...kernelClientCommand(), "10.33.0.3", port, "--send", "hello"],
    });
    assertMatch(client.stdout, /hello/);
    const { code, stdout, stderr } = await server.result;
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trim().split("\n").slice(1);
    const expected = [
      /^BadResource Listener has been closed$/,
      /^ConnectionRefused ECONNREFUSED Connection refused \(os error 111\): 10\.33\.0\.4:\d+-10\.33\.0\.2:9 was refused/,
      /^Error EHOSTUNREACH No route to host \(os error 113\): .*nobody answers ARP for 10\.33\.0\.99$/,
      /^AddrNotAvailable EADDRNOTAVAIL .*10\.33\.0\.4: .*this host's own/,
      /^AddrNotAvailable EADDRNOTAVAIL .*127\.0\.0\.1: .*a loopback address/,
      /^the end$/,
    ];
    assertEquals(lines.length, expected.length, stdout);
    expected.forEach((line, at) => assertMatch(lines[at], line));
  },
);
