/**
 * A connection as a packetdrill script: the segments of one end are what the stack under test has to send, those of the other are given to it.
 *
 * Owns: the script's text, and the calls that an application must have made for the segments to come about. Must not know: files.
 *
 * The language is that of google/packetdrill. What a capture cannot show is chosen as simply as it can be: writes as write_plan.ts has
 * them (TCP_NODELAY), a read once what was read has been acknowledged, shutdown or close where the FIN comes, and TCP_QUICKACK off
 * where an ACK waited for the answer of an application that answers at once. Windows are not demanded of the stack, which has buffers of
 * its own; the options of its segments are, as they were captured. What never arrived is not given to it, and copies that the network
 * made are not demanded.
 */
import { ByteRanges } from "../story/byte_ranges.ts";
import type { ConnectionStory } from "../story/connection_story.ts";
import { isRetransmission, type MarkKind } from "../story/marks.ts";
import { type EndName, otherEnd, type SegmentRow } from "../story/story_segment.ts";
import { DEFAULT_TCP_CONFIG } from "../tcp/config.ts";
import { windowShiftFor } from "../tcp/receive_window.ts";
import { FLAG } from "../wire/tcp.ts";
import { flagsText, optionsText, timeText, urgentPointer } from "./captured_text.ts";
import { WritePlan } from "./write_plan.ts";
import { printable } from "../observe/text_layout.ts";

const { SYN, FIN, RST, ACK } = FLAG;

/** Which script is wanted. */
export interface ScriptWishes {
  /** The end that is the stack under test. */
  readonly side: EndName;
  /** Where the segments come from; for a comment. */
  readonly source: string;
}

/** Local choice: a machine that plays a script sends and sees within so much of the time that a capture tells. */
const TOLERANCE_US = 20_000;
/** Local choice: between an ACK at once and one that was delayed. */
const AT_ONCE_S = 0.02;
/** What a script can say: payload of a segment (16 bits), and positions (32 bits, no segment across their end). */
const MOST_PAYLOAD = 0xffff;
/** What a window's field can say. */
const MOST_FIELD = 0xffff;
/** What a stack of ours offers unless it is told otherwise. */
const USUAL_SHIFT = windowShiftFor(DEFAULT_TCP_CONFIG.receiveBufferBytes);
const MOST_POSITION = 0xffffffff;

const USUAL_MTU = 1500;
const IPV4_HEADERS = 40;
const IPV6_HEADERS = 60;

/** The script; several lines, the last one ended. Its rows must all be kept. */
export function packetdrillScript(connection: ConnectionStory, wishes: ScriptWishes): string {
  return new ScriptWriter(connection, wishes).write();
}

const NEVER_GIVEN: ReadonlySet<MarkKind> = new Set(["never-arrived", "lost-on-purpose", "wrong-checksum"]);

class ScriptWriter {
  readonly #connection: ConnectionStory;
  readonly #side: EndName;
  readonly #source: string;
  readonly #rows: readonly SegmentRow[];
  readonly #writes: WritePlan;
  /** Its SYN asks by itself: who opens, and both where they open at once (RFC 9293 §3.5, Figure 7). */
  readonly #isActive: boolean;
  readonly #lines: string[] = [];
  /** Octets of the other end that were given, SYN and FIN not counted. */
  readonly #given = new ByteRanges();
  /** The descriptor of the connection; null before the call that gives it. */
  #fd: number | null = null;
  #read = 1;
  #isClosed = false;
  /** Its descriptor is closed: no call has it any more. */
  #isGone = false;
  /** TCP_QUICKACK: off where the ACK of what came went with text; null as long as nothing is said of it. */
  #quickAcks: boolean | null = null;
  /** Of the other end: its largest text, and how much of all was acknowledged. */
  #largest = 0;
  #acknowledged = 1;
  /** Where the search for what acknowledges goes on. */
  #nextAnswer = 0;
  #lastTime: number | null = null;

  constructor(connection: ConnectionStory, { side, source }: ScriptWishes) {
    this.#connection = connection;
    this.#side = side;
    this.#source = source;
    this.#rows = connection.segmentRows();
    this.#writes = new WritePlan(this.#rows, side);
    this.#isActive = side === "client" ||
      this.#rows.some(({ segment: { from, flags } }) => from === side && (flags & (SYN | ACK)) === SYN);
  }

  write(): string {
    this.#head();
    if (!this.#isActive) this.#listen();
    // Of two that open at once the other's SYN may come first.
    else if (this.#rows[0]?.segment.from !== this.#side && !this.#connection.isMidstream) this.#connect(0);
    if (this.#connection.isMidstream) this.#makeHandshake();
    for (const row of this.#rows) {
      if (Math.max(row.relSeq + row.segment.length, row.relAck) > MOST_POSITION) {
        this.#lines.push("", "// What follows lies beyond 4 GiB: a script has no numbers for it.");
        break;
      }
      this.#row(this.#within(row));
    }
    this.#readUpTo(Infinity);
    return this.#lines.join("\n") + "\n";
  }

  #head(): void {
    const { endpoints, id } = this.#connection;
    const isIpv6 = endpoints.client.startsWith("[");
    this.#lines.push(
      `// ${printable(this.#source)}, connection #${id}: ${endpoints.client} > ${endpoints.server}`,
      `// The stack under test is the ${this.#side}; times are those of the capture.`,
      "",
      ...(isIpv6 ? ["--ip_version=ipv6"] : []),
      `--tolerance_usecs=${TOLERANCE_US}`,
      ...this.#mtu(isIpv6),
      "",
      ...this.#settings(),
      "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    );
  }

  /** The MSS that a stack offers is its link's MTU less the headers (RFC 6691 §2). */
  #mtu(isIpv6: boolean): string[] {
    const { mss } = this.#connection.shadowOf(this.#side);
    const mtu = mss === null ? USUAL_MTU : mss + (isIpv6 ? IPV6_HEADERS : IPV4_HEADERS);
    return mtu === USUAL_MTU ? [] : [`--mtu=${mtu}`];
  }

  /** Options that the stack left out though it could have offered them: switched off, in Linux's words. */
  #settings(): string[] {
    const own = this.#connection.shadowOf(this.#side);
    const other = this.#connection.shadowOf(otherEnd(this.#side));
    if (!own.hasSyn) return [];
    const mayOffer = (offered: boolean) => this.#side === "client" || offered;
    const off = [
      ...(!own.sackPermitted && mayOffer(other.sackPermitted) ? ["net.ipv4.tcp_sack=0"] : []),
      ...(!own.hasTimestamps && mayOffer(other.hasTimestamps) ? ["net.ipv4.tcp_timestamps=0"] : []),
      ...(own.offeredShift === null && mayOffer(other.offeredShift !== null)
        ? ["net.ipv4.tcp_window_scaling=0"]
        : []),
    ];
    // Another scale than ours says for how large a buffer it was chosen (RFC 7323 §2.2).
    const shift = own.offeredShift;
    const most = shift === null || shift === USUAL_SHIFT ? null : MOST_FIELD * 2 ** shift;
    const lines = [
      ...(off.length === 0 ? [] : [`\`sysctl -q ${off.join(" ")}\``]),
      ...(most === null ? [] : [`\`sysctl -q net.ipv4.tcp_rmem="4096 ${most} ${most}"\``]),
    ];
    return lines.length === 0 ? [] : [...lines, ""];
  }

  #listen(): void {
    this.#lines.push("+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0");
    this.#lines.push("+0 bind(3, ..., ...) = 0");
    // Who refuses does not listen.
    if (this.#connection.factsOf("server").reset?.isRefusal) return;
    this.#lines.push("+0 listen(3, 1) = 0");
    // A connection begins with what its listener has then: the SYN must not be there yet.
    const opening = this.#rows.find((row) =>
      row.segment.from !== this.#side && (row.segment.flags & (SYN | RST | ACK)) === ACK &&
      this.#whySkipped(row) === null
    );
    if (opening !== undefined && opening.segment.length > 0) this.#foreseeAck(opening);
  }

  #connect(delta: number): void {
    this.#call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0", 0);
    this.#call("setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0", 0);
    if (this.#sendsWithHandshake()) this.#quickAck(false);
    this.#call("connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)", delta);
    this.#fd = 3;
  }

  /** Whether there is no bare third step of the handshake: its ACK waited for the text that it came with. */
  #sendsWithHandshake(): boolean {
    const answer = this.#rows.findIndex(({ segment: { from, flags } }) =>
      from !== this.#side && (flags & (SYN | ACK)) === (SYN | ACK)
    );
    const next = this.#rows.slice(answer + 1).find(({ segment }) => segment.from === this.#side);
    if (answer < 0 || next === undefined) return false;
    const { flags, length } = next.segment;
    return next.relSeq === 1 && (length > 0 || (flags & (FIN | RST)) !== 0);
  }

  /** Whether ACKs leave at once, or wait for text that may go with them. */
  #quickAck(on: boolean): void {
    if (this.#isGone || this.#quickAcks === on || this.#quickAcks === null && on) return;
    this.#quickAcks = on;
    this.#call(`setsockopt(${this.#fd ?? 3}, SOL_TCP, TCP_QUICKACK, [${on ? 1 : 0}], 4) = 0`, 0);
  }

  /**
   * What the stack did when this text came: sent text along with the ACK (its application answered at once), or the ACK alone. A call comes
   * after the segment that it answers, so that the stack must have been told before.
   */
  #foreseeAck({ index, segment: { length, time }, relSeq }: SegmentRow): void {
    const end = relSeq + length;
    // What comes out of order, or fills a hole, is acknowledged at once in any case (RFC 5681 §4.2).
    const isInOrder = relSeq <= this.#given.endOfRun(1);
    if (!isInOrder || this.#given.endOfRun(Math.max(1, end)) > end) return;
    this.#largest = Math.max(this.#largest, length);
    const answer = this.#answerTo(end, index);
    if (answer === null) return;
    const { segment } = answer;
    // What came together, or before the delay was over, was taken together; an ACK that does not know what has come meanwhile was made at
    // once, by a machine that was held up.
    const wasAtOnce = segment.time - time < AT_ONCE_S || this.#hasMoreCome(end, index);
    const isOwn = answer.relAck === end && wasAtOnce;
    const isBare = isOwn && segment.length === 0 && (segment.flags & (FIN | RST)) === 0;
    // Two full segments are acknowledged at once in any case (SHLD-19).
    if (!isBare || end - this.#acknowledged < 2 * this.#largest) this.#quickAck(isBare);
    if (answer.relAck === end) this.#acknowledged = end;
  }

  /** The first of our segments behind this row that acknowledges as much. Both rise from call to call. */
  #answerTo(end: number, index: number): SegmentRow | null {
    for (; this.#nextAnswer < this.#rows.length; this.#nextAnswer++) {
      const row = this.#rows[this.#nextAnswer];
      const { from, flags } = row.segment;
      if (row.index <= index || from !== this.#side || (flags & ACK) === 0 || row.relAck < end) continue;
      return row;
    }
    return null;
  }

  /** Whether text behind `end` lies between this row and the answer that was found last. */
  #hasMoreCome(end: number, index: number): boolean {
    for (let at = this.#nextAnswer - 1; at >= 0 && this.#rows[at].index > index; at--) {
      const { segment, relSeq } = this.#rows[at];
      if (segment.from !== this.#side && segment.length > 0 && relSeq >= end) return true;
    }
    return false;
  }

  #accept(): void {
    this.#call("accept(3, ..., ...) = 4", 0);
    this.#call("setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0", 0);
    this.#fd = 4;
  }

  /** Windows of a connection whose beginning was not seen are told as if they were not scaled. */
  #makeHandshake(): void {
    this.#lines.push("", "// The beginning was not captured: this handshake is made up.");
    if (!this.#isActive) {
      this.#lines.push("+0 < S 0:0(0) win 65535 <mss 1460>", "+0 > S. 0:0(0) ack 1 <...>");
      this.#lines.push("+0 < . 1:1(0) ack 1 win 65535");
      this.#accept();
    } else {
      this.#connect(0);
      this.#lines.push(
        "+0 > S 0:0(0) <...>",
        "+0 < S. 0:0(0) ack 1 win 65535 <mss 1460>",
        "+0 > . 1:1(0) ack 1",
      );
    }
    this.#lines.push("");
  }

  /**
   * What begins before the connection does, as a segment sent again does of which the capture has only the later ones: without those octets,
   * for no segment can lie across the end of the numbers.
   */
  #within(row: SegmentRow): SegmentRow {
    const { segment, relSeq } = row;
    const before = 1 - relSeq;
    if (relSeq >= 0 || segment.length <= before) return row;
    this.#lines.push(
      `// frame ${segment.number} is told without its first ${before} octets, which lie before what was captured`,
    );
    return { ...row, relSeq: 1, segment: { ...segment, length: segment.length - before } };
  }

  /** Why a segment is no line of the script; null where it is one. */
  #whySkipped({ segment, marks, relSeq, fate }: SegmentRow): string | null {
    const kinds = marks.map(({ kind }) => kind);
    if (kinds.includes("outside-window")) return "belongs to no window of this connection";
    if (relSeq < 0 && relSeq + segment.length >= 0) return "lies before what was captured";
    if (segment.from === this.#side) {
      return kinds.includes("duplicate") ? "is a copy that the network made" : null;
    }
    return fate !== null || kinds.some((kind) => NEVER_GIVEN.has(kind)) ? "never arrived" : null;
  }

  #row(row: SegmentRow): void {
    const { segment, marks } = row;
    const isOutbound = segment.from === this.#side;
    const delta = this.#lastTime === null ? 0 : Math.max(0, segment.time - this.#lastTime);
    const skipped = this.#whySkipped(row);
    if (skipped !== null) {
      this.#lines.push(`// frame ${segment.number} ${skipped}`);
      return;
    }
    this.#lastTime = segment.time;
    const note = marks.filter(({ kind }) => isRetransmission(kind)).map(({ text }) => `  // ${text}`).join(
      "",
    );
    if (isOutbound) this.#outbound(row, { delta, note });
    else this.#inbound(row, { delta, note });
  }

  /** Before what the stack sends stands the call that makes it send; the time of both is the segment's. */
  #outbound(row: SegmentRow, { delta, note }: { delta: number; note: string }): void {
    const { segment, marks, relSeq } = row;
    const { flags, length } = segment;
    const isAgain = marks.some(({ kind }) =>
      isRetransmission(kind) || kind === "keep-alive" || kind === "zero-window-probe"
    );
    let left = delta;
    const call = (text: string) => {
      this.#call(text, left);
      left = 0;
    };
    if (this.#isActive && this.#fd === null && (flags & (SYN | ACK)) === SYN) {
      this.#connect(left);
      left = 0;
    }
    if (this.#fd !== null && !isAgain && !this.#isClosed) {
      if (length > 0 && (flags & SYN) === 0 && relSeq >= 1) {
        // The urgent octet is the last one of the call that sends it; of a longer text others have the flag too.
        const count = this.#writes.due(row);
        const { closesNow } = this.#writes;
        const isUrgent = urgentPointer(segment) === length;
        const flag = isUrgent ? "MSG_OOB" : closesNow && !this.#writes.isFinPushed ? "MSG_MORE" : null;
        if (count > 0) {
          // What waits for FIN, and is pushed with it.
          if (flag === null && closesNow) call(`setsockopt(${this.#fd}, SOL_TCP, TCP_CORK, [1], 4) = 0`);
          call(
            flag === null
              ? `write(${this.#fd}, ..., ${count}) = ${count}`
              : `send(${this.#fd}, ..., ${count}, ${flag}) = ${count}`,
          );
        }
      }
      if ((flags & FIN) !== 0 || length > 0 && this.#writes.closesNow) call(this.#closing(row));
      else if ((flags & RST) !== 0 && !this.#wasReset(row)) {
        call(`setsockopt(${this.#fd}, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0`);
        call(`close(${this.#fd}) = 0`);
        this.#isClosed = true;
      }
    }
    this.#segment(">", row, { delta: left, note });
    this.#acknowledged = Math.max(this.#acknowledged, row.relAck);
    this.#readUpTo(row.relAck);
  }

  #inbound(row: SegmentRow, { delta, note }: { delta: number; note: string }): void {
    const { segment: { flags, length }, relSeq } = row;
    if (length > 0 && relSeq >= 1) this.#foreseeAck(row);
    this.#segment("<", row, { delta, note });
    if (length > 0 && relSeq >= 1) this.#given.add(relSeq, relSeq + length);
    const opens = !this.#isActive && this.#fd === null && (flags & (SYN | RST | ACK)) === ACK;
    if (opens) this.#accept();
  }

  /** Both directions where nothing more comes from the other end, which may still speak otherwise. */
  #closing({ index }: SegmentRow): string {
    const later = this.#rows.filter((row) => row.index > index);
    const speaks = later.some(({ segment }) => segment.from !== this.#side && segment.length > 0);
    // Who answers what comes with RST does not read any more (RFC 9293 §3.10.4).
    const refuses = later.some(({ segment: { from, flags } }) => from === this.#side && (flags & RST) !== 0);
    const call = speaks && !refuses ? `shutdown(${this.#fd}, SHUT_WR) = 0` : `close(${this.#fd}) = 0`;
    // What is unread when both directions are closed makes a RST of the FIN (RFC 2525 §2.17).
    if (!refuses && !speaks) this.#readUpTo(Infinity);
    this.#isClosed = true;
    this.#isGone = refuses || !speaks;
    return call;
  }

  /** A RST that answers something is the stack's own doing. */
  #wasReset({ index, relSeq, segment: { flags } }: SegmentRow): boolean {
    const before = this.#rows.findLast((row) => row.index < index);
    // Who finds its SYN acknowledged by a wrong number has no ACK in its RST (RFC 9293 §3.10.7.3).
    if (this.#isActive && relSeq === 1 && (flags & ACK) !== 0) return this.#isClosed;
    return this.#isClosed ||
      before !== undefined && before.segment.from !== this.#side && (before.segment.flags & SYN) !== 0;
  }

  /** Reads what has been given in order, as far as it is acknowledged: earlier, and the stack would acknowledge sooner. */
  #readUpTo(position: number): void {
    if (this.#fd === null || this.#isClosed) return;
    const end = Math.min(position, this.#given.endOfRun(this.#read));
    const count = end - this.#read;
    if (count <= 0) return;
    this.#call(`read(${this.#fd}, ..., ${count}) = ${count}`, 0);
    this.#read = end;
  }

  #call(text: string, delta: number): void {
    this.#lines.push(`${timeText(delta)} ${text}`);
  }

  #segment(sign: ">" | "<", row: SegmentRow, { delta, note }: { delta: number; note: string }): void {
    const { segment, relSeq, relAck } = row;
    const { flags, length, window } = segment;
    const ack = (flags & ACK) === 0 ? "" : ` ack ${relAck >>> 0}`;
    const win = sign === "<" ? ` win ${window}` : "";
    const pointer = urgentPointer(segment);
    const urgent = pointer === null ? "" : ` urg ${pointer}`;
    const options = optionsText(row, this.#connection.shadowOf(otherEnd(segment.from)).initial ?? 0);
    for (let from = 0; from === 0 || from < length; from += MOST_PAYLOAD) {
      const part = Math.min(MOST_PAYLOAD, length - from);
      const start = (relSeq + from) >>> 0;
      const said = `${flagsText(flags)} ${start}:${start + part}(${part})${ack}${win}${urgent}${options}`;
      this.#lines.push(`${timeText(from === 0 ? delta : 0)} ${sign} ${said}${from === 0 ? note : ""}`);
    }
  }
}
