/**
 * Clients that are not ours: curl, netcat, and a Python socket that closes one direction only.
 */
import { assertEquals } from "@std/assert";
import type { TcpState } from "../../src/tcp/state.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

/** The path of a connection whose client closes first. */
const PASSIVE_PATH: readonly TcpState[] = [
  "LISTEN",
  "SYN_RCVD",
  "ESTABLISHED",
  "CLOSE_WAIT",
  "LAST_ACK",
  "CLOSED",
];

liveTest("curl telnet:// talks to echo", { needs: ["curl"] }, async (lab) => {
  await using server = await ServeProcess.start(lab);
  let echoed = () => {};
  const answered = new Promise<void>((resolve) => echoed = resolve);
  const curl = lab.spawn({
    side: "client",
    words: ["curl", "--silent", "--no-buffer", "--max-time", "60", `telnet://${lab.plan.tcplabAddress}:3333`],
    stdin: true,
    onStdout: echoed,
  });
  await curl.write(new TextEncoder().encode("by curl\n"));
  // It looks for an answer for 0.1 s and then for input, in which it waits for ever where that goes on.
  await curl.closeInput();
  await Promise.race([answered, curl.result]);
  // curl goes on at the end of its input: it is ended from outside, and the kernel closes for it.
  assertEquals((await curl.stop()).stdout, "by curl\n");
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 8, 8]);
});

liveTest("netcat closes its direction and still gets the echo", { needs: ["nc"] }, async (lab) => {
  await using server = await ServeProcess.start(lab);
  const nc = lab.spawn({ side: "client", words: ["nc", "-N", lab.plan.tcplabAddress, "3333"], stdin: true });
  await nc.write(new TextEncoder().encode("by netcat\n"));
  await nc.closeInput();
  assertEquals(await nc.result, { code: 0, stdout: "by netcat\n", stderr: "" });
  const closed = await server.event("closed");
  assertEquals(closed.reason, "normal");
  assertEquals(closed.states, PASSIVE_PATH);
});

/** Sends, shuts its direction down, and only then reads: everything sent must come back, then the end. */
const HALF_CLOSE = `
import socket, sys
s = socket.create_connection((sys.argv[1], 3333), timeout=60)
s.sendall(b"x" * 100000)
s.shutdown(socket.SHUT_WR)
got = 0
while True:
    data = s.recv(65536)
    if not data: break
    got += len(data)
print(got)
`;

liveTest("a Python socket with half-close gets 100 kB back", { needs: ["python3"] }, async (lab) => {
  await using server = await ServeProcess.start(lab);
  const words = ["python3", "-c", HALF_CLOSE, lab.plan.tcplabAddress];
  assertEquals(await lab.run({ side: "client", words }), { code: 0, stdout: "100000\n", stderr: "" });
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 100_000, 100_000]);
  assertEquals(closed.states, PASSIVE_PATH);
});
