/**
 * PlaySource: two hosts in this page, told as a server would be.
 *
 * Owns: making of a course what the page understands: the connections of both ends in one table, each with a number of its
 * own. Must not know: what is shown, what a course is made of.
 */
import { findExplanations } from "../observe/explanation.ts";
import { PLAY_ADDRESSES, PLAY_PORTS } from "../play/performer.ts";
import type { CourseChange, Courses } from "../play/courses.ts";
import type { Side } from "../play/command.ts";
import { describeFaults, isFaultless } from "../link/fault_spec.ts";
import type { BatchMessage, ConnectionRow, ControlState, PageFigures } from "../story/page_messages.ts";
import type { ClosedEvent, TcpEvent } from "../tcp/events.ts";
import type { ConnectionInfo } from "../tcp/info.ts";
import { formatIpAddress } from "../wire/address.ts";
import type { PageSource, PageViewer, WhyAnswer } from "./page_source.ts";

const SIDES: readonly Side[] = [0, 1];
const NAMES = ["client", "server"] as const;

/** See the head of this file. */
export class PlaySource implements PageSource {
  readonly #courses: Courses;
  readonly #viewer: { current: PageViewer | null } = { current: null };
  readonly #version: string;
  #subscribed: number | null = null;
  /** Events of each end that were told. */
  #told: [number, number] = [0, 0];
  #shown: ReadonlySet<number> = new Set();

  constructor(courses: Courses, version: string) {
    this.#courses = courses;
    this.#version = version;
  }

  start(viewer: PageViewer): void {
    this.#viewer.current = viewer;
    viewer.status("live");
    this.changed("other");
  }

  /** Tells what there is to tell since the last time. */
  changed(change: CourseChange): void {
    const viewer = this.#viewer.current;
    if (viewer === null) return;
    if (change === "other") {
      this.#told = [0, 0];
      // Numbers are another course's by now: what is shown of the one before goes.
      this.#hello(viewer, []);
      this.#hello(viewer, this.#rows());
    }
    const fresh = SIDES.flatMap((side) =>
      this.#eventsOf(side).slice(this.#told[side]).map((event) => withPageId(side, event))
    );
    this.#told = [this.#eventsOf(0).length, this.#eventsOf(1).length];
    const ended = fresh.flatMap((event) => event.event === "closed" ? [event] : []);
    const events = fresh.filter((event) => this.#isShown(event));
    viewer.batch(this.#batch({ begins: false, ended, events }));
  }

  subscribe(id: number | null): void {
    this.#subscribed = id;
    if (id === null) return;
    const side = sideOf(id);
    const told = this.#eventsOf(side).slice(0, this.#told[side]).map((event) => withPageId(side, event));
    const events = told.filter((event) => this.#isShown(event));
    this.#viewer.current?.batch(this.#batch({ begins: true, ended: [], events }));
  }

  faults(request: { spec: string } | { once: string } | { clear: true }): Promise<string | null> {
    if ("spec" in request) return this.#perform({ kind: "faults", side: 1, text: request.spec });
    if ("once" in request) return this.#perform({ kind: "once", side: 1, text: request.once });
    return this.#perform({ kind: "forget", side: 1 });
  }

  end(id: number, how: "close" | "abort"): Promise<string | null> {
    const side = sideOf(id);
    const number = Math.ceil(id / 2) - this.#courses.active.record.idBase(side);
    return this.#perform({ kind: how, side, amount: Math.max(0, number) });
  }

  pace(how: "pause" | "step" | "resume"): Promise<string | null> {
    if (how === "pause") this.#courses.pause();
    else if (how === "resume") this.#courses.play();
    else this.#courses.step();
    return Promise.resolve(null);
  }

  why(name: string): Promise<readonly WhyAnswer[]> {
    const answers = findExplanations(name).map((found): WhyAnswer =>
      found.kind === "row"
        ? {
          kind: "row",
          name: found.name,
          text: found.row.event,
          rfc: found.row.rfc,
          source: found.source,
        }
        : {
          kind: found.kind,
          name: found.name,
          text: found.text,
          rfc: found.rfc ?? "",
          source: found.kind === "rule" ? found.source : [],
        }
    );
    return Promise.resolve(answers);
  }

  #perform(wish: Parameters<Courses["perform"]>[0]): Promise<string | null> {
    return Promise.resolve(this.#courses.perform(wish));
  }

  #hello(viewer: PageViewer, rows: readonly ConnectionRow[]): void {
    const listeners = SIDES.flatMap((side) => this.#courses.active.host(side).listeners()).map((
      listener,
    ) => ({
      port: listener.port,
      app: "",
      state: listener.state,
    }));
    viewer.hello({
      type: "hello",
      version: this.#version,
      server: {
        pid: 0,
        device: "cable",
        ip: [formatIpAddress(PLAY_ADDRESSES[1])],
        mac: "",
        listeners: listeners.length > 0 ? listeners : [{ port: PLAY_PORTS[1], app: "", state: "CLOSED" }],
      },
      rows,
      connections: rows.length,
      controls: this.#controls(),
    });
  }

  #batch(
    { begins, ended, events }: Pick<BatchMessage, "begins" | "ended" | "events">,
  ): BatchMessage {
    const rows = [...this.#rows(), ...ended.map((event) => this.#lastRow(event))];
    return {
      type: "batch",
      time: this.#courses.active.nowUs / 1e6,
      rows,
      ended,
      gone: this.#gone(rows, ended),
      connections: rows.length,
      subscribed: this.#subscribed,
      begins,
      events,
      lost: 0,
      figures: this.#figures(),
      controls: this.#controls(),
    };
  }

  #controls(): ControlState {
    const { active, isRunning } = this.#courses;
    const { faults, pending } = active.faults;
    const isQuiet = isFaultless(faults.in) && isFaultless(faults.out);
    return {
      faults: isQuiet ? null : describeFaults(faults),
      pending,
      isPaused: !isRunning,
      waiting: active.underWay,
    };
  }

  #rows(): ConnectionRow[] {
    return SIDES.flatMap((side) =>
      this.#courses.active.host(side).connections().map((connection) => this.#row(side, connection.info()))
    ).sort((a, b) => a.id - b.id);
  }

  #figures(): PageFigures | null {
    const id = this.#subscribed;
    if (id === null) return null;
    const side = sideOf(id);
    const found = this.#courses.active.host(side).connections().find((one) =>
      this.#pageId(side, one.id) === id
    );
    if (found === undefined) return null;
    const info = found.info();
    const { ssthresh, minRttUs } = info;
    return {
      ...info,
      id,
      ssthresh: ssthresh === 0 || ssthresh === Infinity ? null : ssthresh,
      minRttUs: minRttUs === 0 || minRttUs === Infinity ? null : minRttUs,
    };
  }

  #pageId(side: Side, id: number): number {
    return pageId(side, id + this.#courses.active.record.idBase(side));
  }

  #row(side: Side, info: ConnectionInfo): ConnectionRow {
    const [local = "", peer = ""] = info.name.split("-");
    const { name, role, state, states, bytesIn, bytesOut, segmentsIn, segmentsOut } = info;
    const { retransmits, srttUs, rtoUs, cwnd } = info;
    const id = this.#pageId(side, info.id);
    const told = { name, role, state, states, bytesIn, bytesOut, segmentsIn, segmentsOut };
    return { ...told, id, local, peer, app: NAMES[side], retransmits, srttUs, rtoUs, cwnd };
  }

  /** The row of a connection that is over, and perhaps was never shown alive: run is fast. */
  #lastRow({ connection: name, id = 0, states, bytesIn, bytesOut }: ClosedEvent): ConnectionRow {
    const side = sideOf(id);
    const [local = "", peer = ""] = name.split("-");
    const events = this.#eventsOf(side).filter((event) =>
      "id" in event && pageId(side, event.id ?? 0) === id
    );
    const count = (kind: string) => events.filter(({ event }) => event === kind).length;
    const sample = events.findLast((event) => event.event === "sample");
    const { srttUs, rtoUs, cwnd } = sample ?? { srttUs: 0, rtoUs: 0, cwnd: 0 };
    const segments = (wanted: "recv" | "send") =>
      events.filter((event) => event.event === "segment" && event.direction === wanted).length;
    return {
      id,
      name,
      local,
      peer,
      app: NAMES[side],
      role: states.includes("SYN_SENT") ? "client" : "server",
      state: "CLOSED",
      states,
      bytesIn,
      bytesOut,
      segmentsIn: segments("recv"),
      segmentsOut: segments("send"),
      retransmits: count("retransmit"),
      srttUs,
      rtoUs,
      cwnd,
    };
  }

  /** Connections that the host of an end has forgotten in a crash: nobody tells of their end. */
  #gone(rows: readonly ConnectionRow[], ended: readonly ClosedEvent[]): number[] {
    const there = new Set(rows.map(({ id }) => id));
    const gone = [...this.#shown].filter((id) => !there.has(id));
    const over = new Set(ended.map(({ id }) => id));
    this.#shown = new Set([...there].filter((id) => !over.has(id)));
    return gone;
  }

  #eventsOf(side: Side): readonly TcpEvent[] {
    return this.#courses.active.record.events[side];
  }

  #isShown(event: TcpEvent): boolean {
    return this.#subscribed !== null && "id" in event && event.id === this.#subscribed;
  }
}

/** The client's connections have even numbers, the server's odd ones: of two that are new the page follows the client's. */
function pageId(side: Side, id: number): number {
  return id * 2 - side;
}

function sideOf(id: number): Side {
  return id % 2 === 0 ? 0 : 1;
}

function withPageId(side: Side, event: TcpEvent): TcpEvent {
  return "id" in event && event.id !== undefined ? { ...event, id: pageId(side, event.id) } : event;
}
