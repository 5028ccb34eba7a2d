/**
 * `tcplab connect` in the lab's server namespace, towards a server of the kernel's TCP in the client's.
 *
 * Owns: starting both, and the event log of the first. Must not know: what a test expects of them.
 */
import { assertEquals } from "@std/assert";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { TcpEvent, TransitionEvent } from "../../src/tcp/events.ts";

/** The port of the kernel's server. */
export const SERVER_PORT = 5000;

/**
 * What the kernel's server does with each connection: `echo` sends back what it gets and closes after the client;
 * `close` says a line and closes at once, then reads to the end; `reset` reads once, and resets.
 */
type ServerManner = "echo" | "close" | "reset";

const SERVER_PROGRAM = `
import socket, struct, sys
manner = sys.argv[1]
if socket.has_dualstack_ipv6():
    server = socket.create_server(("::", ${SERVER_PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
else:
    server = socket.create_server(("0.0.0.0", ${SERVER_PORT}))
print("listening", flush=True)
while True:
    connection, _ = server.accept()
    if manner == "close":
        connection.sendall(b"goodbye\\n")
        connection.shutdown(socket.SHUT_WR)
    try:
        while True:
            data = connection.recv(65536)
            if manner == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
            if not data:
                break
            if manner == "echo":
                connection.sendall(data)
    except OSError as error:
        print(error, file=sys.stderr)
    connection.close()
`;

/** A server over the kernel's own TCP, in the client's namespace, on {@link SERVER_PORT}. */
export async function startKernelServer(
  lab: PrivateLab,
  manner: ServerManner,
): Promise<AsyncDisposable> {
  const listening = Promise.withResolvers<void>();
  const process = lab.spawn({
    side: "client",
    words: ["python3", "-c", SERVER_PROGRAM, manner],
    onStdout: () => listening.resolve(),
  });
  process.result.then(({ stderr }) => listening.reject(new Error(`The kernel's server ended: ${stderr}`)));
  await listening.promise;
  return {
    [Symbol.asyncDispose]: async () => {
      await process.stop();
    },
  };
}

/** Starts `connect` to the client's address; device and `--ip` are the lab's. */
export function startConnect(
  lab: PrivateLab,
  args: readonly string[],
  onStdout?: (line: string) => void,
): LabProcess {
  const { devices, addresses, tcplabAddress } = lab.plan;
  const target = args[0]?.includes(".") ? [] : [addresses.client];
  const fixed = ["--iface", devices.server, "--ip", tcplabAddress];
  return lab.spawn({
    side: "server",
    words: [...selfCommand(), "connect", ...target, ...args, ...fixed],
    stdin: true,
    ...(onStdout === undefined ? {} : { onStdout }),
  });
}

/** The events of a log in JSON. */
export function eventsOf(stdout: string): TcpEvent[] {
  return stdout.split("\n").filter((line) => line !== "").map((line): TcpEvent => JSON.parse(line));
}

/** The states gone through, as the transitions tell them; each begins where the one before ended. */
export function pathOf(events: readonly TcpEvent[]): string[] {
  const transitions = events.filter((event): event is TransitionEvent => event.event === "transition");
  const path = ["CLOSED"];
  for (const { from, to } of transitions) {
    assertEquals(from, path[path.length - 1]);
    path.push(to);
  }
  return path;
}
