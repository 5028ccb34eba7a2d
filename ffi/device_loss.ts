/**
 * What it means when a device refuses a frame: an outage that may end, or the end of the device.
 *
 * Owns: telling the two apart, and the words for the second. Must not know: who sends or receives.
 */

import { LinkError } from "../src/link/link.ts";
import { ERRNO, errnoText } from "./libc.ts";

/** Whether an error number means that the device no longer exists. */
export function isGone(errnum: number): boolean {
  return errnum === ERRNO.noDevice || errnum === ERRNO.noDeviceOrAddress;
}

/** Whether libpcap's words about an error mean that the device no longer exists: libpcap keeps the number to itself. */
export function saysGone(text: string): boolean {
  return text.endsWith(errnoText(ERRNO.noDevice)) || text.endsWith(errnoText(ERRNO.noDeviceOrAddress));
}

/** Whether libpcap's words mean that the device is down for now. */
export function saysDown(text: string): boolean {
  return text.endsWith(errnoText(ERRNO.networkDown));
}

/** Whether libpcap's words mean that a frame is larger than the device carries. */
export function saysTooLong(text: string): boolean {
  return text.endsWith(errnoText(ERRNO.tooLong));
}

/** The end of a link, in one line. */
export function deviceLost(device: string, text: string): LinkError {
  return new LinkError(
    `Device ${device} is gone: ${text}. Connections over it are lost; restore the device and start again`,
  );
}

/** The words for a refused frame; `length` is told where it is why. */
export function refusalText(text: string, frame: { length: number; mtu: number }): string {
  return frame.length > frame.mtu + FRAME_OVERHEAD_BYTES
    ? `${text} (${frame.length} bytes, MTU ${frame.mtu})`
    : text;
}

/** Ethernet's header and one 802.1Q tag are all that a frame adds to an IP packet (IEEE 802.3 §3.2, 802.1Q §9.3). */
export const FRAME_OVERHEAD_BYTES = 18;
