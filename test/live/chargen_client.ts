/**
 * A kernel client for the live tests: reads so many bytes of the chargen service and compares each with RFC 864's
 * pattern.
 *
 *     deno run --allow-net chargen_client.ts HOST PORT BYTES
 *
 * Prints `{"bytes": count, "wrongAt": -1}`; `wrongAt` is where the first wrong byte was.
 */
import { Buffer } from "node:buffer";

/** RFC 864: 95 printing characters, lines of 72 of them and CR LF, each line begun one character later. */
const CHARACTERS = 95;
const LINE_BYTES = 74;
const CYCLE_BYTES = CHARACTERS * LINE_BYTES;
const READ_BYTES = 1 << 20;

const [hostname, port, bytesText] = Deno.args;
const wanted = Number(bytesText);
const expected = new Uint8Array(CYCLE_BYTES * Math.ceil((READ_BYTES + CYCLE_BYTES) / CYCLE_BYTES));
for (let at = 0; at < expected.length; at++) {
  const line = Math.floor(at / LINE_BYTES);
  const column = at % LINE_BYTES;
  expected[at] = column === 72 ? 0x0d : column === 73 ? 0x0a : 0x20 + (line + column) % CHARACTERS;
}

const buffer = new Uint8Array(READ_BYTES);
using connection = await Deno.connect({ hostname, port: Number(port) });
let bytes = 0;
let wrongAt = -1;
while (bytes < wanted && wrongAt < 0) {
  const count = await connection.read(buffer);
  if (count === null) break;
  const from = bytes % CYCLE_BYTES;
  if (Buffer.compare(buffer.subarray(0, count), expected.subarray(from, from + count)) !== 0) {
    wrongAt = bytes + buffer.subarray(0, count).findIndex((byte, at) => byte !== expected[from + at]);
  }
  bytes += count;
}
console.log(JSON.stringify({ bytes, wrongAt }));
