/**
 * Flows: which connection a packet of the script is about, and whose frame it was that the host sent.
 *
 * Owns: packetdrill's way to find it. A script tests one socket at a time, the one that it made last: its first packet makes the
 * connection. Ports on a packet choose another. Must not know: what packets say, time.
 */
import { FLAG } from "../wire/tcp.ts";
import { Flow } from "./flow.ts";
import type { ScriptEnds } from "./kernel.ts";
import { isOfFlow, readSent, type SeenPacket, type SeenSegment } from "./outbound.ts";
import type { SentFrame } from "./script_link.ts";
import type { PortPair } from "./values.ts";

/** First of the ports from which the script's peer opens connections: of those that are nobody's (RFC 6335 §6). */
const FIRST_REMOTE_PORT = 49152;
const REMOTE_PORTS = 0x10000 - FIRST_REMOTE_PORT;
/** Connections of one script. Local choice: far more than a person writes. */
const MOST_FLOWS = 1024;
/** Frames that wait for a step about their connection while another one is tested. Local choice. */
const MOST_SET_ASIDE = 4096;

/** Where frames of the host come from, in the order in which they were sent. */
export type FrameSource = () => SentFrame | null;

/** What {@link Flows.nextOf} passes over: frames of which the script says nothing. */
export type Passed = (packet: SeenPacket | null, frame: SentFrame) => void;

/** See the file's comment. */
export class Flows {
  readonly #ends: ScriptEnds;
  readonly #flows: Flow[] = [];
  readonly #setAside = new Map<Flow, SeenSegment[]>();
  #underTest: Flow | null = null;
  #opened = 0;

  constructor(ends: ScriptEnds) {
    this.#ends = ends;
  }

  /** The connection that packets without ports are about; null while the socket has none. */
  get underTest(): Flow | null {
    return this.#underTest;
  }

  /** The script has made a socket: what comes is about that. */
  socketMade(): void {
    this.#underTest = null;
  }

  /** The connection that a packet with these ports is about, which then is the one under test; null without one. */
  find(ports: PortPair | null, direction: "inbound" | "outbound"): Flow | null {
    if (ports === null) return this.#underTest;
    const [localPort, remotePort] = direction === "outbound"
      ? [ports.source, ports.destination]
      : [ports.destination, ports.source];
    const isMeant = (flow: Flow) =>
      (localPort === 0 || flow.localPort === localPort) &&
      (remotePort === 0 || flow.remotePort === remotePort);
    const known = this.#flows.find(isMeant) ?? null;
    if (known !== null) this.#underTest = known;
    return known;
  }

  /** The script opens a connection to the host; from these ports, or from the next one of the peer to the port that listens. */
  openInbound(ports: PortPair | null): Flow {
    const nextPort = FIRST_REMOTE_PORT + this.#opened++ % REMOTE_PORTS;
    return this.#add(
      new Flow({
        localPort: ports === null || ports.destination === 0 ? this.#ends.bindPort : ports.destination,
        remotePort: ports === null || ports.source === 0 ? nextPort : ports.source,
      }, "syn-received"),
    );
  }

  /** The next segment of a connection among the frames that wait; null when there is none. */
  nextOf(flow: Flow, frames: FrameSource, passed: Passed): SeenSegment | null {
    const aside = this.#setAside.get(flow);
    const waiting = aside?.shift();
    if (waiting !== undefined) return waiting;
    for (let frame = frames(); frame !== null; frame = frames()) {
      const packet = readSent(frame);
      if (packet?.protocol === "tcp") {
        if (isOfFlow(packet, flow)) return packet;
        if (this.#keepForOther(packet)) continue;
      }
      passed(packet, frame);
    }
    return null;
  }

  /** The next SYN of the host to the port that the script connects to, which makes a connection; null when there is none. */
  nextOpened(
    frames: FrameSource,
    passed: Passed,
  ): { readonly flow: Flow; readonly segment: SeenSegment } | null {
    for (let frame = frames(); frame !== null; frame = frames()) {
      const packet = readSent(frame);
      if (packet?.protocol === "tcp") {
        if (this.#keepForOther(packet)) continue;
        if ((packet.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) {
          const ports = { localPort: packet.ports.source, remotePort: packet.ports.destination };
          return { flow: this.#add(new Flow(ports, "syn-sent")), segment: packet };
        }
      }
      passed(packet, frame);
    }
    return null;
  }

  /** The next message that is no segment; null when there is none. */
  nextMessage(
    frames: FrameSource,
    passed: Passed,
  ): Exclude<SeenPacket, SeenSegment> | null {
    for (let frame = frames(); frame !== null; frame = frames()) {
      const packet = readSent(frame);
      if (packet?.protocol === "icmp") return packet;
      if (packet !== null && this.#keepForOther(packet)) continue;
      passed(packet, frame);
    }
    return null;
  }

  #keepForOther(segment: SeenSegment): boolean {
    const owner = this.#flows.find((flow) => isOfFlow(segment, flow));
    if (owner === undefined) return false;
    const aside = this.#setAside.get(owner) ?? [];
    if (aside.length < MOST_SET_ASIDE) aside.push(segment);
    this.#setAside.set(owner, aside);
    return true;
  }

  #add(flow: Flow): Flow {
    if (this.#flows.length >= MOST_FLOWS) this.#setAside.delete(this.#flows.splice(0, 1)[0]);
    this.#flows.push(flow);
    this.#underTest = flow;
    return flow;
  }
}
