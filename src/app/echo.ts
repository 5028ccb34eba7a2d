/**
 * echo: sends back what it gets (RFC 862), and closes when the client has closed and all is sent back.
 *
 * Owns: when to go on after backpressure, and when to close. Must not know: how bytes move (HostConnection.echo).
 */
import type { ConnectionHandler, HostConnection } from "../host/api.ts";
import type { Application } from "./application.ts";

class EchoHandler implements ConnectionHandler {
  #closed = false;

  onReadable(connection: HostConnection): void {
    this.#sendBack(connection);
  }

  onWritable(connection: HostConnection): void {
    this.#sendBack(connection);
  }

  onPeerClosed(connection: HostConnection): void {
    this.#sendBack(connection);
  }

  /** What does not fit stays in the receive buffer, so that the client's window closes; onWritable goes on. */
  #sendBack(connection: HostConnection): void {
    if (this.#closed) return;
    connection.echo();
    if (!connection.atEnd) return;
    this.#closed = true;
    connection.closeWrite();
  }
}

/** RFC 862. */
export const echo: Application = {
  name: "echo",
  summary: "sends back what it gets; closes when the client has closed and all is sent back",
  create: () => () => new EchoHandler(),
};
