/**
 * Capture files made by hand, in either byte order.
 *
 * Owns: the bytes of pcap files and of pcapng blocks, for tests; it shares nothing with the readers, nor with the recorder.
 */

/** The byte order of whoever writes. */
export type Order = "little" | "big";

/** Bytes one after another, numbers in the given order. */
export class ByteWriter {
  readonly #bytes: number[] = [];

  constructor(readonly order: Order) {}

  u16(...values: readonly number[]): this {
    for (const value of values) this.#number(value, 2);
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.#number(value, 4);
    return this;
  }

  u64(value: bigint): this {
    for (let i = 0; i < 8; i++) {
      const shift = BigInt(8 * (this.order === "little" ? i : 7 - i));
      this.#bytes.push(Number((value >> shift) & 0xffn));
    }
    return this;
  }

  bytes(values: Iterable<number>): this {
    for (const value of values) this.#bytes.push(value);
    return this;
  }

  pad(): this {
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
    return this;
  }

  get length(): number {
    return this.#bytes.length;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #number(value: number, size: number): void {
    for (let i = 0; i < size; i++) {
      const byte = this.order === "little" ? i : size - 1 - i;
      this.#bytes.push(Math.floor(value / 2 ** (8 * byte)) & 0xff);
    }
  }
}

/** One record of a pcap. */
export interface PcapRecord {
  readonly seconds: number;
  readonly fraction: number;
  readonly data: Uint8Array;
  readonly original?: number;
}

/** A pcap file. */
export interface PcapFile {
  readonly order: Order;
  readonly magic?: number;
  readonly version?: readonly [number, number];
  readonly snapLength?: number;
  readonly linkType?: number;
  /** Written behind the four words of each record's header. */
  readonly extra?: readonly number[];
  readonly records: readonly PcapRecord[];
}

/** The bytes of a pcap file. */
export function pcapBytes(file: PcapFile): Uint8Array {
  const writer = new ByteWriter(file.order);
  writer.u32(file.magic ?? 0xa1b2c3d4).u16(...(file.version ?? [2, 4])).u32(0, 0);
  writer.u32(file.snapLength ?? 262144, file.linkType ?? 1);
  for (const { seconds, fraction, data, original } of file.records) {
    writer.u32(seconds, fraction, data.length, original ?? data.length).bytes(file.extra ?? []).bytes(data);
  }
  return writer.done();
}

/** An option of a pcapng block. */
export type BlockOption = readonly [code: number, value: Iterable<number>];

/** A pcapng block around a body. */
export function block(order: Order, type: number, body: Iterable<number>): Uint8Array {
  const inner = new ByteWriter(order).bytes(body).pad().done();
  const length = inner.length + 12;
  return new ByteWriter(order).u32(type, length).bytes(inner).u32(length).done();
}

/** Options, the end of them included; nothing where there are none. */
export function optionBytes(order: Order, options: readonly BlockOption[]): Uint8Array {
  const writer = new ByteWriter(order);
  if (options.length === 0) return writer.done();
  for (const [code, value] of options) {
    const bytes = Uint8Array.from(value);
    writer.u16(code, bytes.length).bytes(bytes).pad();
  }
  return writer.u32(0).done();
}

/** Comments are text. */
export function comment(words: string): BlockOption {
  return [1, new TextEncoder().encode(words)];
}

/** The header of a section of unknown length. */
export function sectionHeader(order: Order, options: readonly BlockOption[] = [], major = 1): Uint8Array {
  const body = new ByteWriter(order).u32(0x1a2b3c4d).u16(major, 0).u64(2n ** 64n - 1n);
  return block(order, 0x0a0d0d0a, body.bytes(optionBytes(order, options)).done());
}

/** The description of an interface. */
export function interfaceDescription(
  order: Order,
  { linkType = 1, snapLength = 0, options = [] }: {
    readonly linkType?: number;
    readonly snapLength?: number;
    readonly options?: readonly BlockOption[];
  } = {},
): Uint8Array {
  const body = new ByteWriter(order).u16(linkType, 0).u32(snapLength);
  return block(order, 1, body.bytes(optionBytes(order, options)).done());
}

/** A packet in a block with a time. */
export interface TimedPacket {
  readonly ticks: bigint;
  readonly data: Uint8Array;
  readonly original?: number;
  readonly interfaceIndex?: number;
  readonly options?: readonly BlockOption[];
}

/** An enhanced packet block. */
export function enhancedPacket(order: Order, packet: TimedPacket): Uint8Array {
  const writer = new ByteWriter(order).u32(packet.interfaceIndex ?? 0);
  return block(order, 6, timedBody(writer, packet));
}

/** An obsolete packet block. */
export function obsoletePacket(order: Order, packet: TimedPacket): Uint8Array {
  const writer = new ByteWriter(order).u16(packet.interfaceIndex ?? 0, 0xffff);
  return block(order, 2, timedBody(writer, packet));
}

/** A simple packet block. */
export function simplePacket(order: Order, data: Uint8Array, original = data.length): Uint8Array {
  return block(order, 3, new ByteWriter(order).u32(original).bytes(data).done());
}

function timedBody(writer: ByteWriter, { ticks, data, original, options = [] }: TimedPacket): Uint8Array {
  writer.u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, original ?? data.length);
  return writer.bytes(data).pad().bytes(optionBytes(writer.order, options)).done();
}

/** Pieces one behind another. */
export function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
