/**
 * A server at work: host, listeners and applications on an open device.
 *
 * Owns: the stack and what watches it, from the first `listening` to the summary. Must not know: how the device was
 * found, signals, exit status.
 */
import { findApplication } from "../app/applications.ts";
import type { HostConnection } from "../host/api.ts";
import { Host } from "../host/host.ts";
import { type FaultLink, faultLink } from "../link/fault_link.ts";
import { describeFaults } from "../link/fault_spec.ts";
import type { FrameLink } from "../link/link.ts";
import { type FrameTap, tapLink } from "../link/tap.ts";
import { fanOut } from "../observe/fan_out.ts";
import { summaryEvent } from "../observe/summary.ts";
import type { Clock } from "../runtime/clock.ts";
import { randomSecret } from "../runtime/secret.ts";
import { Stack } from "../runtime/stack.ts";
import type { Observer, SummaryEvent } from "../tcp/events.ts";
import { formatMac } from "../wire/address.ts";
import { claimAddresses } from "./address_claim.ts";
import { CliError, errorLine } from "./command.ts";
import { defaultMemoryBytes, memoryFacts } from "./memory_choice.ts";
import type { Recording } from "./recording.ts";
import { RingWatch } from "./ring_watch.ts";
import { FOLD_AFTER, type ServeLog } from "./serve_log.ts";
import type { ServeConfig } from "./serve_options.ts";
import type { ServerGround } from "./server_ground.ts";

/** What a server is made of. */
interface ServerParts {
  readonly config: ServeConfig;
  readonly ground: Pick<ServerGround, "addresses" | "deviceMac" | "filter"> & {
    readonly link: FrameLink & Pick<ServerGround["link"], "capture">;
  };
  readonly clock: Clock;
  readonly log: ServeLog;
  readonly recording: Recording | null;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
}

/** A server that answers from its construction on. */
export class Server {
  readonly host: Host;
  readonly stack: Stack;
  /** Resolves when the first connection that had been established is closed. */
  readonly firstClosed: Promise<void>;
  /** Rejects when somebody else turns out to have one of the addresses; else stays pending. */
  readonly addressLost: Promise<never>;
  readonly #parts: ServerParts;
  readonly #ringWatch: RingWatch;
  readonly #faultLink: FaultLink | null;
  readonly #beganUs: number;
  readonly #unobserve: () => void;

  constructor(parts: ServerParts) {
    const { config, ground, clock, log, recording } = parts;
    this.#parts = parts;
    this.#beganUs = clock.nowUs();
    const { faults } = config;
    const tap: FrameTap | null = recording?.recorder ?? null;
    this.#faultLink = faults === null ? null : faultLink(ground.link, {
      faults,
      nowUs: () => clock.nowUs(),
      observer: {
        touched: (touched) => {
          tap?.faulted?.(touched);
          return this.host.faultObserver.touched(touched);
        },
        handsUp: (number) => this.host.faultObserver.handsUp(number),
      },
    });
    if (faults !== null) parts.notice(`Frames are disturbed on purpose: ${describeFaults(faults)}`);
    const wire = this.#faultLink ?? ground.link;
    // A recording shows what our host saw and sent, so that each frame stands beside what it led to.
    const link = tap === null ? wire : tapLink(wire, tap);
    this.host = makeHost(parts, link);
    const firstClosed = Promise.withResolvers<void>();
    this.firstClosed = firstClosed.promise;
    const observer = fanOut([
      log.observer,
      config.once ? whenFirstClosed(firstClosed.resolve) : null,
    ]);
    this.#ringWatch = new RingWatch({
      stats: () => ground.link.stats(),
      nowUs: () => clock.nowUs(),
      tell: parts.notice,
      ringMib: config.ringMib,
    });
    // The listeners are there before the first frame is taken: an early SYN must not meet a closed port.
    this.host.observer = fanOut([observer, recording?.recorder.observe]);
    this.#sayListening();
    this.#listen();
    this.stack = new Stack({
      link,
      host: this.host,
      clock,
      ...(recording === null ? {} : { frameOrders: [recording.recorder] }),
      onIdle: () => {
        log.flush();
        recording?.recorder.flush();
      },
      onBatch: () => this.#ringWatch.afterFrames(),
    });
    if (recording !== null) this.stack.observeAtOnce(recording.recorder.observe);
    this.#unobserve = observer === null ? () => {} : this.stack.observe(observer);
    this.stack.pump.enter();
    this.addressLost = claimAddresses({
      host: this.host,
      addresses: ground.addresses,
      device: { name: ground.link.name, mac: ground.deviceMac },
      time: this.#seconds(),
    });
    this.stack.pump.leave();
    log.flush();
  }

  /** Ends in order: no more connections, FIN, after two seconds or at once when told so RST. Says when there was RST. */
  async end(signal: AbortSignal): Promise<void> {
    const { reset } = await this.stack.shutdown({
      signal,
      onWaiting: (count) => {
        const what = count === 1 ? "1 connection" : `${count} connections`;
        this.#parts.notice(`Waiting for ${what} to end, two seconds in all (Ctrl-C again: at once)`);
      },
    });
    // Whoever leaves hears what was folded.
    this.#unobserve();
    this.#ringWatch.look();
    if (reset === 0) return;
    const what = reset === 1 ? "1 connection was" : `${reset} connections were`;
    this.#parts.notice(
      `${what} reset (RST): not ended in time, or with bytes that the application had not read`,
    );
  }

  /** What was counted from the beginning to now. */
  summary(): SummaryEvent {
    const { clock, ground, log } = this.#parts;
    const nowUs = clock.nowUs();
    return summaryEvent({
      time: this.#seconds(),
      durationMs: (nowUs - this.#beganUs) / 1000,
      counters: { ...this.host.counters(), ...this.#faultCounters() },
      link: ground.link.stats(),
      lostLines: log.lostLines,
      leftOutLines: log.leftOutLines,
    });
  }

  #faultCounters(): Record<string, number> {
    const counters: Record<string, number> = {};
    for (const [direction, counts] of Object.entries(this.#faultLink?.faultCounts() ?? {})) {
      for (const [what, count] of Object.entries(counts ?? {})) {
        counters[`fault-${direction}-${what}`] = count;
      }
    }
    return counters;
  }

  #listen(): void {
    const { config, clock } = this.#parts;
    this.host.setNow(clock.nowUs());
    for (const { port, app } of config.services) {
      const application = findApplication(app);
      if (application === null) throw new CliError(`There is no application ${app}`);
      const create = application.create({ nowEpochUs: () => clock.epochUs + clock.nowUs() });
      const accept = (connection: HostConnection) => {
        // Off unless asked for (MUST-25); the times are in the host's settings.
        if (config.keepAlive) connection.setKeepAlive(true);
        return create(connection);
      };
      this.host.listen({ port, backlog: config.backlog, accept });
    }
  }

  #sayListening(): void {
    const { config, ground, log, notice } = this.#parts;
    const { link, filter } = ground;
    for (const { text } of ground.addresses) {
      for (const { port, app } of config.services) {
        log.tell({
          event: "listening",
          time: this.#seconds(),
          device: link.name,
          ip: text,
          mac: formatMac(link.mac),
          port,
          app,
          capture: link.capture,
          filter,
        });
        if (config.log === "none" || config.logStyle.file !== null) {
          notice(`Listening on ${link.name}, ${text}:${port} (${app})`);
        }
      }
    }
  }

  #seconds(): number {
    const { clock } = this.#parts;
    return (clock.epochUs + clock.nowUs()) / 1e6;
  }
}

function makeHost(parts: ServerParts, link: FrameLink): Host {
  const { config, ground, clock } = parts;
  return new Host({
    link,
    addresses: ground.addresses.map(({ address, prefixLength }) => ({ address, prefixLength })),
    secret: randomSecret(),
    epochUs: clock.epochUs,
    nowUs: clock.nowUs(),
    checksumPolicy: config.checksum,
    maxConnections: config.maxConnections,
    maxTimeWait: config.maxTimeWait,
    onFull: config.onFull,
    memoryBytes: config.memoryBytes ?? defaultMemoryBytes(memoryFacts()),
    tcp: config.tcp,
    ttl: config.ttl,
    ...(config.vlan === null ? {} : { vlan: config.vlan }),
    showPayload: config.payload,
    showTimers: config.logStyle.kinds.includes("timers"),
    showSamples: config.logStyle.kinds.includes("samples"),
    foldAfter: FOLD_AFTER,
    onFault: firstFault(parts.notice),
    onNotice: (_kind, message) => parts.notice(message),
  });
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

/** Half-open connections that never were (a scan) do not count for `--once`. */
function whenFirstClosed(resolve: () => void): Observer {
  return (event) => {
    if (event.event === "closed" && event.states.includes("ESTABLISHED")) resolve();
  };
}
