/**
 * What an application is: a name, a sentence, and a way to make what runs on each connection.
 *
 * Owns: the shape. Must not know: hosts, clocks, promises. Applications are synchronous, so that no promise is made
 * per segment; a connection that cannot take more says so by what `write` returns, and calls `onWritable` later.
 */
import type { ConnectionHandler, HostConnection } from "../host/api.ts";

/** What an application may ask of the world. */
export interface ApplicationContext {
  /** Wall-clock microseconds since 1970. */
  nowEpochUs(): number;
}

/** Makes what runs on a new connection; the shape of `accept` in the host's listen options. */
export type ConnectionFactory = (connection: HostConnection) => ConnectionHandler;

/** How the command line offers an application. */
export interface ApplicationName {
  /** As `--app` and `netstat` have it. */
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
}

/** One that runs on connections without waiting for anything. */
export interface Application extends ApplicationName {
  /** Called once per listener. */
  create(context: ApplicationContext): ConnectionFactory;
}
