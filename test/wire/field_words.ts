/**
 * Words of tshark's that several protocols share.
 *
 * Owns: how values are written, and what is said of a quoted packet. Must not know: where a frame comes from.
 */
import { formatIpAddress } from "../../src/wire/address.ts";
import { type IcmpMessage, parseQuotedPacket, QuotedPacket } from "../../src/wire/icmp.ts";
import { IP_PROTOCOL } from "../../src/wire/ip_packet.ts";

/** What was said about a frame: for each field of tshark's its values, the first from the outermost header. */
export type Fields = Record<string, string[]>;

/** A number as tshark writes it in hex, with so many digits. */
export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;
/** A flag. */
export const bit = (value: boolean): string => (value ? "1" : "0");
/** The address of so many bytes at a place. */
export const addressAt = (bytes: Uint8Array, at: number, length: number): string =>
  formatIpAddress(bytes.subarray(at, at + length));

/** The second value of an address is that of the quoted packet; one that names no connection is not told. */
export function describeQuoted(
  frame: Uint8Array,
  message: IcmpMessage,
  fields: Fields,
  family: "ip" | "ipv6",
): void {
  const quoted = new QuotedPacket();
  if (parseQuotedPacket(frame, message.payloadOffset, message.payloadLength, quoted) !== null) return;
  fields[`${family}.src`].push(addressAt(frame, quoted.localAddressOffset, quoted.addressBytes));
  fields[`${family}.dst`].push(addressAt(frame, quoted.peerAddressOffset, quoted.addressBytes));
  if (family === "ip") fields["ip.proto"].push(String(quoted.protocol));
  if (quoted.protocol === IP_PROTOCOL.TCP) {
    fields["tcp.srcport"] = [String(quoted.localPort)];
    fields["tcp.dstport"] = [String(quoted.peerPort)];
    // tshark names the sequence number only where it sees a whole header.
    fields["tcp.seq_raw?"] = [String(quoted.seq)];
  }
}
