/**
 * A kernel client for the live tests: opens connections, sends a pattern on each, and checks what comes back.
 *
 *     deno run --allow-net echo_client.ts HOST PORT CONNECTIONS AT_ONCE BYTES
 *
 * Prints `{"done": ..., "failed": [...]}`. Each connection closes its sending direction after the last byte, reads
 * to the end, and compares.
 */

const [hostname, port, connections, atOnce, bytes] = Deno.args;

/** Bytes that differ along the stream and from connection to connection, so that no mix-up goes unseen. */
function pattern(connection: number, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  let state = (connection * 2654435761 + 1) >>> 0;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[index] = state >>> 24;
  }
  return out;
}

async function echoOnce(number: number, length: number): Promise<string | null> {
  const sent = pattern(number, length);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const writing = (async () => {
    for (let offset = 0; offset < length;) offset += await connection.write(sent.subarray(offset));
    await connection.closeWrite();
  })();
  const buffer = new Uint8Array(65536);
  let offset = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) break;
    for (let index = 0; index < count; index++, offset++) {
      if (buffer[index] !== sent[offset]) return `connection ${number}: byte ${offset} differs`;
    }
  }
  await writing;
  return offset === length ? null : `connection ${number}: ${offset} of ${length} bytes came back`;
}

const failed: string[] = [];
let done = 0;
let next = 0;
async function worker(): Promise<void> {
  while (next < Number(connections)) {
    const number = next++;
    try {
      const problem = await echoOnce(number, Number(bytes));
      if (problem === null) done++;
      else failed.push(problem);
    } catch (error) {
      failed.push(`connection ${number}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
console.log(JSON.stringify({ done, failed }));
