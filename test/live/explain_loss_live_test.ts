/**
 * What `explain` says of loss between two Linux, held against who knows: the rule that drops, and the sender's own count of what it sent again
 * (TCP_INFO). The frames are captured before the rule, so all that it drops was seen.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { Explained } from "../../src/story/explain_json.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";
import { captureHolds, markWire } from "./wire_judge.ts";

const PORT = 4001;
/** Local choice: some hundred segments, of which the rule drops a few dozen; all of it takes a second. */
const BYTES = 600_000;

/** Both ends on one processor: veth has a queue for each, and holds segments back until they have been sent again for nothing. */
const ONE_PROCESSOR = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})";
const SINK = `${ONE_PROCESSOR}
import socket
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("0.0.0.0", ${PORT})); l.listen(); print("listens", flush=True)
c, _ = l.accept()
while c.recv(1 << 20): pass
c.close()`;
/**
 * tcpi_total_retrans lies at 100 (linux/tcp.h). The buffer keeps what is on its way to some twenty segments, of which two are dropped: an ACK
 * has room for three blocks, and what it has no room to tell the sender takes for lost as any reader does.
 */
const SOURCE = `${ONE_PROCESSOR}
import socket, struct, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384); s.connect((sys.argv[1], ${PORT})); s.sendall(b"x" * ${BYTES}); s.shutdown(socket.SHUT_WR); s.recv(1)
print(struct.unpack_from("I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232), 100)[0])`;

async function done(lab: PrivateLab, side: "client" | "server", words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side, words: [...words] });
  assertEquals(code, 0, stderr);
  return stdout;
}

liveTest(
  "explain: between two Linux as many segments are sent again as the sender says, and as many lost as were dropped",
  { needs: ["dumpcap", "nft", "ping", "python3"], pcap: false, offloads: false },
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    await Deno.chmod(file.path, 0o666);
    // Every eleventh, so that no run drops nothing; handshake and FINs pass.
    await done(lab, "server", [
      "nft",
      "add table ip t; add chain ip t i { type filter hook input priority 0; }; add rule ip t i " +
      `tcp dport ${PORT} tcp flags & (syn|fin) == 0 numgen inc mod 11 10 counter drop`,
    ]);
    const capture = lab.spawn({
      side: "client",
      words: [
        "dumpcap",
        "-q",
        "-i",
        lab.plan.devices.client,
        "-f",
        `tcp port ${PORT} or icmp`,
        "-w",
        file.path,
      ],
    });
    await waitFor(() => capture.stderr.includes("File:"), { what: "dumpcap captures" });
    const sink = lab.spawn({ side: "server", words: ["python3", "-c", SINK] });
    await waitFor(() => sink.stdout.includes("listens"), { what: "the server listens" });
    const again = Number(await done(lab, "client", ["python3", "-c", SOURCE, lab.plan.addresses.server]));
    await captureHolds(file.path, await markWire(lab));
    await capture.stop();
    const rules = await done(lab, "server", ["nft", "list", "table", "ip", "t"]);
    const dropped = Number(/counter packets (\d+)/.exec(rules)?.[1]);
    const [program, ...args] = [...selfCommand(), "explain", file.path, "--json"];
    const { stdout } = await new Deno.Command(program, { args }).output();
    const { connections }: Explained = JSON.parse(new TextDecoder().decode(stdout));
    const [{ ends: { client }, findings }] = connections;
    const text = (kind: string) => findings.find((finding) => finding.kind === kind)?.text ?? "";
    assertGreater(dropped, 10);
    assertEquals(client.bytes, BYTES);
    assertEquals(client.retransmissions, again);
    // A bare ACK may be among what was dropped, which nobody sends again.
    const lost = Number(/^(\d+) segments were seen here and lost/.exec(text("never-arrived"))?.[1]);
    assert(dropped - 1 <= lost && lost <= again, `${lost} lost of ${dropped} dropped, ${again} sent again`);
  },
);
