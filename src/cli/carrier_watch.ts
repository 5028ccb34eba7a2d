/**
 * Says when the device loses its carrier while it is served, and when it has it again.
 *
 * Owns: when to look, and the words. Must not know: how a device is asked, who reads notices.
 *
 * Frames tell nothing of a cable that is out: there are none. So the device is looked at once a second, which takes the
 * kernel a few microseconds; what comes and goes between two looks is not told.
 */
import type { DeviceState } from "../../ffi/device_hardware.ts";
import type { Clock } from "../runtime/clock.ts";

/** What a watch looks at, and whom it tells. */
interface CarrierWatchOptions {
  readonly device: string;
  /** Null where the system does not tell: then nothing is said. */
  readonly look: (device: string) => DeviceState | null;
  readonly clock: Pick<Clock, "after">;
  readonly tell: (kind: "carrier-lost" | "carrier-regained", message: string) => void;
}

/** Local choice: a person wants to know within seconds. */
const INTERVAL_US = 1_000_000;
/**
 * Linux takes the carrier of a device and switches it off a moment before it takes the device away, which ends the server with words
 * of its own: so a device is looked at a second time before anything is said. Local choice.
 */
const AGAIN_US = 100_000;

/** Watches one device until it is disposed of. */
export class CarrierWatch implements Disposable {
  readonly #options: CarrierWatchOptions;
  #state: DeviceState | null;
  #cancel: () => void;

  constructor(options: CarrierWatchOptions) {
    this.#options = options;
    this.#state = options.look(options.device);
    this.#cancel = this.#state === null ? () => {} : this.#lookLater();
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #lookLater(): () => void {
    const { device, look, clock } = this.#options;
    return clock.after(INTERVAL_US, () => {
      const state = look(device);
      const isLost = state !== this.#state && state !== "up" && state !== null;
      if (isLost) {
        this.#cancel = clock.after(AGAIN_US, () => this.#see(look(device)));
        return;
      }
      this.#see(state);
    });
  }

  #see(state: DeviceState | null): void {
    this.#cancel = this.#lookLater();
    const { device, tell } = this.#options;
    // A device that is gone ends the server with words of its own.
    if (state === null || state === this.#state) return;
    this.#state = state;
    if (state === "up") {
      tell("carrier-regained", `${device} is up again, with a carrier: connections go on where they were`);
      return;
    }
    const what = state === "down"
      ? `${device} was switched off (ip link set ${device} up)`
      : `${device} has no carrier any more: the cable is out, or the other end is down`;
    tell("carrier-lost", `${what}. Connections wait for it until their time-outs`);
  }
}
