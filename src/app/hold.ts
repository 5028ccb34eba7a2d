/**
 * hold: neither reads, so that its window fills, nor closes, so that the connection stays in CLOSE_WAIT.
 *
 * Owns: doing nothing. For looking at zero windows, probes and half-closed connections.
 */
import type { ConnectionHandler } from "../host/api.ts";
import type { Application } from "./application.ts";

const holdHandler: ConnectionHandler = {};

/** No RFC: a tool of the lab. */
export const hold: Application = {
  name: "hold",
  summary: "neither reads (its window fills) nor closes",
  create: () => () => holdHandler,
};
