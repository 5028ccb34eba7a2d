/**
 * Calls about what is no socket, as far as octets of one go there or come from there: open, pipe, sendfile, splice.
 *
 * Owns: files of zeros, pipes. Must not know: any file of the system; none is opened.
 */
import { type CallOutcome, UnsupportedConstruct } from "../kernel.ts";
import { isNull } from "./call_arguments.ts";
import { writeOn, type WriteRequest } from "./data_transfer.ts";
import { type Descriptor, READY } from "./descriptor.ts";
import { blocking, type CallMethod, failed, succeeded } from "./process.ts";
import { TcpSocket } from "./tcp_socket.ts";

/** What a pipe holds, as Linux's. */
const PIPE_BYTES = 0x1_0000;

/** A file that is as long as anybody wants to read, and zeros. */
class ZeroFile implements Descriptor {
  isNonBlocking = false;
  readonly readiness: number = READY.IN | READY.OUT;
  readonly wakeups = 0;

  look(): void {}

  close(): null {
    return null;
  }
}

/** One end of a pipe: how many octets are in it, which both ends share. */
class PipeEnd implements Descriptor {
  isNonBlocking = false;
  readonly wakeups = 0;
  readonly held: { bytes: number };
  readonly isWriting: boolean;

  constructor(held: { bytes: number }, isWriting: boolean) {
    this.held = held;
    this.isWriting = isWriting;
  }

  get readiness(): number {
    if (this.isWriting) return this.held.bytes < PIPE_BYTES ? READY.OUT : 0;
    return this.held.bytes > 0 ? READY.IN : 0;
  }

  look(): void {}

  close(): null {
    return null;
  }
}

/** open("/tmp/file", O_RDONLY): to be sent from. */
const open: CallMethod = (process, args) => {
  args.demand(2, 3);
  if (args.at(0).kind !== "string" || args.flagNames(1).join() !== "O_RDONLY") {
    throw new UnsupportedConstruct("open() for more than reading");
  }
  return process.open(new ZeroFile(), args);
};

/** pipe([5, 6]). */
const pipe: CallMethod = (process, args) => {
  args.demand(1, 2);
  const ends = args.at(0);
  if (ends.kind !== "array" || ends.items.length !== 2) throw args.unreadable(ends);
  const held = { bytes: 0 };
  const [reading, writing] = ends.items.map((item) => args.valueOf(item));
  if (process.find(reading) !== null || process.find(writing) !== null || reading === writing) {
    return failed("EMFILE");
  }
  const isMade = process.openAs(reading, new PipeEnd(held, false)) &&
    process.openAs(writing, new PipeEnd(held, true));
  return isMade ? succeeded(0) : failed("EMFILE");
};

/** sendfile(socket, file, [offset], count). */
const sendfile: CallMethod = (process, args) => {
  args.demand(4);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const file = process.find(args.number(1));
  if (file === null) return failed("EBADF");
  if (!(file instanceof ZeroFile)) return failed("EINVAL");
  const request: WriteRequest = {
    length: args.number(3),
    bytes: null,
    dontWait: false,
    more: false,
    zeroCopy: false,
    urgent: false,
    endsRecord: false,
    cuts: [],
  };
  return writeOn(process, socket, request);
};

/** splice(socket, NULL, pipe, NULL, length, flags): from a socket into a pipe. */
const splice: CallMethod = (process, args) => {
  args.demand(6);
  const from = process.find(args.number(0));
  const to = process.find(args.number(2));
  if (from === null || to === null) return failed("EBADF");
  if (!(from instanceof TcpSocket) || !(to instanceof PipeEnd) || !to.isWriting) {
    throw new UnsupportedConstruct("splice() from anything but a socket into a pipe");
  }
  if (!isNull(args.at(1)) || !isNull(args.at(3))) return failed("ESPIPE");
  const length = args.number(4);
  const look = (): CallOutcome | null => {
    const { connection } = from;
    const room = PIPE_BYTES - to.held.bytes;
    // The octet at the mark is no part of the stream.
    if (connection?.urgentBytes === 1) return succeeded(0);
    const count = Math.min(length, from.bytesBeforeMark(), room);
    if (count > 0 && connection !== null) {
      connection.skip(count);
      to.held.bytes += count;
      return succeeded(count);
    }
    return from.isAtEnd || length === 0 ? succeeded(0) : null;
  };
  return blocking(look, { mayBlock: !from.isNonBlocking, late: () => failed("EAGAIN") });
};

/** By name. */
export const FILE_CALLS: Readonly<Record<string, CallMethod>> = { open, pipe, sendfile, splice };
