/**
 * ListenerReports: what is said of groups, as packets.
 *
 * Owns: which message and which record says what, in both versions, how many records go into one, and where it goes. Must not
 * know: when something is to be said (multicast_groups.ts).
 *
 * Implements RFC 3810 §5.2, RFC 2710 §3 and §5 (destinations), RFC 3590 §4 (the source).
 */
import { ALL_MLDV2_ROUTERS, ALL_ROUTERS } from "../wire/derived_address.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { IP_PROTOCOL } from "../wire/ip_packet.ts";
import { IPV6 } from "../wire/ipv6.ts";
import {
  emitListenerReport,
  emitListenerV1,
  LISTENER_HOP_LIMIT,
  LISTENER_RECORD,
  LISTENER_V1_BYTES,
  type ListenerRecord,
  listenerReportLength,
} from "../wire/multicast_listener.ts";
import type { OutgoingPacket, PacketSender } from "./ip_output.ts";

/** A group, and whether we listen to it or have left it. */
interface GroupChange {
  readonly address: Uint8Array;
  readonly isJoined: boolean;
}

/** A group that we listen to, and the sources that were asked about, none for all. */
interface GroupAnswer {
  readonly address: Uint8Array;
  readonly sources: readonly Uint8Array[];
}

/** What packets are made with. */
interface ListenerReportsOptions {
  readonly sender: PacketSender;
  /** Our link-local address, null while it is not ours yet. */
  linkLocal(): Uint8Array | null;
  count(name: string): void;
}

const UNSPECIFIED: Uint8Array = new Uint8Array(IPV6.ADDRESS_BYTES);
/** What every link carries (RFC 8200 §5), less the IPv6 header and the router alert. */
const MOST_REPORT_BYTES = 1280 - 40 - 8;
/** The reports of one host. */
export class ListenerReports {
  readonly #options: ListenerReportsOptions;

  constructor(options: ListenerReportsOptions) {
    this.#options = options;
  }

  /** Says what has changed: State Change Reports (RFC 3810 §5.2.12), or of version 1 reports and dones. */
  changes(groups: readonly GroupChange[], isOld: boolean): void {
    if (isOld) {
      for (const { address, isJoined } of groups) this.#sendOld(address, isJoined);
      return;
    }
    const { TO_EXCLUDE, TO_INCLUDE } = LISTENER_RECORD;
    this.#send(groups.map(({ address, isJoined }) => ({
      type: isJoined ? TO_EXCLUDE : TO_INCLUDE,
      group: address,
      sources: [],
    })));
  }

  /** Answers a query: Current State Reports. We exclude nobody, so of the sources that were asked about, all are wanted. */
  answers(groups: readonly GroupAnswer[], isOld: boolean): void {
    if (isOld) {
      for (const { address } of groups) this.#sendOld(address, true);
      return;
    }
    const { IS_EXCLUDE, IS_INCLUDE } = LISTENER_RECORD;
    this.#send(groups.map(({ address, sources }) => ({
      type: sources.length === 0 ? IS_EXCLUDE : IS_INCLUDE,
      group: address,
      sources,
    })));
  }

  #send(records: readonly ListenerRecord[]): void {
    let part: ListenerRecord[] = [];
    for (const record of records) {
      if (listenerReportLength([...part, record]) > MOST_REPORT_BYTES) {
        this.#sendReport(part);
        part = [];
      }
      part.push(record);
    }
    if (part.length > 0) this.#sendReport(part);
  }

  #sendReport(records: readonly ListenerRecord[]): void {
    this.#transmit({
      destination: ALL_MLDV2_ROUTERS,
      payloadLength: listenerReportLength(records),
      write: (frame, offset, pseudo) => emitListenerReport(frame, offset, records, pseudo),
    });
  }

  #sendOld(group: Uint8Array, isJoined: boolean): void {
    const type = isJoined ? ICMPV6_TYPE.LISTENER_REPORT_V1 : ICMPV6_TYPE.LISTENER_DONE;
    this.#transmit({
      destination: isJoined ? group : ALL_ROUTERS,
      payloadLength: LISTENER_V1_BYTES,
      write: (frame, offset, pseudo) => emitListenerV1(frame, offset, { type, group }, pseudo),
    });
  }

  #transmit(packet: Pick<OutgoingPacket, "destination" | "payloadLength" | "write">): void {
    this.#options.count("mld-reports-out");
    this.#options.sender.send({
      ...packet,
      source: this.#options.linkLocal() ?? UNSPECIFIED,
      protocol: IP_PROTOCOL.ICMPV6,
      hopLimit: LISTENER_HOP_LIMIT,
      routerAlert: true,
    });
  }
}
