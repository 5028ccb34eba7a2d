/**
 * A kernel client for the live tests: one connection, many bytes, and their SHA-256 both ways.
 *
 *     deno run --allow-net bulk_client.ts HOST PORT BYTES
 *
 * Prints `{"sent": sum, "received": sum, "bytes": count}`; `received` is null when the server sent nothing.
 */
import { createHash } from "node:crypto";

const [hostname, port, bytesText] = Deno.args;
const total = Number(bytesText);
const sent = createHash("sha256");
const received = createHash("sha256");
let bytesIn = 0;

using connection = await Deno.connect({ hostname, port: Number(port) });
const writing = (async () => {
  const block = new Uint8Array(256 * 1024);
  for (let done = 0; done < total;) {
    const part = block.subarray(0, Math.min(block.length, total - done));
    crypto.getRandomValues(part.subarray(0, Math.min(65536, part.length)));
    sent.update(part);
    for (let offset = 0; offset < part.length;) offset += await connection.write(part.subarray(offset));
    done += part.length;
  }
  await connection.closeWrite();
})();
const buffer = new Uint8Array(256 * 1024);
for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
  received.update(buffer.subarray(0, count));
  bytesIn += count;
}
await writing;
const sums = {
  sent: sent.digest("hex"),
  received: bytesIn === 0 ? null : received.digest("hex"),
  bytes: bytesIn,
};
console.log(JSON.stringify(sums));
