/**
 * One segment is lost, by nftables in the client's namespace, and retransmission mends it: a SYN, a SYN-ACK, a FIN
 * of either side.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { talkByKernel } from "./kernel_talk.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const NEEDS = { needs: ["nft"] };
const FLAG_MASK = "tcp flags & (syn | ack | fin | rst)";

/** A rule that loses the first packet it matches; the bucket has one token, and the next is an hour away. */
const ONCE = "limit rate 1/hour burst 1 packets counter drop";
/** A rule that loses all but the first packet it matches. */
const ALL_BUT_ONCE = "limit rate over 1/hour burst 1 packets counter drop";

async function loseOnce(lab: PrivateLab, rules: readonly string[]): Promise<void> {
  const chains = ["input", "output"].map((hook) =>
    `add chain ip loss ${hook} { type filter hook ${hook} priority 0; policy accept; }`
  );
  const script = ["add table ip loss", ...chains, ...rules.map((rule) => `add rule ip loss ${rule}`)].join(
    "\n",
  );
  const { code, stderr } = await lab.run({ side: "client", words: ["nft", script] });
  assertEquals(code, 0, stderr);
}

/** How many packets the rules have lost. */
async function lostCount(lab: PrivateLab): Promise<number> {
  const { stdout } = await lab.run({ side: "client", words: ["nft", "list", "table", "ip", "loss"] });
  return [...stdout.matchAll(/counter packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function connectOnce(lab: PrivateLab, server: ServeProcess): Promise<void> {
  await talkByKernel(lab, lab.plan.tcplabAddress, "over a bad wire");
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 16, 16]);
}

liveTest("a lost SYN is sent again by the client and answered", NEEDS, async (lab) => {
  await using server = await ServeProcess.start(lab);
  await loseOnce(lab, [`output tcp dport 3333 ${FLAG_MASK} == syn ${ONCE}`]);
  await connectOnce(lab, server);
  assertEquals(await lostCount(lab), 1);
  assertEquals(server.all("retransmit"), [], "the server had nothing to send again");
});

liveTest("a lost SYN-ACK is sent again by the server alone", NEEDS, async (lab) => {
  await using server = await ServeProcess.start(lab);
  // The client's own second SYN would also be answered: lose it, so that only the server's timer can help.
  await loseOnce(lab, [
    `input tcp sport 3333 ${FLAG_MASK} == (syn | ack) ${ONCE}`,
    `output tcp dport 3333 ${FLAG_MASK} == syn ${ALL_BUT_ONCE}`,
  ]);
  await connectOnce(lab, server);
  const again = server.all("retransmit");
  assertEquals(again.map((event) => [event.kind, event.length, event.count]), [["syn-ack", 0, 1]]);
});

liveTest("a lost FIN of the server is sent again", NEEDS, async (lab) => {
  await using server = await ServeProcess.start(lab);
  await loseOnce(lab, [`input tcp sport 3333 ${FLAG_MASK} == (fin | ack) ${ONCE}`]);
  await connectOnce(lab, server);
  assertEquals(await lostCount(lab), 1);
  const again = server.all("retransmit");
  assertEquals(again.map((event) => event.length), again.map(() => 0), "a FIN carries no data here");
  assertEquals(
    again.length >= 1 && again.every((event) => event.kind === "fin" || event.kind === "tlp"),
    true,
    server.tail(),
  );
});

liveTest("a lost FIN of the client is sent again and acknowledged", NEEDS, async (lab) => {
  await using server = await ServeProcess.start(lab);
  await loseOnce(lab, [`output tcp dport 3333 ${FLAG_MASK} == (fin | ack) ${ONCE}`]);
  await connectOnce(lab, server);
  assertEquals(await lostCount(lab), 1);
  assertEquals(server.all("retransmit"), []);
});
