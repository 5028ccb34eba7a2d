/**
 * What `explain` says of captures, held against who knows: the kernel's own sockets at both ends of a connection between two Linux
 * (ss), tcplab's own states in the comments of its recording, and tshark's expert on a lossy transfer.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { parseSocketFilter } from "../../src/observe/socket_filter.ts";
import type { Explained, ExplainedEnd } from "../../src/story/explain_json.ts";
import type { EndName } from "../../src/story/story_segment.ts";
import { compareMarks, judged } from "../cli/tshark_marks.ts";
import { readCapture } from "../wire/capture_readings.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";
import { captureHolds, JUDGE_PROGRAMS, markWire } from "./wire_judge.ts";

/** What one end does: its word for kernel_end.py. */
type Step = readonly [end: EndName, word: string];

/** Courses of a connection; after each step both ends' sockets are looked at. */
const COURSES: Readonly<Record<string, readonly Step[]>> = {
  "the client closes first": [
    ["client", "connect"],
    ["server", "accept"],
    ["client", "send"],
    ["server", "receive"],
    ["client", "shutdown"],
    ["server", "send"],
    ["server", "close"],
  ],
  "the server closes first": [
    ["client", "connect"],
    ["server", "accept"],
    ["server", "shutdown"],
    ["client", "send"],
    ["client", "close"],
  ],
  "the client gives it up": [["client", "connect"], ["server", "accept"], ["client", "send"], [
    "client",
    "abort",
  ]],
  "the server gives it up": [["client", "connect"], ["server", "accept"], ["server", "abort"]],
  "the server closes with data unread": [
    ["client", "connect"],
    ["server", "accept"],
    ["client", "send"],
    ["server", "close"],
  ],
};
const SIDES: Readonly<Record<EndName, LabSide>> = { client: "client", server: "server" };
const PORT = 4000;

/** What ss has shown of both ends, and when. */
interface Look {
  /** The step before. */
  readonly word: string;
  readonly from: number;
  readonly to: number;
  readonly states: Readonly<Record<EndName, string>>;
}

/** When is looked after a step, and after each look. A machine that stands still in one look, or longer than that, spoils no other. */
const LOOK_AFTER_MS = [400, 400];

/** A capture on the client's device; what is returned ends it, and waits until all of it is in the file. */
async function startCapture(lab: PrivateLab, path: string): Promise<() => Promise<void>> {
  await Deno.chmod(path, 0o666);
  let isReady = false;
  const process = lab.spawn({
    side: "client",
    words: ["dumpcap", "-q", "-i", lab.plan.devices.client, "-f", "tcp or icmp", "-w", path],
    onStderr: (line) => void (isReady ||= line.startsWith("File:")),
  });
  await waitFor(() => isReady || process.ended, { what: "dumpcap captures" });
  assert(!process.ended, process.stderr);
  return async () => {
    await captureHolds(path, await markWire(lab));
    await process.stop();
    assert(/received\/dropped on interface .*: \d+\/0 /.test(process.stderr), process.stderr);
  };
}

async function explained(path: string): Promise<Explained> {
  const [program, ...args] = [...selfCommand(), "explain", path, "--json"];
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The state of the socket of one end by ss; CLOSED where the kernel has none. */
async function socketState(lab: PrivateLab, end: EndName): Promise<string> {
  const { code, stdout, stderr } = await lab.run({ side: SIDES[end], words: ["ss", "-Htan"] });
  assertEquals(code, 0, stderr);
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/)).filter(([state]) =>
    state !== "LISTEN" && state !== ""
  );
  assert(rows.length <= 1, stdout);
  const [state = "CLOSED"] = rows[0] ?? [];
  // netstat's filter knows ss's names.
  const names = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RCVD",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "CLOSING",
  ];
  const filter = state === "CLOSED"
    ? null
    : parseSocketFilter(["state", state === "ESTAB" ? "established" : state.toLowerCase()]);
  return names.find((name) => filter?.({ state: name, local: "*:*", peer: "*:*" })) ?? "CLOSED";
}

/** The state of an end after the frame of this number. */
function stateAt({ states }: ExplainedEnd, frame: number): string {
  return states.findLast((step) => step.frame <= frame)?.state ?? "CLOSED";
}

for (const [name, steps] of Object.entries(COURSES)) {
  liveTest(
    `explain: the states between two Linux are those that ss shows: ${name}`,
    { needs: ["dumpcap", "ping", "ss", "python3"], pcap: false },
    async (lab) => {
      await using file = await scratchFile(".pcapng");
      {
        const stopCapture = await startCapture(lab, file.path);
        const host = lab.plan.addresses.server;
        const ends = {
          client: lab.spawn({
            side: "client",
            words: ["python3", besideTests("kernel_end.py"), host, `${PORT}`],
            stdin: true,
          }),
          server: lab.spawn({
            side: "server",
            words: ["python3", besideTests("kernel_end.py"), host, `${PORT}`],
            stdin: true,
          }),
        };
        const dones: Record<EndName, number> = { client: 0, server: 0 };
        const tell = async (end: EndName, word: string) => {
          await ends[end].write(new TextEncoder().encode(`${word}\n`));
          const wanted = ++dones[end];
          await waitFor(() => ends[end].stdout.split("done").length > wanted || ends[end].ended, {
            what: word,
          });
          assert(!ends[end].ended, ends[end].stderr);
        };
        await tell("server", "listen");
        const looks: Look[] = [];
        for (const [end, word] of steps) {
          await tell(end, word);
          // Until what it led to has been captured, delayed ACKs included (40 ms at the least, 200 at the most).
          for (const afterMs of LOOK_AFTER_MS) {
            await new Promise((resolve) => setTimeout(resolve, afterMs));
            const from = Date.now() / 1000;
            const states = {
              client: await socketState(lab, "client"),
              server: await socketState(lab, "server"),
            };
            looks.push({ word: `${end} ${word}`, from, to: Date.now() / 1000, states });
          }
        }
        for (const end of [ends.client, ends.server]) await end.closeInput();
        await stopCapture();
        const { packets } = readCapture(await Deno.readFile(file.path));
        const { connections } = await explained(file.path);
        assertEquals(connections.length, 1);
        const [{ ends: told }] = connections;
        // What changes while somebody looks is seen by halves.
        const still = looks.filter(({ from, to }) =>
          !packets.some(({ timeUs }) => timeUs / 1e6 > from && timeUs / 1e6 <= to)
        );
        const asTold = still.map(({ from, ...look }) => {
          const frame = packets.findLast(({ timeUs }) => timeUs / 1e6 <= from)?.number ?? 0;
          const states = { client: stateAt(told.client, frame), server: stateAt(told.server, frame) };
          return { from, ...look, states };
        });
        assertEquals(asTold, still);
        assertEquals(new Set(still.map(({ word }) => word)).size, steps.length, JSON.stringify(looks));
      }
    },
  );
}

const SPECS: readonly string[] = ["drop=3%,seed=5", "drop=2%,dup=2%,reorder=3%,delay=2ms,jitter=1ms,seed=6"];

for (const spec of SPECS) {
  liveTest(
    `explain: our own recording tells our states, and tshark's expert is answered frame by frame: ${spec}`,
    { needs: [...JUDGE_PROGRAMS] },
    async (lab) => {
      await using own = await scratchFile(".pcapng");
      await using theirs = await scratchFile(".pcapng");
      {
        await using server = await ServeProcess.start(lab, { args: ["--fault", spec, "--write", own.path] });
        const stopCapture = await startCapture(lab, theirs.path);
        const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
        const client = await lab.run({
          side: "client",
          words: [...words, lab.plan.tcplabAddress, "3333", "400000"],
        });
        assertEquals(client.code, 0, client.stderr);
        await server.event("closed");
        await server.stop();
        await stopCapture();
        await assertTellsOurStates(own.path);
        const { agreed, differences } = await compareMarks(theirs.path);
        const unjudged = differences.filter((difference) => judged(difference) === null);
        assertEquals(
          unjudged.map(({ frame, tshark, row }) => ({
            frame,
            tshark,
            ours: row.marks.map(({ kind }) => kind),
          })),
          [],
        );
        assertGreater(agreed, 0);
      }
    },
  );
}

/**
 * The states that the comments of a recording tell are those that are told of the server. A FIN that came twice, or waited for what was
 * missing before it, may have been taken at another of its frames than the one that is told, which says no more than that it is implied; but no
 * state is told before the one before it, or after the next one, and none is proven too early.
 */
async function assertTellsOurStates(path: string): Promise<void> {
  const { packets } = readCapture(await Deno.readFile(path));
  const truth = packets.flatMap(({ number, comments }) =>
    comments.flatMap((comment) => {
      const [, from, to] = /^([A-Z_0-9]+) -> ([A-Z_0-9]+) /.exec(comment) ?? [];
      return from === undefined || from === "CLOSED" ? [] : [{ state: to, frame: number }];
    })
  );
  const { connections } = await explained(path);
  assertEquals(connections.length, 1);
  const told = connections[0].ends.server.states.slice(1);
  assertEquals(told.map(({ state }) => state), truth.map(({ state }) => state));
  assertEquals(truth.map(({ state }) => state), [
    "SYN_RCVD",
    "ESTABLISHED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "CLOSED",
  ]);
  for (const [i, { state, frame, grade, provenBy }] of told.entries()) {
    const [least, most] = [truth[Math.max(0, i - 1)].frame, truth[i + 1]?.frame ?? packets.length];
    assert(least <= frame && frame <= most, `${state} at ${frame}, in truth at ${truth[i].frame}`);
    // The SYN makes SYN_RCVD of LISTEN, and its answer is the first to show it.
    if (state === "SYN_RCVD") assertEquals(packets[frame - 1].direction, "out");
    if (grade === "proven") {
      assert(provenBy !== undefined && provenBy >= truth[i].frame, `${state} by ${provenBy}`);
    }
  }
}
