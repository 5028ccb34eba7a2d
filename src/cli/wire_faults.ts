/**
 * Says why a device no longer carries what the stack sends, while scripts are played on it.
 *
 * Owns: when to look, what counts, and the words. Must not know: scripts, how a device is asked.
 *
 * A script sees what the stack sends, wherever it goes: without this one could pass of which nothing was on the wire. Whether anybody
 * is on the other end does not matter to it, so that a device that has no carrier from the beginning is as good as any.
 */
import type { DeviceState } from "../../ffi/device_hardware.ts";
import type { PcapLink } from "../../ffi/pcap_link.ts";

/** What is looked at. */
export interface WireFaultsOptions {
  readonly device: string;
  /** Null where the system does not tell, or the device is gone. */
  readonly look: (device: string) => DeviceState | null;
  readonly link: Pick<PcapLink, "lastSendError"> & { stats(): { readonly sendErrors: number } };
  readonly nowMs: () => number;
  /** Returns so many milliseconds later. */
  readonly sleep: (ms: number) => void;
}

/** How long the device is not looked at. Local choice: a look takes some microseconds, and a step's tolerance is 20 ms. */
const LOOK_EVERY_MS = 10;

/**
 * Linux takes a device's carrier and switches it off before it takes it away, some tenths of a millisecond later. Local choice: so long,
 * in milliseconds, it is looked at again after that.
 */
const GOING_MS = 500;
const GOING_LOOK_MS = 5;

/** See the file's comment. */
export class WireFaults {
  readonly #options: WireFaultsOptions;
  /** Where the system does not tell of devices there is nothing to see. */
  readonly #canLook: boolean;
  #hadCarrier = false;
  /** How it was told of last, and stays. */
  #toldAs: DeviceState = "up";
  #refused: number;
  #lookedMs = -Infinity;

  constructor(options: WireFaultsOptions) {
    this.#options = options;
    const state = options.look(options.device);
    this.#canLook = state !== null;
    this.#hadCarrier = state === "up";
    this.#refused = options.link.stats().sendErrors;
  }

  /** The words, or null as long as frames go out. A frame that was refused is told once. `now`: the device is looked at in any case. */
  fault({ now }: { readonly now: boolean }): string | null {
    const { device, link, nowMs } = this.#options;
    const { sendErrors } = link.stats();
    const isRefused = sendErrors > this.#refused;
    this.#refused = sendErrors;
    if (!isRefused && !now && nowMs() - this.#lookedMs < LOOK_EVERY_MS) return null;
    this.#lookedMs = nowMs();
    return this.#stateFault() ?? (isRefused ? `${device} refused a frame: ${link.lastSendError}` : null);
  }

  /** Whether a device that is of no use stays: of one that goes, to switch it on again is no advice. */
  #stays(): boolean {
    const { device, look, nowMs, sleep } = this.#options;
    const endMs = nowMs() + GOING_MS;
    while (look(device) !== null) {
      if (nowMs() >= endMs) return true;
      sleep(GOING_LOOK_MS);
    }
    return false;
  }

  #stateFault(): string | null {
    const { device, look } = this.#options;
    if (!this.#canLook) return null;
    const state = look(device);
    if (state === "up") this.#hadCarrier = true;
    const isOfUse = state === "up" || state === "no carrier" && !this.#hadCarrier;
    if (isOfUse) {
      this.#toldAs = "up";
      return null;
    }
    if (state === null || state !== this.#toldAs && !this.#stays()) return `${device} is gone`;
    this.#toldAs = state;
    return state === "down"
      ? `${device} is switched off (ip link set ${device} up)`
      : `${device} has no carrier any more: the cable is out, or the other end is down`;
  }
}
