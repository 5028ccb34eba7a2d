/**
 * The lab's forms by themselves, with Linux at both ends: a pair, a switch with several clients, a router with a narrow path;
 * both families in each.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { LabPlace, LabSide } from "../../src/cli/lab_plan.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { linkLocalAddress, macOf } from "./address_families.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

/** These tests open no device. */
const NO_PCAP = { pcap: false };
const BOTH = { ...NO_PCAP, ipv6: true, needs: ["ping"] };

/** Runs a line in a namespace of the lab; gives its status and both outputs. */
async function on(lab: PrivateLab, side: LabPlace, line: string) {
  const { code, stdout, stderr } = await lab.run({ side, words: ["sh", "-c", line] });
  return { code, text: stdout + stderr };
}

/** One echo there and back; throws with what `ping` said when there is none. */
async function demandEcho(lab: PrivateLab, from: LabSide, to: string): Promise<void> {
  const { code, text } = await on(lab, from, `ping -n -c 1 -W 2 ${to}`);
  assertEquals(code, 0, `${from} -> ${to}: ${text}`);
}

liveTest(
  "the two sides of a lab reach each other by IPv4, by IPv6 and by link-local addresses",
  BOTH,
  async (lab) => {
    const { addresses, addresses6, devices } = lab.plan;
    await demandEcho(lab, "client", addresses.server);
    await demandEcho(lab, "client", addresses6.server);
    await demandEcho(lab, "server", `${await linkLocalAddress(lab, "client")}%${devices.server}`);
  },
);

liveTest("a switch joins every client with the server and with every other, in both families", {
  ...BOTH,
  bridge: true,
  hosts: 3,
}, async (lab) => {
  const { sides, addresses, addresses6 } = lab.plan;
  assertEquals(sides.length, 4);
  for (const from of sides) {
    for (const to of sides.filter((side) => side !== from)) {
      await demandEcho(lab, from, addresses[to]);
      await demandEcho(lab, from, addresses6[to]);
    }
  }
  // Each hears what is for all, and not what is for another: the switch has learnt where they are.
  const station = (await on(lab, "switch", `bridge fdb show dev to-client2`)).text;
  assertStringIncludes(station, await macOf(lab, "client2"));
});

/**
 * Prints the frames to a group (its hardware address in hex) that a device has heard when its input ends, and in a fifth of a second
 * after that: how many.
 */
const HEARS = `
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
wire.bind((sys.argv[1], 0x86DD))
print("ready", flush=True)
sys.stdin.read()
group, heard = bytes.fromhex(sys.argv[2]), 0
wire.settimeout(0.2)
while True:
    try:
        frame, about = wire.recvfrom(2048)
    except TimeoutError:
        break
    heard += about[2] != socket.PACKET_OUTGOING and frame[:6] == group
print(heard)
`;

/** The frames to a group that `side` hears while the client asks for a neighbour that is not there. */
async function heardBy(
  lab: PrivateLab,
  side: LabSide,
  about: { group: string; asks: string },
): Promise<number> {
  const ready = Promise.withResolvers<void>();
  const words = ["python3", "-c", HEARS, lab.plan.devices[side], about.group];
  const listener = lab.spawn({ side, words, stdin: true, onStdout: () => ready.resolve() });
  listener.result.then(({ stderr }) => ready.reject(new Error(stderr)));
  await ready.promise;
  // Nobody is known any more, so that the group is asked.
  await on(
    lab,
    "client",
    `ip -6 neigh flush dev ${lab.plan.devices.client}; ping -n -c 1 -W 1 ${about.asks}`,
  );
  await listener.closeInput();
  return Number((await listener.result).stdout.split("\n")[1]);
}

liveTest("the switch keeps a group's frames from those who have not reported it (MLD snooping)", {
  ...BOTH,
  needs: ["ping", "python3", "bridge"],
  bridge: true,
  hosts: 3,
}, async (lab) => {
  // Until the switch has asked, and has been answered, it floods.
  await waitFor(
    async () =>
      (await on(lab, "switch", "bridge mdb show")).text.includes("port to-client3 grp ff02::1:ff00:13"),
    { what: "the switch knows who listens to what" },
  );
  // The solicited-node groups of fd33::13, which client3 has joined, and of fd33::12, which client2 has (RFC 4291 §2.7.1).
  const own = { group: "3333ff000013", asks: lab.plan.addresses6.client3 };
  const others = { group: "3333ff000012", asks: lab.plan.addresses6.client2 };
  await waitFor(async () => await heardBy(lab, "client3", others) === 0, {
    what: "the switch keeps client2's group from client3",
  });
  assert(await heardBy(lab, "client3", own) > 0, "its own group reaches client3");
  assert(await heardBy(lab, "client2", others) > 0, "its own group reaches client2");
});

/** Sends so many bytes over the kernel's TCP to a server that counts them; prints the segment size at the end. */
const BULK_SERVER = `
import socket, sys
server = socket.create_server(("::", 4000), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
for _ in range(2):
    peer, _ = server.accept()
    count = 0
    while data := peer.recv(65536):
        count += len(data)
    print(count, flush=True)
`;
const BULK_BYTES = 1_000_000;
const BULK_CLIENT = `
import socket, struct, sys
peer = socket.create_connection((sys.argv[1], 4000), 60)
peer.sendall(bytes(${BULK_BYTES}))
print(struct.unpack_from("I", peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 24), 16)[0])
`;

const ENDS = [["client", "server"], ["server", "client"]] as const;

for (const routerMtuBytes of [1280, 1400]) {
  liveTest(
    `a router hands on ${routerMtuBytes} bytes at the most, and both ends learn it, in both families`,
    { ...BOTH, needs: ["ping", "python3"], router: true, routerMtuBytes },
    async (lab) => {
      const { addresses, addresses6 } = lab.plan;
      for (const [from, to] of ENDS) {
        const tooLarge = await on(lab, from, `ping -n -c 1 -W 1 -M do -s 1400 ${addresses[to]}`);
        assertMatch(tooLarge.text, new RegExp(`Frag needed and DF set \\(mtu = ${routerMtuBytes}\\)`));
        const tooLarge6 = await on(lab, from, `ping -n -c 1 -W 1 -M do -s 1400 ${addresses6[to]}`);
        assertMatch(tooLarge6.text, new RegExp(`Packet too big: mtu=${routerMtuBytes}`));
      }
      for (const [from, to] of ENDS) {
        // In fragments it passes; IPv6's answers take an error of their own before they do.
        await demandEcho(lab, from, `-s 1400 -M dont ${addresses[to]}`);
        await demandEcho(lab, from, `-s 1400 -c 4 -i 0.2 ${addresses6[to]}`);
      }
    },
  );

  liveTest(
    `a bulk transfer of the kernels' TCP passes a router with MTU ${routerMtuBytes}, its segments shrink`,
    { ...BOTH, needs: ["python3"], router: true, routerMtuBytes },
    async (lab) => {
      for (const [from, to] of ENDS) {
        const ready = Promise.withResolvers<void>();
        const server = lab.spawn({
          side: to,
          words: ["python3", "-c", BULK_SERVER],
          onStdout: () => ready.resolve(),
        });
        server.result.then(({ stderr }) => ready.reject(new Error(stderr)));
        await ready.promise;
        const sizes: number[] = [];
        for (const address of [lab.plan.addresses[to], lab.plan.addresses6[to]]) {
          const client = await lab.run({ side: from, words: ["python3", "-c", BULK_CLIENT, address] });
          assertEquals(client.code, 0, client.stderr);
          sizes.push(Number(client.stdout));
        }
        const { code, stdout, stderr } = await server.result;
        assertEquals([code, stdout], [0, `ready\n${BULK_BYTES}\n${BULK_BYTES}\n`], stderr);
        // Without the twelve bytes of timestamps, and the two headers.
        assertEquals(sizes, [routerMtuBytes - 52, routerMtuBytes - 72]);
      }
    },
  );
}

liveTest(
  "named labs of each form go up, are entered, and leave nothing",
  { ...BOTH, bridge: true },
  async (lab) => {
    const run = async (...args: string[]) => await lab.run({ words: [...selfCommand(), "lab", ...args] });
    const bridge = await run("up", "--hosts", "2", "--bridge");
    assertEquals(bridge.code, 0, bridge.stderr);
    assertMatch(bridge.stdout, /tcplab-client2 +veth-client2 +10\.33\.0\.12\/24 +fd33::12\/64 +fe80::/);
    const other = await run("up", "--router");
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, "another form (a switch with 2 clients, not a router)");
    const ping = await run("exec", "client2", "--", "ping", "-n", "-c", "1", "-W", "2", "fd33::2");
    assertEquals(ping.code, 0, ping.stdout);
    const nobody = await run("exec", "client3", "--", "true");
    assertEquals([nobody.code, nobody.stdout], [1, ""]);
    assertStringIncludes(
      nobody.stderr,
      "There is no client3 in this lab: it has server, client, client2, switch",
    );
    assertEquals((await run("down")).code, 0);

    const router = await run("up", "--router", "--router-mtu", "1300");
    assertEquals(router.code, 0, router.stderr);
    assertStringIncludes(router.stdout, "hands on packets of up to 1300 bytes");
    const route = await run("exec", "router", "--", "ip", "route");
    assertMatch(route.stdout, /10\.34\.0\.0\/24 .* mtu 1300/);
    // One that is there in part is recognised and made anew.
    await lab.run({ words: ["ip", "netns", "delete", "tcplab-client"] });
    assertStringIncludes((await run("status")).stdout, "in part");
    const again = await run("up", "--router");
    assertEquals(again.code, 0, again.stderr);
    assert(!(await run("exec", "router", "--", "ip", "route")).stdout.includes("mtu"));
    assertEquals((await run("down")).code, 0);
    const names = (await lab.run({ words: ["ip", "netns", "list"] })).stdout;
    assert(!names.includes("tcplab-"), names);
  },
);

liveTest("a lab shell can have a switch or a router, and its commands know their lab", BOTH, async () => {
  const shell = async (options: readonly string[], script: string) => {
    const [program, ...args] = [...selfCommand(), "lab", "shell", ...options, "--", "sh", "-c", script];
    const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stderr));
    return decoder.decode(stdout);
  };
  const switched = await shell(
    ["--bridge", "--hosts", "2"],
    "tcplab lab exec client2 -- ip -brief address show veth-client2; tcplab lab netstat",
  );
  assertStringIncludes(switched, "fd33::12/64");
  assertMatch(switched, /^the client2's kernel +no TCP sockets$/m);
  const routed = await shell(["--router"], "tcplab lab exec client -- ip route; tcplab lab status");
  assertStringIncludes(routed, "default via 10.34.0.254 dev veth-client");
  assertMatch(routed, /router +10\.33\.0\.254 and fd33::254; 10\.34\.0\.254 and fd34::254/);
});
