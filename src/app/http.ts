/**
 * http: a directory, or a page about the connection that it is loaded over, by HTTP/1.1.
 *
 * Owns: its name. It waits for files, and so is no synchronous application: whoever serves makes it of connections with
 * promises (src/cli/http_service.ts, src/http).
 */
import type { ApplicationName } from "./application.ts";

/** RFC 9112. */
export const http: ApplicationName = {
  name: "http",
  summary: "HTTP/1.1: the files of --www DIR, or a page about its own connection",
};
