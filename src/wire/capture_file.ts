/**
 * A capture file, whichever its format, as packets.
 *
 * Owns: telling the formats apart, and the reading in pieces: bytes are pushed as they come, packets are asked for one by one. Must not know:
 * files, compression, what is in a packet.
 *
 * Nothing throws, whatever the bytes are: what is wrong ends the reading and is told as {@link CaptureFile.problem}. Of what was pushed no more is
 * kept than one record and the piece that it lies in, as long as packets are asked for after each push.
 */
import { ByteQueue } from "./byte_queue.ts";
import type { CapturedPacket, CaptureFormat, CaptureProblem } from "./capture_packet.ts";
import { pcapByteOrder, PcapReader } from "./capture_pcap.ts";
import { isPcapng, PcapngReader } from "./capture_pcapng.ts";

const MAGIC_BYTES = 4;

/** Beginnings of files that people take for captures, and what to do with them. */
const OTHER_FORMATS: readonly { readonly begins: readonly number[]; readonly is: string }[] = [
  { begins: [0x1f, 0x8b], is: "it is compressed by gzip: gzip -dc FILE makes a capture of it" },
  { begins: [0x28, 0xb5, 0x2f, 0xfd], is: "it is compressed by zstd: zstd -dc FILE makes a capture of it" },
  { begins: [0xfd, 0x37, 0x7a, 0x58], is: "it is compressed by xz: xz -dc FILE makes a capture of it" },
  { begins: [0x42, 0x5a, 0x68], is: "it is compressed by bzip2: bzip2 -dc FILE makes a capture of it" },
  { begins: [0x04, 0x22, 0x4d, 0x18], is: "it is compressed by lz4: lz4 -dc FILE makes a capture of it" },
  { begins: [0x50, 0x4b, 0x03, 0x04], is: "it is a zip archive: unzip takes the capture out of it" },
  {
    begins: [0x73, 0x6e, 0x6f, 0x6f],
    is: "it is a capture by snoop: editcap -F pcapng FILE OUT makes one that can be read",
  },
];

/** Reads one file. */
export class CaptureFile {
  readonly #queue = new ByteQueue();
  #format: CaptureFormat | null = null;
  #problem: CaptureProblem | null = null;
  #hasEnded = false;

  /** Adds the next bytes of the file. They are the reader's from now on: packets are views of them, and nobody may write to them. */
  push(bytes: Uint8Array): void {
    if (this.#problem === null && !this.#hasEnded) this.#queue.push(bytes);
  }

  /** Says that there are no more bytes. */
  end(): void {
    this.#hasEnded = true;
  }

  /** The next packet; null when more bytes are needed, when there are no more packets, or after a {@link problem}. */
  next(): CapturedPacket | null {
    if (this.#problem !== null) return null;
    const format = this.#format ??= this.#recognize();
    if (format === null) return null;
    const packet = format.next();
    if (packet !== null) return packet;
    if (format.problem !== null) this.#fail(format.problem);
    else if (this.#hasEnded) this.#fail(format.atEnd());
    return null;
  }

  /** Why the file cannot be read (further), once {@link next} has given null; null as long as all is well. */
  get problem(): CaptureProblem | null {
    return this.#problem;
  }

  /** Packets that the capture says it has lost so far; null where it does not say. */
  get dropped(): number | null {
    return this.#format?.dropped ?? null;
  }

  #fail(problem: CaptureProblem | null): void {
    if (problem === null) return;
    this.#problem = problem;
    this.#queue.clear();
  }

  #recognize(): CaptureFormat | null {
    const queue = this.#queue;
    if (queue.ensure(MAGIC_BYTES)) {
      const { buffer, offset } = queue;
      if (isPcapng(buffer, offset)) return new PcapngReader(queue);
      const order = pcapByteOrder(buffer, offset);
      if (order !== null) return new PcapReader(queue, order);
      this.#fail({ kind: "not-a-capture", text: whatElse(buffer.subarray(offset)), offset: 0 });
    } else if (this.#hasEnded) {
      const length = queue.available;
      const text = length === 0 ? "it is empty" : `it is ${length} bytes long, shorter than any capture`;
      this.#fail({ kind: "not-a-capture", text, offset: 0 });
    }
    return null;
  }
}

/** What the file is, judged by its first bytes. */
function whatElse(bytes: Uint8Array): string {
  const other = OTHER_FORMATS.find(({ begins }) => begins.every((byte, i) => bytes[i] === byte));
  if (other !== undefined) return other.is;
  const start = Array.from(bytes.subarray(0, MAGIC_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
  return `it is no capture, pcap or pcapng: it begins with the bytes ${start.join(" ")}`;
}
