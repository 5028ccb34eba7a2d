/**
 * Scripts made of connections: word by word for both ends of one, and, where packetdrill is installed, that it understands what is made of
 * many.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { packetdrillScript } from "../../src/script/script_of_connection.ts";
import type { EndName } from "../../src/story/story_segment.ts";
import { HANDSHAKE, tell } from "../story/written_story.ts";

const STORY = `
  C S 0 win=64240 mss=1460 sackok=1 ts=100/0 wscale=5
  S SA 0 1 win=65160 mss=1460 sackok=1 ts=500/100 wscale=5
  C A 1 1 win=502 ts=100/500
  C PA 1 1 len=100 win=502 ts=110/500 at=0.1
  C PA 101 1 len=50 win=502 ts=111/500 at=0.15
  S A 1 1 win=509 ts=512/100 sack=101-151 at=0.151
  C PA 1 1 len=100 win=502 ts=113/512 at=0.152
  S A 1 151 win=509 ts=513/113 at=0.153
  S PA 1 151 len=20 win=509 ts=513/113 at=0.2
  C A 151 21 win=502 ts=120/513 at=0.21
  C FA 151 21 win=502 ts=120/513 at=0.3
  S FA 21 152 win=509 ts=520/120 at=0.301
  C A 152 22 win=502 ts=130/520 at=0.302`;

function scriptOf(text: string, side: EndName): string {
  return packetdrillScript(tell(text).connection, { side, source: "told.pcap" });
}

Deno.test("script: what begins before the capture does has no numbers, and is told without it", () => {
  const lines = scriptOf(
    `
  C A 1000 1 len=100
  S A 1 1100
  C A 800 1 len=200 at=0.3
  C A 800 1 len=199 at=0.4
  C A 700 1 len=100 at=0.5
  C A 700 1 len=500 at=0.6
  S A 1 1200 at=0.61`,
    "server",
  ).split("\n").filter((line) => /^\S+ [<>]|frame/.test(line));
  assertEquals(lines.slice(3), EARLY.split("\n"));
});

Deno.test("script: an ACK that came late was at once where text came meanwhile that it does not know, else it was delayed", () => {
  const lateAck = (...meanwhile: readonly string[]) => {
    const story = [HANDSHAKE, "C A 1 1 len=1000 at=1", ...meanwhile, "S A 1 1001 at=1.03"].join("\n");
    return scriptOf(story, "server").split("\n").filter((line) => /QUICKACK/.test(line));
  };
  const delayed = ["+0 setsockopt(4, SOL_TCP, TCP_QUICKACK, [0], 4) = 0"];
  assertEquals(lateAck(), delayed);
  assertEquals(lateAck("C A 1001 1 len=0 at=1.01"), delayed);
  assertEquals(lateAck("C A 1001 1 len=1000 at=1.01"), []);
});

Deno.test("script: urgent text is sent as such, and its pointer is demanded", () => {
  const story = `${HANDSHAKE}\nC PA 1 1 len=3\nC UPA 4 1 len=1 urg=1\nC UPA 5 1 len=9 urg=20`;
  const [client, server] = (["client", "server"] as const).map((side) =>
    scriptOf(story, side).split("\n").slice(-7, -1).filter((line) => /write|send|P[.U]/.test(line))
  );
  assertEquals(client, [
    "+.01 write(3, ..., 3) = 3",
    "+0 > P. 1:4(3) ack 1",
    "+.01 send(3, ..., 1, MSG_OOB) = 1",
    "+0 > PU. 4:5(1) ack 1 urg 1",
    "+.01 write(3, ..., 9) = 9",
    "+0 > PU. 5:14(9) ack 1 urg 20",
  ]);
  assertEquals(server, [
    "+.01 < P. 1:4(3) ack 1 win 1000",
    "+.01 < PU. 4:5(1) ack 1 win 1000 urg 1",
    "+.01 < PU. 5:14(9) ack 1 win 1000 urg 20",
  ]);
});

Deno.test("script: who answers with RST what comes after its FIN has closed both directions", () => {
  const lines = scriptOf(`${HANDSHAKE}\nS FA 1 1\nC A 1 2\nC PA 1 2 len=9\nS R 2`, "server").split("\n");
  assertEquals(lines.slice(-6), [
    "+.01 close(4) = 0",
    "+0 > F. 1:1(0) ack 1",
    "+.01 < . 1:1(0) ack 2 win 1000",
    "+.01 < P. 1:10(9) ack 2 win 1000",
    "+.01 > R 2:2(0)",
    "",
  ]);
});

Deno.test("script: the name of a capture is no line of its own", () => {
  const script = packetdrillScript(tell(STORY).connection, { side: "client", source: "a\n0 `reboot`\u2028" });
  assertEquals(script.split("\n")[0], "// a?0 `reboot`?, connection #1: 10.0.0.2:40000 > 10.0.0.1:80");
});

const EARLY = `+0 < . 1:101(100) ack 1 win 1000
+.01 > . 1:1(0) ack 101
// frame 3 lies before what was captured
// frame 4 lies before what was captured
+.48 < . 4294966997:4294967097(100) ack 1 win 1000  // sent again: why cannot be seen
// frame 6 is told without its first 300 octets, which lie before what was captured
+.1 < . 1:201(200) ack 1 win 1000  // sent again: a probe: the last segment again, before the timer expires, 100 ms after it was sent before
+.01 > . 1:1(0) ack 201`;

const SERVER_SCRIPT = `// told.pcap, connection #1: 10.0.0.2:40000 > 10.0.0.1:80
// The stack under test is the server; times are those of the capture.

--tolerance_usecs=20000

0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 64240 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 5>
+.01 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 500 ecr 100,nop,wscale 5>
+.01 < . 1:1(0) ack 1 win 502 <nop,nop,TS val 100 ecr 500>
+0 accept(3, ..., ...) = 4
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
// frame 4 never arrived
+.12 < P. 101:151(50) ack 1 win 502 <nop,nop,TS val 111 ecr 500>
+.001 > . 1:1(0) ack 1 <nop,nop,TS val 512 ecr 100,nop,nop,sack 101:151>
+.001 < P. 1:101(100) ack 1 win 502 <nop,nop,TS val 113 ecr 512>  // sent again: the acknowledgments show that it was lost, 52 ms after it was sent before
+.001 > . 1:1(0) ack 151 <nop,nop,TS val 513 ecr 113>
+0 read(4, ..., 150) = 150
+.047 write(4, ..., 20) = 20
+0 > P. 1:21(20) ack 151 <nop,nop,TS val 513 ecr 113>
+.01 < . 151:151(0) ack 21 win 502 <nop,nop,TS val 120 ecr 513>
+.09 < F. 151:151(0) ack 21 win 502 <nop,nop,TS val 120 ecr 513>
+.001 close(4) = 0
+0 > F. 21:21(0) ack 152 <nop,nop,TS val 520 ecr 120>
+.001 < . 152:152(0) ack 22 win 502 <nop,nop,TS val 130 ecr 520>
`;

const CLIENT_SCRIPT = `// told.pcap, connection #1: 10.0.0.2:40000 > 10.0.0.1:80
// The stack under test is the client; times are those of the capture.

--tolerance_usecs=20000

0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 5>
+.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 500 ecr 100,nop,wscale 5>
+.01 > . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 500>
+.07 write(3, ..., 100) = 100
+0 > P. 1:101(100) ack 1 <nop,nop,TS val 110 ecr 500>
+.05 write(3, ..., 50) = 50
+0 > P. 101:151(50) ack 1 <nop,nop,TS val 111 ecr 500>
+.001 < . 1:1(0) ack 1 win 509 <nop,nop,TS val 512 ecr 100,nop,nop,sack 101:151>
+.001 > P. 1:101(100) ack 1 <nop,nop,TS val 113 ecr 512>  // sent again: the acknowledgments show that it was lost, 52 ms after it was sent before
+.001 < . 1:1(0) ack 151 win 509 <nop,nop,TS val 513 ecr 113>
+.047 < P. 1:21(20) ack 151 win 509 <nop,nop,TS val 513 ecr 113>
+.01 > . 151:151(0) ack 21 <nop,nop,TS val 120 ecr 513>
+0 read(3, ..., 20) = 20
+.09 close(3) = 0
+0 > F. 151:151(0) ack 21 <nop,nop,TS val 120 ecr 513>
+.001 < F. 21:21(0) ack 152 win 509 <nop,nop,TS val 520 ecr 120>
+.001 > . 152:152(0) ack 22 <nop,nop,TS val 130 ecr 520>
`;

const MIDSTREAM_SCRIPT = `// told.pcap, connection #1: 10.0.0.2:40000 > 10.0.0.1:80
// The stack under test is the server; times are those of the capture.

--tolerance_usecs=20000

0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0

// The beginning was not captured: this handshake is made up.
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
+0 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0

+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
+.01 < . 1:1(0) ack 11 win 90
`;

Deno.test("a script of the server's side: what it is given, what it must send, and the calls between", () => {
  assertEquals(scriptOf(STORY, "server"), SERVER_SCRIPT);
});

Deno.test("a script of the client's side", () => {
  assertEquals(scriptOf(STORY, "client"), CLIENT_SCRIPT);
});

Deno.test("without a beginning one is made up", () => {
  assertEquals(scriptOf("S PA 1 1 len=10 win=100\nC A 1 11 win=90", "server"), MIDSTREAM_SCRIPT);
});

Deno.test("what a stack left out is switched off, and its MTU follows from its MSS", () => {
  const script = scriptOf("C S 0 mss=1340\nS SA 0 1 mss=1460\nC A 1 1", "client");
  assertMatch(
    script,
    /^`sysctl -q net\.ipv4\.tcp_sack=0 net\.ipv4\.tcp_timestamps=0 net\.ipv4\.tcp_window_scaling=0`$/m,
  );
  assertMatch(script, /^--mtu=1380$/m);
});

Deno.test("what probably never arrived is not given either, and what our side sent is demanded all the same", () => {
  const lost = `${HANDSHAKE}\nC A 1 1 len=100\nC A 1 1 len=100 at=1.5\nS A 1 101`;
  assertMatch(scriptOf(lost, "server"), /^\/\/ frame 4 never arrived\n\+1\.\d+ < \. 1:101\(100\)/m);
  assertEquals([...scriptOf(lost, "client").matchAll(/ > \. 1:101\(100\)/g)].length, 2);
});

Deno.test("what an application closes with unread is reset by the stack itself, an abort by a call", () => {
  const aborted = scriptOf(`${HANDSHAKE}\nS RA 1 1`, "server");
  assertMatch(
    aborted,
    /SO_LINGER, \{onoff=1, linger=0\}, 8\) = 0\n\+0 close\(4\) = 0\n\+0 > R\. 1:1\(0\) ack 1\n$/,
  );
});

Deno.test("a segment of more than a script can say becomes several, and positions beyond 4 GiB end it", () => {
  const large = scriptOf(`${HANDSHAKE}\nC PA 1 1 len=70000\nS A 1 70001`, "server");
  assertMatch(large, /< P\. 1:65536\(65535\) .*\n\+0 < P\. 65536:70001\(4465\) /);
  const far = scriptOf(
    `${HANDSHAKE}\nC PA 1 1 len=${2 ** 30}\nS A 1 ${2 ** 30 + 1}
    C PA ${2 ** 30 + 1} 1 len=${2 ** 30}\nS A 1 ${2 ** 31 + 1}\nC PA ${2 ** 31 + 1} 1 len=${2 ** 30}
    S A 1 ${3 * 2 ** 30 + 1}\nC PA ${3 * 2 ** 30 + 1} 1 len=${2 ** 30}`,
    "client",
  );
  assertMatch(far, /beyond 4 GiB: a script has no numbers for it\.\n/);
});

async function isInstalled(): Promise<boolean> {
  try {
    await new Deno.Command("packetdrill", { args: ["--dry_run", "/dev/null"], stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name: "packetdrill understands the scripts of both sides",
  ignore: !await isInstalled(),
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".pkt" });
    try {
      let count = 0;
      for (
        const text of [STORY, HANDSHAKE, `${HANDSHAKE}\nS RA 1 1`, "S PA 1 1 len=10", "C SEW 0\nS RA 0 1"]
      ) {
        for (const side of ["client", "server"] as const) {
          await Deno.writeTextFile(path, scriptOf(text, side));
          const { code, stderr } = await new Deno.Command("packetdrill", { args: ["--dry_run", path] })
            .output();
          assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], scriptOf(text, side));
          count++;
        }
      }
      assertEquals(count, 10);
    } finally {
      await Deno.remove(path);
    }
  },
});
