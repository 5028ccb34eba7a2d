/**
 * PcapTransmitter: sending through the capture handle, frame by frame: `--tx inject`, which works on every platform.
 *
 * Owns: `pcap_sendpacket`, and what its failures mean. Must not know: receiving, TCP.
 */

import { deviceLost, refusalText, saysDown, saysGone, saysTooLong } from "./device_loss.ts";
import type { PcapDevice } from "./pcap_device.ts";
import { pcapLibrary } from "./pcap_library.ts";
import type { PcapSymbols } from "./pcap_symbols.ts";
import type { TransmitCounts, Transmitter } from "./transmitter.ts";

/** Sends through libpcap; the device stays the caller's. */
export class PcapTransmitter implements Transmitter {
  readonly mode = "inject";
  readonly counts: TransmitCounts = { framesOut: 0, bytesOut: 0, sendErrors: 0 };
  readonly largestCutPacketBytes = 0;
  lastError: string | null = null;
  mtu: number;
  onTooLong: ((length: number) => void) | null = null;
  onDeparture: (() => void) | null = null;
  readonly #library: PcapSymbols;
  readonly #device: PcapDevice;
  readonly #handle: Deno.PointerObject;

  constructor(device: PcapDevice, options: { mtu: number }) {
    this.#library = pcapLibrary();
    this.#device = device;
    this.#handle = device.handle;
    this.mtu = options.mtu;
  }

  send(frame: Uint8Array<ArrayBuffer>, length: number, _cutBytes: number): void {
    if (this.onDeparture !== null) this.onDeparture();
    if (this.#library.pcap_sendpacket(this.#handle, frame, length) !== 0) {
      if (!this.#sentAfterOutage(frame, length)) return this.#refused(length);
    }
    this.counts.framesOut++;
    this.counts.bytesOut += length;
  }

  flush(): void {}

  close(): void {}

  /** The kernel tells of an outage once more at the next send, also when it is over: then a second try succeeds. */
  #sentAfterOutage(frame: Uint8Array<ArrayBuffer>, length: number): boolean {
    if (!saysDown(this.#device.lastErrorText)) return false;
    return this.#library.pcap_sendpacket(this.#handle, frame, length) === 0;
  }

  /** A frame that the device did not take: lost like one on the wire, unless there is no device any more. */
  #refused(length: number): void {
    const text = this.#device.lastErrorText;
    if (saysGone(text)) throw deviceLost(this.#device.name, text);
    this.counts.sendErrors++;
    if (saysTooLong(text)) this.onTooLong?.(length);
    this.lastError = refusalText(text, { length, mtu: this.mtu });
  }
}
