/**
 * What our own faults did, as recording and log tell it, held against a capture of the kernel's on the other end of the wire:
 * each frame that is told to be lost on its way in was there and is not answered for, each lost on its way out is not there.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import { commentsIn, readBlocks, readPackets, tsharkFields } from "../observe/capture_reading.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { assertSoundRecording, RECORDING_PROGRAMS } from "./recording_judge.ts";
import { undisturbed } from "./sent_again.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

const BYTES = 400_000;
const COURSES: readonly { readonly spec: string; readonly isDamaging: boolean }[] = [
  { spec: "drop=3%,dup=3%,corrupt=2%,seed=21", isDamaging: true },
  { spec: "drop=3%,dup=3%,reorder=3%,delay=2ms,jitter=1ms,seed=22", isDamaging: false },
];

type Packet = ReturnType<typeof readPackets>[number];

/** Starts dumpcap on the client's device; what is returned waits until it has written what is expected, and ends it. */
async function capture(lab: PrivateLab, path: string) {
  let running = false;
  const judge = lab.spawn({
    side: "client",
    words: ["dumpcap", "-q", "-i", lab.plan.devices.client, "-w", path],
    onStderr: (line) => void (running ||= line.startsWith("File:")),
  });
  await waitFor(() => running || judge.ended, { what: "dumpcap records" });
  assert(!judge.ended, judge.stderr);
  return async (expected: (frames: readonly Uint8Array[]) => boolean): Promise<Uint8Array[]> => {
    await waitFor(() => expected(framesSoFar(path)), { what: "dumpcap has written all" });
    await judge.stop();
    assert(/received\/dropped on interface .*: \d+\/0 /.test(judge.stderr), judge.stderr);
    return framesSoFar(path);
  };
}

function framesSoFar(path: string): Uint8Array[] {
  try {
    return readPackets(Deno.readFileSync(path)).map(({ frame }) => frame);
  } catch (error) {
    // A block that is not whole yet.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

for (const { spec, isDamaging } of COURSES) {
  liveTest(
    `every fault is told: --fault ${spec}`,
    { needs: ["dumpcap", ...RECORDING_PROGRAMS], offloads: false },
    async (lab) => {
      await using ours = await scratchFile(".pcapng");
      await using theirs = await scratchFile(".pcapng");
      await Deno.chmod(theirs.path, 0o666);
      await using server = await ServeProcess.start(lab, { args: ["--fault", spec, "--write", ours.path] });
      const captured = await capture(lab, theirs.path);
      const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
      const client = await lab.run({
        side: "client",
        words: [...words, lab.plan.tcplabAddress, "3333", String(BYTES)],
      });
      assertEquals(client.code, 0, client.stderr);
      const closed = await server.event("closed");
      assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", BYTES, BYTES]);
      const { mac } = await server.event("listening");
      await server.stop();
      const packets = readPackets(await Deno.readFile(ours.path)).filter(({ frame }) => isIpv4(frame));
      const isSent = (frame: Uint8Array) => isIpv4(frame) && macText(frame.subarray(6, 12)) === mac;
      const isReceived = (frame: Uint8Array) => isIpv4(frame) && macText(frame.subarray(0, 6)) === mac;
      const wanted = expectedElsewhere(packets);
      const wire = await captured((frames) =>
        frames.filter(isSent).length >= wanted.out.good.length + wanted.out.damaged.length &&
        frames.filter(isReceived).length >= wanted.in.good.length + wanted.in.damaged.length
      );
      assertOnWire(wire.filter(isSent), wanted.out, "sent");
      assertOnWire(wire.filter(isReceived), wanted.in, "received");
      assertLogAgrees(server, packets);
      await assertCounted(server, { packets, spec });
      assertRepeats(server, readPackets(await Deno.readFile(ours.path)));
      await assertSoundRecording(ours.path, { isDamaged: isDamaging });
    },
  );
}

function isIpv4(frame: Uint8Array): boolean {
  return frame[12] === 0x08 && frame[13] === 0x00;
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function has({ comments }: Packet, what: string): boolean {
  return comments.some((text) => text.startsWith(`fault ${what}:`));
}

function isCopy({ comments }: Packet): boolean {
  return comments.some((text) => text.includes("the copy, made on purpose"));
}

/** Frames that the other end has seen as they are recorded here, and those of which it has seen the other version. */
interface OnWire {
  readonly good: readonly Uint8Array[];
  readonly damaged: readonly Uint8Array[];
}

function expectedElsewhere(packets: readonly Packet[]): { in: OnWire; out: OnWire } {
  const none = (): Uint8Array[] => [];
  const expected = { in: { good: none(), damaged: none() }, out: { good: none(), damaged: none() } };
  for (const packet of packets) {
    const { direction, frame } = packet;
    const { good, damaged } = expected[direction];
    if (direction === "in") {
      // A lost one was there like any other; the copy was made here.
      if (isCopy(packet)) continue;
      (has(packet, "corrupt in") ? damaged : good).push(frame);
    } else if (!has(packet, "drop out")) {
      (has(packet, "corrupt out") ? damaged : good).push(frame);
      if (has(packet, "duplicate out")) good.push(frame);
    }
  }
  return expected;
}

/** Exactly these, byte for byte; and of the damaged ones a version each that differs in one bit. */
function assertOnWire(frames: readonly Uint8Array[], { good, damaged }: OnWire, what: string): void {
  const left = new Map<string, number>();
  for (const frame of frames) {
    const key = macText(frame);
    left.set(key, (left.get(key) ?? 0) + 1);
  }
  for (const frame of good) {
    const key = macText(frame);
    const count = left.get(key) ?? 0;
    assert(count > 0, `A ${what} frame is not in the other capture: ${key}`);
    if (count === 1) left.delete(key);
    else left.set(key, count - 1);
  }
  const others = [...left].flatMap(([key, count]) => Array<string>(count).fill(key));
  assertEquals(others.length, damaged.length, `${what} frames that only the other capture has`);
  for (const frame of damaged) {
    const at = others.findIndex((key) => differingBits(key, macText(frame)) === 1);
    assert(at >= 0, `No version of a damaged ${what} frame differs in one bit: ${macText(frame)}`);
    others.splice(at, 1);
  }
}

function differingBits(one: string, other: string): number {
  if (one.length !== other.length) return Infinity;
  const [a, b] = [one, other].map((text) => text.split(":").map((byte) => parseInt(byte, 16)));
  let bits = 0;
  a.forEach((byte, at) => {
    for (let rest = byte ^ b[at]; rest > 0; rest &= rest - 1) bits++;
  });
  return bits;
}

/** Log and recording name the same faults of the same segments, and a lost frame has the header that the log tells. */
function assertLogAgrees(server: ServeProcess, packets: readonly Packet[]): void {
  const told = server.all("fault").map(({ kind, direction, segment }) =>
    `${kind} ${direction === "recv" ? "in" : "out"} ${segment}`
  );
  const marked = packets.flatMap(({ comments }) =>
    comments.flatMap((text) => {
      const [, kind, direction, segment] = /^fault (\w+) (in|out): .*, segment (\d+)$/.exec(text) ?? [];
      return kind === undefined || text.includes("the copy") ? [] : [`${kind} ${direction} ${segment}`];
    })
  );
  assertEquals(marked.toSorted(), told.toSorted());
  assert(told.length > 20, told.join());
  for (const fault of server.all("fault")) {
    if (fault.kind !== "drop") continue;
    const packet = packets.find(({ comments }) =>
      comments.some((text) => text.startsWith("fault drop") && text.endsWith(`, segment ${fault.segment}`))
    );
    assert(packet !== undefined, JSON.stringify(fault));
    const view = new DataView(packet.frame.buffer, packet.frame.byteOffset);
    assertEquals([view.getUint32(38), packet.frame.length], [fault.seq, fault.frameBytes]);
    // Never told as arrived, and always told as sent.
    const segments = server.all("segment").filter(({ segment }) => segment === fault.segment);
    assertEquals(segments.length, fault.direction === "recv" ? 0 : 1, JSON.stringify(fault));
  }
}

/** Marks and counters agree, and each kind of fault that is asked for, and no other, has come about both ways. */
async function assertCounted(
  server: ServeProcess,
  { packets, spec }: { readonly packets: readonly Packet[]; readonly spec: string },
): Promise<void> {
  const asked = ["drop", "dup", "corrupt", "reorder"].map((word) =>
    spec.split(",").some((part) => part.startsWith(`${word}=`))
  );
  const { counters } = await server.event("summary");
  for (const direction of ["in", "out"] as const) {
    const count = (kind: string) => packets.filter((packet) => has(packet, `${kind} ${direction}`)).length;
    const copies = direction === "in" ? packets.filter(isCopy).length : 0;
    const found = [count("drop"), count("duplicate") - copies, count("corrupt"), count("reorder")];
    const counted = ["dropped", "duplicated", "corrupted", "reordered"].map((what) =>
      counters[`fault-${direction}-${what}`]
    );
    assertEquals(found, counted, direction);
    assertEquals(found.map((times) => times > 0), asked, `${direction}: ${found}`);
    if (direction === "in") assertEquals(copies, found[1]);
  }
}

/** Each retransmission is marked, and the frame that it points to carried its first octet. */
function assertRepeats(server: ServeProcess, packets: readonly Packet[]): void {
  const words =
    /^retransmission \(([\w-]+)\), sent again (?:once|\d+ times so far)(?:, repeats (?:frame (\d+), )?segment (\d+))?$/;
  let pointers = 0;
  const marked = packets.flatMap(({ frame, comments }) =>
    comments.flatMap((text) => {
      if (!text.startsWith("retransmission")) return [];
      const [, kind, number, segment] = words.exec(text) ?? [];
      if (number !== undefined) {
        pointers++;
        const first = packets[Number(number) - 1].frame;
        const offset = (seqOf(frame) - seqOf(first)) >>> 0;
        assert(offset < Math.max(1, octetsOf(first)), `${text}: ${seqOf(frame)} is not in ${seqOf(first)}`);
      }
      return [`${kind} ${segment}`];
    })
  );
  // What a deadline has caused is told when its frame leaves, what a frame has caused at once: on a path that delays
  // frames one may be told before the other. The recording has them as they were sent, in the order of their numbers.
  const told = server.all("retransmit").toSorted((a, b) => (a.segment ?? 0) - (b.segment ?? 0));
  assertEquals(marked, told.map(({ kind, repeats }) => `${kind} ${repeats}`));
  assert(told.length > 0, "nothing was sent again");
  assert(pointers > 0, "no retransmission points to a frame");
}

function seqOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(38);
}

/** Sequence numbers of a segment whose IP header has no options. */
function octetsOf(frame: Uint8Array): number {
  const text = frame[16] * 256 + frame[17] - 20 - (frame[46] >>> 4) * 4;
  return text + ((frame[47] & 0x02) >>> 1) + (frame[47] & 0x01);
}

liveTest(
  "tshark shows each state change on its frame, seven segments",
  { needs: [...RECORDING_PROGRAMS] },
  async (lab) => {
    await using ours = await scratchFile(".pcapng");
    const server = await undisturbed(ours.path, async () => {
      const server = await ServeProcess.start(lab, { args: ["--write", ours.path] });
      const words = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333", "--sleep", "0.1"];
      const client = await lab.run({ side: "client", words });
      assertEquals(client.code, 0, client.stderr);
      await server.event("closed");
      await server.stop();
      return server;
    });
    const rows = await tsharkFields(await Deno.readFile(ours.path), ["ip.src", "tcp.flags", "frame.comment"]);
    const { tcplabAddress: we, addresses: { client: peer } } = lab.plan;
    assertEquals(rows.filter(([source]) => source !== ""), [
      [
        peer,
        "0x0002",
        "before this frame: CLOSED -> LISTEN (user) open.passive RFC 9293 §3.10.1," +
        "LISTEN -> SYN_RCVD (recv SYN, send SYN,ACK) arrives.listen.syn RFC 9293 §3.10.7.2",
      ],
      [we, "0x0012", ""],
      [peer, "0x0010", "SYN_RCVD -> ESTABLISHED (recv ACK) arrives.check5.syn-rcvd RFC 9293 §3.10.7.4"],
      [
        peer,
        "0x0011",
        "ESTABLISHED -> CLOSE_WAIT (recv FIN,ACK, send ACK) arrives.check8.fin RFC 9293 §3.10.7.4",
      ],
      [we, "0x0010", ""],
      [we, "0x0011", "CLOSE_WAIT -> LAST_ACK (user, send FIN,ACK) close.fin RFC 9293 §3.10.4"],
      [peer, "0x0010", "LAST_ACK -> CLOSED (recv ACK) arrives.check5.fin-acknowledged RFC 9293 §3.10.7.4"],
    ]);
    // What has no frame stands at the end.
    const end = readBlocks(await Deno.readFile(ours.path)).at(-1)?.options ?? [];
    assertEquals(commentsIn(end), [`${we}:3333-*:*: LISTEN -> CLOSED (user) close.listen RFC 9293 §3.10.4`]);
    assertEquals(server.all("transition").length, 7);
  },
);
