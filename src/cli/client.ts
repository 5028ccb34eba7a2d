/**
 * A client at work: a host on an open device, and the one connection that it opens.
 *
 * Owns: the stack and what watches it, from the SYN to the summary. Must not know: how the device was found, where bytes
 * come from, signals, exit status.
 */
import { Host } from "../host/host.ts";
import type { FrameLink } from "../link/link.ts";
import { tapLink } from "../link/tap.ts";
import { fanOut } from "../observe/fan_out.ts";
import { summaryEvent } from "../observe/summary.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Connection } from "../runtime/connection.ts";
import { randomSecret } from "../runtime/secret.ts";
import { Stack } from "../runtime/stack.ts";
import type { CloseReason, SummaryEvent, TcpEvent } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import { claimAddresses } from "./address_claim.ts";
import type { ConnectConfig } from "./connect_options.ts";
import type { Recording } from "./recording.ts";
import { RingWatch } from "./ring_watch.ts";
import { FOLD_AFTER, type ServeLog } from "./serve_log.ts";
import type { ServerGround } from "./server_ground.ts";

/** What a client is made of. */
interface ClientParts {
  readonly config: ConnectConfig;
  readonly ground: Pick<ServerGround, "addresses" | "deviceMac"> & { readonly link: FrameLink };
  readonly clock: Clock;
  readonly log: ServeLog;
  readonly recording: Recording | null;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
  /** Called when the connection reaches a state. */
  readonly onState: (state: TcpState) => void;
}

/** How far a connection has come when nothing more is to be waited for. */
export type ClientEnd = CloseReason | "TIME_WAIT";

/** A host that opens one connection. */
export class Client {
  readonly host: Host;
  readonly stack: Stack;
  /** Resolves when the connection is gone, or (unless TIME_WAIT is waited for) only time is still to pass. */
  readonly ended: Promise<ClientEnd>;
  /** Rejects when somebody else turns out to have one of the addresses; else stays pending. */
  readonly addressLost: Promise<never>;
  readonly #parts: ClientParts;
  readonly #ringWatch: RingWatch;
  readonly #beganUs: number;
  readonly #unobserve: () => void;
  #connection: Connection | null = null;

  constructor(parts: ClientParts) {
    const { config, ground, clock, log, recording } = parts;
    this.#parts = parts;
    this.#beganUs = clock.nowUs();
    const link = recording === null ? ground.link : tapLink(ground.link, recording.recorder);
    this.host = makeHost(parts, link);
    const ended = Promise.withResolvers<ClientEnd>();
    this.ended = ended.promise;
    this.#ringWatch = new RingWatch({
      stats: () => ground.link.stats(),
      nowUs: () => clock.nowUs(),
      tell: parts.notice,
      ringMib: config.ground.ringMib,
    });
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
    const observer = fanOut([
      log.observer,
      (event: TcpEvent) => {
        if (event.event === "closed") ended.resolve(event.reason);
        if (event.event !== "transition") return;
        parts.onState(event.to);
        if (event.to === "TIME_WAIT" && !config.waitTimeWait) ended.resolve("TIME_WAIT");
      },
    ]);
    if (recording !== null) this.stack.observeAtOnce(recording.recorder.observe);
    this.#unobserve = observer === null ? () => {} : this.stack.observe(observer);
    this.stack.pump.enter();
    this.addressLost = claimAddresses({
      host: this.host,
      addresses: ground.addresses,
      device: { name: ground.link.name, mac: ground.deviceMac },
      time: clock.epochUs / 1e6,
    });
    this.stack.pump.leave();
  }

  /** Opens the connection. Rejects with ConnectionRefused, TimedOut, or the signal's reason. */
  async open(signal: AbortSignal): Promise<Connection> {
    const { host, port, localPort } = this.#parts.config;
    this.#connection = await this.stack.connect({
      hostname: host,
      port,
      ...(localPort === null ? {} : { localPort }),
      signal,
    });
    // Off unless asked for (MUST-25); the times are in the host's settings.
    if (this.#parts.config.ground.keepAlive) this.#connection.setKeepAlive(true);
    return this.#connection;
  }

  /** Ends in order: FIN, and RST after two seconds or at once when told so. What is in TIME_WAIT is deleted. */
  async end(signal: AbortSignal): Promise<void> {
    this.#leaveTimeWait();
    await this.stack.shutdown({ signal });
    // Whoever leaves hears what was folded.
    this.#unobserve();
    this.#ringWatch.look();
  }

  /** What was counted from the beginning to now. */
  summary(): SummaryEvent {
    const { clock, ground, log } = this.#parts;
    const nowUs = clock.nowUs();
    return summaryEvent({
      time: (clock.epochUs + nowUs) / 1e6,
      durationMs: (nowUs - this.#beganUs) / 1000,
      counters: this.host.counters(),
      link: ground.link.stats(),
      lostLines: log.lostLines,
      leftOutLines: log.leftOutLines,
    });
  }

  /** RFC 9293 §3.10.5: ABORT in TIME_WAIT deletes the record, and sends nothing. */
  #leaveTimeWait(): void {
    if (this.#connection?.state === "TIME_WAIT") this.#connection.abort();
  }
}

function makeHost({ config, ground, clock, notice }: ClientParts, link: FrameLink): Host {
  const { checksum, tcp, ttl, payload, vlan } = config.ground;
  return new Host({
    link,
    addresses: ground.addresses.map(({ address, prefixLength }) => ({ address, prefixLength })),
    secret: randomSecret(),
    epochUs: clock.epochUs,
    nowUs: clock.nowUs(),
    checksumPolicy: checksum,
    tcp,
    ttl,
    ...(vlan === null ? {} : { vlan }),
    showPayload: payload,
    showTimers: config.ground.logStyle.kinds.includes("timers"),
    showSamples: config.ground.logStyle.kinds.includes("samples"),
    foldAfter: FOLD_AFTER,
    onNotice: (_kind, message) => notice(message),
    ...(config.gateway === null ? {} : { gateway: config.gateway }),
  });
}
