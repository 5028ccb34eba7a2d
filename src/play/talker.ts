/**
 * Talker: what runs on a connection of the playground. It reads, holds or echoes, and sends what it is told to.
 *
 * Owns: what is still to be sent, and that a close waits for it. Must not know: the other end, time.
 */
import type { ConnectionHandler, HostConnection } from "../host/api.ts";
import type { Reading } from "./end_settings.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** What is sent: letters, so that a payload is known again. */
const PATTERN = Uint8Array.from({ length: 0x4000 }, (_, at) => LETTERS.charCodeAt(at % LETTERS.length));

/** See the head of this file. */
export class Talker implements ConnectionHandler {
  #reading: Reading;
  readonly #answersClose: boolean;
  #left = 0;
  #isClosing = false;
  #isClosed = false;

  constructor(about: { readonly reading: Reading; readonly answersClose: boolean }) {
    this.#reading = about.reading;
    this.#answersClose = about.answersClose;
  }

  onOpen(connection: HostConnection): void {
    this.#goOn(connection);
  }

  onReadable(connection: HostConnection): void {
    this.#take(connection);
  }

  onWritable(connection: HostConnection): void {
    this.#take(connection);
    this.#goOn(connection);
  }

  onPeerClosed(connection: HostConnection): void {
    this.#take(connection);
  }

  /** Sends so many bytes, as soon as they fit. Returns false where this end has closed. */
  send(connection: HostConnection, bytes: number): boolean {
    if (this.#isClosing) return false;
    this.#left += bytes;
    this.#goOn(connection);
    return true;
  }

  /** Closes this direction, after what is still to be sent. Returns false where it is closed. */
  close(connection: HostConnection): boolean {
    if (this.#isClosing) return false;
    this.#isClosing = true;
    this.#goOn(connection);
    return true;
  }

  /** Reads from now on, or holds. */
  setReading(connection: HostConnection, reading: Reading): void {
    this.#reading = reading;
    this.#take(connection);
  }

  #take(connection: HostConnection): void {
    if (this.#reading === "hold") return;
    if (this.#reading === "read") {
      while (connection.skip(connection.readableBytes) > 0);
    } else if (!this.#isClosing) {
      connection.echo();
    }
    if (connection.atEnd && this.#answersClose) this.close(connection);
  }

  #goOn(connection: HostConnection): void {
    if (this.#isClosed) return;
    while (this.#left > 0) {
      const taken = connection.write(PATTERN, 0, Math.min(this.#left, PATTERN.length));
      if (taken === 0) return;
      this.#left -= taken;
    }
    if (!this.#isClosing) return;
    this.#isClosed = true;
    connection.closeWrite();
  }
}
