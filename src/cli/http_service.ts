/**
 * `serve --app http` and `--www DIR`: what answers requests, and what of it is counted in the summary.
 *
 * Owns: the choice between files and the status page, and what the two need of this machine. Must not know: HTTP, listeners.
 */
import { createHash } from "node:crypto";
import { serveFile } from "../http/file_server.ts";
import { HttpServer } from "../http/http_server.ts";
import { serveStatus, Watchers } from "../http/status_app.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Connection } from "../runtime/connection.ts";
import { errorLine } from "./command.ts";
import { wwwFiles } from "./www_files.ts";

/** What answers HTTP on connections of a server. */
export interface HttpService {
  /** Serves an established connection from now on. */
  serve(connection: Connection): void;
  /** Figures as counters: `http-requests`, `http-refused-...`; all of them, from the start. */
  counters(): Record<string, number>;
}

/** What a service is to be. */
interface HttpServiceOptions {
  /** A directory; null for the status page. */
  readonly www: string | null;
  readonly clock: Clock;
  readonly maxConnections: number;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
}

/** Local choice: with buffers of 16 KiB each they hold 256 MiB at most. */
const MOST_CONNECTIONS = 16_384;

/** Opens the directory, if there is one. Throws {@link UsageError} where it cannot be served. */
export async function openHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { www, clock, maxConnections, notice } = options;
  const world = { clock, sha256, watchers: new Watchers() };
  const tree = www === null ? null : await wwwFiles(www);
  let isFirst = true;
  const server = new HttpServer<Connection>(
    (request, info) =>
      tree === null
        ? serveStatus(world, { request, info })
        : serveFile(tree, { request, target: info.target, dateMs: (clock.epochUs + clock.nowUs()) / 1000 }),
    {
      clock,
      // Nothing holds a body as a whole; how many connections there may be is said for the host already.
      limits: { bodyBytes: Infinity, connections: Math.min(maxConnections, MOST_CONNECTIONS) },
      onError: (error) => {
        if (!isFirst) return;
        isFirst = false;
        notice(`An HTTP request has failed: ${errorLine(error)}. The summary counts such failures`);
      },
    },
  );
  return {
    serve: (connection) => void server.serve(connection),
    counters: () => {
      const { refused, open: _, ...figures } = server.stats();
      return Object.fromEntries([
        ...Object.entries(figures).map(([name, count]) => [`http-${dashed(name)}`, count] as const),
        ...Object.entries(refused).map(([reason, count]) => [`http-refused-${reason}`, count] as const),
      ]);
    },
  };
}

function sha256() {
  const hash = createHash("sha256");
  return { update: (octets: Uint8Array) => void hash.update(octets), digest: () => hash.digest("hex") };
}

/** `bodyBytesIn` as `body-bytes-in`. */
function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
