/**
 * HostOptions: what a virtual host is made of.
 *
 * Owns: the settings and what they are when absent. Must not know: the parts that they are for.
 */
import type { HostLink } from "../link/link.ts";
import type { PinnedNumbers } from "../tcp/initial_sequence.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { IpHabits, Profile } from "../tcp/profile.ts";
import type { FastOpenHostOptions } from "./fast_open_api.ts";
import type { HostNumbers } from "./host_numbers.ts";
import type { HostAddress } from "./own_addresses.ts";

/** What a host is made of. */
export interface HostOptions extends FastOpenHostOptions {
  /** Where it sends; what arrives it is given. */
  readonly link: HostLink;
  /** One at least, of either family. */
  readonly addresses: readonly HostAddress[];
  /** 16 bytes that nobody outside can know: initial sequence numbers and hashes hang on it. */
  readonly secret: Uint8Array;
  /** Numbers that a test wants to know beforehand. For a lab only: they are what RFC 6528 wants hidden. */
  readonly pinned?: PinnedNumbers;
  /** Wall clock at time 0 of the caller's clock, microseconds since 1970. */
  readonly epochUs: number;
  /** Time now on the caller's clock, 0 when absent. */
  readonly nowUs?: number;
  /** Of hosts whose events go into one stream: the numbers that they share. Its own when absent. */
  readonly numbers?: HostNumbers;
  /** `partial` (default) takes correct sums and those that an off-loading sender left unfinished (MUST-3). */
  readonly checksumPolicy?: "partial" | "strict" | "ignore";
  /** Bound on connections of all states. Local choice: 131,072. */
  readonly maxConnections?: number;
  /** Bound on connections in TIME_WAIT; the oldest gives way. Local choice: 32,768. */
  readonly maxTimeWait?: number;
  /** Bound on connections whose application has gone, and whose peer's part of the end is awaited; the oldest gives way. Local choice: 32,768. */
  readonly maxClosing?: number;
  /** Bound on the memory of all connections together. Local choice: 1 GiB. */
  readonly memoryBytes?: number;
  /** When there are as many connections as may be: `evict` (default) ends one that has no part in anything, `refuse` takes no more. */
  readonly onFull?: "evict" | "refuse";
  /** Routers for destinations outside the prefixes, one of a family (active opens only; answers go back the way they came). */
  readonly gateways?: readonly Uint8Array[];
  /** Off: what IPv6 routers advertise is not heard (prefixes, MTU, default router), and none is asked. On by default. */
  readonly acceptRa?: boolean;
  /** On: the host takes addresses of its own in the prefixes that routers advertise (RFC 4862 §5.5). Off by default. */
  readonly autoconfigure?: boolean;
  /** Whose habits it has (RFC 9293's own when absent). What is set beside it comes before it. */
  readonly profile?: Pick<Profile, "tcp" | "ip">;
  /** Settings of TCP, where they differ from the defaults. */
  readonly tcp?: Partial<TcpConfig>;
  /** Time to live of what we send (MUST-49). Local choice: 64, RFC 1700's recommendation. */
  readonly ttl?: number;
  /** IPv4's identification in segments (as the profile has it; counted for each connection). */
  readonly identification?: IpHabits["identification"];
  /** The VLAN that the host is in (IEEE 802.1Q), 1 to 4094: all that it sends is tagged so. Absent: in none, untagged. */
  readonly vlan?: number;
  /** Data events carry the bytes. */
  readonly showPayload?: boolean;
  /** Events tell of every deadline that is set and that comes. */
  readonly showTimers?: boolean;
  /** Events tell the figures of a connection whenever one of them changes. */
  readonly showSamples?: boolean;
  /**
   * Of drops, notices and segments without a connection, as many of a kind are told by themselves in a second; those that
   * follow are counted, and told as one (`count` of a DropEvent). Infinity by default: every one is told.
   */
  readonly foldAfter?: number;
  /** Off makes every segment go through all checks; nothing else may change by it. On by default. */
  readonly headerPrediction?: boolean;
  /**
   * Told of what an application's handler or the observer threw, with the name of its connection, or `observer`. By then
   * it is counted (`application-errors`, `observer-errors`), and the application's connection reset.
   */
  readonly onFault?: (error: unknown, where: string) => void;
  /** Told of every event `notice`, also where nobody observes. */
  readonly onNotice?: (kind: string, message: string) => void;
}
