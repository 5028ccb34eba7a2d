/**
 * A script's sockets on a true host, with a peer in the test's hands: calls are written as in a script.
 *
 * Owns: the set-up, and how an outcome is asked for. Must not know: what is tested.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type CallOutcome,
  type Kernel,
  type RunningCall,
  UnsupportedConstruct,
} from "../../../src/script/kernel.ts";
import { parseScript } from "../../../src/script/parse_script.ts";
import { createKernel } from "../../../src/script/sockets/create_kernel.ts";
import type { SocketDefaults } from "../../../src/tcp/profile.ts";
import { PROFILES } from "../../../src/tcp/profiles.ts";
import type { OptionValues } from "../../tcp/frame_craft.ts";
import { Lab } from "../../tcp/harness.ts";
import type { Peer, Seen } from "../../tcp/peer.ts";
import { HOST_V4, PEER_V4 } from "../../tcp/wire_ends.ts";

export const BIND_PORT = 8080;
export const CONNECT_PORT = 8081;
/** Both addresses, as a cookie is kept by. */
export const HOST_PEER = { localAddress: HOST_V4, address: PEER_V4 };

/** What a lab may have otherwise. */
export interface SocketLabOptions {
  readonly system?: "linux" | "freebsd";
  readonly sockets?: Partial<SocketDefaults>;
}

/** See the file's comment. */
export class SocketLab {
  readonly lab: Lab;
  readonly kernel: Kernel;
  readonly #beganUs: number;

  constructor({ system = "linux", sockets = {} }: SocketLabOptions = {}) {
    const profile = PROFILES[system];
    const lab = new Lab({ tcp: profile.tcp });
    this.lab = lab;
    this.#beganUs = lab.nowUs;
    const nowUs = (): number => this.nowUs;
    this.kernel = createKernel({
      host: lab.host,
      ends: {
        ipVersion: "ipv4",
        localAddress: HOST_V4,
        bindPort: BIND_PORT,
        remoteAddress: PEER_V4,
        connectPort: CONNECT_PORT,
      },
      get nowUs() {
        return nowUs();
      },
      socketDefaults: { ...profile.sockets, ...sockets },
    });
  }

  /** Since the lab began, microseconds. */
  get nowUs(): number {
    return this.lab.nowUs - this.#beganUs;
  }

  /** Begins a call as a script writes it: `read(4, ..., 1000) = 1000`. */
  begin(text: string): RunningCall {
    const [step] = parseScript(`0 ${text.includes(" = ") ? text : `${text} = ...`}`, "test").steps;
    assert(step.kind === "step" && step.event.kind === "call", text);
    const { event } = step;
    return this.lab.user(() => this.kernel.begin(event));
  }

  /** A call that is over at once, with an outcome that agrees with what is written of arguments. */
  call(text: string): CallOutcome {
    const { outcome } = this.begin(text);
    assert(outcome !== null, `blocks: ${text}`);
    assertEquals(outcome.mismatch, null, text);
    return outcome;
  }

  /** The result of such a call, or the name of its error. */
  result(text: string): number | string {
    const { result, errno } = this.call(text);
    return errno ?? result;
  }

  /** What a call that is over at once says of an argument. */
  mismatch(text: string): CallOutcome["mismatch"] {
    const { outcome } = this.begin(text);
    assert(outcome !== null, `blocks: ${text}`);
    return outcome.mismatch;
  }

  /** A call that is refused because something of it is not there. */
  isMissing(text: string, construct: string): void {
    const error = assertThrows(() => this.begin(text), UnsupportedConstruct);
    assertEquals(error.message, construct);
  }

  /** Whoever waits looks again, as the runner has it after each frame. */
  look(): void {
    this.lab.user(() => this.kernel.progress());
  }

  /** Time goes by, from deadline to deadline, those of calls among them. */
  pass(us: number): void {
    const untilUs = this.nowUs + us;
    for (;;) {
      const dueUs = Math.min(this.kernel.nextDeadlineUs(), this.lab.host.nextDeadlineUs() - this.#beganUs);
      if (dueUs > untilUs) break;
      this.lab.pass(Math.max(0, dueUs - this.nowUs));
      this.look();
    }
    this.lab.pass(untilUs - this.nowUs);
    this.look();
  }

  /** The peer, from the port that `connect` goes to or from one of its own. */
  peer(port?: number): Peer {
    return this.lab.peer({ hostPort: BIND_PORT, ...(port === undefined ? {} : { port }) });
  }

  /** Sends a segment of a peer, and lets everybody look. */
  sends(peer: Peer, segment: Parameters<Peer["sends"]>[0]): void {
    peer.sends(segment);
    this.look();
  }

  /** The one segment that a peer has been sent. */
  takeOnly(peer: Peer): Seen {
    const seen = peer.takeAll();
    assertEquals(seen.length, 1);
    return seen[0];
  }

  /** socket, bind, listen on descriptor 3. */
  listen(backlog = 1): void {
    assertEquals(this.result("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3"), 3);
    assertEquals(this.result("setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0"), 0);
    assertEquals(this.result("bind(3, ..., ...) = 0"), 0);
    assertEquals(this.result(`listen(3, ${backlog}) = 0`), 0);
  }

  /** A peer whose handshake with the listener is over. */
  opens(options: OptionValues = { mss: 1000 }): Peer {
    const peer = this.peer();
    this.sends(peer, { flags: "SYN", seq: 0, window: 32792, options });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    this.sends(peer, { flags: "ACK", seq: 1, ack: 1, window: 32792 });
    return peer;
  }

  /** An accepted connection on descriptor 4. */
  accepted(options?: OptionValues): Peer {
    this.listen();
    const peer = this.opens(options);
    assertEquals(this.result("accept(3, ..., ...) = 4"), 4);
    return peer;
  }

  /** A socket on descriptor 3 in SYN_SENT, that does not block. */
  connecting(): Peer {
    const peer = this.peer(CONNECT_PORT);
    this.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
    this.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
    assertEquals(this.result("connect(3, ..., ...) = -1 EINPROGRESS"), "EINPROGRESS");
    peer.expects({ flags: "SYN", seq: 0 });
    return peer;
  }

  /** The same, established. */
  connected(): Peer {
    const peer = this.connecting();
    this.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1, window: 32792, options: { mss: 1000 } });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    return peer;
  }
}
