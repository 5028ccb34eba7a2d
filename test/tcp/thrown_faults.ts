/**
 * What an application or observer of a test throws inside a host. The host contains it, and a test must not miss it.
 *
 * Owns: what was thrown, until it is thrown again. Must not know: where.
 */
export class ThrownFaults {
  readonly #thrown: unknown[] = [];

  /** For `HostOptions.onFault`. */
  readonly hook = (error: unknown): void => {
    this.#thrown.push(error);
  };

  get any(): boolean {
    return this.#thrown.length > 0;
  }

  /** Throws the first of what was thrown since the last call. */
  rethrow(): void {
    const [first] = this.#thrown;
    const { any } = this;
    this.#thrown.length = 0;
    if (any) throw first;
  }
}
