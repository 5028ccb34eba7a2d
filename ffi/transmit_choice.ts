/**
 * Which way of sending a device gets, and why.
 *
 * Owns: finding out what works, the choice for `--tx auto`, and telling both to a person. Must not know: receiving.
 *
 * Large segments are taken wherever the kernel accepts them, also where the device's own off-loads are off: the kernel then
 * cuts before the device, still three times as fast as single frames from here (figures in packet_transmitter.ts).
 */

import { type DeviceOffloads, deviceOffloads } from "./device_hardware.ts";
import { libc } from "./libc.ts";
import { openPacketSocket, PacketSocketError } from "./packet_socket.ts";
import { PacketTransmitter } from "./packet_transmitter.ts";
import type { PcapDevice } from "./pcap_device.ts";
import { PcapTransmitter } from "./pcap_transmitter.ts";
import type { TransmitMode, Transmitter } from "./transmitter.ts";

/** What may be asked for; `auto` takes the fastest that works. */
export type TransmitWish = "auto" | TransmitMode;

/** What `--tx auto` takes for a device, and what that rests on. */
interface TransmitChoice {
  readonly mode: TransmitMode;
  /** Half a sentence for a person: why this one. */
  readonly reason: string;
  /** Off-loads of the device, or null where the system does not tell. */
  readonly offloads: DeviceOffloads | null;
}

/** The ways that need a packet socket, the faster first. */
const SOCKET_MODES = ["gso", "batch"] as const;

/** Finds out, by opening a socket and closing it again, what `--tx auto` takes for `device`; never throws. */
export function chooseTransmit(device: string): TransmitChoice {
  const offloads = deviceOffloads(device);
  const withoutGso = tryOpen(device, true);
  if (withoutGso === null) return { mode: "gso", reason: gsoReason(offloads), offloads };
  const withoutSocket = tryOpen(device, false);
  if (withoutSocket === null) {
    const reason = `many frames with one call; the kernel cuts no large segments for us (${withoutGso})`;
    return { mode: "batch", reason, offloads };
  }
  return { mode: "inject", reason: `frame by frame through libpcap (${withoutSocket})`, offloads };
}

/** Opens a way to send on an open device. Throws PacketSocketError where `wish` names one that cannot be had. */
export function openTransmitter(
  device: PcapDevice,
  options: { wish: TransmitWish; mtu: number },
): Transmitter {
  const { wish, mtu } = options;
  // The socket that shows what works is kept and sent through: the kernel takes some 10 ms to close one.
  for (const mode of wish === "auto" ? SOCKET_MODES : []) {
    try {
      return new PacketTransmitter({ device: device.name, mode, mtu });
    } catch (error) {
      if (!(error instanceof PacketSocketError)) throw error;
    }
  }
  return wish === "auto" || wish === "inject"
    ? new PcapTransmitter(device, { mtu })
    : new PacketTransmitter({ device: device.name, mode: wish, mtu });
}

/** Null when such a socket can be opened, else why not. */
function tryOpen(device: string, withHeader: boolean): string | null {
  try {
    libc().close(openPacketSocket(device, { withHeader }));
    return null;
  } catch (error) {
    if (error instanceof PacketSocketError) return error.reason;
    throw error;
  }
}

function gsoReason(offloads: DeviceOffloads | null): string {
  const cutter = offloads?.tcpSegmentation === true && offloads.scatterGather && offloads.transmitChecksum
    ? "the device cuts"
    : "the kernel cuts before the device gets them";
  return `many frames with one call, and segments of up to 64 KiB that ${cutter}`;
}
