/**
 * Control messages: what `recvmsg` says beside the octets (`TCP_CM_INQ`, the notices of an error queue), and their comparison with
 * what a script expects.
 *
 * Owns: their members, and how one is written in a script. Must not know: when one is due.
 */
import type { Expression } from "../values.ts";
import { type CallArguments, memberOf, type Mismatch, textOf } from "./call_arguments.ts";
import type { Notice } from "./error_queue.ts";

/** One control message; words are constants' names, of levels and types all that they may be called. */
export interface ControlMessage {
  readonly levels: readonly string[];
  readonly types: readonly string[];
  /** A number, or members by name; a string is the name of a constant. */
  readonly data: number | Readonly<Record<string, number | string>>;
}

/** How far a time may be off that a script expects, as packetdrill's default. */
const TIME_TOLERANCE_NS = 4_000_000;
const SECOND_NS = 1_000_000_000;

/** What a notice of an error queue looks like. */
export function messagesOf(notice: Notice): ControlMessage[] {
  if (notice.kind === "zero-copy") {
    return [recvErr({
      ee_errno: 0,
      ee_origin: "SO_EE_ORIGIN_ZEROCOPY",
      ee_type: 0,
      ee_code: "SO_EE_CODE_ZEROCOPY_COPIED",
      ee_info: notice.low,
      ee_data: notice.high,
    })];
  }
  const atNs = Math.round(notice.atUs * 1000);
  return [
    {
      levels: ["SOL_SOCKET"],
      types: ["SCM_TIMESTAMPING"],
      data: { scm_sec: Math.floor(atNs / SECOND_NS), scm_nsec: atNs % SECOND_NS },
    },
    recvErr({
      ee_errno: "ENOMSG",
      ee_origin: "SO_EE_ORIGIN_TIMESTAMPING",
      ee_type: 0,
      ee_code: 0,
      ee_info: STAMP_NAMES[notice.what],
      ee_data: notice.key,
    }),
  ];
}

const STAMP_NAMES = {
  scheduled: "SCM_TSTAMP_SCHED",
  sent: "SCM_TSTAMP_SND",
  acknowledged: "SCM_TSTAMP_ACK",
} as const;

function recvErr(data: Readonly<Record<string, number | string>>): ControlMessage {
  // By the socket's version of IP; the language has words for either.
  return {
    levels: ["CMSG_LEVEL_IP", "SOL_IP", "SOL_IPV6"],
    types: ["CMSG_TYPE_RECVERR", "IP_RECVERR", "IPV6_RECVERR"],
    data,
  };
}

/** Compares what there is with `msg_control` of a script; nothing written asks for nothing. */
export function compareControl(
  args: CallArguments,
  expected: Expression | null,
  actual: readonly ControlMessage[],
): Mismatch | null {
  if (expected === null || expected.kind === "ellipsis") return null;
  const items = expected.kind === "array" ? expected.items : [expected];
  const isSame = items.length === actual.length && items.every((item, at) => agrees(args, item, actual[at]));
  return isSame ? null : { expected: textOf(expected), actual: `[${actual.map(messageText).join(", ")}]` };
}

function agrees(args: CallArguments, expected: Expression, actual: ControlMessage): boolean {
  if (expected.kind === "ellipsis") return true;
  if (!isOneOf(args, memberOf(expected, "cmsg_level"), actual.levels)) return false;
  if (!isOneOf(args, memberOf(expected, "cmsg_type"), actual.types)) return false;
  const data = memberOf(expected, "cmsg_data");
  if (data === null || data.kind === "ellipsis") return true;
  if (typeof actual.data === "number") return isValue(args, data, actual.data);
  if ("scm_sec" in actual.data) return isTime(args, data, actual.data);
  return Object.entries(actual.data).every(([name, value]) => isValue(args, memberOf(data, name), value));
}

function isValue(args: CallArguments, expected: Expression | null, actual: number | string): boolean {
  if (expected === null || expected.kind === "ellipsis") return true;
  const wanted = args.valueOf(expected);
  return wanted === (typeof actual === "number" ? actual : args.constant(actual));
}

function isOneOf(args: CallArguments, expected: Expression | null, names: readonly string[]): boolean {
  return names.some((name) => isValue(args, expected, name));
}

function isTime(
  args: CallArguments,
  expected: Expression,
  actual: Readonly<Record<string, number | string>>,
): boolean {
  const seconds = memberOf(expected, "scm_sec");
  const nanoseconds = memberOf(expected, "scm_nsec");
  if (seconds === null || nanoseconds === null) return true;
  const wanted = args.valueOf(seconds) * SECOND_NS + args.valueOf(nanoseconds);
  const there = Number(actual.scm_sec) * SECOND_NS + Number(actual.scm_nsec);
  return Math.abs(wanted - there) <= TIME_TOLERANCE_NS;
}

function messageText({ levels: [level], types: [type], data }: ControlMessage): string {
  const inner = typeof data === "number"
    ? `${data}`
    : `{${Object.entries(data).map(([name, value]) => `${name}=${value}`).join(", ")}}`;
  return `{cmsg_level=${level}, cmsg_type=${type}, cmsg_data=${inner}}`;
}
