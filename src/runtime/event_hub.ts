/**
 * The event stream handed out to many, the one place where it forks: all of it to observers, one connection's part of it
 * to async iterators.
 *
 * Owns: the host's one observer, which is there only while somebody listens, and the bounded queues of iterators.
 * Must not know: what events mean, how they are printed.
 */
import type { HostApi } from "../host/api.ts";
import type { FrameOrder } from "../link/frame_order.ts";
import type { EventInterest, Observer, TcpEvent } from "../tcp/events.ts";
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
  /** Of those who do not want everything. */
  readonly #interests = new Map<Observer, EventInterest>();

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
    let subscribed = true;
    return () => {
      if (!subscribed) return;
      subscribed = false;
      this.#tellFolded();
      this.#atOnce = without(this.#atOnce, observer);
      this.#attach();
    };
  }

  /**
   * Tells `observer` of every event (of one connection only when its name is given) until the returned function is called.
   * With `interest`, events that it does not want are not made while nobody else hears any.
   */
  subscribe(
    observer: Observer,
    { connection, interest }: { readonly connection?: string; readonly interest?: EventInterest } = {},
  ): () => void {
    if (interest !== undefined) this.#interests.set(observer, this.#guarded(interest));
    if (connection === undefined) this.#everything = [...this.#everything, observer];
    else this.#byConnection.set(connection, [...(this.#byConnection.get(connection) ?? []), observer]);
    this.#attach();
    let subscribed = true;
    return () => {
      if (!subscribed) return;
      subscribed = false;
      this.#interests.delete(observer);
      if (connection === undefined) {
        this.#tellFolded();
        // The last who leaves hears all that was held back, too.
        if (this.#everything.length === 1 && this.#byConnection.size === 0) this.#order.end();
        this.#everything = without(this.#everything, observer);
      } else {
        const left = without(this.#byConnection.get(connection) ?? [], observer);
        if (left.length > 0) this.#byConnection.set(connection, left);
        else this.#byConnection.delete(connection);
        // What was held back must not become the next subscriber's.
        if (this.#everything.length === 0 && this.#byConnection.size === 0) this.#order.end();
      }
      this.#attach();
    };
  }

  /** Whoever leaves hears what has been folded: the host tells that whenever it is given an observer. */
  #tellFolded(): void {
    const { observer } = this.#host;
    this.#host.observer = observer;
  }

  /** Nobody is null, and then nobody hears of frames. */
  #attach(): void {
    // Who wants only a part hears it as it happens, unless somebody else has the frames timed: to know when each leaves, the
    // link sends fewer at once, which would cost a transfer a third more.
    const wantsTimes = this.#everything.some((observer) => !this.#interests.has(observer));
    const isOrdered = this.#byConnection.size > 0 || wantsTimes;
    if (!isOrdered) this.#order.end();
    this.#host.interest = this.#interest();
    this.#onOrders(isOrdered ? [this.#order] : []);
    if (!isOrdered && this.#everything.length > 0) this.#host.observer = this.#tellUntimed;
    else if (this.#atOnce.length === 0) this.#host.observer = isOrdered ? this.#order.observe : null;
    else this.#host.observer = isOrdered ? this.#tellBoth : this.#tellAtOnce;
  }

  /** What all together want: null where that is everything, and no samples. */
  #interest(): EventInterest | null {
    const interests = [...this.#interests.values()];
    if (interests.length === 0) return null;
    const areAll = this.#everything.every((observer) => this.#interests.has(observer));
    const wantsAll = !areAll || this.#atOnce.length > 0 || this.#byConnection.size > 0;
    if (interests.length === 1 && !wantsAll) return interests[0];
    return {
      segments: (id) => wantsAll || interests.some(({ segments }) => segments(id)),
      data: wantsAll || interests.some(({ data }) => data),
      samples: (id) => interests.some(({ samples }) => samples(id)),
    };
  }

  /** One whose questions throw is told nothing for it, and counted, as an observer that throws is. */
  #guarded(interest: EventInterest): EventInterest {
    const asked = (ask: () => boolean) => {
      try {
        return ask();
      } catch (error) {
        this.#host.observerThrew(error);
        return false;
      }
    };
    return {
      segments: (id) => asked(() => interest.segments(id)),
      get data() {
        return asked(() => interest.data);
      },
      samples: (id) => asked(() => interest.samples(id)),
    };
  }

  readonly #tellAtOnce: Observer = (event) => this.#tellEach(this.#atOnce, event);

  readonly #tellUntimed: Observer = (event) => {
    this.#tellEach(this.#atOnce, event);
    this.#tellEach(this.#everything, event);
  };

  readonly #tellBoth: Observer = (event) => {
    this.#tellEach(this.#atOnce, event);
    this.#order.observe(event);
  };

  readonly #tell: Observer = (event) => {
    this.#tellEach(this.#everything, event);
    if (this.#byConnection.size > 0 && "connection" in event && event.connection !== undefined) {
      const observers = this.#byConnection.get(event.connection);
      if (observers !== undefined) this.#tellEach(observers, event);
    }
  };

  /** One that throws keeps the event from none of the others; the host counts each that does. */
  #tellEach(observers: readonly Observer[], event: TcpEvent): void {
    for (const observer of observers) {
      try {
        observer(event);
      } catch (error) {
        this.#host.observerThrew(error);
      }
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
      }, { connection: options.connection });
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
