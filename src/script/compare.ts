/**
 * Comparison: what a step demands against what the host sent.
 *
 * Owns: which fields count, by packetdrill's rules and by the stricter ones; times are for timing.ts. Must not know: frames, steps.
 *
 * A window, a time to live, ECN bits, ports and a flow label count where the step says them; options in order, with their padding,
 * unless it says `<...>`; of timestamps only that they are there, and with `--tcp_ts_tick_usecs` their value. `strict` looks at their
 * values and echoes always, and at the octets of the payload.
 */
import { bytesEqual } from "../wire/address.ts";
import { encodeTcpOption } from "./option_bytes.ts";
import { parseFlags } from "./tcp_flags.ts";
import type {
  IcmpPacket,
  IpAnnotation,
  PacketEvent,
  PortPair,
  ScriptTcpOption,
  TcpPacket,
} from "./values.ts";

/** By which rules. */
export interface CompareRules {
  readonly strict: boolean;
  /** How far a timestamp may be off, in its own ticks; null: its value does not count. */
  readonly timestampSlack: number | null;
  /** What ICMP's words are depends on it: 4 or 16. */
  readonly addressBytes: number;
  /** Whether a flow label is the one that the script means. */
  readonly takesFlowLabel: (script: number, wire: number) => boolean;
}

/** A packet as a step says it. */
type Of<Body> = PacketEvent & { readonly body: Body };

/** What differs between two segments, each thing in a word or two; nothing when they agree. */
export function segmentDifferences(
  expected: Of<TcpPacket>,
  actual: Of<TcpPacket>,
  rules: CompareRules,
): string[] {
  const { body: want } = expected;
  const { body: got } = actual;
  const differences = ipDifferences(expected.ip, actual.ip, rules);
  const say = (word: string, isSame: boolean) => {
    if (!isSame) differences.push(word);
  };
  if (want.ports !== null && got.ports !== null) {
    say("source port", want.ports.source === 0 || want.ports.source === got.ports.source);
    say("destination port", want.ports.destination === 0 || want.ports.destination === got.ports.destination);
  }
  say("UDP's ports", samePorts(want.udpPorts, got.udpPorts));
  const wantFlags = parseFlags(want.flags);
  const gotFlags = parseFlags(got.flags);
  say("flags", wantFlags?.bits === gotFlags?.bits && wantFlags?.ae === gotFlags?.ae);
  say("sequence number", want.seqForm === "any" || want.seq === got.seq);
  say("length", want.length === got.length);
  say("acknowledgment", (want.ack ?? 0) === (got.ack ?? 0));
  say("window", want.window === null || want.window === got.window);
  say("urgent pointer", (want.urgent ?? 0) === (got.urgent ?? 0));
  say("options", sameOptions(want, got, rules));
  return differences;
}

/** The same of two ICMP messages: type and code. */
export function messageDifferences(
  expected: Of<IcmpPacket>,
  actual: Of<IcmpPacket>,
  rules: CompareRules,
): string[] {
  const differences = ipDifferences(expected.ip, actual.ip, rules);
  if (expected.body.type !== actual.body.type) differences.push("type");
  else if ((expected.body.code ?? null) !== (actual.body.code ?? null)) differences.push("code");
  return differences;
}

function ipDifferences(want: IpAnnotation, got: IpAnnotation, rules: CompareRules): string[] {
  const differences: string[] = [];
  if (want.ecn !== got.ecn) differences.push("ECN bits");
  if (want.tos !== got.tos) differences.push("traffic class");
  if (want.dscp !== got.dscp) differences.push("DSCP");
  if (want.ttl !== got.ttl) differences.push("time to live");
  if (want.id !== got.id) differences.push("identification");
  const { flowLabel } = want;
  if (flowLabel !== null && flowLabel !== 0 && !rules.takesFlowLabel(flowLabel, got.flowLabel ?? 0)) {
    differences.push("flow label");
  }
  return differences;
}

function samePorts(want: PortPair | null, got: PortPair | null): boolean {
  return want?.source === got?.source && want?.destination === got?.destination;
}

function sameOptions(want: TcpPacket, got: TcpPacket, rules: CompareRules): boolean {
  if (want.options.kind === "any") return true;
  if (want.options.kind === "raw") {
    const { bytes } = want.options;
    return got.options.kind === "raw" && bytes.length === got.options.bytes.length &&
      bytesEqual(bytes, 0, got.options.bytes);
  }
  const wanted = want.options.kind === "list" ? want.options.options : [];
  const given = got.options.kind === "list" ? got.options.options : [];
  return wanted.length === given.length &&
    wanted.every((option, at) => sameOption(option, given[at], rules));
}

function sameOption(want: ScriptTcpOption, got: ScriptTcpOption, rules: CompareRules): boolean {
  if (want.name === "TS" && got.name === "TS") return sameTimestamps(want, got, rules);
  const wanted = encodeTcpOption(want);
  const given = encodeTcpOption(got);
  if (wanted === null || given === null) return want.name === got.name && wanted === given;
  return wanted.length === given.length && bytesEqual(wanted, 0, given);
}

function sameTimestamps(want: ScriptTcpOption, got: ScriptTcpOption, rules: CompareRules): boolean {
  const [wantValue, wantEcho] = want.numbers;
  const [gotValue, gotEcho] = got.numbers;
  if (rules.strict && wantEcho !== gotEcho) return false;
  if (rules.timestampSlack === null || want.anyVal) return true;
  return Math.abs((gotValue - wantValue) | 0) <= rules.timestampSlack;
}
