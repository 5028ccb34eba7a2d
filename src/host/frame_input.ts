/**
 * FrameInput: a frame on its way in, through the parts that take it apart, up to the connections.
 *
 * Owns: how these parts are put together. Must not know: what they decide.
 */
import type { FrameLink } from "../link/link.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ICMP_TYPE } from "../wire/icmp.ts";
import { ArpInput } from "./arp_input.ts";
import type { Connections } from "./connections.ts";
import { echoReplyBytes, type EchoRequest, writeEchoReply } from "./echo.ts";
import { EchoLimit } from "./echo_limit.ts";
import { EthernetInput } from "./ethernet_input.ts";
import type { HostCounters } from "./host_counters.ts";
import { type Internet, tellArp } from "./internet.ts";
import { IpInput } from "./ip_input.ts";
import { icmpFields } from "./link_events.ts";
import { type ChecksumPolicy, TcpInput } from "./tcp_input.ts";

/** What a host's input is made of. */
interface FrameInputOptions {
  readonly link: FrameLink;
  /** The VLAN of all that is for us, or `LAN.UNTAGGED`. */
  readonly lan: number;
  readonly hopLimit: number;
  readonly secret: Uint8Array;
  readonly internet: Internet;
  readonly connections: Connections;
  readonly counters: HostCounters;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly checksumPolicy: ChecksumPolicy;
}

/** The input of one host. */
export class FrameInput {
  readonly #options: FrameInputOptions;
  readonly #ethernet: EthernetInput;
  readonly #echoLimit: EchoLimit;
  readonly #frame = new Uint8Array(0x10100);

  constructor(options: FrameInputOptions) {
    this.#options = options;
    const { link, lan, internet, connections, counters, secret } = options;
    const drop = (reason: DropReason) => {
      counters.drop(reason);
      connections.teller.drop(reason);
    };
    this.#echoLimit = new EchoLimit((secret[1] << 24) | (secret[6] << 16) | (secret[11] << 8) | secret[12]);
    const tcp = new TcpInput({
      checksumPolicy: options.checksumPolicy,
      counters,
      arrives: (segment, from) => connections.segmentArrives(segment, from),
      drop,
    });
    const ip = new IpInput({
      addresses: internet.addresses,
      tcp,
      connections,
      counters,
      drop,
      echo: (request) => this.#answerEcho(request),
    });
    const arp = new ArpInput({
      mac: link.mac,
      addresses: internet.addresses,
      claims: internet.claims,
      cache: internet.cache,
      output: internet.arp,
      overload: connections.overload,
      count: (name) => counters.count(name),
      tell: (packet) => tellArp(connections.teller, packet, "recv"),
    });
    this.#ethernet = new EthernetInput({ mac: link.mac, lan, ip, arp, counters, drop });
  }

  /** Takes a frame of `length` bytes. */
  arrives(frame: Uint8Array, length: number): void {
    this.#ethernet.arrives(frame, length);
  }

  #answerEcho(request: EchoRequest): void {
    const { link, counters, clock, hopLimit, internet, connections: { teller } } = this.#options;
    if (teller.isObserved) {
      teller.icmp({ direction: "recv", kind: "echo-request" }, () => icmpFields(request.message, request));
    }
    if (echoReplyBytes(request) > link.mtu) return;
    if (!this.#echoLimit.take(request.frame, request.ip.sourceOffset, clock.nowUs)) {
      counters.count("echo-limited");
      return;
    }
    counters.echoReplies++;
    const out = this.#frame;
    const length = writeEchoReply(out, request, { mac: link.mac, ttl: hopLimit });
    if (teller.isObserved) {
      teller.icmp({ direction: "send", kind: "echo-reply" }, () => {
        const { from, to } = icmpFields(request.message, request);
        return { type: ICMP_TYPE.ECHO_REPLY, code: 0, from: to, to: from };
      });
    }
    internet.transmit(out, length, 0, 0);
  }
}
