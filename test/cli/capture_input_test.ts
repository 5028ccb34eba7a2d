/** Captures as a person names them: files, gzip in every state, a pipe that never ends; and what `explain` says of what is none. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { readCapture } from "../../src/cli/capture_input.ts";
import { CliError } from "../../src/cli/command.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { CaptureProblem } from "../../src/wire/capture_packet.ts";
import {
  enhancedPacket,
  interfaceDescription,
  joined,
  pcapBytes,
  sectionHeader,
} from "../wire/capture_writer.ts";
import { SAMPLES } from "../wire/capture_samples.ts";

const FRAME_BYTES = 1400;
/** 4 MB, so that it comes in several pieces: each frame filled after its number. */
const LARGE = pcapBytes({
  order: "little",
  records: Array.from({ length: 3000 }, (_, i) => ({
    seconds: i,
    fraction: 0,
    data: Uint8Array.from({ length: FRAME_BYTES }, (_, k) => i * 31 + (k & 63)),
  })),
});

async function withFile<Value>(bytes: Uint8Array, body: (path: string) => Promise<Value>): Promise<Value> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    return await body(path);
  } finally {
    await Deno.remove(path);
  }
}

/** The numbers of the packets that were as they should be, and the problem. */
async function readLarge(bytes: Uint8Array): Promise<[number, CaptureProblem | null]> {
  let good = 0;
  const { problem } = await withFile(bytes, (path) =>
    readCapture(path, {
      onPacket: ({ number, seconds, bytes }) => {
        const i = number - 1;
        const isRight = seconds === i && bytes.length === FRAME_BYTES &&
          bytes.every((byte, k) => byte === ((i * 31 + (k & 63)) & 0xff));
        if (isRight) good += 1;
      },
    }));
  return [good, problem];
}

Deno.test("a large file, as it is and compressed, in one member and in several", async () => {
  assertEquals(await readLarge(LARGE), [3000, null]);
  assertEquals(await readLarge(gzipSync(LARGE)), [3000, null]);
  const half = LARGE.length >> 1;
  const members = [LARGE.subarray(0, half), LARGE.subarray(half)].map((part) => gzipSync(part));
  assertEquals(await readLarge(joined(...members)), [3000, null]);
});

Deno.test("compressed data that ends too soon: all that came out is read, and one problem says so", async () => {
  const compressed = gzipSync(LARGE);
  const [good, problem] = await readLarge(compressed.subarray(0, compressed.length >> 1));
  assertEquals(good > 1400 && good < 1600, true, `${good}`);
  assertEquals(problem, {
    kind: "cut",
    text: `it ends in the middle of packet ${good + 1}`,
    offset: 24 + good * (16 + FRAME_BYTES),
  });
  // All packets are there; only the checksum of the whole is not.
  assertEquals(await readLarge(compressed.subarray(0, compressed.length - 4)), [3000, {
    kind: "cut",
    text: "its compressed data ends too soon",
    offset: compressed.length - 4,
  }]);
});

Deno.test("compressed data that is damaged: what came out before is read", async () => {
  const compressed = gzipSync(LARGE);
  const damaged = compressed.slice();
  damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 64);
  const [good, problem] = await readLarge(damaged);
  assertEquals(good > 1000 && good < 1600, true, `${good}`);
  assertEquals([problem?.kind, problem?.text], ["damaged", "its compressed data is damaged"]);
});

Deno.test("what cannot be opened or read is one line", async () => {
  const reading = (path: string) => readCapture(path, { onPacket: () => {} });
  await assertRejects(
    () => reading("/no-such-directory/capture"),
    CliError,
    "/no-such-directory/capture cannot be read (no such file or directory): give explain a capture",
  );
  const directory = await Deno.makeTempDir();
  try {
    await assertRejects(() => reading(directory), CliError, `${directory} cannot be read (is a directory)`);
  } finally {
    await Deno.remove(directory);
  }
});

/** What `explain -` makes of standard input. */
async function explained(
  input: Uint8Array,
  options: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...args] = [...selfCommand(), "explain", "-", ...options];
  const process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = process.stdin.getWriter();
  await writer.write(input);
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

const FIRST = SAMPLES[0].file;

Deno.test("explain: the connections, and a file that is cut as far as it goes", async () => {
  const all = await explained(FIRST, ["--show", "list"]);
  assertEquals(all.stderr, "");
  const [head, list] = all.stdout.split("\n\n");
  assertEquals(head, "standard input  4 frames of Ethernet  2 connections: 2 unanswered");
  assertEquals(
    list,
    `
#  client           server          outcome     frames  sent  received     time  Zeek   remarkable
1  10.0.0.9:40000   10.0.0.1:7777   unanswered       2  36 B       0 B  1.001 s  S0 SD  retransmission
2  [fd00::1]:40000  [fd00::9]:7777  unanswered       2  36 B       0 B  1.001 s  S0 SD  retransmission
`.trim(),
  );
  const cut = await explained(FIRST.subarray(0, FIRST.length - 1), ["--show", "list"]);
  assertEquals(cut.stdout.split("\n\n")[0], head.replace("4 frames", "3 frames"));
  assertMatch(cut.stdout, /^2 .* unanswered {7}1 {3}0 B /m);
  assertEquals(
    cut.stderr,
    // The last record: its header, and a frame of 111 bytes.
    `standard input: it ends in the middle of packet 4 (byte ${FIRST.length - 16 - 111}): ` +
      "told is what was before, 3 packets\n",
  );
});

Deno.test("explain: what is no capture, has no packet, no known link, no TCP: one line each", async () => {
  const data = Uint8Array.of(1, 2, 3);
  const record = { seconds: 1, fraction: 0, data };
  const arp = {
    seconds: 1,
    fraction: 0,
    data: Uint8Array.of(...new Uint8Array(12), 8, 6, ...new Uint8Array(28)),
  };
  const cases: readonly (readonly [Uint8Array, number, string])[] = [
    [new Uint8Array(0), 1, "tcplab explain: standard input: it is empty"],
    [
      new TextEncoder().encode("{}[]"),
      1,
      "tcplab explain: standard input: it is no capture, pcap or pcapng: it begins with the bytes 7b 7d 5b 5d",
    ],
    [
      FIRST.subarray(0, 30),
      1,
      "tcplab explain: standard input: it ends in the middle of packet 1 (byte 24): no packet could be read",
    ],
    [FIRST.subarray(0, 24), 0, "standard input: no packet in it"],
    [
      pcapBytes({ order: "big", linkType: 147, records: [record, record] }),
      1,
      "tcplab explain: standard input: link type 147 is not known here; " +
      "Ethernet, Linux cooked, raw IP, loopback, PPP and netfilter's log are",
    ],
    [
      pcapBytes({ order: "big", records: [arp, record, arp] }),
      0,
      "standard input: no TCP in it (3 packets: 2 not-ip, 1 malformed-link)",
    ],
  ];
  for (const [input, code, line] of cases) {
    assertEquals(await explained(input), { code, stdout: "", stderr: `${line}\n` });
  }
});

Deno.test("explain: of thousands of link types the first ten are named, and how many more there are", async () => {
  const types = Array.from({ length: 3000 }, (_, i) => 20_000 + i);
  const unknown = [
    sectionHeader("little"),
    ...types.map((linkType) => interfaceDescription("little", { linkType })),
    ...types.map((_, interfaceIndex) =>
      enhancedPacket("little", { ticks: 1n, data: Uint8Array.of(1), interfaceIndex })
    ),
  ];
  const ten = types.slice(0, 10).join(", ");
  assertEquals(await explained(joined(...unknown)), {
    code: 1,
    stdout: "",
    stderr: `tcplab explain: standard input: link types ${ten} and 2990 more are not known here; ` +
      "Ethernet, Linux cooked, raw IP, loopback, PPP and netfilter's log are\n",
  });
  const { stdout, stderr } = await explained(joined(SAMPLES[3].file, ...unknown), ["--show", "list"]);
  assertEquals(
    stderr,
    `standard input: 3000 packets of link types ${ten} and 2990 more not read; ` +
      "Ethernet, Linux cooked, raw IP, loopback, PPP and netfilter's log are known\n",
  );
  const reasons = types.slice(0, 10).map((linkType) => `link-type-${linkType} 1`).join(", ");
  const seven = types.slice(0, 7).join(", ");
  const head = stdout.split("\n\n")[0].replaceAll(/\s+/g, " ");
  assertEquals(
    head.startsWith(`standard input 3005 frames of Ethernet, Linux cooked, raw IP, ${seven} and 2993 more`),
    true,
    head,
  );
  assertEquals(head.endsWith(`skipped: ${reasons} and 2990 more`), true, head);
});

Deno.test("explain: a name that holds commands of a terminal and a new line is shown without them", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/a\x1b[2J\nb\u202e.pcap`;
    const shown = `${directory}/a?[2J?b?.pcap`;
    await Deno.writeFile(path, FIRST.subarray(0, FIRST.length - 1));
    const [program, ...args] = [...selfCommand(), "explain", path, "--show", "list"];
    const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr).split("\n").map((line) => line.slice(0, shown.length + 2))], [
      0,
      [`${shown}: `, ""],
    ]);
    assertEquals(text.decode(stdout).split("  ")[0], shown);
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3, 4));
    const wrong = await new Deno.Command(program, { args, stdin: "null" }).output();
    assertEquals(
      text.decode(wrong.stderr),
      `tcplab explain: ${shown}: it is no capture, pcap or pcapng: it begins with the bytes 01 02 03 04\n`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("explain: a pipe that never ends is told when the signal comes", async () => {
  const [program, ...args] = [...selfCommand(), "explain", "-"];
  const process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = process.stdin.getWriter();
  // Long before a megabyte of it is there the program listens for signals: more is written than the pipe and it take at once.
  for (let i = 0; i < 4; i++) await writer.write(LARGE.subarray(i * 0x80000, (i + 1) * 0x80000));
  process.kill("SIGINT");
  const output = process.output();
  const { code, stdout, stderr } = await output;
  await writer.abort().catch(() => {});
  const text = new TextDecoder();
  const [, packets] =
    /^standard input: stopped after (\d+) packets, which are told\n/.exec(text.decode(stderr)) ?? [];
  assertEquals([code, text.decode(stdout), Number(packets) > 100], [0, "", true], text.decode(stderr));
});
