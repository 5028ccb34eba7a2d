/** A recording of `serve` becomes a test: each connection of a kernel's clients is told as a script, which our stack then passes. */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const PORTS = { echo: 4001, discard: 4002, daytime: 4003, close: 4004 } as const;

/** Each client ends when its server has; nothing in it waits for a certain time. */
const CLIENT = `
import socket, sys
host, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
def connect(port):
    return socket.create_connection((host, port))
def drain(s):
    while s.recv(65536): pass
echo = connect(ports[0])
echo.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for size in (5, 700, 3, 1448):
    echo.sendall(b"x" * size)
    got = 0
    while got < size: got += len(echo.recv(65536))
echo.shutdown(socket.SHUT_WR); drain(echo); echo.close()
discard = connect(ports[1])
discard.sendall(b"y" * 200000)
discard.shutdown(socket.SHUT_WR); drain(discard); discard.close()
for port in ports[2:]:
    s = connect(port); drain(s); s.close()
`;

async function tcplab(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    stdin: "null",
  })
    .output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

/** What `explain --json` has of a connection. */
interface ToldConnection {
  readonly id: number;
  readonly server: string;
  readonly ends: Readonly<Record<"client" | "server", { readonly retransmissions: number }>>;
}

/** Local choice: on two busy cores one of ten recordings had something sent again. */
const MOST_RECORDINGS = 5;

/** The kernel's clients once, in a recording at `path`. */
async function record(lab: PrivateLab, path: string): Promise<readonly ToldConnection[]> {
  const served = Object.entries(PORTS).map(([app, port]) => `${port}=${app}`).join(",");
  {
    await using server = await ServeProcess.start(lab, {
      args: ["--serve", served, "--time-wait", "1", "--write", path],
    });
    const { code, stderr } = await lab.run({
      side: "client",
      words: ["python3", "-c", CLIENT, lab.plan.tcplabAddress, ...Object.values(PORTS).map(String)],
    });
    assertEquals([code, stderr], [0, ""]);
    await server.count("closed", Object.keys(PORTS).length);
  }
  const { out } = await tcplab("explain", path, "--json");
  const { connections } = JSON.parse(out);
  assertEquals(connections.length, Object.keys(PORTS).length, out);
  return connections;
}

/** Nothing is lost here: what is sent again was so because a machine was held up, and its order in time is no other machine's. */
function isSentAgain({ ends }: ToldConnection): boolean {
  return ends.client.retransmissions + ends.server.retransmissions > 0;
}

liveTest("explain --script: what serve did with a kernel's clients is done again by our stack", {
  needs: ["python3"],
  offloads: false,
}, async (lab) => {
  await using recording = await scratchFile(".pcapng");
  await using script = await scratchFile(".pkt");
  await Deno.chmod(recording.path, 0o666);
  let connections = await record(lab, recording.path);
  for (let count = 1; count < MOST_RECORDINGS && connections.some(isSentAgain); count++) {
    connections = await record(lab, recording.path);
  }
  for (const { id, server } of connections) {
    const made = await tcplab("explain", recording.path, "-c", `${id}`, "--script", script.path);
    assertEquals([made.code, made.error], [0, ""]);
    // A busy machine answered later than a virtual one does; what was sent, and in which order, is what is tried here. Answers that
    // came after an ACK would have been due (40 ms) had it with them nevertheless: their stack was held up together with them.
    const late = ["-O", "tolerance_usecs=2000000"];
    await Deno.writeTextFile(
      script.path,
      (await Deno.readTextFile(script.path)).replace(
        /^0 socket/m,
        `0 \`sysctl tcplab.delayedAckUs=1000000\`\n+0 socket`,
      ),
    );
    const { out } = await tcplab("run", "--profile", "rfc", "--json", ...late, script.path);
    const [{ verdict, reason, expected, actual, line }] = JSON.parse(out).scripts;
    const text = await Deno.readTextFile(script.path);
    assertEquals(verdict, "pass", `${server} line ${line}: ${reason}\n${expected}\n${actual}\n${text}`);
    assert(/^\+\S* > /m.test(text), "something is demanded");
  }
});
