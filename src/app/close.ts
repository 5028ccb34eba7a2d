/**
 * close: closes its direction at once, then reads and drops; the server's active close (FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT).
 *
 * Owns: nothing but that. Must not know: when the peer closes, or that it never will.
 */
import type { ConnectionHandler } from "../host/api.ts";
import type { Application } from "./application.ts";

/** Has no state, so one serves every connection. */
const closeHandler: ConnectionHandler = {
  onOpen: (connection) => {
    connection.closeAndDrain();
  },
};

/** No RFC: a tool of the lab. */
export const close: Application = {
  name: "close",
  summary: "closes its direction at once, then reads and drops",
  create: () => () => closeHandler,
};
