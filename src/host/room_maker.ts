/**
 * RoomMaker: what happens when the table of connections is full, or memory is short: somebody has to go.
 *
 * Owns: who goes first, and that it is told. Must not know: how a connection ends (effect_performer.ts), or how the peers'
 * shares are reckoned (fair_shares.ts).
 *
 * When the table is full: the oldest in TIME_WAIT; then, of the peers with most connections, the oldest that never sent
 * anything, then those idle longest. When memory is short: of the peers that hold most, whoever holds bytes and has made no
 * progress for longest; then who never sent anything; then the rest. Connections that this host's own user has opened stay.
 *
 * To look at every connection takes some ten milliseconds when there are 100,000; so one look serves for many that go.
 */
import { heldBytes } from "../tcp/buffer_shares.ts";
import type { MachineContext } from "../tcp/context.ts";
import type { MemoryAccount } from "../tcp/memory_account.ts";
import type { RuleId } from "../tcp/rules.ts";
import type { Tcb } from "../tcp/tcb.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { EffectPerformer } from "./effect_performer.ts";
import type { EventTeller } from "./event_teller.ts";
import { chooseVictims, type Holder } from "./fair_shares.ts";
import type { HostCounters } from "./host_counters.ts";

/** What room is made with. */
interface RoomMakerOptions {
  readonly context: MachineContext;
  readonly registry: ConnectionRegistry;
  readonly performer: EffectPerformer;
  readonly teller: EventTeller;
  readonly counters: HostCounters;
  /** Whether somebody goes when the table is full; else nobody new comes. */
  readonly onFull: "evict" | "refuse";
}

/** Local choice: without progress for so long, a connection with full buffers counts as stuck; three retransmissions. */
const STUCK_US = 1_000_000;
/** Local choice: what a peer holds with a few connections at rest, or a stuck one that has had its least share. */
const MODEST_BYTES = 0x10000;
/** Local choice: one look at a full table finds a thirty-second part of it. */
const TABLE_PART = 32;
/** Local choice: no more often does a look at all connections help against a shortage. */
const RELIEF_INTERVAL_US = 100_000;
/** Local choice: a person reads no more than one line a second. */
const NOTICE_INTERVAL_US = 1_000_000;
/** After every time of a clock that counts microseconds from a start. */
const AFTER_ALL_TIMES = 2 ** 50;

/** Makes room on one host. */
export class RoomMaker {
  readonly #options: RoomMakerOptions;
  readonly #account: MemoryAccount;
  /** Who goes next when the table is full, the first one last; found at {@link RoomMaker.#lookedUs}. */
  #queue: Connection[] = [];
  #lookedUs = -Infinity;
  #relievedUs = -Infinity;
  #hasHelped = true;
  /** When a person was last told of what, and of how many since not yet. */
  readonly #told = new Map<string, { us: number; untold: number }>();

  constructor(options: RoomMakerOptions) {
    this.#options = options;
    this.#account = options.context.pool.account;
  }

  /** Whether one more connection may be held, if need be in place of another. */
  get hasRoom(): boolean {
    const { registry, onFull } = this.#options;
    if (!this.#account.mayLend(registry.connectionBytes)) return false;
    return registry.hasRoom || (onFull === "evict" && registry.acceptedCount > 0);
  }

  /** Whether another one would have to go. */
  get isFull(): boolean {
    return this.#options.registry.isFull;
  }

  /** Before a connection is added: ends another one where the table is full. */
  makePlace(): void {
    const { registry, performer, onFull } = this.#options;
    if (!registry.isFull) return;
    if (registry.oldestTimeWait() !== null) {
      performer.evictTimeWait();
      return;
    }
    if (onFull === "refuse") return;
    const victim = this.#next();
    if (victim === null) return;
    this.#evict(victim, { rule: "evict.table-full", counter: evictionCounter(victim) });
    this.#tell(
      { kind: "table-full", count: 1 },
      (count) =>
        `The table of ${registry.limit} connections is full: ${
          connections(count)
        } of those with most to one peer reset to make room (--max-connections, --on-full)`,
    );
  }

  /** After an event: when memory is short, connections of the greediest peers end. */
  relieve(): void {
    const { context } = this.#options;
    if (!this.#account.isShort) return;
    // A look that has helped is worth its cost at once where the next hundred connections would leave nothing.
    const isUrgent = this.#account.isScarce && this.#hasHelped;
    if (!isUrgent && context.nowUs - this.#relievedUs < RELIEF_INTERVAL_US) return;
    this.#relievedUs = context.nowUs;
    this.#shed();
    this.#hasHelped = !this.#account.isShort;
  }

  /** First of those who hold much; where that is not enough, of all: whoever is stuck may be so because of the others. */
  #shed(): void {
    this.#shedOf(MODEST_BYTES);
    if (this.#account.isTight) this.#shedOf(0);
  }

  #shedOf(least: number): void {
    for (const holders of this.#memoryHolders()) {
      const amount = this.#account.usedBytes - this.#account.tightBytes;
      if (amount <= 0) return;
      const victims = chooseVictims(holders, { amount, least });
      if (victims.length === 0) continue;
      const heldBytes = this.#account.usedBytes;
      for (const victim of victims) {
        this.#evict(victim, { rule: "evict.memory", counter: "evicted-for-memory" });
      }
      this.#tell(
        { kind: "memory-pressure", count: victims.length },
        (count) =>
          `Memory is short (${mebibytes(heldBytes)} of ${mebibytes(this.#account.limitBytes)} MiB held): ${
            connections(count)
          } of those that hold most and get no further reset (--memory)`,
      );
    }
  }

  #next(): Connection | null {
    for (let tries = 0; tries < 2; tries++) {
      for (let victim = this.#queue.pop(); victim !== undefined; victim = this.#queue.pop()) {
        // Who has ended, or has been heard from since, is another case now.
        if (victim.tcb.ended === null && victim.tcb.lastReceivedUs <= this.#lookedUs) return victim;
      }
      this.#lookAtTable();
    }
    return null;
  }

  #lookAtTable(): void {
    const { registry, context } = this.#options;
    const holders: Holder<Connection>[] = [];
    for (const connection of registry.each()) {
      const { tcb } = connection;
      if (connection.listener === null) continue;
      holders.push({
        item: connection,
        peer: connection.peer ?? connection,
        weight: 1,
        order: isSilent(tcb) ? tcb.openedUs : AFTER_ALL_TIMES + tcb.lastReceivedUs,
      });
    }
    this.#queue = chooseVictims(holders, { amount: Math.ceil(registry.size / TABLE_PART) }).reverse();
    this.#lookedUs = context.nowUs;
  }

  /** Who could give memory back: those stuck, those silent, the rest. */
  #memoryHolders(): Holder<Connection>[][] {
    const { registry, context } = this.#options;
    const stuck: Holder<Connection>[] = [];
    const silent: Holder<Connection>[] = [];
    const others: Holder<Connection>[] = [];
    for (const connection of registry.each()) {
      const { tcb } = connection;
      if (connection.listener === null) continue;
      const held = heldBytes(tcb);
      // Who has just begun has had no time for any.
      const progressUs = Math.max(tcb.progressUs, tcb.openedUs);
      const holder = {
        item: connection,
        peer: connection.peer ?? connection,
        weight: held + registry.connectionBytes,
        order: progressUs,
      };
      if (held > 0 && context.nowUs - progressUs > STUCK_US) stuck.push(holder);
      else if (held === 0 && (isSilent(tcb) || tcb.state === "TIME_WAIT")) {
        silent.push({ ...holder, order: tcb.openedUs });
      } else others.push(holder);
    }
    return [stuck, silent, others];
  }

  #evict(connection: Connection, about: { rule: RuleId; counter: string }): void {
    this.#options.counters.count(about.counter);
    this.#options.performer.evict(connection, about.rule);
  }

  #tell({ kind, count }: { kind: string; count: number }, message: (count: number) => string): void {
    const { context, teller } = this.#options;
    const told = this.#told.get(kind) ?? { us: -Infinity, untold: 0 };
    this.#told.set(kind, told);
    told.untold += count;
    if (context.nowUs - told.us < NOTICE_INTERVAL_US) return;
    told.us = context.nowUs;
    teller.notice(kind, message(told.untold));
    told.untold = 0;
  }
}

/** Whether the peer has never sent anything, nor taken anything of what we send. */
function isSilent(tcb: Tcb): boolean {
  return tcb.bytesIn === 0 && tcb.bytesOut === 0;
}

function evictionCounter({ tcb }: Connection): string {
  return isSilent(tcb) ? "evicted-silent" : "evicted-idle";
}

function connections(count: number): string {
  return count === 1 ? "1 connection" : `${count} connections`;
}

function mebibytes(bytes: number): string {
  return (bytes / 0x100000).toFixed(0);
}
