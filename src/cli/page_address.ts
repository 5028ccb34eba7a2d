/**
 * `--ui HOST:PORT`: where the live page is.
 *
 * Owns: which addresses it may have, and the line for all others. Must not know: the page's server.
 */
import { UsageError } from "./command.ts";
import { badValue, type GivenValue } from "./option_values.ts";

/** An address of this machine to itself. */
export interface PageAddress {
  /** Without brackets, `127.0.0.1` or `::1`. */
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

const EXPECTED = "HOST:PORT, as in 127.0.0.1:8033 (port 0: any that is free)";
/** Both have to name the loopback device whatever the system's tables say of names. */
const LOOPBACK: Readonly<Record<string, string>> = {
  "127.0.0.1": "127.0.0.1",
  localhost: "127.0.0.1",
  "[::1]": "::1",
};

/** Reads the address; `PORT` alone is one of 127.0.0.1. Throws {@link UsageError}. */
export function parsePageAddress(value: GivenValue): PageAddress {
  const [, host = "127.0.0.1", digits] = /^(?:(.*):)?(\d{1,5})$/.exec(value.text) ?? [];
  const port = Number(digits ?? NaN);
  if (!(port <= 0xffff)) throw badValue(value, EXPECTED);
  if (Object.hasOwn(LOOPBACK, host)) return { hostname: LOOPBACK[host], port };
  throw new UsageError(
    `--${value.option} ${value.text}: the page is for this machine only, at 127.0.0.1, localhost or [::1]; from another ` +
      `machine come by ssh -L ${port}:127.0.0.1:${port}`,
  );
}
