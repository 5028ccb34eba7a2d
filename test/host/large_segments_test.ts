/**
 * Large segments from a host to a link that has them cut: this one cuts as Linux does, and judges what it is given.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import type { FrameHandler, FrameLink } from "../../src/link/link.ts";
import { CutPlan, planCut } from "../../src/link/cut_plan.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import { readU16, readU32, writeU16, writeU32 } from "../../src/wire/bytes.ts";
import { checksum, foldSum, pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { ETHERNET } from "../../src/wire/ethernet.ts";
import { IP_PROTOCOL, IPV4 } from "../../src/wire/ipv4.ts";
import { IPV6 } from "../../src/wire/ipv6.ts";
import { FLAG, TCP, tcpChecksum } from "../../src/wire/tcp.ts";
import { FAMILY, HOST_IP, IS_IPV6 } from "../tcp/family.ts";

const MTU = 1500;
const LARGEST_PACKET_BYTES = 65517;
const IP = ETHERNET.HEADER_BYTES;
const SOURCE_AT = IP + (IS_IPV6 ? IPV6.SOURCE : IPV4.SOURCE);

/** Cuts what comes with a cut size; loses each frame that `loses` names, counted from 1. */
class CuttingLink implements FrameLink {
  readonly maxPacketBytes = LARGEST_PACKET_BYTES;
  readonly isCrowded = false;
  /** Payload bytes of each segment that was cut. */
  readonly cutSends: number[] = [];
  sent = 0;
  readonly #link: FrameLink;
  readonly #loses: (frame: number) => boolean;
  readonly #plan = new CutPlan();

  constructor(link: FrameLink, loses: (frame: number) => boolean) {
    this.#link = link;
    this.#loses = loses;
  }

  get name() {
    return this.#link.name;
  }

  get mtu() {
    return this.#link.mtu;
  }

  get mac() {
    return this.#link.mac;
  }

  receive(handler: FrameHandler, budget: number): number {
    return this.#link.receive(handler, budget);
  }

  send(frame: Uint8Array, length: number, cutBytes = 0): void {
    if (cutBytes === 0) return this.#pass(frame.slice(0, length));
    assert(planCut(frame, length, cutBytes, this.#plan));
    const { headerLength, tcpOffset } = this.#plan;
    const payloadLength = length - headerLength;
    this.cutSends.push(payloadLength);
    if (IS_IPV6) assertEquals(readU16(frame, IP + IPV6.PAYLOAD_LENGTH), length - IP - IPV6.HEADER_BYTES);
    else assertEquals(readU16(frame, IP + IPV4.TOTAL_LENGTH), length - IP);
    const pseudo = pseudoHeaderSum(
      frame,
      SOURCE_AT,
      HOST_IP.length,
      IP_PROTOCOL.TCP,
      length - tcpOffset,
    );
    assertEquals(readU16(frame, tcpOffset + TCP.CHECKSUM), foldSum(pseudo), "a partial sum");
    for (let at = 0, part = 0; at < payloadLength; at += cutBytes, part++) {
      const isLast = at + cutBytes >= payloadLength;
      const bytes = new Uint8Array(headerLength + Math.min(cutBytes, payloadLength - at));
      bytes.set(frame.subarray(0, headerLength));
      bytes.set(
        frame.subarray(headerLength + at, headerLength + at + bytes.length - headerLength),
        headerLength,
      );
      if (IS_IPV6) writeU16(bytes, IP + IPV6.PAYLOAD_LENGTH, bytes.length - IP - IPV6.HEADER_BYTES);
      else {
        writeU16(bytes, IP + IPV4.TOTAL_LENGTH, bytes.length - IP);
        writeU16(bytes, IP + IPV4.ID, (readU16(frame, IP + IPV4.ID) + part) & 0xffff);
        writeU16(bytes, IP + IPV4.CHECKSUM, 0);
        writeU16(bytes, IP + IPV4.CHECKSUM, checksum(bytes, IP, IPV4.HEADER_BYTES));
      }
      writeU32(bytes, tcpOffset + TCP.SEQUENCE, (readU32(frame, tcpOffset + TCP.SEQUENCE) + at) >>> 0);
      if (!isLast) bytes[tcpOffset + TCP.FLAGS] &= ~(FLAG.PSH | FLAG.FIN);
      this.#complete(bytes, tcpOffset);
      this.#pass(bytes);
    }
  }

  flush(): void {
    this.#link.flush();
  }

  wait(timeoutMs: number): Promise<void> {
    return this.#link.wait(timeoutMs);
  }

  wake(): void {
    this.#link.wake();
  }

  stats() {
    return this.#link.stats();
  }

  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #complete(bytes: Uint8Array, tcpOffset: number): void {
    const tcpLength = bytes.length - tcpOffset;
    const pseudo = pseudoHeaderSum(
      bytes,
      SOURCE_AT,
      HOST_IP.length,
      IP_PROTOCOL.TCP,
      tcpLength,
    );
    writeU16(bytes, tcpOffset + TCP.CHECKSUM, tcpChecksum(bytes, tcpOffset, tcpLength, pseudo));
  }

  #pass(bytes: Uint8Array): void {
    this.sent++;
    if (!this.#loses(this.sent)) this.#link.send(bytes, bytes.length);
  }
}

/** Sends `total` bytes through a link that cuts; returns what came and the link. */
function transfer(total: number, loses: (frame: number) => boolean = () => false) {
  const [a, b] = memoryPair({ mtu: MTU });
  const link = new CuttingLink(a, loses);
  const shared = { epochUs: 0, checksumPolicy: "strict" } as const;
  const address = (last: number) => FAMILY.neighbor(last);
  const sender = new Host({
    ...shared,
    link,
    addresses: [{ address: address(1), prefixLength: FAMILY.prefixLength }],
    secret: new Uint8Array(16).fill(1),
  });
  const receiver = new Host({
    ...shared,
    link: b,
    addresses: [{ address: address(2), prefixLength: FAMILY.prefixLength }],
    secret: new Uint8Array(16).fill(2),
  });
  const network = new VirtualNetwork();
  network.join({ host: sender, link });
  network.join({ host: receiver, link: b });
  const data = Uint8Array.from({ length: total }, (_, at) => (at * 31 + (at >>> 9)) & 0xff);
  const came = new Uint8Array(total);
  let cameBytes = 0;
  receiver.listen({
    port: 5001,
    accept: () => ({
      onReadable(connection) {
        cameBytes += connection.read(came.subarray(cameBytes));
      },
      onPeerClosed: (connection) => connection.closeWrite(),
    }),
  });
  let written = 0;
  let closed = "";
  sender.connect({
    address: address(2),
    port: 5001,
    handler: {
      onOpen: (connection) => {
        written += connection.write(data);
      },
      onWritable: (connection) => {
        if (written === total) return;
        written += connection.write(data, written);
        if (written === total) connection.closeWrite();
      },
      onClosed: (_connection, reason) => closed = reason,
    },
  });
  assert(network.advanceUntil(() => closed !== "", 300_000_000), `${cameBytes} of ${total} bytes came`);
  assertEquals(closed, "normal");
  assertEquals(cameBytes, total);
  assertEquals(came, data);
  return { link, counters: receiver.counters() };
}

Deno.test("large segments: cut, completed and taken by a strict receiver, byte for byte", () => {
  const { link, counters } = transfer(5_000_000);
  assertGreater(link.cutSends.length, 10);
  assertGreater(Math.max(...link.cutSends), 10_000);
  assertEquals(counters["drop-checksum"] ?? 0, 0);
});

Deno.test("large segments: a loss inside one is mended, wherever it was cut", () => {
  for (const period of [17, 61, 250]) {
    const { link } = transfer(3_000_000, (frame) => frame % period === 0);
    assertGreater(link.cutSends.length, 0);
  }
});
