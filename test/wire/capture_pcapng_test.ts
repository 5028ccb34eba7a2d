/** The pcapng format: exact blocks in, exact packets out; sections, resolutions, the three kinds of packet, what is passed over. */
import { assertEquals } from "@std/assert";
import { CaptureFile } from "../../src/wire/capture_file.ts";
import type { CapturedPacket } from "../../src/wire/capture_packet.ts";
import {
  block,
  ByteWriter,
  comment,
  enhancedPacket,
  interfaceDescription,
  joined,
  obsoletePacket,
  type Order,
  sectionHeader,
  simplePacket,
} from "./capture_writer.ts";
import { readCapture } from "./capture_readings.ts";

const ORDERS: readonly Order[] = ["little", "big"];
const FRAME = Uint8Array.of(1, 2, 3, 4, 5);
/** 2026-01-01 00:00:00 UTC. */
const NEW_YEAR = 1767225600n;

function only(packets: readonly CapturedPacket[]): CapturedPacket {
  assertEquals(packets.length, 1);
  return packets[0];
}

for (const order of ORDERS) {
  Deno.test(`pcapng, ${order}-endian: the bytes of a file, one by one`, () => {
    const file = order === "little"
      ? "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000" +
        "01000000 20000000 7100 0000 40000000 0200 0300 616e7900 0000 0000 20000000" +
        "06000000 3c000000 00000000 54470600 80c96f35 05000000 dc050000 0102030405000000" +
        "0100 0200 68690000 0200 0400 02000000 0000 0000 3c000000"
      : "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c" +
        "00000001 00000020 0071 0000 00000040 0002 0003 616e7900 0000 0000 00000020" +
        "00000006 0000003c 00000000 00064754 356fc980 00000005 000005dc 0102030405000000" +
        "0001 0002 68690000 0002 0004 00000002 0000 0000 0000003c";
    const { packets, problem } = readCapture(Uint8Array.fromHex(file.replaceAll(" ", "")));
    assertEquals(problem, null);
    const timeUs = 0x64754 * 2 ** 32 + 0x356fc980;
    assertEquals(packets, [{
      number: 1,
      timeUs,
      seconds: Math.floor(timeUs / 1e6),
      nanoseconds: (timeUs % 1e6) * 1000,
      hasTime: true,
      bytes: FRAME,
      originalLength: 1500,
      interface: { section: 0, index: 0, name: "any", linkType: 113, snapLength: 64 },
      direction: "out",
      comments: ["hi"],
    }]);
  });

  Deno.test(`pcapng, ${order}-endian: the time's resolution and its offset`, () => {
    const i64 = (value: bigint) => new ByteWriter(order).u64(BigInt.asUintN(64, value)).done();
    const times = ([
      [[], NEW_YEAR * 10n ** 6n + 1n],
      [[[9, [9]]], NEW_YEAR * 10n ** 9n + 123456789n],
      [[[9, [0]]], NEW_YEAR],
      [[[9, [3]]], NEW_YEAR * 1000n + 999n],
      // Finer than a nanosecond is cut off.
      [[[9, [10]]], NEW_YEAR * 10n ** 10n + 9_999_999_999n],
      [[[9, [0x8a]]], NEW_YEAR * 1024n + 512n],
      [[[9, [0x80 | 32]]], NEW_YEAR * 2n ** 32n + 2n ** 31n + 1n],
      // Counted from 1970 these would not fit: from the offset they do.
      [[[9, [15]], [14, i64(NEW_YEAR)]], 999_999_999_999_999n],
      [[[9, [0x80 | 60]], [14, i64(NEW_YEAR)]], 2n ** 59n],
      [[[9, [6]], [14, i64(-3600n)]], NEW_YEAR * 10n ** 6n + 5n],
      // Options of a wrong size say nothing.
      [[[9, [9, 9]], [14, [1, 2, 3, 4]]], NEW_YEAR * 10n ** 6n + 1n],
    ] as const).map(([options, ticks]) => {
      const { packets, problem } = readCapture(joined(
        sectionHeader(order),
        interfaceDescription(order, { options }),
        enhancedPacket(order, { ticks, data: FRAME }),
      ));
      assertEquals(problem, null);
      const { seconds, nanoseconds } = only(packets);
      return [seconds - Number(NEW_YEAR), nanoseconds];
    });
    assertEquals(times, [
      [0, 1000],
      [0, 123456789],
      [0, 0],
      [0, 999000000],
      [0, 999999999],
      [0, 500000000],
      [0, 500000000],
      [0, 999999999],
      [0, 500000000],
      [-3600, 5000],
      [0, 1000],
    ]);
  });

  Deno.test(`pcapng, ${order}-endian: simple and obsolete packet blocks`, () => {
    const { packets, problem } = readCapture(joined(
      sectionHeader(order),
      interfaceDescription(order, { snapLength: 3 }),
      interfaceDescription(order, { linkType: 101 }),
      obsoletePacket(order, {
        ticks: 7_000_001n,
        data: FRAME,
        original: 60,
        interfaceIndex: 1,
        options: [[2, new ByteWriter(order).u32(1).done()], comment("x"), comment("fünf"), comment("zwei")],
      }),
      obsoletePacket(order, { ticks: 7_000_001n, data: FRAME, interfaceIndex: 1 }),
      // The snap length says how much of the data is data.
      simplePacket(order, FRAME.subarray(0, 3), 99),
    ));
    assertEquals(problem, null);
    assertEquals(
      packets.map((packet) => [
        packet.seconds,
        packet.nanoseconds,
        packet.hasTime,
        [...packet.bytes],
        packet.originalLength,
        packet.interface.linkType,
        packet.direction,
        packet.comments,
      ]),
      [
        [7, 1000, true, [1, 2, 3, 4, 5], 60, 101, "in", ["x", "fünf", "zwei"]],
        [7, 1000, true, [1, 2, 3, 4, 5], 5, 101, null, []],
        [7, 1000, false, [1, 2, 3], 99, 1, null, []],
      ],
    );
  });

  Deno.test(`pcapng, ${order}-endian: blocks that are no packets are passed over`, () => {
    const { packets, problem } = readCapture(
      joined(
        sectionHeader(order, [comment("a file"), [4, [0x78]]]),
        block(order, 4, [1, 2, 3, 4]),
        interfaceDescription(order),
        block(order, 0x0bad, [0, 0, 0, 1, 9, 9]),
        block(order, 0x40000bad, []),
        block(order, 10, new Uint8Array(100)),
        block(order, 0x7fffffff, new Uint8Array(33)),
        enhancedPacket(order, { ticks: 1n, data: FRAME }),
        block(order, 5, new Uint8Array(12)),
      ),
      [1],
    );
    assertEquals(problem, null);
    // To Wireshark the two custom blocks are frames.
    assertEquals([only(packets).number, only(packets).comments], [3, []]);
  });
}

Deno.test("pcapng: names and comments of 64 kB are cut, between letters", () => {
  const name = new TextEncoder().encode("n".repeat(65_535));
  const [long, pairs] = ["c".repeat(65_535), `x${"\u{1f600}".repeat(16_000)}`];
  const { packets, problem } = readCapture(joined(
    sectionHeader("little"),
    interfaceDescription("little", { options: [[2, name]] }),
    interfaceDescription("little", { options: [[2, name.subarray(0, 64)]] }),
    enhancedPacket("little", {
      ticks: 1n,
      data: FRAME,
      options: [comment(long), comment(pairs), comment(long.slice(0, 500))],
    }),
    enhancedPacket("little", { ticks: 1n, data: FRAME, interfaceIndex: 1 }),
  ));
  assertEquals(problem, null);
  assertEquals(packets.map((packet) => packet.interface.name), [`${"n".repeat(64)}…`, "n".repeat(64)]);
  assertEquals(packets[0].comments, [
    `${"c".repeat(500)}…`,
    `x${"\u{1f600}".repeat(249)}…`,
    "c".repeat(500),
  ]);
});

Deno.test("pcapng: sections of different orders, each with its own interfaces", () => {
  const { packets, problem } = readCapture(joined(
    sectionHeader("little"),
    interfaceDescription("little", { options: [[2, [0x61]]] }),
    interfaceDescription("little", { options: [[2, [0x62]]], linkType: 113 }),
    enhancedPacket("little", { ticks: 1n, data: FRAME, interfaceIndex: 1 }),
    sectionHeader("big"),
    interfaceDescription("big", { options: [[9, [3]]], linkType: 276 }),
    enhancedPacket("big", { ticks: 1n, data: FRAME }),
    sectionHeader("little"),
    interfaceDescription("little"),
    enhancedPacket("little", { ticks: 1n, data: FRAME }),
  ));
  assertEquals(problem, null);
  assertEquals(
    packets.map(({ number, timeUs, interface: { section, index, name, linkType } }) => [
      number,
      timeUs,
      section,
      index,
      name,
      linkType,
    ]),
    [[1, 1, 0, 1, "b", 113], [2, 1000, 1, 0, null, 276], [3, 1, 2, 0, null, 1]],
  );
});

Deno.test("pcapng: a list of options that breaks off takes nothing from its packet", () => {
  const body = new ByteWriter("little").u32(0, 0, 1, 4, 4).bytes([1, 2, 3, 4]);
  body.u16(1, 2).bytes([0x68, 0x69, 0, 0]).u16(1, 200).bytes([0x68, 0x69, 0, 0]);
  const { packets, problem } = readCapture(joined(
    sectionHeader("little"),
    interfaceDescription("little"),
    block("little", 6, body.done()),
  ));
  assertEquals(problem, null);
  assertEquals(only(packets).comments, ["hi"]);
});

Deno.test("pcapng: what ends the reading is said, with the place, and what was before it counts", () => {
  const start = joined(
    sectionHeader("little"),
    interfaceDescription("little"),
    enhancedPacket("little", { ticks: 1n, data: FRAME }),
  );
  const good = enhancedPacket("little", { ticks: 2n, data: FRAME });
  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  const noOrder = sectionHeader("little");
  noOrder[8] = 0;
  const cases: readonly (readonly [Uint8Array, string, string])[] = [
    [good.subarray(0, 5), "cut", "it ends in the middle of a block, after packet 1"],
    [good.subarray(0, good.length - 1), "cut", "it ends in the middle of a block, after packet 1"],
    [block("little", 99, FRAME).subarray(0, 13), "cut", "it ends in the middle of a block, after packet 1"],
    [changed(4, 8), "damaged", "after packet 1 a block says that it is 8 bytes long"],
    [
      changed(7, 0x80),
      "damaged",
      "after packet 1 a block says that it is 2147483688 bytes long, which none with a packet is",
    ],
    [
      changed(good.length - 4, 44),
      "damaged",
      "after packet 1 the two lengths of a block are not the same",
    ],
    [changed(8, 5), "damaged", "after packet 1 a packet is of interface 5, which the section does not have"],
    [changed(20, 9), "damaged", "after packet 1 a packet is longer than its block"],
    [
      block("little", 6, []),
      "damaged",
      "after packet 1 a packet is of interface 12, which the section does not have",
    ],
    [block("little", 1, []), "damaged", "after packet 1 the description of an interface is too short"],
    [block("little", 3, []), "damaged", "after packet 1 the block of a packet is too short"],
    [noOrder, "damaged", "after packet 1 a section does not say its byte order"],
    [
      block("little", 0x0a0d0d0a, [0x4d, 0x3c, 0x2b, 0x1a]),
      "damaged",
      "after packet 1 the header of a section is too short",
    ],
    [sectionHeader("big", [], 2), "unsupported", "a section is pcapng of version 2.0, and only 1.x is known"],
    [
      joined(sectionHeader("big"), simplePacket("big", FRAME)),
      "damaged",
      "after packet 1 a packet comes before any interface",
    ],
  ];
  for (const [end, kind, text] of cases) {
    const { packets, problem } = readCapture(joined(start, end));
    assertEquals([packets.length, problem?.kind, problem?.text], [1, kind, text]);
    assertEquals(problem?.offset, start.length + (text.endsWith("before any interface") ? 28 : 0));
  }
  assertEquals(readCapture(sectionHeader("little").subarray(0, 11)).problem, {
    kind: "cut",
    text: "it ends in the middle of a block, before the first packet",
    offset: 0,
  });
});

Deno.test("pcapng: a file of nothing but interfaces fills no memory", () => {
  const one = interfaceDescription("little");
  const many = new Uint8Array(one.length * 0x10001);
  for (let i = 0; i <= 0x10000; i++) many.set(one, i * one.length);
  const file = new Uint8Array(28 + many.length);
  file.set(sectionHeader("little"));
  file.set(many, 28);
  assertEquals(readCapture(file).problem?.text, "a section has more than 65536 interfaces");
});

Deno.test("pcapng: what was lost while it was captured, by the last statistics of each interface and section", () => {
  for (const order of ORDERS) {
    const statistics = (index: number, ...drops: readonly (readonly [code: number, count: bigint])[]) =>
      block(
        order,
        5,
        new ByteWriter(order).u32(index, 0, 0)
          .bytes(drops.flatMap(([code, count]) => [
            ...new ByteWriter(order).u16(code, 8).u64(count).done(),
          ])).u32(0).done(),
      );
    const lost = (...blocks: readonly Uint8Array[]) => {
      const capture = new CaptureFile();
      capture.push(
        joined(sectionHeader(order), interfaceDescription(order), interfaceDescription(order), ...blocks),
      );
      capture.end();
      assertEquals([capture.next(), capture.problem], [null, null]);
      return capture.dropped;
    };
    assertEquals(lost(), null);
    assertEquals(lost(statistics(0)), null);
    assertEquals(lost(statistics(0, [4, 100n], [5, 0n])), 0);
    // The interface's and the system's own; counts go on, so that the last ones are all.
    assertEquals(lost(statistics(0, [5, 1n]), statistics(0, [5, 3n], [7, 4n]), statistics(1, [7, 10n])), 17);
    // Of an interface that nobody described, and one that ends too soon.
    assertEquals(lost(statistics(7, [5, 9n]), block(order, 5, [0, 0])), null);
    const again = [sectionHeader(order), interfaceDescription(order), statistics(0, [5, 2n])];
    assertEquals(lost(statistics(0, [5, 3n]), ...again), 5);
  }
});
