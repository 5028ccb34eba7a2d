/**
 * The session of a command on an open device: what `serve` and `connect` have in common once everything is open.
 *
 * Owns: what of a configuration is the host's, who observes (log, recording, ring watch), when they write, and what a person
 * is told of faults and losses. Must not know: what is listened for or connected to, how the device was found, signals, exit
 * status; how the parts lie upon each other (runtime/session.ts).
 */
import type { HostAtWork } from "../host/api.ts";
import type { HostAddress } from "../host/own_addresses.ts";
import { describeFaults } from "../link/fault_spec.ts";
import type { FaultLink } from "../link/fault_link.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { Session, type SessionHost } from "../runtime/session.ts";
import type { ShutdownResult } from "../runtime/shutdown.ts";
import type { Stack, StackShutdownOptions } from "../runtime/stack.ts";
import type { Observer, SummaryEvent } from "../tcp/events.ts";
import type { ServedAddress } from "./address_choice.ts";
import { claimAddresses } from "./address_claim.ts";
import { errorLine } from "./command.ts";
import { defaultMemoryBytes, memoryFacts } from "./memory_choice.ts";
import type { Recording } from "./recording.ts";
import { RingWatch } from "./ring_watch.ts";
import { FOLD_AFTER, type ServeLog } from "./serve_log.ts";
import type { ServeConfig } from "./serve_options.ts";
import type { ServerGround } from "./server_ground.ts";

/** What is open, and told, whatever the command is for. */
export interface DeviceSessionParts {
  readonly config: ServeConfig;
  readonly ground: Pick<ServerGround, "hosts" | "addresses" | "gateways" | "deviceMac"> & {
    readonly link: FrameLink;
  };
  readonly clock: Clock;
  readonly log: ServeLog;
  readonly recording: Recording | null;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
}

/**
 * Local choice: how often, and how many times, is looked whether frames that waited have been taken. That is a turn of the
 * pump; what a fault delays for longer is not waited for.
 */
const LOOK_EVERY_US = 1000;
const MOST_LOOKS = 20;

/** A session that is told of in log and recording. */
export class DeviceSession {
  readonly host: HostAtWork;
  readonly stack: Stack;
  readonly injector: FaultLink | null;
  readonly #parts: DeviceSessionParts;
  readonly #session: Session;
  readonly #ringWatch: RingWatch;

  /** `observer` hears of events beside the log. Takes no frame yet. */
  constructor(parts: DeviceSessionParts, about: { readonly observer: Observer | null }) {
    const { config, ground, clock, log, recording, notice } = parts;
    this.#parts = parts;
    const { faults } = config;
    if (faults !== null) notice(`Frames are disturbed on purpose: ${describeFaults(faults)}`);
    this.#ringWatch = new RingWatch({
      stats: () => ground.link.stats(),
      nowUs: () => clock.nowUs(),
      tell: notice,
      ringMib: config.ringMib,
    });
    this.#session = new Session({
      link: ground.link,
      clock,
      host: hostSettings(parts),
      stations: ground.hosts.map(({ mac, addresses, gateways }) => ({
        mac,
        addresses: addresses.map(onLink),
        gateways,
      })),
      faults,
      takesFaults: config.ui !== null || config.log === "tui",
      recorder: recording?.recorder ?? null,
      observers: [log.observer, about.observer],
      onIdle: () => {
        log.flush();
        recording?.recorder.flush();
      },
      onBatch: () => this.#ringWatch.afterFrames(),
    });
    this.host = this.#session.host;
    this.stack = this.#session.stack;
    this.injector = this.#session.injector;
  }

  /** Takes frames from now on. The promise rejects when somebody else turns out to have one of the addresses; else it stays pending. */
  start(): Promise<never> {
    const { ground, log } = this.#parts;
    this.#session.start();
    const { pump } = this.stack;
    pump.enter();
    const addressLost = claimAddresses({
      host: this.host,
      addresses: ground.addresses,
      device: { name: ground.link.name, mac: ground.deviceMac },
      time: this.time,
    });
    pump.leave();
    log.flush();
    return addressLost;
  }

  /** Seconds since 1970 now, as events have it. */
  get time(): number {
    return this.#session.time;
  }

  /** Ends in order, and tells of what the ring has lost. */
  async end(options: StackShutdownOptions): Promise<ShutdownResult> {
    await this.#letThrough(options.signal);
    const result = await this.#session.end(options);
    this.#ringWatch.look();
    return result;
  }

  /**
   * What is paused, by a page or by the screen, would wait for its own end in vain: that takes frames. Those that wait come
   * first, also where a page has let them go a moment ago: text that came behind the close would be answered with a reset.
   */
  async #letThrough(signal: AbortSignal | undefined): Promise<void> {
    const { injector } = this;
    if (injector === null) return;
    if (injector.isPaused) {
      const { pump } = this.stack;
      pump.enter();
      injector.resume();
      pump.leave();
    }
    for (let looks = 0; looks < MOST_LOOKS && injector.waiting > 0 && signal?.aborted !== true; looks++) {
      await new Promise<void>((resolve) => this.#parts.clock.after(LOOK_EVERY_US, resolve));
    }
  }

  /** What was counted from the beginning to now. */
  summary(): SummaryEvent {
    const { lostLines, leftOutLines } = this.#parts.log;
    return this.#session.summary({ lostLines, leftOutLines });
  }
}

function onLink({ address, prefixLength }: ServedAddress): HostAddress {
  return { address, prefixLength };
}

function hostSettings(parts: DeviceSessionParts): SessionHost {
  const { config, ground, notice } = parts;
  return {
    addresses: ground.addresses.map(onLink),
    gateways: ground.gateways,
    acceptRa: config.acceptRa,
    checksumPolicy: config.checksum,
    maxConnections: config.maxConnections,
    maxTimeWait: config.maxTimeWait,
    onFull: config.onFull,
    ...(config.fastOpenKeys === null ? {} : { fastOpenKeys: config.fastOpenKeys }),
    memoryBytes: config.memoryBytes ?? defaultMemoryBytes(memoryFacts()),
    profile: config.profile,
    tcp: config.tcp,
    ...(config.ttl === null ? {} : { ttl: config.ttl }),
    ...(config.vlan === null ? {} : { vlan: config.vlan }),
    showPayload: config.payload,
    showTimers: config.logStyle.kinds.includes("timers"),
    showSamples: config.logStyle.kinds.includes("samples"),
    foldAfter: FOLD_AFTER,
    onFault: firstFault(notice),
    onNotice: (_kind, message) => notice(message),
  };
}

/** Says the first fault of an application or a log; the summary counts them all. */
function firstFault(notice: (line: string) => void): (error: unknown, where: string) => void {
  let isFirst = true;
  return (error, where) => {
    if (!isFirst) return;
    isFirst = false;
    const what = where === "observer"
      ? "What reads the events has failed"
      : `The application on ${where} has failed, and the connection is reset`;
    notice(`${what}: ${errorLine(error)}. Everything else goes on; the summary counts such faults`);
  };
}
