/** The classic capture format: exact bytes in, exact packets out, in every variant that libpcap has written. */
import { assertEquals } from "@std/assert";
import { type Order, pcapBytes } from "./capture_writer.ts";
import { readCapture } from "./capture_readings.ts";

const ORDERS: readonly Order[] = ["little", "big"];
const FRAME = Uint8Array.of(1, 2, 3, 4, 5);

for (const order of ORDERS) {
  Deno.test(`pcap, ${order}-endian: the bytes of a record, one by one`, () => {
    const file = order === "little"
      ? "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000000" +
        "15cd5b07 3f420f00 05000000 dc050000 0102030405"
      : "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000065" +
        "075bcd15 000f423f 00000005 000005dc 0102030405";
    const { packets, problem } = readCapture(Uint8Array.fromHex(file.replaceAll(" ", "")));
    assertEquals(problem, null);
    assertEquals(packets, [{
      number: 1,
      timeUs: 123456789999999,
      seconds: 123456789,
      nanoseconds: 999999000,
      hasTime: true,
      bytes: FRAME,
      originalLength: 1500,
      interface: { section: 0, index: 0, name: null, linkType: 101, snapLength: 0xffff },
      direction: null,
      comments: [],
    }]);
  });

  Deno.test(`pcap, ${order}-endian: nanoseconds`, () => {
    const records = [{ seconds: 0xffffffff, fraction: 999999999, data: FRAME }];
    const { packets, problem } = readCapture(pcapBytes({ order, magic: 0xa1b23c4d, records }));
    assertEquals(problem, null);
    assertEquals(packets.map(({ seconds, nanoseconds }) => [seconds, nanoseconds]), [[
      0xffffffff,
      999999999,
    ]]);
    assertEquals(packets[0].timeUs, 4294967295999999.999);
  });

  Deno.test(`pcap, ${order}-endian: the modified format has eight bytes more in each record`, () => {
    const records = [1, 2].map((seconds) => ({ seconds, fraction: 7, data: FRAME }));
    const extra = [9, 9, 9, 9, 8, 8, 7, 6];
    const { packets, problem } = readCapture(pcapBytes({ order, magic: 0xa1b2cd34, extra, records }));
    assertEquals(problem, null);
    assertEquals(packets.map(({ seconds, bytes }) => [seconds, [...bytes]]), [[1, [...FRAME]], [2, [
      ...FRAME,
    ]]]);
  });
}

Deno.test("pcap: before version 2.3 the two lengths change places, in 2.3 where it shows", () => {
  // The helper writes the kept length first: here it is what stands for the original.
  const kept = { seconds: 1, fraction: 0, data: FRAME };
  const old = pcapBytes({ order: "little", version: [2, 2], records: [{ ...kept, original: 5 }] });
  assertEquals(readCapture(old).packets.map(({ bytes }) => [...bytes]), [[...FRAME]]);
  const swapped = pcapBytes({ order: "little", version: [2, 3], records: [] });
  const record = Uint8Array.fromHex("0100000000000000" + "dc050000" + "05000000" + "0102030405");
  const { packets, problem } = readCapture(Uint8Array.of(...swapped, ...record));
  assertEquals(problem, null);
  assertEquals(packets.map(({ bytes, originalLength }) => [[...bytes], originalLength]), [[
    [...FRAME],
    1500,
  ]]);
});

Deno.test("pcap: a link type whose upper bits tell of a check sequence", () => {
  const records = [{ seconds: 1, fraction: 0, data: FRAME }];
  const { packets } = readCapture(pcapBytes({ order: "big", linkType: 0x24000001, records }));
  assertEquals(packets[0].interface.linkType, 1);
});

Deno.test("pcap: a fraction of more than a second is carried; an original length below what was kept is not believed", () => {
  const records = [{ seconds: 10, fraction: 4_000_000_000, data: FRAME, original: 0 }];
  const { packets, problem } = readCapture(pcapBytes({ order: "little", records }));
  assertEquals(problem, null);
  const [{ seconds, nanoseconds, originalLength }] = packets;
  assertEquals([seconds, nanoseconds, originalLength], [4010, 0, 5]);
});

Deno.test("pcap: a file without packets is a capture", () => {
  assertEquals(readCapture(pcapBytes({ order: "little", records: [] })), { packets: [], problem: null });
});

Deno.test("pcap: what keeps it from being read is said, with the place", () => {
  const whole = pcapBytes({ order: "little", records: [{ seconds: 1, fraction: 0, data: FRAME }] });
  const problems = [
    whole.subarray(0, 0),
    whole.subarray(0, 3),
    whole.subarray(0, 23),
    whole.subarray(0, 24 + 15),
    whole.subarray(0, whole.length - 1),
    Uint8Array.of(...whole, 1),
  ].map((file) => readCapture(file).problem);
  assertEquals(problems, [
    { kind: "not-a-capture", text: "it is empty", offset: 0 },
    { kind: "not-a-capture", text: "it is 3 bytes long, shorter than any capture", offset: 0 },
    { kind: "cut", text: "it ends in the header of the file", offset: 0 },
    { kind: "cut", text: "it ends in the middle of packet 1", offset: 24 },
    { kind: "cut", text: "it ends in the middle of packet 1", offset: 24 },
    { kind: "cut", text: "it ends in the middle of packet 2", offset: whole.length },
  ]);
  const version = pcapBytes({ order: "big", version: [3, 0], records: [] });
  assertEquals(readCapture(version).problem, {
    kind: "unsupported",
    text: "it is a pcap of version 3.0, and only 2.x is known",
    offset: 4,
  });
});

Deno.test("pcap: a length that no packet has ends the reading, and what was before it counts", () => {
  const file = pcapBytes({
    order: "little",
    records: [1, 2].map((seconds) => ({ seconds, fraction: 0, data: FRAME })),
  });
  file[24 + 16 + FRAME.length + 8 + 3] = 0x80;
  const { packets, problem } = readCapture(file);
  assertEquals(packets.length, 1);
  assertEquals(problem, {
    kind: "damaged",
    text: "packet 2 says that it is 2147483653 bytes long, which no packet is",
    offset: 45,
  });
});

Deno.test("not a capture: what it is, where that can be told", () => {
  const texts = [
    "1f8b0800",
    "28b52ffd",
    "fd377a58",
    "425a6839",
    "04224d18",
    "504b0304",
    "736e6f6f70",
    "7b226122",
  ]
    .map((hex) => readCapture(Uint8Array.fromHex(hex)).problem);
  assertEquals(texts.map((problem) => problem?.kind), Array(8).fill("not-a-capture"));
  assertEquals(texts.map((problem) => problem?.text), [
    "it is compressed by gzip: gzip -dc FILE makes a capture of it",
    "it is compressed by zstd: zstd -dc FILE makes a capture of it",
    "it is compressed by xz: xz -dc FILE makes a capture of it",
    "it is compressed by bzip2: bzip2 -dc FILE makes a capture of it",
    "it is compressed by lz4: lz4 -dc FILE makes a capture of it",
    "it is a zip archive: unzip takes the capture out of it",
    "it is a capture by snoop: editcap -F pcapng FILE OUT makes one that can be read",
    "it is no capture, pcap or pcapng: it begins with the bytes 7b 22 61 22",
  ]);
});
