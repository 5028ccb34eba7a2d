/**
 * What an exchange needs of its connection, and a connection of its server.
 *
 * Owns: these shapes. Must not know: who has them.
 */
import type { Clock } from "../runtime/clock.ts";
import type { AnswerWriter } from "./answer_writer.ts";
import type { Deadlines } from "./deadlines.ts";
import type { HeadParser } from "./head_parser.ts";
import type { HttpHandler, HttpLimits, HttpOptions, HttpPatience, HttpStream } from "./http_options.ts";
import type { HttpCounters } from "./http_stats.ts";
import type { BufferBudget, Intake } from "./intake.ts";
import type { RefusalReason } from "./refusals.ts";

/** What all connections of a server have in common. */
export interface ServerShared<Stream extends HttpStream> {
  readonly handler: HttpHandler<Stream>;
  readonly limits: HttpLimits;
  readonly patience: HttpPatience;
  readonly onHalfClose: NonNullable<HttpOptions["onHalfClose"]>;
  readonly onError: (error: unknown) => void;
  readonly counters: HttpCounters;
  readonly deadlines: Deadlines;
  readonly budget: BufferBudget;
  readonly clock: Clock;
  readonly parser: HeadParser;
  /** Now, as the Date field has it. */
  readonly date: () => string;
}

/** How an exchange has left its connection. */
export type ExchangeEnd = "next" | "linger" | "closed" | "upgraded";

/** A connection as the exchange on it sees it. */
export interface ExchangeHost<Stream extends HttpStream> {
  readonly stream: Stream;
  readonly shared: ServerShared<Stream>;
  readonly intake: Intake;
  readonly writer: AnswerWriter;
  /** The answer at hand is the last one. */
  readonly isEnding: boolean;
  /** Requests whose head was taken, this one included. */
  readonly requests: number;
  /** Told when the connection is ended at once, by whomever. */
  onAbort: (() => void) | null;
  /** Wakes who waits in the intake after so long. */
  wakeAfter(ms: number): void;
  /** Counts a refusal, and says it to whoever sent the request, as the last thing. */
  refuse(reason: RefusalReason): Promise<ExchangeEnd>;
  /** Ends it at once. */
  abort(): void;
  /** Who talks on it after an upgrade has ended it. */
  leave(): void;
}
