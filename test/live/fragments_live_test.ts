/**
 * Fragments that Linux sends: put together here they are what tshark, and Linux's own checksum, say that they are. And
 * fragments that are cut here: Linux puts them together and answers.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { fragments } from "../../src/host/fragmenter.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { emitIp, IP_PROTOCOL, IpPacket, parseIp, pseudoSum } from "../../src/wire/ip.ts";
import { FragmentWire } from "../host/fragment_wire.ts";
import { pattern } from "../host/hand_fragments.ts";
import { readCapture } from "../wire/capture_readings.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

/** One family as ping and tshark name it. */
interface LiveFamily {
  readonly name: string;
  readonly flag: string;
  readonly type: number;
  readonly server: "addresses" | "addresses6";
  /** tshark's: all bytes of the fragments of a datagram. */
  readonly field: string;
  readonly icmp: number;
  readonly requestType: number;
  readonly replyType: number;
}

const FAMILIES: readonly LiveFamily[] = [
  {
    name: "IPv4",
    flag: "-4",
    type: ETHERTYPE.IPV4,
    server: "addresses",
    field: "ip.reassembled.data",
    icmp: IP_PROTOCOL.ICMP,
    requestType: 8,
    replyType: 0,
  },
  {
    name: "IPv6",
    flag: "-6",
    type: ETHERTYPE.IPV6,
    server: "addresses6",
    field: "ipv6.reassembled.data",
    icmp: IP_PROTOCOL.ICMPV6,
    requestType: 128,
    replyType: 129,
  },
];

/** ICMP header, bytes, and the largest data that fit into a packet of either family. */
const ICMP_BYTES = 8;
const SIZES = [1500, 60_000, 65_507];
const OUR_ECHO_ID = 0x7c1a;

/** Puts the frames of a file, each a length of four bytes and itself, on a device. */
const SENDER = `
import socket, struct, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
frames = open(sys.argv[2], "rb").read()
at = 0
while at < len(frames):
    length, = struct.unpack_from(">I", frames, at)
    wire.send(frames[at + 4:at + 4 + length])
    at += 4 + length
`;

/** One datagram that was put together. */
interface Whole {
  readonly bytes: Uint8Array;
  readonly packet: IpPacket;
  readonly payload: Uint8Array;
}

/** All datagrams of one family that came in fragments, in the order in which they were complete, and how many frames those were. */
function reassembled(path: string, { type }: LiveFamily): { wholes: Whole[]; frames: Uint8Array[] } {
  const { packets, problem } = readCapture(Deno.readFileSync(path));
  assertEquals(problem, null);
  const wire = new FragmentWire();
  const wholes: Whole[] = [];
  const frames: Uint8Array[] = [];
  for (const { bytes } of packets) {
    const ethernet = new EthernetHeader();
    const packet = new IpPacket();
    assertEquals(parseEthernet(bytes, bytes.length, ethernet), null);
    if (ethernet.type !== type) continue;
    const { payloadOffset } = ethernet;
    assertEquals(parseIp(type, bytes, payloadOffset, bytes.length - payloadOffset, packet), null);
    if (!packet.isFragment) continue;
    frames.push(bytes.slice());
    const whole = wire.gives(bytes.slice());
    if (whole === null) continue;
    const from = whole.packet.payloadOffset;
    const payload = whole.bytes.slice(from, from + whole.packet.payloadLength);
    wholes.push({ bytes: whole.bytes, packet: Object.assign(new IpPacket(), whole.packet), payload });
  }
  assertEquals([wire.drops, wire.reassembly.size, wire.reassembly.heldBytes], [[], 0, 0]);
  return { wholes, frames };
}

/** What tshark puts together of the same file. */
async function judged(path: string, { field }: LiveFamily): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command("tshark", {
    args: ["-n", "-r", path, "-Y", field, "-T", "fields", "-e", field],
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** Sum over the message with its pseudo-header, 0 when the checksum is right. */
function remainder({ icmp }: LiveFamily, { packet, payload }: Whole): number {
  const pseudo = icmp === IP_PROTOCOL.ICMP ? 0 : pseudoSum(packet.addressSum, icmp, payload.length);
  return checksum(payload, 0, payload.length, pseudo);
}

/** An echo request of ours, from and to whom the frame `like` is, in fragments. */
function ourRequest(
  family: LiveFamily,
  { like, data, mtu }: { like: Uint8Array; data: Uint8Array; mtu: number },
) {
  const linux = new IpPacket();
  assertEquals(
    parseIp(family.type, like, ETHERNET.HEADER_BYTES, like.length - ETHERNET.HEADER_BYTES, linux),
    null,
  );
  const addressAt = (offset: number) => like.slice(offset, offset + linux.addressBytes);
  const payloadLength = ICMP_BYTES + data.length;
  const frame = new Uint8Array(ETHERNET.HEADER_BYTES + 40 + payloadLength);
  frame.set(like.subarray(0, ETHERNET.HEADER_BYTES));
  const headerBytes = emitIp(frame, ETHERNET.HEADER_BYTES, {
    source: addressAt(linux.sourceOffset),
    destination: addressAt(linux.destinationOffset),
    protocol: family.icmp,
    payloadLength,
    hopLimit: 64,
    id: 0,
  });
  const at = ETHERNET.HEADER_BYTES + headerBytes;
  frame.set([family.requestType, 0, 0, 0, OUR_ECHO_ID >>> 8, OUR_ECHO_ID & 0xff, 0, 1], at);
  frame.set(data, at + ICMP_BYTES);
  const pseudo = family.icmp === IP_PROTOCOL.ICMP
    ? 0
    : pseudoSum(linux.addressSum, family.icmp, payloadLength);
  const sum = checksum(frame, at, payloadLength, pseudo);
  frame.set([sum >>> 8, sum & 0xff], at + 2);
  const frames: Uint8Array[] = [];
  fragments(
    frame,
    { ipOffset: ETHERNET.HEADER_BYTES, headerBytes, payloadLength, mtu, id: 0xfeed1234 },
    (fragment, length) => frames.push(fragment.slice(0, length)),
  );
  return frames;
}

async function send(lab: PrivateLab, frames: readonly Uint8Array[]): Promise<void> {
  await using file = await scratchFile(".frames");
  const pieces = frames.flatMap((frame) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    return [length, Buffer.from(frame)];
  });
  await Deno.writeFile(file.path, Buffer.concat(pieces));
  const words = ["python3", "-c", SENDER, lab.plan.devices.client, file.path];
  const { code, stderr } = await lab.run({ side: "client", words });
  assertEquals(code, 0, stderr);
}

for (const mtuBytes of [1500, 1280]) {
  for (const family of FAMILIES) {
    const options = { mtuBytes, needs: [...JUDGE_PROGRAMS, "python3"] };
    liveTest(`fragments: large pings of Linux, ${family.name}, MTU ${mtuBytes}`, options, async (lab) => {
      const server = lab.plan[family.server].server;
      await using file = await scratchFile(".pcapng");
      const recording = await WireRecording.start(lab, file.path, { filter: "ip or ip6" });
      for (const size of SIZES) {
        const words = [
          "ping",
          family.flag,
          "-n",
          "-c",
          "2",
          "-i",
          "0.2",
          "-W",
          "2",
          "-s",
          String(size),
          server,
        ];
        const { code, stdout, stderr } = await lab.run({ side: "client", words });
        assertEquals(code, 0, stdout + stderr);
      }
      await recording.end();
      const { wholes, frames } = reassembled(file.path, family);
      // Two requests and two replies of each size.
      assertEquals(
        wholes.map(({ payload }) => payload.length - ICMP_BYTES),
        SIZES.flatMap((size) => Array(4).fill(size)),
      );
      assertEquals(
        wholes.map(({ payload }) => payload[0]),
        SIZES.flatMap(() => [family.requestType, family.replyType, family.requestType, family.replyType]),
      );
      for (const whole of wholes) assertEquals(remainder(family, whole), 0);
      const hex = wholes.map(({ payload }) => Buffer.from(payload).toString("hex"));
      const other = await judged(file.path, family);
      assert(
        hex.every((bytes, index) => bytes === other[index]) && other.length === hex.length,
        "tshark's differ",
      );

      // And the other way: ours, which Linux puts together and answers.
      const data = pattern(60_000);
      const requests = ourRequest(family, { like: frames[0], data, mtu: mtuBytes });
      assertGreater(requests.length, 40);
      await using reply = await scratchFile(".pcapng");
      const second = await WireRecording.start(lab, reply.path, { filter: "ip or ip6" });
      await send(lab, requests);
      // Whole, backwards, too: the order is nobody's.
      await send(
        lab,
        ourRequest(family, { like: frames[0], data: data.toReversed(), mtu: mtuBytes }).reverse(),
      );
      await second.end();
      const answers = reassembled(reply.path, family).wholes;
      assertEquals(answers.map(({ payload }) => payload[0]), [
        family.requestType,
        family.replyType,
        family.requestType,
        family.replyType,
      ]);
      for (const [index, expected] of [data, data, data.toReversed(), data.toReversed()].entries()) {
        assertEquals(remainder(family, answers[index]), 0);
        assert(
          Buffer.from(answers[index].payload).subarray(ICMP_BYTES).equals(Buffer.from(expected)),
          `${index}`,
        );
      }
    });
  }
}
