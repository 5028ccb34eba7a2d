/**
 * A host without a machine, for tests of what surrounds one: it records what it is told, and has the deadlines
 * that it is given.
 */
import type {
  ConnectOptions,
  HostApi,
  HostConnection,
  HostListener,
  ListenOptions,
  MemoryFigures,
} from "../../src/host/api.ts";
import type { FastOpenCookie } from "../../src/host/fast_open_api.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../../src/tcp/config.ts";
import type { EventInterest, Observer, TcpEvent } from "../../src/tcp/events.ts";

export class FakeHost implements HostApi {
  /** What it was told of a crowded link. */
  readonly crowds: boolean[] = [];
  observer: Observer | null = null;
  interest: EventInterest | null = null;
  nowUs = 0;
  /** `frame LENGTH @TIME` and `tick @TIME`, in order. */
  readonly log: string[] = [];
  deadlineUs = Infinity;
  /** Called for each frame, after it was recorded. */
  onFrame: (frame: Uint8Array, length: number) => void = () => {};
  /** Called for each tick; the deadline has been cleared by then. */
  onTick: () => void = () => {};
  /** When each frame arrived, as it was told. */
  readonly arrivals: number[] = [];
  readonly listening: ListenOptions[] = [];
  /** What `listen` returned, in order. */
  readonly listenersMade: HostListener[] = [];
  readonly alive: HostConnection[] = [];

  /** What it was told to change. */
  readonly changes: Partial<TcpConfig>[] = [];

  config: Readonly<TcpConfig> = DEFAULT_TCP_CONFIG;

  configure(changes: Partial<TcpConfig>): void {
    this.changes.push(changes);
  }

  counters(): Record<string, number> {
    return {};
  }

  memory(): MemoryFigures {
    return { usedBytes: 0, limitBytes: 0, bufferBytes: 0, reservedBytes: 0 };
  }

  ingest(frame: Uint8Array, length: number, nowUs: number, arrivedUs = nowUs): void {
    this.nowUs = nowUs;
    this.arrivals.push(arrivedUs);
    this.log.push(`frame ${length} @${nowUs}`);
    this.onFrame(frame, length);
  }

  tick(nowUs: number): void {
    this.nowUs = nowUs;
    this.log.push(`tick @${nowUs}`);
    if (this.deadlineUs <= nowUs) this.deadlineUs = Infinity;
    this.onTick();
  }

  setNow(nowUs: number): void {
    this.nowUs = nowUs;
  }

  nextDeadlineUs(): number {
    return this.deadlineUs;
  }

  crowd(isCrowded: boolean): void {
    this.crowds.push(isCrowded);
  }

  linkChanged(): void {
    this.log.push("link changed");
  }

  announce(): void {}

  listen(options: ListenOptions): HostListener {
    this.listening.push(options);
    const listener: HostListener = {
      port: options.port,
      state: "LISTEN",
      waiting: 0,
      configure: () => {},
      setFastOpen: () => {},
      close: () => {
        this.listening.splice(this.listening.indexOf(options), 1);
      },
    };
    this.listenersMade.push(listener);
    return listener;
  }

  connect(_options: ConnectOptions): HostConnection {
    throw new Error("A fake host has no network");
  }

  fastOpenRoom(): number {
    return -1;
  }

  fastOpenCookies(): FastOpenCookie[] {
    return [];
  }

  keepFastOpenCookie(): void {}

  forgetFastOpen(): void {}

  connections(): HostConnection[] {
    return [...this.alive];
  }

  listeners(): HostListener[] {
    return [];
  }

  probe(): () => void {
    return () => {};
  }

  observerThrew(error: unknown): void {
    throw error;
  }

  emit(event: TcpEvent): void {
    this.observer?.(event);
  }
}
