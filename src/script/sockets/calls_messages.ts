/**
 * Calls with a `msghdr`: sendmsg and recvmsg, and the error queue that `recvmsg` reads with `MSG_ERRQUEUE`.
 *
 * Owns: the members of a `msghdr`. Must not know: what a read or a write comes to.
 */
import { type CallOutcome, UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import type { Expression } from "../values.ts";
import { type CallArguments, memberOf } from "./call_arguments.ts";
import { readInto, sendTo } from "./calls_data.ts";
import { destinationOf } from "./calls_socket.ts";
import { compareControl, type ControlMessage, messagesOf } from "./control_messages.ts";
import { gather, receiveRequest } from "./data_requests.ts";
import { type CallMethod, failed, succeeded } from "./process.ts";
import type { TcpSocket } from "./tcp_socket.ts";

/** The members that are known. */
const MEMBERS: ReadonlySet<string> = new Set(["msg_name", "msg_iov", "msg_flags", "msg_control"]);

function demandHeader(args: CallArguments, header: Expression): void {
  if (header.kind !== "struct") throw args.unreadable(header);
  for (const { name } of header.fields) {
    if (name === null || !MEMBERS.has(name)) {
      throw new UnsupportedConstruct(
        name === null
          ? "a member without a name of a msghdr"
          : `${name} of a msghdr${meantText(name, MEMBERS)}`,
      );
    }
  }
}

function vectorOf(args: CallArguments, header: Expression): Expression {
  const vector = memberOf(header, "msg_iov");
  if (vector === null) throw args.unreadable(header);
  return vector;
}

/** sendmsg(fd, {msg_name(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}, flags). */
const sendmsg: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const header = args.at(1);
  demandHeader(args, header);
  if (controlOf(header) !== null) throw new UnsupportedConstruct("msg_control of sendmsg()");
  const gathered = gather(args, vectorOf(args, header));
  const name = memberOf(header, "msg_name");
  const to = destinationOf(
    process,
    name === null ? { family: null, address: null, port: null } : args.addressOf(name),
  );
  return sendTo(process, socket, { gathered, flags: args.flagNames(2), to });
};

/** `msg_control`; null where it is empty or not written. */
function controlOf(header: Expression): Expression | null {
  const control = memberOf(header, "msg_control");
  return control === null || (control.kind === "array" && control.items.length === 0) ? null : control;
}

/** recvmsg(fd, header, flags): the header as it comes back. */
const recvmsg: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const header = args.at(1);
  demandHeader(args, header);
  const flags = args.flagNames(2);
  if (flags.includes("MSG_ERRQUEUE")) return readErrors(socket, args, header);
  const { length, isBad } = gather(args, vectorOf(args, header));
  const done = (count: number): CallOutcome => {
    const control = socket.settings.tellsInQueue ? [inQueue(socket)] : [];
    return answered(args, header, { count, flags: 0, control });
  };
  return readInto(process, socket, { request: { ...receiveRequest(flags, length), done }, isBad });
};

/** How much is still there; one octet more where the end is next, so that a reader comes again for it. */
function inQueue(socket: TcpSocket): ControlMessage {
  const { readableBytes } = socket;
  const data = readableBytes === 0 && socket.hasPeerClosed ? 1 : readableBytes;
  return { levels: ["SOL_TCP"], types: ["TCP_CM_INQ"], data };
}

function readErrors(socket: TcpSocket, args: CallArguments, header: Expression): CallOutcome {
  const notice = socket.errors.take();
  if (notice === null) return failed("EAGAIN");
  // What was stamped was an octet, for which the caller has no room.
  const flags = notice.kind === "stamp"
    ? args.constant("MSG_ERRQUEUE") | args.constant("MSG_TRUNC")
    : args.constant("MSG_ERRQUEUE");
  return answered(args, header, { count: 0, flags, control: messagesOf(notice) });
}

/** The outcome, compared with what the script has in the header. */
function answered(
  args: CallArguments,
  header: Expression,
  actual: { readonly count: number; readonly flags: number; readonly control: readonly ControlMessage[] },
): CallOutcome {
  const flags = memberOf(header, "msg_flags");
  const mismatch = (flags === null ? null : args.compare(flags, actual.flags)) ??
    compareControl(args, memberOf(header, "msg_control"), actual.control);
  return succeeded(actual.count, mismatch);
}

/** By name. */
export const MESSAGE_CALLS: Readonly<Record<string, CallMethod>> = { sendmsg, recvmsg };
