/**
 * Classes of failures of the public suites, and why each of them is, in words for readers.
 *
 * Owns: which class a failure belongs to, by what the verdict says: what was wrong, what was expected, what came. Must not know: any script
 * by its name.
 */
import type { ScriptReport } from "../src/cli/run_report.ts";

/** What a class is decided by. */
type Failure = Pick<ScriptReport, "reason" | "expected" | "actual" | "rule">;

/** A class of failures. */
export interface FailureClass {
  readonly name: string;
  readonly why: string;
}

/** A class, and whether a failure belongs to it; the first that takes it counts. */
interface ClassRule extends FailureClass {
  readonly takes: (failure: Readonly<Record<keyof Failure, string>>) => boolean;
}

const RULES: readonly ClassRule[] = [
  {
    name: "window scale of another time",
    why:
      "the script expects the scale of the buffers of its time (Linux of 2013: 6); the profile has today's, and Linux 6.18 fails here too",
    takes: ({ expected, actual }) => scaleOf(expected) !== "" && scaleOf(expected) !== scaleOf(actual),
  },
  {
    name: "options of a SYN",
    why:
      "order, padding or value of an option of the handshake, of another version of the system or of a path that a route describes",
    takes: ({ reason, expected }) => /\boptions\b/.test(reason) && / S[.EW]* /.test(expected),
  },
  {
    name: "first window of another time",
    why: "the window of the handshake is that of another version's buffers",
    takes: ({ reason, expected }) => reason.startsWith("window") && / S\.? /.test(expected),
  },
  {
    name: "window",
    why:
      "what of its buffer a system offers, and when it says so, is its own (RFC 9293 §3.8.6.2.2); the profile does otherwise here",
    takes: ({ reason }) => /\bwindow\b/.test(reason),
  },
  {
    name: "PSH",
    why:
      "which segments of a burst carry PSH hangs on how a system cuts what a program writes (RFC 9293 §3.9.1.2)",
    takes: ({ reason, expected, actual }) =>
      reason === "flags" && flagsWithoutPsh(expected) === flagsWithoutPsh(actual),
  },
  {
    name: "congestion window or state in tcp_info",
    why: "figures of a system's own congestion control that a script asserts to the segment",
    takes: ({ reason, expected }) =>
      reason.startsWith("an assertion") &&
      /cwnd|ssthresh|ca_state|reordering|lost|retrans|sacked/.test(expected),
  },
  {
    name: "other figures of tcp_info",
    why: "a system's own way to count",
    takes: ({ reason }) => reason.startsWith("an assertion"),
  },
  {
    name: "a retransmission at another time",
    why:
      "when a loss is believed, or a timer runs out, differs by some milliseconds (RFC 6298, RFC 8985 leave the clock's grain, and the bounds of timers, open)",
    takes: ({ reason, rule }) => /packet too (early|late)/.test(reason) && rule.startsWith("retransmit."),
  },
  {
    name: "an acknowledgment at another time",
    why: "when an ACK is delayed and when not is a system's own within RFC 9293 §3.8.6.3",
    takes: ({ reason, rule }) => /packet too (early|late)/.test(reason) && rule.startsWith("ack."),
  },
  {
    name: "text at another time",
    why: "pacing, or what lets new text leave",
    takes: ({ reason }) => /packet too (early|late)/.test(reason),
  },
  {
    name: "what a retransmission carries",
    why: "how much is sent again at once",
    takes: ({ reason, rule }) => /length|sequence number/.test(reason) && rule.startsWith("retransmit."),
  },
  {
    name: "a socket option's value",
    why: "a figure of a system's sockets",
    takes: ({ reason }) => /^getsockopt: .*argument/.test(reason),
  },
  {
    name: "what a call gives",
    why:
      "result, errno or time of a call: how much a socket's buffer takes, what a reset leaves to be read, descriptors",
    takes: ({ reason }) => /^[a-z_0-9]+(:| blocks)/.test(reason),
  },
  {
    name: "a packet that is not sent",
    why: "the system answers where the stack is silent, or the other way round",
    takes: ({ reason }) => reason === "the packet is missing",
  },
  {
    name: "time to live, traffic class",
    why:
      "a port to which a socket is bound that does not listen is nobody's here (RFC 9293 §3.10.7.1): its resets have the host's values",
    takes: ({ reason }) => /time to live|traffic class/.test(reason),
  },
  {
    name: "another packet",
    why: "another choice of what is sent next",
    takes: ({ reason }) => /flags|sequence number|acknowledgment|length/.test(reason),
  },
];

/** The class of a failure. */
export function failureClass(failure: Failure): FailureClass {
  const { reason, expected, actual, rule } = failure;
  const words = {
    reason: reason ?? "",
    expected: expected ?? "",
    actual: actual ?? "",
    rule: rule ?? "",
  };
  const known = RULES.find(({ takes }) => takes(words));
  if (known !== undefined) return { name: known.name, why: known.why };
  return { name: words.reason.split("\n", 1)[0].replace(/\d+/g, "N").replace(/\|/g, "\\|"), why: "" };
}

/** The shift of `wscale N` in a packet; empty without. */
function scaleOf(packet: string): string {
  return /wscale (\d+)/.exec(packet)?.[1] ?? "";
}

/** The flags of a packet as scripts write it, but PSH. */
function flagsWithoutPsh(packet: string): string {
  const [, flags = ""] = /> (?:\[[^\]]*\] )?(\S+) /.exec(packet) ?? [];
  return [...flags].filter((letter) => letter !== "P").sort().join("");
}
