/**
 * Many strangers at once on one host, and an honest client among them.
 *
 * Owns: who they are, how each of them attacks the host's memory, and the demand that holds after every single frame: what
 * is held is within the bound. Must not know: how the host keeps to it.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { findApplication } from "../../src/app/applications.ts";
import { FAMILY } from "./family.ts";
import type { OptionValues } from "./frame_craft.ts";
import { Lab, type LabOptions } from "./harness.ts";
import { describe, type Peer } from "./peer.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;
const ECHO_PORT = HOST_PORT + 100;
export const SCALED: OptionValues = { mss: 1460, windowScale: 7, sackPermitted: true };

export interface CrowdOptions extends LabOptions {
  /** What runs on the port that is attacked; an application by its name. */
  readonly app: string;
  /** From how many addresses strangers come. */
  readonly addresses: number;
}

/** A lab with a listener that is attacked, and one for honest clients. */
export class Crowd {
  readonly lab: Lab;
  readonly #addresses: number;
  #joined = 0;
  #honest = 0;

  constructor(options: CrowdOptions) {
    this.lab = new Lab({ maxConnections: 0x20000, ...options });
    this.#addresses = options.addresses;
    // Rules and events of a hundred thousand frames are nothing that these tests ask for.
    this.lab.host.onRule = null;
    serve(this.lab, options.app, HOST_PORT);
    serve(this.lab, "echo", ECHO_PORT);
  }

  /** Nothing may ever exceed the bound. */
  check(): void {
    const { usedBytes, limitBytes } = this.lab.host.memory();
    assertLessOrEqual(usedBytes, limitBytes, "more is held than may be");
    assert(usedBytes >= 0, `${usedBytes} bytes are held`);
    this.lab.rules.length = 0;
  }

  /** Another stranger whose handshake is done; its own address in turn. */
  join(options: OptionValues = SCALED, window = 0xffff): Peer {
    const peer = this.lab.peer({ address: FAMILY.stranger(this.#joined++ % this.#addresses) });
    peer.window = window;
    peer.sends({ flags: "SYN", seq: 0, options, window: 0xffff });
    this.check();
    if (peer.seen === 0) return peer;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    this.check();
    return peer;
  }

  /** A stranger resets its connection, at the number that the host has acknowledged. */
  leaves(peer: Peer): void {
    const seq = peer.takeAll().reduce((ack, seen) => Math.max(ack, seen.ack), 1);
    peer.sends({ flags: "RST", seq });
    this.check();
  }

  /** Lets time go by in steps, and looks at each. */
  pass(us: number, stepUs = 50 * MS_US): void {
    for (let passed = 0; passed < us; passed += stepUs) {
      this.lab.pass(Math.min(stepUs, us - passed));
      this.check();
    }
  }

  /** An honest client connects, sends `bytes` and has them back; returns the virtual time that it took. */
  serves(bytes: number, withinUs = SECOND_US): number {
    const client = new EchoClient(this.lab, this.#honest++);
    const beganUs = this.lab.nowUs;
    while (!client.turn(bytes)) {
      this.check();
      assertLessOrEqual(this.lab.nowUs - beganUs, withinUs, `a client is not served: ${client.progress}`);
      this.pass(MS_US, MS_US);
    }
    client.leave();
    this.check();
    return this.lab.nowUs - beganUs;
  }
}

function serve(lab: Lab, name: string, port: number): void {
  const application = findApplication(name);
  assert(application !== null);
  const accept = application.create({ nowEpochUs: () => lab.nowUs });
  lab.user(() => lab.host.listen({ port, backlog: 0x20000, accept }));
}

/** Sends what its window lets it, acknowledges what comes, and sends again what nobody acknowledges. */
class EchoClient {
  readonly #peer: Peer;
  readonly #lab: Lab;
  #sent = 1;
  #acked = 0;
  #got = 1;
  #againUs: number;
  #progress = "no answer to the SYN";
  readonly #data: Uint8Array;

  constructor(lab: Lab, index: number) {
    this.#lab = lab;
    this.#peer = lab.peer({ address: FAMILY.neighbor(100 + index % 100), hostPort: ECHO_PORT });
    this.#data = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >>> 8)) % 251);
    this.#againUs = lab.nowUs;
  }

  get progress(): string {
    return this.#progress;
  }

  /** One round trip; returns whether all is done. */
  turn(bytes: number): boolean {
    const peer = this.#peer;
    for (const seen of peer.takeAll()) {
      assert(!seen.flags.includes("RST"), `an honest client is reset: ${describe(seen)}, ${this.#progress}`);
      if (seen.ack > this.#acked) {
        this.#acked = seen.ack;
        this.#againUs = this.#lab.nowUs + 200 * MS_US;
      }
      if (seen.seq > 0 && seen.seq <= this.#got && seen.seq + seen.data.length > this.#got) {
        const fresh = seen.data.subarray(this.#got - seen.seq);
        assertEquals(fresh, this.#data.subarray(this.#got - 1, this.#got - 1 + fresh.length));
        this.#got += fresh.length;
      }
    }
    this.#progress = `acknowledged ${this.#acked}, sent ${this.#sent}, got ${this.#got - 1} of ${bytes}`;
    if (this.#got > bytes) return true;
    if (this.#lab.nowUs >= this.#againUs) {
      this.#againUs = this.#lab.nowUs + 200 * MS_US;
      this.#sent = Math.max(1, this.#acked);
      if (this.#acked === 0) peer.sends({ flags: "SYN", seq: 0, options: SCALED });
    }
    if (this.#acked === 0) return false;
    peer.sends({ flags: "ACK", seq: this.#sent, ack: this.#got, window: 512 });
    while (this.#sent <= bytes && this.#sent < peer.hostRightEdge) {
      const count = Math.min(1460, bytes + 1 - this.#sent, peer.hostRightEdge - this.#sent);
      const data = this.#data.subarray(this.#sent - 1, this.#sent - 1 + count);
      peer.sends({ flags: "ACK", seq: this.#sent, ack: this.#got, window: 512, data });
      this.#sent += count;
    }
    return false;
  }

  /** Goes away in the rudest way, so that nothing of it is left. */
  leave(): void {
    this.#peer.sends({ flags: "RST", seq: this.#acked });
    this.#peer.takeAll();
  }
}

/** An honest client whose connection stays: a line now and then, and its answer within a second, whatever others do. */
export class Resident {
  readonly #peer: Peer;
  readonly #crowd: Crowd;

  constructor(crowd: Crowd, number: number) {
    this.#crowd = crowd;
    this.#peer = crowd.lab.peer({ address: FAMILY.neighbor(20 + number), hostPort: ECHO_PORT });
    this.#peer.sends({ flags: "SYN", seq: 0, options: SCALED });
    this.#peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    this.talks();
  }

  talks(): void {
    const peer = this.#peer;
    const seq = peer.next;
    for (let tries = 0; peer.seen < seq + 100; tries++) {
      assertLessOrEqual(tries, 5, "a connection that stays is not answered");
      peer.sends({ flags: "ACK", seq, data: 100 });
      this.#crowd.pass(150 * MS_US);
      for (const seen of peer.takeAll()) {
        assert(!seen.flags.includes("RST"), `an honest connection is reset: ${describe(seen)}`);
      }
    }
    peer.sends({ flags: "ACK" });
  }
}
