/**
 * ICMPv6 messages as we read them, in tshark's words.
 *
 * Owns: our telling of each type; that what was read can be written again, byte for byte, and that Linux's messages pass the checks on
 * neighbours. Must not know: where a frame comes from.
 */
import { assert, assertEquals } from "@std/assert";
import { formatMac } from "../../src/wire/address.ts";
import { readU16 } from "../../src/wire/bytes.ts";
import { emitIcmpError } from "../../src/wire/icmp_error.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { emitIcmpv6, ICMPV6_TYPE, isIcmpv6Error, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import type { IpPacket } from "../../src/wire/ip_packet.ts";
import {
  emitListenerReport,
  emitListenerV1,
  ListenerQuery,
  listenerQueryFault,
  type ListenerRecord,
  parseListenerQuery,
} from "../../src/wire/multicast_listener.ts";
import {
  emitNeighbor,
  NeighborMessage,
  neighborMessageFault,
  parseNeighbor,
  parseRedirect,
  RedirectMessage,
} from "../../src/wire/neighbor_discovery.ts";
import {
  emitRouterSolicitation,
  parseRouterAdvertisement,
  parseRouterSolicitation,
  RouterAdvertisement,
  RouterSolicitation,
} from "../../src/wire/router_messages.ts";
import { addressAt, bit, describeQuoted, type Fields, hex } from "./field_words.ts";

/** A frame, what carries the message in it, and its pseudo-header's sum. */
interface Carrier {
  readonly frame: Uint8Array;
  readonly packet: IpPacket;
  readonly pseudoSum: number;
}

/** A message with what carries it, and where its own bytes end. */
interface Carried extends Carrier {
  readonly message: IcmpMessage;
  readonly end: number;
}

/** Tells the ICMPv6 message of a packet. */
export function describeIcmpv6(carrier: Carrier, fields: Fields): void {
  const { frame, packet, pseudoSum } = carrier;
  const { payloadOffset: at, payloadLength: length } = packet;
  const message = new IcmpMessage();
  assertEquals(parseIcmpv6(frame, at, length, pseudoSum, message), null);
  fields["icmpv6.type"] = [String(message.type)];
  fields["icmpv6.code"] = [String(message.code)];
  fields["icmpv6.checksum.status"] = ["1"];
  const again = frame.slice(at, at + length);
  emitIcmpv6(again, 0, message, pseudoSum);
  assertEquals(again, frame.slice(at, at + length), "emitted again");
  assertEquals(neighborMessageFault(frame, packet, message), null);
  const carried = { ...carrier, message, end: at + length };
  if (isIcmpv6Error(message.type)) describeError(carried, fields);
  else DESCRIBERS[message.type](carried, fields);
}

type Describer = (carried: Carried, fields: Fields) => void;

const DESCRIBERS: Readonly<Record<number, Describer>> = {
  [ICMPV6_TYPE.ECHO_REQUEST]: describeEcho,
  [ICMPV6_TYPE.ECHO_REPLY]: describeEcho,
  [ICMPV6_TYPE.NEIGHBOR_SOLICITATION]: describeNeighbor,
  [ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT]: describeNeighbor,
  [ICMPV6_TYPE.ROUTER_SOLICITATION]: describeRouterSolicitation,
  [ICMPV6_TYPE.ROUTER_ADVERTISEMENT]: describeRouterAdvertisement,
  [ICMPV6_TYPE.REDIRECT]: describeRedirect,
  [ICMPV6_TYPE.LISTENER_QUERY]: describeListenerQuery,
  [ICMPV6_TYPE.LISTENER_REPORT]: describeListenerReport,
  [ICMPV6_TYPE.LISTENER_REPORT_V1]: describeListenerV1,
  [ICMPV6_TYPE.LISTENER_DONE]: describeListenerV1,
};

/** What one of our emitters makes of what was read is the message that was there. */
function assertSame(
  { frame, packet, end }: Carried,
  emit: (bytes: Uint8Array, offset: number) => number,
): void {
  const again = new Uint8Array(end - packet.payloadOffset).fill(0xa5);
  assertEquals(emit(again, 0), again.length);
  assertEquals(again, frame.slice(packet.payloadOffset, end), "made again");
}

function macAt(frame: Uint8Array, at: number): Uint8Array | null {
  return at < 0 ? null : frame.slice(at, at + 6);
}

function tellMac(frame: Uint8Array, at: number, fields: Fields): void {
  if (at >= 0) fields["icmpv6.opt.linkaddr"] = [formatMac(frame.subarray(at, at + 6))];
}

function describeEcho({ message }: Carried, fields: Fields): void {
  fields["icmpv6.echo.identifier"] = [hex(message.restOfHeader >>> 16, 4)];
  fields["icmpv6.echo.sequence_number"] = [String(message.restOfHeader & 0xffff)];
}

function describeError(carried: Carried, fields: Fields): void {
  const { frame, message, end, pseudoSum } = carried;
  const { type, code, restOfHeader } = message;
  if (type === ICMPV6_TYPE.PACKET_TOO_BIG) fields["icmpv6.mtu"] = [String(restOfHeader)];
  if (type === ICMPV6_TYPE.PARAMETER_PROBLEM) fields["icmpv6.pointer"] = [String(restOfHeader)];
  describeQuoted(frame, message, fields, "ipv6");
  const quote = frame.subarray(message.payloadOffset, end);
  assertSame(
    carried,
    (bytes, offset) =>
      emitIcmpError(bytes, offset, { addressBytes: 16, type, code, restOfHeader, quote }, pseudoSum),
  );
}

function describeNeighbor(carried: Carried, fields: Fields): void {
  const { frame, message, pseudoSum } = carried;
  const { type, restOfHeader: flags } = message;
  const neighbor = new NeighborMessage();
  assertEquals(parseNeighbor(frame, message, neighbor), null);
  const isSolicitation = type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION;
  const { targetOffset, macOffset, nonceOffset } = neighbor;
  const name = isSolicitation ? "icmpv6.nd.ns.target_address" : "icmpv6.nd.na.target_address";
  fields[name] = [addressAt(frame, targetOffset, 16)];
  tellMac(frame, macOffset, fields);
  const nonce = macAt(frame, nonceOffset);
  if (nonce !== null) {
    fields["icmpv6.opt.nonce"] = [Array.from(nonce, (byte) => byte.toString(16).padStart(2, "0")).join("")];
  }
  if (!isSolicitation) {
    fields["icmpv6.nd.na.flag.r"] = [String(neighbor.flags >>> 31)];
    fields["icmpv6.nd.na.flag.s"] = [String((neighbor.flags >>> 30) & 1)];
    fields["icmpv6.nd.na.flag.o"] = [String((neighbor.flags >>> 29) & 1)];
  }
  const target = frame.slice(targetOffset, targetOffset + 16);
  const made = { type, flags, target, mac: macAt(frame, macOffset), ...(nonce === null ? {} : { nonce }) };
  assertSame(carried, (bytes, offset) => emitNeighbor(bytes, offset, made, pseudoSum));
}

function describeRouterSolicitation(carried: Carried, fields: Fields): void {
  const { frame, message, pseudoSum } = carried;
  const solicitation = new RouterSolicitation();
  assertEquals(parseRouterSolicitation(frame, message, solicitation), null);
  tellMac(frame, solicitation.macOffset, fields);
  const mac = macAt(frame, solicitation.macOffset);
  assertSame(carried, (bytes, offset) => emitRouterSolicitation(bytes, offset, { mac }, pseudoSum));
}

/** Not made again: it holds options that are not ours to write. */
function describeRouterAdvertisement({ frame, message }: Carried, fields: Fields): void {
  const router = new RouterAdvertisement();
  assertEquals(parseRouterAdvertisement(frame, message, router), null);
  fields["icmpv6.nd.ra.cur_hop_limit"] = [String(router.hopLimit)];
  fields["icmpv6.nd.ra.flag.m"] = [bit(router.isManaged)];
  fields["icmpv6.nd.ra.flag.o"] = [bit(router.hasOtherConfig)];
  // Two bits, signed.
  fields["icmpv6.nd.ra.flag.prf"] = [String(router.preference & 3)];
  fields["icmpv6.nd.ra.router_lifetime"] = [String(router.lifetimeSeconds)];
  fields["icmpv6.nd.ra.reachable_time"] = [String(router.reachableMs)];
  fields["icmpv6.nd.ra.retrans_timer"] = [String(router.retransMs)];
  tellMac(frame, router.macOffset, fields);
  if (router.mtu > 0) fields["icmpv6.opt.mtu"] = [String(router.mtu)];
  const prefixes = router.prefixes.slice(0, router.prefixCount);
  if (prefixes.length === 0) return;
  fields["icmpv6.opt.prefix"] = prefixes.map(({ prefixOffset }) => addressAt(frame, prefixOffset, 16));
  fields["icmpv6.opt.prefix.length"] = prefixes.map(({ prefixLength }) => String(prefixLength));
  fields["icmpv6.opt.prefix.flag.l"] = prefixes.map(({ isOnLink }) => bit(isOnLink));
  fields["icmpv6.opt.prefix.flag.a"] = prefixes.map(({ isAutonomous }) => bit(isAutonomous));
  fields["icmpv6.opt.prefix.valid_lifetime"] = prefixes.map(({ validSeconds }) => String(validSeconds));
  fields["icmpv6.opt.prefix.preferred_lifetime"] = prefixes.map(({ preferredSeconds }) =>
    String(preferredSeconds)
  );
}

function describeRedirect({ frame, message }: Carried, fields: Fields): void {
  const redirect = new RedirectMessage();
  assertEquals(parseRedirect(frame, message, redirect), null);
  fields["icmpv6.nd.rd.target_address"] = [addressAt(frame, redirect.targetOffset, 16)];
  fields["icmpv6.rd.na.destination_address"] = [addressAt(frame, redirect.destinationOffset, 16)];
  tellMac(frame, redirect.macOffset, fields);
}

function describeListenerQuery({ frame, packet, message }: Carried, fields: Fields): void {
  const query = new ListenerQuery();
  assertEquals(parseListenerQuery(frame, message, query), null);
  assertEquals(listenerQueryFault(frame, packet, query), null);
  fields["icmpv6.mld.multicast_address"] = [addressAt(frame, query.groupOffset, 16)];
  if (query.version === 1) {
    fields["icmpv6.mld.maximum_response_delay"] = [String(query.maxResponseMs)];
    return;
  }
  // tshark tells the code, which is the time where it is below 32,768, as in these captures.
  fields["icmpv6.mld.maximum_response_code"] = [String(query.maxResponseMs)];
  fields["icmpv6.mld.flag.s"] = [bit(query.suppressesRouters)];
  fields["icmpv6.mld.nb_sources"] = [String(query.sourceCount)];
  const sources = addressesAt(frame, query.sourcesOffset, query.sourceCount);
  if (sources.length > 0) {
    fields["icmpv6.mld.source_address"] = sources.map((source) => addressAt(source, 0, 16));
  }
}

function addressesAt(frame: Uint8Array, at: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => frame.slice(at + 16 * i, at + 16 * (i + 1)));
}

/** A host has no reason to read reports: the records are read here, and the emitter must make the same bytes of them. */
function describeListenerReport(carried: Carried, fields: Fields): void {
  const { frame, message, end, pseudoSum } = carried;
  const records: (ListenerRecord & { readonly sources: readonly Uint8Array[] })[] = [];
  for (let at = message.payloadOffset; at < end; at += 20 + 16 * records[records.length - 1].sources.length) {
    const sources = addressesAt(frame, at + 20, readU16(frame, at + 2));
    records.push({ type: frame[at], group: frame.slice(at + 4, at + 20), sources });
  }
  fields["icmpv6.mldr.nb_mcast_records"] = [String(message.restOfHeader & 0xffff)];
  fields["icmpv6.mldr.mar.record_type"] = records.map(({ type }) => String(type));
  fields["icmpv6.mldr.mar.nb_sources"] = records.map(({ sources }) => String(sources.length));
  fields["icmpv6.mldr.mar.multicast_address"] = records.map(({ group }) => addressAt(group, 0, 16));
  const sources = records.flatMap((record) => record.sources);
  if (sources.length > 0) {
    fields["icmpv6.mldr.mar.source_address"] = sources.map((source) => addressAt(source, 0, 16));
  }
  assertSame(carried, (bytes, offset) => emitListenerReport(bytes, offset, records, pseudoSum));
}

function describeListenerV1(carried: Carried, fields: Fields): void {
  const { frame, message, pseudoSum } = carried;
  const group = frame.slice(message.payloadOffset, message.payloadOffset + 16);
  fields["icmpv6.mld.multicast_address"] = [addressAt(group, 0, 16)];
  fields["icmpv6.mld.maximum_response_delay"] = ["0"];
  assert(message.restOfHeader === 0);
  assertSame(
    carried,
    (bytes, offset) => emitListenerV1(bytes, offset, { type: message.type, group }, pseudoSum),
  );
}
