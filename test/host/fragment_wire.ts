/**
 * Reassembly on a wire on which the test is everybody else: frames in; datagrams, drops, counters and errors out.
 *
 * Owns: the reassembly, its time, and what it said. Must not know: what a frame means.
 */
import { assert, assertEquals } from "@std/assert";
import { type FrameAndPacket } from "../../src/host/first_header.ts";
import { Reassembly } from "../../src/host/reassembly.ts";
import { EthernetHeader, parseEthernet } from "../../src/wire/ethernet.ts";
import { IpPacket, parseIp } from "../../src/wire/ip.ts";

/** A problem for which the sender is owed a message, with where it is in the packet. */
export interface ToldProblem {
  readonly code: number;
  readonly pointer: number;
}

/** One reassembly with a hand clock. */
export class FragmentWire {
  readonly clock = { nowUs: 5_000_000_000_000 };
  readonly counts = new Map<string, number>();
  readonly drops: string[] = [];
  readonly problems: ToldProblem[] = [];
  /** Copies of first fragments that waited for too long. */
  readonly timedOut: {
    readonly bytes: Uint8Array;
    readonly totalLength: number;
    readonly payloadLength: number;
  }[] = [];
  /** Thrown by the next callback for an error. */
  fault: Error | null = null;
  readonly reassembly = new Reassembly({
    clock: this.clock,
    count: (name) => this.counts.set(name, (this.counts.get(name) ?? 0) + 1),
    drop: (reason) => this.drops.push(reason),
    timedOut: ({ bytes, packet: { totalLength, payloadLength } }) => {
      this.#fail();
      this.timedOut.push({ bytes: bytes.slice(), totalLength, payloadLength });
    },
  });

  /** Gives a frame with a fragment as the host's input does; the whole datagram, or null. */
  gives(frame: Uint8Array): FrameAndPacket | null {
    const ethernet = new EthernetHeader();
    assertEquals(parseEthernet(frame, frame.length, ethernet), null);
    const { payloadOffset, type } = ethernet;
    const packet = new IpPacket();
    const reason = parseIp(type, frame, payloadOffset, frame.length - payloadOffset, packet);
    if (reason !== null) {
      this.drops.push(reason);
      const { problemCode: code, problemPointer: pointer } = packet;
      if (code >= 0) this.problems.push({ code, pointer });
      return null;
    }
    assert(packet.isFragment, "not a fragment");
    const whole = this.reassembly.arrives(frame, packet);
    // What was handed out is the datagram's own: the frame's memory is another frame's by now.
    frame.fill(0xa5);
    return whole;
  }

  /** The same, of the whole only its frame. */
  wholeOf(frame: Uint8Array): Uint8Array | null {
    return this.gives(frame)?.bytes.slice() ?? null;
  }

  count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Time passes, and deadlines that are due are met. */
  passes(us: number): void {
    this.clock.nowUs += us;
    if (this.reassembly.nextDeadlineUs <= this.clock.nowUs) this.reassembly.tick();
  }

  #fail(): void {
    const { fault } = this;
    this.fault = null;
    if (fault !== null) throw fault;
  }
}
