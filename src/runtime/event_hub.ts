/**
 * The event stream handed out to many: all of it to observers, one connection's part of it to async iterators.
 *
 * Owns: the host's one observer, which is there only while somebody listens, and the bounded queues of iterators.
 * Must not know: what events mean, how they are printed.
 */
import type { HostApi } from "../host/api.ts";
import type { FrameOrder } from "../link/frame_order.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import { EventOrder } from "./event_order.ts";

/** Events that wait in one iterator; local choice: some seconds of an interactive connection, 200 kB at most. */
const QUEUE_EVENTS = 1024;

/** Nobody tells when frames come and leave: events are told as they happen. */
const UNDRIVEN = { epochUs: 0, onOrders: () => {} };

/** Shares the host's one observer. With no subscriber the host has none, and pays nothing. */
export class EventHub {
  readonly #host: HostApi;
  readonly #onOrders: (orders: readonly FrameOrder[]) => void;
  readonly #order: EventOrder;
  /** Those who hear of events as they happen, in whatever order. */
  #atOnce: readonly Observer[] = [];
  /** Replaced, never changed, so that subscribing from inside an event is safe. */
  #everything: readonly Observer[] = [];
  readonly #byConnection = new Map<string, readonly Observer[]>();

  /**
   * `epochUs`: wall clock at time 0 of the host's clock; `onOrders`: told who has to hear when frames come and leave, each
   * time that it changes.
   */
  constructor(
    host: HostApi,
    about: { epochUs: number; onOrders: (orders: readonly FrameOrder[]) => void } = UNDRIVEN,
  ) {
    this.#host = host;
    this.#onOrders = about.onOrders;
    const onThrown = (error: unknown) => host.observerThrew(error);
    this.#order = new EventOrder({ epochUs: about.epochUs, tell: this.#tell, onThrown });
  }

  /** Tells `observer` of every event as it happens, before its time is known: for who puts frames and events together. */
  subscribeAtOnce(observer: Observer): () => void {
    this.#atOnce = [...this.#atOnce, observer];
    this.#attach();
    return () => {
      this.#atOnce = without(this.#atOnce, observer);
      this.#attach();
    };
  }

  /** Tells `observer` of every event (of one connection only when its name is given) until the returned function is called. */
  subscribe(observer: Observer, connection?: string): () => void {
    if (connection === undefined) this.#everything = [...this.#everything, observer];
    else this.#byConnection.set(connection, [...(this.#byConnection.get(connection) ?? []), observer]);
    this.#attach();
    let subscribed = true;
    return () => {
      if (!subscribed) return;
      subscribed = false;
      if (connection === undefined && this.#everything.length === 1 && this.#byConnection.size === 0) {
        // The last who leaves hears what has been folded, and all that was held back.
        this.#host.observer = null;
        this.#order.end();
      }
      if (connection === undefined) {
        this.#everything = without(this.#everything, observer);
      } else {
        const left = without(this.#byConnection.get(connection) ?? [], observer);
        if (left.length > 0) this.#byConnection.set(connection, left);
        else this.#byConnection.delete(connection);
      }
      this.#attach();
    };
  }

  /** Nobody is null, and then nobody hears of frames. */
  #attach(): void {
    const isOrdered = this.#byConnection.size > 0 || this.#everything.length > 0;
    this.#onOrders(isOrdered ? [this.#order] : []);
    if (this.#atOnce.length === 0) this.#host.observer = isOrdered ? this.#order.observe : null;
    else this.#host.observer = isOrdered ? this.#tellBoth : this.#tellAtOnce;
  }

  readonly #tellAtOnce: Observer = (event) => {
    const thrown: unknown[] = [];
    tellEach(this.#atOnce, event, thrown);
    if (thrown.length > 0) throw thrown[0];
  };

  readonly #tellBoth: Observer = (event) => {
    const thrown: unknown[] = [];
    tellEach(this.#atOnce, event, thrown);
    this.#order.observe(event);
    if (thrown.length > 0) throw thrown[0];
  };

  readonly #tell: Observer = (event) => {
    const alone = this.#byConnection.size === 0 && this.#everything.length === 1;
    if (alone) return this.#everything[0](event);
    const thrown: unknown[] = [];
    tellEach(this.#everything, event, thrown);
    if (this.#byConnection.size > 0 && "connection" in event && event.connection !== undefined) {
      tellEach(this.#byConnection.get(event.connection) ?? [], event, thrown);
    }
    // The host counts it.
    if (thrown.length > 0) throw thrown[0];
  };
}

/** One that throws keeps the event from none of the others. */
function tellEach(observers: readonly Observer[], event: TcpEvent, thrown: unknown[]): void {
  for (const observer of observers) {
    try {
      observer(event);
    } catch (error) {
      thrown.push(error);
    }
  }
}

function without(observers: readonly Observer[], gone: Observer): readonly Observer[] {
  const at = observers.indexOf(gone);
  return at < 0 ? observers : observers.toSpliced(at, 1);
}

/** One connection's events, as they happen; see {@link ConnectionEvents.lost}. */
export interface ConnectionEvents extends AsyncIterable<TcpEvent> {
  /** Events that were thrown away, oldest first, because the reader was too slow. */
  readonly lost: number;
}

/** {@link ConnectionEvents} as their connection has them. */
export interface OwnedConnectionEvents extends ConnectionEvents {
  /** Ends every iteration: the connection is gone without a `closed` event. */
  end(): void;
}

/** How {@link connectionEvents} gets its events. */
interface ConnectionEventsOptions {
  readonly hub: EventHub;
  /** The connection's name in events. */
  readonly connection: string;
  /** Called when a waiting reader has been given an event. */
  readonly woken: () => void;
  /** Whether the connection is gone: then there is nothing more to tell. */
  readonly isGone: () => boolean;
  /** Most events that wait for one reader (1024). */
  readonly queueEvents?: number;
}

/**
 * The events of one connection. Each iteration begins at its own time, sees what happens from then on, and ends after
 * `closed`; one that begins later than that ends at once. A reader that falls behind loses the oldest events, never the
 * newest: the end is told always.
 */
export function connectionEvents(options: ConnectionEventsOptions): OwnedConnectionEvents {
  const limit = options.queueEvents ?? QUEUE_EVENTS;
  let lost = 0;
  const running = new Set<() => void>();
  return {
    get lost() {
      return lost;
    },
    end() {
      for (const end of running) end();
    },
    [Symbol.asyncIterator](): AsyncIterator<TcpEvent> {
      const queue: TcpEvent[] = [];
      const waiting: ((result: IteratorResult<TcpEvent>) => void)[] = [];
      let ended = false;
      const end = () => {
        ended = true;
        running.delete(end);
        unsubscribe();
        for (const resolve of waiting.splice(0)) resolve({ done: true, value: undefined });
      };
      const unsubscribe = options.hub.subscribe((event) => {
        const reader = waiting.shift();
        if (reader !== undefined) {
          reader({ done: false, value: event });
          options.woken();
        } else {
          if (queue.length === limit) {
            queue.shift();
            lost++;
          }
          queue.push(event);
        }
        if (event.event === "closed") end();
      }, options.connection);
      // The name may be another connection's by now.
      if (options.isGone()) end();
      else running.add(end);
      return {
        next() {
          const value = queue.shift();
          if (value !== undefined) return Promise.resolve({ done: false, value });
          if (ended) return Promise.resolve({ done: true, value: undefined });
          return new Promise((resolve) => waiting.push(resolve));
        },
        return() {
          queue.length = 0;
          end();
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}
