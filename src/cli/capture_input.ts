/**
 * A capture that a person names: a file or standard input, compressed by gzip or not.
 *
 * Owns: opening it, reading it in pieces, decompression, and the lines about what cannot be read. Must not know: file formats, what is
 * done with a packet.
 *
 * What is read is handed on and forgotten: 2 GB need no more memory than a piece and a record, and a pipe may go on for ever.
 */
import { createGunzip } from "node:zlib";
import { printable } from "../observe/text_layout.ts";
import { CaptureFile } from "../wire/capture_file.ts";
import type { CapturedPacket, CaptureProblem } from "../wire/capture_packet.ts";
import { CliError, systemWords } from "./command.ts";

/** Local choice: the cost of a read no longer shows, and the memory does not either. */
const PIECE_BYTES = 1 << 20;
/** Local choice: no read asks for less; a pipe hands over 64 KiB at most, so that many reads share a piece. */
const LEAST_READ_BYTES = 1 << 16;
const GZIP_MAGIC = [0x1f, 0x8b] as const;
/** Local choice: larger than zlib's own 16 KiB, so that fewer records lie across two of them. */
const GUNZIP_BYTES = 1 << 18;

/** How {@link readCapture} is to read. */
interface CaptureReading {
  /** Takes each packet; what it points to stays as it is. */
  readonly onPacket: (packet: CapturedPacket) => void;
  /** Once this resolves nothing more is read, and what was read counts. */
  readonly stop?: Promise<unknown>;
}

/** How a reading ended. */
export interface CaptureEnd {
  /** Null where the capture was read to its end, or till the stop. */
  readonly problem: CaptureProblem | null;
  readonly wasStopped: boolean;
  readonly isCompressed: boolean;
  /** Packets that the capture says it has lost; null where it does not say. */
  readonly dropped: number | null;
}

/** What can be read from: a file, or standard input. */
interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
  close(): void;
}

/** Reads the capture at `path`, `-` for standard input. Throws {@link CliError} where it cannot be opened or read. */
export async function readCapture(path: string, { onPacket, stop }: CaptureReading): Promise<CaptureEnd> {
  const stopped = stop?.then((): typeof STOPPED => STOPPED) ?? null;
  const source = await openSource(path, stopped);
  if (source === STOPPED) return { problem: null, wasStopped: true, isCompressed: false, dropped: null };
  const capture = new CaptureFile();
  const take = (bytes: Uint8Array) => {
    capture.push(bytes);
    drain();
  };
  const drain = () => {
    for (let packet = capture.next(); packet !== null; packet = capture.next()) onPacket(packet);
  };
  let gunzip: GunzipReader | null = null;
  let isFirst = true;
  let wasStopped = false;
  try {
    for await (const bytes of piecesOf(path, source, stopped)) {
      if (bytes === STOPPED) {
        wasStopped = true;
        break;
      }
      if (isFirst && GZIP_MAGIC.every((byte, i) => bytes[i] === byte)) gunzip = new GunzipReader(take);
      isFirst = false;
      if (gunzip === null) take(bytes);
      else await gunzip.write(bytes);
      // Behind what cannot be read nothing can.
      if (capture.problem !== null || gunzip?.problem) break;
    }
    if (!wasStopped && capture.problem === null) await gunzip?.end();
  } finally {
    source.close();
  }
  // Whoever stops in the middle of a packet has cut nothing.
  if (!wasStopped) capture.end();
  drain();
  const inCompression = gunzip?.problem ?? null;
  const problem = inCompression?.kind === "damaged" ? inCompression : capture.problem ?? inCompression;
  return {
    problem: wasStopped ? null : problem,
    wasStopped,
    isCompressed: gunzip !== null,
    dropped: capture.dropped,
  };
}

const STOPPED = Symbol("stopped");

/** The bytes of the source, two at least in the first piece where there are as many, and {@link STOPPED} once that is so. */
async function* piecesOf(
  path: string,
  source: ByteSource,
  stopped: Promise<typeof STOPPED> | null,
): AsyncGenerator<Uint8Array | typeof STOPPED> {
  let piece = new Uint8Array(PIECE_BYTES);
  let used = 0;
  let begin = 0;
  for (let isFirst = true;;) {
    const reading = source.read(piece.subarray(used)).catch((error) => {
      throw new CliError(`${named(path)} cannot be read (${systemWords(error)}): give explain a capture`);
    });
    const count = await (stopped === null ? reading : Promise.race([stopped, reading]));
    if (count === STOPPED) {
      reading.catch(() => {}); // Nobody waits for it any more.
      yield STOPPED;
      return;
    }
    if (count === null) {
      if (used > begin) yield piece.subarray(begin, used);
      return;
    }
    used += count;
    if (isFirst && used < GZIP_MAGIC.length) continue;
    isFirst = false;
    yield piece.subarray(begin, used);
    begin = used;
    if (piece.length - used >= LEAST_READ_BYTES) continue;
    // What was handed on is not written to again.
    piece = new Uint8Array(PIECE_BYTES);
    used = begin = 0;
  }
}

/** Opens it; {@link STOPPED} once that is so, since a named pipe opens only when somebody else opens it for writing. */
async function openSource(
  path: string,
  stopped: Promise<typeof STOPPED> | null,
): Promise<ByteSource | typeof STOPPED> {
  if (path === "-") {
    if (Deno.stdin.isTerminal()) {
      throw new CliError(
        "Standard input is a terminal, and no capture: tcpdump -U -w - | tcplab explain -, or name a file",
      );
    }
    return { read: (into) => Deno.stdin.read(into), close: () => {} };
  }
  const opening = Deno.open(path, { read: true });
  try {
    const source = await (stopped === null ? opening : Promise.race([stopped, opening]));
    // Nobody waits for it any more.
    if (source === STOPPED) opening.then((file) => file.close(), () => {});
    return source;
  } catch (error) {
    throw new CliError(`${named(path)} cannot be read (${systemWords(error)}): give explain a capture`);
  }
}

/** How the capture is called in lines about it: a name may hold anything, and a terminal takes some of it for commands. */
export function named(path: string): string {
  return path === "-" ? "standard input" : printable(path);
}

/** Decompresses what is written to it, however many members there are, and hands on all that comes out before an error. */
class GunzipReader {
  problem: CaptureProblem | null = null;
  readonly #gunzip = createGunzip({ chunkSize: GUNZIP_BYTES });
  readonly #over = Promise.withResolvers<void>();
  #written = 0;

  constructor(take: (bytes: Uint8Array) => void) {
    // Not by iteration: an error would come before what was decompressed already.
    this.#gunzip.on("data", take);
    this.#gunzip.on("end", () => this.#over.resolve());
    this.#gunzip.on("error", (error: Error & { readonly code?: string }) => {
      const isCut = error.code === "Z_BUF_ERROR";
      this.problem = {
        kind: isCut ? "cut" : "damaged",
        text: isCut ? "its compressed data ends too soon" : "its compressed data is damaged",
        offset: this.#written,
      };
      this.#over.resolve();
    });
  }

  /** Waits until all of it has been decompressed and handed on. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#written += bytes.length;
    const done = new Promise<void>((resolve) => this.#gunzip.write(bytes, () => resolve()));
    await Promise.race([done, this.#over.promise]);
  }

  async end(): Promise<void> {
    this.#gunzip.end();
    await this.#over.promise;
  }
}
