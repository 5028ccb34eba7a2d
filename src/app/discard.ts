/**
 * discard: reads, throws away, and closes when the client has closed (RFC 863).
 *
 * Owns: nothing but that. Must not know: what it throws away.
 */
import type { ConnectionHandler } from "../host/api.ts";
import type { Application } from "./application.ts";

/** Has no state, so one serves every connection. */
const discardHandler: ConnectionHandler = {
  onReadable: (connection) => {
    connection.skip(connection.readableBytes);
  },
  onPeerClosed: (connection) => {
    connection.skip(connection.readableBytes);
    connection.closeWrite();
  },
};

/** RFC 863. */
export const discard: Application = {
  name: "discard",
  summary: "reads and throws away; closes when the client has closed",
  create: () => () => discardHandler,
};
