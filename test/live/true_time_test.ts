/**
 * True time: what log and recording say of a transfer, held against a capture of the kernel's own on the same device.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import {
  assertRoundTrips,
  assertSoundRecording,
  RECORDING_PROGRAMS,
  type TimedFrame,
  timedFrames,
} from "./recording_judge.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

const BYTES = 2_000_000;
/** What is demanded of a received segment's time. */
const EXACT_US = 200;
/** Local choice: what the kernel needs between stamping a frame and giving it to one capture. */
const SAME_MOMENT_US = 50;
/** Two clocks are read and rounded. */
const CLOCK_US = 3;
/** Local choice: a batch of 64 frames takes the kernel some 100 us; the rest is for machines that are very busy. */
const HANDED_OVER_US = 2_000;
/** What is sent in which way. */
const COURSES = [
  ["discard", "auto"],
  ["chargen", "auto"],
  ["chargen", "batch"],
  ["chargen", "inject"],
  ["echo", "auto"],
] as const;

/** Records the server's device by dumpcap while `body` runs. */
async function captured(lab: PrivateLab, path: string, body: () => Promise<void>): Promise<TimedFrame[]> {
  let running = false;
  const judge = lab.spawn({
    side: "server",
    words: ["dumpcap", "-q", "-i", lab.plan.devices.server, "-f", "tcp", "-w", path],
    onStderr: (line) => void (running ||= line.startsWith("File:")),
  });
  await waitFor(() => running || judge.ended, { what: "dumpcap records" });
  assert(!judge.ended, judge.stderr);
  await body();
  // The capture's ring hands frames on in blocks.
  let frames: TimedFrame[] = [];
  let before = -1;
  await waitFor(async () => {
    frames = await timedFrames(path);
    const isWhole = frames.length === before;
    before = frames.length;
    if (!isWhole) await new Promise((resolve) => setTimeout(resolve, 500));
    return isWhole;
  }, { what: "dumpcap has written all" });
  await judge.stop();
  return await timedFrames(path);
}

for (const [app, tx] of COURSES) {
  liveTest(
    `true time: 2 MB with ${app}, --tx ${tx}`,
    { needs: ["dumpcap", ...RECORDING_PROGRAMS] },
    async (lab) => {
      await using ours = await scratchFile(".pcapng");
      await using theirs = await scratchFile(".pcapng");
      await Deno.chmod(theirs.path, 0o666);
      const args = ["--app", app, "--tx", tx, "--write", ours.path];
      await using server = await ServeProcess.start(lab, { args });
      const script = app === "chargen" ? "chargen_client.ts" : "bulk_client.ts";
      const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests(script)];
      const judged = await captured(lab, theirs.path, async () => {
        const client = await lab.run({
          side: "client",
          words: [...words, lab.plan.tcplabAddress, "3333", String(BYTES)],
        });
        assertEquals(client.code, 0, client.stderr);
        await server.event("closed");
      });
      await server.stop();
      await assertSoundRecording(ours.path);
      await assertRoundTrips(ours.path);
      const recorded = await timedFrames(ours.path);
      assertSameTimes(lab, recorded, judged);
      assertLogInOrder(server, recorded.filter(({ source }) => source !== lab.plan.tcplabAddress));
    },
  );
}

/** Every received frame once, in the same order, at the same time; and sent ones never later than they left. */
function assertSameTimes(lab: PrivateLab, recorded: TimedFrame[], judged: TimedFrame[]): void {
  const isReceived = ({ source }: TimedFrame) => source !== lab.plan.tcplabAddress;
  const received = numbered(recorded.filter(isReceived));
  const wanted = new Map(numbered(judged.filter(isReceived)).map(({ key, us }) => [key, us]));
  assertEquals(received.map(({ key }) => key).sort(), [...wanted.keys()].sort(), "received frames");
  const times = received.map(({ key }) => wanted.get(key) ?? NaN);
  const worst = Math.max(...received.map(({ us }, i) => Math.abs(us - times[i])));
  assert(worst <= EXACT_US, `A received frame's time is ${worst} us off`);
  // Two processors may give two captures frames of the same moment in different order; nothing else may differ.
  const swapped = Math.max(0, ...times.slice(1).map((us, i) => times[i] - us));
  assert(swapped <= SAME_MOMENT_US, `Frames stand in another order that were ${swapped} us apart`);
  // A sent one is told when it was handed over, and captured when the kernel had got round to it: frames that came between
  // the two stand on the other side of it there. Never may it be told later than it left.
  const sent = recorded.filter((frame) => !isReceived(frame));
  const left = new Map(judged.filter((frame) => !isReceived(frame)).map(({ key, us }) => [key, us]));
  const matched = sent.filter(({ key }) => left.has(key));
  assert(matched.length > 0, "no sent frame is in both");
  const waits = matched.map(({ key, us }) => (left.get(key) ?? NaN) - us);
  const least = Math.min(...waits);
  assert(least >= -CLOCK_US, `A frame left ${-least} us before it is told to`);
  const usual = waits.toSorted((x, y) => x - y)[waits.length >> 1];
  assert(usual <= HANDED_OVER_US, `A frame waits ${usual} us between being told and leaving`);
  if (Deno.env.get("TCPLAB_SHOW") !== undefined) {
    console.log({ frames: recorded.length, worst, matched: matched.length, least, usual });
  }
}

/** Frames that look alike, each with its number. */
function numbered(frames: readonly TimedFrame[]): TimedFrame[] {
  const seen = new Map<string, number>();
  return frames.map((frame) => {
    const count = (seen.get(frame.key) ?? 0) + 1;
    seen.set(frame.key, count);
    return { ...frame, key: `${frame.key} #${count}` };
  });
}

/** The log never goes back in time, and gives each received segment the recording's time. */
function assertLogInOrder(server: ServeProcess, received: TimedFrame[]): void {
  let before = 0;
  for (const event of server.events) {
    assert(event.time >= before, `Time runs back by ${before - event.time} s: ${JSON.stringify(event)}`);
    before = event.time;
  }
  const told = server.all("segment")
    .filter(({ direction, flags }) => direction === "recv" && !flags.includes("RST"));
  assertEquals(told.map(({ time }) => Math.round(time * 1e6)), received.map(({ us }) => us));
}
