/**
 * A server at work: listeners and applications on an open device.
 *
 * Owns: what is listened for, from the first `listening` to the last word about connections that were reset. Must not know:
 * how the device was found, what is around the host (device_session.ts), signals, exit status.
 */
import type { Application } from "../app/application.ts";
import { findApplication } from "../app/applications.ts";
import { http } from "../app/http.ts";
import type { HostAtWork, HostConnection } from "../host/api.ts";
import type { FaultLink } from "../link/fault_link.ts";
import type { FrameLink } from "../link/link.ts";
import { counted } from "../observe/text_layout.ts";
import type { Stack } from "../runtime/stack.ts";
import type { Observer, SummaryEvent } from "../tcp/events.ts";
import { endpointText, formatMac } from "../wire/address.ts";
import { CliError } from "./command.ts";
import { DeviceSession, type DeviceSessionParts } from "./device_session.ts";
import type { HttpService } from "./http_service.ts";
import type { ServerGround } from "./server_ground.ts";

/** What a server is made of. */
interface ServerParts extends DeviceSessionParts {
  readonly ground: Pick<ServerGround, "hosts" | "addresses" | "gateways" | "deviceMac" | "filter"> & {
    readonly link: FrameLink & Pick<ServerGround["link"], "capture">;
  };
  /** Answers HTTP on the ports that have it; null or absent where none has. */
  readonly http?: HttpService | null;
}

/** A server that answers from its construction on. */
export class Server {
  readonly host: HostAtWork;
  readonly stack: Stack;
  /** What can be done to frames while it serves; null where nothing can. */
  readonly injector: FaultLink | null;
  /** Resolves when the first connection that had been established is closed. */
  readonly firstClosed: Promise<void>;
  /** Rejects when somebody else turns out to have one of the addresses; else stays pending. */
  readonly addressLost: Promise<never>;
  readonly #parts: ServerParts;
  readonly #session: DeviceSession;
  /** By port. */
  readonly #applications = new Map<
    number,
    { readonly name: string; readonly first: string; readonly create: ReturnType<Application["create"]> }
  >();

  /** What connections have got whose port's application is not its first any more; all others cost nothing. */
  readonly #laterApplications = new WeakMap<HostConnection, string>();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const firstClosed = Promise.withResolvers<void>();
    this.firstClosed = firstClosed.promise;
    const observer = parts.config.once ? whenFirstClosed(firstClosed.resolve) : null;
    this.#session = new DeviceSession(parts, { observer });
    this.host = this.#session.host;
    this.stack = this.#session.stack;
    this.injector = this.#session.injector;
    this.#sayListening();
    // Before the first frame is taken: an early SYN must not meet a closed port.
    this.#listen();
    this.addressLost = this.#session.start();
  }

  /** Ends in order: no more connections, FIN, after two seconds or at once when told so RST. Says when there was RST. */
  async end(signal: AbortSignal): Promise<void> {
    const { notice } = this.#parts;
    const { reset } = await this.#session.end({
      signal,
      onWaiting: (count) => {
        notice(
          `Waiting for ${counted(count, "connection")} to end, two seconds in all (Ctrl-C again: at once)`,
        );
      },
    });
    if (reset === 0) return;
    const were = reset === 1 ? "was" : "were";
    notice(
      `${
        counted(reset, "connection")
      } ${were} reset (RST): not ended in time, or with bytes that the application had not read`,
    );
  }

  /** Says something to those who read the events. */
  tell(kind: string, message: string): void {
    const { clock, log } = this.#parts;
    this.host.setNow(clock.nowUs());
    this.host.emit({ event: "notice", time: this.#session.time, kind, message });
    // Where no frames come, nobody else writes the log out.
    log.flush();
  }

  /** What was counted from the beginning to now. */
  summary(): SummaryEvent {
    const summary = this.#session.summary();
    const happened = Object.entries(this.applicationCounters()).filter(([, count]) => count > 0);
    return { ...summary, counters: { ...summary.counters, ...Object.fromEntries(happened) } };
  }

  /** What applications have counted, beside the host's counters; those that are 0 too. */
  applicationCounters(): Readonly<Record<string, number>> {
    return this.#parts.http?.counters() ?? {};
  }

  /** What connections to a port that begin now get, or what one has got; empty where nobody listens. */
  applicationOf(port: number, connection?: HostConnection): string {
    const current = this.#applications.get(port);
    if (current === undefined || connection === undefined) return current?.name ?? "";
    return this.#laterApplications.get(connection) ?? current.first;
  }

  /** Gives connections to a port that begin from now on another application; those that live keep theirs. */
  setApplication(port: number, name: string): void {
    const before = this.#applications.get(port);
    if (before === undefined) throw new CliError(`Nobody listens on port ${port}`);
    this.#applications.set(port, { name, first: before.first, create: this.#creator(name) });
  }

  /** Whether ports may be given HTTP: what that needs was opened at the start, or is not there. */
  get hasHttp(): boolean {
    return (this.#parts.http ?? null) !== null;
  }

  #creator(name: string): ReturnType<Application["create"]> {
    const { clock, http: service = null } = this.#parts;
    if (name === http.name) {
      if (service === null) throw new CliError("HTTP needs a port that has it from the start: --app http");
      return (connection) => this.stack.adopt(connection, (opened) => service.serve(opened));
    }
    const application = findApplication(name);
    if (application === null) throw new CliError(`There is no application ${name}`);
    return application.create({ nowEpochUs: () => clock.epochUs + clock.nowUs() });
  }

  #listen(): void {
    const { config, clock } = this.#parts;
    this.host.setNow(clock.nowUs());
    for (const { port, app } of config.services) {
      const first = { name: app, first: app, create: this.#creator(app) };
      this.#applications.set(port, first);
      const accept = (connection: HostConnection) => {
        // Off unless asked for (MUST-25); the times are in the host's settings.
        if (config.keepAlive) connection.setKeepAlive(true);
        const current = this.#applications.get(port) ?? first;
        if (current !== first) this.#laterApplications.set(connection, current.name);
        return current.create(connection);
      };
      this.host.listen({ port, backlog: config.backlog, fastOpen: config.fastOpen, accept });
    }
  }

  #sayListening(): void {
    const { config, ground, log, notice } = this.#parts;
    const { link, filter } = ground;
    const served = ground.hosts.flatMap(({ mac, addresses }) => addresses.map(({ text }) => ({ mac, text })));
    for (const { mac, text } of served) {
      for (const { port, app } of config.services) {
        log.tell({
          event: "listening",
          time: this.#session.time,
          device: link.name,
          ip: text,
          mac: formatMac(mac),
          port,
          app,
          capture: link.capture,
          filter,
        });
        if (config.log === "none" || config.log === "tui" || config.logStyle.file !== null) {
          notice(`Listening on ${link.name}, ${endpointText(text, port)} (${app})`);
        }
      }
    }
  }
}

/** Half-open connections that never were (a scan) do not count for `--once`. */
function whenFirstClosed(resolve: () => void): Observer {
  return (event) => {
    if (event.event === "closed" && event.states.includes("ESTABLISHED")) resolve();
  };
}
