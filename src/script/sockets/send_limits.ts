/**
 * SendLimits: for how long a socket has had something to send, and what kept it from sending: the peer's window, or its own buffer
 * (what Linux tells as `tcpi_busy_time`, `tcpi_rwnd_limited`, `tcpi_sndbuf_limited`).
 *
 * Owns: the three sums. Must not know: how a condition is found out.
 */

/** How it is with the socket now. */
export interface SendConditions {
  /** Something is not acknowledged, or not sent. */
  readonly isBusy: boolean;
  readonly isWindowShut: boolean;
  /** Who writes waits, and all that there is has been sent. */
  readonly isBufferFull: boolean;
}

/** See the file's comment. Exact where it is asked to look after everything that happens. */
export class SendLimits {
  busyUs = 0;
  windowUs = 0;
  bufferUs = 0;
  #sinceUs = 0;
  #before: SendConditions = { isBusy: false, isWindowShut: false, isBufferFull: false };

  /** The conditions from now on; those before have held until now. */
  look(nowUs: number, conditions: SendConditions): void {
    const passedUs = nowUs - this.#sinceUs;
    if (passedUs > 0) {
      if (this.#before.isBusy) this.busyUs += passedUs;
      if (this.#before.isWindowShut) this.windowUs += passedUs;
      else if (this.#before.isBufferFull) this.bufferUs += passedUs;
    }
    this.#sinceUs = nowUs;
    this.#before = conditions;
  }
}
