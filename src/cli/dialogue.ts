/**
 * What a connection carries between a person and the peer: input to the peer, the peer's bytes to an output.
 *
 * Owns: the two directions, each with the other end's pace, and the FIN when the input ends. Must not know: how the
 * connection was opened, what becomes of it.
 */
import type { Connection } from "../runtime/connection.ts";

/** Where the bytes to send come from: `Deno.stdin`. */
export interface ByteInput {
  read(into: Uint8Array): Promise<number | null>;
}

/** Where the bytes that arrive go: `Deno.stdout`, a file. */
export interface ByteOutput {
  write(bytes: Uint8Array): Promise<number>;
}

/** An output that can take no more; `cause` is what it said. */
export class OutputError extends Error {
  override name = "OutputError";
}

/** Local choice: a pipe's usual capacity. */
const CHUNK_BYTES = 0x10000;

/**
 * Sends what the input holds, pauses, and closes our direction. Resolves as well when the connection has gone: whoever
 * waits for its end hears why.
 */
export async function sendInput(
  connection: Connection,
  options: { readonly input: ByteInput; readonly sleepMs: number },
): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const count = await readInput(options.input, chunk);
    if (count === null) break;
    try {
      for (let sent = 0; sent < count;) sent += await connection.write(chunk.subarray(sent, count));
    } catch {
      return;
    }
  }
  if (options.sleepMs > 0) await new Promise((resolve) => setTimeout(resolve, options.sleepMs));
  await connection.closeWrite().catch(() => {});
}

/** Local choice: more than any SYN carries; the send buffer takes it, or what there is of it. */
const FIRST_BYTES = 0x800;

/** What the input holds first, to go with a SYN; nothing at its end. */
export async function readFirst(input: ByteInput): Promise<Uint8Array> {
  const chunk = new Uint8Array(FIRST_BYTES);
  return chunk.subarray(0, await readInput(input, chunk) ?? 0);
}

/** An input that cannot be read (it was closed before we began) has ended. */
async function readInput(input: ByteInput, into: Uint8Array): Promise<number | null> {
  try {
    return await input.read(into);
  } catch {
    return null;
  }
}

/**
 * Hands on what arrives, up to the peer's FIN; without an output it is dropped. Throws {@link OutputError}; resolves
 * when the connection has gone, however it went.
 */
export async function receiveOutput(connection: Connection, output: ByteOutput | null): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    let count: number | null;
    try {
      count = await connection.read(chunk);
    } catch {
      return;
    }
    if (count === null) return;
    if (output === null) continue;
    try {
      for (let sent = 0; sent < count;) sent += await output.write(chunk.subarray(sent, count));
    } catch (cause) {
      throw new OutputError("What arrives cannot be written", { cause });
    }
  }
}
