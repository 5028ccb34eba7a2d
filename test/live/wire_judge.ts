/**
 * What was on the wire, by an independent judge: dumpcap records in the client's namespace, tshark reads.
 *
 * Owns: the recording, and one record per frame of what tshark found. Must not know: tcplab's own codec.
 */
import { Buffer } from "node:buffer";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { waitFor } from "./wait_for.ts";

/** Programs that a test with a judge needs. */
export const JUDGE_PROGRAMS = ["dumpcap", "tshark", "ping"] as const;

/** One TCP frame as tshark sees it. */
export interface JudgedFrame {
  readonly number: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Flag names in the order of the event log, `SYN,ACK`. */
  readonly flags: string;
  readonly relSeq: number;
  readonly relAck: number;
  readonly length: number;
  /** In bytes, the scale that was agreed at the handshake applied. */
  readonly window: number;
  /** Length of the whole frame in bytes. */
  readonly frameLength: number;
  /** `good`, `bad`, `unverified`. */
  readonly tcpChecksum: string;
  readonly ipChecksum: string;
  /** Names of tshark's sequence analysis, `tcp.analysis.retransmission` for example. */
  readonly analysis: readonly string[];
  readonly malformed: boolean;
}

/** What `ping -p` takes; its data are the time, in as many bytes, and the pattern. */
const PING_PATTERN_BYTES = 16;
const READING_BYTES = 1 << 20;
/** How long dumpcap may take to end; generous, because two cores may be very busy. */
const ENDING_MS = 60_000;
/** Local choice: what the largest transfer of a test brings, for a dumpcap that waits for a core meanwhile. */
const RING_MIB = "32";

const FLAG_BITS = [
  ["SYN", 0x02],
  ["FIN", 0x01],
  ["RST", 0x04],
  ["PSH", 0x08],
  ["ACK", 0x10],
  ["URG", 0x20],
  ["ECE", 0x40],
  ["CWR", 0x80],
] as const;

const CHECKSUM_WORDS: Readonly<Record<string, string>> = { "0": "bad", "1": "good", "2": "unverified" };

const FRAME_FIELDS = [
  "frame.number",
  "ip.src",
  "ip.dst",
  "tcp.flags",
  "tcp.seq",
  "tcp.ack",
  "tcp.len",
  "tcp.srcport",
  "tcp.dstport",
  "tcp.window_size",
  "frame.len",
  "tcp.checksum.status",
  "ip.checksum.status",
  "_ws.malformed",
  "ipv6.src",
  "ipv6.dst",
] as const;

const ANALYSIS_FIELDS = [
  "tcp.analysis.retransmission",
  "tcp.analysis.fast_retransmission",
  "tcp.analysis.spurious_retransmission",
  "tcp.analysis.out_of_order",
  "tcp.analysis.lost_segment",
  "tcp.analysis.ack_lost_segment",
  "tcp.analysis.duplicate_ack",
  "tcp.analysis.zero_window",
  "tcp.analysis.zero_window_probe",
  "tcp.analysis.zero_window_probe_ack",
  "tcp.analysis.reused_ports",
] as const;

/** What is recorded where. */
interface RecordingPlace {
  /** On whose device: the client's when absent. */
  readonly side?: LabSide;
  /** A capture filter that lets ICMP pass; `ip or arp or ip6` when absent. */
  readonly filter?: string;
}

/** A recording that runs. */
export class WireRecording {
  readonly #lab: PrivateLab;
  readonly #process: LabProcess;
  readonly #path: string;

  private constructor(lab: PrivateLab, process: LabProcess, path: string) {
    this.#lab = lab;
    this.#process = process;
    this.#path = path;
  }

  /** Begins to record a device into `path`. */
  static async start(
    lab: PrivateLab,
    path: string,
    { side = "client", filter = "ip or arp or ip6" }: RecordingPlace = {},
  ): Promise<WireRecording> {
    const device = lab.plan.devices[side];
    let ready = () => {};
    const running = new Promise<void>((resolve) => ready = resolve);
    const process = lab.spawn({
      side,
      words: ["dumpcap", "-q", "-B", RING_MIB, "-i", device, "-f", filter, "-w", path],
      onStderr: (line) => line.startsWith("File:") && ready(),
    });
    await Promise.race([running, process.result]);
    if (process.ended) throw new Error(`dumpcap does not record: ${process.stderr}`);
    return new WireRecording(lab, process, path);
  }

  /** Ends the recording; all that was on the wire is in its file then. */
  async end(): Promise<void> {
    await captureHolds(this.#path, await markWire(this.#lab));
    // Killed, it might leave half a frame.
    await this.#process.stop(ENDING_MS);
  }

  /** Ends the recording and gives tshark's findings on its TCP frames. */
  async judge(): Promise<JudgedFrame[]> {
    await this.end();
    return await judgeFile(this.#path);
  }
}

/** Puts a frame on the wire that no other is like: what is returned stands in it. It is ICMP over IPv4, from the client. */
export async function markWire(lab: PrivateLab): Promise<Buffer> {
  const mark = Buffer.from(crypto.getRandomValues(new Uint8Array(PING_PATTERN_BYTES)));
  const words = ["ping", "-n", "-c", "1", "-W", "1", "-s", String(2 * PING_PATTERN_BYTES), "-p"];
  await lab.run({ side: "client", words: [...words, mark.toString("hex"), lab.plan.addresses.server] });
  return mark;
}

/** A capture ring hands frames on in blocks, late: once the mark is in the file, all that was captured before it is too. */
export async function captureHolds(path: string, mark: Buffer): Promise<void> {
  using file = await Deno.open(path);
  const reading = new Uint8Array(READING_BYTES);
  let kept = 0;
  const holdsMark = async () => {
    for (;;) {
      const count = await file.read(reading.subarray(kept));
      if (count === null) return false;
      const known = Buffer.from(reading.buffer, 0, kept + count);
      if (known.includes(mark)) return true;
      // The mark may lie across two readings.
      kept = Math.min(known.length, PING_PATTERN_BYTES);
      reading.copyWithin(0, known.length - kept, known.length);
    }
  };
  await waitFor(holdsMark, { what: `${path} has what was on the wire` });
}

/** What tshark finds in a capture file, TCP frames and frames that it cannot read at all. */
export async function judgeFile(path: string): Promise<JudgedFrame[]> {
  const args = ["-n", "-r", path, "-Y", "tcp || _ws.malformed", "-T", "fields", "-E", "separator=/t"];
  const validate = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
  // A client's port may be that of some protocol, as which random payload is malformed: the payload is nobody's.
  validate.push("-d", "tcp.port==1-65535,data");
  const { code, stdout, stderr } = await new Deno.Command("tshark", {
    args: [...args, ...validate, ...FRAME_FIELDS.flatMap((field) => ["-e", field])]
      .concat(ANALYSIS_FIELDS.flatMap((field) => ["-e", field])),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`tshark cannot read ${path}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).split("\n").filter((line) => line !== "").map(parseFrame);
}

function parseFrame(line: string): JudgedFrame {
  const values = line.split("\t");
  const [number, source4, destination4, flags, seq, ack, length, ...rest] = values;
  const [sourcePort, destinationPort, window, frameLength, tcpSum, ipSum, malformed, source6, destination6] =
    rest;
  const bits = Number(flags);
  return {
    number: Number(number),
    source: source4 || source6,
    destination: destination4 || destination6,
    sourcePort: Number(sourcePort),
    destinationPort: Number(destinationPort),
    flags: FLAG_BITS.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name).join(","),
    relSeq: Number(seq),
    relAck: Number(ack),
    length: Number(length),
    window: Number(window),
    frameLength: Number(frameLength),
    tcpChecksum: CHECKSUM_WORDS[tcpSum] ?? tcpSum,
    // An IPv6 header has none.
    ipChecksum: source4 === "" && source6 !== "" ? "good" : CHECKSUM_WORDS[ipSum] ?? ipSum,
    analysis: ANALYSIS_FIELDS.filter((_, index) => (values[FRAME_FIELDS.length + index] ?? "") !== ""),
    malformed: malformed !== undefined && malformed !== "",
  };
}
