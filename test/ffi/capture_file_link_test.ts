/** Capture files as links: frames, times, filters, damage; no rights needed beyond the native library. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type CaptureFileLink, openCaptureFile } from "../../ffi/capture_file_link.ts";
import { PcapError } from "../../ffi/pcap_error.ts";
import { LinkError } from "../../src/link/link.ts";
import { temporaryFile, withoutLibpcap } from "./native_library.ts";

const fixture = (name: string) => fromFileUrl(new URL(`./fixtures/${name}`, import.meta.url));
const PCAP = fixture("handshake_and_arp.pcap");

/** Where a classic pcap file keeps what these tests change; its header has 24 bytes, a record's 16. */
const FILE = {
  snaplen: 16,
  linkType: 20,
  firstRecord: 24,
  recordCaplen: 8,
  recordLen: 12,
  recordHeaderBytes: 16,
} as const;
const FIRST_FRAME_BYTES = 58;
const DLT_RAW = 101;
const START_US = 1_700_000_000_000_000;

interface Got {
  bytes: Uint8Array;
  capturedUs: number;
}

function readAll(link: CaptureFileLink, budget = 100): Got[] {
  const frames: Got[] = [];
  while (
    link.receive(
      (frame, length, capturedUs) => frames.push({ bytes: frame.slice(0, length), capturedUs }),
      budget,
    )
  );
  return frames;
}

const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name: `capture file: ${name}${withoutLibpcap}`, ignore: withoutLibpcap !== "", fn });

for (const name of ["handshake_and_arp.pcap", "handshake_and_arp.pcapng"]) {
  test(`${name} gives its frames and their times`, () => {
    using link = openCaptureFile(fixture(name));
    assertEquals(link.name, `file:${fixture(name)}`);
    const frames = readAll(link);
    assertEquals(frames.map((got) => got.bytes.length), [58, 58, 54, 42]);
    assertEquals(frames.map((got) => got.capturedUs), [0, 250, 500, 750].map((us) => START_US + us));
    assertEquals(
      frames[0].bytes.subarray(0, 14),
      Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00),
    );
    assertEquals(frames[3].bytes.subarray(12, 14), Uint8Array.of(0x08, 0x06));
    assert(link.atEnd);
    assertEquals(link.stats().framesIn, 4);
    assertEquals(link.stats().bytesIn, 58 + 58 + 54 + 42);
  });
}

test("the budget bounds one call, and a handler sees the same bytes", () => {
  using link = openCaptureFile(PCAP);
  let seen = 0;
  const count = () => void seen++;
  assertEquals(link.receive(count, 3), 3);
  assertEquals([seen, link.atEnd], [3, false]);
  assertEquals(link.receive(count, 3), 1);
  assertEquals(link.receive(count, 3), 0);
  assertEquals([seen, link.atEnd], [4, true]);
});

test("a filter chooses frames", () => {
  using link = openCaptureFile(PCAP, { filter: "tcp[tcpflags] & tcp-syn != 0" });
  assertEquals(readAll(link).length, 2);
});

test("a bad filter is refused, with the expression", () => {
  const error = assertThrows(
    () => openCaptureFile(PCAP, { filter: "tcp prot 80" }),
    PcapError,
    '"tcp prot 80"',
  );
  assertEquals(error.operation, "pcap_compile");
  assertStringIncludes(error.message, "syntax error");
});

test("it only receives: sends are counted as refused, and waiting is over at once", async () => {
  using link = openCaptureFile(PCAP);
  link.send(new Uint8Array(60), 60);
  await link.wait(Infinity);
  assertEquals(link.stats().sendErrors, 1);
  assertEquals(link.stats().framesOut, 0);
});

test("a frame kept after closing is empty, and a closed link gives nothing", () => {
  const link = openCaptureFile(PCAP);
  link.receive(() => {}, 1);
  link.close();
  link.close();
  assertEquals(link.receive(() => {}, 1), 0);
});

test("a frame that the capture cut is as long as what is there", async () => {
  const bytes = await Deno.readFile(PCAP);
  new DataView(bytes.buffer).setUint32(FILE.firstRecord + FILE.recordLen, 1514, true);
  await using file = await temporaryFile(bytes);
  using link = openCaptureFile(file.path);
  let length = 0;
  link.receive((_frame, lengthBytes) => length = lengthBytes, 1);
  assertEquals([length, link.lastWireBytes], [FIRST_FRAME_BYTES, 1514]);
});

test("frames of 64 KiB come whole", async () => {
  const small = await Deno.readFile(PCAP);
  const lengthBytes = 65_549;
  const start = FILE.firstRecord + FILE.recordHeaderBytes;
  const bytes = new Uint8Array(start + lengthBytes);
  bytes.set(small.subarray(0, start));
  const view = new DataView(bytes.buffer);
  view.setUint32(FILE.firstRecord + FILE.recordCaplen, lengthBytes, true);
  view.setUint32(FILE.firstRecord + FILE.recordLen, lengthBytes, true);
  view.setUint32(FILE.snaplen, 262_144, true);
  bytes[bytes.length - 1] = 0xa5;
  await using file = await temporaryFile(bytes);
  using link = openCaptureFile(file.path);
  const [frame] = readAll(link);
  assertEquals([frame.bytes.length, frame.bytes[lengthBytes - 1]], [lengthBytes, 0xa5]);
});

test("a file cut anywhere gives its whole frames, then an end or a LinkError; never a crash", async () => {
  const whole = await Deno.readFile(PCAP);
  await using file = await temporaryFile(whole);
  for (let length = FILE.firstRecord; length < whole.length; length++) {
    await Deno.writeFile(file.path, whole.subarray(0, length));
    using link = openCaptureFile(file.path);
    let frames = 0;
    try {
      while (link.receive(() => void frames++, 10) > 0);
    } catch (error) {
      assert(error instanceof LinkError, `at ${length}`);
      assertStringIncludes(error.message, "cannot be read further");
    }
    assert(frames < 4 && link.atEnd, `at ${length}`);
  }
});

test("a file that is not there, or no capture, is refused in one line", async () => {
  const missing = assertThrows(() => openCaptureFile("/nonexistent/x.pcap"), PcapError);
  assertEquals(
    missing.message,
    "Capture file /nonexistent/x.pcap could not be opened: No such file or directory. " +
      "Name a file that tcpdump, Wireshark or tcplab --write made (pcap or pcapng)",
  );
  await using text = await temporaryFile(
    new TextEncoder().encode("This is no capture at all, but long enough.\n"),
  );
  const wrong = assertThrows(() => openCaptureFile(text.path), PcapError, "unknown file format");
  assert(!wrong.message.includes("\n"));
  await using empty = await temporaryFile(new Uint8Array(0));
  assertThrows(() => openCaptureFile(empty.path), PcapError, "could not be opened");
});

test("frames other than Ethernet are refused by name", async () => {
  const bytes = await Deno.readFile(PCAP);
  new DataView(bytes.buffer).setUint32(FILE.linkType, DLT_RAW, true);
  await using file = await temporaryFile(bytes);
  assertThrows(() => openCaptureFile(file.path), PcapError, "not Ethernet but RAW");
});
