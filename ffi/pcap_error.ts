/**
 * PcapError, and the one gate that every result of libpcap passes.
 *
 * Owns: libpcap's error codes, what each means to a person, and what to do about it.
 * Must not know: how a device is opened, or who reports the error.
 */

import { LinkError } from "../src/link/link.ts";

/** Those of libpcap's result codes below zero that mean something here, <pcap/pcap.h>. */
export const PCAP_CODES = {
  error: -1,
  notActivated: -3,
  activated: -4,
  noSuchDevice: -5,
  rfmonNotSupported: -6,
  permissionDenied: -8,
  interfaceNotUp: -9,
  promiscPermissionDenied: -11,
  captureNotSupported: -13,
} as const;

/** What went wrong and with what; the parts of a {@link PcapError}. */
interface PcapFailure {
  /** The function that failed (`pcap_activate`), or what was attempted in words. */
  readonly operation: string;
  /** libpcap's code, below zero; -1 where it has none. */
  readonly code: number;
  /** libpcap's own text, as it gave it. */
  readonly detail: string;
  /** The start of the sentence for a person: what could not be done. */
  readonly what: string;
  /** What to do next; filled in from the code where absent. */
  readonly remedy?: string;
}

/** A call of libpcap failed; `message` is one line: what failed, why, what to do. */
export class PcapError extends LinkError {
  override name = "PcapError";
  /** The function that failed. */
  readonly operation: string;
  /** libpcap's code, below zero. */
  readonly code: number;
  /** libpcap's own text. */
  readonly detail: string;
  /** What to do next. */
  readonly remedy: string;

  constructor(failure: PcapFailure) {
    const detail = oneLine(failure.detail) || `error ${failure.code}`;
    const remedy = failure.remedy ?? remedyFor(failure.code);
    super(`${failure.what}: ${detail}. ${remedy}`);
    this.operation = failure.operation;
    this.code = failure.code;
    this.detail = detail;
    this.remedy = remedy;
  }
}

/** The gate: returns `code` when it is zero or above (above zero may be a warning), else throws. */
export function checkPcap(code: number, failure: Omit<PcapFailure, "code">): number {
  if (code < 0) throw new PcapError({ ...failure, code });
  return code;
}

/** The gate for functions that return a pointer: null is failure, with `code` found from libpcap's text. */
export function checkPcapPointer(
  pointer: Deno.PointerValue,
  failure: Omit<PcapFailure, "code"> & { code?: number },
): Deno.PointerObject {
  if (pointer === null) throw new PcapError({ ...failure, code: failure.code ?? PCAP_CODES.error });
  return pointer;
}

const RAW_RIGHTS =
  "Capturing needs raw network rights: run with sudo, or once `sudo setcap cap_net_raw=ep` on the program, " +
  "or work in a private lab (`tcplab demo`)";

/** What a person can do about `code`. */
export function remedyFor(code: number): string {
  switch (code) {
    case PCAP_CODES.noSuchDevice:
      return "`tcplab interfaces` lists the devices that there are";
    case PCAP_CODES.permissionDenied:
      return RAW_RIGHTS;
    case PCAP_CODES.promiscPermissionDenied:
      return `${RAW_RIGHTS}; or use the device's own address (--mac device), which needs no promiscuous mode`;
    case PCAP_CODES.interfaceNotUp:
      return "Bring it up first: sudo ip link set DEVICE up";
    case PCAP_CODES.captureNotSupported:
    case PCAP_CODES.rfmonNotSupported:
      return "Choose an Ethernet device (`tcplab interfaces`)";
    case PCAP_CODES.activated:
    case PCAP_CODES.notActivated:
      return "This is a defect in tcplab: a capture option was set at the wrong time";
    default:
      return "`tcplab doctor` checks library, rights and device";
  }
}

/** libpcap breaks some of its messages over lines; a message here is one line without a closing full stop. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[.\s]+$/, "").trim();
}
