/**
 * daytime: sends the date and time as one line, and closes (RFC 867).
 *
 * Owns: the line. Must not know: where the time comes from.
 */
import type { ConnectionHandler, HostConnection } from "../host/api.ts";
import type { Application, ApplicationContext } from "./application.ts";

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/**
 * RFC 867's first form, "Weekday, Month Day, Year Time-Zone", with CRLF: `Monday, February 22, 1982 17:37:43-UTC`.
 * UTC, as the reader is on another machine (local choice).
 */
export function daytimeLine(epochUs: number): string {
  const date = new Date(Math.floor(epochUs / 1000));
  const time = date.toISOString().slice(11, 19);
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}`;
  return `${WEEKDAYS[date.getUTCDay()]}, ${day} ${time}-UTC\r\n`;
}

class DaytimeHandler implements ConnectionHandler {
  readonly #context: ApplicationContext;
  #line = new Uint8Array(0);
  #at = 0;
  #closed = false;

  constructor(context: ApplicationContext) {
    this.#context = context;
  }

  onOpen(connection: HostConnection): void {
    this.#line = new TextEncoder().encode(daytimeLine(this.#context.nowEpochUs()));
    this.#send(connection);
  }

  onWritable(connection: HostConnection): void {
    this.#send(connection);
  }

  onReadable(connection: HostConnection): void {
    connection.skip(connection.readableBytes);
  }

  #send(connection: HostConnection): void {
    // No room, or no way to send any more: somebody else may have closed the connection.
    if (this.#closed || connection.writableBytes === 0) return;
    this.#at += connection.write(this.#line, this.#at, this.#line.length - this.#at);
    if (this.#at < this.#line.length) return;
    this.#closed = true;
    // What the client sends is thrown away (RFC 867), however late it comes.
    connection.closeAndDrain();
  }
}

/** RFC 867. */
export const daytime: Application = {
  name: "daytime",
  summary: "sends the date and time (RFC 867) and closes",
  create: (context) => () => new DaytimeHandler(context),
};
