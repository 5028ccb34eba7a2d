/**
 * How fast a large capture is told, and in how much memory, beside tshark's table of conversations, in turn:
 *
 *     deno run -A scripts/explain_speed.ts [--mib 2048] [--connections 1000] [--times 3] [--file FILE] [-- OPTIONS OF EXPLAIN]
 *
 * Owns: a capture made for it (bulk transfers and short exchanges side by side, right sums, one loss in a thousand), and the measurement.
 * Needs tshark, and GNU time at /usr/bin/time for the memory.
 */
import { parseArgs } from "@std/cli/parse-args";
import { selfCommand } from "../src/cli/self_command.ts";
import { writeU16, writeU32 } from "../src/wire/bytes.ts";
import { checksum, pseudoHeaderSum } from "../src/wire/checksum.ts";
import { FLAG } from "../src/wire/tcp.ts";

const { SYN, FIN, PSH, ACK } = FLAG;
const [ETHERNET_BYTES, IP_BYTES, TCP_BYTES, STAMP_BYTES, RECORD_BYTES] = [14, 20, 20, 12, 16];
const HEADERS = ETHERNET_BYTES + IP_BYTES + TCP_BYTES + STAMP_BYTES;
const MSS = 1448;
/** A connection ends after so many segments of data, and another begins on its place. */
const LIVES = [4, 40, 4000];
const PIECE_BYTES = 1 << 22;

/** One connection as the capture's maker sees it. */
interface Flow {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly port: number;
  readonly life: number;
  step: number;
  clientSeq: number;
  serverSeq: number;
  lost: number | null;
}

/** Writes records into pieces of a file. */
class CaptureWriter {
  bytes = 0;
  frames = 0;
  readonly #file: Deno.FsFile;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  readonly #view = new DataView(this.#piece.buffer);
  #used = 0;
  #us = 1_700_000_000e6;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    for (const [at, value] of [0xa1b2c3d4, 0x00040002, 0, 0, 0x40000, 1].entries()) {
      this.#view.setUint32(at * 4, value, true);
    }
    this.#used = 24;
  }

  frame(
    flow: Flow,
    fromClient: boolean,
    { flags, seq, ack, length }: { flags: number; seq: number; ack: number; length: number },
  ): void {
    const size = HEADERS + length;
    if (this.#used + RECORD_BYTES + size > PIECE_BYTES) this.flush();
    const bytes = this.#piece;
    const at = this.#used;
    this.#us += 3;
    this.#view.setUint32(at, Math.floor(this.#us / 1e6), true);
    this.#view.setUint32(at + 4, this.#us % 1e6, true);
    this.#view.setUint32(at + 8, size, true);
    this.#view.setUint32(at + 12, size, true);
    const frame = at + RECORD_BYTES;
    bytes.fill(0, frame, frame + HEADERS);
    bytes[frame] = bytes[frame + 6] = 2;
    writeU16(bytes, frame + 12, 0x0800);
    const ip = frame + ETHERNET_BYTES;
    const tcp = ip + IP_BYTES;
    const total = size - ETHERNET_BYTES;
    bytes[ip] = 0x45;
    writeU16(bytes, ip + 2, total);
    bytes[ip + 8] = 64;
    bytes[ip + 9] = 6;
    bytes.set(fromClient ? flow.client : flow.server, ip + 12);
    bytes.set(fromClient ? flow.server : flow.client, ip + 16);
    writeU16(bytes, ip + 10, checksum(bytes, ip, IP_BYTES));
    writeU16(bytes, tcp, fromClient ? flow.port : 3333);
    writeU16(bytes, tcp + 2, fromClient ? 3333 : flow.port);
    writeU32(bytes, tcp + 4, seq >>> 0);
    writeU32(bytes, tcp + 8, ack >>> 0);
    bytes[tcp + 12] = 0x80;
    bytes[tcp + 13] = flags;
    writeU16(bytes, tcp + 14, 65000);
    bytes.set([1, 1, 8, 10], tcp + 20);
    writeU32(bytes, tcp + 24, Math.floor(this.#us / 1000) >>> 0);
    writeU32(bytes, tcp + 28, 1);
    // The payload is zeros: the sum is that of the headers.
    bytes.fill(0, frame + HEADERS, frame + size);
    const sum = pseudoHeaderSum(bytes, ip + 12, 4, 6, total - IP_BYTES);
    writeU16(bytes, tcp + 16, checksum(bytes, tcp, TCP_BYTES + STAMP_BYTES, sum));
    this.#used += RECORD_BYTES + size;
    this.bytes += RECORD_BYTES + size;
    this.frames += 1;
  }

  flush(): void {
    for (let at = 0; at < this.#used;) at += this.#file.writeSync(this.#piece.subarray(at, this.#used));
    this.#used = 0;
  }

  close(): void {
    this.flush();
    this.#file.close();
  }
}

let flows = 0;

function newFlow(): Flow {
  const number = flows++;
  return {
    client: Uint8Array.of(10, 1 + (number >>> 16) % 200, (number >>> 8) & 0xff, number & 0xff),
    server: Uint8Array.of(10, 0, 0, 1),
    port: 20_000 + number % 40_000,
    life: LIVES[number % LIVES.length],
    step: 0,
    clientSeq: (number * 2654435761) >>> 0,
    serverSeq: (number * 40503) >>> 0,
    lost: null,
  };
}

/** The next few segments of a connection; false after the last. */
function advance(flow: Flow, out: CaptureWriter): boolean {
  const say = (fromClient: boolean, flags: number, length = 0): void => {
    const [seq, ack] = fromClient ? [flow.clientSeq, flow.serverSeq] : [flow.serverSeq, flow.clientSeq];
    out.frame(flow, fromClient, { flags, seq, ack: (flags & ACK) === 0 ? 0 : ack, length });
    const octets = length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    if (fromClient) flow.clientSeq += octets;
    else flow.serverSeq += octets;
  };
  const step = flow.step++;
  if (step === 0) {
    say(true, SYN);
    say(false, SYN | ACK);
    say(true, ACK);
  } else if (step <= flow.life) {
    if (step % 1000 === 500) {
      // Lost before the capture: the next one comes first, and the hole is filled by a repeat.
      const hole = flow.clientSeq;
      flow.clientSeq += MSS;
      const after = flow.clientSeq;
      out.frame(flow, true, { flags: ACK, seq: after, ack: flow.serverSeq, length: MSS });
      out.frame(flow, false, { flags: ACK, seq: flow.serverSeq, ack: hole, length: 0 });
      out.frame(flow, true, { flags: ACK, seq: hole, ack: flow.serverSeq, length: MSS });
      flow.clientSeq += MSS;
    } else say(true, step === flow.life ? PSH | ACK : ACK, MSS);
    if (step % 2 === 0) say(false, ACK);
  } else {
    say(true, FIN | ACK);
    say(false, FIN | ACK);
    say(true, ACK);
    return false;
  }
  return true;
}

function makeCapture(path: string, { mib, connections }: { mib: number; connections: number }): void {
  const out = new CaptureWriter(path);
  const running = Array.from({ length: connections }, newFlow);
  for (let turn = 0; out.bytes < mib * 0x100000; turn++) {
    const at = turn % connections;
    if (!advance(running[at], out)) running[at] = newFlow();
  }
  out.close();
  console.log(`${path}: ${(out.bytes / 1e9).toFixed(2)} GB, ${out.frames} frames, ${flows} connections`);
}

/** Seconds by the wall's clock and the processor's, and the most memory of a run, its output thrown away. */
async function measure(words: readonly string[]): Promise<{ seconds: number; busy: number; mib: number }> {
  const { success, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "%e %U %S %M", ...words],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr).trim();
  if (!success) throw new Error(said);
  const [seconds, user, system, kib] = (said.split("\n").at(-1) ?? "").split(" ").map(Number);
  return { seconds, busy: user + system, mib: kib / 1024 };
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, { string: ["file", "mib", "connections", "times"], "--": true });
  const number = (name: "mib" | "connections" | "times", otherwise: number) =>
    Number(options[name] ?? otherwise);
  const given = options.file === undefined ? null : String(options.file);
  const path = given ?? await Deno.makeTempFile({ prefix: "tcplab-speed-", suffix: ".pcap" });
  try {
    if (given === null) {
      makeCapture(path, { mib: number("mib", 2048), connections: number("connections", 1000) });
    }
    const rivals: readonly (readonly [name: string, words: readonly string[]])[] = [
      ["tshark -q -z conv,tcp", ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", path]],
      ["tcplab explain", [...selfCommand(), "explain", path, ...(options["--"] ?? []).map(String)]],
    ];
    for (let time = 0; time < number("times", 3); time++) {
      for (const [name, words] of rivals) {
        const { seconds, busy, mib } = await measure(words);
        console.log(
          `${name}: ${seconds.toFixed(1)} s (processor ${busy.toFixed(1)} s), ${mib.toFixed(0)} MiB`,
        );
      }
    }
  } finally {
    if (given === null) await Deno.remove(path);
  }
}
