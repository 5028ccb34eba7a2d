/**
 * `connect --fault` against the kernel's TCP: frames are lost both ways, each is named and counted, and the transfer still
 * ends whole.
 */
import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import type { FaultEvent } from "../../src/tcp/events.ts";
import { eventsOf, SERVER_PORT, startConnect, startKernelServer } from "./connect_process.ts";
import { liveTest, scratchFile } from "./private_lab.ts";

const SPEC = "in:drop=5%,out:drop=3%,seed=7";
/** Of Ethernet and ARP: such a frame is of no connection. */
const ARP_FRAME_BYTES = 42;
/** Some hundred frames each way. */
const LINES = 20_000;

liveTest("connect --fault loses frames both ways, names each, and moves every byte", {
  needs: ["python3"],
}, async (lab) => {
  await using file = await scratchFile(".out");
  await using _server = await startKernelServer(lab, "echo");
  const text = Array.from({ length: LINES }, (_, i) => `line ${i} of a long text\n`).join("");
  const client = startConnect(lab, [
    String(SERVER_PORT),
    ...["--fault", SPEC, "--log", "json", "--output", file.path],
  ]);
  await client.write(new TextEncoder().encode(text));
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "tcplab connect: Frames are disturbed on purpose: in drop 5 %; out drop 3 %; seed 7\n",
  );
  assert(await Deno.readTextFile(file.path) === text, "what came back is not what was sent");
  const events = eventsOf(stdout);
  const summary = events[events.length - 1];
  assert(summary.event === "summary");
  const faults = events.filter((event): event is FaultEvent => event.event === "fault");
  assertEquals(new Set(faults.map(({ kind }) => kind)), new Set(["drop"]));
  for (const [direction, counter] of [["recv", "fault-in-dropped"], ["send", "fault-out-dropped"]]) {
    const lost = faults.filter((fault) => fault.direction === direction);
    assertGreater(lost.length, 2);
    assertEquals(lost.length, summary.counters[counter], counter);
    const isNamed = (fault: FaultEvent) =>
      fault.id === 1 && fault.flags !== undefined && fault.segment !== undefined;
    assertEquals(lost.filter((fault) => !isNamed(fault) && fault.frameBytes !== ARP_FRAME_BYTES), []);
  }
  // Text of ours that was lost goes twice, and a retransmission says which segment it repeats. Which of the two is lost is
  // chance: where the first had arrived and its ACK was lost or late, nothing follows a second that is.
  const lostText = faults.filter((fault) => fault.direction === "send" && (fault.length ?? 0) > 0);
  assertGreater(lostText.length, 0);
  const sent = events.filter((event) => event.event === "segment").filter(({ direction }) =>
    direction === "send"
  );
  const goesTwice = ({ segment, relSeq = 0 }: FaultEvent) =>
    sent.some((other) =>
      other.segment !== segment && other.relSeq <= relSeq && other.relSeq + other.length > relSeq
    );
  assertEquals(lostText.filter((fault) => !goesTwice(fault)), []);
  const repeated = new Set(events.flatMap((event) => event.event === "retransmit" ? [event.repeats] : []));
  assert(lostText.some(({ segment }) => repeated.has(segment)));
});
