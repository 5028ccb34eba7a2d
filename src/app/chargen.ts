/**
 * chargen: sends a rotating pattern of characters without being asked, as fast as the client takes it (RFC 864).
 *
 * Owns: the pattern and each connection's place in it. Must not know: windows, segments.
 */
import type { ConnectionHandler, HostConnection } from "../host/api.ts";
import type { Application } from "./application.ts";

/** The printing characters of ASCII, from the space on (RFC 864: "There are 95"). */
const FIRST_CHARACTER = 0x20;
const CHARACTERS = 95;
/** RFC 864: lines of 72 characters, each line one character further round the ring. */
const LINE_CHARACTERS = 72;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const LINE_BYTES = LINE_CHARACTERS + 2;
/** After as many lines as there are characters the pattern begins again. */
const CYCLE_BYTES = CHARACTERS * LINE_BYTES;
/** Cycles in the block that is written from; local choice: 64 kB, so that a send buffer is filled in a few calls. */
const CYCLES = 9;

/** The pattern of RFC 864, `cycles` times over. */
export function chargenPattern(cycles: number): Uint8Array {
  const pattern = new Uint8Array(cycles * CYCLE_BYTES);
  let at = 0;
  for (let line = 0; line < cycles * CHARACTERS; line++) {
    for (let column = 0; column < LINE_CHARACTERS; column++) {
      pattern[at++] = FIRST_CHARACTER + (line + column) % CHARACTERS;
    }
    pattern[at++] = CARRIAGE_RETURN;
    pattern[at++] = LINE_FEED;
  }
  return pattern;
}

class ChargenHandler implements ConnectionHandler {
  readonly #pattern: Uint8Array;
  #at = 0;
  #closed = false;

  constructor(pattern: Uint8Array) {
    this.#pattern = pattern;
  }

  onOpen(connection: HostConnection): void {
    this.#fill(connection);
  }

  onWritable(connection: HostConnection): void {
    this.#fill(connection);
  }

  onReadable(connection: HostConnection): void {
    connection.skip(connection.readableBytes);
  }

  onPeerClosed(connection: HostConnection): void {
    if (this.#closed) return;
    this.#closed = true;
    connection.skip(connection.readableBytes);
    connection.closeWrite();
  }

  /**
   * Fills until less is taken than it is given: the host then calls onWritable. What is not writable was closed for sending
   * by somebody else (a server that ends).
   */
  #fill(connection: HostConnection): void {
    if (this.#closed || connection.writableBytes === 0) return;
    for (;;) {
      const offered = this.#pattern.length - this.#at;
      const taken = connection.fill(this.#pattern, this.#at, offered);
      this.#at = taken === offered ? 0 : this.#at + taken;
      if (taken < offered) return;
    }
  }
}

/** RFC 864. */
export const chargen: Application = {
  name: "chargen",
  summary: "sends RFC 864's pattern without being asked; ends when the client closes",
  create: () => {
    const pattern = chargenPattern(CYCLES);
    return () => new ChargenHandler(pattern);
  },
};
