/**
 * One connection: a request at a time, each answered before the next is looked at, until one side wants no more.
 *
 * Owns: the turn of heads, exchanges and patience, and how a connection ends (RFC 9112 §9). Must not know: what came before
 * it on the listener, or what a handler does.
 *
 * Answers to pipelined requests are in order (RFC 9112 §9.3.2) because nobody begins the second before the first is done;
 * what a client sends ahead waits, bounded, in the intake.
 */
import { AnswerWriter } from "./answer_writer.ts";
import type { Timed } from "./deadlines.ts";
import type { ExchangeEnd, ExchangeHost, ServerShared } from "./exchange_host.ts";
import { HeadScanner } from "./head_scanner.ts";
import { exchange } from "./http_exchange.ts";
import { addressOf, hostText, type HttpStream } from "./http_options.ts";
import { Intake } from "./intake.ts";
import { type RefusalReason, sentenceOf, statusOf } from "./refusals.ts";
import { judgeHead, type RequestHead } from "./request_head.ts";
import { responseHead } from "./response_head.ts";

/** Something to be done when it is late. */
class Alarm implements Timed {
  deadlineUs = Infinity;
  readonly expire: () => void;

  constructor(expire: () => void) {
    this.expire = expire;
  }
}

/** Local choice: what is dropped of a client that does not stop sending after its last answer. */
const LINGER_BYTES = 1024 * 1024;

/** See the head of this file. */
export class HttpConnection<Stream extends HttpStream> implements ExchangeHost<Stream> {
  readonly stream: Stream;
  readonly shared: ServerShared<Stream>;
  readonly intake: Intake;
  readonly writer: AnswerWriter;
  /** Requests whose head was taken. */
  requests = 0;
  onAbort: (() => void) | null = null;
  /** Resolves when whoever talks on it after an upgrade has ended it. */
  readonly left: Promise<void>;
  readonly leave: () => void;
  readonly #scanner: HeadScanner;
  readonly #ownHost: string;
  readonly #readAlarm: Alarm;
  readonly #writeAlarm: Alarm;
  #isLate = false;
  #isEnding = false;
  #isClosed = false;
  /** When it began to wait for a request; null while it has one. */
  #idleSinceUs: number | null = null;

  constructor(stream: Stream, shared: ServerShared<Stream>) {
    const { limits, patience, counters, deadlines, clock } = shared;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.left = promise;
    this.leave = resolve;
    this.stream = stream;
    this.shared = shared;
    this.intake = new Intake(stream, {
      mostBytes: limits.readAheadBytes,
      ownBytes: limits.headBytes + 1,
      budget: shared.budget,
    });
    this.#scanner = new HeadScanner(limits);
    this.#ownHost = hostText(addressOf(stream.localAddr));
    this.#readAlarm = new Alarm(() => {
      this.#isLate = true;
      this.intake.interrupt();
    });
    this.#writeAlarm = new Alarm(() => {
      counters.refuse("answer-timeout");
      this.abort();
    });
    deadlines.add(this.#readAlarm);
    deadlines.add(this.#writeAlarm);
    this.writer = new AnswerWriter({
      stream,
      patience: (ms) => deadlines.set(this.#writeAlarm, ms),
      writeMs: patience.writeMs,
      nowMs: () => clock.nowUs() / 1000,
      onBytes: (count) => counters.bodyBytesOut += count,
    });
  }

  /** Serves until the connection is over (`closed`), or speaks something else (`upgraded`); never rejects. */
  async run(): Promise<"closed" | "upgraded"> {
    let end: ExchangeEnd = "next";
    try {
      this.stream.setNoDelay?.(true);
      while (end === "next" && !this.#isClosed) {
        const head = await this.#nextHead();
        if (head === null) end = "linger";
        else end = await exchange(this, head);
      }
      if (end === "linger") await this.#linger();
    } catch {
      // Reading or writing has failed: whoever is at the other end hears nothing more.
      end = "closed";
    }
    this.#forgetAlarms();
    if (end === "upgraded") return end;
    this.intake.release();
    this.#close();
    return "closed";
  }

  /** Says that there is no room, and closes: whoever reads it at once has it. */
  async turnAway(): Promise<void> {
    try {
      await this.refuse("too-many-connections");
      await this.stream.closeWrite();
    } catch {
      // It is over anyway.
    }
    this.#forgetAlarms();
    this.#close();
  }

  /** Whether nothing of a request has come; then since when. */
  get idleSinceUs(): number | null {
    return this.#idleSinceUs;
  }

  /** The answer at hand is the last one. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Ends when what is at hand is done: now, if nothing is. */
  end(): void {
    this.#isEnding = true;
    if (this.#idleSinceUs !== null) this.intake.interrupt();
  }

  /** Ends at once. */
  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      if (this.stream.abort === undefined) this.stream.close();
      else this.stream.abort();
    } catch {
      // Whoever else closed it was faster.
    }
    this.intake.interrupt();
    this.onAbort?.();
    this.leave();
  }

  /** Wakes who waits in the intake after so long. */
  wakeAfter(ms: number): void {
    this.#isLate = false;
    this.shared.deadlines.set(this.#readAlarm, ms);
  }

  /** Counts a refusal, and says it to whoever sent the request, as the last thing. */
  async refuse(reason: RefusalReason): Promise<ExchangeEnd> {
    const { counters, date } = this.shared;
    counters.refuse(reason);
    const status = statusOf(reason);
    if (status === 0) {
      this.abort();
      return "closed";
    }
    const body = new TextEncoder().encode(`${status}: ${sentenceOf(reason)}\n`);
    const head = responseHead({
      status,
      statusText: "",
      headers: new Headers({ "content-type": "text/plain; charset=utf-8" }),
      framing: { kind: "sized", length: body.length },
      connection: "close",
      date: date(),
    });
    const whole = new Uint8Array(head.length + body.length);
    whole.set(head);
    whole.set(body, head.length);
    await this.writer.write(whole);
    return "linger";
  }

  /** The next request's head. Null: there is none, or it was refused. */
  async #nextHead(): Promise<RequestHead | null> {
    const { intake, shared } = this;
    const { patience, deadlines } = shared;
    this.#scanner.restart();
    intake.settle();
    this.#isLate = false;
    for (let scanned = 0;;) {
      const octets = intake.available;
      const end = this.#scanner.scan(octets, scanned, octets.length);
      scanned = octets.length;
      const { refusal } = this.#scanner;
      if (refusal !== null) return await this.#refuseHead(refusal);
      if (end >= 0) return await this.#take(octets.subarray(0, end));
      const { hasBegun } = this.#scanner;
      if (intake.isAtEnd || this.#isLate || (this.#isEnding && !hasBegun) || this.#isClosed) {
        return await this.#endOfHeads(hasBegun);
      }
      if (hasBegun && (this.#idleSinceUs !== null || this.#readAlarm.deadlineUs === Infinity)) {
        this.#idleSinceUs = null;
        deadlines.set(this.#readAlarm, patience.headMs);
      } else if (!hasBegun && this.#idleSinceUs === null) {
        this.#idleSinceUs = shared.clock.nowUs();
        deadlines.set(this.#readAlarm, patience.idleMs);
      }
      await intake.more();
    }
  }

  async #endOfHeads(hasBegun: boolean): Promise<null> {
    this.#idleSinceUs = null;
    if (!hasBegun || this.#isClosed) return null;
    await this.refuse(this.intake.isAtEnd ? "head-cut" : "head-timeout");
    return null;
  }

  async #refuseHead(reason: RefusalReason): Promise<null> {
    this.#idleSinceUs = null;
    await this.refuse(reason);
    return null;
  }

  async #take(octets: Uint8Array<ArrayBuffer>): Promise<RequestHead | null> {
    this.#idleSinceUs = null;
    this.wakeAfter(Infinity);
    const parsed = this.shared.parser.parse(octets, this.#scanner.fields);
    this.intake.take(octets.length);
    if (typeof parsed === "string") return await this.#refuseHead(parsed);
    const head = judgeHead(parsed, this.#ownHost);
    if (typeof head === "string") return await this.#refuseHead(head);
    this.requests++;
    return head;
  }

  /** RFC 9112 §9.6: says FIN, and listens on for a while, since a reset would take the last answer from the client. */
  async #linger(): Promise<void> {
    if (this.#isClosed) return;
    await this.stream.closeWrite();
    this.wakeAfter(this.shared.patience.lingerMs);
    for (let dropped = 0; !this.intake.isAtEnd && !this.#isLate && dropped <= LINGER_BYTES;) {
      const { count } = this.intake;
      this.intake.take(count);
      dropped += count;
      if (this.#isClosed) return;
      await this.intake.more();
    }
  }

  #forgetAlarms(): void {
    this.shared.deadlines.delete(this.#readAlarm);
    this.shared.deadlines.delete(this.#writeAlarm);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.stream.close();
    } catch {
      // Whoever else closed it was faster.
    }
  }
}
