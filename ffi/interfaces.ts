/**
 * The devices that libpcap sees, as plain values.
 *
 * Owns: walking the list of `pcap_findalldevs`, hardware address and MTU of each.
 * Must not know: which device is wanted.
 *
 * Needs no permission but `--allow-ffi`: hardware addresses come with libpcap's list, the MTU from the kernel by ioctl.
 */

import { deviceMtu } from "./device_hardware.ts";
import { bytesAt, pointerAt, readCString, textOfBuffer } from "./native_memory.ts";
import { checkPcap } from "./pcap_error.ts";
import { pcapLibrary } from "./pcap_library.ts";
import { PCAP_ERRBUF_BYTES } from "./pcap_symbols.ts";
import { HARDWARE_ETHERNET, LAYOUTS, PCAP_IF_FLAGS, POINTER_BYTES } from "./struct_layouts.ts";

/** An IP address of a device. */
export interface InterfaceAddress {
  /** 4 bytes (IPv4) or 16 (IPv6), network order. */
  readonly address: Uint8Array;
  /** Length in bits of the subnet's prefix. */
  readonly prefixLength: number;
}

/** One device as the system describes it now. */
export interface InterfaceInfo {
  readonly name: string;
  readonly description: string | null;
  readonly addresses: readonly InterfaceAddress[];
  /** Hardware address, 6 bytes, or null where the device has none of that length. */
  readonly mac: Uint8Array | null;
  /** Largest IP packet in bytes, or null where the system does not tell. */
  readonly mtu: number | null;
  /** Whether its frames are Ethernet; null where the system does not tell before the device is open. */
  readonly isEthernet: boolean | null;
  /** Administratively up. */
  readonly isUp: boolean;
  /** Up and with a carrier. */
  readonly isRunning: boolean;
  readonly isLoopback: boolean;
  readonly isWireless: boolean;
  /** The state of the cable or the association. */
  readonly connection: "connected" | "disconnected" | "unknown" | "not-applicable";
}

const ETHERNET_ADDRESS_BYTES = 6;

/** All devices that libpcap can name, in its order (the likeliest first). Throws PcapError. */
export function listInterfaces(): InterfaceInfo[] {
  const library = pcapLibrary();
  const head = new Uint8Array(POINTER_BYTES);
  const errorText = new Uint8Array(PCAP_ERRBUF_BYTES);
  const code = library.pcap_findalldevs(head, errorText);
  checkPcap(code, {
    operation: "pcap_findalldevs",
    what: "The devices could not be listed",
    detail: textOfBuffer(errorText),
  });
  const first = Deno.UnsafePointer.create(new BigUint64Array(head.buffer)[0]);
  if (first === null) return [];
  try {
    return chain(first, LAYOUTS.pcapIf.next).map(readInterface);
  } finally {
    library.pcap_freealldevs(first);
  }
}

/** The device called `name`, or null. */
export function findInterface(name: string): InterfaceInfo | null {
  return listInterfaces().find((candidate) => candidate.name === name) ?? null;
}

function readInterface(entry: Deno.PointerObject): InterfaceInfo {
  const layout = LAYOUTS.pcapIf;
  const name = readCString(pointerAt(entry, layout.name)) ?? "";
  const flags = new Deno.UnsafePointerView(entry).getUint32(layout.flags);
  const addresses: InterfaceAddress[] = [];
  let mac: Uint8Array | null = null;
  let hardwareType: number | null = null;
  const firstAddress = pointerAt(entry, layout.addresses);
  for (const node of firstAddress === null ? [] : chain(firstAddress, LAYOUTS.pcapAddr.next)) {
    const socketAddress = pointerAt(node, LAYOUTS.pcapAddr.addr);
    if (socketAddress === null) continue;
    if (familyOf(socketAddress) === LAYOUTS.families.link) {
      mac = readHardwareAddress(socketAddress);
      hardwareType = readHardwareType(socketAddress);
      continue;
    }
    const address = readIpAddress(socketAddress);
    if (address === null) continue;
    const netmask = pointerAt(node, LAYOUTS.pcapAddr.netmask);
    // The mask's own family field is not always filled in, so its bytes are taken where the address has them.
    const mask = netmask === null ? null : readIpBytes(netmask, address.length);
    addresses.push({ address, prefixLength: mask === null ? address.length * 8 : leadingOnes(mask) });
  }
  const isLoopback = (flags & PCAP_IF_FLAGS.loopback) !== 0;
  return {
    name,
    description: readCString(pointerAt(entry, layout.description)),
    addresses,
    mac: isLoopback ? null : mac,
    mtu: deviceMtu(name),
    isEthernet: hardwareType === null ? null : hardwareType === HARDWARE_ETHERNET,
    isUp: (flags & PCAP_IF_FLAGS.up) !== 0,
    isRunning: (flags & PCAP_IF_FLAGS.running) !== 0,
    isLoopback,
    isWireless: (flags & PCAP_IF_FLAGS.wireless) !== 0,
    connection: connectionOf(flags),
  };
}

/** The entries of a linked list whose next pointer is `nextOffset` bytes into each. */
function chain(first: Deno.PointerObject, nextOffset: number): Deno.PointerObject[] {
  const entries: Deno.PointerObject[] = [];
  for (let entry: Deno.PointerValue = first; entry !== null; entry = pointerAt(entry, nextOffset)) {
    entries.push(entry);
  }
  return entries;
}

function familyOf(socketAddress: Deno.PointerObject): number {
  const view = new Deno.UnsafePointerView(socketAddress);
  const { family, familyBytes } = LAYOUTS.sockaddr;
  return familyBytes === 1 ? view.getUint8(family) : view.getUint16(family);
}

function readIpAddress(socketAddress: Deno.PointerObject): Uint8Array | null {
  const family = familyOf(socketAddress);
  if (family === LAYOUTS.families.inet) return readIpBytes(socketAddress, 4);
  if (family === LAYOUTS.families.inet6) return readIpBytes(socketAddress, 16);
  return null;
}

function readIpBytes(socketAddress: Deno.PointerObject, lengthBytes: number): Uint8Array {
  const offset = lengthBytes === 4 ? LAYOUTS.sockaddrIn.address : LAYOUTS.sockaddrIn6.address;
  return bytesAt(socketAddress, { offset, lengthBytes });
}

function readHardwareAddress(socketAddress: Deno.PointerObject): Uint8Array | null {
  const layout = LAYOUTS.sockaddrLink;
  const view = new Deno.UnsafePointerView(socketAddress);
  if (view.getUint8(layout.addressLength) !== ETHERNET_ADDRESS_BYTES) return null;
  const nameBytes = layout.nameLength < 0 ? 0 : view.getUint8(layout.nameLength);
  return bytesAt(socketAddress, { offset: layout.address + nameBytes, lengthBytes: ETHERNET_ADDRESS_BYTES });
}

/** The ARP hardware type on Linux; elsewhere the field has another meaning, and nothing is known. */
function readHardwareType(socketAddress: Deno.PointerObject): number | null {
  if (LAYOUTS.sockaddrLink.nameLength >= 0) return null;
  return new Deno.UnsafePointerView(socketAddress).getUint16(LAYOUTS.sockaddrLink.hardwareType);
}

function leadingOnes(mask: Uint8Array): number {
  let bits = 0;
  for (const byte of mask) {
    bits += Math.clz32(~(byte << 24));
    if (byte !== 0xff) break;
  }
  return bits;
}

function connectionOf(flags: number): InterfaceInfo["connection"] {
  switch (flags & PCAP_IF_FLAGS.connectionStatus) {
    case PCAP_IF_FLAGS.connected:
      return "connected";
    case PCAP_IF_FLAGS.disconnected:
      return "disconnected";
    case PCAP_IF_FLAGS.notApplicable:
      return "not-applicable";
    default:
      return "unknown";
  }
}
