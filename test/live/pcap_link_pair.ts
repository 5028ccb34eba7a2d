/**
 * What the scenarios on a veth pair share: the links at its two ends, frames of their own, and waiting for them.
 *
 * Must not know: which scenarios there are, how the pair was made.
 */

import { assert } from "@std/assert";
import { openPcapLink, type PcapLink, type PcapLinkOptions } from "../../ffi/pcap_link.ts";
import type { TransmitWish } from "../../ffi/transmit_choice.ts";
import type { FrameHandler } from "../../src/link/link.ts";
import { waitFor } from "./wait_for.ts";

export const MAC_0 = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
export const MAC_1 = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
/** IEEE 802's "local experimental" EtherType: nothing else on the pair speaks it. */
export const ETHERTYPE = [0x88, 0xb5];
export const OUR_FRAMES = "ether proto 0x88b5";
export const MINIMUM_BYTES = 60;
export const FULL_BYTES = 1514;
/** Only a frame that does not come takes so long. */
export const WAIT_LIMIT_MS = 10_000;
const RETRY_MS = 100;

/** How frames leave, the second argument. */
const TRANSMIT = parseTransmit(Deno.args[1] ?? "auto");

function parseTransmit(text: string): TransmitWish {
  const wish = (["auto", "inject", "batch", "gso"] as const).find((name) => name === text);
  if (wish === undefined) throw new Error(`No way of sending ${text}`);
  return wish;
}

export type Results = Record<string, unknown>;

/** Where a frame goes out, and where it comes in. */
interface Ends {
  readonly from: PcapLink;
  readonly to: PcapLink;
}

export function open(device: "tc0" | "tc1", more: Partial<PcapLinkOptions> = {}): PcapLink {
  const mac = device === "tc0" ? MAC_0 : MAC_1;
  return openPcapLink({ device, mac, filter: OUR_FRAMES, tx: TRANSMIT, ...more });
}

export function frameTo(mac: Uint8Array, options: { from: Uint8Array; mark: number }): Uint8Array {
  const frame = new Uint8Array(FULL_BYTES);
  frame.set(mac);
  frame.set(options.from, 6);
  frame.set(ETHERTYPE, 12);
  frame[14] = options.mark;
  return frame;
}

/** Sends one frame at once, whatever the way. */
export function put(link: PcapLink, frame: Uint8Array, lengthBytes: number): void {
  link.send(frame, lengthBytes);
  link.flush();
}

/** Receives until at least so many frames came, or nothing comes any more; returns copies of the frames. */
export async function receiveSome(link: PcapLink, least = 1): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  const keep: FrameHandler = (frame, length) => frames.push(frame.slice(0, length));
  const end = performance.now() + WAIT_LIMIT_MS;
  while (frames.length < least && performance.now() < end) {
    if (link.receive(keep, 64) === 0) await link.wait(end - performance.now());
  }
  return frames;
}

/** Sends this frame until one has come: a device that has just come up drops what it is given at first. */
export async function sendUntilReceived(frame: Uint8Array, { from, to }: Ends): Promise<void> {
  await waitFor(async () => {
    put(from, frame, MINIMUM_BYTES);
    await to.wait(RETRY_MS);
    return to.receive(() => {}, 64) > 0;
  }, { what: `a frame of ${from.name} comes to ${to.name}` });
  // What was sent before and is late: the news of a link that has come up is over, and frames keep their order.
  frame[14] ^= 0xff;
  const last = frame[14];
  put(from, frame, MINIMUM_BYTES);
  frame[14] ^= 0xff;
  let came = -1;
  await waitFor(() => {
    to.receive((received) => came = received[14], 64);
    return came === last;
  }, { what: `the last frame of ${from.name} comes to ${to.name}` });
}

/** Waits until `ip link` says this of the device. */
export async function waitForLink(device: string, words: string): Promise<void> {
  const args = ["link", "show", device];
  await waitFor(async () => {
    const { stdout } = await new Deno.Command("ip", { args, stdout: "piped" }).output();
    return new TextDecoder().decode(stdout).includes(words);
  }, { what: `${device} is ${words}` });
}

export async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args, stderr: "piped" }).output();
  assert(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
