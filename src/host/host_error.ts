/**
 * HostError: why a host cannot do what its user asks, with the code that sockets give such a reason.
 *
 * Owns: the codes. Must not know: who asks, which class of error a platform has for each (runtime/net_error.ts).
 */

/** The name of the number in `errno` (POSIX.1-2017, `<errno.h>`) that a kernel would answer with. */
export type HostErrorCode =
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EAFNOSUPPORT"
  | "ENETUNREACH"
  | "ENOBUFS";

/** An error for a person, and for a program by its code. */
export class HostError extends Error {
  /** What a kernel would say. */
  readonly code: HostErrorCode;

  /** `message` says what failed, why, and what to do. */
  constructor(code: HostErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
