/**
 * The memory that sendmmsg reads, looked at as the kernel does: through its pointers.
 */
import { assertEquals } from "@std/assert";
import { addressOf } from "../../ffi/native_memory.ts";
import { IOVEC, MMSGHDR, VNET, VNET_HDR } from "../../ffi/packet_layouts.ts";
import { SendSlots } from "../../ffi/send_slots.ts";
import { CutPlan } from "../../src/link/cut_plan.ts";

/** What the kernel would read of one message: its stretches of memory, one after another. */
function gather(slots: SendSlots, slot: number): Uint8Array[] {
  const message = viewOf(slots.messages[slot]);
  const parts: Uint8Array[] = [];
  for (let part = 0; part < message.getUint32(MMSGHDR.iovCount, true); part++) {
    const at = message.getBigUint64(MMSGHDR.iov, true) + BigInt(part * IOVEC.sizeBytes);
    const iovec = new DataView(nativeBytes(at, IOVEC.sizeBytes).buffer);
    const length = Number(iovec.getBigUint64(IOVEC.length, true));
    parts.push(length === 0 ? new Uint8Array(0) : nativeBytes(iovec.getBigUint64(IOVEC.base, true), length));
  }
  return parts;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function nativeBytes(address: bigint, length: number): Uint8Array {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new Error("The null address");
  const bytes = new Uint8Array(length);
  Deno.UnsafePointerView.copyInto(pointer, bytes);
  return bytes;
}

const frameOf = (value: number, length = 2000) => new Uint8Array(length).fill(value);

Deno.test("send slots: each message points at its own copy of a frame", () => {
  const slots = new SendSlots({ capacity: 4, frameBytes: 1518, withHeader: false });
  const shared = frameOf(0);
  for (const [value, length] of [[1, 60], [2, 1514], [3, 61]]) {
    shared.fill(value);
    slots.add(shared, length);
  }
  shared.fill(9);
  assertEquals(slots.count, 3);
  assertEquals([0, 1, 2].map((slot) => slots.lengthOf(slot)), [60, 1514, 61]);
  assertEquals(gather(slots, 0), [frameOf(1, 60)]);
  assertEquals(gather(slots, 1), [frameOf(2, 1514)]);
  assertEquals(gather(slots, 2), [frameOf(3, 61)]);
  slots.clear();
  assertEquals(slots.count, 0);
});

Deno.test("send slots: with headers, a plain frame has one of zeros before it", () => {
  const slots = new SendSlots({ capacity: 2, frameBytes: 1518, withHeader: true });
  slots.add(frameOf(5), 60);
  const [bytes] = gather(slots, 0);
  assertEquals(bytes.subarray(0, VNET_HDR.sizeBytes), new Uint8Array(VNET_HDR.sizeBytes));
  assertEquals(bytes.subarray(VNET_HDR.sizeBytes), frameOf(5, 60));
  assertEquals(slots.lengthOf(0), 60);
  assertEquals([slots.fits(1518), slots.fits(1600)], [true, false]);
});

Deno.test("send slots: a large segment is pointed at, behind a header that says how to cut it", () => {
  const slots = new SendSlots({ capacity: 2, frameBytes: 1518, withHeader: true });
  const plan = Object.assign(new CutPlan(), { cutBytes: 1448, headerLength: 66, tcpOffset: 34 });
  const large = frameOf(7, 65_000);
  slots.add(frameOf(5), 60);
  slots.point(large, 64_000, plan);
  const [header, frame] = gather(slots, 1);
  const view = viewOf(header);
  assertEquals(header.length, VNET_HDR.sizeBytes);
  assertEquals(view.getUint8(VNET_HDR.flags), VNET.needsChecksum);
  assertEquals(view.getUint8(VNET_HDR.gsoType), VNET.gsoTcp4);
  assertEquals(view.getUint16(VNET_HDR.headerLength, true), 66);
  assertEquals(view.getUint16(VNET_HDR.gsoSize, true), 1448);
  assertEquals(view.getUint16(VNET_HDR.checksumStart, true), 34);
  assertEquals(view.getUint16(VNET_HDR.checksumOffset, true), 16);
  assertEquals(frame, frameOf(7, 64_000));
  assertEquals(slots.lengthOf(1), 64_000);

  // The slot is an ordinary one again afterwards.
  slots.clear();
  slots.add(frameOf(1), 60);
  slots.add(frameOf(2), 60);
  const [again, ...rest] = gather(slots, 1);
  assertEquals(again.subarray(0, VNET_HDR.sizeBytes), new Uint8Array(VNET_HDR.sizeBytes));
  assertEquals(again.subarray(VNET_HDR.sizeBytes), frameOf(2, 60));
  assertEquals(rest, []);
});

Deno.test("send slots: IPv6 and CWR have marks of their own", () => {
  const slots = new SendSlots({ capacity: 1, frameBytes: 1518, withHeader: true });
  const plan = Object.assign(new CutPlan(), {
    cutBytes: 1428,
    headerLength: 86,
    tcpOffset: 54,
    isIpv6: true,
  });
  plan.hasCwr = true;
  slots.point(frameOf(7, 3000), 3000, plan);
  const [header] = gather(slots, 0);
  assertEquals(viewOf(header).getUint8(VNET_HDR.gsoType), VNET.gsoTcp6 | VNET.gsoEcn);
});

Deno.test("send slots: frames from other memory are copied as well", () => {
  const slots = new SendSlots({ capacity: 8, frameBytes: 1518, withHeader: false });
  const [a, b] = [frameOf(1), frameOf(2)];
  for (const frame of [a, a, b, a, b, b, a, b]) slots.add(frame, 70);
  const firsts = Array.from({ length: 8 }, (_, slot) => gather(slots, slot)[0][0]);
  assertEquals(firsts, [1, 1, 2, 1, 2, 2, 1, 2]);
});

Deno.test("native memory: the address of a part of an array lies inside the array", () => {
  const bytes = new Uint8Array(1000);
  assertEquals(addressOf(bytes.subarray(24)) - addressOf(bytes), 24n);
});
