/**
 * HTTP/1.1 on connections of this library, or on any others of their shape: see {@link serveHttp}.
 *
 * @module
 */
export type { Clock } from "./src/runtime/clock.ts";
export {
  type HttpAddress,
  type HttpHandler,
  type HttpInfo,
  type HttpLimits,
  type HttpListener,
  type HttpOptions,
  type HttpPatience,
  type HttpStream,
  type UpgradedStream,
} from "./src/http/http_options.ts";
export { HttpServer, type HttpShutdownOptions, serveHttp } from "./src/http/http_server.ts";
export type { HttpStats } from "./src/http/http_stats.ts";
export { type RefusalReason, RequestRefused } from "./src/http/refusals.ts";
