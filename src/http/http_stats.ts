/**
 * What an HTTP server counts.
 *
 * Owns: the figures. Must not know: when they change.
 */
import { REFUSAL_REASONS, type RefusalReason } from "./refusals.ts";

/** A snapshot; see {@link HttpServer.stats}. */
export interface HttpStats {
  /** Connections that were taken. */
  readonly connections: number;
  /** Those of them that live, upgraded ones included. */
  readonly open: number;
  /** Requests whose head was taken; refused ones are not among them. */
  readonly requests: number;
  /** Answers that were given whole; those to refused requests are not among them. */
  readonly responses: number;
  /** Connections that speak something else now, or did. */
  readonly upgrades: number;
  /** Octets of requests' bodies, without chunk framing. */
  readonly bodyBytesIn: number;
  /** Octets of answers' bodies, without chunk framing. */
  readonly bodyBytesOut: number;
  /** Handlers, or bodies of their answers, that threw. */
  readonly failures: number;
  /** Clients that went while they were answered. */
  readonly aborted: number;
  /** Connections that made room for others. */
  readonly displaced: number;
  /** How many requests were refused, by reason; every reason has a figure. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

/** The same while it is counted. */
export class HttpCounters {
  connections = 0;
  requests = 0;
  responses = 0;
  upgrades = 0;
  bodyBytesIn = 0;
  bodyBytesOut = 0;
  failures = 0;
  aborted = 0;
  displaced = 0;
  readonly #refused = new Map<RefusalReason, number>();

  refuse(reason: RefusalReason): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  /** All figures; `open` is known elsewhere. */
  snapshot(open: number): HttpStats {
    const { connections, requests, responses, upgrades, bodyBytesIn, bodyBytesOut } = this;
    const { failures, aborted, displaced } = this;
    const refused = recordOf(REFUSAL_REASONS, (reason) => this.#refused.get(reason) ?? 0);
    return {
      connections,
      open,
      requests,
      responses,
      upgrades,
      bodyBytesIn,
      bodyBytesOut,
      failures,
      aborted,
      displaced,
      refused,
    };
  }
}

function recordOf<Key extends string>(
  keys: readonly Key[],
  valueOf: (key: Key) => number,
): Record<Key, number> {
  const record: Partial<Record<Key, number>> = {};
  for (const key of keys) record[key] = valueOf(key);
  return { ...noneOf(keys), ...record };
}

function noneOf<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.assign({}, ...keys.map((key) => ({ [key]: 0 })));
}
