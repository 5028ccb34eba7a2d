/**
 * The octets of a head, judged one by one as they come, before anybody reads meaning into them (RFC 9112 §2.2, §3, §5).
 *
 * Owns: where a head (or a trailer section) ends, and whether each of its octets may be where it is. One pass, a few numbers
 * of memory, whatever comes. Must not know: what fields mean, where octets come from.
 *
 * It is stricter than the grammar's advice to recipients: bare LF, obs-fold and white space before a colon are refused, not mended.
 */
import type { RefusalReason } from "./refusals.ts";

/** Bounds on a head; see {@link HttpLimits} for their defaults. */
export interface HeadLimits {
  readonly headBytes: number;
  readonly urlBytes: number;
  readonly fields: number;
}

const NUL = 0x00;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Kinds of octets. */
const TOKEN = 1;
const TARGET = 2;
const VALUE = 4;
const KINDS = kindsOfOctets();

/** RFC 9110 §5.6.2 (tchar), RFC 9112 §3.2 (a target is visible ASCII), RFC 9110 §5.5 (field-vchar, SP, HTAB). */
function kindsOfOctets(): Uint8Array {
  const kinds = new Uint8Array(256);
  for (let octet = 0x21; octet < 0x7f; octet++) kinds[octet] = TARGET | VALUE;
  for (const letter of "!#$%&'*+-.^_`|~0123456789") kinds[letter.charCodeAt(0)] |= TOKEN;
  for (let letter = 0; letter < 26; letter++) {
    kinds[0x41 + letter] |= TOKEN;
    kinds[0x61 + letter] |= TOKEN;
  }
  for (let octet = 0x80; octet < 0x100; octet++) kinds[octet] = VALUE;
  kinds[SP] = VALUE;
  kinds[TAB] = VALUE;
  return kinds;
}

/** Local choice: the longest of the known methods has ten letters. */
const METHOD_BYTES = 24;
const VERSION_TEXT = "HTTP/";
/** `HTTP/1.1`. */
const VERSION_BYTES = 8;
/** What a client begins with that takes HTTP/2 for granted (RFC 9113 §3.4). */
const HTTP2_METHOD = "PRI";

const enum State {
  Start,
  BlankLf,
  Method,
  Target,
  Version,
  LineEnd,
  LineLf,
  FieldStart,
  Name,
  Value,
  ValueLf,
  EndLf,
  Done,
}

/** Judges one head after the other; `scan` takes each octet once. */
export class HeadScanner {
  readonly #limits: HeadLimits;
  readonly #first: State;
  #state: State;
  #octets = 0;
  #inPart = 0;
  #fields = 0;
  #isPreface = true;
  #hadBlank = false;
  #isMajorOne = false;
  #refusal: RefusalReason | null = null;

  /** `part`: a whole head, or the fields after the last chunk. */
  constructor(limits: HeadLimits, part: "head" | "trailers" = "head") {
    this.#limits = limits;
    this.#first = part === "head" ? State.Start : State.FieldStart;
    this.#state = this.#first;
  }

  /** Why nothing more is taken; null while all is well. */
  get refusal(): RefusalReason | null {
    return this.#refusal;
  }

  /** Octets taken of this head, empty lines before it included. */
  get octets(): number {
    return this.#octets;
  }

  /** Fields of this head so far. */
  get fields(): number {
    return this.#fields;
  }

  /** Whether anything of a head has come, beyond an empty line. */
  get hasBegun(): boolean {
    return this.#state > State.BlankLf;
  }

  /** Takes octets `from` to `to - 1`. The place after the head's last octet, or -1: more is needed, or it is refused. */
  scan(bytes: Uint8Array, from: number, to: number): number {
    if (this.#refusal !== null) return -1;
    for (let at = from; at < to; at++) {
      this.#refusal = this.#take(bytes[at]);
      if (this.#refusal !== null) return -1;
      if (this.#state === State.Done) return at + 1;
    }
    return -1;
  }

  /** The next head begins. */
  restart(): void {
    this.#state = this.#first;
    this.#octets = 0;
    this.#inPart = 0;
    this.#fields = 0;
    this.#isPreface = true;
    this.#hadBlank = false;
    this.#isMajorOne = false;
    this.#refusal = null;
  }

  #take(octet: number): RefusalReason | null {
    if (++this.#octets > this.#limits.headBytes) {
      return this.#state === State.Target ? "url-too-long" : "head-too-long";
    }
    switch (this.#state) {
      case State.Start:
        // RFC 9112 §2.2: an empty line before the request is ignored; one, not many.
        if (octet !== CR || this.#hadBlank) return this.#method(octet);
        this.#hadBlank = true;
        this.#state = State.BlankLf;
        return null;
      case State.BlankLf:
        this.#state = State.Start;
        return octet === LF ? null : "bare-cr";
      case State.Method:
        return this.#method(octet);
      case State.Target:
        return this.#target(octet);
      case State.Version:
        return this.#version(octet);
      case State.LineEnd:
        this.#state = State.LineLf;
        if (octet === LF) return "bare-lf";
        return octet === CR ? null : "request-line";
      case State.LineLf:
      case State.ValueLf:
        this.#state = State.FieldStart;
        return octet === LF ? null : "bare-cr";
      case State.EndLf:
        this.#state = State.Done;
        return octet === LF ? null : "bare-cr";
      default:
        return this.#field(octet);
    }
  }

  #method(octet: number): RefusalReason | null {
    if ((KINDS[octet] & TOKEN) !== 0 && this.#inPart < METHOD_BYTES) {
      this.#isPreface &&= octet === HTTP2_METHOD.charCodeAt(this.#inPart);
      this.#state = State.Method;
      this.#inPart++;
      return null;
    }
    if (octet !== SP || this.#inPart === 0) return octet === NUL ? "nul" : "request-line";
    this.#isPreface &&= this.#inPart === HTTP2_METHOD.length;
    this.#inPart = 0;
    this.#state = State.Target;
    return null;
  }

  #target(octet: number): RefusalReason | null {
    if ((KINDS[octet] & TARGET) !== 0) return ++this.#inPart > this.#limits.urlBytes ? "url-too-long" : null;
    if (octet === CR || octet === LF) return "http-0.9";
    if (octet !== SP) return octet === NUL ? "nul" : "target";
    if (this.#inPart === 0) return "request-line";
    this.#inPart = 0;
    this.#state = State.Version;
    return null;
  }

  /** `HTTP/1.1`, octet by octet (RFC 9112 §2.3). */
  #version(octet: number): RefusalReason | null {
    const at = this.#inPart++;
    if (at < VERSION_TEXT.length) return octet === VERSION_TEXT.charCodeAt(at) ? null : "request-line";
    const isDigit = octet >= DIGIT_0 && octet <= DIGIT_9;
    if (at === VERSION_TEXT.length) {
      this.#isMajorOne = octet === DIGIT_0 + 1;
      return isDigit ? null : "request-line";
    }
    if (at < VERSION_BYTES - 1) return octet === 0x2e ? null : "request-line";
    if (!isDigit) return "request-line";
    if (!this.#isMajorOne) return this.#isPreface ? "http2-preface" : "version";
    this.#state = State.LineEnd;
    return null;
  }

  #field(octet: number): RefusalReason | null {
    if (octet === NUL) return "nul";
    if (this.#state === State.Value) {
      if ((KINDS[octet] & VALUE) !== 0) return null;
      if (octet === LF) return "bare-lf";
      if (octet !== CR) return "control";
      this.#state = State.ValueLf;
      return null;
    }
    const isFirst = this.#state === State.FieldStart;
    if ((KINDS[octet] & TOKEN) !== 0) {
      this.#state = State.Name;
      if (isFirst && ++this.#fields > this.#limits.fields) return "too-many-fields";
      return null;
    }
    if (octet === SP || octet === TAB) return isFirst ? "obs-fold" : "space-before-colon";
    if (isFirst) {
      if (octet === CR) this.#state = State.EndLf;
      else return octet === LF ? "bare-lf" : "field-name";
      return null;
    }
    if (octet !== COLON) return "field-name";
    this.#state = State.Value;
    return null;
  }
}
