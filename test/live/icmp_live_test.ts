/**
 * ICMP that tcplab says by itself, as Linux takes it: UDP is refused at the port, and tshark has nothing to complain of.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { familyTest, OUR_MAC } from "./address_families.ts";
import { scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

/** Sends a datagram, and says what comes of it. */
const ASK_UDP = `
import socket, sys
family, kind, proto, name, address = socket.getaddrinfo(sys.argv[1], 33434, type=socket.SOCK_DGRAM)[0]
asker = socket.socket(family, kind)
asker.settimeout(60)
asker.connect(address)
asker.send(b"is anybody there?")
try:
    asker.recv(100)
    print("answered")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("silence")
`;

familyTest(
  "UDP of Linux is refused by an ICMP error, in which tshark finds nothing wrong",
  { needs: [...JUDGE_PROGRAMS, "python3"] },
  async (lab, { oursWithPrefix, oursFromClient, ours, version }) => {
    await using file = await scratchFile(".pcapng");
    await using _server = await ServeProcess.start(lab, {
      args: ["--ip", oursWithPrefix, "--mac", OUR_MAC],
      quiet: true,
    });
    const recording = await WireRecording.start(lab, file.path);
    const { stdout } = await lab.run({ side: "client", words: ["python3", "-c", ASK_UDP, oursFromClient] });
    assertEquals(stdout.trim(), "refused");
    await recording.judge();
    const isFour = version === 4;
    const error = isFour
      ? "icmp.type == 3 && icmp.code == 3 && ip.src"
      : "icmpv6.type == 1 && icmpv6.code == 4 && ipv6.src";
    const status = isFour ? "icmp.checksum.status" : "icmpv6.checksum.status";
    const { stdout: told } = await new Deno.Command("tshark", {
      args: [
        "-n",
        "-r",
        file.path,
        "-Y",
        `${error} == ${ours}`,
        "-T",
        "fields",
        "-e",
        status,
        "-e",
        "_ws.malformed",
      ],
    }).output();
    assertMatch(new TextDecoder().decode(told), /^1(,\d)*\t\n$/);
  },
);
