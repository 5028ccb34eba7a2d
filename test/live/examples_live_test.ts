/**
 * The examples that serve, on a device, with the kernel of Linux as their client: what their README promises is so on a wire,
 * as the client and tshark see it. RFC 9293 §3.8.6, §3.10.7.1, §3.10.7.3.
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertMatch,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { SCAPY_PYTHON } from "./scapy_python.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";

const NEEDS = { needs: ["python3", ...JUDGE_PROGRAMS], offloads: false };

/** A socket of the kernel's and what is needed for it; `go` says how it went with a port: no answer is found out by waiting. */
const PYTHON = `
import json, socket, struct, sys, time
HOST = "10.33.0.3"
def go(port, seconds=0.7):
    s = socket.socket()
    s.settimeout(seconds)
    try:
        s.connect((HOST, port))
        return "connected: " + s.recv(100).decode().strip()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "no answer"
    finally:
        s.close()
def state(s):
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
`;

/** A client in the lab; it says so on one line each. */
async function client(lab: PrivateLab, script: string): Promise<string[]> {
  const { code, stdout, stderr } = await lab.run({
    side: "client",
    words: ["python3", "-c", PYTHON + script],
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

/** What it is made of, packages included: in the lab there is nobody to ask. */
async function cache(path: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", path],
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Starts an example on the server's device, and ends it as Ctrl-C does: in order, with nothing to complain of. */
class Example implements AsyncDisposable {
  readonly process: LabProcess;

  private constructor(process: LabProcess) {
    this.process = process;
  }

  static async start(lab: PrivateLab, name: string, args: readonly string[] = []): Promise<Example> {
    const path = fromFileUrl(new URL(`../../examples/${name}.ts`, import.meta.url));
    const where = ["--device", lab.plan.devices.server, "--ip", `${lab.plan.tcplabAddress}/24`];
    await cache(path);
    const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "--cached-only", "--no-prompt", "-A"];
    const process = lab.spawn({ side: "server", words: [...deno, path, ...where, ...args] });
    const example = new Example(process);
    await example.says(/; Ctrl-C ends it$/m);
    return example;
  }

  async says(pattern: RegExp): Promise<void> {
    await waitFor(() => pattern.test(this.process.stdout) || this.process.ended, { what: String(pattern) });
    assertMatch(this.process.stdout, pattern, this.process.stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.signal("SIGINT");
    const { code, stderr } = await this.process.result;
    assertEquals([code, stderr], [0, ""]);
  }
}

liveTest(
  "example own_tcb: the figures that it answers with are those of the kernel's connection",
  NEEDS,
  async (lab) => {
    await using _example = await Example.start(lab, "own_tcb");
    const lines = await client(
      lab,
      `
s = socket.create_connection((HOST, 7777))
f = s.makefile("rw")
f.write("hello\\n"); f.flush()
while (line := f.readline().rstrip()) != "": print(line)
f.write("json\\n"); f.flush()
info = json.loads(f.readline())
print((info["rcvNxt"] - info["irs"] - 1) % 2**32, info["name"].endswith(":%d" % s.getsockname()[1]), info["state"])
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == info["sendMss"])
f.write("x" * 5000); f.flush()
try:
    while s.recv(100): pass
except ConnectionResetError: pass
print("over")
print(socket.create_connection((HOST, 7777)).getpeername()[1])
`,
    );
    assertMatch(lines[0], /^state {4}LISTEN > SYN_RCVD > ESTABLISHED$/);
    assertMatch(lines[2], /RCV\.NXT \+7 /);
    // A line without an end is no way to fill its memory, and nobody else suffers from it.
    assertEquals(lines.slice(-4), ["11 True ESTABLISHED", "True", "over", "7777"]);
  },
);

liveTest(
  "example port_knocker: opened by true SYNs in the right order, and by no scan",
  NEEDS,
  async (lab) => {
    await using example = await Example.start(lab, "port_knocker");
    const lines = await client(
      lab,
      `
print(go(2222))
print([go(p, 20) for p in (7001, 9001, 8001)], go(2222))
print({go(p, 20) for p in range(7001, 9002)}, go(2222))
print([go(p, 20) for p in (7001, 8001, 9001)], go(2222, 20))
print(go(2222, 20))
`,
    );
    assertEquals(lines, [
      "no answer",
      "['refused', 'refused', 'refused'] no answer",
      "{'refused'} no answer",
      "['refused', 'refused', 'refused'] connected: welcome, 10.33.0.2",
      "connected: welcome, 10.33.0.2",
    ]);
    await example.says(/^10\.33\.0\.2: all 3 knocks are right, open for 30 s$/m);
  },
);

/** A SYN with text, in fragments, and the first that comes for it within so many seconds. */
const FRAGMENTED_SYN = `
import sys
from scapy.all import AsyncSniffer, IP, TCP, conf, fragment, send
conf.verb = 0
device, host, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sniffer = AsyncSniffer(iface=device, filter="tcp and src host " + host, count=1, timeout=seconds, started_callback=lambda: [
    send(piece) for piece in fragment(IP(dst=host)/TCP(sport=4444, dport=port, flags="S", seq=1)/(b"x"*40), fragsize=24)])
sniffer.start(); sniffer.join()
print([str(p[TCP].flags) for p in sniffer.results])
`;

liveTest("example port_knocker: a SYN in fragments does not get by", {
  ...NEEDS,
  missing: SCAPY_PYTHON === null ? "not installed: scapy" : null,
}, async (lab) => {
  const send = async (port: number, seconds: number) => {
    const python = [SCAPY_PYTHON ?? "python3", "-c", FRAGMENTED_SYN];
    const words = [...python, lab.plan.devices.client, lab.plan.tcplabAddress, `${port}`, `${seconds}`];
    const { code, stdout, stderr } = await lab.run({ side: "client", words });
    assertEquals(code, 0, stderr);
    return stdout.trim();
  };
  {
    await using _example = await Example.start(lab, "port_knocker");
    assertEquals(await send(2222, 2), "[]");
  }
  // Elsewhere such a SYN is put together, and answered.
  await using _example = await Example.start(lab, "own_tcb");
  assertMatch(await send(7777, 20), /^\['SA'/);
});

liveTest("example slow_reader: the kernel finds its window shut, and probes", NEEDS, async (lab) => {
  await using example = await Example.start(lab, "slow_reader");
  const script = `
s = socket.create_connection((HOST, 7777))
s.settimeout(2)
try:
    s.sendall(bytes(10**7))
    print("all")
except TimeoutError:
    print("stuck", state(s))
time.sleep(2)
`;
  assertEquals(await client(lab, script), ["stuck 1"]);
  await example.says(/ s {2}window 0: 4096 bytes have come, nobody has read them$/m);
  await example.says(/ s {2}probe 2, answered: window 0$/m);
  // The process is gone; its kernel goes on with what is in the buffer, until it gives up or we do.
});

liveTest(
  "example tarpit: it holds clients of Linux that send, and they stay as long as they want to",
  NEEDS,
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    await using example = await Example.start(lab, "tarpit");
    const recording = await WireRecording.start(lab, file.path);
    const held = lab.spawn({
      side: "client",
      stdin: true,
      words: [
        "python3",
        "-u",
        "-c",
        PYTHON + `
peers = [socket.create_connection((HOST, 2323)) for _ in range(3)]
for s in peers:
    s.setblocking(False)
    s.send(bytes(5000))
time.sleep(4)
print("states", [state(s) for s in peers])
sys.stdin.read()
for s in peers:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
print("gone")
`,
      ],
    });
    // Python writes a line in pieces here.
    await waitFor(() => held.stdout.includes("\n") || held.ended, { what: "the clients' states" });
    assertEquals([held.stdout, held.stderr], ["states [1, 1, 1]\n", ""]);
    await example.says(/ s: 3 held of 3 caught, [12]\d{3} bytes of memory each/);
    await example.says(/^ {2}48 bytes taken, \d+ segments heard$/m);
    await held.closeInput();
    assertEquals((await held.result).stdout, "states [1, 1, 1]\ngone\n");
    await example.says(/ s: 0 held of 3 caught$/m);

    const frames = await recording.judge();
    const ours = frames.filter(({ source }) => source === lab.plan.tcplabAddress);
    assertLessOrEqual(Math.max(...ours.map(({ window }) => window)), 16);
    assert(ours.every(({ flags }) => !/FIN|RST/.test(flags)), "it lets nobody go");
    // Probes come with the last number that was acknowledged (Linux), and each is answered.
    const probes = frames.filter((frame) => frame.source !== lab.plan.tcplabAddress && isProbe(frame));
    assertGreaterOrEqual(probes.length, 6, "two of each");
    const shut = ours.filter(({ window, flags }) => window === 0 && flags === "ACK");
    assertGreaterOrEqual(shut.length, probes.length);
  },
);

function isProbe({ length, relSeq, flags }: JudgedFrame): boolean {
  return flags === "ACK" && length === 0 && relSeq === 16;
}

/** Connects, and after a line of input stays until it has sent its SYN once more (tcpi_total_retrans of linux/tcp.h); 2 is SYN_SENT. */
const PATIENT = `
s = socket.socket()
s.setblocking(False)
s.connect_ex((HOST, 7777))
again = lambda: struct.unpack_from("I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]
sys.stdin.readline()
before = again()
while again() == before: time.sleep(0.05)
print("state", state(s))
`;

liveTest(
  "example lying_syn_ack: Linux answers an acknowledgment of what it never sent with RST",
  NEEDS,
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    await using example = await Example.start(lab, "lying_syn_ack", ["--lie", "ack"]);
    const recording = await WireRecording.start(lab, file.path);
    const knocking = lab.spawn({ side: "client", words: ["python3", "-c", PYTHON + PATIENT], stdin: true });
    await example.says(/: the client answers RST, seq ISS\+1001$/m);
    await knocking.write(new TextEncoder().encode("the RST is there\n"));
    assertEquals(await knocking.result, { code: 0, stdout: "state 2\n", stderr: "" });
    const frames = await recording.judge();
    const { client: clientAddress } = lab.plan.addresses;
    const lies = frames.filter(({ flags }) => flags === "SYN,ACK");
    assertGreater(lies.length, 0);
    for (const { relAck, tcpChecksum, ipChecksum } of lies) {
      assertEquals([relAck, tcpChecksum, ipChecksum], [1001, "good", "good"]);
    }
    // §3.10.7.3: <SEQ=SEG.ACK><CTL=RST>, and the client goes on in SYN-SENT: its SYN is sent again.
    // Once it has given up, its kernel answers whatever comes with RST.
    const lastSyn = frames.findLastIndex(({ flags }) => flags === "SYN");
    const resets = frames.slice(0, lastSyn).filter(({ source, flags }) =>
      source === clientAddress && flags === "RST"
    );
    assertGreater(resets.length, 0);
    for (const { relSeq } of resets) assertEquals(relSeq, 1001);
    assertGreaterOrEqual(frames.filter(({ flags }) => flags === "SYN").length, 2);
  },
);

liveTest("example lying_syn_ack: Linux cuts what it sends to the MSS that it is told", NEEDS, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using _example = await Example.start(lab, "lying_syn_ack", ["--lie", "mss"]);
  const recording = await WireRecording.start(lab, file.path);
  const script = `
s = socket.create_connection((HOST, 7777))
s.sendall(bytes(5000))
s.shutdown(socket.SHUT_WR)
print(len(s.recv(1)))
`;
  assertEquals(await client(lab, script), ["0"]);
  const sent = (await recording.judge()).filter(({ source, length }) =>
    source === lab.plan.addresses.client && length > 0
  );
  assertLessOrEqual(Math.max(...sent.map(({ length }) => length)), 52);
  assertGreaterOrEqual(sent.length, 5000 / 52);
});

liveTest("example hono_app: curl is served by a framework, over connections that are kept", {
  ...NEEDS,
  needs: ["curl"],
}, async (lab) => {
  await using _example = await Example.start(lab, "hono_app");
  const curl = async (...args: string[]) => {
    const words = ["curl", "--silent", "--show-error", "--max-time", "60", ...args];
    const { code, stdout, stderr } = await lab.run({ side: "client", words });
    assertEquals([code, stderr], [0, ""]);
    return stdout;
  };
  const url = `http://${lab.plan.tcplabAddress}:8080`;
  const info = JSON.parse(await curl(`${url}/tcb`));
  assertEquals([info.state, info.role, info.sackPermitted], ["ESTABLISHED", "server", true]);
  // How many connections each of fifty requests needed: one in all.
  const times = await curl("-w", "%{num_connects} ", "-o", "/dev/null", `${url}/?[1-50]`);
  assertEquals(times.trim().split(" ").map(Number).reduce((sum, count) => sum + count), 1);
  await using body = await scratchFile(".txt");
  await Deno.writeTextFile(body.path, "abc ".repeat(200_000));
  assertEquals(await curl("--data-binary", `@${body.path}`, `${url}/upper`), "ABC ".repeat(200_000));
  await Deno.writeTextFile(body.path, "abc ".repeat(300_000));
  const status = ["-o", "/dev/null", "-w", "%{http_code}"];
  assertEquals(await curl(...status, "--data-binary", `@${body.path}`, `${url}/upper`), "413");
  assertEquals(await curl(...status, `${url}/broken`), "500");
  assertEquals(await curl(`${url}/`), "hello from a TCP of our own; try /tcb, and POST to /upper\n");
});
