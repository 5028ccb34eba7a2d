/**
 * The ladder of two Linux: a window that shuts, what asks behind it, its opening, and keep-alives, as the kernels send them.
 */
import { assert, assertAlmostEquals, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { readSegments } from "../../src/cli/capture_segments.ts";
import { type Ladder, ladderOf, type SegmentLine } from "../../src/story/ladder.ts";
import type { MarkKind } from "../../src/story/marks.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { linesText } from "../story/ladder_lines.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const PORT = "4000";

async function ladderOfCapture(path: string): Promise<Ladder> {
  const story = new Story();
  const packets = new PacketStory(story);
  await readSegments(path, { onSegment: (segment) => void packets.add(segment) });
  const connections = [...story.connections()];
  assertEquals(connections.length, 1);
  return ladderOf(connections[0]);
}

liveTest(
  "ladder: a shut window, probes, its opening and keep-alives between two Linux",
  { needs: [...JUDGE_PROGRAMS, "python3"], pcap: false, offloads: false },
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    await Deno.chmod(file.path, 0o666);
    const host = lab.plan.addresses.server;
    const recording = await WireRecording.start(lab, file.path);
    const words = (role: string) => ["python3", besideTests("kernel_window.py"), role, host, PORT];
    const server = lab.spawn({ side: "server", words: words("serve") });
    await waitFor(() => server.stdout.includes("listening"), { what: "the server is ready" });
    const client = await lab.run({ side: "client", words: words("call") });
    assertEquals([client.code, client.stderr], [0, ""]);
    await waitFor(() => server.ended, { what: "the server has read to the end" });
    await recording.end();

    const ladder = await ladderOfCapture(file.path);
    const text = linesText(ladder).join("\n");
    const segments = ladder.lines.filter((line): line is SegmentLine => line.kind === "segment");
    const of = (kind: MarkKind) => segments.filter(({ marks }) => marks.some((mark) => mark.kind === kind));
    const inOrder: readonly MarkKind[] = [
      "zero-window",
      "zero-window-probe",
      "zero-window-probe-ack",
      "window-update",
      "keep-alive",
      "keep-alive-ack",
    ];
    const firsts = inOrder.map((kind) => of(kind)[0]?.number ?? -1);
    assert(firsts.every((number) => number > 0), `${firsts}\n${text}`);
    assertEquals(firsts, firsts.toSorted((a, b) => a - b), text);
    // Each probe comes from the client and asks with a number of the past; every keep-alive is answered, and by the other end.
    assertEquals(new Set(of("zero-window-probe").map(({ from }) => from)), new Set(["client"]), text);
    assertEquals(new Set(of("zero-window").map(({ from }) => from)), new Set(["server"]), text);
    assertEquals(of("keep-alive").length, of("keep-alive-ack").length, text);
    assertGreater(of("keep-alive").length, 1, text);
    for (const { from, marks } of of("keep-alive-ack")) {
      const about = marks.find(({ kind }) => kind === "keep-alive-ack");
      const asked = of("keep-alive").find(({ number }) => about?.word.endsWith(`(#${number})`));
      assertEquals([from, asked?.from], ["server", "client"], text);
    }
    // Nothing was lost on a lab's wire, and nothing is called so.
    assertEquals(segments.filter(({ course }) => course !== "arrives"), [], text);
    assertEquals(
      [...of("retransmission-timeout"), ...of("retransmission-fast"), ...of("out-of-order")],
      [],
      text,
    );
    // A wait of the window is told, as long as it was: from the segment before it to the next.
    const gaps = ladder.lines.flatMap((line, at) =>
      line.kind === "gap" ? [[line.seconds, ladder.lines[at + 1].at - ladder.lines[at - 1].at]] : []
    );
    assert(gaps.length >= 4 && gaps.every(([seconds]) => seconds >= 0.2), `${gaps}`);
    for (const [seconds, apart] of gaps) assertAlmostEquals(seconds, apart, 1e-5, text);
    const states = ladder.lines.flatMap(({ entered }) =>
      [...entered.client, ...entered.server].map(({ state, row }) => row === null ? state : `${row} ${state}`)
    );
    assertMatch(
      states.join(", "),
      /^SYN_SENT, .*listen\.syn SYN_RCVD.*established\.close FIN_WAIT_1.*TIME_WAIT/,
      text,
    );
  },
);
