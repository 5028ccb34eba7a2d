/**
 * Three namespaces: server, a router whose far side carries less, and a client behind it whose own device carries as
 * much as the server's. The router's kernel tells by ICMP; the second connection does not have to be told (RFC 1191 §3).
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const NARROW = 1000;
const ETHERNET_BYTES = 14;
const READ_BYTES = 400_000;
const FAR = "10.44.0.2";

/** The client's namespace becomes a router; behind it, beyond a cable that is narrow on the router's end, another one. */
async function addFarSide(lab: PrivateLab): Promise<void> {
  const { namespaces, addresses } = lab.plan;
  const router = namespaces.client;
  const lines = [
    "set -e",
    "ip netns add far",
    `ip link add to-far netns ${router} type veth peer name to-router netns far`,
    `ip -n ${router} address add 10.44.0.1/24 dev to-far`,
    `ip -n ${router} link set to-far mtu ${NARROW} up`,
    `ip -n far address add ${FAR}/24 dev to-router`,
    "ip -n far link set to-router up",
    "ip -n far route add default via 10.44.0.1",
    `ip -n ${namespaces.server} route add 10.44.0.0/24 via ${addresses.client}`,
    `ip netns exec ${router} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'`,
    // What the router merges or cuts in secret would hide how large our packets are.
    `ip netns exec ${router} ethtool -K to-far gso off tso off gro off >/dev/null`,
  ];
  const { code, stderr } = await lab.run({ words: ["sh", "-c", lines.join("\n")] });
  assertEquals(code, 0, stderr);
}

/** A client behind the router reads so much of chargen's pattern, and stays. */
const READER = `
import socket, sys
s = socket.create_connection((sys.argv[1], 3333), 60)
n = 0
while n < ${READ_BYTES}:
    n += len(s.recv(65536))
print(n, flush=True)
sys.stdin.read()
`;

function farClient(lab: PrivateLab) {
  let hasRead = () => {};
  const read = new Promise<void>((resolve) => hasRead = resolve);
  const words = ["ip", "netns", "exec", "far", "python3", "-c", READER, lab.plan.tcplabAddress];
  const process = lab.spawn({ words, stdin: true, onStdout: () => hasRead() });
  return {
    /** Resolves when it has what it wants; throws when it ends before. */
    read: Promise.race([
      read,
      process.result.then(({ stderr }) => {
        throw new Error(`The client behind the router has ended: ${stderr}`);
      }),
    ]),
    leave: async () => {
      await process.closeInput();
      await process.result;
    },
  };
}

liveTest("a router's word on the path counts for the next connection too", {
  needs: [...JUDGE_PROGRAMS, "python3", "ethtool"],
  offloads: false,
}, async (lab) => {
  await addFarSide(lab);
  await using server = await ServeProcess.start(lab, { args: ["--app", "chargen"], quiet: true });
  const sizes: number[] = [];
  for (const expected of [{ learnt: 1, used: 0 }, { learnt: 1, used: 1 }]) {
    await using file = await scratchFile(".pcapng");
    const recording = await WireRecording.start(lab, file.path);
    const client = farClient(lab);
    await client.read;
    const { connections, counters } = await serverFigures(lab);
    assertEquals([counters["path-mtu-learnt"], counters["path-mtu-used"] ?? 0], [
      expected.learnt,
      expected.used,
    ]);
    assertEquals([connections[0].pathMss, connections[0].receiveMss], [NARROW - 40, 1460]);
    assertEquals(counters.timeouts, 0);
    const closed = server.all("closed").length;
    await client.leave();
    await server.count("closed", closed + 1);
    const frames = await recording.judge();
    const { tcplabAddress } = lab.plan;
    assertOursAreRight(frames, { ours: tcplabAddress });
    const ours = frames.filter(({ source, length }) => source === tcplabAddress && length > 0);
    assert(ours.length > READ_BYTES / NARROW, `${ours.length} segments of ours`);
    sizes.push(Math.max(...ours.map(({ frameLength }) => frameLength)));
  }
  assertEquals(sizes, [1500 + ETHERNET_BYTES, NARROW + ETHERNET_BYTES]);
});
