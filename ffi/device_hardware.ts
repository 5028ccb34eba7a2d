/**
 * What the kernel knows of a device and libpcap does not tell: its MTU, whether it has a carrier, and what it computes for a sender.
 *
 * Owns: asking by ioctl. Must not know: capture, how frames are sent.
 */

import { libc } from "./libc.ts";
import { addressOf, cString, textOfBuffer } from "./native_memory.ts";
import { ETHTOOL_DRIVER, ETHTOOL_GET, ETHTOOL_VALUE } from "./packet_layouts.ts";
import { IFF, IFREQ, IFREQ_REQUESTS } from "./struct_layouts.ts";

/** `AF_INET`, `SOCK_DGRAM`: any socket will do to ask about a device. */
const AF_INET = 2;
const SOCK_DGRAM = 2;

/** What a device, or the kernel on its way there, does for a sender; ethtool's words are `tx`, `sg`, `tso`, `gso`. */
export type DeviceOffloads = { readonly [Name in keyof typeof ETHTOOL_GET]: boolean };

/** The largest IP packet in bytes that `device` carries, or null where the system does not tell (not on Linux). */
export function deviceMtu(device: string): number | null {
  return askDevice(device, (ask) => {
    const request = ask(IFREQ_REQUESTS.mtu);
    return request === null ? null : request.getInt32(IFREQ.mtu, true);
  });
}

/** How a device is: at work, without a carrier (the cable is out, or the other end down), or switched off. */
export type DeviceState = "up" | "no carrier" | "down";

/** How `device` is now, or null where the system does not tell (not on Linux, or the device is gone). Some microseconds. */
export function deviceState(device: string): DeviceState | null {
  return askDevice(device, (ask) => {
    const flags = ask(IFREQ_REQUESTS.flags)?.getUint16(IFREQ.flags, true);
    if (flags === undefined) return null;
    if ((flags & IFF.up) === 0) return "down";
    return (flags & IFF.running) === 0 ? "no carrier" : "up";
  });
}

/** The off-loads that are switched on for `device`, or null where the system does not tell (not on Linux). */
export function deviceOffloads(device: string): DeviceOffloads | null {
  return askDevice(device, (ask) => {
    const value = new Uint8Array(ETHTOOL_VALUE.sizeBytes);
    const view = new DataView(value.buffer);
    const isOn = (command: number): boolean => {
      view.setUint32(ETHTOOL_VALUE.command, command, true);
      view.setUint32(ETHTOOL_VALUE.data, 0, true);
      // A driver that does not know the question has no such off-load.
      return ask(IFREQ_REQUESTS.ethtool, value) !== null && view.getUint32(ETHTOOL_VALUE.data, true) !== 0;
    };
    return {
      transmitChecksum: isOn(ETHTOOL_GET.transmitChecksum),
      scatterGather: isOn(ETHTOOL_GET.scatterGather),
      tcpSegmentation: isOn(ETHTOOL_GET.tcpSegmentation),
      genericSegmentation: isOn(ETHTOOL_GET.genericSegmentation),
      genericReceive: isOn(ETHTOOL_GET.genericReceive),
    };
  });
}

/** The kernel's driver of `device` (`veth`, `macvlan`, `e1000`), or null where the system does not tell. */
export function deviceDriver(device: string): string | null {
  return askDevice(device, (ask) => {
    const info = new Uint8Array(ETHTOOL_DRIVER.sizeBytes);
    new DataView(info.buffer).setUint32(ETHTOOL_DRIVER.command, ETHTOOL_DRIVER.get, true);
    if (ask(IFREQ_REQUESTS.ethtool, info) === null) return null;
    const name = info.subarray(ETHTOOL_DRIVER.driver, ETHTOOL_DRIVER.driver + ETHTOOL_DRIVER.driverBytes);
    return textOfBuffer(name);
  });
}

/** Sends one request about the device, `data` being what `ifr_data` points at; the answer, or null when refused. */
type Ask = (request: number, data?: Uint8Array<ArrayBuffer>) => DataView | null;

function askDevice<Answer>(device: string, question: (ask: Ask) => Answer | null): Answer | null {
  // ioctl is variadic: Linux passes its pointer like any other, Apple's arm64 does not.
  if (Deno.build.os !== "linux") return null;
  const name = cString(device);
  if (name.length > IFREQ.nameBytes) return null;
  const symbols = libc();
  const socket = symbols.socket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0) return null;
  try {
    return question((request, data) => {
      const bytes = new Uint8Array(IFREQ.sizeBytes);
      bytes.set(name, IFREQ.name);
      const view = new DataView(bytes.buffer);
      if (data !== undefined) view.setBigUint64(IFREQ.data, addressOf(data), true);
      return symbols.ioctl(socket, BigInt(request), bytes) === 0 ? view : null;
    });
  } finally {
    symbols.close(socket);
  }
}
