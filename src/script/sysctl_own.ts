/**
 * The machine's own settings by their own names: `sysctl tcplab.duplicateSyn=rfc9293`.
 *
 * Owns: which values each takes; units are those of the names (`tcplab.mslUs=1000000`). Must not know: kernels' names for the same
 * (sysctl_linux.ts, sysctl_freebsd.ts), what a setting does (config.ts, habits.ts, fast_open_settings.ts).
 *
 * A script that shows what RFC 9293 leaves open needs both sides of it, and no kernel has a name for most of them.
 */
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";
import { type Setting, wholeNumber } from "./sysctl_setting.ts";

/** What stands before the name of a field of TcpConfig. */
const PREFIX = "tcplab.";

/** Fields that are neither a number nor a switch. */
type ChoiceName = {
  [Name in keyof TcpConfig]: TcpConfig[Name] extends number | boolean ? never : Name;
}[keyof TcpConfig];

/** A test asks that none is left out (test/script/own_settings_test.ts). */
const CHOICES: { readonly [Name in ChoiceName]?: readonly TcpConfig[Name][] } = {
  ecn: ["off", "accept", "request"],
  congestionControl: ["cubic", "reno"],
  synCookies: [false, true, "always"],
  icmpHardErrors: ["soft", "abort"],
  duplicateSyn: ["repeat-syn-ack", "rfc9293"],
  timeWaitRst: ["close", "ignore"],
  finWithoutAck: ["ack", "drop"],
  missingTimestamp: ["drop", "accept"],
  optionLayout: ["words", "packed"],
  offeredMss: ["device", "path"],
  firstWindow: ["all", "whole-segments"],
  listenSynAck: ["reset", "drop"],
  synAckEcho: ["any", "of-our-syn"],
  crossingSyn: ["whole", "number-only"],
  synFin: ["take", "drop"],
  closedPorts: ["reset", "silent-to-syn", "silent"],
  bufferUnit: ["octets", "segments"],
  windowUpdates: ["worthwhile", "every-ack"],
  acceptance: ["offered", "buffer"],
  ackEverySecond: ["full-sized", "any"],
  resetCheck: ["rfc5961", "rfc793"],
  synCheck: ["rfc5961", "rfc793"],
  resetAfterClose: ["quiet", "told"],
  textAfterReset: ["flushed", "kept"],
  handshakeAck: ["at-once", "delayed"],
  quickAcksEnd: ["counted", "replying"],
  writtenPieces: ["whole", "half-window"],
  rackRoundTrip: ["newest", "last-covered"],
  pushFlag: ["end-of-data", "bursts-too"],
  windowProbe: ["octet", "bare"],
  windowCounting: ["octets", "segments"],
  growthCounts: ["acknowledged", "delivered"],
  windowUsage: ["half", "all-in-avoidance"],
  recoveryBound: ["always", "safe-ack"],
  timeWaitSyn: ["challenge", "drop"],
  timeWaitReopen: ["rfc6191", "beyond"],
  icmpInHandshake: ["abort", "abort-if-forbidden", "abort-at-any", "ignore"],
  lateTextReset: ["of-connection", "of-closed"],
  fastOpenOption: ["standard", "experimental", "standard-then-experimental"],
  fastOpenCookieInput: ["peer", "both-ends"],
  fastOpenOptionRoom: ["sent", "all"],
  fastOpenUnknownMss: ["default", "link"],
};

const VALUES_OF_CHOICES: ReadonlyMap<string, readonly (string | boolean)[]> = new Map(
  Object.entries(CHOICES),
);
const SWITCHES: ReadonlyMap<string, boolean> = new Map([["false", false], ["true", true], ["0", false], [
  "1",
  true,
]]);
/** Without an end: `tcplab.synRetransmissions=infinity`. */
const ENDLESS = "infinity";

/** The table: every field of TcpConfig. */
export const OWN_SETTINGS: readonly (readonly [string, Setting])[] = Object.entries(DEFAULT_TCP_CONFIG).map(
  ([name, usual]) => [`${PREFIX}${name}`, {
    change: (text) => {
      const value = valueOf(name, { usual, text });
      return value === null ? null : { tcp: { [name]: value } };
    },
  }],
);

/** Null where it is none for this field. */
function valueOf(
  name: string,
  about: { readonly usual: unknown; readonly text: string },
): string | boolean | number | null {
  const { usual, text } = about;
  const choices = VALUES_OF_CHOICES.get(name);
  if (choices !== undefined) return choices.find((choice) => String(choice) === text) ?? null;
  if (typeof usual === "boolean") return SWITCHES.get(text) ?? null;
  if (typeof usual !== "number") return null;
  return text === ENDLESS ? Infinity : wholeNumber(text);
}
