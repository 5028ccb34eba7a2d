/**
 * A small reader of classic capture files, for fixtures.
 *
 * Owns: little-endian files of Ethernet frames with microseconds, as tshark writes them here. Anything else is an error.
 */

const MAGIC = 0xa1b2c3d4;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const LINK_ETHERNET = 1;

/** The frames of the file at `url`, each a copy with a buffer of its own. */
export function readFrames(url: URL): Uint8Array[] {
  const bytes = Deno.readFileSync(url);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(20, true) !== LINK_ETHERNET) {
    throw new Error(`Not a capture of Ethernet frames with microseconds: ${url}`);
  }
  const frames: Uint8Array[] = [];
  let at = FILE_HEADER_BYTES;
  while (at < bytes.length) {
    const length = view.getUint32(at + 8, true);
    frames.push(bytes.slice(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length));
    at += RECORD_HEADER_BYTES + length;
  }
  return frames;
}
